//! Comparisons and membership.

use minijinja::Value;

use super::{Test, test};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, binary, class_of, compare, contains, elements, equal, is_markup, text, truth, type_name,
};
use crate::template::syntax::BinaryOperator;

/// The family.
pub(super) const TESTS: &[Test] = &[
    test("eq", &["value", "other"], equals),
    test("equalto", &["value", "other"], equals),
    test("==", &["value", "other"], equals),
    test("ne", &["value", "other"], differs),
    test("!=", &["value", "other"], differs),
    test("lt", &["value", "other"], |call| ordered(call, "<")),
    test("lessthan", &["value", "other"], |call| ordered(call, "<")),
    test("<", &["value", "other"], |call| ordered(call, "<")),
    test("le", &["value", "other"], |call| ordered(call, "<=")),
    test("<=", &["value", "other"], |call| ordered(call, "<=")),
    test("gt", &["value", "other"], |call| ordered(call, ">")),
    test("greaterthan", &["value", "other"], |call| ordered(call, ">")),
    test(">", &["value", "other"], |call| ordered(call, ">")),
    test("ge", &["value", "other"], |call| ordered(call, ">=")),
    test(">=", &["value", "other"], |call| ordered(call, ">=")),
    test("sameas", &["value", "other"], |call| {
        let (value, other) = (call.value()?, call.required(1)?);
        let letters = |value: &Value| value.as_str().map(str::as_ptr);
        if is_markup(value) || is_markup(other) {
            return Ok(letters(value) == letters(other));
        }
        Ok(value.kind() == other.kind() && equal(value, other)?)
    }),
    test("in", &["value", "sequence"], |call| contains(call.required(1)?, call.value()?)),
    test("contains", &["value", "other"], |call| contains(call.value()?, call.required(1)?)),
    test("even", &["value"], |call| rest(call.value()?, &Value::from(2), 0)),
    test("odd", &["value"], |call| rest(call.value()?, &Value::from(2), 1)),
    test("divisibleby", &["value", "num"], |call| rest(call.value()?, call.required(1)?, 0)),
    test("lower", &["value"], |call| cased(&call.text(0)?, char::is_lowercase, char::is_uppercase)),
    test("upper", &["value"], |call| cased(&call.text(0)?, char::is_uppercase, char::is_lowercase)),
    test("truthy", &["value", "convert_bool"], converted),
    test("falsy", &["value", "convert_bool"], |call| converted(call).map(|truthy| !truthy)),
    test("any", &["value"], |call| {
        let values = call.elements(0)?;
        values.iter().try_fold(false, |any, value| Ok(any || truth(value)?))
    }),
    test("all", &["value"], |call| {
        let values = call.elements(0)?;
        values.iter().try_fold(true, |all, value| Ok(all && truth(value)?))
    }),
    test("subset", &["value", "other"], |call| within(call, 0, 1)),
    test("issubset", &["value", "other"], |call| within(call, 0, 1)),
    test("superset", &["value", "other"], |call| within(call, 1, 0)),
    test("issuperset", &["value", "other"], |call| within(call, 1, 0)),
];

fn equals(call: &Bound<'_>) -> Outcome<bool> {
    equal(call.value()?, call.required(1)?)
}

fn differs(call: &Bound<'_>) -> Outcome<bool> {
    Ok(!equals(call)?)
}

fn ordered(call: &Bound<'_>, operator: &str) -> Outcome<bool> {
    let order = compare(call.value()?, call.required(1)?, operator)?;
    Ok(order.is_some_and(|order| match operator {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// Whether a division leaves a rest; of text `%` is a format.
fn rest(value: &Value, divisor: &Value, wanted: i128) -> Outcome<bool> {
    equal(&binary(BinaryOperator::Modulo, value, divisor)?, &Value::from(wanted))
}

fn cased(text: &str, wanted: fn(char) -> bool, refused: fn(char) -> bool) -> Outcome<bool> {
    Ok(text.chars().any(wanted) && !text.chars().any(refused))
}

fn converted(call: &Bound<'_>) -> Outcome<bool> {
    let value = call.value()?;
    if call.flag(1)? {
        let lower = text(value)?.trim().to_lowercase();
        match lower.as_str() {
            "yes" | "on" | "1" | "true" | "t" | "y" | "1.0" => return Ok(true),
            "no" | "off" | "0" | "false" | "f" | "n" | "0.0" => return Ok(false),
            _ => {}
        }
    }
    truth(value)
}

fn within(call: &Bound<'_>, inner: usize, outer: usize) -> Outcome<bool> {
    for index in [0, 1] {
        let elements = call.elements(index)?;
        let unhashable = |value: &&Value| matches!(class_of(value), Class::List | Class::Dict);
        if let Some(value) = elements.iter().find(unhashable) {
            return Err(call.refuse(format!("unhashable type: '{}'", type_name(value))));
        }
    }
    let outer: Vec<Value> = elements(call.required(outer)?)?;
    for value in elements(call.required(inner)?)? {
        let mut found = false;
        for other in &outer {
            found = found || equal(&value, other)?;
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}
