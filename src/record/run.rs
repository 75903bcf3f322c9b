//! A run as the list of records shows it, and how people name one.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::report::event::RunMode;

use super::RecordError;

/// The number of a recorded run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// How a user names a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunName {
    /// By its number.
    Number(RunId),
    /// `last`, or `last~N`: the one so many before it.
    Last(u32),
}

impl FromStr for RunName {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let wrong = || RecordError::Name(text.to_owned());
        match text.strip_prefix("last") {
            Some("") => Ok(Self::Last(0)),
            Some(rest) => {
                let back = rest.strip_prefix('~').and_then(|back| back.parse().ok());
                back.map(Self::Last).ok_or_else(wrong)
            }
            None => text.parse().map(|number| Self::Number(RunId(number))).map_err(|_| wrong()),
        }
    }
}

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// When, after RFC 3339 in UTC.
    pub started: String,
    /// Whether hosts are changed.
    pub mode: RunMode,
    /// The program by whose name it was asked for.
    pub program: String,
    /// The folder in which it was asked for.
    pub folder: String,
    /// The playbooks as given.
    pub playbooks: Vec<String>,
}

/// A recorded run, without its report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRecord {
    /// Its number.
    pub id: RunId,
    /// When it began, after RFC 3339 in UTC.
    pub started: String,
    /// When it ended; `null` for one that broke off or is still on.
    pub finished: Option<String>,
    /// Whether hosts were changed.
    pub mode: RunMode,
    /// The program by whose name it was asked for.
    pub program: String,
    /// The folder in which it was asked for.
    pub folder: String,
    /// The playbooks as given.
    pub playbooks: Vec<String>,
    /// The exit code; `null` as above.
    pub exit_code: Option<i32>,
    /// How it ended, in one sentence.
    pub verdict: Option<String>,
    /// Its hosts.
    pub hosts: u64,
    /// Those that were or would be changed.
    pub changed: u64,
    /// Those with a failure, or that could not be reached.
    pub failed: u64,
    /// Whether it can be gone on with: it did not end well, and what each host has done is kept.
    pub resumable: bool,
    /// Whether it is still on, or another run goes on with it now.
    pub on: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_names() {
        let cases = [
            ("17", Some(RunName::Number(RunId(17)))),
            ("last", Some(RunName::Last(0))),
            ("last~2", Some(RunName::Last(2))),
            ("latest", None),
            ("last~", None),
            ("", None),
        ];
        for (text, name) in cases {
            assert_eq!(text.parse().ok(), name, "{text}");
        }
    }
}
