//! `loop` inside a `{% for %}`.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Missing, equal, undefined};

/// The state of a loop; `loop` in its body.
#[derive(Debug)]
pub(in crate::template) struct LoopState {
    elements: Arc<Vec<Value>>,
    index: usize,
    depth: usize,
    /// What `changed` saw last; shared by all turns.
    last: Arc<Mutex<Option<Vec<Value>>>>,
}

impl LoopState {
    /// The state of the first turn.
    pub(super) fn new(elements: Arc<Vec<Value>>, depth: usize) -> Self {
        Self { elements, index: 0, depth, last: Arc::default() }
    }

    /// The state of another turn.
    pub(super) fn at(&self, index: usize) -> Self {
        Self {
            elements: Arc::clone(&self.elements),
            index,
            depth: self.depth,
            last: Arc::clone(&self.last),
        }
    }

    /// `loop.cycle(…)` and `loop.changed(…)`.
    pub(super) fn call(&self, method: &str, arguments: Vec<Value>) -> Outcome<Value> {
        match method {
            "cycle" if arguments.is_empty() => Err(Failure::failed("no items for cycling given")),
            "cycle" => {
                let turn = self.index % arguments.len();
                Ok(arguments.get(turn).cloned().unwrap_or_default())
            }
            _ => {
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                let mut same = last.as_ref().is_some_and(|last| last.len() == arguments.len());
                for (before, now) in last.iter().flatten().zip(&arguments) {
                    same = same && equal(before, now)?;
                }
                *last = Some(arguments);
                Ok(Value::from(!same))
            }
        }
    }

    fn neighbour(&self, index: Option<usize>, name: &str) -> Value {
        index.and_then(|index| self.elements.get(index)).cloned().unwrap_or_else(|| {
            let message = match name {
                "nextitem" => "there is no next item",
                _ => "there is no previous item",
            };
            undefined(Missing::Other(Some(name.to_owned()), message.to_owned()))
        })
    }
}

const FIELDS: [&str; 11] = [
    "index",
    "index0",
    "revindex",
    "revindex0",
    "first",
    "last",
    "length",
    "depth",
    "depth0",
    "nextitem",
    "previtem",
];

impl Object for LoopState {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let length = self.elements.len();
        Some(match key.as_str()? {
            "index" => Value::from(self.index + 1),
            "index0" => Value::from(self.index),
            "revindex" => Value::from(length - self.index),
            "revindex0" => Value::from(length - self.index - 1),
            "first" => Value::from(self.index == 0),
            "last" => Value::from(self.index + 1 == length),
            "length" => Value::from(length),
            "depth" => Value::from(self.depth),
            "depth0" => Value::from(self.depth - 1),
            "nextitem" => self.neighbour(Some(self.index + 1), "nextitem"),
            "previtem" => self.neighbour(self.index.checked_sub(1), "previtem"),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&FIELDS)
    }
}
