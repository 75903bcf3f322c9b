//! What keywords ask of mappings, in the drafts of today.

use minijinja::Value;

use super::keywords::{EMPTY, NOT_EMPTY, finds, size};
use super::{Found, Look, entries_of, evaluated, extras, is_object, reprs, sorted};
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, elements, entries, is_mapping, length, mapping_get, repr, text, truth,
};

pub(super) fn pattern_properties(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_object(look.instance) {
        return Ok(());
    }
    for (pattern, schema) in entries_of(look.value)? {
        for (key, value) in entries(look.instance)? {
            if finds(&pattern, &key)? {
                look.descend([&value, &schema], Some(&key), Some(&pattern), found)?;
            }
        }
    }
    Ok(())
}

pub(super) fn property_names(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_object(look.instance) {
        return Ok(());
    }
    let names = entries(look.instance)?;
    names.iter().try_for_each(|(name, _)| look.descend([name, look.value], None, None, found))
}

pub(super) fn additional_properties(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_object(look.instance) {
        return Ok(());
    }
    let known = look.beside("properties")?.unwrap_or_default();
    let patterns = look.beside("patternProperties")?;
    let patterns = patterns.as_ref().map_or(Ok(Vec::new()), entries_of)?;
    let mut more = Vec::new();
    for (key, value) in entries(look.instance)? {
        let is_known = is_mapping(&known) && mapping_get(&known, &key)?.is_some();
        let mut is_found = is_known;
        for (pattern, _) in &patterns {
            is_found = is_found || finds(pattern, &key)?;
        }
        if !is_found {
            more.push((key, value));
        }
    }
    if is_object(look.value) {
        let mut check = |(key, value): &(Value, Value)| {
            look.descend([value, look.value], Some(key), None, found)
        };
        return more.iter().try_for_each(&mut check);
    }
    if truth(look.value)? || more.is_empty() {
        return Ok(());
    }
    let more = sorted(more.into_iter().map(|(key, _)| key).collect())?;
    if look.beside("patternProperties")?.is_none() {
        let extras = extras(&more)?;
        found.add(format!("Additional properties are not allowed ({extras} unexpected)"));
        return Ok(());
    }
    let verb = if more.len() == 1 { "does" } else { "do" };
    let patterns = sorted(patterns.into_iter().map(|(pattern, _)| pattern).collect())?;
    let (more, patterns) = (reprs(&more)?, reprs(&patterns)?);
    found.add(format!("{more} {verb} not match any of the regexes: {patterns}"));
    Ok(())
}

pub(super) fn min_properties(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let words = ["<", "does not have enough properties", NOT_EMPTY];
    match is_object(look.instance) {
        true => size(look, found, length(look.instance)?, words),
        false => Ok(()),
    }
}

pub(super) fn max_properties(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let words = [">", "has too many properties", EMPTY];
    match is_object(look.instance) {
        true => size(look, found, length(look.instance)?, words),
        false => Ok(()),
    }
}

/// Tells of entries that others need and that are not there.
pub(super) fn needed(
    look: &Look<'_>,
    found: &mut Found<'_>,
    property: &Value,
    needed: &[Value],
) -> Outcome<()> {
    for each in needed {
        if mapping_get(look.instance, each)?.is_none() {
            found.add(format!("{} is a dependency of {}", repr(each)?, repr(property)?));
        }
    }
    Ok(())
}

/// The dependencies of entries that are there.
pub(super) fn dependencies_of(look: &Look<'_>) -> Outcome<Vec<(Value, Value)>> {
    if !is_object(look.instance) {
        return Ok(Vec::new());
    }
    let mut present = Vec::new();
    for (property, dependency) in entries_of(look.value)? {
        if mapping_get(look.instance, &property)?.is_some() {
            present.push((property, dependency));
        }
    }
    Ok(present)
}

pub(super) fn dependent_required(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    for (property, dependency) in dependencies_of(look)? {
        needed(look, found, &property, &elements(&dependency)?)?;
    }
    Ok(())
}

pub(super) fn dependent_schemas(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    for (property, schema) in dependencies_of(look)? {
        look.descend([look.instance, &schema], None, Some(&property), found)?;
    }
    Ok(())
}

pub(super) fn properties(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_object(look.instance) {
        return Ok(());
    }
    for (property, schema) in entries_of(look.value)? {
        if let Some(value) = mapping_get(look.instance, &property)? {
            look.descend([&value, &schema], Some(&property), Some(&property), found)?;
        }
    }
    Ok(())
}

pub(super) fn required(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_object(look.instance) {
        return Ok(());
    }
    for property in elements(look.value)? {
        if mapping_get(look.instance, &property)?.is_none() {
            found.add(format!("{} is a required property", repr(&property)?));
        }
    }
    Ok(())
}

pub(super) fn unevaluated_properties(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_object(look.instance) {
        return Ok(());
    }
    let known = evaluated::properties(look, look.place, look.schema)?;
    let mut more = Vec::new();
    for (property, value) in entries(look.instance)? {
        if known.contains(&text(&property)?) {
            continue;
        }
        let mut errors = Vec::new();
        let mut inner = Found { errors: &mut errors, first: false };
        look.descend([&value, look.value], None, None, &mut inner)?;
        more.extend(errors.iter().map(|_| property.clone()));
    }
    if more.is_empty() {
        return Ok(());
    }
    found.add(match class_of(look.value) == Class::Bool && !look.value.is_true() {
        true => {
            let more = extras(&sorted(more)?)?;
            format!("Unevaluated properties are not allowed ({more} unexpected)")
        }
        false => {
            let more = extras(&more)?;
            format!(
                "Unevaluated properties are not valid under the given schema ({more} unevaluated \
                 and invalid)"
            )
        }
    });
    Ok(())
}
