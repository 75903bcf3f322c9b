//! `keyed_groups` of `constructed`: groups that the values of variables name.

use minijinja::Value;
use serde_json::Value as Json;

use super::constructed::flag;
use super::error::{InventoryError, Problem};
use super::group_names::safe;
use super::result::failed;
use crate::source::{Kind, Node};
use crate::template::{Templar, python_text, to_json};
use crate::vars::Scope;

/// An entry of `keyed_groups`.
pub(super) struct KeyedGroup<'n> {
    /// The expression.
    pub(super) key: &'n Node,
    prefix: String,
    separator: String,
    parent: Option<&'n Node>,
    /// What stands for a value that is empty.
    default: Option<String>,
    /// Whether the separator stays behind a key without a value.
    trailing_separator: bool,
}

/// The groups of a host.
pub(super) struct Found {
    /// Their names.
    pub(super) names: Vec<String>,
    /// The group that they stand in.
    pub(super) parent: Option<String>,
    /// Whether there was no value at all; a list or mapping without elements is one.
    pub(super) is_empty: bool,
}

/// Why there are none.
pub(super) struct Refusal {
    /// What is wrong.
    pub(super) error: InventoryError,
    /// Whether it is an error without `strict`, too.
    pub(super) always: bool,
}

impl Refusal {
    fn unless_strict(error: InventoryError) -> Self {
        Self { error, always: false }
    }
}

impl<'n> KeyedGroup<'n> {
    /// An entry as written.
    pub(super) fn of(entry: &'n Node) -> Result<Self, InventoryError> {
        let wrong = |text: &str| Problem::Option(text.to_owned()).at(entry.span.clone());
        if entry.as_map().is_none_or(<[_]>::is_empty) {
            return Err(wrong("Invalid keyed group entry, it must be a dictionary"));
        }
        let key = entry.get("key").ok_or_else(|| wrong("a keyed group needs a `key`"))?;
        let word = |name: &str| entry.get(name).map(scalar);
        let trailing = entry.get("trailing_separator").filter(|node| !node.is_null());
        let default = entry.get("default_value").filter(|node| !node.is_null()).map(scalar);
        if trailing.is_some() && default.is_some() {
            return Err(wrong(
                "parameters are mutually exclusive for keyed groups: \
                 default_value|trailing_separator",
            ));
        }
        Ok(Self {
            key,
            prefix: word("prefix").unwrap_or_default(),
            separator: word("separator").unwrap_or_else(|| "_".to_owned()),
            parent: entry.get("parent_group").filter(|node| !node.is_null()),
            default,
            trailing_separator: match trailing {
                Some(node) => flag("trailing_separator", node)?,
                None => true,
            },
        })
    }

    /// The groups that the variables of a host name.
    pub(super) fn names(
        &self,
        templar: &Templar,
        scope: &Scope,
        leading_separator: bool,
    ) -> Result<Found, Refusal> {
        let text = self.key.as_str().unwrap_or_default();
        let value = templar
            .expression(text, Some(&self.key.span), scope)
            .map_err(|error| Refusal::unless_strict(failed(error)))?;
        let json = to_json(&value).map_err(|error| Refusal::unless_strict(failed(error)))?;
        let default = self.default.as_ref().filter(|_| is_missing(&json));
        if default.is_none() && is_nothing(&json) {
            let is_empty = !matches!(json, Json::Array(_) | Json::Object(_));
            return Ok(Found { names: Vec::new(), parent: None, is_empty });
        }
        let parent = self.parent_of(templar, scope)?;
        let separator = match self.prefix.is_empty() && !leading_separator {
            true => "",
            false => &self.separator,
        };
        let bare = match default {
            Some(default) => vec![default.clone()],
            None => self.bare(&value, &json)?,
        };
        let names =
            bare.iter().map(|name| safe(&format!("{}{separator}{name}", self.prefix))).collect();
        Ok(Found { names, parent, is_empty: false })
    }

    fn parent_of(&self, templar: &Templar, scope: &Scope) -> Result<Option<String>, Refusal> {
        let Some(node) = self.parent else { return Ok(None) };
        match templar.node(node, scope) {
            Ok(value) if crate::template::is_omit(&value) => Ok(None),
            Ok(value) => {
                let text = python_text(&value);
                let text = text.map_err(|error| Refusal::unless_strict(failed(error)))?;
                Ok(Some(text).filter(|text| !text.is_empty()).map(|text| safe(&text)))
            }
            Err(error) => Err(Refusal::unless_strict(failed(error))),
        }
    }

    /// The names without prefix.
    fn bare(&self, value: &Value, json: &Json) -> Result<Vec<String>, Refusal> {
        let text = |value: &Value| {
            python_text(value).map_err(|error| Refusal { error: failed(error), always: true })
        };
        match json {
            Json::String(name) => Ok(vec![name.clone()]),
            Json::Array(elements) => {
                let values = value.try_iter().into_iter().flatten();
                elements
                    .iter()
                    .zip(values)
                    .map(|(json, value)| match &self.default {
                        Some(default) if is_missing(json) => Ok(default.clone()),
                        _ => text(&value),
                    })
                    .collect()
            }
            Json::Object(entries) => entries
                .iter()
                .map(|(name, json)| {
                    let separator = &self.separator;
                    if is_missing(json) {
                        if let Some(default) = &self.default {
                            return Ok(format!("{name}{separator}{default}"));
                        }
                        if !self.trailing_separator {
                            return Ok(name.clone());
                        }
                    }
                    let value = value.get_item(&Value::from(name.as_str())).unwrap_or_default();
                    Ok(format!("{name}{separator}{}", text(&value)?))
                })
                .collect(),
            other => {
                let problem = Problem::Option(format!(
                    "Invalid group name format, expected a string or a list of them or \
                     dictionary, got: {other}"
                ));
                Err(Refusal { error: problem.at(self.key.span.clone()), always: true })
            }
        }
    }
}

/// Neither a value nor text.
fn is_missing(value: &Json) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// What Python takes as false.
fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(flag) => !flag,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(elements) => elements.is_empty(),
        Json::Object(entries) => entries.is_empty(),
    }
}

/// A scalar as text.
fn scalar(node: &Node) -> String {
    match &node.kind {
        Kind::Str(text) => text.value.clone(),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Kind::Null => "None".to_owned(),
        _ => String::new(),
    }
}
