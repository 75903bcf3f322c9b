//! YAML 1.1 as Ansible reads it: `PyYAML`'s scalars, merge keys, `!vault`, `!unsafe`, and a place
//! on every node.

mod compose;
mod guard;
mod hints;
mod mapping;
mod marks;
mod scalar;
#[cfg(test)]
mod tables;
mod tag;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use super::{Node, SourceError, SourceFile};
use crate::diagnostics::Diagnostic;

/// What a key that a mapping has twice means; the last one counts where it is no error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// It is told.
    #[default]
    Warn,
    /// The file is not read.
    Error,
    /// Nothing.
    Ignore,
}

/// What was settled for this process.
static DUPLICATE_KEYS: OnceLock<DuplicateKeys> = OnceLock::new();

impl DuplicateKeys {
    /// Settles it for all files that this process reads; the first word counts.
    pub fn settle(self) {
        let _ = DUPLICATE_KEYS.set(self);
    }

    fn chosen() -> Self {
        DUPLICATE_KEYS.get().copied().unwrap_or_default()
    }
}

/// A document and what is worth knowing of it.
#[derive(Debug)]
pub struct Loaded {
    /// The document; `None` where the file has none.
    pub node: Option<Node>,
    /// Keys given twice.
    pub warnings: Vec<Diagnostic>,
    /// Whether the file was encrypted.
    pub encrypted: bool,
}

/// Reads the one document of a file.
///
/// # Errors
///
/// When it is not YAML as Ansible reads it, has more than one document, unknown tags, too deep a
/// nesting or aliases that unfold to too much, or is encrypted and no password opens it.
pub fn load(file: &Arc<SourceFile>) -> Result<Loaded, SourceError> {
    let Some(plain) = file.decrypted()? else { return parse(file) };
    // messages name places in it and show none of its text
    let hidden = plain.hidden();
    match document(&plain) {
        Ok(mut loaded) => {
            loaded.encrypted = true;
            if let Some(node) = &mut loaded.node {
                node.relocate(&hidden);
            }
            for warning in &mut loaded.warnings {
                if let Some(span) = &mut warning.span {
                    span.file = Arc::clone(&hidden);
                }
            }
            Ok(loaded)
        }
        Err(mut error) => {
            error.span.file = hidden;
            Err(error.into())
        }
    }
}

/// Reads the one document of a text that is no encrypted file.
///
/// # Errors
///
/// As [`load`].
pub fn parse(file: &Arc<SourceFile>) -> Result<Loaded, SourceError> {
    Ok(document(file)?)
}

fn document(file: &Arc<SourceFile>) -> compose::Result<Loaded> {
    let mut loaded = compose::compose(file)?;
    if let Some(node) = loaded.node.as_mut().filter(|_| marks::may_have(&file.text)) {
        marks::read(node);
    }
    Ok(loaded)
}

impl Loaded {
    /// The document of a file of variables: what text an encrypted one holds is kept secret.
    pub fn into_variables(self) -> Option<Node> {
        let node = self.node?;
        if self.encrypted {
            node.texts(&mut crate::vault::keep_secret);
        }
        Some(node)
    }
}

fn span_length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX).max(1)
}

/// The line and the column after text.
fn position(before: &str) -> (usize, usize) {
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// Whether a plain scalar of this text is text, not a number, a boolean or another type.
pub(crate) fn is_plain_text(text: &str) -> bool {
    scalar::resolve(text) == scalar::ScalarType::Str
}
