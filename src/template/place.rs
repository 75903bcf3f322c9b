//! Where in a file a part of a template stands.

use super::syntax::Range;
use crate::source::Span;

/// The place of a range of a template, where the file's text at the node's place tells it; the
/// node's place otherwise.
pub(super) fn narrow(span: &Span, template: &str, range: Option<Range>) -> Span {
    try_narrow(span, template, range).unwrap_or_else(|| span.clone())
}

fn try_narrow(span: &Span, template: &str, range: Option<Range>) -> Option<Span> {
    let range = range?;
    let fragment = template.get(range.start..range.end)?.lines().next()?;
    let before = template.get(..range.start)?;
    let line_of_fragment = before.matches('\n').count();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let template_line = template.get(line_start..)?.lines().next()?;
    let lead = template.get(line_start..range.start)?;
    let first = usize::try_from(span.line.checked_sub(1)?).ok()?;
    // the template may begin on the node's line or, as a block, on the one below it
    for line in [first + line_of_fragment, first + line_of_fragment + 1] {
        let Some(text) = span.file.text.lines().nth(line) else {
            continue;
        };
        let search = if line == first {
            let column = usize::try_from(span.column.saturating_sub(1)).ok()?;
            text.char_indices().nth(column).map_or(text.len(), |(at, _)| at)
        } else {
            0
        };
        let found = text.get(search..)?.find(template_line.trim_end());
        if let Some(found) = found {
            let at = search + found + lead.len();
            let column = text.get(..at)?.chars().count() + 1;
            return Some(Span {
                file: span.file.clone(),
                line: u32::try_from(line + 1).ok()?,
                column: u32::try_from(column).ok()?,
                length: u32::try_from(fragment.chars().count().max(1)).ok()?,
            });
        }
    }
    None
}
