//! Filters that choose, change and order the elements of a sequence.

use minijinja::Value;

use super::jinja::nothing;
use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, Group, binary, class_of, compare, elements, entries, equal, fold_case, is_mapping,
    is_text, is_undefined, item, list, parse_integer, sort_by, string_keys, text, truth, tuple,
    type_name, usable,
};
use crate::template::syntax::BinaryOperator;

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("map", &["value", "*", "**"], map),
    filter("select", &["value", "*", "**"], |call| select(call, false)),
    filter("reject", &["value", "*", "**"], |call| select(call, true)),
    filter("selectattr", &["value", "*", "**"], |call| select_attribute(call, false)),
    filter("rejectattr", &["value", "*", "**"], |call| select_attribute(call, true)),
    filter("sort", &["value", "reverse", "case_sensitive", "attribute"], sort),
    filter("dictsort", &["value", "case_sensitive", "by", "reverse"], dict_sort),
    filter("unique", &["value", "case_sensitive", "attribute"], unique),
    filter("min", &["value", "case_sensitive", "attribute"], |call| extreme(call, "<")),
    filter("max", &["value", "case_sensitive", "attribute"], |call| extreme(call, ">")),
    filter("sum", &["value", "attribute", "start"], sum),
    filter("join", &["value", "d", "attribute"], join),
    filter("groupby", &["value", "attribute", "default", "case_sensitive"], group_by),
    filter("batch", &["value", "linecount", "fill_with"], batch),
    filter("slice", &["value", "slices", "fill_with"], slice),
];

/// The value of `a.b.0` below an element.
fn path_value(element: &Value, path: &Value) -> Outcome<Value> {
    let Some(path) = path.as_str() else {
        return item(element, path);
    };
    let mut value = element.clone();
    for part in path.split('.') {
        let key = match parse_integer(part, 10) {
            Some(index) if part.chars().all(|digit| digit.is_ascii_digit()) => Value::from(index),
            _ => Value::from(part),
        };
        value = item(&value, &key)?;
    }
    Ok(value)
}

fn keyed(call: &Bound<'_>, attribute: usize, case: usize) -> Outcome<Vec<(Value, Value)>> {
    let sensitive = call.flag(case)?;
    call.elements(0)?
        .into_iter()
        .map(|element| {
            let key = match call.some(attribute) {
                Some(path) => {
                    let key = path_value(&element, path)?;
                    usable(&key)?;
                    key
                }
                None => element.clone(),
            };
            let key = if sensitive { key } else { fold_case(&key)? };
            Ok((key, element))
        })
        .collect()
}

/// What is chosen from; Jinja takes anything that counts as false for an empty list.
fn candidates(call: &Bound<'_>) -> Outcome<Vec<Value>> {
    if truth(call.value()?)? { call.elements(0) } else { Ok(Vec::new()) }
}

fn map(call: &Bound<'_>) -> Outcome<Value> {
    if !truth(call.value()?)? {
        return Ok(list(Vec::new()));
    }
    let mut mapped = Vec::new();
    if let (true, Some(attribute)) = (call.rest.is_empty(), call.keyword("attribute")) {
        let default = call.keyword("default");
        if let Some((name, _)) =
            call.keywords.iter().find(|(name, _)| !matches!(name.as_str(), "attribute" | "default"))
        {
            return Err(Failure::failed(format!("Unexpected keyword argument '{name}'")));
        }
        for element in call.elements(0)? {
            let value = path_value(&element, attribute)?;
            mapped.push(match default {
                Some(default) if is_undefined(&value) => default.clone(),
                _ => value,
            });
        }
        return Ok(list(mapped));
    }
    let Some((name, arguments)) = call.rest.split_first() else {
        return Err(Failure::failed("map requires a filter argument"));
    };
    let filter = call.environment.filter_named(name)?;
    for element in call.elements(0)? {
        let mut positional = vec![element];
        positional.extend(arguments.iter().cloned());
        mapped.push(call.environment.filter(filter, positional, call.keywords.clone())?);
    }
    Ok(list(mapped))
}

fn keeps(call: &Bound<'_>, tested: Value, test: &[Value]) -> Outcome<bool> {
    let Some((name, arguments)) = test.split_first() else {
        return truth(&tested);
    };
    let test = call.environment.test_named(name)?;
    let mut positional = vec![tested];
    positional.extend(arguments.iter().cloned());
    truth(&call.environment.test(test, positional, call.keywords.clone())?)
}

fn select(call: &Bound<'_>, negated: bool) -> Outcome<Value> {
    let mut kept = Vec::new();
    for element in candidates(call)? {
        if keeps(call, element.clone(), &call.rest)? != negated {
            kept.push(element);
        }
    }
    Ok(list(kept))
}

fn select_attribute(call: &Bound<'_>, negated: bool) -> Outcome<Value> {
    let Some((path, test)) = call.rest.split_first() else {
        return Err(Failure::failed("Missing parameter for attribute name"));
    };
    let mut kept = Vec::new();
    for element in candidates(call)? {
        if keeps(call, path_value(&element, path)?, test)? != negated {
            kept.push(element);
        }
    }
    Ok(list(kept))
}

fn sort(call: &Bound<'_>) -> Outcome<Value> {
    let reverse = call.flag(1)?;
    let Some(paths) = call.some(3).and_then(Value::as_str).filter(|path| path.contains(',')) else {
        return sort_by(keyed(call, 3, 2)?, reverse).map(list);
    };
    let sensitive = call.flag(2)?;
    let mut values = Vec::new();
    for element in call.elements(0)? {
        let mut keys = Vec::new();
        for path in paths.split(',') {
            let key = path_value(&element, &Value::from(path.trim()))?;
            keys.push(if sensitive { key } else { fold_case(&key)? });
        }
        values.push((tuple(keys), element));
    }
    sort_by(values, reverse).map(list)
}

fn dict_sort(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if !is_mapping(value) {
        let class = type_name(value);
        return Err(call.refuse(format!("'{class}' object has no attribute 'items'")));
    }
    let sensitive = call.flag(1)?;
    let by = call.text_or(2, "key")?;
    let mut keyed = Vec::new();
    for (key, value) in entries(call.value()?)? {
        let order = match by.as_str() {
            "key" => key.clone(),
            "value" => value.clone(),
            _ => return Err(Failure::failed("You can only sort by either \"key\" or \"value\"")),
        };
        let order = if sensitive { order } else { fold_case(&order)? };
        keyed.push((order, tuple(vec![key, value])));
    }
    sort_by(keyed, call.flag(3)?).map(list)
}

fn unique(call: &Bound<'_>) -> Outcome<Value> {
    let keyed = keyed(call, 2, 1)?;
    let unhashable = keyed
        .iter()
        .find(|(key, _)| matches!(class_of(key), Class::List | Class::Dict))
        .map(|(key, _)| type_name(key));
    let asked = call.some(1).is_some_and(|case| class_of(case) == Class::Bool && !case.is_true());
    if let Some(kind) = unhashable
        && (asked || call.some(2).is_some())
    {
        return Err(call.refuse(format!(
            "Jinja2's unique filter failed and we cannot fall back to Ansible's version as it \
             does not support the parameters supplied: unhashable type: '{kind}'"
        )));
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut kept = Vec::new();
    for (key, element) in keyed {
        let mut known = false;
        for other in &seen {
            known = known || equal(&key, other)?;
        }
        if !known {
            seen.push(key);
            kept.push(element);
        }
    }
    Ok(list(kept))
}

fn extreme(call: &Bound<'_>, operator: &str) -> Outcome<Value> {
    let mut best: Option<(Value, Value)> = None;
    for (key, element) in keyed(call, 2, 1)? {
        let better = match &best {
            None => true,
            Some((best, _)) => compare(&key, best, operator)?
                .is_some_and(|order| if operator == "<" { order.is_lt() } else { order.is_gt() }),
        };
        if better {
            best = Some((key, element));
        }
    }
    Ok(best.map_or_else(|| nothing("No aggregated item, sequence was empty."), |(_, best)| best))
}

fn sum(call: &Bound<'_>) -> Outcome<Value> {
    let mut total = call.given(2).cloned().unwrap_or_else(|| Value::from(0));
    if is_text(&total) {
        return Err(call.refuse("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    for element in call.elements(0)? {
        let value = match call.some(1) {
            Some(path) => path_value(&element, path)?,
            None => element,
        };
        total = binary(BinaryOperator::Add, &total, &value)?;
    }
    Ok(total)
}

fn join(call: &Bound<'_>) -> Outcome<Value> {
    let separator = call.text_or(1, "")?;
    let mut parts = Vec::new();
    for element in call.elements(0)? {
        let value = match call.some(2) {
            Some(path) => path_value(&element, path)?,
            None => element,
        };
        parts.push(text(&value)?);
    }
    Ok(Value::from(parts.join(&separator)))
}

fn group_by(call: &Bound<'_>) -> Outcome<Value> {
    let path = call.required(1)?;
    let sensitive = call.flag(3)?;
    let mut keyed = Vec::new();
    for element in call.elements(0)? {
        let found = path_value(&element, path)?;
        let key = match call.given(2) {
            Some(default) if class_of(&found) == Class::Undefined => default.clone(),
            _ => found,
        };
        let order = if sensitive { key.clone() } else { fold_case(&key)? };
        keyed.push((order, tuple(vec![key, element])));
    }
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for pair in sort_by(keyed, false)? {
        let pair = elements(&pair)?;
        let [key, element] = pair.as_slice() else {
            continue;
        };
        match groups.last_mut() {
            Some((last, members)) if equal(&fold_case(last)?, &fold_case(key)?)? => {
                members.push(element.clone());
            }
            _ => groups.push((key.clone(), vec![element.clone()])),
        }
    }
    let group = |(key, members)| Value::from_object(Group([key, list(members)]));
    Ok(list(groups.into_iter().map(group).collect()))
}

fn batch(call: &Bound<'_>) -> Outcome<Value> {
    let size = call.size(1, 0)?.max(1);
    let all = call.elements(0)?;
    let mut batches: Vec<Vec<Value>> = all.chunks(size).map(<[Value]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (call.some(2), batches.last_mut()) {
        last.resize(size, fill.clone());
    }
    Ok(list(batches.into_iter().map(list).collect()))
}

fn slice(call: &Bound<'_>) -> Outcome<Value> {
    let slices = call.size(1, 0)?.max(1);
    let all = call.elements(0)?;
    let (per, extra) = (all.len() / slices, all.len() % slices);
    let mut rest = all.as_slice();
    let mut made = Vec::new();
    for index in 0..slices {
        let length = if index < extra { per + 1 } else { per };
        let (part, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let mut part = part.to_vec();
        if let Some(fill) = call.some(2)
            && index >= extra
        {
            part.push(fill.clone());
        }
        made.push(list(part));
    }
    Ok(list(made))
}

/// `{'key': …, 'value': …}`
pub(in crate::template) fn key_value(names: [&str; 2], key: Value, value: Value) -> Value {
    let [key_name, value_name] = names;
    string_keys([(key_name, key), (value_name, value)])
}
