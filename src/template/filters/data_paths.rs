//! Filters that find things deep in data.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::{Bound, Environment};
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, dict, elements, entries, finalise, is_mapping, list, mapping_get, text, truth,
    type_name,
};
use crate::template::{jmespath, render};
use crate::vars::{Layer, Scope, Var};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("community.general.json_query", &["data", "expr"], |call| {
        jmespath::search(&call.text_or(1, "")?, call.value()?)
    }),
    filter("ansible.utils.get_path", &["var", "path", "wantlist"], |call| {
        let value = get_path(call.value()?, &call.text(1)?)?;
        Ok(if call.flag(2)? { list(vec![value]) } else { value })
    }),
    filter("ansible.utils.to_paths", &["var", "prepend", "wantlist"], |call| {
        let prefix = call.text_or(1, "")?;
        let mut paths = Vec::new();
        to_paths(call.value()?, &prefix, &mut paths)?;
        let paths = dict(paths.into_iter().map(|(name, value)| (name.into(), value)).collect());
        Ok(if call.flag(2)? { list(vec![paths]) } else { paths })
    }),
    filter(
        "ansible.utils.index_of",
        &["data", "test", "value", "key", "fail_on_missing", "wantlist"],
        |call| {
            let none = Value::from(());
            let sought = Sought {
                test: call.text(1)?,
                value: call.given(2).unwrap_or(&none).clone(),
                key: call.some(3).cloned(),
                fail_on_missing: call.flag(4)?,
                wants_list: call.flag(5)?,
            };
            index_of(call, &sought)
        },
    ),
];

/// What an expression gives when a mapping's keys are its variables.
fn get_path(value: &Value, path: &str) -> Outcome<Value> {
    let mut layer = Layer::new();
    for (key, value) in entries(value)? {
        layer.insert(text(&key)?, Var::Data(finalise(&value)?));
    }
    let scope = Scope::new(vec![std::sync::Arc::new(layer)]);
    render::template_value(&format!("{{{{ {path} }}}}"), None, &scope)
}

fn is_name(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The values within a value by the paths that lead to them.
fn to_paths(value: &Value, name: &str, paths: &mut Vec<(String, Value)>) -> Outcome<()> {
    if is_mapping(value) {
        let all = entries(value)?;
        if all.is_empty() && !name.is_empty() {
            paths.push((name.to_owned(), value.clone()));
        }
        for (key, value) in all {
            let key = text(&key)?;
            let path = match (name.is_empty(), is_name(&key)) {
                (true, _) => key,
                (false, true) => format!("{name}.{key}"),
                (false, false) => format!("{name}['{key}']"),
            };
            to_paths(&value, &path, paths)?;
        }
    } else if class_of(value) == Class::List {
        let all = elements(value)?;
        if all.is_empty() && !name.is_empty() {
            paths.push((name.to_owned(), value.clone()));
        }
        for (index, value) in all.iter().enumerate() {
            to_paths(value, &format!("{name}[{index}]"), paths)?;
        }
    } else {
        paths.push((name.to_owned(), value.clone()));
    }
    Ok(())
}

struct Sought {
    test: String,
    value: Value,
    key: Option<Value>,
    fail_on_missing: bool,
    wants_list: bool,
}

fn index_of(call: &Bound<'_>, sought: &Sought) -> Outcome<Value> {
    let refuse =
        |message: String| call.refuse(format!("Error when using plugin 'index_of': {message}"));
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let all = call.list(0)?;
    if sought.key.is_some() && !all.iter().all(is_mapping) {
        let types: Vec<&str> = all.iter().map(type_name).collect();
        return Err(refuse(format!(
            "When a key name is provided, all list entries are required to be dictionaries, got {}",
            joined(&types)
        )));
    }
    for (index, element) in all.iter().enumerate() {
        let tested = match &sought.key {
            None => Some(element.clone()),
            Some(key) => mapping_get(element, key)?,
        };
        match tested {
            Some(value) if holds(call.environment, sought, &value).map_err(&refuse)? => {
                found.push(Value::from(index));
            }
            None if sought.fail_on_missing => {
                let key = sought.key.as_ref().map_or(Ok(String::new()), text)?;
                missing.push(format!("'{key}' was not found in '{}' at [{index}]", text(element)?));
            }
            _ => {}
        }
    }
    if !missing.is_empty() {
        let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
        return Err(refuse(format!("{}. fail_on_missing=True", joined(&missing))));
    }
    match found.as_slice() {
        [only] if !sought.wants_list => Ok(only.clone()),
        _ => Ok(list(found)),
    }
}

fn joined(words: &[&str]) -> String {
    words
        .split_last()
        .map(|(last, most)| format!("{} and {last}", most.join(", ")))
        .unwrap_or_default()
}

/// Whether a test holds for a value; a name after `not` or `!` turns it around.
fn holds(environment: &Environment<'_>, sought: &Sought, value: &Value) -> Result<bool, String> {
    let name = sought.test.as_str();
    let (inverted, name) = match (name.strip_prefix('!'), name.strip_prefix("not ")) {
        (Some("="), _) => (true, "=="),
        (Some(name), _) | (None, Some(name)) => (true, name.trim_start()),
        (None, None) => (false, name),
    };
    let context = || {
        format!(
            "Error encountered when testing value '{}' (type={}) against '{}' (type={}) with \
             '{}'.  Error was: ",
            text(value).unwrap_or_default(),
            type_name(value),
            text(&sought.value).unwrap_or_default(),
            type_name(value),
            sought.test
        )
    };
    let test = environment
        .test_named(&Value::from(name))
        .map_err(|_| format!("{}the test '{name}' was not found.", context()))?;
    let mut arguments = vec![value.clone()];
    if name == "in" && class_of(&sought.value) != Class::List {
        arguments.push(list(vec![sought.value.clone()]));
    } else if !sought.value.is_none() {
        arguments.push(sought.value.clone());
    }
    let result = environment
        .test(test, arguments, Vec::new())
        .and_then(|result| truth(&result))
        .map_err(|failure| format!("{}{}", context(), failure.kind))?;
    Ok(result != inverted)
}
