//! Jinja's language: text to tokens to a tree.
//!
//! The tree is evaluated by [`super::eval`] with Python's meaning of values, as Ansible's Jinja
//! does it. (minijinja gives the value type; its machine cannot change a list in place, tell a
//! name in an error, or format with `%`.)

mod lexer;
mod lines;
mod options;
mod parser;
mod statements;
mod tree;

pub(super) use options::{Backslashes, Markers, Options, Whitespace};
pub(super) use parser::{Embedded, parse_expression, parse_template};
pub(super) use tree::{
    Arguments, BinaryOperator, ComparisonOperator, Expression, Import, Loop, Macro, Node, Range,
    Statement, Target, Template,
};

/// Text that is no template, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// What is wrong.
    pub(super) message: String,
    /// What to try.
    pub(super) hint: Option<String>,
    /// Where.
    pub(super) range: Range,
}

impl SyntaxError {
    fn new(message: impl Into<String>, range: Range) -> Self {
        Self { message: message.into(), hint: None, range }
    }
}
