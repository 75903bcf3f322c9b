//! JSON as Python's `json.dumps` writes it, which is how Ansible prints results.

use std::fmt::Write as _;

use serde_json::{Number, Value as Json};

/// How a value is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// On one line: `{"a": 1, "b": [1, 2]}`.
    Line,
    /// One field a line, indented by so many columns.
    Indented(usize),
}

impl Layout {
    /// One field a line, indented by four.
    pub const BLOCK: Self = Self::Indented(4);
}

/// What becomes of characters beyond ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ascii {
    /// They are written as they are.
    Kept,
    /// They are written as `\uXXXX`.
    Escaped,
}

/// Writes a value with sorted keys.
pub fn dumps(value: &Json, layout: Layout, ascii: Ascii) -> String {
    let mut writer = Writer { text: String::new(), layout, ascii, depth: 0 };
    writer.value(value);
    writer.text
}

struct Writer {
    text: String,
    layout: Layout,
    ascii: Ascii,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Json) {
        match value {
            Json::Null => self.text.push_str("null"),
            Json::Bool(true) => self.text.push_str("true"),
            Json::Bool(false) => self.text.push_str("false"),
            Json::Number(number) => self.text.push_str(&python_number(number)),
            Json::String(text) => self.string(text),
            Json::Array(items) => self.sequence('[', ']', items, Self::value),
            Json::Object(fields) => {
                let mut sorted: Vec<(&String, &Json)> = fields.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(b.0));
                self.sequence('{', '}', &sorted, |writer, (key, value)| {
                    writer.string(key);
                    writer.text.push_str(": ");
                    writer.value(value);
                });
            }
        }
    }

    fn sequence<T>(&mut self, open: char, close: char, items: &[T], draw: impl Fn(&mut Self, &T)) {
        self.text.push(open);
        if items.is_empty() {
            self.text.push(close);
            return;
        }
        self.depth += 1;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            match self.layout {
                Layout::Indented(_) => self.new_line(),
                Layout::Line if index > 0 => self.text.push(' '),
                Layout::Line => {}
            }
            draw(self, item);
        }
        self.depth -= 1;
        if self.layout != Layout::Line {
            self.new_line();
        }
        self.text.push(close);
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        let Layout::Indented(columns) = self.layout else { return };
        self.text.extend(std::iter::repeat_n(' ', self.depth * columns));
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                '\0'..='\u{1f}' => self.escape(character),
                _ if character.is_ascii() || self.ascii == Ascii::Kept => self.text.push(character),
                _ => self.escape(character),
            }
        }
        self.text.push('"');
    }

    fn escape(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(self.text, "\\u{unit:04x}");
        }
    }
}

/// A number as Python's `repr` writes it: `1.0`, `1e+16`, `1e-05`.
fn python_number(number: &Number) -> String {
    if !number.is_f64() {
        return number.to_string();
    }
    number.as_f64().map_or_else(|| number.to_string(), float)
}

/// A float as Python's `repr` writes it.
pub fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(power) = exponent.parse::<i32>() else { return scientific };
    if (-4..16).contains(&power) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_as_python_does() {
        // right sides: json.dumps(value, sort_keys=True[, indent=4]) of Python 3.11
        let value = json!({
            "b": [1, 2.0, 1e16, 1e-5, 0.0001, 1_234.25, -0.0], "a": {"ü": "é\u{1b}\"\\\u{7f}😀\n"},
            "e": {}, "l": [], "n": null, "t": true
        });
        assert_eq!(
            dumps(&value, Layout::Line, Ascii::Kept),
            "{\"a\": {\"ü\": \"é\\u001b\\\"\\\\\u{7f}😀\\n\"}, \"b\": [1, 2.0, 1e+16, 1e-05, 0.0001, \
             1234.25, -0.0], \"e\": {}, \"l\": [], \"n\": null, \"t\": true}"
        );
        assert_eq!(
            dumps(&json!({"p": "é😀", "a": [1, {}], "m": {"x": 1}}), Layout::BLOCK, Ascii::Escaped),
            "{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"m\": {\n        \"x\": 1\n    },\n    \
             \"p\": \"\\u00e9\\ud83d\\ude00\"\n}"
        );
    }
}
