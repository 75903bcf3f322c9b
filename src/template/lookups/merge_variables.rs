//! `community.general.merge_variables`: the variables whose names match, as one.

use canvass_modules::python_regex;
use indexmap::IndexMap;
use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, class_of, dict, elements, entries, equal, finalise, is_mapping, item, list, mapping_get,
    text, type_name,
};
use crate::template::regex::Flags;
use crate::template::told::{Told, tell};

const OPTIONS: &[&str] = &["pattern_type", "initial_value", "override", "groups"];

/// What is done where a variable gives another value than one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overriding {
    Refused,
    Warned,
    Silent,
}

/// `merge_variables`
pub(super) fn merge_variables(request: &Request<'_>) -> Outcome<Vec<Value>> {
    request.only(OPTIONS)?;
    let kind = request.setting("pattern_type", "merge_variables_lookup", "regex")?;
    let overwrites = match request.setting("override", "merge_variables_lookup", "error")?.as_str()
    {
        "error" => Overriding::Refused,
        "ignore" => Overriding::Silent,
        "warn" => Overriding::Warned,
        other => {
            return Err(invalid("override", other));
        }
    };
    let initial = request.option("initial_value").map(finalise).transpose()?;
    let groups = match request.option("groups") {
        Some(groups) if class_of(groups) == Class::List => elements(groups)?,
        Some(group) => vec![group.clone()],
        None => Vec::new(),
    };
    let groups = groups.iter().map(text).collect::<Outcome<Vec<String>>>()?;
    let mut found = Vec::new();
    for term in &request.terms {
        let Some(pattern) = term.as_str() else {
            return Err(Failure::failed(format!(
                "Non-string type '<class '{}'>' passed, only 'str' types are allowed!",
                type_name(term)
            )));
        };
        let matches = matcher(&kind, pattern)?;
        let mut merged = initial.clone();
        if groups.is_empty() {
            let names = request.scope.names();
            let value = |name: &str| request.scope.lookup(name);
            merge(names, &*matches, value, overwrites, &mut merged)?;
        } else {
            let hostvars = request.scope.lookup("hostvars")?.unwrap_or_default();
            for host in elements(&hostvars)? {
                let variables = item(&hostvars, &host)?;
                if is_member(&variables, &groups)? {
                    let names = elements(&variables)?.iter().map(text).collect::<Outcome<_>>()?;
                    let value = |name: &str| mapping_get(&variables, &Value::from(name));
                    merge(names, &*matches, value, overwrites, &mut merged)?;
                }
            }
        }
        found.push(merged.unwrap_or_else(|| Value::from(())));
    }
    Ok(found)
}

fn invalid(option: &str, value: &str) -> Box<Failure> {
    Failure::failed(format!(
        "Invalid value '{value}' for config '{option}' for \
         'ansible_collections.community.general.plugins.lookup.merge_variables' lookup plugin."
    ))
}

type Matcher = Box<dyn Fn(&str) -> Outcome<bool>>;

fn matcher(kind: &str, pattern: &str) -> Outcome<Matcher> {
    let owned = pattern.to_owned();
    Ok(match kind {
        "prefix" => Box::new(move |name| Ok(name.starts_with(&owned))),
        "suffix" => Box::new(move |name| Ok(name.ends_with(&owned))),
        "regex" => {
            let regex = python_regex::compile(pattern, Flags::default())
                .map_err(|error| Failure::failed(error.to_string()))?;
            Box::new(move |name| Ok(regex.is_found(name)?))
        }
        other => return Err(invalid("pattern_type", other)),
    })
}

fn is_member(variables: &Value, groups: &[String]) -> Outcome<bool> {
    if groups.iter().any(|group| group == "all") {
        return Ok(true);
    }
    let own = mapping_get(variables, &Value::from("group_names"))?.unwrap_or_default();
    let own = elements(&own)?.iter().map(text).collect::<Outcome<Vec<String>>>()?;
    Ok(own.iter().any(|group| groups.contains(group)))
}

/// Adds the variables that match, sorted by name, to what there is.
fn merge(
    mut names: Vec<String>,
    matches: &dyn Fn(&str) -> Outcome<bool>,
    value: impl Fn(&str) -> Outcome<Option<Value>>,
    overwrites: Overriding,
    merged: &mut Option<Value>,
) -> Outcome<()> {
    names.sort_unstable();
    if let Some(initial) = merged {
        kind_of(initial)?;
    }
    for name in names {
        if !matches(&name)? {
            continue;
        }
        let Some(added) = value(&name)? else { continue };
        let added = finalise(&added)?;
        let kind = kind_of(&added)?;
        let Some(before) = merged.as_ref() else {
            *merged = Some(added);
            continue;
        };
        if kind_of(before)? != kind {
            return Err(Failure::failed("Unable to merge, not all variables are of the same type"));
        }
        *merged = Some(match kind {
            Class::Dict => with_entries(before, &added, &name, overwrites)?,
            _ => {
                let mut all = elements(before)?;
                all.extend(elements(&added)?);
                list(all)
            }
        });
    }
    Ok(())
}

fn kind_of(value: &Value) -> Outcome<Class> {
    match class_of(value) {
        class @ (Class::List | Class::Dict) => Ok(class),
        _ => Err(Failure::failed("Not supported type detected, variable must be a list or a dict")),
    }
}

fn with_entries(
    before: &Value,
    added: &Value,
    path: &str,
    overwrites: Overriding,
) -> Outcome<Value> {
    let mut all: IndexMap<Value, Value> = entries(before)?.into_iter().collect();
    for (key, value) in entries(added)? {
        let known = all.get(&key).cloned();
        let value = match known {
            known if is_mapping(&value) => {
                let known = known.unwrap_or_else(|| dict(IndexMap::new()));
                with_entries(&known, &value, &format!("{path}.{}", text(&key)?), overwrites)?
            }
            Some(known) if class_of(&value) == Class::List => {
                let mut joined = elements(&known)?;
                joined.extend(elements(&value)?);
                list(joined)
            }
            Some(known) if overwrites != Overriding::Silent && !equal(&known, &value)? => {
                let message = format!(
                    "The key '{key}' with value '{}' will be overwritten with value '{}' from \
                     '{path}.{key}'",
                    text(&known)?,
                    text(&value)?
                );
                if overwrites == Overriding::Refused {
                    return Err(Failure::failed(message));
                }
                tell(Told::Warning(&message));
                value
            }
            _ => value,
        };
        all.insert(key, value);
    }
    Ok(dict(all))
}
