//! What a line says of one result.

use serde_json::{Map, Value as Json};

use super::Verbosity;
use crate::report::entries::kind;
use crate::report::event::Outcome;
use crate::report::gather::CENSORED;
use crate::report::python_json::{Ascii, Layout, dumps};
use crate::report::text::{clean, visible};

/// The result as JSON, as much of it as the verbosity asks for.
pub(super) fn json(outcome: &Outcome, verbosity: Verbosity) -> String {
    let mut fields = outcome.result.clone();
    fields.retain(|field, _| {
        let inner = field.starts_with("_ansible_");
        let long = verbosity < Verbosity::Effects && (field == "invocation" || field == "diff");
        !inner && !long
    });
    let layout = if verbosity >= Verbosity::Effects { Layout::BLOCK } else { Layout::Line };
    visible(&dumps(&Json::Object(fields), layout, Ascii::Kept)).into_owned()
}

/// What a `debug` task says: its message, or the value of its variable.
pub(super) fn message(outcome: &Outcome) -> String {
    if outcome.censored {
        return CENSORED.to_owned();
    }
    match outcome.result.get("msg") {
        Some(Json::String(text)) => clean(text.trim_end_matches('\n')).into_owned(),
        Some(value) => visible(&dumps(value, Layout::BLOCK, Ascii::Kept)).into_owned(),
        None => {
            let told: Map<String, Json> = outcome
                .result
                .iter()
                .filter(|(field, _)| {
                    !field.starts_with("_ansible_")
                        && !matches!(
                            field.as_str(),
                            "changed" | "failed" | "skipped" | "invocation" | "ansible_loop_var"
                        )
                })
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            visible(&dumps(&Json::Object(told), Layout::BLOCK, Ascii::Kept)).into_owned()
        }
    }
}

/// Effects with their reasons, a line each.
pub(super) fn effects(outcome: &Outcome) -> Vec<String> {
    outcome
        .effects
        .iter()
        .map(|record| format!("{}: {}", kind(&record.effect), clean(&record.reason)))
        .collect()
}

/// Text indented by so many spaces, empty lines left empty.
pub(super) fn indented(text: &str, by: usize) -> String {
    let mut indented = String::with_capacity(text.len() + by);
    for line in text.lines() {
        if !line.is_empty() {
            indented.extend(std::iter::repeat_n(' ', by));
            indented.push_str(line);
        }
        indented.push('\n');
    }
    indented
}
