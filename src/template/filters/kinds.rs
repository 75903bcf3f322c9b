//! Filters that tell what kind of value something is.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, class_of, elements, entries, is_mapping, mapping_get, text, type_name,
};
use crate::template::trust::is_trusted;

/// The family.
pub(super) const FILTERS: &[Filter] =
    &[filter("community.general.reveal_ansible_type", &["data", "alias"], |call| {
        kind(call.value()?, call.some(1)).map(Value::from)
    })];

/// The type of a value with those of what it holds, by the names that `alias` gives them.
pub(in crate::template) fn kind(value: &Value, alias: Option<&Value>) -> Outcome<String> {
    if let Some(alias) = alias.filter(|alias| !is_mapping(alias)) {
        return Err(Failure::failed(format!(
            "The argument alias must be a dictionary. {} is <class '{}'>",
            text(alias)?,
            type_name(alias)
        )));
    }
    let own = name(value, alias)?;
    let joined = |values: &[Value]| -> Outcome<String> {
        let mut names = values.iter().map(|it| name(it, alias)).collect::<Outcome<Vec<_>>>()?;
        names.sort();
        names.dedup();
        Ok(names.join("|"))
    };
    if own == "list" {
        let all = elements(value)?;
        if !all.is_empty() {
            return Ok(format!("list[{}]", joined(&all)?));
        }
    }
    if own == "dict" {
        let (keys, values): (Vec<Value>, Vec<Value>) = entries(value)?.into_iter().unzip();
        if !keys.is_empty() {
            return Ok(format!("dict[{}, {}]", joined(&keys)?, joined(&values)?));
        }
    }
    Ok(own)
}

fn name(value: &Value, alias: Option<&Value>) -> Outcome<String> {
    let native = match class_of(value) {
        Class::Text if is_trusted(value) => "_AnsibleTaggedStr",
        _ => type_name(value),
    };
    let other = alias.map(|alias| mapping_get(alias, &Value::from(native))).transpose()?.flatten();
    other.map_or_else(|| Ok(native.to_owned()), |other| text(&other))
}

/// Whether a value is of one of these types.
pub(in crate::template) fn is_kind(call: &Bound<'_>) -> Outcome<bool> {
    let wanted = call.required(1)?;
    let wanted = match class_of(wanted) {
        Class::Text => vec![wanted.clone()],
        Class::List | Class::Tuple => elements(wanted)?,
        _ => {
            return Err(Failure::failed(format!(
                "The argument dtype must be a string or a list. dtype is {}.",
                text(wanted)?
            )));
        }
    };
    let kind = kind(call.value()?, call.some(2))?;
    Ok(wanted.iter().any(|name| name.as_str() == Some(kind.as_str())))
}
