//! `ansible.builtin.set_fact`: sets variables of the host.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::run::host_vars::Learnt;
use crate::vars::Var;

use super::{ActionError, ActionInput, Finished, Prepared};

pub(super) fn prepare(
    _input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    arguments.shift_remove("cacheable");
    if arguments.is_empty() {
        return Ok(Prepared::Done(Finished::failed(
            "No key/value pairs provided, at least one is required for this action to succeed",
        )));
    }
    if let Some(name) = arguments.keys().find(|name| !is_variable_name(name)) {
        return Ok(Prepared::Done(Finished::failed(format!(
            "The variable name '{name}' is not valid. Variables must start with a letter or \
             underscore character, and contain only letters, numbers and underscores."
        ))));
    }
    let set: IndexMap<String, Var> = arguments
        .iter()
        .map(|(name, value)| (name.clone(), Var::Data(crate::template::from_json(value))))
        .collect();
    let mut returned = Map::new();
    returned.insert("ansible_facts".to_owned(), Json::Object(arguments));
    Ok(Prepared::Done(Finished {
        learnt: Learnt { set, ..Learnt::default() },
        ..Finished::ok(returned)
    }))
}

/// Whether a name can be a variable.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}
