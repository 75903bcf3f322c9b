//! The types that options can have, and how arguments become them.

use std::path::PathBuf;

use serde_json::{Map, Value as Json};

use super::{Expected, OptionKind};

/// A type that an option can have.
pub trait ParamValue: Sized {
    /// Ansible's name for its type.
    const KIND: OptionKind;

    /// The accepted words, where there are only some.
    fn choices() -> &'static [&'static str] {
        &[]
    }

    /// The value when the option is not given; `None` makes it required.
    fn absent() -> Option<Self> {
        None
    }

    /// Converts a rendered argument.
    fn from_json(value: &Json) -> Result<Self, Expected>;
}

impl<T: ParamValue> ParamValue for Option<T> {
    const KIND: OptionKind = T::KIND;

    fn choices() -> &'static [&'static str] {
        T::choices()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn from_json(value: &Json) -> Result<Self, Expected> {
        T::from_json(value).map(Some)
    }
}

impl ParamValue for String {
    const KIND: OptionKind = OptionKind::Str;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        Ok(plain(value))
    }
}

impl ParamValue for PathBuf {
    const KIND: OptionKind = OptionKind::Path;

    /// The text as a path; `~` and variables are the module's to expand, on the host.
    fn from_json(value: &Json) -> Result<Self, Expected> {
        Ok(Self::from(plain(value)))
    }
}

impl ParamValue for bool {
    const KIND: OptionKind = OptionKind::Bool;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let word = match value {
            Json::Bool(value) => return Ok(*value),
            Json::Number(number) if number.as_f64() == Some(1.0) => return Ok(true),
            Json::Number(number) if number.as_f64() == Some(0.0) => return Ok(false),
            other => plain(other),
        };
        match word.to_lowercase().trim() {
            "yes" | "on" | "1" | "true" | "t" | "y" | "1.0" => Ok(true),
            "no" | "off" | "0" | "false" | "f" | "n" | "0.0" => Ok(false),
            _ => Err(Expected::Type(
                OptionKind::Bool,
                format!(
                    "The value '{word}' is not a valid boolean. Valid booleans include: \
                     0, 1, '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
                ),
            )),
        }
    }
}

impl ParamValue for i64 {
    const KIND: OptionKind = OptionKind::Int;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let whole = match value {
            Json::Number(number) => number.as_i64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        whole.ok_or_else(|| {
            Expected::Type(
                OptionKind::Int,
                format!("\"{}\" cannot be converted to an int", python_repr(value)),
            )
        })
    }
}

impl ParamValue for u32 {
    const KIND: OptionKind = OptionKind::Int;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let wide = i64::from_json(value)?;
        Self::try_from(wide)
            .map_err(|_| Expected::Form(format!("{wide} is not between 0 and {}", Self::MAX)))
    }
}

impl ParamValue for u64 {
    const KIND: OptionKind = OptionKind::Int;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let wide = i64::from_json(value)?;
        Self::try_from(wide).map_err(|_| Expected::Form(format!("{wide} is negative")))
    }
}

impl ParamValue for f64 {
    const KIND: OptionKind = OptionKind::Float;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let number = match value {
            Json::Number(number) => number.as_f64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| {
            Expected::Type(
                OptionKind::Float,
                format!("<class '{}'> cannot be converted to a float", python_type(value)),
            )
        })
    }
}

impl<T: ParamValue> ParamValue for Vec<T> {
    const KIND: OptionKind = OptionKind::List;

    fn choices() -> &'static [&'static str] {
        T::choices()
    }

    fn from_json(value: &Json) -> Result<Self, Expected> {
        match value {
            Json::Array(elements) => listed(elements),
            Json::String(text) => {
                let words = text.split(',').map(|part| Json::from(part.trim()));
                listed(&words.collect::<Vec<_>>())
            }
            Json::Number(_) | Json::Bool(_) => listed(std::slice::from_ref(value)),
            Json::Object(_) | Json::Null => Err(Expected::Type(
                OptionKind::List,
                format!("{} cannot be converted to a list", python_type(value)),
            )),
        }
    }
}

/// The elements of a list; all that are none of its words are told at once.
fn listed<T: ParamValue>(elements: &[Json]) -> Result<Vec<T>, Expected> {
    let element = |element: &Json| {
        T::from_json(element).map_err(|expected| match expected {
            Expected::Type(wanted, reason) => {
                Expected::Element(python_type(element), wanted, reason)
            }
            other => other,
        })
    };
    let read: Result<Vec<T>, Expected> = elements.iter().map(element).collect();
    let Err(Expected::Choice(choices)) = read else { return read };
    let is_none = |element: &&Json| matches!(T::from_json(element), Err(Expected::Choice(_)));
    let others: Vec<String> = elements.iter().filter(is_none).map(plain).collect();
    Err(Expected::Choices(choices, others.join(", ")))
}

impl ParamValue for Map<String, Json> {
    const KIND: OptionKind = OptionKind::Dict;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let refused = || {
            Expected::Type(
                OptionKind::Dict,
                "dictionary requested, could not parse JSON or key=value".to_owned(),
            )
        };
        match value {
            Json::Object(map) => Ok(map.clone()),
            Json::String(text) if text.trim_start().starts_with('{') => {
                serde_json::from_str(text).map_err(|_| refused())
            }
            Json::String(text) if text.contains('=') => {
                let words = shell_words::split(&text.replace(',', " ")).map_err(|_| refused())?;
                words
                    .iter()
                    .map(|word| {
                        let (key, value) = word.split_once('=').ok_or_else(refused)?;
                        Ok((key.to_owned(), Json::from(value)))
                    })
                    .collect()
            }
            _ => Err(refused()),
        }
    }
}

impl ParamValue for Json {
    const KIND: OptionKind = OptionKind::Raw;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        Ok(value.clone())
    }
}

/// The text of a value as Python's `str()` gives it for scalars.
pub fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value as Python's `repr()` gives it, for scalars.
fn python_repr(value: &Json) -> String {
    match value {
        Json::String(text) => format!("'{text}'"),
        Json::Null => "None".to_owned(),
        other => plain(other),
    }
}

pub(crate) fn python_type(value: &Json) -> &'static str {
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
