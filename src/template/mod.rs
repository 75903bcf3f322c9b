//! Templates: expressions and variables in, values out.
//!
//! [`syntax`] parses Jinja, [`eval`] evaluates the tree, [`python`] says what values mean;
//! [`filters`], [`tests`], [`methods`], [`globals`] and [`lookups`] are what a template can call.

mod address;
mod cache;
mod catalogue;
mod collections;
mod crypt;
mod directories;
mod error;
mod eval;
mod failure;
mod file_variables;
mod filler;
mod filters;
mod globals;
mod header;
mod jmespath;
mod json_schema;
mod lookups;
mod methods;
mod place;
mod python;
mod regex;
mod render;
mod stack;
mod strptime;
mod syntax;
mod templar;
mod tests;
mod time;
mod told;
mod trust;
mod work;
mod yaml_emitter;

pub use catalogue::{Callable, Kind, catalogue};
pub use directories::Directories;
pub use error::{TemplateError, TemplateErrorKind, Way};
pub(crate) use templar::IN_CONDITION;
pub use templar::{FileOptions, Templar, is_omit, kept, to_json};
pub(crate) use yaml_emitter::yaml_of_results;

pub(crate) use failure::{Failure, Outcome};
pub(crate) use file_variables::file_variables;
pub(crate) use python::vaulted;
pub(crate) use render::{finalised, holds_template, recursion, rendered_text, template_value};
pub(crate) use time::timestamp;
pub use told::{Told, listen};
pub use trust::tell_of_untrusted;
pub(crate) use trust::{is_trusted, look_at, trusted};
pub(crate) use work::{USUAL, bounded};

/// A value as Ansible's own YAML dumper writes it: block style, sorted keys.
///
/// # Errors
///
/// A value that is an error itself.
pub fn yaml_text(value: &minijinja::Value) -> Result<String, TemplateError> {
    let style = yaml_emitter::YamlStyle { flow: Some(false), ..yaml_emitter::YamlStyle::default() };
    yaml_emitter::dump_yaml(value, &style).map_err(|failure| failure.into_error(None))
}

/// Python's name for the type of a value.
pub fn type_name(value: &minijinja::Value) -> &'static str {
    python::type_name(value)
}

/// Python's `str()` of a value.
///
/// # Errors
///
/// A value that is an error itself.
pub fn python_text(value: &minijinja::Value) -> Result<String, TemplateError> {
    python::text(value).map_err(|failure| failure.into_error(None))
}

/// Data from a host's answer or a module's result as a value; text in it is never a template.
pub fn from_json(json: &serde_json::Value) -> minijinja::Value {
    let value = python::value_from_json(json);
    python::settle(&value).unwrap_or(value)
}

/// A mapping with these entries set anew.
pub(crate) fn with_entries(
    mapping: &minijinja::Value,
    added: Vec<(String, minijinja::Value)>,
) -> minijinja::Value {
    if added.is_empty() {
        return mapping.clone();
    }
    let mut entries: indexmap::IndexMap<_, _> =
        python::entries(mapping).unwrap_or_default().into_iter().collect();
    entries.extend(added.into_iter().map(|(name, value)| (minijinja::Value::from(name), value)));
    minijinja::Value::from_object(entries)
}

/// A mapping of these entries.
pub(crate) fn mapping<'e>(
    entries: impl Iterator<Item = (&'e str, &'e minijinja::Value)>,
) -> minijinja::Value {
    let entries = entries.map(|(name, value)| (minijinja::Value::from(name), value.clone()));
    minijinja::Value::from_object(entries.collect::<indexmap::IndexMap<_, _>>())
}

/// The text of a value as Python's `str()` gives it.
pub fn json_text(json: &serde_json::Value) -> String {
    python::text(&from_json(json)).unwrap_or_default()
}

/// A value as Python's `json.dumps` writes it.
pub(crate) fn json_dumps(json: &serde_json::Value) -> String {
    python::dump_json(&from_json(json), &python::JsonStyle::default()).unwrap_or_default()
}

/// The text of a value as Python's `repr()` gives it.
pub fn json_repr(json: &serde_json::Value) -> String {
    python::repr(&from_json(json)).unwrap_or_default()
}
