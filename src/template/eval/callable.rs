//! Values that can be called.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::interpreter::Frame;
use super::looping::LoopState;
use crate::template::globals::Global;
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
    Joiner(String, std::sync::atomic::AtomicBool),
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
        }
    }
}

impl Object for Callable {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}
