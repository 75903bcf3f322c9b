//! Methods and attributes of numbers.

use minijinja::Value;

use super::super::failure::{Failure, Outcome};
use super::super::python::{Class, as_float, as_integer, as_whole, class_of, tuple};

/// Whether a number has a method.
pub(super) fn has(value: &Value, name: &str) -> bool {
    match name {
        "conjugate" | "as_integer_ratio" => true,
        "bit_length" | "bit_count" => class_of(value) != Class::Float,
        "is_integer" => class_of(value) == Class::Float,
        _ => false,
    }
}

/// A part of a number; those of booleans are whole numbers.
pub(super) fn attribute(value: &Value, name: &str) -> Option<Value> {
    let whole = as_integer(value);
    if whole.is_none() && as_whole(value).is_some() {
        return match name {
            "real" | "numerator" => Some(value.clone()),
            "imag" => Some(Value::from(0)),
            "denominator" => Some(Value::from(1)),
            _ => None,
        };
    }
    if whole.is_none() && class_of(value) != Class::Float {
        return None;
    }
    match (name, whole) {
        ("real" | "numerator", Some(number)) => Some(Value::from(number)),
        ("imag", Some(_)) => Some(Value::from(0)),
        ("denominator", Some(_)) => Some(Value::from(1)),
        ("real", None) => Some(value.clone()),
        ("imag", None) => Some(Value::from(0.0)),
        _ => None,
    }
}

pub(super) fn call(value: &Value, name: &str) -> Outcome<Value> {
    if let (None, Some(whole)) = (as_integer(value), as_whole(value)) {
        return Ok(match name {
            "bit_length" => Value::from(whole.bits()),
            "bit_count" => Value::from(whole.magnitude().count_ones()),
            "as_integer_ratio" => tuple(vec![value.clone(), Value::from(1)]),
            _ => value.clone(),
        });
    }
    let number = as_float(value).unwrap_or_default();
    Ok(match (name, as_integer(value)) {
        ("conjugate", Some(whole)) => Value::from(whole),
        ("bit_length", Some(whole)) => {
            Value::from(i128::BITS - whole.unsigned_abs().leading_zeros())
        }
        ("bit_count", Some(whole)) => Value::from(whole.unsigned_abs().count_ones()),
        ("as_integer_ratio", Some(whole)) => tuple(vec![Value::from(whole), Value::from(1)]),
        ("is_integer", _) => Value::from(number.is_finite() && number.fract() == 0.0),
        ("as_integer_ratio", None) => {
            let (over, under) = ratio(number)
                .ok_or_else(|| Failure::failed("cannot convert the number to integer ratio"))?;
            tuple(vec![Value::from(over), Value::from(under)])
        }
        _ => value.clone(),
    })
}

/// A number as a fraction of whole numbers, if they fit.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is gone, and the bound checked")]
fn ratio(mut number: f64) -> Option<(i128, i128)> {
    let mut under: i128 = 1;
    while number.fract() != 0.0 {
        number *= 2.0;
        under = under.checked_mul(2)?;
    }
    (number.abs() < 1e38).then_some((number as i128, under))
}
