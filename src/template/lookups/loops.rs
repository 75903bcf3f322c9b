//! Lookups that make the elements of a loop.

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters::{flatten, key_value};
use crate::template::python::{
    Class, Randomness, class_of, elements, entries, is_mapping, list, text, tuple, type_name,
};

/// `items`: lists among the terms are opened once.
pub(super) fn items(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut all = Vec::new();
    for term in &request.terms {
        match class_of(term) {
            Class::List | Class::Tuple | Class::Range => all.extend(elements(term)?),
            _ => all.push(term.clone()),
        }
    }
    Ok(all)
}

/// `list`
pub(super) fn plain(request: &Request<'_>) -> Outcome<Vec<Value>> {
    Ok(request.terms.clone())
}

/// `dict`
pub(super) fn dicts(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut items = Vec::new();
    for term in &request.terms {
        if !is_mapping(term) {
            return Err(Failure::failed(format!(
                "the 'dict' lookup plugin expects a dictionary, got '{}' of type <class '{}'>)",
                text(term)?,
                type_name(term)
            )));
        }
        for (key, value) in entries(term)? {
            items.push(key_value(["key", "value"], key, value));
        }
    }
    Ok(items)
}

/// The elements, lists among them opened once.
fn opened(values: &[Value]) -> Outcome<Vec<Value>> {
    let mut all = Vec::new();
    for value in values {
        match class_of(value) {
            Class::List | Class::Tuple => all.extend(elements(value)?),
            _ => all.push(value.clone()),
        }
    }
    Ok(all)
}

/// `together`
pub(super) fn together(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let columns: Vec<Vec<Value>> = request.terms.iter().map(elements).collect::<Outcome<_>>()?;
    let Some(length) = columns.iter().map(Vec::len).max() else {
        return Err(Failure::failed("with_together requires at least one element in each list"));
    };
    (0..length)
        .map(|row| {
            let cells: Vec<Value> = columns
                .iter()
                .map(|column| column.get(row).cloned().unwrap_or_else(|| Value::from(())))
                .collect();
            opened(&cells).map(list)
        })
        .collect()
}

/// The longest list of combinations.
const MAXIMUM: usize = 1_000_000;

/// `nested`
pub(super) fn nested(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let Some((first, others)) = request.terms.split_first() else {
        return Err(Failure::failed(
            "with_nested requires at least one element in the nested list",
        ));
    };
    let mut rows = elements(first)?;
    for other in others {
        let column = elements(other)?;
        if rows.len().saturating_mul(column.len()) > MAXIMUM {
            return Err(Failure::failed("the product would be too long"));
        }
        let mut longer = Vec::with_capacity(rows.len() * column.len());
        for row in &rows {
            for value in &column {
                longer.push(list(opened(&[row.clone(), value.clone()])?));
            }
        }
        rows = longer;
    }
    rows.iter().map(|row| opened(&elements(row)?).map(list)).collect()
}

/// `flattened`
pub(super) fn flattened(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut flat = Vec::new();
    flatten(&request.terms, None, true, &mut flat)?;
    Ok(flat)
}

/// `indexed_items`
pub(super) fn indexed(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let all = items(request)?;
    Ok(all
        .into_iter()
        .enumerate()
        .map(|(index, value)| tuple(vec![Value::from(index), value]))
        .collect())
}

/// `random_choice`
pub(super) fn random_choice(request: &Request<'_>) -> Outcome<Vec<Value>> {
    if request.terms.is_empty() {
        return Ok(Vec::new());
    }
    let chosen = Randomness::System.index(request.terms.len())?;
    Ok(request.terms.get(chosen).cloned().into_iter().collect())
}
