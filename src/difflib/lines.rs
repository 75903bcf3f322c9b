//! Splitting of text into lines as Python's `str.splitlines(keepends=True)` does.

/// What is added to a last line without its line feed.
const NO_NEWLINE: &str = "\n\\ No newline at end of file\n";

/// The lines of a text with their ends; a last line without a line feed says so.
pub(super) fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = split(text).into_iter().map(str::to_owned).collect();
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push_str(NO_NEWLINE);
    }
    lines
}

fn split(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((at, end)) = rest.char_indices().find(|(_, c)| ends_line(*c)) {
        let mut length = at + end.len_utf8();
        if end == '\r' && rest.get(length..).is_some_and(|after| after.starts_with('\n')) {
            length += 1;
        }
        let (line, after) = rest.split_at(length);
        lines.push(line);
        rest = after;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

/// The line boundaries that Python's documentation of `str.splitlines` lists.
fn ends_line(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_python_does() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("a", &["a"]),
            ("a\n", &["a\n"]),
            ("a\r\nb\rc\n\n", &["a\r\n", "b\r", "c\n", "\n"]),
            (
                "a\u{b}b\u{c}c\u{1c}d\u{85}e\u{2028}f",
                &["a\u{b}", "b\u{c}", "c\u{1c}", "d\u{85}", "e\u{2028}", "f"],
            ),
            ("a\n\rb", &["a\n", "\r", "b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn says_that_the_last_newline_is_missing() {
        assert_eq!(lines("a\nb"), ["a\n", "b\n\\ No newline at end of file\n"]);
        assert_eq!(lines("a\r"), ["a\r\n\\ No newline at end of file\n"]);
    }
}
