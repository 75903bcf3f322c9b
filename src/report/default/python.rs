//! Values as Python prints them, which is how Ansible labels items.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::report::python_json::{Ascii, Layout, dumps};

/// As `str` does: text as it is, anything else as [`repr`].
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => repr(other),
    }
}

/// As `repr` does.
fn repr(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(_) => dumps(value, Layout::Line, Ascii::Kept),
        Json::String(text) => quoted(text),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", "))
        }
        Json::Object(fields) => {
            let fields =
                fields.iter().map(|(key, value)| format!("{}: {}", quoted(key), repr(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// In single quotes, in double ones where only those make escaping needless.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            _ if character == quote => quoted.extend(['\\', quote]),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_as_python_does() {
        let cases = [
            (json!("a b"), "a b"),
            (json!(1), "1"),
            (json!(1.0), "1.0"),
            (json!(null), "None"),
            (json!({"a": "b", "t": true}), "{'a': 'b', 't': True}"),
            (json!(["it's", "\"", "'\"", "x\n\u{1b}é"]), r#"["it's", '"', '\'"', 'x\n\x1bé']"#),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value), expected);
        }
    }
}
