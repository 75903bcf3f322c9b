//! The state of an evaluation: frames of names, and what a name stands for.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;

use super::callable::{Callable, MacroContext};
use super::environment::Environment;
use crate::template::failure::{Failure, Outcome};
use crate::template::globals;
use crate::template::python::{Missing, omit, undefined};
use crate::template::syntax::Statement;

/// Names that one part of a template set.
pub(in crate::template) type Frame = Arc<Mutex<IndexMap<Arc<str>, Value>>>;

/// The blocks of a template and of those that it extends, the most derived first.
pub(super) type Blocks = IndexMap<Arc<str>, Vec<Arc<Vec<Statement>>>>;

/// More nested calls are refused, so that no template overflows the stack.
const MAXIMUM_DEPTH: usize = 60;

/// Evaluates one template.
pub(in crate::template) struct Interpreter<'a> {
    pub(in crate::template) environment: &'a Environment<'a>,
    pub(super) frames: Vec<Frame>,
    pub(super) blocks: Arc<Blocks>,
    /// The block at hand and which of its definitions, for `super()`.
    pub(super) block: Option<(Arc<str>, usize)>,
    pub(super) context: MacroContext,
    pub(super) captured: Option<Value>,
    pub(super) depth: usize,
}

impl<'a> Interpreter<'a> {
    /// An interpreter with nothing set.
    pub(in crate::template) fn new(environment: &'a Environment<'a>) -> Self {
        Self {
            environment,
            frames: vec![Frame::default()],
            blocks: Arc::default(),
            block: None,
            context: MacroContext::Variables,
            captured: None,
            depth: 0,
        }
    }

    /// One level deeper, with other frames.
    pub(super) fn nested(&self, frames: Vec<Frame>) -> Outcome<Self> {
        if self.depth >= MAXIMUM_DEPTH {
            return Err(Failure::failed("maximum recursion depth exceeded").for_good());
        }
        Ok(Self {
            environment: self.environment,
            frames,
            blocks: Arc::clone(&self.blocks),
            block: self.block.clone(),
            context: self.context,
            captured: None,
            depth: self.depth + 1,
        })
    }

    pub(super) fn with_frame<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Outcome<T> {
        self.frames.push(Frame::default());
        let result = run(self);
        self.frames.pop();
        result
    }

    /// What a name set in the template stands for.
    pub(super) fn local(&self, name: &str) -> Option<Value> {
        self.frames.iter().rev().find_map(|frame| lock(frame).get(name).cloned())
    }

    /// What a name stands for: a name of the template, a variable, a global.
    pub(in crate::template) fn name(&self, name: &str) -> Outcome<Value> {
        if let Some(value) = self.local(name) {
            return Ok(value);
        }
        if self.context == MacroContext::Variables {
            match self.environment.scope.lookup(name) {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => {}
                Err(failure) => return failure.into_undefined(),
            }
        }
        Ok(match name {
            "omit" => omit(),
            _ => match globals::find(name) {
                Some(global) => Value::from_object(Callable::Global(global)),
                None => undefined(Missing::Name(name.to_owned())),
            },
        })
    }

    pub(super) fn assign(&mut self, name: &Arc<str>, value: Value) {
        if let Some(frame) = self.frames.last() {
            lock(frame).insert(Arc::clone(name), value);
        }
    }

    /// Sets a name where it was set before, else for the whole template.
    pub(super) fn rebind(&mut self, name: &Arc<str>, value: Value) {
        let frame = self
            .frames
            .iter()
            .rev()
            .find(|frame| lock(frame).contains_key(name))
            .or_else(|| self.frames.first());
        if let Some(frame) = frame {
            lock(frame).insert(Arc::clone(name), value);
        }
    }
}

pub(super) fn lock(frame: &Frame) -> std::sync::MutexGuard<'_, IndexMap<Arc<str>, Value>> {
    frame.lock().unwrap_or_else(PoisonError::into_inner)
}
