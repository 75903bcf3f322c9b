//! Equality, order and membership.

use std::cmp::Ordering;

use minijinja::Value;

use super::access::{elements, entries, mapping_get, usable};
use super::class::{Class, as_float, as_integer, class_of, type_name};
use super::containers::{Blank, RangeValue};
use super::integer::{are_whole, as_whole};
use super::nesting::deeper;
use super::text::text;
use crate::template::failure::{Failure, Outcome};
use crate::template::time::{are_moments, order};

/// `a == b`
pub(in crate::template) fn equal(left: &Value, right: &Value) -> Outcome<bool> {
    usable(left)?;
    usable(right)?;
    let (left_class, right_class) = (class_of(left), class_of(right));
    if let (Some(left), Some(right)) = (as_integer(left), as_integer(right)) {
        return Ok(left == right);
    }
    if are_whole(left, right) {
        return Ok(as_whole(left) == as_whole(right));
    }
    if let (Some(left), Some(right)) = (as_float(left), as_float(right)) {
        return Ok(left.partial_cmp(&right) == Some(Ordering::Equal));
    }
    match (left_class, right_class) {
        (Class::Text, Class::Text) => Ok(left.as_str() == right.as_str()),
        (Class::None, Class::None) | (Class::Omit, Class::Omit) | (Class::Blank, Class::Blank) => {
            Ok(true)
        }
        (Class::List, Class::List)
        | (Class::Tuple, Class::Tuple)
        | (Class::Range, Class::Range) => {
            let (left, right) = (elements(left)?, elements(right)?);
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(&right) {
                if !deeper(|| equal(left, right))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Class::Dict, Class::Dict) => {
            let left = entries(left)?;
            if Some(left.len()) != right.len() {
                return Ok(false);
            }
            for (key, entry) in &left {
                match mapping_get(right, key)? {
                    Some(other) if deeper(|| equal(entry, &other))? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (Class::DateTime, Class::DateTime) | (Class::TimeDelta, Class::TimeDelta) => {
            Ok(order(left, right) == Some(Ordering::Equal))
        }
        (Class::Bytes, Class::Bytes) => Ok(left.as_bytes() == right.as_bytes()),
        (Class::Callable | Class::Other, _) => Ok(left == right),
        _ => Ok(false),
    }
}

/// `a < b` and its family; `operator` is for the message.
pub(in crate::template) fn compare(
    left: &Value,
    right: &Value,
    operator: &str,
) -> Outcome<Option<Ordering>> {
    usable(left)?;
    usable(right)?;
    if let (Some(left), Some(right)) = (as_integer(left), as_integer(right)) {
        return Ok(Some(left.cmp(&right)));
    }
    if are_whole(left, right) {
        return Ok(as_whole(left).partial_cmp(&as_whole(right)));
    }
    if let (Some(left), Some(right)) = (as_float(left), as_float(right)) {
        return Ok(left.partial_cmp(&right));
    }
    match (class_of(left), class_of(right)) {
        (Class::Blank, _) | (_, Class::Blank) => Err(Blank::failure()),
        (Class::Text, Class::Text) => Ok(Some(left.as_str().cmp(&right.as_str()))),
        (Class::List, Class::List) | (Class::Tuple, Class::Tuple) => {
            let (left, right) = (elements(left)?, elements(right)?);
            for (left, right) in left.iter().zip(&right) {
                if !deeper(|| equal(left, right))? {
                    return deeper(|| compare(left, right, operator));
                }
            }
            Ok(Some(left.len().cmp(&right.len())))
        }
        (Class::DateTime, Class::DateTime) | (Class::TimeDelta, Class::TimeDelta) => {
            let order = order(left, right);
            if order.is_none() && are_moments(left, right) {
                let text = "can't compare offset-naive and offset-aware datetimes";
                return Err(Failure::failed(text));
            }
            Ok(order)
        }
        _ => Err(Failure::failed(format!(
            "'{operator}' not supported between instances of '{}' and '{}'",
            type_name(left),
            type_name(right)
        ))),
    }
}

/// `needle in haystack`
pub(in crate::template) fn contains(haystack: &Value, needle: &Value) -> Outcome<bool> {
    usable(haystack)?;
    usable(needle)?;
    match class_of(haystack) {
        Class::Text => match needle.as_str() {
            Some(needle) => Ok(haystack.as_str().unwrap_or_default().contains(needle)),
            None => Err(Failure::failed(format!(
                "'in <string>' requires string as left operand, not {}",
                type_name(needle)
            ))),
        },
        Class::Dict if matches!(class_of(needle), Class::List | Class::Dict) => {
            Err(Failure::failed(format!("unhashable type: '{}'", type_name(needle))))
        }
        Class::Blank => Ok(false),
        Class::Dict => Ok(mapping_get(haystack, needle)?.is_some()),
        Class::List | Class::Tuple | Class::Range => {
            let range = haystack.downcast_object_ref::<RangeValue>();
            if let (Some(range), Some(number)) = (range, as_integer(needle)) {
                return Ok(range.holds(number));
            }
            for element in elements(haystack)? {
                if equal(&element, needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(Failure::failed(format!(
            "argument of type '{}' is not iterable",
            type_name(haystack)
        ))),
    }
}

/// A stable sort by keys; `reverse` keeps equal elements in order, as Python does.
pub(in crate::template) fn sort_by(
    values: Vec<(Value, Value)>,
    reverse: bool,
) -> Outcome<Vec<Value>> {
    let sorted = merge_sort(values, &mut |left: &(Value, Value), right: &(Value, Value)| {
        let order = compare(&left.0, &right.0, "<")?.unwrap_or(Ordering::Equal);
        Ok(if reverse { order.reverse() } else { order })
    })?;
    Ok(sorted.into_iter().map(|(_, value)| value).collect())
}

/// A stable sort by an order that may fail, and may be none: of what no order holds (`nan`), the
/// standard library's sort may panic.
pub(in crate::template) fn merge_sort<T>(
    mut values: Vec<T>,
    order: &mut impl FnMut(&T, &T) -> Outcome<Ordering>,
) -> Outcome<Vec<T>> {
    if values.len() < 2 {
        return Ok(values);
    }
    let right = values.split_off(values.len() / 2);
    let mut left = merge_sort(values, order)?.into_iter().peekable();
    let mut right = merge_sort(right, order)?.into_iter().peekable();
    let mut sorted = Vec::with_capacity(left.len() + right.len());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        sorted.extend(match order(other, one)? {
            Ordering::Less => right.next(),
            Ordering::Equal | Ordering::Greater => left.next(),
        });
    }
    sorted.extend(left);
    sorted.extend(right);
    Ok(sorted)
}

/// Text in lower case, as sorting and `unique` compare it.
pub(in crate::template) fn fold_case(value: &Value) -> Outcome<Value> {
    if class_of(value) == Class::Text {
        Ok(Value::from(text(value)?.to_lowercase()))
    } else {
        Ok(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_order_is_sorted_without_panic() {
        // many numbers that are none among numbers
        let number = |at: u32| match at % 3 {
            0 => f64::NAN,
            _ => f64::from(at * 7919 % 101),
        };
        let values: Vec<Value> = (0..300).map(|at| Value::from(number(at))).collect();
        let keyed = values.iter().map(|value| (value.clone(), value.clone())).collect();
        assert_eq!(sort_by(keyed, false).unwrap().len(), 300);
        let mixed = (0..300u32).map(|at| match at % 2 {
            0 => Value::from(at * 7919 % 101),
            _ => Value::from(format!("{at}")),
        });
        assert!(sort_by(mixed.map(|value| (value.clone(), value)).collect(), true).is_err());
    }

    #[test]
    fn equal_keys_keep_their_order() {
        let keyed = |reverse| {
            let pairs = [(2, "a"), (1, "b"), (2, "c"), (1, "d")];
            let pairs = pairs.map(|(key, value)| (Value::from(key), Value::from(value)));
            let sorted = sort_by(pairs.to_vec(), reverse).unwrap();
            sorted.iter().map(ToString::to_string).collect::<String>()
        };
        assert_eq!(keyed(false), "bdac");
        assert_eq!(keyed(true), "acbd");
    }
}
