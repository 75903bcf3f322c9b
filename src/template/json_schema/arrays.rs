//! What keywords ask of lists, in the drafts of today.

use std::cmp::Ordering;
use std::collections::HashSet;

use minijinja::Value;

use super::keywords::{EMPTY, NOT_EMPTY, same, size};
use super::{Found, Look, Violation, evaluated, extras, is_array};
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, compare, elements, length, list, repr, text, truth,
};
use crate::template::work::spend;

pub(super) fn items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_array(look.instance) {
        return Ok(());
    }
    let prefix = look.beside("prefixItems")?.map_or(Ok(0), |items| length(&items))?;
    let all = elements(look.instance)?;
    let rest = all.get(prefix..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(());
    }
    if class_of(look.value) == Class::Bool && !look.value.is_true() {
        let shown = match rest {
            [only] => repr(only)?,
            rest => repr(&list(rest.to_vec()))?,
        };
        let (extra, item) = (rest.len(), if prefix == 1 { "item" } else { "items" });
        found.add(format!("Expected at most {prefix} {item} but found {extra} extra: {shown}"));
        return Ok(());
    }
    for (index, item) in all.iter().enumerate().skip(prefix) {
        look.descend([item, look.value], Some(&Value::from(index)), None, found)?;
    }
    Ok(())
}

pub(super) fn prefix_items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_array(look.instance) {
        return Ok(());
    }
    let schemas = elements(look.value)?;
    for (index, (item, schema)) in elements(look.instance)?.iter().zip(&schemas).enumerate() {
        let index = Value::from(index);
        look.descend([item, schema], Some(&index), Some(&index), found)?;
    }
    Ok(())
}

pub(super) fn contains(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_array(look.instance) {
        return Ok(());
    }
    let items = elements(look.instance)?;
    let least = look.beside("minContains")?.unwrap_or_else(|| Value::from(1));
    let most = look.beside("maxContains")?.unwrap_or_else(|| Value::from(items.len()));
    let mut matches = 0;
    let mut told = |message: String, keyword: &str, value: &Value| {
        let mut error = Violation::new(message);
        error.keyword = Some(Value::from(keyword));
        error.expected = Some(value.clone());
        found.errors.push(error);
    };
    for item in &items {
        if look.holds(item, look.value)? {
            matches += 1;
            if compare(&Value::from(matches), &most, ">")? == Some(Ordering::Greater) {
                let most_text = text(&most)?;
                let message =
                    format!("Too many items match the given schema (expected at most {most_text})");
                told(message, "maxContains", &most);
                return Ok(());
            }
        }
    }
    if compare(&Value::from(matches), &least, "<")? != Some(Ordering::Less) {
        return Ok(());
    }
    if matches == 0 {
        found.add(format!("{} does not contain items matching the given schema", look.repr()?));
        return Ok(());
    }
    let message = format!(
        "Too few items match the given schema (expected at least {} but only {matches} matched)",
        text(&least)?
    );
    told(message, "minContains", &least);
    Ok(())
}

pub(super) fn min_items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    match is_array(look.instance) {
        true => size(look, found, length(look.instance)?, ["<", "is too short", NOT_EMPTY]),
        false => Ok(()),
    }
}

pub(super) fn max_items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    match is_array(look.instance) {
        true => size(look, found, length(look.instance)?, [">", "is too long", EMPTY]),
        false => Ok(()),
    }
}

pub(super) fn unique_items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !truth(look.value)? || !is_array(look.instance) {
        return Ok(());
    }
    let items = elements(look.instance)?;
    let texts: Option<HashSet<&str>> = items.iter().map(Value::as_str).collect();
    let is_unique = match texts {
        Some(texts) => texts.len() == items.len(),
        None => {
            let mut is_unique = true;
            for (index, one) in items.iter().enumerate() {
                spend(items.len() - index)?;
                for other in items.iter().skip(index + 1) {
                    is_unique = is_unique && !same(one, other)?;
                }
            }
            is_unique
        }
    };
    if !is_unique {
        found.add(format!("{} has non-unique elements", look.repr()?));
    }
    Ok(())
}

pub(super) fn unevaluated_items(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_array(look.instance) {
        return Ok(());
    }
    let known = evaluated::items(look, look.place, look.schema)?;
    let items = elements(look.instance)?.into_iter().enumerate();
    let more: Vec<Value> =
        items.filter(|(index, _)| !known.contains(index)).map(|(_, item)| item).collect();
    if !more.is_empty() {
        found.add(format!("Unevaluated items are not allowed ({} unexpected)", extras(&more)?));
    }
    Ok(())
}
