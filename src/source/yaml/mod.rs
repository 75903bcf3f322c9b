//! YAML 1.1 as Ansible reads it: `PyYAML`'s scalars, merge keys, `!vault`, `!unsafe`, and a place
//! on every node.

mod compose;
mod guard;
mod hints;
mod mapping;
mod scalar;
#[cfg(test)]
mod tables;
mod tag;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Node, SourceError, SourceFile, Span};
use crate::diagnostics::Diagnostic;

/// A document and what is worth knowing of it.
#[derive(Debug)]
pub struct Loaded {
    /// The document; `None` where the file has none.
    pub node: Option<Node>,
    /// Keys given twice.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the one document of a file.
///
/// # Errors
///
/// When it is not YAML as Ansible reads it, has more than one document, unknown tags, too deep a
/// nesting or aliases that unfold to too much, or is encrypted as a whole.
pub fn load(file: &Arc<SourceFile>) -> Result<Loaded, SourceError> {
    if file.text.starts_with("$ANSIBLE_VAULT") {
        let mut span = Span::at(file, 1, 1);
        span.length = span_length(file.line(1).unwrap_or_default());
        return Err(SourceError::Vaulted { span });
    }
    Ok(compose::compose(file)?)
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
