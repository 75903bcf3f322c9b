//! `community.general.dependent`: nested loops whose lists depend on what was chosen before.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, class_of, dict, elements, entries, finalise, is_mapping, sort_by, string_keys, text,
    type_name,
};
use crate::template::render::expression_value;
use crate::template::syntax::Embedded;
use crate::vars::{Layer, Var};

/// The longest list of combinations.
const MAXIMUM: usize = 1_000_000;

/// What a name goes through: an expression, or values.
enum Source {
    Expression(String),
    Values(Value),
}

/// `dependent`
pub(super) fn dependent(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut sources: Vec<(Value, Source)> = Vec::new();
    for (index, term) in request.terms.iter().enumerate() {
        if !is_mapping(term) {
            return Err(Failure::failed(format!(
                "Parameter {index} must be a dictionary, got <class '{}'>",
                type_name(term)
            )));
        }
        let entries = entries(term)?;
        let [(name, value)] = entries.as_slice() else {
            return Err(Failure::failed(format!(
                "Parameter {index} must be a one-element dictionary, got {} elements",
                entries.len()
            )));
        };
        if sources.iter().any(|(known, _)| known == name) {
            return Err(Failure::failed(format!("The variable '{name}' appears more than once")));
        }
        let source = match (value.as_str(), class_of(value)) {
            (Some(expression), _) => Source::Expression(expression.to_owned()),
            (None, Class::List | Class::Tuple | Class::Dict) => Source::Values(value.clone()),
            _ => {
                return Err(Failure::failed(format!(
                    "Parameter '{name}' (index {index}) must have a value of type string, \
                     dictionary or list, got type <class '{}'>",
                    type_name(value)
                )));
            }
        };
        sources.push((name.clone(), source));
    }
    let mut found = Vec::new();
    if !sources.is_empty() {
        choose(request, &sources, &mut IndexMap::new(), &mut found)?;
    }
    Ok(found)
}

fn choose(
    request: &Request<'_>,
    sources: &[(Value, Source)],
    chosen: &mut IndexMap<Value, Value>,
    found: &mut Vec<Value>,
) -> Outcome<()> {
    let Some(((name, source), rest)) = sources.split_first() else {
        if found.len() >= MAXIMUM {
            return Err(Failure::failed("there are too many combinations"));
        }
        found.push(dict(chosen.clone()));
        return Ok(());
    };
    let values = match source {
        Source::Values(values) => values.clone(),
        Source::Expression(expression) => {
            let item = Var::Data(dict(chosen.clone()));
            let scope = request.scope.over(Arc::new(Layer::from([("item".to_owned(), item)])));
            let value = expression_value(expression, Embedded::Kept, None, &scope);
            value.and_then(|value| finalise(&value)).map_err(|failure| {
                let item = text(&dict(chosen.clone())).unwrap_or_default();
                Failure::failed(format!(
                    "Caught \"{}\" while evaluating '{name}' with item == {item}",
                    failure.kind
                ))
            })?
        }
    };
    let values = match class_of(&values) {
        Class::Dict => {
            let keyed = entries(&values)?
                .into_iter()
                .map(|(key, value)| (key.clone(), string_keys([("key", key), ("value", value)])));
            sort_by(keyed.collect(), false)?
        }
        Class::List | Class::Tuple => elements(&values)?,
        _ => {
            return Err(Failure::failed(format!(
                "Did not obtain dictionary or list while evaluating '{name}' with item == {}, but \
                 <class '{}'>",
                text(&dict(chosen.clone()))?,
                type_name(&values)
            )));
        }
    };
    for value in values {
        chosen.insert(name.clone(), value);
        choose(request, rest, chosen, found)?;
    }
    chosen.shift_remove(name);
    Ok(())
}
