//! The functions of `JMESPath`.

use std::cmp::Ordering;

use indexmap::IndexMap;
use minijinja::Value;

use super::evaluate::{Argument, is_list, is_number, null, visit};
use super::parser::Node;
use super::refused;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, JsonStyle, absolute, as_float, as_integer, binary, class_of, compare, contains, dict,
    dump_json, elements, entries, is_mapping, length, list, merge_sort, parse_float, parse_integer,
    text,
};
use crate::template::syntax::BinaryOperator;

/// What a parameter takes.
type Types = &'static [&'static str];

/// Names, the types of their parameters, and whether the last may come again.
const SIGNATURES: [(&str, &[Types], bool); 26] = [
    ("abs", &[&["number"]], false),
    ("avg", &[&["array-number"]], false),
    ("ceil", &[&["number"]], false),
    ("contains", &[&["array", "string"], &[]], false),
    ("ends_with", &[&["string"], &["string"]], false),
    ("floor", &[&["number"]], false),
    ("join", &[&["string"], &["array-string"]], false),
    ("keys", &[&["object"]], false),
    ("length", &[&["string", "array", "object"]], false),
    ("map", &[&["expref"], &["array"]], false),
    ("max", &[&["array-number", "array-string"]], false),
    ("max_by", &[&["array"], &["expref"]], false),
    ("merge", &[&["object"]], true),
    ("min", &[&["array-number", "array-string"]], false),
    ("min_by", &[&["array"], &["expref"]], false),
    ("not_null", &[&[]], true),
    ("reverse", &[&["array", "string"]], false),
    ("sort", &[&["array-string", "array-number"]], false),
    ("sort_by", &[&["array"], &["expref"]], false),
    ("starts_with", &[&["string"], &["string"]], false),
    ("sum", &[&["array-number"]], false),
    ("to_array", &[&[]], false),
    ("to_number", &[&[]], false),
    ("to_string", &[&[]], false),
    ("type", &[&[]], false),
    ("values", &[&["object"]], false),
];

fn type_of(value: &Value) -> &'static str {
    match class_of(value) {
        Class::Bool => "boolean",
        Class::Text => "string",
        Class::Integer | Class::Float => "number",
        Class::None => "null",
        Class::List => "array",
        _ if is_mapping(value) => "object",
        _ => "unknown",
    }
}

fn quoted(types: &[&str]) -> String {
    let names: Vec<String> = types.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", names.join(", "))
}

fn wrong_type(function: &str, value: &Value, types: &[&str], is: &str) -> Outcome<()> {
    Err(refused(format!(
        "In function {function}(), invalid type for value: {}, expected one of: {}, received: \
         \"{is}\"",
        text(value)?,
        quoted(types)
    )))
}

/// Whether an argument is of a type that the parameter takes.
fn check(function: &str, argument: &Argument<'_>, types: Types) -> Outcome<()> {
    let Argument::Value(value) = argument else {
        let takes = types.is_empty() || types.contains(&"expref");
        return if takes { Ok(()) } else { wrong_type(function, &null(), types, "expref") };
    };
    let is = type_of(value);
    let outer = |name: &str| name.split('-').next() == Some(is);
    if types.is_empty() {
        return Ok(());
    }
    if !types.iter().any(|name| outer(name)) {
        return wrong_type(function, value, types, is);
    }
    let mut inner: Vec<&str> = types.iter().filter_map(|name| name.split('-').nth(1)).collect();
    if is != "array" || inner.is_empty() {
        return Ok(());
    }
    for element in elements(value)? {
        let is = type_of(&element);
        if !inner.contains(&is) {
            return wrong_type(
                function,
                &element,
                types,
                crate::template::python::type_name(&element),
            );
        }
        // the first element decides for the others
        inner = vec![is];
    }
    Ok(())
}

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[Argument<'_>]) -> Outcome<Value> {
    let Some((_, signature, repeats)) = SIGNATURES.iter().find(|(known, ..)| *known == name) else {
        return Err(refused(format!("Unknown function: {name}()")));
    };
    let (needed, given) = (signature.len(), arguments.len());
    if given < needed || (given > needed && !repeats) {
        let least = if *repeats { "at least " } else { "" };
        let plural = if needed == 1 { "argument" } else { "arguments" };
        return Err(refused(format!(
            "Expected {least}{needed} {plural} for function {name}(), received {given}"
        )));
    }
    for (argument, types) in arguments.iter().zip(signature.iter()) {
        check(name, argument, types)?;
    }
    let values: Vec<Value> = arguments
        .iter()
        .filter_map(|argument| match argument {
            Argument::Value(value) => Some(value.clone()),
            Argument::Reference(_) => None,
        })
        .collect();
    let reference = arguments.iter().find_map(|argument| match argument {
        Argument::Reference(node) => Some(*node),
        Argument::Value(_) => None,
    });
    let first = values.first().cloned().unwrap_or_else(null);
    match (name, reference) {
        ("map", Some(node)) => {
            let all = elements(&first)?;
            all.iter().map(|element| visit(node, element)).collect::<Outcome<_>>().map(list)
        }
        ("sort_by" | "min_by" | "max_by", Some(node)) => by(name, &first, node),
        _ => plain(name, &first, &values),
    }
}

fn plain(name: &str, first: &Value, values: &[Value]) -> Outcome<Value> {
    let second = values.get(1).cloned().unwrap_or_else(null);
    let (one, other) = (first.as_str().unwrap_or_default(), second.as_str().unwrap_or_default());
    Ok(match name {
        "abs" => absolute(first)?,
        "avg" => {
            let all = elements(first)?;
            if all.is_empty() {
                return Ok(null());
            }
            binary(BinaryOperator::Divide, &sum(&all)?, &Value::from(all.len()))?
        }
        "ceil" => rounded(first, f64::ceil),
        "floor" => rounded(first, f64::floor),
        "contains" => Value::from(contains(first, &second)?),
        "ends_with" => Value::from(one.ends_with(other)),
        "starts_with" => Value::from(one.starts_with(other)),
        "join" => {
            let parts = elements(&second)?.iter().map(text).collect::<Outcome<Vec<_>>>()?;
            Value::from(parts.join(one))
        }
        "keys" => list(entries(first)?.into_iter().map(|(key, _)| key).collect()),
        "values" => list(entries(first)?.into_iter().map(|(_, value)| value).collect()),
        "length" => Value::from(length(first)?),
        "max" => best(elements(first)?, Ordering::is_gt)?,
        "min" => best(elements(first)?, Ordering::is_lt)?,
        "merge" => {
            let mut merged = IndexMap::new();
            for value in values {
                merged.extend(entries(value)?);
            }
            dict(merged)
        }
        "not_null" => values.iter().find(|value| !value.is_none()).cloned().unwrap_or_else(null),
        "reverse" if is_list(first) => {
            let mut all = elements(first)?;
            all.reverse();
            list(all)
        }
        "reverse" => Value::from(one.chars().rev().collect::<String>()),
        "sort" => {
            let mut keyed: Vec<_> =
                elements(first)?.into_iter().map(|value| (value.clone(), value)).collect();
            sort(&mut keyed)?;
            list(keyed.into_iter().map(|(_, value)| value).collect())
        }
        "sum" => sum(&elements(first)?)?,
        "to_array" if is_list(first) => first.clone(),
        "to_array" => list(vec![first.clone()]),
        "to_number" => to_number(first),
        "to_string" if class_of(first) == Class::Text => first.clone(),
        "to_string" => {
            let separators = Some((",".to_owned(), ":".to_owned()));
            let style = JsonStyle { separators, ..JsonStyle::default() };
            Value::from(dump_json(first, &style)?)
        }
        "type" => Value::from(type_of(first)),
        _ => null(),
    })
}

fn sum(values: &[Value]) -> Outcome<Value> {
    values.iter().try_fold(Value::from(0), |sum, value| binary(BinaryOperator::Add, &sum, value))
}

#[expect(clippy::cast_possible_truncation, reason = "numbers beyond saturate")]
fn rounded(value: &Value, round: fn(f64) -> f64) -> Value {
    match (as_integer(value), as_float(value)) {
        (Some(number), _) => Value::from(number),
        (None, Some(number)) => Value::from(round(number) as i128),
        (None, None) => null(),
    }
}

fn to_number(value: &Value) -> Value {
    if is_number(value) {
        return value.clone();
    }
    let Some(text) = value.as_str() else {
        return null();
    };
    match (parse_integer(text, 10), parse_float(text)) {
        (Some(number), _) => Value::from(number),
        (None, Some(number)) => Value::from(number),
        (None, None) => null(),
    }
}

fn best(values: Vec<Value>, better: fn(Ordering) -> bool) -> Outcome<Value> {
    let mut best: Option<Value> = None;
    for value in values {
        let wins = match &best {
            None => true,
            Some(best) => compare(&value, best, "<")?.is_some_and(better),
        };
        if wins {
            best = Some(value);
        }
    }
    Ok(best.unwrap_or_else(null))
}

fn sort(keyed: &mut Vec<(Value, Value)>) -> Outcome<()> {
    *keyed =
        merge_sort(std::mem::take(keyed), &mut |left: &(Value, Value), right: &(Value, Value)| {
            Ok(compare(&left.0, &right.0, "<")?.unwrap_or(Ordering::Equal))
        })?;
    Ok(())
}

/// `sort_by`, `min_by`, `max_by`
fn by(name: &str, first: &Value, node: &Node) -> Outcome<Value> {
    let mut keyed = Vec::new();
    let mut types: Vec<&'static str> = vec!["number", "string"];
    for element in elements(first)? {
        let key = visit(node, &element)?;
        let is = type_of(&key);
        if !types.contains(&is) {
            if name == "sort_by" && keyed.is_empty() {
                wrong_type(name, &element, &["string", "number"], is)?;
            }
            wrong_type(name, &key, &types, is)?;
        }
        if name == "sort_by" {
            types = vec![is];
        }
        keyed.push((key, element));
    }
    if name == "sort_by" {
        sort(&mut keyed)?;
        return Ok(list(keyed.into_iter().map(|(_, value)| value).collect()));
    }
    let better: fn(Ordering) -> bool =
        if name == "max_by" { Ordering::is_gt } else { Ordering::is_lt };
    let mut best: Option<(Value, Value)> = None;
    for (key, value) in keyed {
        let wins = match &best {
            None => true,
            Some((best, _)) => compare(&key, best, "<")?.is_some_and(better),
        };
        if wins {
            best = Some((key, value));
        }
    }
    Ok(best.map_or_else(null, |(_, value)| value))
}
