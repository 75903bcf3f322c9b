//! apt's lists of sources, line by line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The lines of all lists by file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sources {
    files: BTreeMap<PathBuf, Vec<Line>>,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Whether it is a source.
    pub(super) valid: bool,
    /// Whether it is not commented out.
    pub(super) enabled: bool,
    /// The source, or what else stands there.
    pub(super) text: String,
    comment: String,
}

/// Reads a line.
pub(super) fn parse(line: &str) -> Line {
    let line = line.trim();
    let (enabled, line) = match line.strip_prefix('#') {
        Some(rest) => (false, rest),
        None => (true, line),
    };
    let (text, comment) = match line.find('#') {
        Some(at) if at > 0 => {
            let (text, comment) = line.split_at(at);
            (text, comment.trim_start_matches('#').trim())
        }
        _ => (line, ""),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let valid = matches!(words.first(), Some(&("deb" | "deb-src")));
    let text = if valid { words.join(" ") } else { text.trim().to_owned() };
    Line { valid, enabled, text, comment: comment.to_owned() }
}

/// The name of the file for a source, made of its address.
pub(super) fn file_name(source: &str) -> String {
    let mut line = String::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once('[') {
        line.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    line.push_str(rest);
    let address = line
        .split_whitespace()
        .find(|word| !matches!(*word, "deb" | "deb-src"))
        .unwrap_or_default();
    let address = match address.split_once("://") {
        Some((scheme, rest)) => {
            let kept = scheme.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
            format!("{kept}{rest}")
        }
        None => address.to_owned(),
    };
    // a user and a password are nobody's business
    let address = address.split_once('@').map_or(address.as_str(), |(_, address)| address);
    let words: Vec<&str> = address
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}.list", words.join("_"))
}

impl Sources {
    pub(super) fn load(&mut self, path: PathBuf, text: &str) {
        self.files.insert(path, text.lines().map(parse).collect());
    }

    /// The files that have lines.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().filter(|(_, lines)| !lines.is_empty()).map(|(path, _)| path)
    }

    pub(super) fn has_file(&self, path: &Path) -> bool {
        self.files.get(path).is_some_and(|lines| !lines.is_empty())
    }

    /// Whether a source is there and enabled.
    pub(super) fn has(&self, source: &str) -> bool {
        let mut lines = self.files.values().flatten();
        lines.any(|line| line.valid && line.enabled && line.text == source)
    }

    pub(super) fn text(&self, path: &Path) -> String {
        let mut text = String::new();
        for line in self.files.get(path).into_iter().flatten() {
            if !line.enabled {
                text.push_str("# ");
            }
            text.push_str(&line.text);
            if !line.comment.is_empty() {
                text.push_str(" # ");
                text.push_str(&line.comment);
            }
            text.push('\n');
        }
        text
    }

    /// Enables a source where it is, or puts it at the end of a file.
    pub(super) fn add(&mut self, source: &str, file: &Path) {
        let mut found = false;
        for line in self.files.values_mut().flatten() {
            if line.valid && line.text == source {
                line.enabled = true;
                found = true;
            }
        }
        if !found {
            let line = Line {
                valid: true,
                enabled: true,
                text: source.to_owned(),
                comment: String::new(),
            };
            self.files.entry(file.to_owned()).or_default().push(line);
        }
    }

    pub(super) fn remove(&mut self, source: &str) {
        for lines in self.files.values_mut() {
            lines.retain(|line| !(line.valid && line.enabled && line.text == source));
        }
    }
}
