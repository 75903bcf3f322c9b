//! JSON as Python writes and reads it.

use std::fmt::Write as _;

use indexmap::IndexMap;
use minijinja::Value;
use serde_json::Value as Json;

use super::access::{elements, entries, usable};
use super::class::{Class, as_float, class_of, type_name};
use super::containers::{dict, list};
use super::integer::digits;
use super::nesting::deeper;
use super::text::{float_text, text};
use crate::template::failure::{Failure, Outcome};
use crate::template::time::iso_text;

/// How JSON is laid out.
#[derive(Debug, Clone)]
pub(in crate::template) struct JsonStyle {
    /// Blanks a level; one line without.
    pub(in crate::template) indent: Option<usize>,
    pub(in crate::template) sort_keys: bool,
    pub(in crate::template) ensure_ascii: bool,
    pub(in crate::template) separators: Option<(String, String)>,
}

impl Default for JsonStyle {
    fn default() -> Self {
        Self { indent: None, sort_keys: false, ensure_ascii: true, separators: None }
    }
}

/// `json.dumps(value)`
pub(in crate::template) fn dump_json(value: &Value, style: &JsonStyle) -> Outcome<String> {
    let mut out = String::new();
    write_json(value, style, 0, &mut out)?;
    Ok(out)
}

fn write_json(value: &Value, style: &JsonStyle, depth: usize, out: &mut String) -> Outcome<()> {
    usable(value)?;
    match class_of(value) {
        Class::None => out.push_str("null"),
        Class::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        Class::Integer => out.push_str(&digits(value)?),
        Class::Float => {
            let number = as_float(value).unwrap_or_default();
            out.push_str(&match float_text(number).as_str() {
                "nan" => "NaN".to_owned(),
                "inf" => "Infinity".to_owned(),
                "-inf" => "-Infinity".to_owned(),
                plain => plain.to_owned(),
            });
        }
        Class::Text | Class::TimeDelta => write_json_text(&text(value)?, style, out),
        Class::DateTime => write_json_text(&iso_text(value).unwrap_or_default(), style, out),
        Class::List | Class::Tuple | Class::Range => {
            let elements: Vec<Value> = elements(value)?
                .into_iter()
                .filter(|element| class_of(element) != Class::Omit)
                .collect();
            write_items(&elements, ['[', ']'], style, depth, out, |element, out| {
                deeper(|| write_json(element, style, depth + 1, out))
            })?;
        }
        Class::Dict => write_object(value, style, depth, out)?,
        _ => {
            return Err(Failure::failed(format!(
                "Object of type {} is not JSON serializable",
                type_name(value)
            )));
        }
    }
    Ok(())
}

fn write_object(value: &Value, style: &JsonStyle, depth: usize, out: &mut String) -> Outcome<()> {
    let mut members = Vec::new();
    for (key, entry) in entries(value)? {
        if class_of(&entry) != Class::Omit {
            members.push((json_key(&key)?, entry));
        }
    }
    if style.sort_keys {
        members.sort_by(|(left, _), (right, _)| left.cmp(right));
    }
    let colon = style.separators.as_ref().map_or(": ", |(_, colon)| colon.as_str());
    write_items(&members, ['{', '}'], style, depth, out, |(key, entry), out| {
        write_json_text(key, style, out);
        out.push_str(colon);
        deeper(|| write_json(entry, style, depth + 1, out))
    })
}

fn json_key(key: &Value) -> Outcome<String> {
    match class_of(key) {
        Class::None => Ok("null".to_owned()),
        Class::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        _ => text(key),
    }
}

fn write_items<T>(
    items: &[T],
    [open, close]: [char; 2],
    style: &JsonStyle,
    depth: usize,
    out: &mut String,
    mut write: impl FnMut(&T, &mut String) -> Outcome<()>,
) -> Outcome<()> {
    out.push(open);
    let comma = match (&style.separators, style.indent) {
        (Some((comma, _)), _) => comma.as_str(),
        (None, Some(_)) => ",",
        (None, None) => ", ",
    };
    let newline = |depth: usize, out: &mut String| {
        if let Some(indent) = style.indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * depth));
        }
    };
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(comma);
        }
        newline(depth + 1, out);
        write(item, out)?;
    }
    if !items.is_empty() {
        newline(depth, out);
    }
    out.push(close);
    Ok(())
}

fn write_json_text(text: &str, style: &JsonStyle, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            letter if u32::from(letter) < 0x20 || (style.ensure_ascii && !letter.is_ascii()) => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// A value of JSON data.
pub(in crate::template) fn value_from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => {
            if let Some(number) = number.as_i64() {
                Value::from(number)
            } else if let Some(number) = number.as_u64() {
                Value::from(number)
            } else {
                Value::from(number.as_f64().unwrap_or_default())
            }
        }
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(elements) => list(elements.iter().map(value_from_json).collect()),
        Json::Object(members) => dict(
            members
                .iter()
                .map(|(key, value)| (Value::from(key.as_str()), value_from_json(value)))
                .collect::<IndexMap<_, _>>(),
        ),
    }
}
