//! Ranges in the names of hosts: `web[01:20]`, `db-[a:f]`, `n[0:100:10]`.

use std::ops::ControlFlow;

use thiserror::Error;

/// Why a range cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RangeError {
    /// A bracket without its partner.
    #[error("a bracket has no partner")]
    Bracket,
    /// Not two or three parts.
    #[error("host range must be begin:end or begin:end:step")]
    Shape,
    /// No end.
    #[error("host range must specify end value")]
    End,
    /// `[01:100]`.
    #[error("host range must specify equal-length begin and end formats")]
    Width,
    /// `[f:a]`.
    #[error("host range must have begin <= end")]
    Order,
    /// Neither a number nor a letter.
    #[error("`{0}` is neither a number nor one letter")]
    Bound(String),
    /// A step that is no positive number.
    #[error("`{0}` is no step")]
    Step(String),
    /// More hosts than anyone has.
    #[error("it stands for more than {MOST} hosts")]
    TooMany,
}

/// The most hosts that one line may stand for.
const MOST: usize = 1_000_000;

/// The letters in the order that ranges count them.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The names that a name with ranges stands for; itself where it has none.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, RangeError> {
    let mut names = Vec::new();
    let mut rest = pattern;
    let mut parts: Vec<(&str, Vec<String>)> = Vec::new();
    while let Some((head, behind)) = rest.split_once('[') {
        if head.contains(']') {
            return Err(RangeError::Bracket);
        }
        let (inside, tail) = behind.split_once(']').ok_or(RangeError::Bracket)?;
        parts.push((head, members(inside)?));
        rest = tail;
    }
    let total = parts.iter().try_fold(1_usize, |total, (_, values)| {
        total.checked_mul(values.len()).filter(|total| *total <= MOST)
    });
    names.reserve(total.ok_or(RangeError::TooMany)?);
    combine(&parts, String::new(), rest, &mut names);
    Ok(names)
}

fn combine(parts: &[(&str, Vec<String>)], begun: String, tail: &str, names: &mut Vec<String>) {
    match parts.split_first() {
        None => names.push(begun + tail),
        Some(((head, values), others)) => {
            for value in values {
                combine(others, format!("{begun}{head}{value}"), tail, names);
            }
        }
    }
}

/// What the inside of one pair of brackets stands for.
fn members(inside: &str) -> Result<Vec<String>, RangeError> {
    let bounds: Vec<&str> = inside.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, 1),
        [begin, end, step] => (*begin, *end, parse_step(step)?),
        _ => return Err(RangeError::Shape),
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(RangeError::End);
    }
    let width = if begin.len() > 1 && begin.starts_with('0') { begin.len() } else { 0 };
    if width > 0 && width != end.len() {
        return Err(RangeError::Width);
    }
    match (letter(begin), letter(end)) {
        (Some(first), Some(last)) if first <= last => Ok(LETTERS
            .get(first..=last)
            .unwrap_or_default()
            .chars()
            .step_by(step)
            .map(String::from)
            .collect()),
        (Some(_), Some(_)) => Err(RangeError::Order),
        _ => numbers(bound(begin)?, bound(end)?, step, width),
    }
}

fn numbers(begin: u64, end: u64, step: usize, width: usize) -> Result<Vec<String>, RangeError> {
    let mut values = Vec::new();
    let grown = (begin..=end).step_by(step).try_for_each(|number| {
        if values.len() >= MOST {
            return ControlFlow::Break(());
        }
        values.push(format!("{number:0width$}"));
        ControlFlow::Continue(())
    });
    if grown.is_break() { Err(RangeError::TooMany) } else { Ok(values) }
}

fn letter(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let character = characters.next()?;
    if characters.next().is_some() { None } else { LETTERS.find(character) }
}

fn bound(text: &str) -> Result<u64, RangeError> {
    text.parse().map_err(|_| RangeError::Bound(text.to_owned()))
}

fn parse_step(text: &str) -> Result<usize, RangeError> {
    match text.parse() {
        Ok(step) if step > 0 => Ok(step),
        _ => Err(RangeError::Step(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stand_for_their_members() {
        let table: &[(&str, &[&str])] = &[
            ("web", &["web"]),
            ("web[01:03]", &["web01", "web02", "web03"]),
            ("web[9:11]", &["web9", "web10", "web11"]),
            ("db-[a:c]x", &["db-ax", "db-bx", "db-cx"]),
            ("n[0:4:2]", &["n0", "n2", "n4"]),
            ("n[:1]", &["n0", "n1"]),
            ("n[z:B]", &["nz", "nA", "nB"]),
            ("n[a:e:2]", &["na", "nc", "ne"]),
            ("n[3:1]", &[]),
            ("r[1:2]-[a:b]", &["r1-a", "r1-b", "r2-a", "r2-b"]),
        ];
        for (pattern, names) in table {
            assert_eq!(expand(pattern).unwrap(), *names, "{pattern}");
        }
    }

    #[test]
    fn bad_ranges_are_refused() {
        let table = [
            ("n[1]", RangeError::Shape),
            ("n[1:2:3:4]", RangeError::Shape),
            ("n[1:]", RangeError::End),
            ("n[01:100]", RangeError::Width),
            ("n[f:a]", RangeError::Order),
            ("n[1:x]", RangeError::Bound("x".into())),
            ("n[1:9:0]", RangeError::Step("0".into())),
            ("n[1:2", RangeError::Bracket),
            ("n]1[2:3]", RangeError::Bracket),
            ("n[0:99999999999]", RangeError::TooMany),
            ("n[0:9999][0:9999]", RangeError::TooMany),
        ];
        for (pattern, error) in table {
            assert_eq!(expand(pattern).unwrap_err(), error, "{pattern}");
        }
    }
}
