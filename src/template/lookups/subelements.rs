//! `subelements`: each element of a list with each element of a list in it.

use indexmap::IndexMap;
use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, class_of, dict, elements, entries, is_mapping, mapping_get, text, truth, tuple,
};

fn wrong(rest: &str) -> Box<Failure> {
    Failure::failed(format!("subelements lookup expects a list of two or three items, {rest}"))
}

/// Whether it is the result of a task that was skipped.
fn is_skipped(value: &Value) -> Outcome<bool> {
    let skipped = mapping_get(value, &Value::from("skipped"))?;
    Ok(skipped.is_some_and(|skipped| class_of(&skipped) != Class::Bool || skipped.is_true()))
}

/// `subelements`
pub(super) fn subelements(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let (all, path, flags) = match request.terms.as_slice() {
        [all, path] => (all, path, None),
        [all, path, flags] => (all, path, Some(flags)),
        _ => {
            return Err(Failure::failed(
                "subelements lookup expects a list of two or three items,",
            ));
        }
    };
    let Some(path) = path.as_str().filter(|_| matches!(class_of(all), Class::List | Class::Dict))
    else {
        return Err(wrong("first a dict or a list, second a string pointing to the subkey"));
    };
    if let Some(flags) = flags
        && !is_mapping(flags)
        && !elements(flags)?.iter().all(|flag| flag.as_str() == Some("skip_missing"))
    {
        return Err(wrong("the optional third item must be a dict with flags skip_missing"));
    }
    let skip_missing = match flags.filter(|flags| is_mapping(flags)) {
        Some(flags) => match mapping_get(flags, &Value::from("skip_missing"))? {
            Some(flag) => match flag.as_str() {
                Some(word) => {
                    matches!(word.to_lowercase().as_str(), "yes" | "on" | "1" | "true" | "t" | "y")
                }
                None => truth(&flag)?,
            },
            None => false,
        },
        None => false,
    };
    let all = match class_of(all) {
        Class::Dict if is_skipped(all)? => return Ok(Vec::new()),
        Class::Dict => entries(all)?.into_iter().map(|(_, value)| value).collect(),
        _ => elements(all)?,
    };
    let keys: Vec<&str> = path.split('.').collect();
    let mut pairs = Vec::new();
    for element in all {
        if !is_mapping(&element) {
            return Err(Failure::failed(format!(
                "subelements lookup expects a dictionary, got '{}'",
                text(&element)?
            )));
        }
        if is_skipped(&element)? {
            continue;
        }
        let (rest, found) = taken(&element, &keys, skip_missing)?;
        pairs.extend(found.into_iter().map(|sub| tuple(vec![rest.clone(), sub])));
    }
    Ok(pairs)
}

/// The list at a path below an element, and the element without it.
fn taken(element: &Value, keys: &[&str], skip_missing: bool) -> Outcome<(Value, Vec<Value>)> {
    let nothing = || Ok((element.clone(), Vec::new()));
    let Some((key, deeper)) = keys.split_first() else {
        return nothing();
    };
    let Some(inner) = mapping_get(element, &Value::from(*key))? else {
        if skip_missing {
            return if deeper.is_empty() { nothing() } else { taken(element, deeper, true) };
        }
        return Err(Failure::failed(format!(
            "could not find '{key}' key in iterated item '{}'",
            text(element)?
        )));
    };
    let wanted = if deeper.is_empty() { Class::List } else { Class::Dict };
    if class_of(&inner) != wanted {
        if skip_missing && wanted == Class::Dict {
            return taken(element, deeper, true);
        }
        let kind = if wanted == Class::List { "list" } else { "dictionary" };
        return Err(Failure::failed(format!(
            "the key {key} should point to a {kind}, got '{}'",
            text(&inner)?
        )));
    }
    let mut rest: IndexMap<Value, Value> = entries(element)?.into_iter().collect();
    if deeper.is_empty() {
        rest.shift_remove(&Value::from(*key));
        return Ok((dict(rest), elements(&inner)?));
    }
    let (inner, found) = taken(&inner, deeper, skip_missing)?;
    rest.insert(Value::from(*key), inner);
    Ok((dict(rest), found))
}
