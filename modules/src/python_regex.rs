//! Regular expressions as Python's `re` reads them.
//!
//! Playbooks hold Python's patterns. They are translated into the dialect of `fancy-regex`:
//! `\Z` and `$` end where Python ends them, brackets and braces that Python takes literally are
//! escaped, escapes that Python refuses are refused, with Python's words and positions.
//!
//! Not supported, and refused by name: `\N{…}`, global flags `(?L)`, patterns of bytes.
//!
//! Source: <https://docs.python.org/3/library/re.html>

mod replacement;
#[cfg(test)]
mod tests;
mod translation;

pub use self::replacement::Template;

/// How a pattern is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// `re.IGNORECASE`
    pub ignore_case: bool,
    /// `re.MULTILINE`: `^` and `$` match at every line.
    pub multi_line: bool,
    /// `re.DOTALL`: `.` matches newlines.
    pub dot_all: bool,
    /// `re.VERBOSE`: blanks and comments do not count.
    pub verbose: bool,
    /// `re.ASCII`: `\w`, `\d`, `\s` and `\b` know ASCII only.
    pub ascii: bool,
}

/// What is wrong with a pattern or a replacement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A parenthesis is not closed.
    #[error("missing ), unterminated subpattern at position {0}")]
    MissingParenthesis(usize),
    /// A parenthesis was not opened.
    #[error("unbalanced parenthesis at position {0}")]
    UnbalancedParenthesis(usize),
    /// A bracket is not closed.
    #[error("unterminated character set at position {0}")]
    UnterminatedSet(usize),
    /// A quantifier follows nothing.
    #[error("nothing to repeat at position {0}")]
    NothingToRepeat(usize),
    /// A quantifier follows a quantifier.
    #[error("multiple repeat at position {0}")]
    MultipleRepeat(usize),
    /// An escape that has no meaning.
    #[error("bad escape {escape} at position {position}")]
    BadEscape {
        /// As written.
        escape: String,
        /// Where, in characters.
        position: usize,
    },
    /// A backslash at the end.
    #[error("bad escape (end of pattern) at position {0}")]
    EndsWithBackslash(usize),
    /// A group that the pattern has not.
    #[error("invalid group reference {group} at position {position}")]
    InvalidGroup {
        /// Its number.
        group: usize,
        /// Where, in characters.
        position: usize,
    },
    /// A group name that the pattern has not.
    #[error("unknown group name '{0}'")]
    UnknownGroup(String),
    /// A group name that is none.
    #[error("bad character in group name '{name}' at position {position}")]
    BadGroupName {
        /// As written.
        name: String,
        /// Where, in characters.
        position: usize,
    },
    /// `\g` without a name.
    #[error("missing < at position {0}")]
    MissingAngle(usize),
    /// An extension that is not known.
    #[error("unknown extension {extension} at position {position}")]
    UnknownExtension {
        /// As written.
        extension: String,
        /// Where, in characters.
        position: usize,
    },
    /// What is valid in Python and cannot be had here, or is wrong in a way not listed.
    #[error("the pattern `{pattern}` is not accepted: {reason}")]
    Refused {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// Matching took too many steps.
    #[error("the pattern `{0}` takes too many steps on this text")]
    TooComplex(String),
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Regex {
    inner: fancy_regex::Regex,
    pattern: String,
    flags: Flags,
}

/// What a match and its groups are; see [`fancy_regex::Captures`].
pub type Captures<'t> = fancy_regex::Captures<'t, str>;

/// Compiles a pattern of Python.
pub fn compile(pattern: &str, flags: Flags) -> Result<Regex, Error> {
    let (translated, flags) = translation::translate(pattern, flags)?;
    let inner =
        fancy_regex::RegexBuilder::new(&translated).backtrack_limit(10_000_000).build().map_err(
            |error| Error::Refused { pattern: pattern.to_owned(), reason: error.to_string() },
        )?;
    Ok(Regex { inner, pattern: pattern.to_owned(), flags })
}

/// Replaces the references of a replacement (`\1`, `\g<name>`) by the groups of a match.
pub fn expand(template: &str, captures: &Captures<'_>) -> Result<String, Error> {
    replacement::Template::parse(template)?.expand(captures)
}

/// Escapes what has a meaning, as `re.escape` does.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

impl Regex {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// How it is read, with the flags that the pattern sets itself (`(?m)`).
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The names of the groups by number, the whole match first.
    pub fn group_names(&self) -> impl Iterator<Item = Option<&str>> {
        self.inner.capture_names()
    }

    /// The first match anywhere (`re.search`).
    pub fn search<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, Error> {
        self.search_from(text, 0)
    }

    /// The first match at or after a byte offset.
    pub fn search_from<'t>(
        &self,
        text: &'t str,
        offset: usize,
    ) -> Result<Option<Captures<'t>>, Error> {
        self.inner
            .captures_from_pos(text, offset)
            .map_err(|_| Error::TooComplex(self.pattern.clone()))
    }

    /// Whether it matches anywhere.
    pub fn is_found(&self, text: &str) -> Result<bool, Error> {
        self.inner.is_match(text).map_err(|_| Error::TooComplex(self.pattern.clone()))
    }

    /// The match at the start of the text (`re.match`).
    pub fn match_start<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, Error> {
        let found = self.search(text)?;
        Ok(found.filter(|captures| captures.get(0).is_some_and(|whole| whole.start() == 0)))
    }

    /// All matches from left to right, empty ones as Python 3.7 and later finds them.
    pub fn find_all<'t>(&self, text: &'t str) -> Result<Vec<Captures<'t>>, Error> {
        let mut found = Vec::new();
        let mut offset = 0;
        let mut empty_at = None;
        while offset <= text.len() {
            let Some(captures) = self.search_from(text, offset)? else { break };
            let Some(whole) = captures.get(0) else { break };
            let (start, end) = (whole.start(), whole.end());
            if start == end && empty_at == Some(start) {
                // an empty match here was counted already: on to the next character
                let Some(next) = text.get(start..).and_then(|rest| rest.chars().next()) else {
                    break;
                };
                offset = start + next.len_utf8();
                empty_at = None;
                continue;
            }
            empty_at = (start == end).then_some(start);
            offset = end;
            found.push(captures);
        }
        Ok(found)
    }

    /// Replaces matches by a replacement with references; `limit` 0 replaces all
    /// (`re.subn`). Gives the new text and how many were replaced.
    pub fn replace(
        &self,
        text: &str,
        template: &str,
        limit: usize,
    ) -> Result<(String, usize), Error> {
        let template = Template::parse(template)?;
        template.check(self)?;
        let mut replaced = String::with_capacity(text.len());
        let mut copied = 0;
        let mut count = 0;
        for captures in self.find_all(text)? {
            if limit != 0 && count == limit {
                break;
            }
            let Some(whole) = captures.get(0) else { continue };
            replaced.push_str(text.get(copied..whole.start()).unwrap_or_default());
            replaced.push_str(&template.expand(&captures)?);
            copied = whole.end();
            count += 1;
        }
        replaced.push_str(text.get(copied..).unwrap_or_default());
        Ok((replaced, count))
    }
}
