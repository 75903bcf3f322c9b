//! Lists and dicts that can be changed in place, and values that stand for something missing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};

use super::nesting::Level;
use crate::source::Span;
use crate::template::TemplateErrorKind;
use crate::template::failure::Failure;

/// A list of Python: `append` and its like change it for all who hold it.
#[derive(Debug, Default)]
pub(in crate::template) struct List {
    values: Mutex<Vec<Value>>,
    pub(super) level: Level,
}

/// A dict of Python.
#[derive(Debug, Default)]
pub(in crate::template) struct Dict {
    entries: Mutex<IndexMap<Value, Value>>,
    /// Made by `namespace()`: attributes can be set.
    pub(in crate::template) namespace: bool,
    pub(super) level: Level,
}

impl Drop for List {
    fn drop(&mut self) {
        let values = self.values.get_mut().unwrap_or_else(PoisonError::into_inner);
        super::nesting::let_go(std::mem::take(values));
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        let entries = self.entries.get_mut().unwrap_or_else(PoisonError::into_inner);
        super::nesting::let_go(std::mem::take(entries).into_values().collect());
    }
}

impl List {
    pub(in crate::template) fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dict {
    pub(in crate::template) fn namespace(entries: IndexMap<Value, Value>) -> Self {
        Self { entries: Mutex::new(entries), namespace: true, level: Level::default() }
    }

    pub(in crate::template) fn lock(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.lock().clone())
    }
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.lock().keys().cloned().collect())
    }
}

/// A new list.
pub(in crate::template) fn list(values: Vec<Value>) -> Value {
    Value::from_object(List { values: Mutex::new(values), level: Level::default() })
}

/// A new dict.
pub(in crate::template) fn dict(entries: IndexMap<Value, Value>) -> Value {
    let entries = Mutex::new(entries);
    Value::from_object(Dict { entries, namespace: false, level: Level::default() })
}

/// A new dict with text keys.
pub(in crate::template) fn string_keys<K: Into<String>>(
    entries: impl IntoIterator<Item = (K, Value)>,
) -> Value {
    dict(entries.into_iter().map(|(key, value)| (Value::from(key.into()), value)).collect())
}

/// Whether templates may change the value where it is.
pub(in crate::template) fn is_changeable(value: &Value) -> bool {
    value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<Dict>().is_some_and(|dict| !dict.namespace)
}

/// A new tuple.
pub(in crate::template) fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::new(values))
}

/// What `groupby` gives: a tuple of a key and its members that also have names.
#[derive(Debug)]
pub(in crate::template) struct Group(pub(in crate::template) [Value; 2]);

impl Group {
    /// `grouper` and `list`.
    pub(in crate::template) fn attribute(&self, name: &str) -> Option<Value> {
        let [grouper, list] = &self.0;
        match name {
            "grouper" => Some(grouper.clone()),
            "list" => Some(list.clone()),
            _ => None,
        }
    }
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
}

/// `range(…)`, which makes its numbers when they are asked for.
#[derive(Debug, Clone, Copy)]
pub(in crate::template) struct RangeValue {
    pub(in crate::template) start: i128,
    pub(in crate::template) stop: i128,
    pub(in crate::template) step: i128,
}

impl RangeValue {
    pub(in crate::template) fn len(&self) -> usize {
        let (from, to) =
            if self.step > 0 { (self.start, self.stop) } else { (self.stop, self.start) };
        if to <= from {
            return 0;
        }
        let steps = (to.abs_diff(from) - 1) / self.step.unsigned_abs().max(1);
        usize::try_from(steps).map_or(usize::MAX, |steps| steps.saturating_add(1))
    }

    pub(in crate::template) fn at(&self, index: usize) -> Option<Value> {
        self.number(index).map(Value::from)
    }

    pub(in crate::template) fn number(&self, index: usize) -> Option<i128> {
        self.start.checked_add(i128::try_from(index).ok()?.checked_mul(self.step)?)
    }

    /// The numbers at the places that another range counts.
    pub(in crate::template) fn part(&self, places: &Self) -> Self {
        let at = |place: i128| self.start.saturating_add(place.saturating_mul(self.step));
        let step = self.step.saturating_mul(places.step);
        Self { start: at(places.start), stop: at(places.stop), step }
    }

    /// Whether a number is one of it.
    pub(in crate::template) fn holds(&self, number: i128) -> bool {
        let within = if self.step > 0 {
            self.start <= number && number < self.stop
        } else {
            self.stop < number && number <= self.start
        };
        within && number.abs_diff(self.start).is_multiple_of(self.step.unsigned_abs().max(1))
    }
}

impl Object for RangeValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = key.as_usize()?;
        if index < self.len() { self.at(index) } else { None }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.len())
    }
}

/// The value of `omit`.
#[derive(Debug)]
pub(in crate::template) struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// What `omit` is.
pub(in crate::template) fn omit() -> Value {
    Value::from_object(Omit)
}

/// What an `if` without `else` gives whose condition does not hold: it prints as nothing and is
/// empty, and can be neither kept nor computed with.
#[derive(Debug)]
pub(in crate::template) struct Blank;

impl Blank {
    pub(in crate::template) fn failure() -> Box<Failure> {
        Failure::failed(
            "the inline if-expression evaluated to false and no else section was defined.",
        )
    }
}

impl Object for Blank {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

/// A value that is not there, and what is said when something needs it.
#[derive(Debug, Clone)]
pub(in crate::template) struct Undefined {
    pub(in crate::template) missing: Missing,
    /// The place of the template that missed it, where that is another variable's.
    pub(in crate::template) span: Option<Span>,
    /// The node of that template.
    pub(in crate::template) node: Option<Span>,
}

/// Why a value is not there.
#[derive(Debug, Clone)]
pub(in crate::template) enum Missing {
    /// No variable of this name.
    Name(String),
    /// The name as far as known, and the message.
    Other(Option<String>, String),
    /// A `!vault` value that no password opens: its ciphertext, and the message.
    Locked(Arc<str>, String),
    /// A value that could not be had: what went wrong.
    Failed(Box<Failure>),
}

/// Whether a value is one that nothing defines, and not one that could not be had.
pub(in crate::template) fn is_undefined(value: &Value) -> bool {
    match value.downcast_object_ref::<Undefined>().map(|undefined| &undefined.missing) {
        Some(Missing::Locked(..) | Missing::Failed(_)) => false,
        Some(Missing::Name(_) | Missing::Other(..)) => true,
        None => value.is_undefined() || value.downcast_object_ref::<Blank>().is_some(),
    }
}

/// Python's name of the type of what stands for a missing value.
pub(in crate::template) fn marker_name(value: &Value) -> &'static str {
    match value.downcast_object_ref::<Undefined>().map(|undefined| &undefined.missing) {
        Some(Missing::Locked(..)) => "VaultExceptionMarker",
        Some(Missing::Failed(_)) => "CapturedExceptionMarker",
        Some(Missing::Name(_) | Missing::Other(..)) | None => "UndefinedMarker",
    }
}

/// The ciphertext of a value that no password opens.
pub(in crate::template) fn locked_text(value: &Value) -> Option<Arc<str>> {
    match &value.downcast_object_ref::<Undefined>()?.missing {
        Missing::Locked(ciphertext, _) => Some(Arc::clone(ciphertext)),
        Missing::Name(_) | Missing::Other(..) | Missing::Failed(_) => None,
    }
}

/// The value of a `!vault` scalar; where no password opens it, one that says so when it is used.
pub(crate) fn vaulted(ciphertext: &Arc<str>, span: Option<&Span>) -> Value {
    crate::vault::value(ciphertext).unwrap_or_else(|error| {
        let message = format!("Attempt to use undecryptable variable: {error}");
        let missing = Missing::Locked(Arc::clone(ciphertext), message);
        Value::from_object(Undefined { missing, span: span.cloned(), node: span.cloned() })
    })
}

impl Undefined {
    pub(in crate::template) fn failure(&self) -> Box<Failure> {
        let (name, message) = match &self.missing {
            Missing::Name(name) => (Some(name.clone()), format!("'{name}' is undefined")),
            Missing::Other(name, message) => (name.clone(), message.clone()),
            Missing::Failed(failure) => return failure.clone(),
            Missing::Locked(_, message) => {
                let mut failure = Failure::failed(message.clone());
                failure.span.clone_from(&self.span);
                failure.node.clone_from(&self.node);
                return failure;
            }
        };
        let mut failure = Failure::new(TemplateErrorKind::Undefined { name, message });
        failure.span.clone_from(&self.span);
        failure.node.clone_from(&self.node);
        failure
    }
}

impl Object for Undefined {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }
}

/// A value that is not there.
pub(in crate::template) fn undefined(missing: Missing) -> Value {
    Value::from_object(Undefined { missing, span: None, node: None })
}
