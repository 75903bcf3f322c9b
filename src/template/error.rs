//! What can go wrong in a template.

use crate::diagnostics::Explain;
use crate::source::Span;

/// A template that could not be parsed or rendered.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind}")]
pub struct TemplateError {
    /// What went wrong.
    pub kind: TemplateErrorKind,
    /// Where: the node, narrowed to the expression where that is known.
    pub span: Option<Span>,
}

/// What went wrong in a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateErrorKind {
    /// A name or attribute that nothing defines; the text is Ansible's (`'x' is undefined`).
    #[error("{message}")]
    Undefined {
        /// The name, as far as it is known.
        name: Option<String>,
        /// `'x' is undefined`, `object of type 'dict' has no attribute 'y'`.
        message: String,
    },
    /// It cannot be parsed, or names a filter or test that does not exist.
    #[error("template error: {0}")]
    Syntax(String),
    /// A value is unknown in a rehearsal, and why.
    #[error("unknown before the run: {0}")]
    Unknown(String),
    /// A condition gave something else than a boolean.
    #[error(
        "conditional result was {value} of type '{kind}'; conditionals must have a boolean result"
    )]
    NotBoolean {
        /// The value as text.
        value: String,
        /// Python's name of its type.
        kind: String,
    },
    /// A filter, test, lookup or operator refused.
    #[error("{0}")]
    Failed(String),
}

impl Explain for TemplateError {
    fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }
}
