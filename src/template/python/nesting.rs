//! Bounds on nesting: no list or dict holds itself, none is so deep that reading it, or letting it
//! go, overflows the stack.
//!
//! What is put into a list or dict is looked at from there down, and each container that is met
//! keeps the deepest level at which it was found: so a chain is noticed that grows at its inner
//! end, too. What is looked at is bounded; readers count the levels that they go down
//! ([`deeper`]), and what is let go is taken apart level by level ([`let_go`]).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::Value;
use minijinja::value::Tuple;

use super::containers::{Dict, List};
use crate::template::failure::{Failure, Outcome};
use crate::template::stack::on_enough_stack;

/// Deeper values are refused.
const MAXIMUM_DEPTH: usize = 200;

/// Readers go no deeper.
const MAXIMUM_READ: usize = 1000;

/// So many values are looked at; what nests by accident is among the first.
const LOOKED_AT: usize = 2048;

/// How deep a list or dict lies in others, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Level(AtomicUsize);

impl Level {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn reach(&self, level: usize) {
        self.0.fetch_max(level, Ordering::Relaxed);
    }
}

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// One level down in a value that is read.
pub(in crate::template) fn deeper<T>(read: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    struct Up;
    impl Drop for Up {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    if DEPTH.get() >= MAXIMUM_READ {
        return Err(Failure::too_deep());
    }
    DEPTH.set(DEPTH.get() + 1);
    let _up = Up;
    on_enough_stack(read)
}

/// Lets values go without a step down for each level.
pub(super) fn let_go(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        if let Some(list) = value.downcast_object::<List>() {
            drop(value);
            if let Some(list) = Arc::into_inner(list) {
                values.append(&mut list.lock());
            }
        } else if let Some(dict) = value.downcast_object::<Dict>() {
            drop(value);
            if let Some(dict) = Arc::into_inner(dict) {
                let entries = std::mem::take(&mut *dict.lock());
                values.extend(entries.into_values());
            }
        }
    }
}

/// The address of a list or dict that can be changed.
fn address(value: &Value) -> Option<usize> {
    let list = value.downcast_object_ref::<List>().map(|list| std::ptr::from_ref(list).addr());
    list.or_else(|| value.downcast_object_ref::<Dict>().map(|dict| std::ptr::from_ref(dict).addr()))
}

/// Whether these values may be put into a new list or dict.
pub(in crate::template) fn fits<'v>(values: impl IntoIterator<Item = &'v Value>) -> Outcome<()> {
    fits_below(values, None, 0)
}

/// Whether these values may be put into a list or dict at this address and level.
fn fits_below<'v>(
    values: impl IntoIterator<Item = &'v Value>,
    container: Option<usize>,
    level: usize,
) -> Outcome<()> {
    let mut left = LOOKED_AT;
    values.into_iter().try_for_each(|value| look(value, container, level + 1, &mut left))
}

fn look(value: &Value, container: Option<usize>, depth: usize, left: &mut usize) -> Outcome<()> {
    if depth > MAXIMUM_DEPTH || (container.is_some() && address(value) == container) {
        return Err(Failure::too_deep());
    }
    *left = match left.checked_sub(1) {
        Some(left) => left,
        None => return Ok(()),
    };
    let mut inner = |value: &Value| look(value, container, depth + 1, left);
    if let Some(list) = value.downcast_object_ref::<List>() {
        list.level.reach(depth);
        let held = list.lock().iter().take(LOOKED_AT).cloned().collect::<Vec<_>>();
        return held.iter().try_for_each(inner);
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        dict.level.reach(depth);
        let held = dict.lock().values().take(LOOKED_AT).cloned().collect::<Vec<_>>();
        return held.iter().try_for_each(inner);
    }
    match value.downcast_object_ref::<Tuple>() {
        Some(_) => value.try_iter().into_iter().flatten().try_for_each(|value| inner(&value)),
        None => Ok(()),
    }
}

impl List {
    /// Adds to the list what is not the list itself.
    pub(in crate::template) fn extend_with(&self, added: Vec<Value>) -> Outcome<()> {
        fits_below(&added, Some(std::ptr::from_ref(self).addr()), self.level.get())?;
        self.lock().extend(added);
        Ok(())
    }
}

impl Dict {
    /// Sets entries to what is not the dict itself.
    pub(in crate::template) fn set(
        &self,
        added: impl IntoIterator<Item = (Value, Value)>,
    ) -> Outcome<()> {
        let added: Vec<(Value, Value)> = added.into_iter().collect();
        let values = added.iter().map(|(_, value)| value);
        fits_below(values, Some(std::ptr::from_ref(self).addr()), self.level.get())?;
        self.lock().extend(added);
        Ok(())
    }
}
