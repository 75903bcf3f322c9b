//! Types of an argument specification: what is taken for which.

use canvass_modules::params::ParamValue as _;
use serde_json::{Map, Value as Json};

use crate::template::{json_repr as python_repr, json_text as python_text};

/// The value as the wanted type, or why it cannot be that.
pub(super) fn convert(wanted: &str, value: &Json) -> Result<Json, String> {
    let class = || format!("<class '{}'>", name(value));
    match wanted {
        "raw" => Ok(value.clone()),
        "str" => Ok(Json::from(python_text(value))),
        "path" => Ok(Json::from(expand(&python_text(value)))),
        "bool" => match boolean(value) {
            Some(value) => Ok(Json::from(value)),
            None if value.is_string() || value.is_number() => Err(format!(
                "The value {} is not a valid boolean. Valid booleans include: {BOOLEANS}",
                python_repr(value)
            )),
            None => Err(format!("{} cannot be converted to a bool", class())),
        },
        "int" => integer(value)
            .ok_or_else(|| format!("\"{}\" cannot be converted to an int", python_repr(value))),
        "float" => {
            float(value).ok_or_else(|| format!("{} cannot be converted to a float", class()))
        }
        "list" => list(value).ok_or_else(|| format!("{} cannot be converted to a list", class())),
        "dict" => mapping(value),
        "json" | "jsonarg" => match value {
            Json::String(text) => Ok(Json::from(text.trim())),
            Json::Array(_) | Json::Object(_) => Ok(Json::from(value.to_string())),
            _ => Err(format!("{} cannot be converted to a json string", class())),
        },
        "bytes" => {
            bytes(value).ok_or_else(|| format!("{} cannot be converted to a Byte value", class()))
        }
        "bits" => {
            bytes(value).ok_or_else(|| format!("{} cannot be converted to a Bit value", class()))
        }
        other => Err(format!("unknown type '{other}'")),
    }
}

const BOOLEANS: &str =
    "'y', 'yes', 'on', '1', 'true', 't', 1, 'n', 'no', 'off', '0', 'false', 'f', 0";

/// The name that Python has for the type of a value.
pub(super) fn name(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}

pub(super) fn boolean(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(value) => Some(*value),
        Json::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Json::String(_) => bool::from_json(value).ok(),
        _ => None,
    }
}

fn integer(value: &Json) -> Option<Json> {
    match value {
        Json::Bool(value) => Some(Json::from(i64::from(*value))),
        Json::Number(number) if number.is_i64() || number.is_u64() => Some(value.clone()),
        Json::Number(_) | Json::String(_) => i64::from_json(value).ok().map(Json::from),
        _ => None,
    }
}

fn float(value: &Json) -> Option<Json> {
    match value {
        Json::Number(number) => number.as_f64().map(Json::from),
        Json::String(text) => text.trim().parse::<f64>().ok().map(Json::from),
        _ => None,
    }
}

fn list(value: &Json) -> Option<Json> {
    match value {
        Json::Array(_) => Some(value.clone()),
        Json::String(text) => Some(text.split(',').map(|part| Json::from(part.trim())).collect()),
        Json::Number(_) => Some(Json::Array(vec![Json::from(python_text(value))])),
        _ => None,
    }
}

fn mapping(value: &Json) -> Result<Json, String> {
    match value {
        Json::Object(_) => Ok(value.clone()),
        Json::String(text) if text.trim_start().starts_with('{') => {
            serde_json::from_str::<Map<String, Json>>(text)
                .map(Json::Object)
                .map_err(|_| "unable to evaluate string as dictionary".to_owned())
        }
        Json::String(text) if text.contains('=') => {
            Map::<String, Json>::from_json(value).map(Json::Object).map_err(|_| {
                "unable to evaluate string in the \"key=value\" format as dictionary".to_owned()
            })
        }
        Json::String(_) => {
            Err("dictionary requested, could not parse JSON or key=value".to_owned())
        }
        other => Err(format!("<class '{}'> cannot be converted to a dict", name(other))),
    }
}

/// A size with a unit: `1K`, `2 MB`.
fn bytes(value: &Json) -> Option<Json> {
    let text = python_text(value);
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_alphabetic() || letter == ' ');
    let number: f64 = digits.trim().parse().ok()?;
    let unit = text.get(digits.len()..)?.trim();
    let power = match unit.chars().next().map(|letter| letter.to_ascii_uppercase()) {
        None | Some('B') => 0,
        Some(letter) => "KMGTPEZY".find(letter)? + 1,
    };
    let size = number * 1024_f64.powi(i32::try_from(power).ok()?);
    format!("{:.0}", size.round()).parse::<u64>().ok().map(Json::from)
}

fn expand(path: &str) -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    match path.strip_prefix('~') {
        Some("") => home,
        Some(rest) if rest.starts_with('/') => format!("{home}{rest}"),
        _ => path.to_owned(),
    }
}
