//! Unified diffs, laid out as Python's `difflib.unified_diff` does.
//!
//! The lines are matched as Python's `difflib.SequenceMatcher` matches them (see
//! <https://docs.python.org/3/library/difflib.html>), its heuristic for popular lines included,
//! because another matcher would draw other, equally right diffs and no comparison would hold.

mod lines;
mod matcher;

use std::ops::Range;

use lines::lines;
use matcher::{Edit, edits};

/// The unified diff of two texts, empty when they are equal.
pub(crate) fn unified(before: &str, after: &str, from: &str, to: &str, context: usize) -> String {
    let (old, new) = (lines(before), lines(after));
    let mut text = String::new();
    for hunk in hunks(edits(&old, &new), context) {
        if text.is_empty() {
            text = format!("--- {from}\n+++ {to}\n");
        }
        text.push_str(&head(&hunk));
        for edit in hunk {
            match edit {
                Edit::Equal(range, _) => push(&mut text, ' ', &old, range),
                Edit::Replace(removed, added) => {
                    push(&mut text, '-', &old, removed);
                    push(&mut text, '+', &new, added);
                }
            }
        }
    }
    text
}

fn push(text: &mut String, sign: char, lines: &[String], range: Range<usize>) {
    for line in lines.get(range).unwrap_or_default() {
        text.push(sign);
        text.push_str(line);
    }
}

/// Groups edits so that unchanged stretches of more than twice the context part them.
fn hunks(mut edits: Vec<Edit>, context: usize) -> Vec<Vec<Edit>> {
    if let Some(Edit::Equal(old, new)) = edits.first_mut() {
        old.start = old.start.max(old.end.saturating_sub(context));
        new.start = new.start.max(new.end.saturating_sub(context));
    }
    if let Some(Edit::Equal(old, new)) = edits.last_mut() {
        old.end = old.end.min(old.start + context);
        new.end = new.end.min(new.start + context);
    }
    let mut hunks = Vec::new();
    let mut hunk: Vec<Edit> = Vec::new();
    for edit in edits {
        if let Edit::Equal(old, new) = &edit
            && old.len() > 2 * context
        {
            hunk.push(Edit::Equal(old.start..old.start + context, new.start..new.start + context));
            hunks.push(std::mem::take(&mut hunk));
            hunk.push(Edit::Equal(old.end - context..old.end, new.end - context..new.end));
        } else {
            hunk.push(edit);
        }
    }
    hunks.push(hunk);
    hunks.retain(|hunk| hunk.iter().any(|edit| matches!(edit, Edit::Replace(..))));
    hunks
}

/// `@@ -1,3 +1,4 @@`.
fn head(hunk: &[Edit]) -> String {
    let sides = |edit: &Edit| match edit {
        Edit::Equal(old, new) | Edit::Replace(old, new) => (old.clone(), new.clone()),
    };
    let (Some(first), Some(last)) = (hunk.first().map(sides), hunk.last().map(sides)) else {
        return String::new();
    };
    let (old, new) = (first.0.start..last.0.end, first.1.start..last.1.end);
    format!("@@ -{} +{} @@\n", range(old), range(new))
}

/// Lines counted from 1; an empty range names the line before it.
fn range(range: Range<usize>) -> String {
    match range.len() {
        1 => (range.start + 1).to_string(),
        0 => format!("{},0", range.start),
        length => format!("{},{length}", range.start + 1),
    }
}
