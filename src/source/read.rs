//! Reading files.

use std::path::Path;
use std::sync::Arc;

use super::{SourceError, SourceFile, Span};
use crate::vault;

impl SourceFile {
    /// Reads a file as UTF-8.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or its bytes are not UTF-8 (with the place of the first wrong one).
    pub fn read(path: &Path) -> Result<Arc<Self>, SourceError> {
        let bytes = super::inputs::read(path)
            .map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
        Self::from_bytes(path, bytes)
    }

    /// A file from bytes that were read elsewhere.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Arc<Self>, SourceError> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let before = text.get(..valid).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let file = Self::new(path, text.clone());
                Err(SourceError::Encoding { span: Span::at(&file, line, column) })
            }
        }
    }

    /// Whether the whole file is encrypted.
    pub fn is_encrypted(&self) -> bool {
        vault::is_encrypted(self.text.as_bytes())
    }

    /// The plaintext of an encrypted file; `None` where it is not encrypted.
    ///
    /// # Errors
    ///
    /// When no password opens it, or the plaintext is not UTF-8.
    pub fn decrypted(self: &Arc<Self>) -> Result<Option<Arc<Self>>, SourceError> {
        if !self.is_encrypted() {
            return Ok(None);
        }
        let mut first = Span::at(self, 1, 1);
        let length = self.line(1).unwrap_or_default().chars().count();
        first.length = u32::try_from(length).unwrap_or(1);
        let bytes = vault::decrypt(self.text.as_bytes())
            .map_err(|error| SourceError::Vault { error, span: first.clone() })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(Self::new(&self.path, text.to_owned()))),
            Err(_) => Err(SourceError::Encoding { span: first }),
        }
    }

    /// This file without its text, which must not be shown.
    pub fn hidden(&self) -> Arc<Self> {
        Self::new(&self.path, String::new())
    }

    /// A file from text.
    pub fn new(path: &Path, text: String) -> Arc<Self> {
        Arc::new(Self { path: path.to_owned(), text })
    }

    /// A line, counted from 1, without its end. Lines end as in YAML 1.1.
    pub fn line(&self, number: u32) -> Option<&str> {
        let mut rest = self.text.as_str();
        for _ in 1..number {
            rest = split_line(rest).1?;
        }
        Some(split_line(rest).0)
    }
}

/// The first line, and what follows its end.
fn split_line(text: &str) -> (&str, Option<&str>) {
    let is_end = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    match text.split_once(is_end) {
        Some((line, rest)) => {
            let carriage = text.as_bytes().get(line.len()) == Some(&b'\r');
            let rest = if carriage { rest.strip_prefix('\n').unwrap_or(rest) } else { rest };
            (line, Some(rest))
        }
        None => (text, None),
    }
}

impl Span {
    /// One character of a file; line and column counted from 1.
    pub fn at(file: &Arc<SourceFile>, line: usize, column: usize) -> Self {
        Self {
            file: Arc::clone(file),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            length: 1,
        }
    }
}
