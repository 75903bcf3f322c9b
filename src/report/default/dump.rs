//! Results as JSON or YAML.

use serde_json::{Map, Value as Json};

use crate::report::python_json::{Ascii, Layout, dumps};

use super::{DefaultOptions, ResultFormat};

/// The text of a result; `indent` counts the columns where it stands on several lines.
pub(super) fn value(
    mut fields: Map<String, Json>,
    options: &DefaultOptions,
    indent: Option<usize>,
) -> String {
    let yaml = options.format == ResultFormat::Yaml;
    let wide = options.pretty == Some(true) || (yaml && options.pretty.is_none());
    let indent = match options.pretty {
        Some(false) => None,
        _ if wide => indent.or(Some(4)),
        _ => indent,
    };
    if !yaml {
        let layout = match indent {
            Some(columns) => Layout::Indented(columns),
            None => Layout::Line,
        };
        return dumps(&Json::Object(fields), layout, Ascii::Kept);
    }
    let lossy = options.pretty != Some(false);
    if lossy {
        for stream in ["stdout", "stderr"] {
            let lines = format!("{stream}_lines");
            if fields.contains_key(stream) && fields.contains_key(&lines) {
                fields.insert(lines, Json::from("<omitted>"));
            }
        }
    }
    let text = crate::template::yaml_of_results(&Json::Object(fields), indent, lossy);
    let margin = " ".repeat(indent.unwrap_or(4));
    let lines: String = text
        .split_inclusive('\n')
        .map(
            |line| if line.trim().is_empty() { line.to_owned() } else { format!("{margin}{line}") },
        )
        .collect();
    // the line's own end follows
    format!("\n{}", lines.strip_suffix('\n').unwrap_or(&lines))
}
