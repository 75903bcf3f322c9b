//! Evaluates the tree of a template.

mod bound;
mod callable;
mod environment;
mod expressions;
mod files;
mod interpreter;
mod looping;
mod output;
mod statements;

pub(in crate::template) use bound::{Bound, Parameters};
pub(in crate::template) use callable::{Call, Callable, Cycler, Stateful};
pub(in crate::template) use environment::Environment;
pub(in crate::template) use files::FileContext;
pub(in crate::template) use interpreter::Interpreter;
pub(in crate::template) use output::Output;
