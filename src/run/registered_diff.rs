//! The `diff` that a registered result holds, in the shape in which Ansible's modules return it.

use std::path::Path;

use canvass_modules::diff::Diff;
use serde_json::{Map, Value as Json, json};

use super::outcome::{TaskResult, Verdict};
use super::settings::DiffMode;

/// Sets the diff of a result as the module that the task names returns it; `copied` is the file of
/// this machine that went along.
pub(super) fn register(
    module: &str,
    mode: DiffMode,
    (arguments, copied): (&Map<String, Json>, Option<&Path>),
    result: &mut TaskResult,
) {
    // a module of the user's own has its own
    if result.result.contains_key("diff") {
        return;
    }
    let short = module.strip_prefix("ansible.builtin.").unwrap_or(module);
    let shown: &[Diff] = if mode == DiffMode::On { &result.diffs } else { &[] };
    let over = matches!(result.verdict, Verdict::Ok | Verdict::Changed);
    let diff = match short {
        "lineinfile" | "blockinfile" if over => {
            Some(edited(&path(&result.result, arguments), shown))
        }
        "copy" | "template" if over && mode == DiffMode::Off => Some(json!([])),
        "copy" | "template" if !shown.is_empty() => {
            Some(transferred(shown, copied.filter(|_| short == "copy")))
        }
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
/// is new has no header of what was before, and what is `copied` is named by where it comes from.
fn transferred(diffs: &[Diff], copied: Option<&Path>) -> Json {
    let is_new = |diff: &Diff| diff.before.get("state") == Some(&Json::from("absent"));
    let is_file = |diff: &Diff| diff.after.get("state") == Some(&Json::from("file"));
    let entry = |diff: &Diff, before: &Json, after: &Json| {
        let from = copied.map(|path| path.display().to_string());
        let header = from.unwrap_or_else(|| diff.after_header.clone());
        json!({"after_header": header, "before": before, "after": after})
    };
    let (contents, attributes): (Vec<&Diff>, Vec<&Diff>) =
        diffs.iter().partition(|diff| diff.before.is_string() || diff.note.is_some());
    if !contents.is_empty() {
        let contents = contents.into_iter().map(|diff| {
            if diff.note.is_some() {
                return hidden(diff, copied);
            }
            let mut entry = entry(diff, &diff.before, &diff.after);
            if diff.before.as_str().is_none_or(|before| !before.is_empty())
                && let Json::Object(fields) = &mut entry
            {
                fields.insert("before_header".to_owned(), Json::from(diff.before_header.as_str()));
            }
            entry
        });
        return contents.collect();
    }
    match attributes.as_slice() {
        // an empty file
        [diff] if is_new(diff) && is_file(diff) => {
            json!([entry(diff, &Json::from(""), &Json::from(""))])
        }
        [diff] => json!({"before": diff.before, "after": diff.after}),
        _ => json!(diffs),
    }
}

/// A content that is not shown: the file that is copied or else the one that is there is why.
fn hidden(diff: &Diff, copied: Option<&Path>) -> Json {
    let limit = diff.exceeded();
    let Some(path) = copied.filter(|_| limit.is_some() || diff.is_binary()) else {
        return json!(diff);
    };
    // what cannot be shown is empty
    let shows_after = diff.after.as_str() != Some("");
    let is_source = !shows_after && std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let (side, header, from) = match is_source {
        true => ("before", "before_header", diff.before_header.clone()),
        false => ("after", "after_header", path.display().to_string()),
    };
    let content = if is_source { &diff.before } else { &diff.after };
    let culprit = if is_source { "src" } else { "dst" };
    let (name, value) = limit.map_or(("binary", 1), |limit| ("larger", limit));
    let mut entry = Map::new();
    entry.insert(side.to_owned(), content.clone());
    // what is new has no header
    if content.as_str() != Some("") {
        entry.insert(header.to_owned(), Json::from(from));
    }
    entry.insert(format!("{culprit}_{name}"), Json::from(value));
    Json::Object(entry)
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
