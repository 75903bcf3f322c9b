//! The `[ERROR]` block that Ansible prints above a failed result: message, place, lines around.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::report::event::{Outcome, Status, TaskHead};
use crate::source::Place;

/// Lines shown before the one that is meant.
const LINES_BEFORE: usize = 2;

/// Longer lines are cut.
const LONGEST: usize = 120;

/// Modules whose work is done by the engine; Ansible calls those actions.
const ACTIONS: [&str; 17] = [
    "validate_argument_spec",
    "add_host",
    "group_by",
    "set_stats",
    "raw",
    "script",
    "fail",
    "gather_facts",
    "assert",
    "debug",
    "set_fact",
    "include_vars",
    "pause",
    "template",
    "fetch",
    "copy",
    "wait_for_connection",
];

/// What a result says whose label cannot be rendered.
pub const NO_LABEL: &str = "Failed to template loop_control.label";

/// The block for a failed result; none for an include, which tells its reason alone.
pub(in crate::report) fn error(head: &TaskHead, outcome: &Outcome) -> Option<String> {
    let name = head.module.rsplit('.').next().unwrap_or_default();
    if name.starts_with("include_") && outcome.result.contains_key("reason") {
        return None;
    }
    let message = message(head, outcome);
    // that the task itself did not fail shows in that nothing is said of it
    if outcome.result.get("msg").and_then(Json::as_str).is_some_and(|it| it.starts_with(NO_LABEL)) {
        return None;
    }
    let causes = outcome.causes.iter().map(|cause| {
        let place = cause.value.as_ref().or(cause.place.as_ref()).map(place).unwrap_or_default();
        let help = cause.help.as_ref().map(|help| format!("\n{help}\n")).unwrap_or_default();
        format!("{}\n{place}{help}", cause.message)
    });
    match outcome.causes.len() {
        0 => return Some(format!("[ERROR]: {message}\n{}", place(&head.place))),
        // it says all that is to be said
        1 => return causes.last().map(|cause| format!("[ERROR]: {cause}")),
        _ => {}
    }
    let causes = causes.collect::<Vec<_>>().join("\n<<< caused by >>>\n\n");
    Some(format!("[ERROR]: {message}\n\n{causes}"))
}

/// Why an include brought nothing, which is told beside the output.
pub(super) fn of_include(outcome: &Outcome) -> Option<String> {
    let cause = outcome.causes.first()?;
    Some(match &cause.place {
        Some(at) => format!("{}\n{}", cause.message, place(at)),
        None => format!("{}\n", cause.message),
    })
}

/// What is said of a failed result.
pub(in crate::report) fn message(head: &TaskHead, outcome: &Outcome) -> String {
    let name = head.module.rsplit('.').next().unwrap_or_default();
    if let Some(first) = outcome.causes.first()
        && first.place.is_some()
        && !first.message.starts_with("Task failed")
        && let Some(text) = outcome.result.get("msg").and_then(Json::as_str)
    {
        // it ended before it was a task
        return text.to_owned();
    }
    let late = outcome.result.contains_key("async_result");
    let kind = match ACTIONS.contains(&name) || judged(outcome) || late {
        true => "Action",
        false => "Module",
    };
    let written;
    let text = match outcome.result.get("msg") {
        _ if outcome.censored => "",
        Some(Json::String(text)) => text.as_str(),
        Some(other @ (Json::Number(_) | Json::Array(_) | Json::Object(_) | Json::Bool(true))) => {
            written = super::python::text(other);
            written.as_str()
        }
        Some(_) => "",
        None => "Unknown error.",
    };
    if text.is_empty() {
        format!("Task failed: {kind} failed.")
    } else if text.starts_with("Task failed") {
        text.to_owned()
    } else if outcome.status == Status::Unreachable {
        format!("Task failed: {text}")
    } else {
        format!("Task failed: {kind} failed: {text}")
    }
}

/// Whether the task's conditions (`failed_when`, `until`) call it failed, not its module.
fn judged(outcome: &Outcome) -> bool {
    let result = &outcome.result;
    let condition = ["failed_when_result", "changed_when_result"]
        .iter()
        .any(|name| result.get(*name).is_some_and(|it| *it != Json::Bool(false)))
        || result.contains_key("attempts");
    condition && result.get("rc").and_then(Json::as_i64).unwrap_or_default() == 0
}

/// Where something stands, with the lines around it.
pub fn place(place: &Place) -> String {
    let file = absolute(&place.file);
    let lines = around(&file, place.line, place.column);
    format!("Origin: {}:{}:{}\n{lines}", file.display(), place.line, place.column)
}

/// The path as seen from the root.
pub(in crate::report) fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

/// The lines up to the one that is meant and a mark below it; empty where the file cannot be
/// read or is encrypted.
fn around(file: &Path, line: u32, column: u32) -> String {
    let Ok(text) = std::fs::read_to_string(file) else { return String::new() };
    if text.starts_with("$ANSIBLE_VAULT") {
        return String::new();
    }
    let Some(index) = (line as usize).checked_sub(1) else { return String::new() };
    let first = index.saturating_sub(LINES_BEFORE);
    let width = line.to_string().len();
    let shown: Vec<String> = text
        .lines()
        .enumerate()
        .skip(first)
        .take(index + 1 - first)
        .map(|(number, content)| {
            let mut content: String = content.trim_end().to_owned();
            if let Some((cut, _)) = content.char_indices().nth(LONGEST - 4 - width) {
                content.truncate(cut);
                content.push_str("...");
            }
            format!("{:>width$} {content}", number + 1).trim_end().to_owned()
        })
        .collect();
    if shown.is_empty() {
        return String::new();
    }
    let mark = " ".repeat(width + (column as usize).max(1));
    format!("\n{}\n{mark}^ column {column}\n", shown.join("\n"))
}
