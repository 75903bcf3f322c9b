//! Places in files.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A file that was read, kept for messages.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path as the user would write it.
    pub path: PathBuf,
    /// Its text; empty where it must not be shown (it was encrypted).
    pub text: String,
}

/// A place in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// Length in characters on that line, at least 1.
    pub length: u32,
}

impl Span {
    /// The place without the text, for events and records.
    pub fn place(&self) -> Place {
        Place { file: self.file.path.clone(), line: self.line, column: self.column }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.place())
    }
}

/// File, line and column, as reports carry them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
