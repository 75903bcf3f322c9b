//! TOML as `tomli_w` lays it out, which Ansible writes with.

use std::fmt::Write as _;

use crate::inventory::error::Problem;
use crate::inventory::given::key_text;
use crate::source::{Kind, Node};

/// Lines up to this length take a mapping in a list.
const LINE: usize = 100;

/// A mapping as a document.
pub(super) fn toml(node: &Node) -> Result<String, Problem> {
    let mut text = String::new();
    table(node, "", Place::Table, &mut text)?;
    Ok(text)
}

/// What a mapping stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Table,
    /// An element of a list of tables.
    Element,
}

fn table(node: &Node, name: &str, place: Place, text: &mut String) -> Result<(), Problem> {
    let mut literals = Vec::new();
    let mut tables = Vec::new();
    for (key, value) in inner(node).as_map().unwrap_or_default() {
        let key = key_part(&key_text(key));
        match &inner(value).kind {
            Kind::Map(_) => tables.push((key, value, Place::Table)),
            Kind::Seq(elements) if is_list_of_tables(elements)? => {
                tables.extend(elements.iter().map(|e| (key.clone(), e, Place::Element)));
            }
            _ => literals.push((key, value)),
        }
    }
    let mut written = false;
    if place == Place::Element {
        let _ = writeln!(text, "[[{name}]]");
        written = true;
    } else if !name.is_empty() && (!literals.is_empty() || tables.is_empty()) {
        let _ = writeln!(text, "[{name}]");
        written = true;
    }
    for (key, value) in literals {
        let _ = writeln!(text, "{key} = {}", literal(value, 0)?);
        written = true;
    }
    for (key, value, place) in tables {
        if written {
            text.push('\n');
        }
        written = true;
        let full = if name.is_empty() { key } else { format!("{name}.{key}") };
        table(value, &full, place, text)?;
    }
    Ok(())
}

/// Whether a list is written as tables: all are mappings, and one is too long for a line.
fn is_list_of_tables(elements: &[Node]) -> Result<bool, Problem> {
    let all = elements.iter().all(|element| matches!(inner(element).kind, Kind::Map(_)));
    if elements.is_empty() || !all {
        return Ok(false);
    }
    for element in elements {
        let line = format!("    {},", literal(element, 0)?);
        if line.chars().count() > LINE || line.contains('\n') {
            return Ok(true);
        }
    }
    Ok(false)
}

fn literal(node: &Node, level: usize) -> Result<String, Problem> {
    Ok(match &node.kind {
        Kind::Null => {
            let text = "Object of type 'NoneType' is not TOML serializable";
            return Err(Problem::Option(text.to_owned()));
        }
        Kind::Bool(flag) => flag.to_string(),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => crate::report::python_json::float(*number),
        Kind::Str(text) => quoted(&text.value),
        Kind::Timestamp(text) => text.clone(),
        Kind::Binary(bytes) => quoted(&String::from_utf8_lossy(bytes)),
        Kind::Vault(text) => quoted(text),
        Kind::Unsafe(inner) => literal(inner, level)?,
        Kind::Seq(elements) if elements.is_empty() => "[]".to_owned(),
        Kind::Seq(elements) => {
            let indent = "    ".repeat(level + 1);
            let mut lines = Vec::with_capacity(elements.len());
            for element in elements {
                lines.push(format!("{indent}{}", literal(element, level + 1)?));
            }
            format!("[\n{},\n{}]", lines.join(",\n"), "    ".repeat(level))
        }
        Kind::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Kind::Map(entries) => {
            let mut parts = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                parts.push(format!("{} = {}", key_part(&key_text(key)), literal(value, 0)?));
            }
            format!("{{ {} }}", parts.join(", "))
        }
    })
}

/// A value without the mark that its text is no template.
fn inner(node: &Node) -> &Node {
    match &node.kind {
        Kind::Unsafe(inner) => inner,
        _ => node,
    }
}

fn key_part(key: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\u{8}' => quoted.push_str("\\b"),
            '\n' => quoted.push_str("\\n"),
            '\u{c}' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\t' => quoted.push('\t'),
            control if control < ' ' || control == '\u{7f}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}
