//! `config`: settings by name, of the program and of plugins.

use minijinja::Value;

use super::Request;
use crate::settings::{Definition, Table, current};
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{list, repr, text};
use crate::template::{from_json, type_name};

/// A plugin as the options name it.
struct Plugin {
    kind: String,
    name: String,
}

pub(super) fn config(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let missing = request.text_option("on_missing", "error")?;
    if !matches!(missing.as_str(), "error" | "warn" | "skip") {
        return Err(Failure::failed(format!(
            "Invalid value '{missing}' for config 'on_missing' for 'config' lookup plugin."
        )));
    }
    let shows_origin = request.flag("show_origin", false)?;
    let plugin = plugin(request)?;
    let mut found = Vec::new();
    for term in &request.terms {
        let Some(name) = term.as_str() else {
            return Err(Failure::failed(format!(
                "Invalid setting identifier, {} is not a <class 'str'>, its a <class '{}'>.",
                repr(term)?,
                type_name(term)
            )));
        };
        let row = match &plugin {
            Some(plugin) => Table::get().plugin(&plugin.kind, &plugin.name, name),
            None => Table::get().base(name),
        };
        let Some(row) = row else {
            if missing == "error" {
                return Err(Failure::failed(undefined(name, plugin.as_ref())));
            }
            continue;
        };
        let (value, origin) = value(request, row)?;
        found.push(if shows_origin { list(vec![value, Value::from(origin)]) } else { value });
    }
    Ok(found)
}

fn plugin(request: &Request<'_>) -> Outcome<Option<Plugin>> {
    let (kind, name) = (request.option("plugin_type"), request.option("plugin_name"));
    let (Some(kind), Some(name)) = (kind, name) else {
        return match (kind, name) {
            (None, None) => Ok(None),
            _ => Err(Failure::failed(
                "Both plugin_type and plugin_name are required, cannot use one without the other.",
            )),
        };
    };
    let (kind, name) = (text(kind)?, text(name)?);
    let name = name.strip_prefix("ansible.builtin.").unwrap_or(&name).to_owned();
    let is_known = match kind.as_str() {
        "lookup" => super::is_known(&name),
        _ => false,
    };
    if !is_known && Table::get().of_plugin(&kind, &name).next().is_none() {
        return Err(Failure::failed(format!("Unable to load {kind} plugin '{name}'.")));
    }
    Ok(Some(Plugin { kind, name }))
}

fn undefined(name: &str, plugin: Option<&Plugin>) -> String {
    let of = plugin.map(|plugin| format!(" for '{}' {} plugin", plugin.name, plugin.kind));
    format!("No config definition exists for '{name}'{}.", of.unwrap_or_default())
}

/// The value of a setting, and where it comes from: the last of its variables that is set, else
/// what the settings say.
fn value(request: &Request<'_>, row: &Definition) -> Outcome<(Value, String)> {
    for variable in row.variables.iter().rev() {
        let set = request.scope.lookup(variable)?;
        if let Some(value) = set.filter(|value| !value.is_none() && !value.is_undefined()) {
            let converted = value.as_str().and_then(|text| current().converted(row, text));
            let value = converted.map_or(value, |value| from_json(&value));
            return Ok((value, format!("var: {variable}")));
        }
    }
    let setting = current().resolve(row).map_err(|error| Failure::failed(error.to_string()))?;
    Ok((from_json(&setting.value), setting.origin.to_string()))
}
