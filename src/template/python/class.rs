//! What a value is in Python.

use minijinja::Value;
use minijinja::value::{Tuple, ValueKind};

use super::containers::{Blank, Dict, Group, List, Omit, RangeValue, Undefined};
use super::integer::{is_large, large_as_float};
use super::markup::is_markup;
use crate::template::eval::Callable;
use crate::template::time::{DateTime, Day, DayTime, TimeDelta};
use crate::vars::UnknownResult;

/// The types that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Class {
    None,
    Bool,
    Integer,
    Float,
    Text,
    Bytes,
    List,
    Tuple,
    Dict,
    Range,
    /// A `datetime`, a `date` or a `time`.
    DateTime,
    TimeDelta,
    Callable,
    Undefined,
    /// What an `if` without `else` gives whose condition does not hold.
    Blank,
    Omit,
    /// The result of a task that a rehearsal did not run.
    Unknown,
    /// A value that carries an error.
    Invalid,
    Other,
}

/// The class of a value.
pub(in crate::template) fn class_of(value: &Value) -> Class {
    match value.kind() {
        ValueKind::Undefined => Class::Undefined,
        ValueKind::None => Class::None,
        ValueKind::Bool => Class::Bool,
        ValueKind::Number if value.is_integer() => Class::Integer,
        ValueKind::Number => Class::Float,
        ValueKind::String => Class::Text,
        ValueKind::Bytes => Class::Bytes,
        ValueKind::Seq | ValueKind::Iterable => {
            if value.downcast_object_ref::<RangeValue>().is_some() {
                Class::Range
            } else if value.downcast_object_ref::<List>().is_some() {
                Class::List
            } else if value.downcast_object_ref::<Tuple>().is_some()
                || value.downcast_object_ref::<Group>().is_some()
            {
                Class::Tuple
            } else {
                Class::List
            }
        }
        ValueKind::Map => {
            if value.downcast_object_ref::<UnknownResult>().is_some() {
                Class::Unknown
            } else {
                Class::Dict
            }
        }
        ValueKind::Plain => plain_class(value),
        ValueKind::Invalid => Class::Invalid,
        _ => Class::Other,
    }
}

fn plain_class(value: &Value) -> Class {
    if value.downcast_object_ref::<Undefined>().is_some() {
        Class::Undefined
    } else if value.downcast_object_ref::<Blank>().is_some() {
        Class::Blank
    } else if is_large(value) {
        Class::Integer
    } else if value.downcast_object_ref::<Omit>().is_some() {
        Class::Omit
    } else if value.downcast_object_ref::<Callable>().is_some() {
        Class::Callable
    } else if value.downcast_object_ref::<DateTime>().is_some()
        || value.downcast_object_ref::<Day>().is_some()
        || value.downcast_object_ref::<DayTime>().is_some()
    {
        Class::DateTime
    } else if value.downcast_object_ref::<TimeDelta>().is_some() {
        Class::TimeDelta
    } else {
        Class::Other
    }
}

/// Python's name of a value's type.
pub(in crate::template) fn type_name(value: &Value) -> &'static str {
    match class_of(value) {
        Class::None => "NoneType",
        Class::Bool => "bool",
        Class::Integer => "int",
        Class::Float => "float",
        Class::Text if is_markup(value) => "Markup",
        Class::Text => "str",
        Class::Bytes => "bytes",
        Class::List => "list",
        Class::Tuple if value.downcast_object_ref::<Group>().is_some() => "GroupTuple",
        Class::Tuple => "tuple",
        Class::Dict | Class::Unknown => {
            if value.downcast_object_ref::<Dict>().is_some_and(|dict| dict.namespace) {
                "Namespace"
            } else {
                "dict"
            }
        }
        Class::Range => "range",
        Class::DateTime if value.downcast_object_ref::<Day>().is_some() => "date",
        Class::DateTime if value.downcast_object_ref::<DayTime>().is_some() => "time",
        Class::DateTime => "datetime",
        Class::TimeDelta => "timedelta",
        Class::Callable => match value.downcast_object_ref::<Callable>() {
            Some(Callable::Method(target, _)) if class_of(target) == Class::Dict => "method",
            Some(Callable::Method(..)) | None => "builtin_function_or_method",
            Some(Callable::Macro { .. }) => "Macro",
            Some(_) => "function",
        },
        Class::Undefined | Class::Blank => "Undefined",
        Class::Omit => "_OmitType",
        Class::Invalid | Class::Other => "object",
    }
}

/// A whole number of at most 128 bits; booleans count, as in Python.
pub(in crate::template) fn as_integer(value: &Value) -> Option<i128> {
    match class_of(value) {
        Class::Bool => Some(i128::from(value.is_true())),
        Class::Integer if is_large(value) => None,
        Class::Integer => i128::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// A number as floating point.
#[expect(clippy::cast_precision_loss, reason = "Python rounds large whole numbers likewise")]
pub(in crate::template) fn as_float(value: &Value) -> Option<f64> {
    match class_of(value) {
        Class::Bool => Some(f64::from(u8::from(value.is_true()))),
        Class::Integer => match i128::try_from(value.clone()) {
            Ok(number) => Some(number as f64),
            Err(_) => large_as_float(value),
        },
        Class::Float => f64::try_from(value.clone()).ok(),
        _ => None,
    }
}

pub(in crate::template) fn is_text(value: &Value) -> bool {
    value.kind() == ValueKind::String
}

pub(in crate::template) fn is_mapping(value: &Value) -> bool {
    matches!(class_of(value), Class::Dict | Class::Unknown)
}

/// A list, tuple or range.
pub(in crate::template) fn is_sequence(value: &Value) -> bool {
    matches!(class_of(value), Class::List | Class::Tuple | Class::Range)
}
