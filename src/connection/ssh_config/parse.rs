//! Lines of `ssh_config` to a tree of blocks.

use std::path::{Path, PathBuf};

use super::ConfigError;
use super::files::{Home, glob};
use super::keyword::{Keyword, Treatment, treatment};

/// How deep files may include one another, as in OpenSSH.
const DEPTH: usize = 16;

/// One thing that a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// What follows is for hosts of these patterns.
    Host(Vec<String>),
    /// What follows is for cases in which all of these hold.
    Match(Vec<Criterion>),
    /// An option.
    Option {
        /// Which.
        keyword: Keyword,
        /// Its words.
        words: Vec<String>,
        /// The rest of the line as it is, for commands.
        raw: String,
        /// Where.
        place: Place,
    },
    /// The content of other files.
    Include(Vec<Vec<Item>>),
    /// An option that is not read although it matters.
    Ignored {
        /// Its name as written.
        name: String,
        /// Whether `ssh_config(5)` has it.
        known: Known,
        /// Where.
        place: Place,
    },
}

/// Whether `ssh_config(5)` has an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has.
    Yes,
    /// It has not.
    No,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    pub(crate) fn error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::Line { file: self.file.clone(), line: self.line, reason: reason.into() }
    }
}

/// A condition of `Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// What is looked at.
    pub subject: Subject,
    /// Patterns for it.
    pub patterns: Vec<String>,
    /// Whether the condition is turned around (`!host`).
    pub negated: Negated,
}

/// Whether a condition is turned around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negated {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What a condition of `Match` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Nothing: always true.
    All,
    /// Nothing: true in the last pass over the files.
    Final,
    /// The host's name with `HostName` applied.
    Host,
    /// The host's name as it was given.
    OriginalHost,
    /// The remote user.
    User,
    /// The user on this machine.
    LocalUser,
}

/// Reads the text of a file.
pub fn parse(text: &str, file: &Path, home: &Home) -> Result<Vec<Item>, ConfigError> {
    parse_at(text, file, home, 0)
}

/// Reads a file; a missing one is empty.
pub fn parse_file(file: &Path, home: &Home) -> Result<Vec<Item>, ConfigError> {
    match std::fs::read_to_string(file) {
        Ok(text) => parse(&text, file, home),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            Err(ConfigError::Unreadable { file: file.to_owned(), reason: error.to_string() })
        }
    }
}

fn parse_at(text: &str, file: &Path, home: &Home, depth: usize) -> Result<Vec<Item>, ConfigError> {
    let mut items = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = Place { file: file.to_owned(), line: index + 1 };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        items.push(parse_line(line, place, home, depth)?);
    }
    items.retain(|item| !matches!(item, Item::Include(files) if files.is_empty()));
    Ok(items)
}

/// Reads `Key value`, `Key=value` or `Key = value`.
pub(crate) fn parse_line(
    line: &str,
    place: Place,
    home: &Home,
    depth: usize,
) -> Result<Item, ConfigError> {
    let end = line.find(|letter: char| letter.is_whitespace() || letter == '=');
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    let raw = rest.strip_prefix('=').unwrap_or(rest).trim();
    let words = split_words(raw).map_err(|reason| place.error(reason))?;
    let lower = name.to_ascii_lowercase();
    if !matches!(treatment(name), Treatment::Harmless | Treatment::Unknown | Treatment::Unsupported)
        && words.is_empty()
    {
        return Err(place.error(format!("`{name}` has no value")));
    }
    Ok(match lower.as_str() {
        "host" if words.is_empty() => return Err(place.error("`Host` has no pattern")),
        "host" => Item::Host(words),
        "match" => Item::Match(criteria(&words, &place)?),
        "include" => Item::Include(included(&words, &place, home, depth)?),
        _ => match treatment(name) {
            Treatment::Honoured(keyword) => {
                Item::Option { keyword, words, raw: raw.to_owned(), place }
            }
            Treatment::Harmless => Item::Include(Vec::new()),
            Treatment::Unsupported => {
                Item::Ignored { name: name.to_owned(), known: Known::Yes, place }
            }
            Treatment::Unknown => Item::Ignored { name: name.to_owned(), known: Known::No, place },
        },
    })
}

fn included(
    words: &[String],
    place: &Place,
    home: &Home,
    depth: usize,
) -> Result<Vec<Vec<Item>>, ConfigError> {
    if words.is_empty() {
        return Err(place.error("`Include` has no file"));
    }
    if depth >= DEPTH {
        return Err(place.error("too many files include one another"));
    }
    let system = place.file.starts_with("/etc/ssh");
    let mut files = Vec::new();
    for word in words {
        let word = home.environment("Include", word)?;
        let mut pattern = home.tilde(&word);
        if pattern.is_relative() {
            let base = if system { "/etc/ssh".into() } else { home.directory.join(".ssh") };
            pattern = base.join(pattern);
        }
        for file in glob(&pattern) {
            let text = std::fs::read_to_string(&file).map_err(|error| ConfigError::Unreadable {
                file: file.clone(),
                reason: error.to_string(),
            })?;
            files.push(parse_at(&text, &file, home, depth + 1)?);
        }
    }
    Ok(files)
}

fn criteria(words: &[String], place: &Place) -> Result<Vec<Criterion>, ConfigError> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (word, inline) =
            word.split_once('=').map_or((word.as_str(), None), |(a, b)| (a, Some(b)));
        let (name, negated) =
            word.strip_prefix('!').map_or((word, Negated::No), |name| (name, Negated::Yes));
        let subject = match name.to_ascii_lowercase().as_str() {
            "all" => Subject::All,
            "final" | "canonical" => Subject::Final,
            "host" => Subject::Host,
            "originalhost" => Subject::OriginalHost,
            "user" => Subject::User,
            "localuser" => Subject::LocalUser,
            "exec" | "localnetwork" | "tagged" | "command" | "version" | "sessiontype" => {
                return Err(place.error(format!(
                    "`Match {name}` is not supported; use `Match host` or `Match originalhost`, or `connection: openssh`"
                )));
            }
            _ => return Err(place.error(format!("`Match {name}` is not known"))),
        };
        let patterns = if matches!(subject, Subject::All | Subject::Final) {
            Vec::new()
        } else {
            let list = inline.or_else(|| words.next().map(String::as_str)).unwrap_or_default();
            if list.is_empty() {
                return Err(place.error(format!("`Match {name}` has no pattern")));
            }
            list.split(',').map(str::to_owned).collect()
        };
        found.push(Criterion { subject, patterns, negated });
    }
    if found.is_empty() {
        return Err(place.error("`Match` has no condition"));
    }
    Ok(found)
}

/// Words of a line: blanks part them, double or single quotes hold them together, a `#` before a
/// word begins a comment.
fn split_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (_, '\\') if matches!(letters.peek(), Some('"' | '\'' | '\\')) => {
                word.get_or_insert_default().extend(letters.next());
            }
            (Some(mark), _) if letter == mark => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (_, _) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}
