//! Values that are secret by where they come from: variables that the user lists, and what a task
//! with `no_log` brought.

use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Value as Json};

use crate::vars::Scope;

use super::context::RunContext;
use super::outcome::TaskResult;
use super::settings::HiddenFacts;

/// Shorter results of `no_log` are words such as `true`, which would blot out everything.
const SHORTEST: usize = 6;

/// Longer ones are files whose lines stand elsewhere, too.
const LONGEST: usize = 4096;

/// Fields of a result that hold what a task brought.
const BROUGHT: [&str; 2] = ["stdout", "content"];

/// Keeps the values that the listed variables have in this scope.
pub(super) fn of_scope(run: &RunContext, scope: &Scope) {
    for name in run.settings.secret_variables.iter() {
        // one that has no value yet has none to hide
        if let Some(var) = scope.find(name)
            && let Ok(value) = run.templar.var(var, scope)
        {
            of_value(&value, &mut |text| run.keep_secret(text));
        }
    }
}

fn of_value(value: &Value, keep: &mut dyn FnMut(&str)) {
    match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bytes => keep(&value.to_string()),
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().into_iter().flatten().for_each(|item| of_value(&item, keep));
        }
        ValueKind::Map => {
            for key in value.try_iter().into_iter().flatten() {
                if let Ok(item) = value.get_item(&key) {
                    of_value(&item, keep);
                }
            }
        }
        _ => {}
    }
}

/// Keeps what a result tells of listed variables, and all that a censored one brought.
pub(super) fn of_result(run: &RunContext, result: &TaskResult) {
    let facts = result.result.get("ansible_facts").and_then(Json::as_object);
    for name in run.settings.secret_variables.iter() {
        if let Some(value) = facts.and_then(|facts| facts.get(name)) {
            of_json(value, 0, &mut |text| run.keep_secret(text));
        }
    }
    if result.censored {
        let hidden = run.settings.behaviour.hidden_facts;
        brought(&result.result, hidden, &mut |text| run.keep_secret(text));
    }
}

fn brought(result: &Map<String, Json>, hidden: HiddenFacts, keep: &mut dyn FnMut(&str)) {
    let fields = BROUGHT.iter().filter_map(|field| result.get(*field));
    let facts = result.get("ansible_facts").filter(|_| hidden == HiddenFacts::Masked);
    for value in fields.chain(facts) {
        of_json(value, SHORTEST, keep);
    }
}

fn of_json(value: &Json, shortest: usize, keep: &mut dyn FnMut(&str)) {
    match value {
        Json::String(text) if (shortest..=LONGEST).contains(&text.trim().len()) => {
            keep(text.trim());
        }
        Json::Number(number) => {
            let text = number.to_string();
            if text.len() >= shortest {
                keep(&text);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| of_json(item, shortest, keep)),
        Json::Object(fields) => fields.values().for_each(|item| of_json(item, shortest, keep)),
        Json::String(_) | Json::Bool(_) | Json::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_censored_task_brought_is_kept() {
        let result = json!({
            "stdout": "token-4711\n", "stderr": "warning: old", "rc": 0, "changed": true,
            "ansible_facts": {"pin": 123456, "on": "true", "deep": ["kept-here"]},
        });
        let mut kept = Vec::new();
        let Json::Object(result) = result else { panic!("an object") };
        brought(&result, HiddenFacts::Masked, &mut |text| kept.push(text.to_owned()));
        assert_eq!(kept, ["token-4711", "123456", "kept-here"]);
        kept.clear();
        brought(&result, HiddenFacts::Shown, &mut |text| kept.push(text.to_owned()));
        assert_eq!(kept, ["token-4711"]);
    }

    #[test]
    fn all_texts_of_a_value_are_kept() {
        let deep = Value::from_pairs([("b", 4711)]);
        let list = Value::from(vec![Value::from("one"), deep]);
        let value = Value::from_pairs([("a", list), ("c", Value::from(true))]);
        let mut kept = Vec::new();
        of_value(&value, &mut |text| kept.push(text.to_owned()));
        assert_eq!(kept, ["one", "4711"]);
    }
}
