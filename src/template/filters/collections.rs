//! Filters that build and combine lists and mappings.

use indexmap::IndexMap;
use minijinja::Value;

use super::selection::key_value;
use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    self, Class, SetOperation, as_integer, class_of, contains, dict, elements, entries, is_mapping,
    list, mapping_get, numbers_of_sets, tuple, type_name,
};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("dict2items", &["value", "key_name", "value_name"], dict_to_items),
    filter("items2dict", &["value", "key_name", "value_name"], items_to_dict),
    filter("combine", &["value", "*", "**"], combine),
    filter("flatten", &["value", "levels", "skip_nulls"], |call| {
        let levels = call.integer(1)?;
        let skip = call.flag_or_true(2)?;
        let mut flat = Vec::new();
        flatten(&call.elements(0)?, levels, skip, &mut flat)?;
        Ok(list(flat))
    }),
    filter("union", &["value", "other"], |call| {
        if let Some(numbers) = numbers(call, SetOperation::Union)? {
            return Ok(numbers);
        }
        let mut all = call.elements(0)?;
        all.extend(call.elements(1)?);
        distinct(all).map(list)
    }),
    filter("intersect", &["value", "other"], |call| {
        if let Some(numbers) = numbers(call, SetOperation::Intersection)? {
            return Ok(numbers);
        }
        let other = set_of(call)?;
        kept(call.elements(0)?, |value| member(&other, value)).map(list)
    }),
    filter("difference", &["value", "other"], |call| {
        if let Some(numbers) = numbers(call, SetOperation::Difference)? {
            return Ok(numbers);
        }
        let other = set_of(call)?;
        kept(call.elements(0)?, |value| Ok(!member(&other, value)?)).map(list)
    }),
    filter("symmetric_difference", &["value", "other"], |call| {
        if let Some(numbers) = numbers(call, SetOperation::SymmetricDifference)? {
            return Ok(numbers);
        }
        let (left, right) = (list(call.elements(0)?), list(call.elements(1)?));
        let mut all = elements(&left)?;
        all.extend(elements(&right)?);
        kept(all, |value| Ok(!(member(&left, value)? && member(&right, value)?))).map(list)
    }),
    filter("zip", &["value", "*"], |call| {
        let columns = columns(call)?;
        let length = columns.iter().map(Vec::len).min().unwrap_or_default();
        Ok(list((0..length).map(|row| tuple(row_of(&columns, row, None))).collect()))
    }),
    filter("zip_longest", &["value", "*", "**"], |call| {
        let columns = columns(call)?;
        let fill = call.keyword("fillvalue").cloned().unwrap_or_else(|| Value::from(()));
        let length = columns.iter().map(Vec::len).max().unwrap_or_default();
        Ok(list((0..length).map(|row| tuple(row_of(&columns, row, Some(&fill)))).collect()))
    }),
    filter("product", &["value", "*", "**"], product),
    filter("permutations", &["value", "length"], |call| {
        let all = call.elements(0)?;
        let size = call.size(1, all.len())?;
        let mut made = Vec::new();
        permutations(&all, size, &mut Vec::new(), &mut made)?;
        Ok(list(made))
    }),
    filter("combinations", &["value", "length"], |call| {
        let all = call.elements(0)?;
        let size = call.size(1, all.len())?;
        let mut made = Vec::new();
        combinations(&all, size, &mut Vec::new(), &mut made)?;
        Ok(list(made))
    }),
    filter("subelements", &["value", "subelements", "skip_missing"], subelements),
    filter("rekey_on_member", &["data", "key", "duplicates"], rekey),
];

/// The other side of an operation on sets: of text its letters, where both can be sets.
fn set_of(call: &Bound<'_>) -> Outcome<Value> {
    let other = call.required(1)?;
    let hashable = |value: &Value| !matches!(class_of(value), Class::List | Class::Dict);
    if class_of(other) == Class::Text && call.elements(0)?.iter().all(hashable) {
        return elements(other).map(list);
    }
    Ok(other.clone())
}

/// The largest list that a filter makes.
const MAXIMUM: usize = 1_000_000;

/// What an operation on sets of whole numbers gives, in Python's order.
fn numbers(call: &Bound<'_>, operation: SetOperation) -> Outcome<Option<Value>> {
    let (left, right) = (call.elements(0)?, call.elements(1)?);
    Ok(numbers_of_sets(operation, &left, &right).map(list))
}

fn dict_to_items(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if !is_mapping(value) {
        return Err(call.refuse(format!(
            "dict2items requires a dictionary, got <class '{}'> instead.",
            type_name(value)
        )));
    }
    let (key_name, value_name) = (call.text_or(1, "key")?, call.text_or(2, "value")?);
    let items = entries(value)?;
    Ok(list(
        items
            .into_iter()
            .map(|(key, value)| key_value([&key_name, &value_name], key, value))
            .collect(),
    ))
}

fn items_to_dict(call: &Bound<'_>) -> Outcome<Value> {
    let (key_name, value_name) = (call.text_or(1, "key")?, call.text_or(2, "value")?);
    let mut made = IndexMap::new();
    let value = call.value()?;
    if !matches!(class_of(value), Class::List | Class::Tuple | Class::Range) {
        return Err(call.refuse(format!(
            "items2dict requires a list, got <class '{}'> instead.",
            type_name(value)
        )));
    }
    for element in elements(value)? {
        if !is_mapping(&element) {
            return Err(call.refuse(format!(
                "items2dict requires a list of dictionaries, got {} instead.",
                python::text(value)?
            )));
        }
        let get = |name: &str| -> Outcome<Value> {
            mapping_get(&element, &Value::from(name))?.ok_or_else(|| {
                call.refuse(format!(
                    "items2dict requires each dictionary in the list to contain the keys \
                     '{key_name}' and '{value_name}', got {} instead.",
                    python::text(value).unwrap_or_default()
                ))
            })
        };
        made.insert(get(&key_name)?, get(&value_name)?);
    }
    Ok(dict(made))
}

/// How `combine` joins lists.
#[derive(Clone, Copy)]
pub(super) enum ListMerge {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendNew,
    PrependNew,
}

impl ListMerge {
    /// What is said of a name that is none of these.
    pub(super) const CHOICES: &'static str = "merge_hash: 'list_merge' argument can only be \
        equal to 'replace', 'keep', 'append', 'prepend', 'append_rp' or 'prepend_rp'";

    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "append" => Self::Append,
            "prepend" => Self::Prepend,
            "append_rp" => Self::AppendNew,
            "prepend_rp" => Self::PrependNew,
            _ => return None,
        })
    }
}

fn combine(call: &Bound<'_>) -> Outcome<Value> {
    let recursive = call.keyword("recursive").map_or(Ok(false), python::truth)?;
    let merge = call.keyword("list_merge").map_or(Ok("replace".to_owned()), python::text)?;
    if call.keywords.iter().any(|(name, _)| !matches!(name.as_str(), "recursive" | "list_merge")) {
        return Err(
            call.refuse("'recursive' and 'list_merge' are the only valid keyword arguments")
        );
    }
    let merge = ListMerge::of(&merge).ok_or_else(|| call.refuse(ListMerge::CHOICES))?;
    let mut all = Vec::new();
    for value in std::iter::once(call.value()?).chain(&call.rest) {
        if matches!(class_of(value), Class::List | Class::Tuple) {
            flatten(&elements(value)?, Some(0), true, &mut all)?;
        } else if !is_null(value) {
            all.push(value.clone());
        }
    }
    let Some((last, before)) = all.split_last() else {
        return Ok(dict(IndexMap::new()));
    };
    if before.is_empty() {
        return Ok(last.clone());
    }
    let wrong = all.iter().rposition(|value| python::usable(value).is_ok() && !is_mapping(value));
    if let Some(index) = wrong {
        // dictionaries are merged from the last to the first
        let pair = if index == 0 { [0, 1] } else { [index - 1, index] };
        let names = pair.map(|index| all.get(index).map_or("dict", type_name));
        let [low, high] = names;
        return Err(call.refuse(format!(
            "failed to combine variables, expected dicts but got a '{low}' and a '{high}'."
        )));
    }
    all.iter().try_for_each(python::usable)?;
    let mut combined = last.clone();
    for low in before.iter().rev() {
        combined = overlaid(low, combined, recursive, merge)?;
    }
    let entries = entries(&combined)?;
    Ok(dict(entries.into_iter().collect()))
}

/// A dictionary over another; equal ones are not merged, whatever becomes of lists.
fn overlaid(low: &Value, high: Value, recursive: bool, merge: ListMerge) -> Outcome<Value> {
    if python::equal(low, &high)? {
        return Ok(high);
    }
    let mut merged: IndexMap<Value, Value> = entries(low)?.into_iter().collect();
    merge_into(&mut merged, entries(&high)?, recursive, merge)?;
    Ok(dict(merged))
}

/// Adds entries to a dictionary, as `combine` does.
pub(super) fn merge_into(
    target: &mut IndexMap<Value, Value>,
    added: Vec<(Value, Value)>,
    recursive: bool,
    merge: ListMerge,
) -> Outcome<()> {
    for (key, value) in added {
        let merged = match target.get(&key) {
            None => value,
            Some(before) => merged(before, value, recursive, merge)?,
        };
        target.insert(key, merged);
    }
    Ok(())
}

fn merged(before: &Value, after: Value, recursive: bool, merge: ListMerge) -> Outcome<Value> {
    if recursive && is_mapping(before) && is_mapping(&after) {
        return overlaid(before, after, recursive, merge);
    }
    if class_of(before) != Class::List || class_of(&after) != Class::List {
        return Ok(after);
    }
    let (mut old, mut new) = (elements(before)?, elements(&after)?);
    Ok(match merge {
        ListMerge::Replace => after,
        ListMerge::Keep => before.clone(),
        ListMerge::Append => {
            old.append(&mut new);
            list(old)
        }
        ListMerge::Prepend => {
            new.append(&mut old);
            list(new)
        }
        ListMerge::AppendNew => {
            let mut all = without(old, &after)?;
            all.append(&mut new);
            list(all)
        }
        ListMerge::PrependNew => {
            new.extend(without(old, &after)?);
            list(new)
        }
    })
}

/// The values that another list has not.
fn without(values: Vec<Value>, other: &Value) -> Outcome<Vec<Value>> {
    let mut rest = Vec::new();
    for value in values {
        if !contains(other, &value)? {
            rest.push(value);
        }
    }
    Ok(rest)
}

/// Lists within a list, opened to a depth.
pub(in crate::template) fn flatten(
    values: &[Value],
    levels: Option<i128>,
    skip_nulls: bool,
    flat: &mut Vec<Value>,
) -> Outcome<()> {
    for value in values {
        if skip_nulls && is_null(value) {
            continue;
        }
        let nested = matches!(class_of(value), Class::List | Class::Tuple);
        if nested && levels.is_none_or(|levels| levels >= 1) {
            flatten(&elements(value)?, levels.map(|levels| levels - 1), skip_nulls, flat)?;
        } else {
            flat.push(value.clone());
        }
    }
    Ok(())
}

fn is_null(value: &Value) -> bool {
    value.is_none() || matches!(value.as_str(), Some("None" | "null"))
}

fn member(values: &Value, value: &Value) -> Outcome<bool> {
    contains(values, value)
}

fn distinct(values: Vec<Value>) -> Outcome<Vec<Value>> {
    let seen = list(Vec::new());
    kept(values, |value| {
        let new = !contains(&seen, value)?;
        if new && let Some(seen) = seen.downcast_object_ref::<python::List>() {
            seen.lock().push(value.clone());
        }
        Ok(new)
    })
}

/// The distinct values that a check accepts.
fn kept(
    values: Vec<Value>,
    mut accepts: impl FnMut(&Value) -> Outcome<bool>,
) -> Outcome<Vec<Value>> {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        let mut known = false;
        for other in &kept {
            known = known || python::equal(&value, other)?;
        }
        if !known && accepts(&value)? {
            kept.push(value);
        }
    }
    Ok(kept)
}

fn columns(call: &Bound<'_>) -> Outcome<Vec<Vec<Value>>> {
    std::iter::once(call.value()?).chain(&call.rest).map(elements).collect()
}

fn row_of(columns: &[Vec<Value>], row: usize, fill: Option<&Value>) -> Vec<Value> {
    columns.iter().filter_map(|column| column.get(row).or(fill).cloned()).collect()
}

/// All choices of one element a column.
fn cartesian(columns: &[Vec<Value>]) -> Outcome<Vec<Vec<Value>>> {
    let size = columns.iter().try_fold(1_usize, |size, column| size.checked_mul(column.len()));
    if size.is_none_or(|size| size > MAXIMUM) {
        return Err(Failure::failed("the product would be too long"));
    }
    let mut rows = vec![Vec::new()];
    for column in columns {
        rows = rows
            .iter()
            .flat_map(|row: &Vec<Value>| {
                column.iter().map(move |value| {
                    let mut longer = row.clone();
                    longer.push(value.clone());
                    longer
                })
            })
            .collect();
    }
    Ok(rows)
}

fn product(call: &Bound<'_>) -> Outcome<Value> {
    let once = columns(call)?;
    let repeat = call.keyword("repeat").and_then(as_integer).unwrap_or(1);
    let repeat = usize::try_from(repeat).unwrap_or_default().min(20);
    let all: Vec<Vec<Value>> = std::iter::repeat_n(once, repeat).flatten().collect();
    Ok(list(cartesian(&all)?.into_iter().map(tuple).collect()))
}

fn permutations(
    rest: &[Value],
    size: usize,
    chosen: &mut Vec<Value>,
    made: &mut Vec<Value>,
) -> Outcome<()> {
    if made.len() > MAXIMUM {
        return Err(Failure::failed("there are too many permutations"));
    }
    if chosen.len() == size {
        made.push(tuple(chosen.clone()));
        return Ok(());
    }
    for index in 0..rest.len() {
        let mut others = rest.to_vec();
        chosen.push(others.remove(index));
        permutations(&others, size, chosen, made)?;
        chosen.pop();
    }
    Ok(())
}

fn combinations(
    rest: &[Value],
    size: usize,
    chosen: &mut Vec<Value>,
    made: &mut Vec<Value>,
) -> Outcome<()> {
    if made.len() > MAXIMUM {
        return Err(Failure::failed("there are too many combinations"));
    }
    if chosen.len() == size {
        made.push(tuple(chosen.clone()));
        return Ok(());
    }
    for (index, value) in rest.iter().enumerate() {
        chosen.push(value.clone());
        combinations(rest.get(index + 1..).unwrap_or_default(), size, chosen, made)?;
        chosen.pop();
    }
    Ok(())
}

fn subelements(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    let all = match class_of(value) {
        Class::Dict => entries(value)?.into_iter().map(|(_, value)| value).collect(),
        Class::List => elements(value)?,
        _ => return Err(call.refuse("obj must be a list of dicts or a nested dict")),
    };
    let path: Vec<String> = match call.required(1)? {
        path if path.as_str().is_some() => {
            path.as_str().unwrap_or_default().split('.').map(str::to_owned).collect()
        }
        path if class_of(path) == Class::List => {
            elements(path)?.iter().map(python::text).collect::<Outcome<_>>()?
        }
        _ => return Err(call.refuse("subelements must be a list or a string")),
    };
    let skip_missing = call.flag(2)?;
    let mut pairs = Vec::new();
    for element in all {
        let mut found = Some(element.clone());
        for key in &path {
            let Some(inner) = &found else {
                break;
            };
            if !is_mapping(inner) {
                return Err(call.refuse(format!(
                    "the key {key} should point to a dictionary, got '{}': '{}' object is not \
                     subscriptable",
                    python::text(inner)?,
                    type_name(inner)
                )));
            }
            let next = mapping_get(inner, &Value::from(key.as_str()))?;
            if next.is_none() && !skip_missing {
                return Err(call.refuse(format!(
                    "could not find '{key}' key in iterated item {}",
                    python::repr(inner)?
                )));
            }
            found = next;
        }
        let Some(found) = found else {
            continue;
        };
        if class_of(&found) != Class::List {
            return Err(call.refuse(format!(
                "the key '{}' should point to a list, got {}",
                path.last().map_or("", String::as_str),
                python::repr(&found)?
            )));
        }
        pairs.extend(elements(&found)?.into_iter().map(|sub| tuple(vec![element.clone(), sub])));
    }
    Ok(list(pairs))
}

fn rekey(call: &Bound<'_>) -> Outcome<Value> {
    let overwrite = match call.text_or(2, "error")?.as_str() {
        "error" => false,
        "overwrite" => true,
        other => {
            return Err(call.refuse(format!(
                "duplicates parameter to rekey_on_member has unknown value '{other}'"
            )));
        }
    };
    let value = call.value()?;
    let all = match class_of(value) {
        Class::Dict => entries(value)?.into_iter().map(|(_, value)| value).collect(),
        Class::List | Class::Tuple | Class::Range => elements(value)?,
        _ => {
            python::usable(value)?;
            return Err(call.refuse("Type is not a valid list, set, or dict"));
        }
    };
    let key = call.required(1)?;
    let mut made = IndexMap::new();
    for element in all {
        if !is_mapping(&element) {
            return Err(call.refuse("List item is not a valid dict"));
        }
        let Some(name) = mapping_get(&element, key)? else {
            return Err(call.refuse(format!("Key {} was not found.", python::repr(key)?)));
        };
        if made.contains_key(&name) && !overwrite {
            return Err(call.refuse(format!(
                "Key {} is not unique, cannot convert to dict.",
                python::repr(&name)?
            )));
        }
        made.insert(name, element);
    }
    Ok(dict(made))
}
