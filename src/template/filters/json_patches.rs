//! JSON Patch (RFC 6902), as Python's `jsonpatch` applies it.

use indexmap::IndexMap;
use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, dict, elements, entries, equal, is_mapping, list, mapping_get, parse_json,
    text, type_name,
};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("community.general.json_patch", &["input", "op", "path", "value", "**"], json_patch),
    filter(
        "community.general.json_patch_recipe",
        &["input", "operations", "fail_test"],
        json_patch_recipe,
    ),
];

const OPERATIONS: [&str; 6] = ["add", "copy", "move", "remove", "replace", "test"];

/// Why a patch is not applied.
enum Stop {
    /// A `test` does not hold.
    Test(String),
    /// It cannot be.
    Error(String),
}

type Patched<T> = Result<T, Stop>;

fn stop<T>(text: impl Into<String>) -> Patched<T> {
    Err(Stop::Error(text.into()))
}

impl From<Box<crate::template::Failure>> for Stop {
    fn from(failure: Box<crate::template::Failure>) -> Self {
        Self::Error(failure.kind.to_string())
    }
}

/// An operation of a patch.
struct Operation {
    name: String,
    path: String,
    from: Option<String>,
    value: Option<Value>,
}

fn json_patch(call: &Bound<'_>) -> Outcome<Value> {
    const NAME: &str = "json_patch";
    let mut unknown: Vec<&str> = call.keywords.iter().map(|(name, _)| name.as_str()).collect();
    unknown.retain(|name| !["from", "fail_test"].contains(name));
    unknown.sort_unstable();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(call.refuse(format!("{NAME}: unexpected keywords arguments: {unknown}")));
    }
    let fails = fails(call, call.keyword("fail_test"))?;
    let mut given = vec![("op", call.required(1)?.clone()), ("path", call.required(2)?.clone())];
    let name = call.required(1)?.as_str().unwrap_or_default();
    if ["add", "replace", "test"].contains(&name) {
        given.push(("value", call.given(3).cloned().unwrap_or_else(|| Value::from(()))));
    }
    if let Some(from) = call.keyword("from").filter(|from| !from.is_none())
        && ["copy", "move"].contains(&name)
    {
        given.push(("from", from.clone()));
    }
    let input = document(call, NAME)?;
    let given: IndexMap<Value, Value> =
        given.into_iter().map(|(name, value)| (Value::from(name), value)).collect();
    let operation = operation(call, NAME, &dict(given))?;
    done(call, NAME, apply_all(input, &[operation]), fails)
}

fn json_patch_recipe(call: &Bound<'_>) -> Outcome<Value> {
    const NAME: &str = "json_patch_recipe";
    let given = call.required(1)?;
    if class_of(given) != Class::List {
        return Err(call.refuse(format!("{NAME}: 'operations' needs to be a list")));
    }
    let fails = fails(call, call.given(2))?;
    let input = document(call, NAME)?;
    let read = |given: &Value| operation(call, NAME, given);
    let operations = elements(given)?.iter().map(read).collect::<Outcome<Vec<_>>>()?;
    done(call, NAME, apply_all(input, &operations), fails)
}

fn fails(call: &Bound<'_>, given: Option<&Value>) -> Outcome<bool> {
    match given {
        None => Ok(false),
        Some(value) if class_of(value) == Class::Bool => Ok(value.is_true()),
        Some(_) => Err(call.refuse("json_patch: 'fail_test' argument is not a bool")),
    }
}

/// The input, which may be a text of JSON.
fn document(call: &Bound<'_>, name: &str) -> Outcome<Value> {
    let input = call.value()?;
    match class_of(input) {
        Class::Text => parse_json(input.as_str().unwrap_or_default()).map_err(|failure| {
            call.refuse(format!("{name}: could not decode JSON from input: {}", failure.kind))
        }),
        Class::List | Class::Dict => Ok(input.clone()),
        _ => Err(call.refuse(format!("{name}: input is not dictionary, list or string"))),
    }
}

fn operation(call: &Bound<'_>, filter: &str, given: &Value) -> Outcome<Operation> {
    let field = |name: &str| mapping_get(given, &Value::from(name));
    let string = |name: &str| {
        let value = field(name)?;
        let value = value.as_ref().and_then(Value::as_str).map(str::to_owned);
        value.ok_or_else(|| call.refuse(format!("{filter}: '{name}' argument is not a string")))
    };
    let name = string("op")?;
    if !OPERATIONS.contains(&name.as_str()) {
        return Err(call.refuse(format!("{filter}: unsupported 'op' argument: {name}")));
    }
    let path = string("path")?;
    let from = match name.as_str() {
        "copy" | "move" if field("from")?.is_none() => {
            return Err(
                call.refuse(format!("{filter}: 'from' argument missing for '{name}' operation"))
            );
        }
        "copy" | "move" => Some(string("from")?),
        _ => None,
    };
    Ok(Operation { name, path, from, value: field("value")? })
}

fn done(call: &Bound<'_>, filter: &str, result: Patched<Value>, fails: bool) -> Outcome<Value> {
    match result {
        Ok(value) => Ok(value),
        Err(Stop::Test(_)) if !fails => Ok(Value::from(())),
        Err(Stop::Test(text)) => {
            Err(call.refuse(format!("{filter}: test operation failed: {text}")))
        }
        Err(Stop::Error(text)) => Err(call.refuse(format!("{filter}: patch failed: {text}"))),
    }
}

fn apply_all(document: Value, operations: &[Operation]) -> Patched<Value> {
    operations.iter().try_fold(document, apply)
}

fn apply(document: Value, operation: &Operation) -> Patched<Value> {
    let path = pointer(&operation.path)?;
    let value = || match &operation.value {
        Some(value) => Ok(value.clone()),
        None => stop("The operation does not contain a 'value' member"),
    };
    match operation.name.as_str() {
        "add" => {
            let value = value()?;
            changed(&document, &path, &mut |parent, part| added(parent, part, &value))
        }
        "remove" => changed(&document, &path, &mut removed),
        "replace" => {
            let value = value()?;
            changed(&document, &path, &mut |parent, part| replaced(parent, part, &value))
        }
        "test" => {
            let found = match found(&document, &path) {
                Err(Stop::Error(text)) => return Err(Stop::Test(text)),
                found => found?,
            };
            let value = value()?;
            let alike = (class_of(&found) == Class::Bool) == (class_of(&value) == Class::Bool);
            if alike && equal(&found, &value)? {
                return Ok(document);
            }
            Err(Stop::Test(format!(
                "{} (<class '{}'>) is not equal to tested value {} (<class '{}'>)",
                text(&found)?,
                type_name(&found),
                text(&value)?,
                type_name(&value)
            )))
        }
        name => {
            let from = pointer(operation.from.as_deref().unwrap_or_default())?;
            let value = found(&document, &from)?;
            if name == "move" {
                if path.len() > from.len() && path.starts_with(&from) {
                    return stop("Cannot move values into their own children");
                }
                if path == from {
                    return Ok(document);
                }
            }
            let document = match name {
                "move" => changed(&document, &from, &mut removed)?,
                _ => document,
            };
            changed(&document, &path, &mut |parent, part| added(parent, part, &value))
        }
    }
}

/// The parts of a JSON pointer.
fn pointer(text: &str) -> Patched<Vec<String>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rest) = text.strip_prefix('/') else { return stop("Location must start with /") };
    Ok(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
}

fn index(part: &str) -> Patched<usize> {
    let plain =
        part == "0" || (!part.starts_with('0') && part.bytes().all(|it| it.is_ascii_digit()));
    match part.parse() {
        Ok(index) if plain => Ok(index),
        _ => stop(format!("'{part}' is not a valid sequence index")),
    }
}

fn step(value: &Value, part: &str) -> Patched<Value> {
    match class_of(value) {
        Class::Dict => match mapping_get(value, &Value::from(part))? {
            Some(found) => Ok(found),
            None => {
                let shown = text(value)?;
                stop(format!("member '{part}' not found in {shown}"))
            }
        },
        Class::List => {
            let index = index(part)?;
            match elements(value)?.get(index) {
                Some(found) => Ok(found.clone()),
                None => stop(format!("index '{index}' is out of bounds")),
            }
        }
        _ => stop(format!("unable to fully resolve json pointer, part {part}")),
    }
}

fn found(document: &Value, path: &[String]) -> Patched<Value> {
    path.iter().try_fold(document.clone(), |value, part| step(&value, part))
}

/// The document with the container changed that holds the last part of a path.
fn changed(
    document: &Value,
    path: &[String],
    change: &mut dyn FnMut(&Value, Option<&str>) -> Patched<Value>,
) -> Patched<Value> {
    let Some((first, rest)) = path.split_first() else { return change(document, None) };
    if rest.is_empty() {
        return change(document, Some(first));
    }
    let inner = changed(&step(document, first)?, rest, change)?;
    with(document, first, inner)
}

/// A container with one part set anew.
fn with(container: &Value, part: &str, value: Value) -> Patched<Value> {
    if is_mapping(container) {
        let mut members: IndexMap<Value, Value> = entries(container)?.into_iter().collect();
        members.insert(Value::from(part), value);
        return Ok(dict(members));
    }
    let index = index(part)?;
    let mut all = elements(container)?;
    if let Some(slot) = all.get_mut(index) {
        *slot = value;
    }
    Ok(list(all))
}

fn added(parent: &Value, part: Option<&str>, value: &Value) -> Patched<Value> {
    let Some(part) = part else { return Ok(value.clone()) };
    match class_of(parent) {
        Class::List => {
            let mut all = elements(parent)?;
            if part == "-" {
                all.push(value.clone());
                return Ok(list(all));
            }
            let index = index(part)?;
            if index > all.len() {
                return stop("can't insert outside of list");
            }
            all.insert(index, value.clone());
            Ok(list(all))
        }
        Class::Dict => with(parent, part, value.clone()),
        _ => stop(format!("unable to fully resolve json pointer, part {part}")),
    }
}

fn replaced(parent: &Value, part: Option<&str>, value: &Value) -> Patched<Value> {
    let Some(part) = part else { return Ok(value.clone()) };
    match class_of(parent) {
        Class::List if part == "-" => {
            stop("'path' with '-' can't be applied to 'replace' operation")
        }
        Class::List => match index(part)? {
            index if index >= elements(parent)?.len() => stop("can't replace outside of list"),
            _ => with(parent, part, value.clone()),
        },
        Class::Dict => match mapping_get(parent, &Value::from(part))? {
            Some(_) => with(parent, part, value.clone()),
            None => stop(format!("can't replace a non-existent object '{part}'")),
        },
        _ => stop(format!("unable to fully resolve json pointer, part {part}")),
    }
}

fn removed(parent: &Value, part: Option<&str>) -> Patched<Value> {
    let Some(part) = part else { return stop("can't remove the whole document") };
    let gone = || Stop::Error(format!("can't remove a non-existent object '{part}'"));
    match class_of(parent) {
        Class::List => {
            let index = index(part)?;
            let mut all = elements(parent)?;
            if index >= all.len() {
                return Err(gone());
            }
            all.remove(index);
            Ok(list(all))
        }
        Class::Dict => {
            let mut members: IndexMap<Value, Value> = entries(parent)?.into_iter().collect();
            members.shift_remove(&Value::from(part)).ok_or_else(gone)?;
            Ok(dict(members))
        }
        _ => Err(gone()),
    }
}
