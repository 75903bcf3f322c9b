//! What keywords ask of numbers, texts and values of any type, in the drafts of today.

use std::cmp::Ordering;

use minijinja::Value;

use super::{Found, Look, formats, is_number, several};
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, as_float, binary, class_of, compare, elements, entries, equal, length, mapping_get,
    repr, text, truth,
};
use crate::template::regex::{Flags, compiled};
use crate::template::syntax::BinaryOperator;

pub(super) fn reference(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let (schema, place) = look.checker.registry.find(look.place, &text(look.value)?)?;
    if class_of(&schema) == Class::Bool {
        return look.descend([look.instance, &schema], None, None, found);
    }
    look.checker.descend_at(&place, [look.instance, &schema], None, None, found)
}

/// Whether a pattern is found in a text.
pub(super) fn finds(pattern: &Value, within: &Value) -> Outcome<bool> {
    Ok(compiled(&text(pattern)?, Flags::default())?.is_found(&text(within)?)?)
}

/// Equality that tells `true` from `1`.
pub(super) fn same(one: &Value, other: &Value) -> Outcome<bool> {
    match (class_of(one), class_of(other)) {
        (Class::List, Class::List) => {
            let (one, other) = (elements(one)?, elements(other)?);
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.iter().zip(&other) {
                if !same(one, other)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Class::Dict, Class::Dict) => {
            let entries = entries(one)?;
            if entries.len() != length(other)? {
                return Ok(false);
            }
            for (key, value) in entries {
                match mapping_get(other, &key)? {
                    Some(other) if same(&value, &other)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (Class::Bool, Class::Bool) => Ok(one.is_true() == other.is_true()),
        (Class::Bool, _) | (_, Class::Bool) => Ok(false),
        _ => equal(one, other),
    }
}

pub(super) fn constant(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !same(look.instance, look.value)? {
        found.add(format!("{} was expected", repr(look.value)?));
    }
    Ok(())
}

pub(super) fn enumeration(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    for each in elements(look.value)? {
        if same(&each, look.instance)? {
            return Ok(());
        }
    }
    found.add(format!("{} is not one of {}", look.repr()?, repr(look.value)?));
    Ok(())
}

/// Refuses a number that stands in one of these orders to the bound.
pub(super) fn bound(
    look: &Look<'_>,
    found: &mut Found<'_>,
    operator: &str,
    refused: &[Ordering],
    words: &str,
) -> Outcome<()> {
    if !is_number(look.instance) {
        return Ok(());
    }
    let order = compare(look.instance, look.value, operator)?;
    if order.is_some_and(|order| refused.contains(&order)) {
        found.add(format!("{} is {words} of {}", look.repr()?, repr(look.value)?));
    }
    Ok(())
}

pub(super) fn minimum(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    bound(look, found, "<", &[Ordering::Less], "less than the minimum")
}

pub(super) fn maximum(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    bound(look, found, ">", &[Ordering::Greater], "greater than the maximum")
}

pub(super) fn exclusive_minimum(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let refused = [Ordering::Less, Ordering::Equal];
    bound(look, found, "<=", &refused, "less than or equal to the minimum")
}

pub(super) fn exclusive_maximum(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let refused = [Ordering::Greater, Ordering::Equal];
    bound(look, found, ">=", &refused, "greater than or equal to the maximum")
}

pub(super) fn multiple_of(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if !is_number(look.instance) {
        return Ok(());
    }
    let fails = match class_of(look.value) {
        Class::Float => {
            let quotient = as_float(&binary(BinaryOperator::Divide, look.instance, look.value)?);
            match quotient.filter(|quotient| quotient.is_finite()) {
                Some(quotient) => quotient.fract() != 0.0,
                None => truth(&binary(BinaryOperator::Modulo, look.instance, look.value)?)?,
            }
        }
        _ => truth(&binary(BinaryOperator::Modulo, look.instance, look.value)?)?,
    };
    if fails {
        found.add(format!("{} is not a multiple of {}", look.repr()?, text(look.value)?));
    }
    Ok(())
}

/// Compares a size with that of the keyword; what is special has words of its own.
pub(super) fn size(
    look: &Look<'_>,
    found: &mut Found<'_>,
    size: usize,
    [operator, words, special]: [&str; 3],
) -> Outcome<()> {
    let (refused, mark) = match operator {
        "<" => (Ordering::Less, 1),
        _ => (Ordering::Greater, 0),
    };
    if compare(&Value::from(size), look.value, operator)? != Some(refused) {
        return Ok(());
    }
    let words = if equal(look.value, &Value::from(mark))? { special } else { words };
    found.add(format!("{} {words}", look.repr()?));
    Ok(())
}

pub(super) const NOT_EMPTY: &str = "should be non-empty";

pub(super) const EMPTY: &str = "is expected to be empty";

pub(super) fn min_length(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    match look.instance.as_str() {
        Some(text) => size(look, found, text.chars().count(), ["<", "is too short", NOT_EMPTY]),
        None => Ok(()),
    }
}

pub(super) fn max_length(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    match look.instance.as_str() {
        Some(text) => size(look, found, text.chars().count(), [">", "is too long", EMPTY]),
        None => Ok(()),
    }
}

pub(super) fn pattern(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if class_of(look.instance) == Class::Text && !finds(look.value, look.instance)? {
        found.add(format!("{} does not match {}", look.repr()?, repr(look.value)?));
    }
    Ok(())
}

pub(super) fn format(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let (Some(text), Some(format)) = (look.instance.as_str(), look.value.as_str()) else {
        return Ok(());
    };
    if look.checker.formats && !formats::conforms(look.place.draft, format, text) {
        found.add(format!("{} is not a {}", look.repr()?, repr(look.value)?));
    }
    Ok(())
}

pub(super) fn types(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let types = several(look.value)?;
    for name in &types {
        if look.is_type(look.instance, name)? {
            return Ok(());
        }
    }
    found.add(format!("{} is not of type {}", look.repr()?, super::reprs(&types)?));
    Ok(())
}

pub(super) fn all_of(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    for (index, schema) in elements(look.value)?.iter().enumerate() {
        look.descend([look.instance, schema], None, Some(&Value::from(index)), found)?;
    }
    Ok(())
}

/// How many of the schemas of the keyword come before the first that holds.
fn first_that_holds(look: &Look<'_>, schemas: &[Value]) -> Outcome<Option<usize>> {
    for (index, schema) in schemas.iter().enumerate() {
        let mut errors = Vec::new();
        let mut inner = Found { errors: &mut errors, first: false };
        look.descend([look.instance, schema], None, None, &mut inner)?;
        if errors.is_empty() {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn none_holds(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    found.add(format!("{} is not valid under any of the given schemas", look.repr()?));
    Ok(())
}

pub(super) fn any_of(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    match first_that_holds(look, &elements(look.value)?)? {
        Some(_) => Ok(()),
        None => none_holds(look, found),
    }
}

pub(super) fn one_of(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let schemas = elements(look.value)?;
    let Some(first) = first_that_holds(look, &schemas)? else {
        return none_holds(look, found);
    };
    let mut more = Vec::new();
    for schema in schemas.iter().skip(first + 1) {
        if look.holds(look.instance, schema)? {
            more.push(schema.clone());
        }
    }
    if !more.is_empty() {
        more.extend(schemas.get(first).cloned());
        found.add(format!("{} is valid under each of {}", look.repr()?, super::reprs(&more)?));
    }
    Ok(())
}

pub(super) fn negation(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    if look.holds(look.instance, look.value)? {
        found.add(format!("{} should not be valid under {}", look.repr()?, repr(look.value)?));
    }
    Ok(())
}

pub(super) fn condition(look: &Look<'_>, found: &mut Found<'_>) -> Outcome<()> {
    let branch = if look.holds(look.instance, look.value)? { "then" } else { "else" };
    match look.beside(branch)? {
        Some(schema) => {
            look.descend([look.instance, &schema], None, Some(&Value::from(branch)), found)
        }
        None => Ok(()),
    }
}
