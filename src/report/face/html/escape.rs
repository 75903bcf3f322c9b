//! Text into HTML.

use std::fmt::Write as _;

use crate::report::text::{is_hostile, visible};

/// A page that grows: what is text is escaped, what is markup is not.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Markup of this program's own.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text from anywhere, for between tags and within quoted attributes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape(&mut self.0, &visible(text));
        self
    }

    /// A number as short as it can be, to a tenth.
    pub(super) fn number(&mut self, number: f64) -> &mut Self {
        // the same tenth for all that is drawn
        let tenths = (number * 10.0).round() / 10.0;
        let _ = write!(self.0, "{tenths}");
        self
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

fn escape(out: &mut String, text: &str) {
    out.reserve(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
}

/// JSON for a `<script>`: nothing in it can end the element or begin a comment.
pub(super) fn script(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            // all of them stand below U+10000, and in strings only
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter if is_hostile(letter) => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out
}
