//! `ansible.builtin.set_fact`: sets variables of the host.

use indexmap::IndexMap;
use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::run::host_vars::{Facts, Learnt};
use crate::run::keyword::truth;
use crate::vars::Var;

use super::{ActionError, ActionInput, Finished, Prepared};

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let cacheable = arguments
        .shift_remove("cacheable")
        .is_some_and(|word| truth(&crate::template::from_json(&word)) == Some(true));
    if arguments.is_empty() {
        let text =
            "No key/value pairs provided, at least one is required for this action to succeed";
        return Err(ActionError::Include(text.to_owned()));
    }
    if let Some(name) = arguments.keys().find(|name| !is_variable_name(name)) {
        return Err(ActionError::VariableName(format!("'{name}'")));
    }
    let values: IndexMap<String, Value> = arguments
        .iter()
        .map(|(name, json)| {
            let value = input.values.get(name).map(crate::template::kept);
            (name.clone(), value.unwrap_or_else(|| crate::template::from_json(json)))
        })
        .collect();
    let told = crate::template::mapping(values.iter().map(|(name, value)| (name.as_str(), value)));
    let set = values.iter().map(|(name, value)| (name.clone(), Var::Data(value.clone()))).collect();
    // what is cacheable is also a fact, and outlives `set_fact` in the order of precedence
    let facts = cacheable.then_some(Facts::Gathered(values));
    let mut returned = Map::new();
    returned.insert("ansible_facts".to_owned(), Json::Object(arguments));
    Ok(Prepared::Done(Finished {
        learnt: Learnt { facts, set, ..Learnt::default() },
        ..Finished::ok(returned).telling([("ansible_facts", told)])
    }))
}

/// Names that expressions take for something else.
const KEYWORDS: [&str; 7] = ["true", "false", "none", "True", "False", "None", "not"];

/// Whether a name can be a variable.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !KEYWORDS.contains(&name)
}
