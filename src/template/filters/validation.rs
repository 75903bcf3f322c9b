//! `ansible.utils.validate`: data checked by a JSON Schema, or lines by regular expressions.

use indexmap::IndexMap;
use minijinja::Value;

use super::{Filter, filter};
use crate::template::failure::{Failure, Outcome};
use crate::template::json_schema::{self, Draft, Violation};
use crate::template::python::{
    Class, JsonStyle, class_of, dict, dump_json, elements, finalise, is_mapping, list, mapping_get,
    parse_json, repr, text, type_name,
};
use crate::template::regex::{Flags, compiled};

/// The family.
pub(super) const FILTERS: &[Filter] =
    &[filter("ansible.utils.validate", &["data", "criteria", "**"], |call| {
        let (Some(data), Some(criteria)) = (call.given(0), call.given(1)) else {
            return Err(call.refuse(
                "Missing either 'data' or 'criteria' value in filter input, refer \
                 'ansible.utils.validate' filter plugin documentation for details",
            ));
        };
        let option = |name: &str| Ok(call.keyword(name).cloned());
        validate(data, criteria, &option).map(list)
    })];

/// What an option of the plugin, or of its engine, is set to.
type Options<'o> = dyn Fn(&str) -> Outcome<Option<Value>> + 'o;

/// What does not hold of the data.
///
/// # Errors
///
/// Data and criteria that cannot be read, and options that are not there, in the collection's
/// words.
pub(in crate::template) fn validate(
    data: &Value,
    criteria: &Value,
    option: &Options<'_>,
) -> Outcome<Vec<Value>> {
    let engine = match option("engine")? {
        Some(engine) if engine.is_true() => text(&engine)?,
        _ => "ansible.utils.jsonschema".to_owned(),
    };
    match engine.as_str() {
        "ansible.utils.jsonschema" => by_schema(data, criteria, option),
        "ansible.utils.config" => by_lines(data, criteria),
        _ => Err(no_engine(&engine)),
    }
}

fn no_engine(engine: &str) -> Box<Failure> {
    let module = match engine.split('.').collect::<Vec<_>>().as_slice() {
        ["ansible", "utils", name] => {
            format!("ansible_collections.ansible.utils.plugins.sub_plugins.validate.{name}")
        }
        [namespace, _, _] => format!("ansible_collections.{namespace}"),
        _ => {
            return Failure::failed(
                "validate lookup plugin failed with errors: Parser name should be provided as a \
                 full name including collection",
            );
        }
    };
    not_loaded(engine, &format!("No module named '{module}'"))
}

fn not_loaded(engine: &str, reason: &str) -> Box<Failure> {
    Failure::failed(format!(
        "validate lookup plugin failed with errors: For engine '{engine}' error loading the \
         corresponding validate plugin: {reason}"
    ))
}

/// An option of the engine, which its environment may set, too.
fn engine_option(option: &Options<'_>, name: &str) -> Outcome<Option<Value>> {
    if let Some(value) = option(name)? {
        return Ok(Some(value));
    }
    let variable = format!("ANSIBLE_VALIDATE_JSONSCHEMA_{}", name.to_uppercase());
    Ok(crate::settings::current().variable(&variable).map(Value::from))
}

fn wrong_option(error: &str) -> Box<Failure> {
    let engine = "ansible.utils.jsonschema";
    let reason = format!("argspec validation failed for {engine} plugin with errors: [{error}]");
    not_loaded(engine, &reason)
}

fn draft(option: &Options<'_>) -> Outcome<Option<Draft>> {
    let Some(given) = engine_option(option, "draft")?.filter(|given| !given.is_none()) else {
        return Ok(None);
    };
    let name = text(&given)?;
    match Draft::named(&name) {
        Some(draft) => Ok(Some(draft)),
        None => {
            let names = Draft::names().collect::<Vec<_>>().join(", ");
            let error = format!("value of draft must be one of: {names}, got: {name}");
            Err(wrong_option(&repr(&Value::from(error))?))
        }
    }
}

fn checks_formats(option: &Options<'_>) -> Outcome<bool> {
    let Some(given) = engine_option(option, "check_format")?.filter(|given| !given.is_none())
    else {
        return Ok(true);
    };
    match text(&given)?.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" | "1.0" => Ok(true),
        "false" | "no" | "off" | "0" | "n" | "f" | "0.0" => Ok(false),
        _ => {
            let error = format!(
                "argument 'check_format' is of type {} and we were unable to convert to bool: The \
                 value {} is not a valid boolean. Valid booleans include: 0, 1, 'f', 'false', 'n', \
                 'no', 'off', 'on', 't', 'true', 'y', 'yes'",
                type_name(&given),
                repr(&given)?
            );
            Err(wrong_option(&repr(&Value::from(error))?))
        }
    }
}

/// A value as JSON holds it; a text is JSON already.
fn as_json(value: &Value, is_json: bool, name: &str) -> Outcome<Value> {
    let read = || {
        let json = match value.as_str() {
            Some(text) if is_json => text.to_owned(),
            _ => dump_json(value, &JsonStyle::default())?,
        };
        parse_json(&json)
    };
    read().map_err(|failure| match failure.ends_all() {
        true => failure,
        false => Failure::failed(format!(
            "'{name}' option value is invalid, value should a valid JSON. Failed to read with \
             error '{}'",
            failure.kind
        )),
    })
}

fn several(value: &Value) -> Outcome<Vec<Value>> {
    match class_of(value) {
        Class::None => Ok(Vec::new()),
        Class::List | Class::Tuple => elements(value),
        _ => Ok(vec![value.clone()]),
    }
}

fn by_schema(data: &Value, criteria: &Value, option: &Options<'_>) -> Outcome<Vec<Value>> {
    let (draft, formats) = (draft(option)?, checks_formats(option)?);
    let data = as_json(data, true, "data")?;
    let is_json = class_of(criteria) == Class::Text;
    let schemas = several(criteria)?;
    let schemas = schemas.iter().map(|schema| as_json(schema, is_json, "criteria"));
    let mut found = Vec::new();
    for schema in schemas.collect::<Outcome<Vec<_>>>()? {
        match json_schema::violations(&data, &schema, draft, formats) {
            Ok(violations) => {
                for violation in violations {
                    found.push(told(violation)?);
                }
            }
            Err(failure) if failure.ends_all() => return Err(failure),
            // a schema that is none is an error of its own, in place of the others
            Err(failure) => return Ok(vec![Value::from(failure.kind.to_string())]),
        }
    }
    Ok(found)
}

fn told(violation: Violation) -> Outcome<Value> {
    let dotted = |path: &[Value]| -> Outcome<String> {
        Ok(path.iter().map(text).collect::<Outcome<Vec<_>>>()?.join("."))
    };
    let mut json_path = "$".to_owned();
    for part in &violation.path {
        json_path.push_str(&match class_of(part) {
            Class::Text => format!(".{}", text(part)?),
            _ => format!("[{}]", text(part)?),
        });
    }
    let entries = [
        ("message", Value::from(violation.message)),
        ("data_path", Value::from(dotted(&violation.path)?)),
        ("json_path", Value::from(json_path)),
        ("schema_path", Value::from(dotted(&violation.schema_path)?)),
        ("relative_schema", violation.schema.unwrap_or_default()),
        ("expected", violation.expected.unwrap_or_default()),
        ("validator", violation.keyword.unwrap_or_default()),
        ("found", violation.found.unwrap_or_default()),
    ];
    Ok(mapping(entries))
}

fn mapping<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.into_iter().map(|(name, value)| (Value::from(name), value));
    dict(entries.collect::<IndexMap<_, _>>())
}

/// The criteria of the engine `config`: what lines must not hold.
fn by_lines(data: &Value, criteria: &Value) -> Outcome<Vec<Value>> {
    let criteria = match criteria.as_str() {
        Some(yaml) => super::parse_yaml(yaml).map_err(|failure| {
            Failure::failed(format!(
                "'criteria' option value is invalid, value should be valid YAML. Failed to read \
                 with error '{}'",
                failure.kind
            ))
        })?,
        None => finalise(criteria)?,
    };
    let (mut rules, mut issues) = (Vec::new(), Vec::new());
    for item in several(&criteria)? {
        let shown = repr(&item)?;
        let mut get = |key: &str| -> Outcome<Option<Value>> {
            let value = match is_mapping(&item) {
                true => mapping_get(&item, &Value::from(key))?,
                false => None,
            };
            if value.is_none() {
                issues.push(format!("Criteria {shown} missing \"{key}\" key"));
            }
            Ok(value)
        };
        let name = get("name")?;
        let action = get("action")?;
        let action = action.as_ref().map(text).transpose()?;
        let known = action.as_deref().is_none_or(|action| matches!(action, "warn" | "fail"));
        let rule = get("rule")?;
        if !known {
            let issue = format!("Action in criteria {shown} is not one of \"warn\" or \"fail\"");
            issues.insert(issues.len() - usize::from(rule.is_none()), issue);
        }
        let Some(rule) = rule else { continue };
        match compiled(&text(&rule)?, Flags::default()) {
            Ok(regex) => rules.push((name.unwrap_or_default(), action, regex)),
            Err(failure) => {
                let (rule, reason) = (text(&rule)?, &failure.kind);
                issues.push(format!("Failed to compile regex \"{rule}\": {reason}"));
            }
        }
    }
    if !issues.is_empty() {
        return Err(Failure::failed(issues.join("\n")));
    }
    let Some(data) = data.as_str() else {
        let name = type_name(data);
        return Ok(vec![format!("'{name}' object has no attribute 'split'").into()]);
    };
    let mut found = Vec::new();
    for (name, action, regex) in rules {
        for line in data.split('\n') {
            if regex.is_found(line)? && action.as_deref() == Some("fail") {
                found.push(mapping([("message", name.clone()), ("found", Value::from(line))]));
            }
        }
    }
    Ok(found)
}
