//! What a value is.

use super::{Test, lenient, test};
use crate::template::python::{Class, class_of, is_mapping, is_text, type_name, usable};

/// The family.
pub(super) const TESTS: &[Test] = &[
    lenient("defined", &["value"], |call| {
        let value = call.value()?;
        if class_of(value) == Class::Invalid {
            usable(value)?;
        }
        Ok(class_of(value) != Class::Undefined)
    }),
    lenient("undefined", &["value"], |call| Ok(class_of(call.value()?) == Class::Undefined)),
    test("none", &["value"], |call| Ok(call.value()?.is_none())),
    test("boolean", &["value"], |call| Ok(class_of(call.value()?) == Class::Bool)),
    test("true", &["value"], |call| {
        let value = call.value()?;
        Ok(class_of(value) == Class::Bool && value.is_true())
    }),
    test("false", &["value"], |call| {
        let value = call.value()?;
        Ok(class_of(value) == Class::Bool && !value.is_true())
    }),
    test("integer", &["value"], |call| Ok(class_of(call.value()?) == Class::Integer)),
    test("float", &["value"], |call| Ok(class_of(call.value()?) == Class::Float)),
    test("number", &["value"], |call| {
        Ok(matches!(class_of(call.value()?), Class::Integer | Class::Float | Class::Bool))
    }),
    test("string", &["value"], |call| Ok(is_text(call.value()?))),
    test("mapping", &["value"], |call| Ok(is_mapping(call.value()?))),
    test("iterable", &["value"], |call| {
        Ok(matches!(
            class_of(call.value()?),
            Class::Text | Class::Bytes | Class::List | Class::Tuple | Class::Dict | Class::Range
        ))
    }),
    test("sequence", &["value"], |call| {
        Ok(matches!(
            class_of(call.value()?),
            Class::Text | Class::Bytes | Class::List | Class::Tuple | Class::Dict | Class::Range
        ))
    }),
    test("callable", &["value"], |call| Ok(class_of(call.value()?) == Class::Callable)),
    test("escaped", &["value"], |_| Ok(false)),
    test("filter", &["value"], |call| Ok(call.environment.filter_named(call.value()?).is_ok())),
    test("test", &["value"], |call| Ok(call.environment.test_named(call.value()?).is_ok())),
    test("nan", &["value"], nan),
    test("isnan", &["value"], nan),
    lenient("vault_encrypted", &["value"], |_| Ok(false)),
    test("uri", &["value", "schemes"], |call| Ok(split_url(call.string(0)?).is_some())),
    test("url", &["value", "schemes"], |call| {
        let schemes: Vec<String> = match call.some(1) {
            Some(schemes) => crate::template::python::elements(schemes)?
                .iter()
                .filter_map(|scheme| scheme.as_str().map(str::to_owned))
                .collect(),
            None => Vec::new(),
        };
        Ok(split_url(call.string(0)?).is_some_and(|(scheme, rest)| {
            rest.starts_with("//")
                && rest.len() > 2
                && (schemes.is_empty() || schemes.contains(&scheme.to_lowercase()))
        }))
    }),
    test("urn", &["value"], |call| {
        Ok(split_url(call.string(0)?)
            .is_some_and(|(scheme, rest)| scheme == "urn" && !rest.starts_with("//")))
    }),
];

fn nan(call: &crate::template::eval::Bound<'_>) -> crate::template::Outcome<bool> {
    let value = call.value()?;
    match crate::template::python::as_float(value) {
        Some(number) => Ok(number.is_nan()),
        None => Err(call.refuse(format!("must be real number, not {}", type_name(value)))),
    }
}

fn split_url(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let well_formed = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    (well_formed && !rest.is_empty()).then_some((scheme, rest))
}
