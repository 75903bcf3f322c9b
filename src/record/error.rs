//! Why records cannot be written or read.

use std::io;
use std::path::PathBuf;

/// Why records cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Neither `XDG_STATE_HOME` nor `HOME` says where.
    #[error("no folder for records: neither `XDG_STATE_HOME` nor `HOME` is set")]
    NoFolder,
    /// The folder or the file cannot be made.
    #[error("cannot make `{}`", path.display())]
    Make {
        /// It.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database does not do what it should.
    #[error("cannot use the records in `{}`", path.display())]
    Database {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// Another version of the program wrote it.
    #[error("`{}` was written by a newer canvass (form {found})", path.display())]
    Newer {
        /// Its file.
        path: PathBuf,
        /// The number of its form.
        found: i64,
    },
    /// What is kept cannot be read.
    #[error("the record of run {run} cannot be read")]
    Broken {
        /// The run.
        run: i64,
        /// Why.
        source: io::Error,
    },
    /// No such run.
    #[error("there is no run `{0}`")]
    NoRun(String),
    /// Nothing that names a run.
    #[error("`{0}` names no run")]
    Name(String),
}

impl RecordError {
    /// With its causes, in one line.
    pub fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        text
    }
}
