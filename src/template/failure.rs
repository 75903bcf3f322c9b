//! What goes wrong inside an evaluation, before it has a place in a file.

use minijinja::{Error, ErrorKind, Value};

use super::error::{self, TemplateError, TemplateErrorKind};
use super::python::{Missing, Undefined};
use super::syntax::{Range, SyntaxError};
use crate::source::Span;

/// A failure on its way out of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(super) kind: TemplateErrorKind,
    /// Whether what refused is still to be named: the plugin, or the template.
    pub(super) bare: bool,
    /// How it leaves the expression that it came from.
    pub(super) way: Way,
    /// The bytes of the template at hand.
    pub(super) range: Option<Range>,
    /// The place in a file, once known; the innermost template's.
    pub(super) span: Option<Span>,
    /// The node of that template.
    pub(super) node: Option<Span>,
}

/// How a failure leaves the expression that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It ends the expression; where that is the value of a variable or an argument, it stands
    /// there until something needs the value.
    Raised,
    /// It stood for a value that something needed: no plugin is to be named for it.
    Kept,
    /// It ends the rendering, whatever would have needed the value.
    Fatal,
    /// No failure: `{% break %}`, on its way to the loop.
    Break,
    /// `{% continue %}`, likewise.
    Continue,
}

/// The result of an evaluation.
pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

impl Failure {
    pub(crate) fn new(kind: TemplateErrorKind) -> Box<Self> {
        Box::new(Self { kind, bare: false, way: Way::Raised, range: None, span: None, node: None })
    }

    /// A filter, test, lookup or operator that refuses; its name is put before the message.
    pub(super) fn failed(message: impl Into<String>) -> Box<Self> {
        let mut failure = Self::new(TemplateErrorKind::Failed(message.into()));
        failure.bare = true;
        failure
    }

    /// A refusal that is said in full.
    pub(super) fn refused(message: impl Into<String>) -> Box<Self> {
        Self::new(TemplateErrorKind::Failed(message.into()))
    }

    /// Names the plugin that refused, where none is named yet.
    pub(super) fn of_plugin(mut self: Box<Self>, family: &'static str, name: &str) -> Box<Self> {
        if self.way == Way::Kept {
            return self;
        }
        if let (true, TemplateErrorKind::Failed(message)) = (self.bare, &mut self.kind) {
            let (message, name) = (std::mem::take(message), name.to_owned());
            self.kind = TemplateErrorKind::Plugin { family, name, message };
            self.bare = false;
        }
        self
    }

    /// Names the kind of text that could not be rendered, where nothing else is named.
    pub(super) fn of_text(mut self: Box<Self>, text: &'static str) -> Box<Self> {
        if let (true, TemplateErrorKind::Failed(message)) = (self.bare, &mut self.kind) {
            let message = std::mem::take(message);
            self.kind = TemplateErrorKind::Rendering { text, message };
            self.bare = false;
        }
        self
    }

    pub(crate) fn unknown(reason: &str) -> Box<Self> {
        Self::new(TemplateErrorKind::Unknown(reason.to_owned()))
    }

    pub(crate) fn too_deep() -> Box<Self> {
        Self::fatal(
            "Recursive loop detected in template: maximum recursion depth exceeded in comparison",
        )
    }

    /// The same for what ends the whole rendering.
    pub(super) fn fatal(message: impl Into<String>) -> Box<Self> {
        Self::refused(message).for_good()
    }

    /// This failure as one that ends the whole rendering.
    pub(super) fn for_good(mut self: Box<Self>) -> Box<Self> {
        self.way = Way::Fatal;
        self
    }

    /// The way of `{% break %}` and `{% continue %}` out of the body of a loop.
    pub(super) fn of_loop(way: Way) -> Box<Self> {
        let mut failure = Self::refused("a loop was left");
        failure.way = way;
        failure
    }

    /// Whether nothing that went wrong before it matters.
    pub(super) fn ends_all(&self) -> bool {
        matches!(self.way, Way::Fatal | Way::Break | Way::Continue)
            || matches!(self.kind, TemplateErrorKind::Unknown(_))
    }

    /// What stands for the value that could not be had: it fails where something needs it.
    pub(crate) fn into_undefined(mut self: Box<Self>) -> Result<Value, Box<Self>> {
        let missing = match &self.kind {
            TemplateErrorKind::Undefined { name, message } => {
                Missing::Other(name.clone(), message.clone())
            }
            _ if self.ends_all() => return Err(self),
            _ => {
                self.way = Way::Kept;
                // the bytes of the template at hand mean nothing in another
                self.range = None;
                let (span, node) = (self.span.clone(), self.node.clone());
                let missing = Missing::Failed(self);
                return Ok(Value::from_object(Undefined { missing, span, node }));
            }
        };
        let (span, node) = (self.span.clone(), self.node.clone());
        Ok(Value::from_object(Undefined { missing, span, node }))
    }

    /// As an invalid value, for readers that know only the value protocol.
    pub(crate) fn into_value(self: Box<Self>) -> Value {
        Value::from(Error::new(ErrorKind::InvalidOperation, self.kind.to_string()))
    }

    pub(crate) fn into_error(self: Box<Self>, fallback: Option<&Span>) -> TemplateError {
        let way = error::Way { asked: fallback.cloned(), failed: self.node };
        let span = self.span.or_else(|| fallback.cloned());
        TemplateError { kind: self.kind, span, way: Box::new(way) }
    }
}

impl From<SyntaxError> for Box<Failure> {
    fn from(error: SyntaxError) -> Self {
        let kind = TemplateErrorKind::Syntax { message: error.message, hint: error.hint };
        Box::new(Failure {
            kind,
            bare: false,
            way: Way::Raised,
            range: Some(error.range),
            span: None,
            node: None,
        })
    }
}

impl From<TemplateError> for Box<Failure> {
    fn from(error: TemplateError) -> Self {
        Box::new(Failure {
            kind: error.kind,
            bare: false,
            way: Way::Raised,
            range: None,
            span: error.span,
            node: error.way.failed,
        })
    }
}

impl From<Error> for Box<Failure> {
    fn from(error: Error) -> Self {
        Failure::failed(error.detail().map_or_else(|| error.to_string(), str::to_owned))
    }
}
