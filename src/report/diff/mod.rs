//! Draws a [`Diff`] as a unified diff, byte for byte as Ansible's default output does.

use std::borrow::Cow;

use canvass_modules::diff::Diff;
use serde_json::Value as Json;

use super::python_json::{Ascii, Layout, dumps};
use crate::difflib::unified;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// What a line of a drawn diff is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Starts with `+`, the header of the new side too.
    Added,
    /// Starts with `-`, the header of the old side too.
    Removed,
    /// Starts with `@@`.
    Hunk,
    /// Anything else.
    Context,
}

impl LineKind {
    /// What a line of a drawn diff is.
    pub fn of(line: &str) -> Self {
        if line.starts_with('+') {
            Self::Added
        } else if line.starts_with('-') {
            Self::Removed
        } else if line.starts_with("@@") {
            Self::Hunk
        } else {
            Self::Context
        }
    }
}

/// Draws a diff with three lines of context and an empty line after it; empty when there is
/// nothing to show.
pub fn draw(diff: &Diff) -> String {
    draw_with(diff, CONTEXT)
}

/// The same with so many lines of context.
pub fn draw_with(diff: &Diff, context: usize) -> String {
    if let Some(note) = &diff.note {
        return format!("diff skipped: {}: {note}\n", header(diff));
    }
    let (before, after) = (side(&diff.before), side(&diff.after));
    for (content, name) in [(&before, "destination"), (&after, "source")] {
        if content.contains('\0') {
            return format!("diff skipped: {name} file appears to be binary\n");
        }
    }
    let mut text = unified(
        &before,
        &after,
        &titled("before", &diff.before_header),
        &titled("after", &diff.after_header),
        context,
    );
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// What the diff is about, in one word.
fn header(diff: &Diff) -> &str {
    if diff.after_header.is_empty() { &diff.before_header } else { &diff.after_header }
}

fn titled(side: &str, header: &str) -> String {
    if header.is_empty() { side.to_owned() } else { format!("{side}: {header}") }
}

/// One side as text: attributes become JSON with sorted keys.
fn side(state: &Json) -> Cow<'_, str> {
    match state {
        Json::Null => Cow::Borrowed(""),
        Json::String(text) => Cow::Borrowed(text),
        Json::Object(_) | Json::Array(_) | Json::Bool(_) | Json::Number(_) => {
            Cow::Owned(dumps(state, Layout::BLOCK, Ascii::Escaped) + "\n")
        }
    }
}

#[cfg(test)]
mod tests;
