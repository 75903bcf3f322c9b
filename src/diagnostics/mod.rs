//! What people are told when something is wrong: message, place, caret, what to try.

mod render;

pub use render::{Color, render};

use crate::source::Span;

/// An error that knows where in the user's files it lies and what to try.
pub trait Explain: std::error::Error {
    /// The place.
    fn span(&self) -> Option<&Span> {
        None
    }

    /// A few words beside the caret.
    fn label(&self) -> Option<String> {
        None
    }

    /// What to try.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A message ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The place.
    pub span: Option<Span>,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// What to try.
    pub hints: Vec<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It ends the run.
    Error,
    /// It is worth knowing.
    Warning,
    /// It works as long as Ansible has it.
    Deprecation,
}

impl Diagnostic {
    /// An error, with the causes below it in the message.
    pub fn error(error: &dyn Explain) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner.source();
        }
        Self {
            severity: Severity::Error,
            message,
            span: error.span().cloned(),
            label: error.label(),
            hints: error.hints(),
        }
    }

    /// An error of which nothing but this text is known.
    pub fn failure(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, ..Self::warning(message, None) }
    }

    /// The same, worth knowing only.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// A use of what ansible-core 2.23 will not have any more, and what to write in its place.
    pub fn deprecation(what: &str, span: Option<Span>, instead: &str) -> Self {
        let message = format!(
            "{what} is deprecated. This feature will be removed from ansible-core version 2.23."
        );
        Self {
            severity: Severity::Deprecation,
            hints: vec![instead.to_owned()],
            ..Self::warning(message, span)
        }
    }

    /// A warning.
    pub fn warning(message: impl Into<String>, span: Option<Span>) -> Self {
        Self {
            severity: Severity::Warning,
            message: message.into(),
            span,
            label: None,
            hints: Vec::new(),
        }
    }
}
