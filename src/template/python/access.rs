//! Attributes, items, iteration and final values.

use indexmap::IndexMap;
use minijinja::Value;

use super::class::{Class, as_integer, class_of, type_name};
use super::containers::{
    Blank, Dict, List, Missing, RangeValue, Undefined, list, tuple, undefined,
};
use super::markup::like;
use super::nesting::deeper;
use super::text::repr;
use crate::template::TemplateErrorKind;
use crate::template::failure::{Failure, Outcome};
use crate::template::methods;
use crate::template::work::spend;
use crate::vars::{LazyList, LazyMap, ScopeValue, UnknownResult};

/// The failure of using something that is missing, unknown or broken.
pub(in crate::template) fn usable(value: &Value) -> Outcome<()> {
    match class_of(value) {
        Class::Undefined => Err(match value.downcast_object_ref::<Undefined>() {
            Some(undefined) => undefined.failure(),
            None => Undefined {
                missing: Missing::Other(None, "a value is undefined".to_owned()),
                span: None,
                node: None,
            }
            .failure(),
        }),
        Class::Unknown => Err(match value.downcast_object_ref::<UnknownResult>() {
            Some(unknown) => Failure::unknown(unknown.reason()),
            None => Failure::failed("an unknown value"),
        }),
        Class::Invalid => Err(match value.get_attr("value") {
            Err(error) => error.into(),
            Ok(_) => Failure::failed("an invalid value"),
        }),
        _ => Ok(()),
    }
}

/// A value of a container that may carry an error.
fn checked(value: Value) -> Outcome<Value> {
    if class_of(&value) == Class::Invalid {
        usable(&value)?;
    }
    Ok(value)
}

/// What iterating gives: elements, keys, characters.
pub(in crate::template) fn elements(value: &Value) -> Outcome<Vec<Value>> {
    usable(value)?;
    if let Some(lazy) = value.downcast_object_ref::<LazyList>() {
        return lazy.values();
    }
    if let Some(list) = value.downcast_object_ref::<List>() {
        return Ok(list.lock().clone());
    }
    match class_of(value) {
        Class::Blank => Ok(Vec::new()),
        Class::Text => {
            let text = value.as_str().unwrap_or_default();
            Ok(text.chars().map(|letter| Value::from(letter.to_string())).collect())
        }
        Class::Bytes => Ok(value
            .as_bytes()
            .unwrap_or_default()
            .iter()
            .map(|byte| Value::from(u32::from(*byte)))
            .collect()),
        Class::Range => match value.downcast_object_ref::<RangeValue>() {
            Some(range) => numbers(range),
            None => value.try_iter()?.map(checked).collect(),
        },
        Class::List | Class::Tuple | Class::Dict => value.try_iter()?.map(checked).collect(),
        _ => Err(Failure::failed(format!("'{}' object is not iterable", type_name(value)))),
    }
}

/// A range of more numbers is not made into a list.
const MAXIMUM_NUMBERS: usize = 10_000_000;

/// The numbers of a range, where they are not too many to be held.
fn numbers(range: &RangeValue) -> Outcome<Vec<Value>> {
    let length = range.len();
    if length > MAXIMUM_NUMBERS {
        return Err(Failure::fatal(format!(
            "a range of {length} numbers is too long to be made: it may have {MAXIMUM_NUMBERS}"
        )));
    }
    spend(length)?;
    Ok((0..length).filter_map(|index| range.at(index)).collect())
}

/// The entries of a mapping.
pub(in crate::template) fn entries(value: &Value) -> Outcome<Vec<(Value, Value)>> {
    usable(value)?;
    if let Some(lazy) = value.downcast_object_ref::<LazyMap>() {
        return lazy.entries();
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        return Ok(dict.lock().iter().map(|(key, value)| (key.clone(), value.clone())).collect());
    }
    if class_of(value) != Class::Dict {
        let name = type_name(value);
        return Err(Failure::failed(format!("'{name}' object is not a mapping")));
    }
    let mut entries = Vec::new();
    for key in value.try_iter()? {
        if let Some(entry) = mapping_get(value, &key)? {
            entries.push((key, entry));
        }
    }
    Ok(entries)
}

/// How many elements it has.
pub(in crate::template) fn length(value: &Value) -> Outcome<usize> {
    usable(value)?;
    match class_of(value) {
        Class::Text => Ok(value.as_str().unwrap_or_default().chars().count()),
        Class::Blank => Ok(0),
        Class::List | Class::Tuple | Class::Range | Class::Dict | Class::Bytes => {
            let range = value.downcast_object_ref::<RangeValue>().map(RangeValue::len);
            match range.or_else(|| value.len()) {
                Some(length) if i64::try_from(length).is_err() => {
                    Err(Failure::failed("Python int too large to convert to C ssize_t"))
                }
                Some(length) => Ok(length),
                None => Ok(elements(value)?.len()),
            }
        }
        _ => Err(Failure::failed(format!("object of type '{}' has no len()", type_name(value)))),
    }
}

/// Whether it counts as true.
pub(in crate::template) fn truth(value: &Value) -> Outcome<bool> {
    usable(value)?;
    match class_of(value) {
        Class::None | Class::Blank => Ok(false),
        Class::Bool | Class::Integer | Class::Float => Ok(value.is_true()),
        Class::Text | Class::Bytes | Class::List | Class::Tuple | Class::Range => {
            Ok(length(value)? > 0)
        }
        Class::Dict => Ok(value.len() != Some(0)),
        _ => Ok(true),
    }
}

/// The value of a mapping's key.
pub(in crate::template) fn mapping_get(value: &Value, key: &Value) -> Outcome<Option<Value>> {
    if let Some(lazy) = value.downcast_object_ref::<LazyMap>() {
        return lazy.field(key);
    }
    if let Some(unknown) = value.downcast_object_ref::<UnknownResult>() {
        return unknown.field(key).map(Some);
    }
    if let Some(variables) = value.downcast_object_ref::<ScopeValue>() {
        return match key.as_str() {
            // one that cannot be had stands there until something needs it
            Some(name) => match variables.lookup(name) {
                Err(failure) => failure.into_undefined().map(Some),
                found => found,
            },
            None => Ok(None),
        };
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        return Ok(dict.lock().get(key).cloned());
    }
    match value.as_object().and_then(|object| object.get_value(key)) {
        Some(found) => checked(found).map(Some),
        None => Ok(None),
    }
}

/// The element at an index of a list, counted from the end where negative.
pub(in crate::template) fn element_at(value: &Value, index: i128) -> Outcome<Option<Value>> {
    let length = length(value)?;
    let Some(index) = absolute_index(index, length) else {
        return Ok(None);
    };
    if let Some(lazy) = value.downcast_object_ref::<LazyList>() {
        return lazy.value(index);
    }
    if let Some(text) = value.as_str() {
        return Ok(text.chars().nth(index).map(|letter| like(value, letter.to_string())));
    }
    match value.as_object().and_then(|object| object.get_value(&Value::from(index))) {
        Some(found) => checked(found).map(Some),
        None => Ok(elements(value)?.get(index).cloned()),
    }
}

fn absolute_index(index: i128, length: usize) -> Option<usize> {
    let signed = i128::try_from(length).ok()?;
    let index = if index < 0 { index + signed } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

fn missing(value: &Value, key: &Value) -> Outcome<Value> {
    let key_text = repr(key)?;
    let message = if class_of(key) == Class::Text || truth(key)? {
        format!("object of type '{}' has no attribute {key_text}", type_name(value))
    } else if value.is_none() {
        format!("None has no element {key_text}")
    } else {
        format!("{} object has no element {key_text}", type_name(value))
    };
    Ok(undefined(Missing::Other(key.as_str().map(str::to_owned), message)))
}

/// `value[key]`; what is not there is undefined.
pub(in crate::template) fn item(value: &Value, key: &Value) -> Outcome<Value> {
    if class_of(value) == Class::Undefined {
        return Ok(value.clone());
    }
    usable(key)?;
    match class_of(value) {
        Class::Blank => return Err(Blank::failure()),
        Class::Dict | Class::Unknown => {
            if let Some(found) = mapping_get(value, key)? {
                return Ok(found);
            }
        }
        Class::List | Class::Tuple | Class::Range | Class::Text => {
            if let Some(index) = as_integer(key)
                && let Some(found) = element_at(value, index)?
            {
                return Ok(found);
            }
        }
        _ => {}
    }
    if let Some(name) = key.as_str()
        && let Some(found) = methods::attribute(value, name)
    {
        return Ok(found);
    }
    missing(value, key)
}

/// `value.name`: a method or attribute, else the key.
pub(in crate::template) fn attribute_of(value: &Value, name: &str) -> Outcome<Value> {
    if class_of(value) == Class::Undefined {
        return Ok(value.clone());
    }
    usable_but_unknown(value)?;
    if class_of(value) == Class::Blank {
        return Err(Blank::failure());
    }
    if name.starts_with("__") && mapping_get(value, &Value::from(name))?.is_none() {
        let message =
            format!("access to attribute '{name}' of '{}' object is unsafe.", type_name(value));
        return Ok(undefined(Missing::Other(Some(name.to_owned()), message)));
    }
    if class_of(value) != Class::Unknown
        && let Some(found) = methods::attribute(value, name)
    {
        return Ok(found);
    }
    if matches!(class_of(value), Class::Dict | Class::Unknown)
        && let Some(found) = mapping_get(value, &Value::from(name))?
    {
        return Ok(found);
    }
    missing(value, &Value::from(name))
}

fn usable_but_unknown(value: &Value) -> Outcome<()> {
    if class_of(value) == Class::Unknown { Ok(()) } else { usable(value) }
}

/// `value[start:stop:step]`
pub(in crate::template) fn slice(value: &Value, bounds: [Option<Value>; 3]) -> Outcome<Value> {
    if class_of(value) == Class::Undefined {
        return Ok(value.clone());
    }
    let mut numbers = [None; 3];
    for (number, bound) in numbers.iter_mut().zip(&bounds) {
        *number = match bound {
            None => None,
            Some(bound) if bound.is_none() => None,
            Some(bound) => Some(as_integer(bound).ok_or_else(|| {
                Failure::failed(
                    "slice indices must be integers or None or have an __index__ method",
                )
            })?),
        };
    }
    let [start, stop, step] = numbers;
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Failure::failed("slice step cannot be zero"));
    }
    if !matches!(class_of(value), Class::Text | Class::List | Class::Tuple | Class::Range) {
        usable(value)?;
        if class_of(value) == Class::Blank {
            return Err(Blank::failure());
        }
        return Err(Failure::failed(match class_of(value) {
            Class::Dict | Class::Unknown => "unhashable type: 'slice'".to_owned(),
            _ => format!("'{}' object is not subscriptable", type_name(value)),
        }));
    }
    let whole = value.downcast_object_ref::<RangeValue>();
    let all = if whole.is_some() { Vec::new() } else { elements(value)? };
    let length = whole.map_or(all.len(), RangeValue::len);
    let length = i128::try_from(length).unwrap_or(i128::MAX);
    let bound = |bound: Option<i128>, default: i128| match bound {
        None => default,
        Some(bound) => {
            let bound = if bound < 0 { bound + length } else { bound };
            if step > 0 { bound.clamp(0, length) } else { bound.clamp(-1, length - 1) }
        }
    };
    let (first, last) = if step > 0 {
        (bound(start, 0), bound(stop, length))
    } else {
        (bound(start, length - 1), bound(stop, -1))
    };
    let range = RangeValue { start: first, stop: last, step };
    if let Some(whole) = whole {
        return Ok(Value::from_object(whole.part(&range)));
    }
    let chosen: Vec<Value> = (0..range.len())
        .filter_map(|index| range.at(index))
        .filter_map(|index| as_integer(&index))
        .filter_map(|index| all.get(usize::try_from(index).ok()?).cloned())
        .collect();
    Ok(match class_of(value) {
        Class::Text => like(value, chosen.iter().filter_map(Value::as_str).collect::<String>()),
        Class::Tuple => tuple(chosen),
        _ => list(chosen),
    })
}

/// A value as it leaves the templates: plain lists and mappings, nothing missing, no `omit` in
/// containers.
pub(in crate::template) fn finalise(value: &Value) -> Outcome<Value> {
    finished(value, &mut None)
}

/// The same where text that tells why stands for what is missing; and those reasons.
pub(in crate::template) fn finalise_marked(value: &Value) -> Outcome<(Value, Vec<String>)> {
    let mut told = Some(Vec::new());
    let value = finished(value, &mut told)?;
    Ok((value, told.unwrap_or_default()))
}

fn finished(value: &Value, told: &mut Option<Vec<String>>) -> Outcome<Value> {
    match class_of(value) {
        Class::List | Class::Dict | Class::Tuple => deeper(|| finished_here(value, told)),
        _ => finished_here(value, told),
    }
}

fn finished_here(value: &Value, told: &mut Option<Vec<String>>) -> Outcome<Value> {
    match class_of(value) {
        Class::Blank => {
            Err(Failure::failed("Type 'Undefined' is unsupported for variable storage."))
        }
        Class::Undefined => match (usable(value), told) {
            (Err(failure), Some(told)) => match failure.kind {
                TemplateErrorKind::Undefined { message, .. } => {
                    told.push(message);
                    Ok(Value::from(marker(told)))
                }
                _ => Err(failure),
            },
            (outcome, _) => outcome.map(|()| value.clone()),
        },
        Class::List | Class::Tuple => {
            if is_plain(value) {
                return Ok(value.clone());
            }
            let mut list = Vec::new();
            let mut finish = |element: Value| -> Outcome<()> {
                if class_of(&element) != Class::Omit {
                    list.push(finished(&element, told)?);
                }
                Ok(())
            };
            if let Some(lazy) = value.downcast_object_ref::<LazyList>() {
                // one after the other, so that the first that is wrong is told
                let mut index = 0;
                while let Some(element) = lazy.value(index)? {
                    finish(element)?;
                    index += 1;
                }
            } else {
                elements(value)?.into_iter().try_for_each(finish)?;
            }
            Ok(Value::from(list))
        }
        Class::Dict => {
            if is_plain(value) {
                return Ok(value.clone());
            }
            let mut dict: IndexMap<Value, Value> = IndexMap::new();
            let mut finish = |(key, entry): (Value, Value)| -> Outcome<()> {
                if class_of(&entry) != Class::Omit {
                    dict.insert(key, finished(&entry, told)?);
                }
                Ok(())
            };
            if let Some(lazy) = value.downcast_object_ref::<LazyMap>() {
                let mut index = 0;
                while let Some(entry) = lazy.entry(index)? {
                    finish(entry)?;
                    index += 1;
                }
            } else {
                entries(value)?.into_iter().try_for_each(finish)?;
            }
            Ok(Value::from_object(dict))
        }
        Class::Unknown | Class::Invalid => {
            usable(value)?;
            Ok(value.clone())
        }
        Class::Range | Class::Callable | Class::Other => Err(Failure::failed(format!(
            "Type '{}' is unsupported for variable storage.",
            type_name(value)
        ))),
        _ => Ok(value.clone()),
    }
}

/// What stands for the last of the values that are missing.
fn marker(told: &[String]) -> String {
    let message = told.last().map(String::as_str).unwrap_or_default();
    format!("<< error {} - {message} >>", told.len())
}

/// A list of its own elements, for containers that are not changed in place.
pub(in crate::template) fn thaw(value: &Value) -> Option<Value> {
    match class_of(value) {
        Class::List if value.downcast_object_ref::<List>().is_none() => {
            let elements = elements(value).ok()?;
            Some(list(
                elements.iter().map(|element| thaw(element).unwrap_or(element.clone())).collect(),
            ))
        }
        Class::Dict if value.downcast_object_ref::<Dict>().is_none() => {
            let entries = entries(value).ok()?;
            Some(super::containers::dict(
                entries
                    .into_iter()
                    .map(|(key, entry)| (key, thaw(&entry).unwrap_or(entry)))
                    .collect(),
            ))
        }
        _ => None,
    }
}

/// A value as a variable keeps it: what can be changed in place no longer can, what is rendered
/// on access still is.
pub(in crate::template) fn settle(value: &Value) -> Outcome<Value> {
    match class_of(value) {
        Class::Undefined | Class::Blank => finalise(value),
        Class::Range | Class::Callable => finalise(value),
        _ => frozen(value),
    }
}

fn frozen(value: &Value) -> Outcome<Value> {
    if let Some(list) = value.downcast_object_ref::<List>() {
        let elements = list.lock().clone();
        let frozen = || elements.iter().map(frozen).collect::<Outcome<Vec<Value>>>();
        return deeper(frozen).map(Value::from);
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        let entries = dict.lock().clone();
        let frozen = || {
            let entries = entries.iter().map(|(key, entry)| Ok((key.clone(), frozen(entry)?)));
            entries.collect::<Outcome<IndexMap<Value, Value>>>()
        };
        return deeper(frozen).map(Value::from_object);
    }
    if class_of(value) == Class::Blank { finalise(value) } else { Ok(value.clone()) }
}

/// Whether a value holds only plain data.
fn is_plain(value: &Value) -> bool {
    if let Some(elements) = value.downcast_object_ref::<Vec<Value>>() {
        return elements.iter().all(is_plain);
    }
    if let Some(entries) = value.downcast_object_ref::<IndexMap<Value, Value>>() {
        return entries.values().all(is_plain);
    }
    matches!(
        class_of(value),
        Class::None | Class::Bool | Class::Integer | Class::Float | Class::Text
    )
}
