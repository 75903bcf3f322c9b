//! Methods of lists, tuples and dicts.

use indexmap::IndexMap;
use minijinja::Value;

use super::super::eval::{Call, Environment};
use super::super::failure::{Failure, Outcome};
use super::super::python::{
    self, Class, Dict, List, as_integer, class_of, dict, elements, entries, equal, list,
    mapping_get, sort_by, truth, tuple,
};

use crate::vars::LazyMap;

pub(super) const LIST_METHODS: [&str; 11] = [
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "index", "count",
    "copy",
];

const DICT_METHODS: [&str; 12] = [
    "get",
    "items",
    "keys",
    "values",
    "update",
    "pop",
    "popitem",
    "setdefault",
    "copy",
    "clear",
    "fromkeys",
    "__setitem__",
];

pub(super) fn is_dict_method(value: &Value, name: &str) -> bool {
    let namespace = value.downcast_object_ref::<Dict>().is_some_and(|dict| dict.namespace);
    !namespace && DICT_METHODS.contains(&name)
}

fn argument<'a>(call: &'a Call, index: usize, method: &str) -> Outcome<&'a Value> {
    call.positional
        .get(index)
        .ok_or_else(|| Failure::failed(format!("{method}() is missing an argument")))
}

fn keyword<'a>(call: &'a Call, name: &str) -> Option<&'a Value> {
    call.keywords.iter().find(|(keyword, _)| keyword == name).map(|(_, value)| value)
}

fn absolute(index: i128, length: usize) -> Option<usize> {
    let signed = i128::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + signed } else { index }).ok()
}

pub(super) fn call_list(value: &Value, name: &str, call: Call) -> Outcome<Value> {
    match name {
        "index" => {
            let wanted = argument(&call, 0, name)?;
            for (index, element) in elements(value)?.iter().enumerate() {
                if equal(element, wanted)? {
                    return Ok(Value::from(index));
                }
            }
            Err(Failure::failed(format!("{} is not in list", python::repr(wanted)?)))
        }
        "count" => {
            let wanted = argument(&call, 0, name)?;
            let mut count = 0;
            for element in elements(value)? {
                count += usize::from(equal(&element, wanted)?);
            }
            Ok(Value::from(count))
        }
        "copy" => Ok(list(elements(value)?)),
        _ => match value.downcast_object_ref::<List>() {
            Some(changed) => change_list(changed, name, &call),
            None => Err(Failure::failed("this list cannot be changed in place")),
        },
    }
}

fn change_list(changed: &List, name: &str, call: &Call) -> Outcome<Value> {
    let none = Value::from(());
    match name {
        "append" => changed.extend_with(vec![argument(call, 0, name)?.clone()])?,
        "extend" => {
            let added = elements(argument(call, 0, name)?)?;
            changed.extend_with(added)?;
        }
        "insert" => {
            let index = as_integer(argument(call, 0, name)?).unwrap_or_default();
            let added = argument(call, 1, name)?.clone();
            let length = changed.lock().len();
            let index = absolute(index, length).unwrap_or_default().min(length);
            changed.extend_with(vec![added])?;
            if let Some(moved) = changed.lock().get_mut(index..) {
                moved.rotate_right(1);
            }
        }
        "remove" => {
            let wanted = argument(call, 0, name)?;
            let values = changed.lock().clone();
            for (index, element) in values.iter().enumerate() {
                if equal(element, wanted)? {
                    changed.lock().remove(index);
                    return Ok(none);
                }
            }
            return Err(Failure::failed("list.remove(x): x not in list"));
        }
        "pop" => {
            let index = match call.positional.first() {
                None => -1,
                Some(index) => as_integer(index).ok_or_else(|| {
                    let kind = python::type_name(index);
                    Failure::failed(format!("'{kind}' object cannot be interpreted as an integer"))
                })?,
            };
            let mut values = changed.lock();
            if values.is_empty() {
                return Err(Failure::failed("pop from empty list"));
            }
            let index = absolute(index, values.len()).filter(|index| *index < values.len());
            return match index {
                Some(index) => Ok(values.remove(index)),
                None => Err(Failure::failed("pop index out of range")),
            };
        }
        "clear" => changed.lock().clear(),
        "reverse" => changed.lock().reverse(),
        "sort" => {
            let reverse = keyword(call, "reverse").map_or(Ok(false), truth)?;
            let values = changed.lock().clone();
            let keyed = values.into_iter().map(|value| (value.clone(), value)).collect();
            *changed.lock() = sort_by(keyed, reverse)?;
        }
        name => return Err(Failure::failed(format!("'list' object has no attribute '{name}'"))),
    }
    Ok(none)
}

/// The first value of a variable's mapping that is missing; one that the template made tells of
/// it where the value is used.
fn missing_value(value: &Value) -> Outcome<Option<Value>> {
    if value.downcast_object_ref::<LazyMap>().is_none() {
        return Ok(None);
    }
    let values = entries(value)?.into_iter().map(|(_, entry)| entry);
    Ok(values.into_iter().find(|entry| class_of(entry) == Class::Undefined))
}

pub(super) fn call_dict(
    _: &Environment<'_>,
    value: &Value,
    name: &str,
    call: Call,
) -> Outcome<Value> {
    match name {
        "get" => {
            let found = mapping_get(value, argument(&call, 0, name)?)?;
            let default = call.positional.get(1).or_else(|| keyword(&call, "default"));
            Ok(found.or_else(|| default.cloned()).unwrap_or_else(|| Value::from(())))
        }
        // to list the values is to need them
        "items" | "values" if missing_value(value)?.is_some() => {
            Ok(missing_value(value)?.unwrap_or_default())
        }
        "items" => Ok(list(
            entries(value)?.into_iter().map(|(key, entry)| tuple(vec![key, entry])).collect(),
        )),
        "keys" => Ok(list(elements(value)?)),
        "values" => Ok(list(entries(value)?.into_iter().map(|(_, entry)| entry).collect())),
        "copy" => Ok(dict(entries(value)?.into_iter().collect())),
        "fromkeys" => {
            let value = call.positional.get(1).cloned().unwrap_or_else(|| Value::from(()));
            let keys = elements(argument(&call, 0, name)?)?;
            Ok(dict(keys.into_iter().map(|key| (key, value.clone())).collect()))
        }
        _ => match value.downcast_object_ref::<Dict>() {
            Some(changed) => change_dict(changed, name, call),
            None => Err(Failure::failed("this mapping cannot be changed in place")),
        },
    }
}

fn change_dict(changed: &Dict, name: &str, call: Call) -> Outcome<Value> {
    match name {
        "update" => {
            let mut added: IndexMap<Value, Value> = IndexMap::new();
            if let Some(source) = call.positional.first() {
                if python::is_mapping(source) {
                    added.extend(entries(source)?);
                } else {
                    for pair in elements(source)? {
                        let pair = elements(&pair)?;
                        if let [key, value] = pair.as_slice() {
                            added.insert(key.clone(), value.clone());
                        }
                    }
                }
            }
            added.extend(call.keywords.into_iter().map(|(key, value)| (Value::from(key), value)));
            changed.set(added)?;
        }
        "__setitem__" => {
            let (key, value) = (argument(&call, 0, name)?, argument(&call, 1, name)?);
            changed.set([(key.clone(), value.clone())])?;
        }
        "setdefault" => {
            let key = argument(&call, 0, name)?.clone();
            let default = call.positional.get(1).cloned().unwrap_or_else(|| Value::from(()));
            let known = changed.lock().get(&key).cloned();
            if let Some(known) = known {
                return Ok(known);
            }
            changed.set([(key, default.clone())])?;
            return Ok(default);
        }
        "pop" => {
            let key = argument(&call, 0, name)?;
            let removed = changed.lock().shift_remove(key);
            return match removed.or_else(|| call.positional.get(1).cloned()) {
                Some(value) => Ok(value),
                None => Err(Failure::failed(python::repr(key)?)),
            };
        }
        "popitem" => {
            let last = changed.lock().pop();
            return match last {
                Some((key, value)) => Ok(tuple(vec![key, value])),
                None => Err(Failure::failed("'popitem(): dictionary is empty'")),
            };
        }
        "clear" => changed.lock().clear(),
        name => return Err(Failure::failed(format!("'dict' object has no attribute '{name}'"))),
    }
    Ok(Value::from(()))
}
