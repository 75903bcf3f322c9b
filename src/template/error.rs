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
    /// The templates that it went through.
    pub way: Box<Way>,
}

/// The templates that an error went through.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// The node that was rendered.
    pub asked: Option<Span>,
    /// The node of the template that failed.
    pub failed: Option<Span>,
}

impl Way {
    /// The node of the template that failed, where the one that was rendered only led to it.
    pub fn nested(&self) -> Option<&Span> {
        let failed = self.failed.as_ref()?;
        let asked = self.asked.as_ref()?;
        (asked.place() != failed.place()).then_some(failed)
    }
}

impl TemplateError {
    /// An error without a place.
    pub fn new(kind: TemplateErrorKind) -> Self {
        Self { kind, span: None, way: Box::default() }
    }
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
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// A value is unknown in a rehearsal, and why.
    #[error("unknown before the run: {0}")]
    Unknown(String),
    /// A condition gave something else than a boolean.
    #[error(
        "Conditional result ({value}) was derived from value of type '{kind}' at '{place}'. \
         Conditionals must have a boolean result."
    )]
    NotBoolean {
        /// The value as text.
        value: String,
        /// Python's name of its type.
        kind: String,
        /// Where the condition stands.
        place: String,
    },
    /// A filter, test or lookup refused.
    #[error("The {family} plugin '{name}' failed: {message}")]
    Plugin {
        /// `filter`, `test` or `lookup`.
        family: &'static str,
        /// Its name, in full for filters and tests.
        name: String,
        /// Why.
        message: String,
    },
    /// An operator, method or statement refused.
    #[error("Error rendering {text}: {message}")]
    Rendering {
        /// `template` or `expression`.
        text: &'static str,
        /// Why.
        message: String,
    },
    /// Something refused, said in full.
    #[error("{0}")]
    Failed(String),
}

impl Explain for TemplateError {
    fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }

    fn hints(&self) -> Vec<String> {
        match &self.kind {
            TemplateErrorKind::Syntax { hint, .. } => hint.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }
}
