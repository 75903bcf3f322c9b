//! Output of commands as results show it.

use serde_json::Value as Json;

use crate::contract::Returned;
use crate::effect::Output;

/// The lines of a text, as Python's `splitlines` gives them.
pub fn lines(text: &str) -> Vec<Json> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(is_break).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        found.push(Json::from(line));
        rest = after.strip_prefix("\r\n").unwrap_or_else(|| {
            let mut characters = after.chars();
            characters.next();
            characters.as_str()
        });
    }
    found
}

fn is_break(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r'
            | '\u{b}'
            | '\u{c}'
            | '\u{1c}'
            | '\u{1d}'
            | '\u{1e}'
            | '\u{85}'
            | '\u{2028}'
            | '\u{2029}'
    )
}

/// Sets `stdout`, `stderr` and their lines.
pub fn set_streams(returned: &mut Returned, stdout: &str, stderr: &str) {
    returned.insert("stdout".to_owned(), Json::from(stdout));
    returned.insert("stdout_lines".to_owned(), Json::from(lines(stdout)));
    returned.insert("stderr".to_owned(), Json::from(stderr));
    returned.insert("stderr_lines".to_owned(), Json::from(lines(stderr)));
}

/// `rc`, the streams and their lines of a command's output.
pub fn output_fields(output: &Output) -> Returned {
    let mut returned = Returned::new();
    returned.insert("rc".to_owned(), Json::from(output.status));
    set_streams(&mut returned, &output.stdout_text(), &output.stderr_text());
    returned
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn texts_split_as_python_splits_them() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("a", &["a"]),
            ("a\n", &["a"]),
            ("a\r\nb\rc\n\n", &["a", "b", "c", ""]),
            ("\n", &[""]),
        ];
        for (text, expected) in table {
            assert_eq!(lines(text), *expected, "{text:?}");
        }
    }
}
