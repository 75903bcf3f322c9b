//! What the result of a task says.

use minijinja::Value;

use super::{Test, test};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{elements, is_mapping, mapping_get, truth, type_name};

/// The family.
pub(super) const TESTS: &[Test] = &[
    test("failed", &["value"], failed),
    test("failure", &["value"], failed),
    test("succeeded", &["value"], |call| Ok(!failed(call)?)),
    test("success", &["value"], |call| Ok(!failed(call)?)),
    test("successful", &["value"], |call| Ok(!failed(call)?)),
    test("changed", &["value"], changed),
    test("change", &["value"], changed),
    test("skipped", &["value"], |call| field(call, "skipped")),
    test("skip", &["value"], |call| field(call, "skipped")),
    test("finished", &["value"], |call| field(call, "finished")),
    test("started", &["value"], |call| field(call, "started")),
    test("unreachable", &["value"], |call| field(call, "unreachable")),
    test("reachable", &["value"], |call| Ok(!field(call, "unreachable")?)),
    test("timedout", &["value"], |call| {
        let Some(timeout) = get(call, "timedout")? else {
            return Ok(false);
        };
        if is_mapping(&timeout) {
            return Ok(mapping_get(&timeout, &Value::from("period"))?.is_some());
        }
        truth(&timeout)
    }),
];

fn get(call: &Bound<'_>, name: &str) -> Outcome<Option<Value>> {
    let value = call.value()?;
    if !is_mapping(value) {
        let kind = type_name(value);
        return Err(call.refuse(format!("the '{name}' test expects a dictionary, got {kind}")));
    }
    mapping_get(value, &Value::from(name))
}

fn field(call: &Bound<'_>, name: &str) -> Outcome<bool> {
    get(call, name)?.map_or(Ok(false), |found| truth(&found))
}

fn failed(call: &Bound<'_>) -> Outcome<bool> {
    field(call, "failed")
}

fn changed(call: &Bound<'_>) -> Outcome<bool> {
    if let Some(changed) = get(call, "changed")? {
        return truth(&changed);
    }
    // the result of a loop without its own flag
    let Some(results) = get(call, "results")? else {
        return Ok(false);
    };
    for result in elements(&results)? {
        let changed = match is_mapping(&result) {
            true => mapping_get(&result, &Value::from("changed"))?,
            false => None,
        };
        if changed.map_or(Ok(false), |changed| truth(&changed))? {
            return Ok(true);
        }
    }
    Ok(false)
}
