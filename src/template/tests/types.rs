//! What a value is.

use super::{Test, lenient, test};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::filters::is_kind;
use crate::template::python::{
    Class, as_float, class_of, contains, is_mapping, is_markup, is_text, is_undefined, locked_text,
    truth, usable,
};
use crate::template::trust::is_trusted;
use minijinja::Value;

/// The family.
pub(super) const TESTS: &[Test] = &[
    lenient("defined", &["value"], |call| {
        let value = call.value()?;
        if class_of(value) == Class::Invalid {
            usable(value)?;
        }
        had(value)?;
        Ok(!is_undefined(value))
    }),
    lenient("undefined", &["value"], |call| {
        let value = call.value()?;
        had(value)?;
        Ok(is_undefined(value))
    }),
    test("community.general.ansible_type", &["data", "dtype", "alias"], is_kind),
    test("community.general.a_module", &["term"], |call| {
        Ok(crate::template::collections::has_module(&call.text(0)?))
    }),
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
    test("escaped", &["value"], |call| Ok(is_markup(call.value()?))),
    test("filter", &["value"], |call| Ok(call.environment.filter_named(call.value()?).is_ok())),
    test("test", &["value"], |call| Ok(call.environment.test_named(call.value()?).is_ok())),
    test("nan", &["value"], nan),
    test("isnan", &["value"], nan),
    lenient("vault_encrypted", &["value"], |call| {
        let value = call.value()?;
        let ciphertext = locked_text(value).or_else(|| crate::vault::ciphertext_of(value));
        match ciphertext {
            Some(ciphertext) => Ok(crate::vault::is_encrypted(ciphertext.as_bytes())),
            None => usable(value).map(|()| false),
        }
    }),
    test("ansible._protomatter.tagged_with", &["value", "tag_name"], |call| {
        let value = call.value()?;
        match call.text(1)?.as_str() {
            "TrustedAsTemplate" => Ok(is_trusted(value)),
            "VaultedValue" => Ok(crate::vault::ciphertext_of(value).is_some()),
            other => Err(call.refuse(format!("the tag '{other}' is not kept"))),
        }
    }),
    test("uri", &["value", "schemes"], |call| Ok(uri(call)?.is_some())),
    test("url", &["value", "schemes"], |call| {
        Ok(uri(call)?.is_some_and(|(scheme, host)| scheme == "file" || !host.is_empty()))
    }),
    test("urn", &["value"], |call| {
        Ok(url_parts(&call.text(0)?).is_some_and(|(scheme, _)| scheme == "urn"))
    }),
];

/// The failure of a value that could not be had.
fn had(value: &Value) -> Outcome<()> {
    if class_of(value) == Class::Undefined && !is_undefined(value) { usable(value) } else { Ok(()) }
}

fn nan(call: &Bound<'_>) -> Outcome<bool> {
    Ok(as_float(call.value()?).is_some_and(f64::is_nan))
}

/// Scheme and network location, where the scheme is one of those asked for.
fn uri(call: &Bound<'_>) -> Outcome<Option<(String, String)>> {
    let value = call.value()?;
    let value = match value.as_str() {
        Some(text) => text,
        // Python takes what is empty for no text
        None if !is_undefined(value) && !truth(value)? => "",
        None => return Ok(None),
    };
    let Some((scheme, host)) = url_parts(value) else {
        return Ok(None);
    };
    if let Some(schemes) = call.some(1)
        && truth(schemes)?
        && !contains(schemes, &Value::from(scheme.as_str()))?
    {
        return Ok(None);
    }
    Ok(Some((scheme, host)))
}

/// What `urlparse` makes of text: the scheme in small letters, and the network location.
fn url_parts(text: &str) -> Option<(String, String)> {
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter)) =>
        {
            (scheme.to_lowercase(), rest)
        }
        _ => (String::new(), text),
    };
    let Some(location) = rest.strip_prefix("//") else {
        return Some((scheme, String::new()));
    };
    let end = location.find(['/', '?', '#']).unwrap_or(location.len());
    let host = location.get(..end)?;
    if host.contains('[') != host.contains(']') {
        return None;
    }
    Some((scheme, host.to_owned()))
}
