//! Texts on which libyaml-safer 0.3 panics, kept from it.

use std::sync::Arc;

use libyaml_safer::{EventData, Parser};

use super::{position, span_length};
use crate::source::{SourceFile, Span};

/// The first `!tag,` in a flow collection, on which the parser panics.
pub(super) fn tag_before_comma(file: &Arc<SourceFile>) -> Option<Span> {
    let text = file.text.as_str();
    let is_end = |c: char| c.is_whitespace() || c == ',';
    text.match_indices('!').find_map(|(at, _)| {
        let before = text.get(..at)?;
        let tag = text.get(at..)?;
        let length = tag.find(is_end)?;
        let inside_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '!');
        if inside_word || tag.as_bytes().get(length) != Some(&b',') || !is_tag_after(before) {
            return None;
        }
        let (line, column) = position(before);
        Some(Span { length: span_length(tag.get(..length)?), ..Span::at(file, line, column) })
    })
}

/// Whether `!` after this text begins a tag, and is not in a text, a quote or a comment: tries it
/// with a word behind. Text that is wrong by itself counts as such.
fn is_tag_after(before: &str) -> bool {
    const WORD: &str = "canvass-probe";
    let probe = format!("{before}! {WORD}\n");
    let mut bytes = probe.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    loop {
        match parser.parse() {
            Ok(event) => match event.data {
                EventData::Scalar { value, .. } if value.contains(WORD) => return value == WORD,
                EventData::StreamEnd => return false,
                _ => {}
            },
            Err(error) => {
                return !error.context().is_some_and(|context| context.contains("quoted"));
            }
        }
    }
}

/// Takes the line end that was added to the text out of a block scalar at its end.
pub(super) fn without_added_end(value: &mut String, text: &str) {
    let is_blank = |line: Option<&str>| line.is_none_or(|line| line.trim().is_empty());
    let Some(body) = value.strip_suffix('\n') else { return };
    // a last line of nothing but indentation gave nothing to a clipped value
    if is_blank(text.rsplit('\n').next()) && !is_blank(body.rsplit('\n').next()) {
        return;
    }
    value.pop();
}
