//! A result as Ansible prints it after the line of a host.

use std::fmt::Write as _;

use canvass_modules::diff::Diff;
use serde_json::{Map, Value as Json};

use crate::report::color::{Color, Paint};
use crate::report::diff::{LineKind, draw_with};
use crate::report::event::Outcome;
use crate::report::human::Verbosity;
use crate::report::text::visible;

use super::{DefaultOptions, Speech, dump};

/// Whether a result stands on several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Indent {
    /// From `-vvv` on, and where the task asks for it (`debug`).
    ByVerbosity,
    /// Always.
    Always,
    /// On several lines, each at the margin.
    Flush,
    /// Never.
    Never,
}

/// What `debug` hides beside a variable.
const HIDDEN_BY_DEBUG: [&str; 7] = [
    "changed",
    "invocation",
    "skip_reason",
    "ansible_loop_var",
    "ansible_index_var",
    "ansible_loop",
    "deprecations",
];

/// Whether it is `debug`.
pub(super) fn is_debug(module: &str) -> bool {
    matches!(module, "ansible.builtin.debug" | "ansible.legacy.debug" | "debug")
}

/// Whether the task keeps its result out of the output (`setup`).
pub(in crate::report) fn is_quiet(module: &str) -> bool {
    matches!(module.rsplit('.').next(), Some("setup" | "gather_facts"))
}

/// The result as text, without what Ansible leaves out at this verbosity.
pub(in crate::report) fn dump(
    outcome: &Outcome,
    module: &str,
    options: &DefaultOptions,
    indent: Indent,
) -> String {
    let long = options.verbosity >= Verbosity::Effects;
    let mut fields: Map<String, Json> = outcome.result.clone();
    if is_debug(module) {
        let message = fields.contains_key("msg");
        fields.retain(|field, _| match field.as_str() {
            "msg" | "exception" | "warnings" => true,
            name if HIDDEN_BY_DEBUG.contains(&name) => false,
            _ => !message,
        });
    }
    fields.retain(|field, _| {
        !field.starts_with("_ansible_")
            && !matches!(field.as_str(), "exception" | "warnings" | "deprecations")
            // told by the line's first words
            && !matches!(field.as_str(), "failed" | "skipped")
            && (long || !matches!(field.as_str(), "invocation" | "diff"))
    });
    let verbose_always = outcome.verbose_always && indent != Indent::Never;
    let block = indent == Indent::Always || long || verbose_always;
    let columns = match (block, indent) {
        (true, _) => Some(4),
        (false, Indent::Flush) => Some(0),
        (false, _) => None,
    };
    dump::value(fields, options, columns)
}

/// Values on one line.
pub(super) fn flat(values: &Json, options: &DefaultOptions) -> String {
    let fields = values.as_object().cloned().unwrap_or_default();
    // one column of indentation, of which the lines' ends are taken
    dump::value(fields, options, Some(1)).replace('\n', "")
}

/// The same without the results of its items.
pub(super) fn without_items(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    outcome.result.shift_remove("results");
    outcome
}

/// The warnings of a result.
pub(in crate::report) fn warnings(outcome: &Outcome) -> Vec<(Speech, String)> {
    let list = |name: &str| match outcome.result.get(name) {
        Some(Json::Array(items)) => items.clone(),
        _ => Vec::new(),
    };
    let mut told = Vec::new();
    for item in list("warnings") {
        match item {
            Json::String(text) => told.push((Speech::Warning, text)),
            other => told.extend(message(&other).map(|text| (Speech::Warning, text))),
        }
    }
    for item in list("deprecations") {
        told.extend(message(&item).map(|text| (Speech::Deprecation, text)));
    }
    told
}

fn message(item: &Json) -> Option<String> {
    item.get("msg").and_then(Json::as_str).map(str::to_owned)
}

/// The diffs that a result holds, drawn, where something changed.
pub(in crate::report) fn diffs(outcome: &Outcome, options: &DefaultOptions) -> String {
    match outcome.result.get("diff") {
        Some(value) if outcome.result.get("changed") == Some(&Json::Bool(true)) => {
            with_line_end(drawn(value, options))
        }
        _ => String::new(),
    }
}

fn with_line_end(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn drawn(value: &Json, options: &DefaultOptions) -> String {
    let one = |value: &Json| -> String {
        if let Some(prepared) = value.get("prepared").and_then(Json::as_str) {
            return prepared.to_owned();
        }
        let side = |name: &str| value.get(name).cloned().unwrap_or_default();
        let header =
            |name: &str| value.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let mut skipped = String::new();
        for (name, side) in [("dst", "destination"), ("src", "source")] {
            if value.get(format!("{name}_binary")).is_some() {
                let _ = writeln!(skipped, "diff skipped: {side} file appears to be binary");
            }
        }
        for (name, side) in [("dst", "destination"), ("src", "source")] {
            if let Some(limit) = value.get(format!("{name}_larger")) {
                let _ = writeln!(skipped, "diff skipped: {side} file size is greater than {limit}");
            }
        }
        if !skipped.is_empty() || (value.get("before").is_none() && value.get("after").is_none()) {
            return skipped;
        }
        let diff = Diff {
            before_header: header("before_header"),
            after_header: header("after_header"),
            before: side("before"),
            after: side("after"),
            note: value.get("note").and_then(Json::as_str).map(str::to_owned),
        };
        draw_with(&diff, options.diff_context)
    };
    match value {
        Json::Array(items) => items.iter().map(one).collect(),
        other => one(other),
    }
}

/// A line of a diff in its colour; line ends of other systems stay.
pub(in crate::report) fn paint_diff(line: &str, color: Color) -> String {
    let text = line.trim_end_matches(['\r', '\n']);
    let end = line.get(text.len()..).unwrap_or_default();
    let text = visible(text);
    let text = match LineKind::of(line) {
        LineKind::Added => color.paint(Paint::Added, &text),
        LineKind::Removed => color.paint(Paint::Removed, &text),
        LineKind::Hunk => color.paint(Paint::Hunk, &text),
        LineKind::Context => text.into_owned(),
    };
    format!("{text}{end}")
}
