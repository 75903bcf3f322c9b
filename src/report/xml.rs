//! Elements of XML, written as Python's `minidom` writes them.

use std::fmt::Write as _;

/// An element: with text, or with other elements.
#[derive(Debug, Default)]
pub(in crate::report) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: Option<String>,
    children: Vec<Element>,
}

impl Element {
    pub(in crate::report) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    #[must_use]
    pub(in crate::report) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    #[must_use]
    pub(in crate::report) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    pub(in crate::report) fn push(&mut self, child: Self) {
        self.children.push(child);
    }

    /// The document of which it is the root.
    pub(in crate::report) fn document(&self) -> String {
        let mut text = "<?xml version=\"1.0\" ?>\n".to_owned();
        self.write(&mut text, 0);
        text
    }

    fn write(&self, out: &mut String, depth: usize) {
        let margin = "\t".repeat(depth);
        let _ = write!(out, "{margin}<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"{}\"", escaped(value));
        }
        match (&self.text, self.children.is_empty()) {
            (Some(text), true) if !text.is_empty() => {
                let _ = writeln!(out, ">{}</{}>", escaped(text), self.name);
            }
            (_, true) => out.push_str("/>\n"),
            (_, false) => {
                out.push_str(">\n");
                for child in &self.children {
                    child.write(out, depth + 1);
                }
                let _ = writeln!(out, "{margin}</{}>", self.name);
            }
        }
    }
}

/// Text without what has a meaning in XML, and without what it cannot hold.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' | '\r' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}');
            }
            letter => out.push(letter),
        }
    }
    out
}
