//! What the result of a task says.

use minijinja::Value;

use super::{Test, test};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{elements, is_mapping, mapping_get, truth};

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
    test("finished", &["value"], |call| asynchronous(call, "finished")),
    test("started", &["value"], |call| asynchronous(call, "started")),
    test("unreachable", &["value"], |call| field(call, "unreachable")),
    test("reachable", &["value"], |call| Ok(!field(call, "unreachable")?)),
    test("timedout", &["value"], |call| {
        let Some(timeout) = get(call, "timedout", "timedout")?.filter(is_mapping) else {
            return Ok(false);
        };
        match mapping_get(&timeout, &Value::from("period"))? {
            Some(period) => truth(&period),
            None => Ok(false),
        }
    }),
];

/// A field of a result, for a test that must have a mapping.
fn get(call: &Bound<'_>, test: &str, name: &str) -> Outcome<Option<Value>> {
    let value = call.value()?;
    if !is_mapping(value) {
        return Err(call.refuse(format!("The '{test}' test expects a dictionary")));
    }
    mapping_get(value, &Value::from(name))
}

fn field(call: &Bound<'_>, name: &str) -> Outcome<bool> {
    get(call, name, name)?.map_or(Ok(false), |found| truth(&found))
}

/// A field of an asynchronous task's result; other tasks have started and finished.
fn asynchronous(call: &Bound<'_>, name: &str) -> Outcome<bool> {
    get(call, name, name)?.map_or(Ok(true), |found| truth(&found))
}

fn failed(call: &Bound<'_>) -> Outcome<bool> {
    field(call, "failed")
}

fn changed(call: &Bound<'_>) -> Outcome<bool> {
    if let Some(changed) = get(call, "changed", "changed")? {
        return truth(&changed);
    }
    // the result of a loop without its own flag
    let Some(results) = get(call, "changed", "results")? else {
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
