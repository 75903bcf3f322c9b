//! Filters of lists by `community.general`.

use indexmap::IndexMap;
use minijinja::Value;

use super::collections::{ListMerge, merge_into};
use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    self, Class, binary, class_of, contains, dict, elements, entries, equal, is_mapping, list,
    mapping_get, merge_sort, repr, sort_by, text, truth, type_name,
};
use crate::template::syntax::BinaryOperator;
use crate::template::tests::order_of_versions;

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("community.general.accumulate", &["sequence"], |call| {
        let mut sums: Vec<Value> = Vec::new();
        for value in call.elements(0)? {
            sums.push(match sums.last() {
                None => value,
                Some(sum) => binary(BinaryOperator::Add, sum, &value)?,
            });
        }
        Ok(list(sums))
    }),
    filter("community.general.counter", &["sequence"], counter),
    filter("community.general.dict", &["sequence"], pairs),
    filter("community.general.dict_kv", &["value", "key"], |call| {
        let (value, key) = (call.value()?.clone(), call.required(1)?.clone());
        Ok(dict([(key, value)].into_iter().collect()))
    }),
    filter("community.general.groupby_as_dict", &["sequence", "attribute"], group),
    filter("community.general.lists_mergeby", &["*", "**"], merge_lists),
    filter("community.general.lists_union", &["*", "**"], |call| {
        sets(call, "union", |left, right| {
            let mut all = elements(left)?;
            all.extend(elements(right)?);
            distinct(all)
        })
    }),
    filter("community.general.lists_intersect", &["*", "**"], |call| {
        sets(call, "intersect", |left, right| kept(distinct(elements(left)?)?, right, true))
    }),
    filter("community.general.lists_difference", &["*", "**"], |call| {
        sets(call, "difference", |left, right| kept(distinct(elements(left)?)?, right, false))
    }),
    filter("community.general.lists_symmetric_difference", &["*", "**"], |call| {
        sets(call, "difference", |left, right| {
            let mut all = elements(left)?;
            all.extend(elements(right)?);
            let both = list(kept(elements(left)?, right, true)?);
            kept(distinct(all)?, &both, false)
        })
    }),
    filter("community.general.version_sort", &["value", "reverse"], |call| {
        let mut versions: Vec<(String, Value)> = Vec::new();
        for value in call.elements(0)? {
            let Some(version) = value.as_str() else {
                let class = type_name(&value);
                return Err(
                    call.refuse(format!("expected string or bytes-like object, got '{class}'"))
                );
            };
            versions.push((version.to_owned(), value));
        }
        let reverse = call.flag(1)?;
        let mut order = |left: &(String, Value), right: &(String, Value)| {
            let (left, right) = if reverse { (right, left) } else { (left, right) };
            order_of_versions(&left.0, &right.0).map_err(|reason| call.refuse(reason))
        };
        let versions = merge_sort(versions, &mut order)?;
        Ok(list(versions.into_iter().map(|(_, value)| value).collect()))
    }),
];

fn counter(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if !matches!(class_of(value), Class::List | Class::Tuple | Class::Text | Class::Range) {
        return Err(call.refuse(format!(
            "Argument for community.general.counter must be a sequence (string or list). {} is \
             <class '{}'>",
            text(value)?,
            type_name(value)
        )));
    }
    let mut counts: IndexMap<Value, usize> = IndexMap::new();
    for element in elements(value)? {
        if matches!(class_of(&element), Class::List | Class::Dict) {
            return Err(call.refuse(format!(
                "community.general.counter needs a sequence with hashable elements (int, float or \
                 str) - unhashable type: '{}'",
                type_name(&element)
            )));
        }
        *counts.entry(element).or_default() += 1;
    }
    Ok(dict(counts.into_iter().map(|(key, count)| (key, Value::from(count))).collect()))
}

fn pairs(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if is_mapping(value) {
        return Ok(dict(entries(value)?.into_iter().collect()));
    }
    let mut made = IndexMap::new();
    for (index, pair) in elements(value)?.iter().enumerate() {
        if !python::is_sequence(pair) && !matches!(class_of(pair), Class::Text | Class::Dict) {
            return Err(call.refuse(format!(
                "cannot convert dictionary update sequence element #{index} to a sequence"
            )));
        }
        match elements(pair)?.as_slice() {
            [key, value] => {
                made.insert(key.clone(), value.clone());
            }
            other => {
                return Err(call.refuse(format!(
                    "dictionary update sequence element #{index} has length {}; 2 is required",
                    other.len()
                )));
            }
        }
    }
    Ok(dict(made))
}

fn group(call: &Bound<'_>) -> Outcome<Value> {
    let sequence = call.value()?;
    if !matches!(class_of(sequence), Class::List | Class::Tuple | Class::Text) {
        return Err(call.refuse("Input is not a sequence"));
    }
    let attribute = call.required(1)?;
    let mut groups = IndexMap::new();
    for (index, element) in elements(sequence)?.into_iter().enumerate() {
        if !is_mapping(&element) {
            return Err(call.refuse(format!("Sequence element #{index} is not a mapping")));
        }
        let Some(key) = mapping_get(&element, attribute)? else {
            return Err(
                call.refuse(format!("Attribute not contained in element #{index} of sequence"))
            );
        };
        if groups.contains_key(&key) {
            return Err(call.refuse(format!(
                "Multiple sequence entries have attribute value {}",
                repr(&key)?
            )));
        }
        groups.insert(key, element);
    }
    Ok(dict(groups))
}

fn is_list(value: &Value) -> bool {
    matches!(class_of(value), Class::List | Class::Tuple)
}

fn distinct(values: Vec<Value>) -> Outcome<Vec<Value>> {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        let mut known = false;
        for other in &kept {
            known = known || equal(other, &value)?;
        }
        if !known {
            kept.push(value);
        }
    }
    Ok(kept)
}

/// The values that are, or are not, in another list.
fn kept(values: Vec<Value>, other: &Value, inside: bool) -> Outcome<Vec<Value>> {
    let mut kept = Vec::new();
    for value in values {
        if contains(other, &value)? == inside {
            kept.push(value);
        }
    }
    Ok(kept)
}

/// Lists among lists, opened once where all of them are lists.
fn opened(call: &Bound<'_>, all: &[Value], mismatch: &str) -> Outcome<Vec<Value>> {
    let mut lists = Vec::new();
    for one in all {
        if !is_list(one) {
            return Err(call.refuse(format!(
                "{mismatch}. {} is <class '{}'>",
                text(one)?,
                type_name(one)
            )));
        }
        let inner = elements(one)?;
        if inner.is_empty() {
            continue;
        }
        if inner.iter().all(is_list) {
            lists.extend(inner);
        } else {
            lists.push(one.clone());
        }
    }
    Ok(lists)
}

fn sets(
    call: &Bound<'_>,
    name: &str,
    join: impl Fn(&Value, &Value) -> Outcome<Vec<Value>>,
) -> Outcome<Value> {
    let unknown: Vec<&str> = call
        .keywords
        .iter()
        .map(|(keyword, _)| keyword.as_str())
        .filter(|keyword| *keyword != "flatten")
        .collect();
    if !unknown.is_empty() {
        return Err(call.refuse(format!(
            "lists_{name}() got unexpected keywords arguments: {}",
            unknown.join(", ")
        )));
    }
    let lists = if call.keyword("flatten").map_or(Ok(false), truth)? {
        opened(call, &call.rest, "All arguments must be lists")?
    } else {
        call.rest.clone()
    };
    let Some((first, others)) = lists.split_first() else {
        return Ok(list(Vec::new()));
    };
    let mut joined = first.clone();
    for other in others {
        joined = list(join(&joined, other)?);
    }
    Ok(joined)
}

fn merge_lists(call: &Bound<'_>) -> Outcome<Value> {
    if call.keywords.iter().any(|(name, _)| !matches!(name.as_str(), "recursive" | "list_merge")) {
        return Err(
            call.refuse("'recursive' and 'list_merge' are the only valid keyword arguments.")
        );
    }
    let recursive = call.keyword("recursive").map_or(Ok(false), truth)?;
    let merge = call.keyword("list_merge").map_or(Ok("replace".to_owned()), text)?;
    let merge = ListMerge::of(&merge).ok_or_else(|| call.refuse(ListMerge::CHOICES))?;
    let Some((index, terms)) = call.rest.split_last().filter(|(_, terms)| !terms.is_empty()) else {
        return Err(call.refuse("At least one list and index are needed."));
    };
    let lists = opened(
        call,
        terms,
        "All arguments before the argument index for community.general.lists_mergeby must be lists",
    )?;
    let (first, others) = match lists.as_slice() {
        [] => return Ok(list(Vec::new())),
        [only] => return Ok(only.clone()),
        [others @ .., last] => (last, others),
    };
    if class_of(index) != Class::Text {
        return Err(call.refuse(format!(
            "First argument after the lists for community.general.lists_mergeby must be string. \
             {} is <class '{}'>",
            text(index)?,
            type_name(index)
        )));
    }
    let mut merged = elements(first)?;
    for lower in others.iter().rev() {
        let mut by_index: IndexMap<Value, IndexMap<Value, Value>> = IndexMap::new();
        for element in elements(lower)?.into_iter().chain(merged) {
            if !is_mapping(&element) {
                return Err(call.refuse(format!(
                    "Elements of list arguments for lists_mergeby must be dictionaries. {} is \
                     <class '{}'>",
                    text(&element)?,
                    type_name(&element)
                )));
            }
            if let Some(key) = mapping_get(&element, index)? {
                let target = by_index.entry(key).or_default();
                merge_into(target, entries(&element)?, recursive, merge)?;
            }
        }
        let keyed = by_index.into_iter().map(|(key, made)| (key, dict(made))).collect();
        merged = in_order(keyed)?;
    }
    Ok(list(merged))
}

fn in_order(keyed: Vec<(Value, Value)>) -> Outcome<Vec<Value>> {
    sort_by(keyed, false)
}
