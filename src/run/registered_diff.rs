//! The `diff` that a registered result holds, in the shape in which Ansible's modules return it.

use canvass_modules::diff::Diff;
use serde_json::{Map, Value as Json, json};

use super::outcome::{TaskResult, Verdict};
use super::settings::DiffMode;

/// Sets the diff of a result as the module that the task names returns it.
pub(super) fn register(
    module: &str,
    mode: DiffMode,
    arguments: &Map<String, Json>,
    result: &mut TaskResult,
) {
    let short = module.strip_prefix("ansible.builtin.").unwrap_or(module);
    let shown: &[Diff] = if mode == DiffMode::On { &result.diffs } else { &[] };
    let over = matches!(result.verdict, Verdict::Ok | Verdict::Changed);
    let diff = match short {
        "lineinfile" | "blockinfile" if over => {
            Some(edited(&path(&result.result, arguments), shown))
        }
        "copy" | "template" if over && mode == DiffMode::Off => Some(json!([])),
        "copy" | "template" if !shown.is_empty() => Some(transferred(shown)),
        "file" | "copy" | "template" if over && mode == DiffMode::On => {
            Some(attributes(&path(&result.result, arguments), shown))
        }
        _ => match shown {
            [] => None,
            [one] => serde_json::to_value(one).ok(),
            several => serde_json::to_value(several).ok(),
        },
    };
    if let Some(diff) = diff {
        result.set("diff", diff);
    }
}

/// The path of the file, as it is returned or, where it is not, as it was given.
fn path(returned: &Map<String, Json>, arguments: &Map<String, Json>) -> String {
    let names = ["path", "dest", "destfile", "name"];
    let given = || names.iter().find_map(|name| arguments.get(*name));
    let path = returned.get("path").or_else(|| returned.get("dest")).or_else(given);
    path.and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// What `copy` and `template` say: the contents, where they differ, without owners and modes; what
/// is new has no header of what was before.
fn transferred(diffs: &[Diff]) -> Json {
    let entry = |after_header: &str, before: &Json, after: &Json| json!({"after_header": after_header, "before": before, "after": after});
    let is_new = |diff: &Diff| diff.before.get("state") == Some(&Json::from("absent"));
    let is_file = |diff: &Diff| diff.after.get("state") == Some(&Json::from("file"));
    let (contents, attributes): (Vec<&Diff>, Vec<&Diff>) =
        diffs.iter().partition(|diff| diff.before.is_string() || diff.note.is_some());
    if !contents.is_empty() {
        let contents = contents.into_iter().map(|diff| match (&diff.note, &diff.before) {
            (None, Json::String(before)) if before.is_empty() => {
                entry(&diff.after_header, &diff.before, &diff.after)
            }
            _ => json!(diff),
        });
        return contents.collect();
    }
    match attributes.as_slice() {
        // an empty file
        [diff] if is_new(diff) && is_file(diff) => {
            json!([entry(&diff.after_header, &Json::from(""), &Json::from(""))])
        }
        _ => json!(diffs),
    }
}

/// What `file` says: the path on both sides, with what differs.
fn attributes(path: &str, diffs: &[Diff]) -> Json {
    match diffs.first() {
        Some(diff) => json!({"before": diff.before, "after": diff.after}),
        None => json!({"before": {"path": path}, "after": {"path": path}}),
    }
}

/// What the editors of text say: one entry for the content, one for the attributes.
fn edited(path: &str, diffs: &[Diff]) -> Json {
    let (contents, attributes): (Vec<&Diff>, Vec<&Diff>) =
        diffs.iter().partition(|diff| diff.before.is_string());
    let headed = |about: &str, diff: Option<&&Diff>| {
        let header = format!("{path} ({about})");
        let mut entry = Map::new();
        entry.insert("before_header".to_owned(), Json::from(header.as_str()));
        entry.insert("after_header".to_owned(), Json::from(header));
        if let Some(diff) = diff {
            entry.insert("before".to_owned(), without_path(&diff.before));
            entry.insert("after".to_owned(), without_path(&diff.after));
        }
        entry
    };
    let mut content = headed("content", contents.first());
    for side in ["before", "after"] {
        content.entry(side).or_insert_with(|| Json::from(""));
    }
    json!([content, headed("file attributes", attributes.first())])
}

fn without_path(side: &Json) -> Json {
    let mut side = side.clone();
    if let Json::Object(fields) = &mut side {
        fields.shift_remove("path");
    }
    side
}
