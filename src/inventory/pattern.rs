//! Patterns that pick hosts: `web:&staging:!web3`, `db*`, `~web\d+`, `web[0:2]`.

mod glob;

use std::io;
use std::path::{Path, PathBuf};

use fancy_regex::Regex;
use thiserror::Error;

use self::glob::Glob;
use super::address;
use crate::diagnostics::Explain;

/// A host pattern, or a list of them.
///
/// The parts without a sign are united first, then `&` intersects, then `!` takes away, in
/// whatever order they stand; without one of the first kind all hosts are taken.
#[derive(Debug)]
pub struct Pattern {
    pub(super) parts: Vec<Part>,
}

/// What is wrong with a pattern.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A regular expression that does not parse.
    #[error("invalid host list pattern `{pattern}`")]
    Regex {
        /// The pattern.
        pattern: String,
        /// Why.
        source: Box<fancy_regex::Error>,
    },
    /// A subscript beyond the hosts.
    #[error("no hosts matched the subscripted pattern `{0}`")]
    Subscript(String),
    /// The file of `--limit @file` cannot be read.
    #[error("unable to find limit file `{}`", path.display())]
    LimitFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Explain for PatternError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Regex { .. } => {
                vec!["a pattern that begins with `~` is a regular expression".into()]
            }
            Self::Subscript(_) => vec!["subscripts count from 0; `[-1]` is the last host".into()],
            Self::LimitFile { .. } => Vec::new(),
        }
    }
}

/// What a part does with the hosts so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    /// Adds.
    Unite,
    /// Keeps only these: `&`.
    Intersect,
    /// Takes these away: `!`.
    Exclude,
}

/// One pattern of a list.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) sign: Sign,
    /// As written, without the sign.
    pub(super) text: String,
    /// As written, without sign and subscript.
    pub(super) expression: String,
    pub(super) matcher: Matcher,
    pub(super) subscript: Option<Subscript>,
}

/// What a name is compared with.
#[derive(Debug)]
pub(super) enum Matcher {
    /// The name itself.
    Exact,
    /// A shell pattern.
    Glob(Glob),
    /// A regular expression that matches from the start of a name.
    Regex(Box<Regex>),
}

/// Which of the matched hosts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subscript {
    /// `[2]`, `[-1]`.
    One(i64),
    /// `[1:3]`, the end included; to the last host without an end.
    Range(usize, Option<usize>),
}

impl Pattern {
    /// A pattern as it stands in `hosts:` or on a command line.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::all_of([text])
    }

    /// The patterns of a list.
    pub fn all_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        Self::of(texts.into_iter().flat_map(split))
    }

    /// What stands behind `--limit`: patterns, and `@file` for a file with one a line.
    ///
    /// Relative files are looked for in the current folder.
    pub fn limit(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        for part in split(text) {
            match part.strip_prefix('@') {
                Some(path) => {
                    let lines = crate::source::inputs::read_to_string(Path::new(path)).map_err(
                        |source| PatternError::LimitFile {
                            path: Path::new(path).to_owned(),
                            source,
                        },
                    )?;
                    parts.extend(lines.lines().map(|line| line.trim().to_owned()));
                }
                None => parts.push(part),
            }
        }
        Self::of(parts)
    }

    fn of(texts: impl IntoIterator<Item = String>) -> Result<Self, PatternError> {
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        let mut parts = texts.map(Part::parse).collect::<Result<Vec<_>, _>>()?;
        if !parts.iter().any(|part| part.sign == Sign::Unite) {
            parts.push(Part::parse("all".into())?);
        }
        parts.sort_by_key(|part| part.sign);
        Ok(Self { parts })
    }
}

impl Part {
    fn parse(written: String) -> Result<Self, PatternError> {
        let (sign, text) = match written.split_at_checked(1) {
            Some(("!", rest)) => (Sign::Exclude, rest),
            Some(("&", rest)) => (Sign::Intersect, rest),
            _ => (Sign::Unite, written.as_str()),
        };
        let text = text.to_owned();
        if let Some(expression) = text.strip_prefix('~') {
            let regex = Regex::new(&format!(r"\A(?:{expression})")).map_err(|source| {
                PatternError::Regex { pattern: text.clone(), source: Box::new(source) }
            })?;
            let matcher = Matcher::Regex(Box::new(regex));
            return Ok(Self { sign, expression: text.clone(), text, matcher, subscript: None });
        }
        let (expression, subscript) = match subscript(&text) {
            Some((expression, subscript)) => (expression.to_owned(), Some(subscript)),
            None => (text.clone(), None),
        };
        let matcher = if expression.contains(['*', '?', '[']) {
            Matcher::Glob(Glob::new(&expression))
        } else {
            Matcher::Exact
        };
        Ok(Self { sign, text, expression, matcher, subscript })
    }

    /// Whether it is looked for among hosts even where a group has matched.
    pub(super) fn always_asks_hosts(&self) -> bool {
        matches!(self.matcher, Matcher::Regex(_)) || self.expression.contains(['.', '?', '*', '['])
    }

    /// Whether a name matches.
    pub(super) fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Exact => self.expression == name,
            Matcher::Glob(glob) => glob.matches(name),
            // an expression that backtracks without end matches nothing
            Matcher::Regex(regex) => regex.is_match(name).unwrap_or(false),
        }
    }

    /// The hosts that the subscript picks.
    pub(super) fn pick<T: Copy>(&self, found: Vec<T>) -> Result<Vec<T>, PatternError> {
        if found.is_empty() {
            return Ok(found);
        }
        match self.subscript {
            None => Ok(found),
            Some(Subscript::One(index)) => {
                let place = if index < 0 {
                    usize::try_from(index.unsigned_abs())
                        .ok()
                        .and_then(|back| found.len().checked_sub(back))
                } else {
                    usize::try_from(index).ok()
                };
                place
                    .and_then(|place| found.get(place))
                    .map(|host| vec![*host])
                    .ok_or_else(|| PatternError::Subscript(self.text.clone()))
            }
            Some(Subscript::Range(start, end)) => {
                let stop = end.map_or(found.len(), |end| end.saturating_add(1));
                Ok(found.into_iter().take(stop).skip(start).collect())
            }
        }
    }
}

/// The expression and the subscript at its end.
fn subscript(text: &str) -> Option<(&str, Subscript)> {
    let (expression, inside) = text.strip_suffix(']')?.rsplit_once('[')?;
    if expression.is_empty() {
        return None;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((start, end)) = inside
        .split_once(':')
        .or_else(|| inside.split_once('-').filter(|(start, _)| !start.is_empty()))
    {
        if !digits(end) || start.is_empty() || !digits(start) {
            return None;
        }
        let end = if end.is_empty() { None } else { Some(end.parse().ok()?) };
        return Some((expression, Subscript::Range(start.parse().ok()?, end)));
    }
    let number = inside.strip_prefix('-').unwrap_or(inside);
    if number.is_empty() || !digits(number) {
        return None;
    }
    Some((expression, Subscript::One(inside.parse().ok()?)))
}

/// The patterns of a text: at commas where it has some, else at colons outside of brackets where
/// it is no address.
fn split(text: &str) -> Vec<String> {
    let parts: Vec<String> = if text.contains(',') {
        text.split(',').map(str::to_owned).collect()
    } else if address::parse(text).is_some() {
        vec![text.to_owned()]
    } else {
        at_colons(text)
    };
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn at_colons(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let bracket = rest.strip_prefix('[').and_then(|behind| behind.find(']'));
        let taken = match (character, bracket) {
            ('[', Some(close)) => close + 2,
            (':' | '[' | ']', _) => 0,
            (space, _) if space.is_whitespace() => 0,
            (plain, _) => plain.len_utf8(),
        };
        if taken == 0 {
            parts.push(String::new());
        } else if let (Some(part), Some(piece)) = (parts.last_mut(), rest.get(..taken)) {
            part.push_str(piece);
        }
        rest = rest.get(taken.max(character.len_utf8())..).unwrap_or_default();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas_or_colons() {
        let table: &[(&str, &[&str])] = &[
            ("a,b[1], c[2:3] , d", &["a", "b[1]", "c[2:3]", "d"]),
            ("web:&staging:!web3", &["web", "&staging", "!web3"]),
            ("web[1:3]:db[0]", &["web[1:3]", "db[0]"]),
            ("web[1:3]", &["web[1:3]"]),
            ("::1", &["::1"]),
            ("::1,a", &["::1", "a"]),
            ("2001:db8::1", &["2001:db8::1"]),
            ("~web\\d+", &["~web\\d+"]),
            ("a b", &["a", "b"]),
            ("a[b", &["a", "b"]),
            ("", &[]),
        ];
        for (text, parts) in table {
            assert_eq!(split(text), *parts, "{text}");
        }
    }

    #[test]
    fn subscripts_are_told_from_shell_sets() {
        let table = [
            ("web[0]", Some(("web", Subscript::One(0)))),
            ("web[-1]", Some(("web", Subscript::One(-1)))),
            ("web[1:3]", Some(("web", Subscript::Range(1, Some(3))))),
            ("web[1-3]", Some(("web", Subscript::Range(1, Some(3))))),
            ("web[1:]", Some(("web", Subscript::Range(1, None)))),
            ("web[ab]", None),
            ("web[:2]", None),
            ("web[-1:2]", None),
            ("[0]", None),
            ("web[]", None),
        ];
        for (text, found) in table {
            assert_eq!(subscript(text), found, "{text}");
        }
    }
}
