//! Lists of names.

use serde_json::Value as Json;

use super::catalogue::{self, Topic};

/// The names of a topic that are, or begin with, one of the filters; all where there is none.
pub(in crate::cli) fn filtered(topic: Topic, filters: &[String]) -> Vec<String> {
    let mut names = catalogue::names(topic);
    if !filters.is_empty() {
        names.retain(|name| {
            filters.iter().any(|filter| {
                name == filter
                    || name.strip_prefix(filter.as_str()).is_some_and(|rest| rest.starts_with('.'))
            })
        });
    }
    names
}

/// A line each, with what it is.
pub(in crate::cli) fn lines(topic: Topic, filters: &[String]) -> String {
    let names = filtered(topic, filters);
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let columns: usize =
        console::Term::stdout().size_checked().map_or(80, |(_, columns)| columns.into());
    let room = columns.saturating_sub(width + 3).max(20);
    let line = |name: &String| {
        let short = catalogue::find(topic, name).map(|entry| entry.short).unwrap_or_default();
        let short = match short.chars().count() > room {
            true => {
                format!("{}...", short.chars().take(room.saturating_sub(3)).collect::<String>())
            }
            false => short,
        };
        format!("{name:width$} {short}").trim_end().to_owned()
    };
    names.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// JSON, indented as Ansible indents it.
pub(in crate::cli) fn pretty(json: &Json) -> String {
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    // writing to memory does not fail
    let _ = serde::Serialize::serialize(json, &mut serializer);
    bytes.push(b'\n');
    String::from_utf8_lossy(&bytes).into_owned()
}
