//! What keywords of older drafts ask for that mean something else today, or nothing.

use std::cmp::Ordering;

use indexmap::IndexMap;
use minijinja::Value;

use super::keywords::bound;
use super::objects::{dependencies_of, needed};
use super::{Found, Look, Violation, entries_of, extras, is_array, is_object, several};
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, dict, elements, is_mapping, length, list, mapping_get, repr, truth,
};

pub(super) fn recursive_reference(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let (schema, place) = look.checker.registry.recursive(look.place)?;
    if class_of(&schema) == Class::Bool {
        return look.descend([look.instance, &schema], None, None, found);
    }
    look.checker.descend_at(&place, [look.instance, &schema], None, None, found)
}

pub(super) fn dependencies_of_draft_3(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    for (property, dependency) in dependencies_of(look)? {
        if is_object(&dependency) {
            look.descend([look.instance, &dependency], None, Some(&property), found)?;
        } else {
            needed(look, found, &property, &several(&dependency)?)?;
        }
    }
    Ok(())
}

pub(super) fn dependencies(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    for (property, dependency) in dependencies_of(look)? {
        if is_array(&dependency) {
            needed(look, found, &property, &elements(&dependency)?)?;
        } else {
            look.descend([look.instance, &dependency], None, Some(&property), found)?;
        }
    }
    Ok(())
}

pub(super) fn disallow(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    for disallowed in several(look.value)? {
        let types = list(vec![disallowed.clone()]);
        let schema = dict(IndexMap::from([(Value::from("type"), types)]));
        if look.holds(look.instance, &schema)? {
            found.add(format!("{} is disallowed for {}", repr(&disallowed)?, look.repr()?));
        }
    }
    Ok(())
}

pub(super) fn extends(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if is_object(look.value) {
        return look.descend([look.instance, look.value], None, None, found);
    }
    for (index, schema) in elements(look.value)?.iter().enumerate() {
        look.descend([look.instance, schema], None, Some(&Value::from(index)), found)?;
    }
    Ok(())
}

/// Each item by the same schema, or each by its own.
fn each_item(look: &Look<'_>, found: &mut Found<'_>, same: bool) -> Outcome<()> {
    if !is_array(look.instance) {
        return Ok(());
    }
    let items = elements(look.instance)?;
    if same {
        for (index, item) in items.iter().enumerate() {
            look.descend([item, look.value], Some(&Value::from(index)), None, found)?;
        }
        return Ok(());
    }
    let schemas = elements(look.value)?;
    for (index, (item, schema)) in items.iter().zip(&schemas).enumerate() {
        let index = Value::from(index);
        look.descend([item, schema], Some(&index), Some(&index), found)?;
    }
    Ok(())
}

pub(super) fn items_of_draft_4(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    each_item(look, found, is_object(look.value))
}

pub(super) fn items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    each_item(look, found, !is_array(look.value))
}

pub(super) fn additional_items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let known = look.beside("items")?;
    // without `items` all are admitted
    let Some(known) = known.filter(|known| is_array(look.instance) && !is_mapping(known)) else {
        return Ok(());
    };
    let known = length(&known)?;
    let items = elements(look.instance)?;
    if is_object(look.value) {
        for (index, item) in items.iter().enumerate().skip(known) {
            look.descend([item, look.value], Some(&Value::from(index)), None, found)?;
        }
    } else if !truth(look.value)? && items.len() > known {
        let more = extras(items.get(known..).unwrap_or_default())?;
        found.add(format!("Additional items are not allowed ({more} unexpected)"));
    }
    Ok(())
}

/// Whether the bound itself is refused.
fn is_exclusive(look: &Look<'_>, keyword: &str) -> Outcome<bool> {
    look.beside(keyword)?.map_or(Ok(false), |value| truth(&value))
}

pub(super) fn minimum(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    match is_exclusive(look, "exclusiveMinimum")? {
        true => {
            let refused = [Ordering::Less, Ordering::Equal];
            bound(look, found, "<=", &refused, "less than or equal to the minimum")
        }
        false => bound(look, found, "<", &[Ordering::Less], "less than the minimum"),
    }
}

pub(super) fn maximum(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    match is_exclusive(look, "exclusiveMaximum")? {
        true => {
            let refused = [Ordering::Greater, Ordering::Equal];
            bound(look, found, ">=", &refused, "greater than or equal to the maximum")
        }
        false => bound(look, found, ">", &[Ordering::Greater], "greater than the maximum"),
    }
}

pub(super) fn properties(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_object(look.instance) {
        return Ok(());
    }
    for (property, schema) in entries_of(look.value)? {
        if let Some(value) = mapping_get(look.instance, &property)? {
            look.descend([&value, &schema], Some(&property), Some(&property), found)?;
            continue;
        }
        let required = mapping_get(&schema, &Value::from("required"))?;
        if let Some(required) = required.filter(Value::is_true) {
            let mut error = Violation::new(format!("{} is a required property", repr(&property)?));
            error.keyword = Some(Value::from("required"));
            error.expected = Some(required);
            error.path = vec![property.clone()];
            error.schema_path = vec![property, Value::from("required")];
            found.errors.push(error);
        }
    }
    Ok(())
}

pub(super) fn types(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let types = several(look.value)?;
    let mut names = Vec::new();
    for name in &types {
        if is_object(name) {
            let mut errors = Vec::new();
            let mut inner = Found { errors: &mut errors, first: false };
            look.descend([look.instance, name], None, None, &mut inner)?;
            if errors.is_empty() {
                return Ok(());
            }
            let named = mapping_get(name, &Value::from("name"))?;
            names.push(repr(named.as_ref().unwrap_or(name))?);
        } else if look.is_type(look.instance, name)? {
            return Ok(());
        } else {
            names.push(repr(name)?);
        }
    }
    found.add(format!("{} is not of type {}", look.repr()?, names.join(", ")));
    Ok(())
}

pub(super) fn contains(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_array(look.instance) {
        return Ok(());
    }
    for item in elements(look.instance)? {
        if look.holds(&item, look.value)? {
            return Ok(());
        }
    }
    found.add(format!("None of {} are valid under the given schema", look.repr()?));
    Ok(())
}
