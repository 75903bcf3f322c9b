//! Why a lab does not come up.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::diagnostics::Explain;

/// Why a lab does not come up, is not found or does not go.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// A file or folder of the lab.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was being done: `write`, `create` …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder for labs belongs to someone else or is open to others.
    #[error("`{}` belongs to another user or is open to others", .0.display())]
    Unsafe(PathBuf),
    /// Keys cannot be made.
    #[error("cannot make a key for the lab")]
    Key(#[source] russh::keys::ssh_key::Error),
    /// A program cannot be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A host did not come up.
    #[error("lab host `{host}` did not come up: {said}")]
    Host {
        /// The host.
        host: String,
        /// What it said.
        said: String,
        /// What this machine lacks.
        missing: Vec<String>,
    },
    /// A host took too long.
    #[error("lab host `{host}` did not come up within {seconds} seconds")]
    Slow {
        /// The host.
        host: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The name of a host or lab cannot be used.
    #[error("`{0}` cannot name a lab host: letters, digits and dashes, 63 at most")]
    Name(String),
    /// Two hosts of one name.
    #[error("lab host `{0}` is there already")]
    Twice(String),
    /// No lab of this name.
    #[error("there is no lab host `{0}`")]
    Unknown(String),
    /// No lab is up.
    #[error("no lab is up")]
    NoLab,
    /// A lab's record is broken.
    #[error("cannot read the record of the lab in `{}`", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl LabError {
    /// What went wrong with a file.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

impl Explain for LabError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Host { missing, .. } => missing.clone(),
            Self::Start { program, .. } => vec![format!("install `{program}` (util-linux)")],
            Self::Unsafe(path) => {
                vec![format!("remove `{}`, or set XDG_RUNTIME_DIR", path.display())]
            }
            Self::NoLab => vec!["bring one up with `canvass lab up 3`".into()],
            Self::Unknown(_) => vec!["`canvass lab list` shows what is up".into()],
            Self::Twice(_) => vec!["take the lab down first: `canvass lab down`".into()],
            _ => Vec::new(),
        }
    }
}
