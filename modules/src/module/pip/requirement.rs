//! What a package of Python is asked for.

use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};

/// A requirement: a name with versions, or an address.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Requirement {
    /// As pip is told.
    pub(super) text: String,
    /// The name as packages are compared by it; empty for an address.
    pub(super) name: String,
    has_extras: bool,
    versions: Option<VersionSpecifiers>,
}

/// The name with its case and separators evened out.
pub(super) fn canonical(name: &str) -> String {
    let mut canonical = String::new();
    let mut gap = false;
    for letter in name.to_lowercase().chars() {
        if matches!(letter, '-' | '_' | '.') {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            canonical.push('-');
        }
        canonical.push(letter);
    }
    canonical
}

impl Requirement {
    /// Reads one; what is no name with versions is an address.
    pub(super) fn parse(text: &str) -> Self {
        let whole = || Self {
            text: text.to_owned(),
            name: String::new(),
            has_extras: false,
            versions: None,
        };
        let wanted = text.split(';').next().unwrap_or_default().trim();
        let end = wanted
            .find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter))
            .unwrap_or(wanted.len());
        let (name, rest) = wanted.split_at(end);
        let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        if !starts_well || text.contains("://") || text.contains(';') {
            return whole();
        }
        let rest = rest.trim_start();
        let (has_extras, rest) = match rest.strip_prefix('[') {
            Some(extras) => match extras.split_once(']') {
                Some((_, rest)) => (true, rest.trim()),
                None => return whole(),
            },
            None => (false, rest),
        };
        let rest = rest.trim_start_matches('(').trim_end_matches(')');
        let versions = match rest {
            "" => None,
            rest => match VersionSpecifiers::from_str(rest) {
                Ok(versions) => Some(versions),
                Err(_) => return whole(),
            },
        };
        let text = match (&versions, has_extras) {
            // as packaging writes it: no blanks, the versions in the order of their texts
            (Some(_), false) => {
                let mut parts: Vec<String> = rest
                    .split(',')
                    .map(|part| part.split_whitespace().collect())
                    .filter(|part: &String| !part.is_empty())
                    .collect();
                parts.sort_unstable();
                format!("{name}{}", parts.join(","))
            }
            _ => text.to_owned(),
        };
        Self { text, name: canonical(name), has_extras, versions }
    }

    /// The requirement with a version beside its name.
    pub(super) fn with_version(&self, version: &str) -> Self {
        let version = version.trim_start();
        let exact = version.starts_with(|letter: char| letter.is_ascii_digit());
        let separator = if exact { "==" } else { "" };
        Self::parse(&format!("{}{separator}{version}", self.text))
    }

    /// Whether it names versions.
    pub(super) fn has_version(&self) -> bool {
        self.versions.is_some()
    }

    /// Whether the list of what is installed tells all about it.
    pub(super) fn is_plain(&self) -> bool {
        !self.name.is_empty() && !self.has_extras
    }

    /// Whether a version will do.
    pub(super) fn admits(&self, version: &str) -> bool {
        match (&self.versions, Version::from_str(version)) {
            (None, _) => true,
            (Some(versions), Ok(version)) => versions.contains(&version),
            (Some(_), Err(_)) => false,
        }
    }

    /// The one version that will do.
    pub(super) fn exact_version(&self) -> Option<String> {
        let text = self.versions.as_ref()?.to_string();
        text.strip_prefix("==").filter(|version| !version.contains([',', '*'])).map(str::to_owned)
    }
}

/// Puts names together again that were split at the commas between versions.
pub(super) fn recover(names: &[String]) -> Vec<String> {
    let operators = [">=", "<=", ">", "<", "==", "!=", "~="];
    let mut found: Vec<String> = Vec::new();
    let mut in_brackets = false;
    for part in names.iter().flat_map(|name| name.split(',')) {
        let goes_on = operators.iter().any(|operator| part.trim_start().starts_with(operator));
        match found.last_mut() {
            Some(last) if goes_on || in_brackets => {
                last.push(',');
                last.push_str(part);
            }
            _ => found.push(part.to_owned()),
        }
        in_brackets |= part.contains('[');
        if part.contains(']') {
            in_brackets = false;
        }
    }
    found
}
