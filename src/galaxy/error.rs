//! Why something cannot be made, fetched, installed or verified.

use std::io;
use std::path::{Path, PathBuf};

use crate::source::SourceError;

/// Why the work ended.
#[derive(Debug, thiserror::Error)]
pub enum GalaxyError {
    /// What is asked for cannot be; worded as ansible-galaxy words it.
    #[error("{0}")]
    Refused(String),
    /// A file or folder cannot be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// YAML cannot be understood.
    #[error("{0}")]
    Yaml(#[from] SourceError),
    /// A server answered with an error.
    #[error("{message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// What it said, and what was asked.
        message: String,
    },
}

impl GalaxyError {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// For `map_err`: what was done with which path.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    /// The HTTP status of a server's error.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Server { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl crate::diagnostics::Explain for GalaxyError {}
