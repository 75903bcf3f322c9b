//! Bounds on nesting: no list or dict holds itself, none is so deep that reading it overflows the
//! stack.

use minijinja::Value;
use minijinja::value::Tuple;

use super::containers::{Dict, List};
use crate::template::failure::{Failure, Outcome};

/// Deeper values are refused.
const MAXIMUM_DEPTH: usize = 200;

/// So many values are looked at; what nests by accident is among the first.
const LOOKED_AT: usize = 2048;

/// The address of a list or dict that can be changed.
fn address(value: &Value) -> Option<usize> {
    let list = value.downcast_object_ref::<List>().map(|list| std::ptr::from_ref(list).addr());
    list.or_else(|| value.downcast_object_ref::<Dict>().map(|dict| std::ptr::from_ref(dict).addr()))
}

/// Whether these values may be put into a list or dict at this address, or into a new one.
pub(in crate::template) fn fits<'v>(
    values: impl IntoIterator<Item = &'v Value>,
    container: Option<usize>,
) -> Outcome<()> {
    let mut left = LOOKED_AT;
    values.into_iter().try_for_each(|value| look(value, container, 1, &mut left))
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
        let held = list.lock().iter().take(LOOKED_AT).cloned().collect::<Vec<_>>();
        return held.iter().try_for_each(inner);
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
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
        fits(&added, Some(std::ptr::from_ref(self).addr()))?;
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
        fits(added.iter().map(|(_, value)| value), Some(std::ptr::from_ref(self).addr()))?;
        self.lock().extend(added);
        Ok(())
    }
}
