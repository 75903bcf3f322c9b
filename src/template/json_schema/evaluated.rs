//! What other keywords have looked at already: for `unevaluatedItems` and
//! `unevaluatedProperties`.

use std::collections::HashSet;

use minijinja::Value;

use super::keywords::finds;
use super::references::Place;
use super::{Draft, Found, Look, entries_of, is_object};
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, deeper, elements, entries, length, mapping_get, text,
};

/// The schemas beside a place that hold for the value, each of which may have looked at more.
fn schemas(look: &Look<'_>, place: &Place, schema: &Value) -> Outcome<Vec<(Value, Place)>> {
    let get = |keyword: &str| mapping_get(schema, &Value::from(keyword));
    let mut all = Vec::new();
    let registry = &look.checker.registry;
    let mut follow = |reference: Option<Value>| {
        if let Some(reference) = reference.filter(|reference| !reference.is_none()) {
            all.push(registry.find(place, &text(&reference)?)?);
        }
        Outcome::Ok(())
    };
    follow(get("$ref")?)?;
    if place.draft == Draft::Of2020 {
        follow(get("$dynamicRef")?)?;
    } else if get("$recursiveRef")?.is_some() {
        all.push(registry.recursive(place)?);
    }
    if let Some(condition) = get("if")? {
        let branch = match look.checker.holds(place, look.instance, &condition)? {
            true => {
                all.push((condition, place.clone()));
                "then"
            }
            false => "else",
        };
        all.extend(get(branch)?.map(|schema| (schema, place.clone())));
    }
    for keyword in ["allOf", "oneOf", "anyOf"] {
        let Some(several) = get(keyword)? else { continue };
        for schema in elements(&several)? {
            if is_valid(look, place, look.instance, &schema)? {
                all.push((schema, place.clone()));
            }
        }
    }
    Ok(all)
}

fn is_valid(look: &Look<'_>, place: &Place, value: &Value, schema: &Value) -> Outcome<bool> {
    let mut errors = Vec::new();
    let mut found = Found { errors: &mut errors, first: true };
    look.checker.descend(place, [value, schema], None, None, &mut found)?;
    Ok(errors.is_empty())
}

/// The indices of items that were looked at.
pub(super) fn items(look: &Look<'_>, place: &Place, schema: &Value) -> Outcome<HashSet<usize>> {
    if class_of(schema) == Class::Bool {
        return Ok(HashSet::new());
    }
    let get = |keyword: &str| mapping_get(schema, &Value::from(keyword));
    let all = elements(look.instance)?;
    let mut known = HashSet::new();
    if let Some(items) = get("items")? {
        let whole =
            place.draft == Draft::Of2020 || get("additionalItems")?.is_some() || is_object(&items);
        known.extend(0..if whole { all.len() } else { length(&items)? });
    }
    if let Some(prefix) = get("prefixItems")?
        && place.draft == Draft::Of2020
    {
        known.extend(0..length(&prefix)?);
    }
    for keyword in ["contains", "unevaluatedItems"] {
        let Some(schema) = get(keyword)? else { continue };
        for (index, item) in all.iter().enumerate() {
            if look.checker.holds(place, item, &schema)? {
                known.insert(index);
            }
        }
    }
    for (schema, place) in schemas(look, place, schema)? {
        known.extend(deeper(|| items(look, &place, &schema))?);
    }
    Ok(known)
}

/// The names of properties that were looked at.
pub(super) fn properties(
    look: &Look<'_>,
    place: &Place,
    schema: &Value,
) -> Outcome<HashSet<String>> {
    if class_of(schema) == Class::Bool {
        return Ok(HashSet::new());
    }
    let get = |keyword: &str| mapping_get(schema, &Value::from(keyword));
    let all = entries(look.instance)?;
    let mut known = HashSet::new();
    let old = place.draft < Draft::Of2020;
    for keyword in ["properties", "additionalProperties", "unevaluatedProperties"] {
        let Some(value) = get(keyword)? else { continue };
        for (name, instance) in &all {
            let is_known = match (class_of(&value) == Class::Bool, is_object(&value)) {
                (true, _) if old => value.is_true(),
                (_, true) if old || keyword == "properties" => mapping_get(&value, name)?.is_some(),
                _ if old || keyword == "properties" => false,
                _ => is_valid(look, place, instance, &value)?,
            };
            if is_known {
                known.insert(text(name)?);
            }
        }
    }
    if let Some(patterns) = get("patternProperties")? {
        for (pattern, _) in entries_of(&patterns)? {
            for (name, _) in &all {
                if finds(&pattern, name)? {
                    known.insert(text(name)?);
                }
            }
        }
    }
    if let Some(dependent) = get("dependentSchemas")? {
        for (name, schema) in entries_of(&dependent)? {
            if mapping_get(look.instance, &name)?.is_some() {
                known.extend(deeper(|| properties(look, place, &schema))?);
            }
        }
    }
    for (schema, place) in schemas(look, place, schema)? {
        known.extend(deeper(|| properties(look, &place, &schema))?);
    }
    Ok(known)
}
