//! Methods and attributes of values: Python's, by type.

mod containers;
mod markup;
mod numbers;
mod strings;
mod times;

use minijinja::Value;

pub(super) use strings::{capitalize, split_lines};

use super::eval::{Call, Callable, Cycler, Environment, Stateful};
use super::failure::{Failure, Outcome};
use super::python::{Class, Group, RangeValue, class_of, is_markup, type_name};

/// Whether a value has a method.
pub(super) fn has(value: &Value, name: &str) -> bool {
    match class_of(value) {
        Class::Text => {
            strings::METHODS.contains(&name)
                || (markup::METHODS.contains(&name) && is_markup(value))
        }
        Class::List => containers::LIST_METHODS.contains(&name),
        Class::Tuple | Class::Range => matches!(name, "index" | "count"),
        Class::Dict => containers::is_dict_method(value, name),
        Class::Integer | Class::Bool | Class::Float => numbers::has(value, name),
        Class::DateTime => times::has(value, name),
        Class::TimeDelta => name == "total_seconds",
        _ => false,
    }
}

/// A method bound to its value, or an attribute.
pub(super) fn attribute(value: &Value, name: &str) -> Option<Value> {
    if has(value, name) {
        return Some(Value::from_object(Callable::Method(value.clone(), name.to_owned())));
    }
    if let Some(group) = value.downcast_object_ref::<Group>() {
        return group.attribute(name);
    }
    if let Some(range) = value.downcast_object_ref::<RangeValue>() {
        return match name {
            "start" => Some(Value::from(range.start)),
            "stop" => Some(Value::from(range.stop)),
            "step" => Some(Value::from(range.step)),
            _ => None,
        };
    }
    if let Some(cycler) = value.downcast_object::<Cycler>() {
        return match name {
            "next" => Some(Value::from_object(Callable::Stateful(Stateful::Next(cycler)))),
            "reset" => Some(Value::from_object(Callable::Stateful(Stateful::Reset(cycler)))),
            "current" => Some(cycler.current()),
            "items" => Some(cycler.items()),
            "pos" => Some(Value::from(cycler.position())),
            _ => None,
        };
    }
    numbers::attribute(value, name).or_else(|| times::attribute(value, name))
}

/// Whether a method of this name changes its list or mapping.
pub(super) fn changes_in_place(name: &str) -> bool {
    matches!(
        name,
        "append"
            | "extend"
            | "insert"
            | "remove"
            | "pop"
            | "clear"
            | "sort"
            | "reverse"
            | "update"
            | "setdefault"
            | "popitem"
            | "__setitem__"
    )
}

/// Calls a method that the value has.
pub(super) fn call(
    environment: &Environment<'_>,
    value: &Value,
    name: &str,
    call: Call,
) -> Outcome<Value> {
    match class_of(value) {
        Class::Text if is_markup(value) => markup::call(value, name, call),
        Class::Text => strings::call(value, name, call),
        Class::List | Class::Tuple | Class::Range => containers::call_list(value, name, call),
        Class::Dict => containers::call_dict(environment, value, name, call),
        Class::Integer | Class::Bool | Class::Float => numbers::call(value, name),
        Class::DateTime | Class::TimeDelta => times::call(value, name, call),
        _ => Err(Failure::failed(format!("'{}' has no method {name}", type_name(value)))),
    }
}
