//! What goes wrong inside an evaluation, before it has a place in a file.

use minijinja::{Error, ErrorKind, Value};

use super::error::{TemplateError, TemplateErrorKind};
use super::python::{Missing, Undefined};
use super::syntax::{Range, SyntaxError};
use crate::source::Span;

/// A failure on its way out of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(super) kind: TemplateErrorKind,
    /// The bytes of the template at hand.
    pub(super) range: Option<Range>,
    /// The place in a file, once known; the innermost template's.
    pub(super) span: Option<Span>,
}

/// The result of an evaluation.
pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

impl Failure {
    pub(super) fn new(kind: TemplateErrorKind) -> Box<Self> {
        Box::new(Self { kind, range: None, span: None })
    }

    /// A filter, test, lookup or operator that refuses.
    pub(super) fn failed(message: impl Into<String>) -> Box<Self> {
        Self::new(TemplateErrorKind::Failed(message.into()))
    }

    pub(crate) fn unknown(reason: &str) -> Box<Self> {
        Self::new(TemplateErrorKind::Unknown(reason.to_owned()))
    }

    pub(crate) fn too_deep() -> Box<Self> {
        Self::failed("maximum recursion depth exceeded")
    }

    /// What stands for a value that is not there, where that is the failure.
    pub(crate) fn into_undefined(self: Box<Self>) -> Result<Value, Box<Self>> {
        match &self.kind {
            TemplateErrorKind::Undefined { name, message } => {
                let missing = Missing::Other(name.clone(), message.clone());
                Ok(Value::from_object(Undefined { missing, span: self.span.clone() }))
            }
            _ => Err(self),
        }
    }

    /// As an invalid value, for readers that know only the value protocol.
    pub(crate) fn into_value(self: Box<Self>) -> Value {
        Value::from(Error::new(ErrorKind::InvalidOperation, self.kind.to_string()))
    }

    pub(crate) fn into_error(self: Box<Self>, fallback: Option<&Span>) -> TemplateError {
        TemplateError { kind: self.kind, span: self.span.or_else(|| fallback.cloned()) }
    }
}

impl From<SyntaxError> for Box<Failure> {
    fn from(error: SyntaxError) -> Self {
        let kind = TemplateErrorKind::Syntax(error.message);
        Box::new(Failure { kind, range: Some(error.range), span: None })
    }
}

impl From<TemplateError> for Box<Failure> {
    fn from(error: TemplateError) -> Self {
        Box::new(Failure { kind: error.kind, range: None, span: error.span })
    }
}

impl From<Error> for Box<Failure> {
    fn from(error: Error) -> Self {
        Failure::failed(error.detail().map_or_else(|| error.to_string(), str::to_owned))
    }
}
