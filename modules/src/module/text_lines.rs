//! Output of commands as results show it.

use serde_json::Value as Json;

use crate::contract::{Returned, Stop};
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

/// A text of a program; what is no UTF-8 fails the task, as it does in ansible-core 2.19.
pub fn utf8(bytes: &[u8]) -> Result<String, Stop> {
    let refused = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(error) => error.valid_up_to(),
    };
    let (valid, rest) = bytes.split_at(refused);
    let position = String::from_utf8_lossy(valid).chars().count();
    // bytes that cannot be decoded, each of which Python keeps as one character
    let mut count = 0;
    while let Some(tail) = rest.get(count..).filter(|tail| !tail.is_empty()) {
        match std::str::from_utf8(tail) {
            Ok(_) => break,
            Err(error) if error.valid_up_to() > 0 => break,
            Err(error) => count += error.error_len().unwrap_or(tail.len()),
        }
    }
    let what = match rest.first() {
        Some(byte) if count == 1 => format!("character '\\udc{byte:02x}' in position {position}"),
        _ => format!("characters in position {position}-{}", position + count.saturating_sub(1)),
    };
    Err(Stop::failed(format!(
        "Task failed: Refusing to deserialize an invalid UTF8 string value: 'utf-8' codec can't \
         encode {what}: surrogates not allowed"
    )))
}

/// Why bytes are no UTF-8, in Python's words; `None` where they are.
pub(crate) fn undecodable(bytes: &[u8]) -> Option<String> {
    let error = std::str::from_utf8(bytes).err()?;
    let start = error.valid_up_to();
    let rest = bytes.get(start..).unwrap_or_default();
    let first = rest.first().copied().unwrap_or_default();
    let (count, reason) = match error.error_len() {
        None => (rest.len(), "unexpected end of data"),
        Some(count) if matches!(first, 0x80..=0xc1 | 0xf5..) => (count, "invalid start byte"),
        Some(count) => (count, "invalid continuation byte"),
    };
    let what = match count {
        1 => format!("byte 0x{first:02x} in position {start}"),
        _ => format!("bytes in position {start}-{}", start + count - 1),
    };
    Some(format!("'utf-8' codec can't decode {what}: {reason}"))
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
    use super::{lines, undecodable};

    #[test]
    fn what_is_no_text_is_told_as_python_tells_it() {
        for (bytes, told) in [
            (&b"a\xff"[..], Some("byte 0xff in position 1: invalid start byte")),
            (b"\xc3(", Some("byte 0xc3 in position 0: invalid continuation byte")),
            (b"\xe2\x82(", Some("bytes in position 0-1: invalid continuation byte")),
            (b"x\xe2\x82", Some("bytes in position 1-2: unexpected end of data")),
            (b"x\xe2", Some("byte 0xe2 in position 1: unexpected end of data")),
            ("ä".as_bytes(), None),
        ] {
            let told = told.map(|told| format!("'utf-8' codec can't decode {told}"));
            assert_eq!(undecodable(bytes), told);
        }
    }

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
