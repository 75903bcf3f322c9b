//! Lines of a width, as Python's `textwrap.wrap` makes them.

use std::ops::Range;

use super::super::failure::Outcome;
use super::super::regex::{Flags, compiled};

/// The words of a line with the blanks between them; parts of words end after hyphens between
/// letters and around dashes.
const PARTS: &str = r#"[\t\n\x0b\x0c\r ]+|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^\t\n\x0b\x0c\r ]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])|(?=[\t\n\x0b\x0c\r ]|\Z)|(?<=[\w!"'&.,?])(?=-{2,}\w))"#;

/// The same where hyphens end nothing.
const WORDS: &str = r"[\t\n\x0b\x0c\r ]+";

/// How lines are made.
#[derive(Debug, Clone, Copy)]
pub(in crate::template) struct Wrapping {
    pub(in crate::template) width: usize,
    pub(in crate::template) break_long_words: bool,
    pub(in crate::template) break_on_hyphens: bool,
}

/// The lines of a text.
pub(in crate::template) fn wrap(text: &str, wrapping: Wrapping) -> Outcome<Vec<String>> {
    let letters: Vec<char> = text.chars().collect();
    let part = |range: &Range<usize>| letters.get(range.clone()).unwrap_or_default();
    let is_blank = |range: &Range<usize>| part(range).iter().all(|letter| letter.is_whitespace());
    let mut chunks = chunks(text, wrapping.break_on_hyphens)?;
    chunks.reverse();
    let mut lines = Vec::new();
    while let Some(last) = chunks.last() {
        if !lines.is_empty() && is_blank(last) {
            chunks.pop();
        }
        let mut line: Vec<Range<usize>> = Vec::new();
        let mut length = 0;
        while let Some(chunk) = chunks.pop_if(|chunk| length + chunk.len() <= wrapping.width) {
            length += chunk.len();
            line.push(chunk);
        }
        if let Some(chunk) = chunks.last_mut()
            && chunk.len() > wrapping.width
        {
            if wrapping.break_long_words {
                let middle = chunk.start + end(part(chunk), wrapping.width - length, wrapping);
                line.push(chunk.start..middle);
                chunk.start = middle;
            } else if line.is_empty() {
                line.extend(chunks.pop());
            }
        }
        line.pop_if(|chunk| is_blank(chunk));
        if !line.is_empty() {
            lines.push(line.iter().flat_map(part).collect());
        }
    }
    Ok(lines)
}

/// Where a part that is too long for any line is broken.
fn end(chunk: &[char], left: usize, wrapping: Wrapping) -> usize {
    let before = chunk.get(..left).unwrap_or(chunk);
    let hyphen = before.iter().rposition(|letter| *letter == '-').filter(|at| {
        before.get(..*at).is_some_and(|before| before.iter().any(|letter| *letter != '-'))
    });
    match hyphen {
        Some(at) if wrapping.break_on_hyphens && chunk.len() > left => at + 1,
        _ => before.len(),
    }
}

/// Where the parts of a text stand, counted in letters.
fn chunks(text: &str, hyphens: bool) -> Outcome<Vec<Range<usize>>> {
    let pattern = compiled(if hyphens { PARTS } else { WORDS }, Flags::default())?;
    let mut chunks = Vec::new();
    let mut letters = 0;
    let mut add = |part: &str| {
        let length = part.chars().count();
        if length > 0 {
            chunks.push(letters..letters + length);
        }
        letters += length;
    };
    let mut from = 0;
    for found in pattern.find_all(text)? {
        let Some(part) = found.get(0) else { continue };
        add(text.get(from..part.start()).unwrap_or_default());
        add(part.as_str());
        from = part.end();
    }
    add(text.get(from..).unwrap_or_default());
    Ok(chunks)
}
