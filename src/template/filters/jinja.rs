//! Filters that stand for Jinja's own small ones.

use minijinja::Value;

use super::{Filter, filter, lenient};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Blank, Class, Missing, Undefined, as_float, as_integer, as_whole, class_of, element_at,
    elements, entries, is_mapping, is_markup, is_undefined, length, like, list, marker_name,
    markup, parse_float, parse_whole, text, truth, tuple, type_name, usable, whole, whole_of_float,
};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    lenient("default", &["value", "default_value", "boolean"], default),
    lenient("d", &["value", "default_value", "boolean"], default),
    lenient("mandatory", &["value", "msg"], mandatory),
    lenient("ternary", &["value", "true_val", "false_val", "none_val"], ternary),
    lenient("type_debug", &["value"], |call| {
        let value = call.value()?;
        if class_of(value) == Class::Unknown {
            usable(value)?;
        }
        Ok(Value::from(match class_of(value) {
            Class::Undefined => marker_name(value),
            _ => type_name(value),
        }))
    }),
    filter("int", &["value", "default", "base"], int),
    filter("float", &["value", "default"], float),
    filter("string", &["value"], |call| {
        let value = call.required(0)?;
        // text stays what it is, the user's or not
        Ok(if class_of(value) == Class::Text { value.clone() } else { call.text(0)?.into() })
    }),
    filter("bool", &["value"], boolean),
    filter("list", &["value"], |call| Ok(list(call.elements(0)?))),
    filter("length", &["value"], |call| Ok(Value::from(length(call.value()?)?))),
    filter("count", &["value"], |call| Ok(Value::from(length(call.value()?)?))),
    filter("first", &["value"], |call| {
        let all = call.elements(0)?;
        Ok(all.into_iter().next().unwrap_or_else(|| nothing("No first item, sequence was empty.")))
    }),
    filter("last", &["value"], |call| {
        let value = call.value()?;
        if is_markup(value)
            && let Some(letter) = element_at(value, -1)?
        {
            return Ok(letter);
        }
        let all = call.elements(0)?;
        Ok(all
            .into_iter()
            .next_back()
            .unwrap_or_else(|| nothing("No last item, sequence was empty.")))
    }),
    filter("items", &["value"], |call| {
        let value = call.value()?;
        if !is_mapping(value) {
            return Err(call.refuse("Can only get item pairs from a mapping."));
        }
        let pairs = entries(value)?;
        Ok(list(pairs.into_iter().map(|(key, value)| tuple(vec![key, value])).collect()))
    }),
    filter("attr", &["value", "name"], |call| {
        crate::template::python::attribute_of(call.value()?, call.string(1)?)
    }),
    filter("reverse", &["value"], |call| {
        let value = call.value()?;
        if let Some(text) = value.as_str() {
            return Ok(like(value, text.chars().rev().collect()));
        }
        Ok(list(elements(value)?.into_iter().rev().collect()))
    }),
    filter("safe", &["value"], |call| Ok(markup(call.text(0)?))),
    filter("extract", &["item", "container", "morekeys"], extract),
];

/// The undefined value of an empty sequence.
pub(super) fn nothing(message: &str) -> Value {
    crate::template::python::undefined(Missing::Other(None, message.to_owned()))
}

fn default(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    let replaced = match class_of(value) {
        Class::Undefined if is_undefined(value) => true,
        Class::Undefined => return Ok(value.clone()),
        _ => call.flag(2)? && !truth(value)?,
    };
    if replaced {
        return Ok(call.given(1).cloned().unwrap_or_else(|| Value::from("")));
    }
    Ok(value.clone())
}

fn mandatory(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if !is_undefined(value) || class_of(value) == Class::Blank {
        return Ok(value.clone());
    }
    if let Some(message) = call.some(1) {
        return Err(call.refuse(text(message)?));
    }
    let message = match value.downcast_object_ref::<Undefined>().map(|undefined| &undefined.missing)
    {
        Some(Missing::Name(name)) => format!("Mandatory variable '{name}' not defined."),
        _ => "Mandatory variable not defined.".to_owned(),
    };
    Err(call.refuse(message))
}

fn ternary(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if class_of(value) == Class::Undefined {
        return Ok(value.clone());
    }
    if value.is_none()
        && let Some(none) = call.some(3)
    {
        return Ok(none.clone());
    }
    Ok(if truth(value)? { call.required(1)?.clone() } else { call.required(2)?.clone() })
}

fn int(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    let default = || call.given(1).cloned().unwrap_or_else(|| Value::from(0));
    usable(value)?;
    if class_of(value) == Class::Blank {
        return Err(Blank::failure());
    }
    if let Some(number) = as_whole(value) {
        return Ok(whole(number));
    }
    let base = u32::try_from(call.integer(2)?.unwrap_or(10)).unwrap_or(10);
    let number = match value.as_str() {
        Some(text) => {
            if let Some(number) = parse_whole(text, base) {
                return Ok(whole(number));
            }
            parse_float(text)
        }
        None => as_float(value),
    };
    match number {
        Some(number) if number.is_finite() => Ok(whole_of_float(number)),
        _ => Ok(default()),
    }
}

fn float(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    usable(value)?;
    let number = match value.as_str() {
        Some(text) => parse_float(text),
        None => as_float(value),
    };
    match number {
        Some(number) => Ok(Value::from(number)),
        None => Ok(call.given(1).cloned().unwrap_or_else(|| Value::from(0.0))),
    }
}

fn boolean(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    usable(value)?;
    if value.is_none() || class_of(value) == Class::Bool {
        return Ok(Value::from(value.is_true()));
    }
    let text = text(value)?.trim().to_lowercase();
    Ok(Value::from(matches!(text.as_str(), "yes" | "on" | "1" | "true" | "t" | "y" | "1.0")))
}

fn extract(call: &Bound<'_>) -> Outcome<Value> {
    let mut found = extracted(call.required(1)?, call.value()?)?;
    if let Some(more) = call.some(2) {
        let keys = match class_of(more) {
            Class::List | Class::Tuple => elements(more)?,
            _ => vec![more.clone()],
        };
        for key in keys {
            found = extracted(&found, &key)?;
        }
    }
    Ok(found)
}

fn extracted(container: &Value, key: &Value) -> Outcome<Value> {
    match as_integer(key) {
        Some(index) if class_of(container) == Class::List => match element_at(container, index)? {
            Some(found) => Ok(found),
            None => crate::template::python::item(container, key),
        },
        _ => crate::template::python::item(container, key),
    }
}
