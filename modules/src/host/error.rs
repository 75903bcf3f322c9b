//! Why a host could not answer or be changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use crate::effect::Output;

/// Why the host could not answer or be changed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Only acting would tell (rehearsal).
    #[error("unknown before the run: {0}")]
    Unknown(String),
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was being done (`read`, `rename` …).
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Only root may do it.
    #[error("`{user}` may not change {what}: only root may (is `become: true` missing?)")]
    Unprivileged {
        /// Who would do it.
        user: String,
        /// What would be changed.
        what: &'static str,
    },
    /// A command of an effect ended with an error.
    #[error("`{command}` failed with status {}: {}", .output.status, .output.stderr_text().trim())]
    CommandFailed {
        /// The command, quoted for people.
        command: String,
        /// What it gave.
        output: Box<Output>,
    },
    /// A validation command refused the new file.
    #[error("failed to validate: rc:{} error:{}", .output.status, .output.stderr_text().trim())]
    Validation {
        /// The command with the file's name in it.
        command: String,
        /// What it gave.
        output: Box<Output>,
    },
    /// The flags of a file cannot be set.
    #[error("chattr failed")]
    Flags {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The HTTP request failed.
    #[error("cannot fetch `{url}`: {reason}")]
    Http {
        /// The address.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The user or group does not exist.
    #[error("failed to look up {kind} {name}")]
    NoSuchAccount {
        /// `user` or `group`.
        kind: &'static str,
        /// What was looked up.
        name: String,
    },
    /// The item took longer than it may.
    #[error("Timed out after {} second(s).", .0.as_secs())]
    TimedOut(Duration),
    /// The engine cancelled the task or went away.
    #[error("the task was cancelled")]
    Cancelled,
    /// The `validate` option names no place for the file.
    #[error("validate must contain %s: {0}")]
    ValidateWithoutFile(String),
    /// A program asked more often than there are answers.
    #[error("No remaining responses for '{question}', output was '{output}'")]
    Unanswered {
        /// The pattern that found the question.
        question: String,
        /// What the program wrote since the last answer.
        output: String,
    },
    /// A command has no program, or one that is no command line.
    #[error("cannot split `{0}` into words")]
    BadCommand(String),
    /// The engine went away in the middle of a file.
    #[error("the engine did not send the content of source {0}")]
    SourceMissing(u64),
}

impl HostError {
    /// Flags that the operating system does not give or take.
    pub(crate) fn flags(path: &Path, error: Errno, doing: &str) -> Self {
        let error = std::io::Error::from(error).to_string();
        let error = error.split(" (os error").next().unwrap_or_default();
        let reason = format!("{error} while {doing} flags on {}", path.display());
        Self::Flags { path: path.to_owned(), reason }
    }

    /// A flag that there is not.
    pub(crate) fn no_flag(path: &Path, letter: char) -> Self {
        Self::Flags { path: path.to_owned(), reason: format!("`{letter}` is no flag to be set") }
    }

    /// The error in Python's words, as one about `path`.
    pub(crate) fn in_python(&self, path: &Path) -> String {
        if let Self::Io { source, .. } = self
            && let Some(number) = source.raw_os_error()
        {
            let text = source.to_string();
            let words = text.split(" (os error").next().unwrap_or_default();
            return format!("[Errno {number}] {words}: '{}'", path.display());
        }
        self.to_string()
    }

    /// The same about `place`, where it is about the file that is to take it and lies beside so
    /// long: nobody knows that one's name, and hosts that fail alike are to say the same.
    pub(crate) fn about(self, staged: &Path, place: &Path) -> Self {
        match self {
            Self::Io { action, path, source } if path == staged => {
                Self::Io { action, path: place.to_owned(), source }
            }
            Self::Validation { command, mut output } => {
                output.rename(staged, place);
                Self::Validation { command, output }
            }
            other => other,
        }
    }
}
