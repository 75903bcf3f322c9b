//! Values that can be called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::interpreter::Frame;
use super::looping::LoopState;
use crate::template::globals::Global;
use crate::template::python::tuple;
use crate::template::syntax::{Loop, Macro};

/// Arguments of a call.
#[derive(Debug, Default)]
pub(in crate::template) struct Call {
    pub(in crate::template) positional: Vec<Value>,
    pub(in crate::template) keywords: Vec<(String, Value)>,
}

/// Something that can be called.
#[derive(Debug)]
pub(in crate::template) enum Callable {
    /// A method of a value.
    Method(Value, String),
    /// A function that every template sees.
    Global(&'static Global),
    /// A macro with the frames that it was written in.
    Macro { definition: Arc<Macro>, frames: Vec<Frame>, context: MacroContext },
    /// `loop(…)` in a recursive loop.
    Recursion { definition: Arc<Loop>, frames: Vec<Frame>, depth: usize },
    /// `loop.cycle` and `loop.changed`.
    LoopMethod(Arc<LoopState>, String),
    /// `cycler.next` and its like.
    Stateful(Stateful),
}

/// Whether a macro sees the variables of the templates that call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum MacroContext {
    Variables,
    Nothing,
}

/// Functions that remember.
#[derive(Debug)]
pub(in crate::template) enum Stateful {
    /// `joiner(separator)`
    Joiner(String, AtomicBool),
    /// `cycler.next`
    Next(Arc<Cycler>),
    /// `cycler.reset`
    Reset(Arc<Cycler>),
}

/// `cycler(…)`: values that come round.
#[derive(Debug)]
pub(in crate::template) struct Cycler {
    items: Vec<Value>,
    at: AtomicUsize,
}

impl Cycler {
    /// A cycler of these; nothing where there are none.
    pub(in crate::template) fn new(items: Vec<Value>) -> Option<Self> {
        (!items.is_empty()).then(|| Self { items, at: AtomicUsize::new(0) })
    }

    /// What is next.
    pub(in crate::template) fn current(&self) -> Value {
        self.items.get(self.at.load(Ordering::Relaxed)).cloned().unwrap_or_default()
    }

    /// All values.
    pub(in crate::template) fn items(&self) -> Value {
        tuple(self.items.clone())
    }

    /// The place of what is next.
    pub(in crate::template) fn position(&self) -> usize {
        self.at.load(Ordering::Relaxed)
    }

    pub(super) fn next(&self) -> Value {
        let current = self.current();
        let after = (self.at.load(Ordering::Relaxed) + 1) % self.items.len().max(1);
        self.at.store(after, Ordering::Relaxed);
        current
    }

    pub(super) fn reset(&self) {
        self.at.store(0, Ordering::Relaxed);
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

impl Callable {
    /// Its name, for messages.
    pub(in crate::template) fn name(&self) -> String {
        match self {
            Self::Method(_, name) | Self::LoopMethod(_, name) => name.clone(),
            Self::Global(global) => global.name.to_owned(),
            Self::Macro { definition, .. } => definition.name.to_string(),
            Self::Recursion { .. } => "loop".to_owned(),
            Self::Stateful(Stateful::Joiner(..)) => "joiner".to_owned(),
            Self::Stateful(Stateful::Next(_)) => "next".to_owned(),
            Self::Stateful(Stateful::Reset(_)) => "reset".to_owned(),
        }
    }
}

impl Object for Callable {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}
