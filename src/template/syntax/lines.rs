//! Statements and comments that are lines (`line_statement_prefix`, `line_comment_prefix`).
//!
//! A line whose first letters are the prefix is a statement up to its end; brackets carry it over
//! newlines, and the blank lines after it are its own. A comment begins a line or follows a letter
//! that is no blank, with the blanks before it, and leaves the newline.

/// Finds the next place of a prefix from a place on.
pub(super) type Find = fn(&str, usize, &str) -> Option<(usize, usize)>;

/// Where the next such statement begins (with the blanks of its line), and where its text does.
pub(super) fn statement(source: &str, from: usize, prefix: &str) -> Option<(usize, usize)> {
    let mut line = line_start(source, from)?;
    loop {
        let rest = source.get(line..)?;
        let text = rest.trim_start_matches([' ', '\t', '\u{b}']);
        if text.starts_with(prefix) {
            return Some((line, line + rest.len() - text.len() + prefix.len()));
        }
        line += rest.find('\n')? + 1;
    }
}

/// Where the next such comment begins (with the blanks before it), and where its text does.
pub(super) fn comment(source: &str, from: usize, prefix: &str) -> Option<(usize, usize)> {
    let mut search = from;
    loop {
        let at = search + source.get(search..)?.find(prefix)?;
        let before = source.get(from..at)?;
        let blank = |letter: char| letter.is_whitespace() && !matches!(letter, '\r' | '\n');
        let start = from + before.trim_end_matches(blank).len();
        let follows = source.get(..start)?.chars().next_back();
        if follows.is_none_or(|letter| letter == '\n' || !letter.is_whitespace()) {
            return Some((start, at + prefix.len()));
        }
        search = at + source.get(at..)?.chars().next().map_or(1, char::len_utf8);
    }
}

/// How long the end of such a statement is, where the text begins with it.
pub(super) fn end(text: &str) -> Option<usize> {
    let blanks = text.len() - text.trim_start().len();
    if blanks == text.len() {
        return Some(blanks);
    }
    text.get(..blanks)?.rfind('\n').map(|newline| newline + 1)
}

/// The first beginning of a line that is not before this place.
fn line_start(source: &str, from: usize) -> Option<usize> {
    if from == 0 || source.get(..from)?.ends_with('\n') {
        return Some(from);
    }
    source.get(from..)?.find('\n').map(|newline| from + newline + 1)
}
