//! What `find` lists and what it leaves out.

use std::path::Path;

use super::{AgeStamp, Error, FileType, Params};
use crate::contract::Stop;
use crate::effect::Timestamp;
use crate::host::{FileKind, FileStat};
use crate::module::file_facts::seconds;
use crate::module::file_mode::FileMode;
use crate::module::text_edit;
use crate::python_regex::{self, Flags, Regex};

/// The conditions, read once.
pub(super) struct Filter {
    patterns: Vec<Regex>,
    excludes: Vec<Regex>,
    contains: Option<String>,
    encoding: Option<String>,
    whole: Whole,
    file_type: FileType,
    hidden: Hidden,
    age: Option<Bound>,
    age_stamp: AgeStamp,
    now: f64,
    size: Option<Bound>,
    mode: Option<(FileMode, Exactness)>,
}

/// Whether a path is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    /// Its content decides.
    ByContent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Lines,
    Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    Listed,
    LeftOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exactness {
    Equal,
    AnyBit,
}

/// At least a number, or at most.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Least(f64),
    Most(f64),
}

impl Bound {
    fn read(text: &str, units: &[(char, f64)]) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let unit = text.chars().last().filter(char::is_ascii_alphabetic);
        let factor = match unit {
            Some(unit) => units.iter().find(|(name, _)| *name == unit)?.1,
            None => 1.0,
        };
        let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        if text.len() - digits.len() > 1 {
            return None;
        }
        let magnitude = digits.strip_prefix('-').unwrap_or(digits);
        let whole = !magnitude.is_empty() && magnitude.bytes().all(|byte| byte.is_ascii_digit());
        let value: f64 = whole.then(|| magnitude.parse().ok()).flatten()?;
        Some(if digits.starts_with('-') && value > 0.0 {
            Self::Most(value * factor)
        } else {
            Self::Least(value * factor)
        })
    }

    fn holds(self, value: f64) -> bool {
        match self {
            Self::Least(least) => value >= least,
            Self::Most(most) => value <= most,
        }
    }
}

const AGES: [(char, f64); 5] =
    [('s', 1.0), ('m', 60.0), ('h', 3600.0), ('d', 86_400.0), ('w', 604_800.0)];
const SIZES: [(char, f64); 5] = [
    ('b', 1.0),
    ('k', 1024.0),
    ('m', 1_048_576.0),
    ('g', 1_073_741_824.0),
    ('t', 1_099_511_627_776.0),
];

impl Filter {
    /// Reads the options.
    pub(super) fn read(params: &Params, now: Timestamp) -> Result<Self, Stop> {
        if params.limit == Some(0) {
            return Err(Stop::failed(Error::NoLimit));
        }
        let age = match &params.age {
            Some(age) => Some(
                Bound::read(age, &AGES)
                    .ok_or_else(|| Stop::failed(Error::Age).with("age", age.as_str()))?,
            ),
            None => None,
        };
        let size = match &params.size {
            Some(size) => Some(
                Bound::read(size, &SIZES)
                    .ok_or_else(|| Stop::failed(Error::Size).with("size", size.as_str()))?,
            ),
            None => None,
        };
        let exactness = if params.exact_mode { Exactness::Equal } else { Exactness::AnyBit };
        Ok(Self {
            patterns: names(params.patterns.as_deref(), params)?,
            excludes: names(params.excludes.as_deref(), params)?,
            contains: params.contains.clone(),
            encoding: params.encoding.clone(),
            whole: if params.read_whole_file { Whole::Content } else { Whole::Lines },
            file_type: params.file_type,
            hidden: if params.hidden { Hidden::Listed } else { Hidden::LeftOut },
            age,
            age_stamp: params.age_stamp,
            now: seconds(now),
            size,
            mode: params.mode.clone().map(|mode| (mode, exactness)),
        })
    }

    /// Decides by all but the content.
    pub(super) fn judge(&self, name: &str, stat: &FileStat) -> Result<Verdict, Stop> {
        let kind = match self.file_type {
            FileType::Any => true,
            FileType::Directory => stat.kind == FileKind::Directory,
            FileType::File => stat.kind == FileKind::File,
            FileType::Link => stat.kind == FileKind::Link,
        };
        let seen = self.hidden == Hidden::Listed || !name.starts_with('.');
        if !kind || !seen || !self.has_name(name)? || !self.has_age(stat) || !self.has_mode(stat) {
            return Ok(Verdict::No);
        }
        if stat.kind != FileKind::File {
            return Ok(Verdict::Yes);
        }
        #[expect(clippy::cast_precision_loss, reason = "sizes are compared to round numbers")]
        let size = stat.size as f64;
        if self.size.is_some_and(|bound| !bound.holds(size)) {
            return Ok(Verdict::No);
        }
        let by_content = self.contains.is_some() && self.file_type == FileType::File;
        Ok(if by_content { Verdict::ByContent } else { Verdict::Yes })
    }

    fn has_name(&self, name: &str) -> Result<bool, Stop> {
        let matches = |patterns: &[Regex]| -> Result<bool, Stop> {
            for pattern in patterns {
                if pattern.match_start(name).map_err(Stop::failed)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok((self.patterns.is_empty() || matches(&self.patterns)?) && !matches(&self.excludes)?)
    }

    fn has_age(&self, stat: &FileStat) -> bool {
        let stamp = match self.age_stamp {
            AgeStamp::Access => stat.accessed,
            AgeStamp::Status => stat.status_changed,
            AgeStamp::Modification => stat.modified,
        };
        self.age.is_none_or(|bound| bound.holds(self.now - seconds(stamp)))
    }

    fn has_mode(&self, stat: &FileStat) -> bool {
        let Some((mode, exactness)) = &self.mode else { return true };
        // a symbolic mode is one that starts from nothing
        let Some(bits) = mode.of(0, stat.kind, 0) else { return true };
        match exactness {
            Exactness::Equal => stat.mode == bits,
            Exactness::AnyBit => stat.mode & bits != 0,
        }
    }

    /// Whether `contains` is in a content.
    pub(super) fn is_in(&self, path: &Path, content: Vec<u8>) -> Result<bool, Stop> {
        let Some(pattern) = &self.contains else { return Ok(true) };
        let regex = python_regex::compile(pattern, Flags::default()).map_err(Stop::failed)?;
        let text = self.decode(path, content)?.replace("\r\n", "\n");
        if self.whole == Whole::Content {
            return regex.is_found(&text).map_err(Stop::failed);
        }
        for line in text_edit::lines(&text) {
            if regex.match_start(&line).map_err(Stop::failed)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn decode(&self, path: &Path, content: Vec<u8>) -> Result<String, Stop> {
        let undecodable = |encoding: &str| {
            Stop::failed(Error::Undecodable {
                path: path.display().to_string(),
                encoding: encoding.to_owned(),
            })
        };
        let Some(name) = &self.encoding else {
            let usual = "None (default determined by the Python built-in function \"open\")";
            return String::from_utf8(content).map_err(|_| undecodable(usual));
        };
        let label = name.replace('_', "-");
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes())
            .ok_or_else(|| Stop::failed(Error::Encoding(name.clone())))?;
        match encoding.decode_without_bom_handling_and_without_replacement(&content) {
            Some(text) => Ok(text.into_owned()),
            None => Err(undecodable(name)),
        }
    }
}

fn names(patterns: Option<&[String]>, params: &Params) -> Result<Vec<Regex>, Stop> {
    patterns
        .unwrap_or_default()
        .iter()
        .map(|pattern| {
            let pattern = if params.use_regex { pattern.clone() } else { glob(pattern) };
            python_regex::compile(&pattern, Flags::default()).map_err(Stop::failed)
        })
        .collect()
}

/// The regular expression of a shell pattern, as `fnmatch` reads it.
fn glob(pattern: &str) -> String {
    let characters: Vec<char> = pattern.chars().collect();
    let mut expression = "(?s:".to_owned();
    let mut at = 0;
    while let Some(character) = characters.get(at).copied() {
        at += 1;
        match character {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => {
                let negated = characters.get(at) == Some(&'!');
                let first = at + usize::from(negated);
                // a bracket right after the start stands for itself
                let end = (first + 1..characters.len())
                    .find(|index| characters.get(*index) == Some(&']'));
                let Some(end) = end else {
                    expression.push_str("\\[");
                    continue;
                };
                expression.push_str(if negated { "[^" } else { "[" });
                for member in characters.get(first..end).unwrap_or_default() {
                    if matches!(member, '\\' | ']' | '[' | '^' | '&' | '~' | '|') {
                        expression.push('\\');
                    }
                    expression.push(*member);
                }
                expression.push(']');
                at = end + 1;
            }
            other => expression.push_str(&python_regex::escape(&other.to_string())),
        }
    }
    expression.push_str(r")\Z");
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_patterns_match_names() {
        for (pattern, name, expected) in [
            ("*", "x", true),
            ("*.log", "a.log", true),
            ("*.log", "a.log.1", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab]*", "bx", true),
            ("[!ab]*", "bx", false),
            ("[a-c]", "b", true),
            ("[]]", "]", true),
            ("[x", "[x", true),
            ("a.c", "abc", false),
        ] {
            let regex = python_regex::compile(&glob(pattern), Flags::default()).unwrap();
            assert_eq!(regex.match_start(name).unwrap().is_some(), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn bounds_are_read() {
        for (text, expected) in [
            ("1d", Some(Bound::Least(86_400.0))),
            ("-2w", Some(Bound::Most(1_209_600.0))),
            ("30", Some(Bound::Least(30.0))),
            ("0", Some(Bound::Least(0.0))),
            ("xx", None),
            ("1y", None),
            ("1dd", None),
            ("", None),
            ("--1d", None),
        ] {
            assert_eq!(Bound::read(text, &AGES), expected, "{text}");
        }
    }
}
