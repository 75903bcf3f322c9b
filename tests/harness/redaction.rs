//! The one place where what differs from run to run is replaced by marks.

use std::path::PathBuf;

use anyhow::Result;
use fancy_regex::Regex;

/// Replaces what differs from run to run.
#[derive(Debug, Default)]
pub(crate) struct Redaction {
    paths: Vec<(PathBuf, &'static str)>,
}

impl Redaction {
    /// Shows this path as a mark from now on.
    pub(crate) fn path(&mut self, path: impl Into<PathBuf>, mark: &'static str) {
        self.paths.push((path.into(), mark));
    }

    /// The text with marks.
    pub(crate) fn apply(&self, text: &str) -> Result<String> {
        let mut text = text.to_owned();
        for (path, mark) in &self.paths {
            text = text.replace(&*path.to_string_lossy(), mark);
        }
        for (pattern, mark) in [
            // durations, as the report and as messages word them
            (r"\b\d+\.\d+ ?(s|ms)\b", "#.# s"),
            (r"\b\d+m \d+s\b", "#.# s"),
            (r"\bin \d+ ?(s|ms)\b", "in #.# s"),
            (r"(127\.0\.0\.1|localhost)(:| port )\d+", "$1$2####"),
            (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:####"),
            (r"\bpid \d+", "pid ####"),
        ] {
            text = Regex::new(pattern)?.replace_all(&text, mark).into_owned();
        }
        Ok(text)
    }
}

/// What the marks do, seen by a test.
pub(crate) fn replaces_what_differs() -> Result<()> {
    let mut redaction = Redaction::default();
    redaction.path("/tmp/x1", "[work]");
    for (text, expected) in [
        ("wrote /tmp/x1/a", "wrote [work]/a"),
        ("done in 1.25 s, then 13.0s", "done in #.# s, then #.# s"),
        ("took 1m 02s", "took #.# s"),
        ("127.0.0.1:4321 refused", "127.0.0.1:#### refused"),
        ("version 1.25 of 2", "version 1.25 of 2"),
    ] {
        anyhow::ensure!(redaction.apply(text)? == expected, "{text}: {}", redaction.apply(text)?);
    }
    Ok(())
}
