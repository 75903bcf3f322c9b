//! Filters of regular expressions.

use canvass_modules::python_regex;
use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{like, list, tuple};
use crate::template::regex::{Captures, Flags, compiled};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter(
        "regex_replace",
        &["value", "pattern", "replacement", "ignorecase", "multiline", "count", "mandatory_count"],
        replace,
    ),
    filter("regex_search", &["value", "regex", "*", "**"], search),
    filter("regex_findall", &["value", "regex", "multiline", "ignorecase"], find_all),
    filter("regex_escape", &["value", "re_type"], |call| {
        let value = call.text(0)?;
        match call.text_or(1, "python")?.as_str() {
            "python" => Ok(like(call.value()?, python_regex::escape(&value))),
            "posix_basic" => {
                let escaped: String = value
                    .chars()
                    .flat_map(|letter| {
                        let special = "].[^$*\\".contains(letter);
                        special.then_some('\\').into_iter().chain([letter])
                    })
                    .collect();
                Ok(Value::from(escaped))
            }
            "posix_extended" => Err(call.refuse("Regex type (posix_extended) not yet implemented")),
            other => Err(call.refuse(format!("Invalid regex type ({other})"))),
        }
    }),
];

fn replace(call: &Bound<'_>) -> Outcome<Value> {
    let flags = Flags { ignore_case: call.flag(3)?, multi_line: call.flag(4)?, ..Flags::default() };
    let pattern = call.text_or(1, "")?;
    let regex = compiled(&pattern, flags)?;
    let count = call.size(5, 0)?;
    let (replaced, done) = regex.replace(&call.text(0)?, &call.text_or(2, "")?, count)?;
    let wanted = call.size(6, 0)?;
    if wanted > 0 && done != wanted {
        return Err(call.refuse(format!(
            "'{pattern}' should match {wanted} times, but matches {count} times in '{}'",
            call.text(0)?
        )));
    }
    Ok(Value::from(replaced))
}

fn keyword_flag(call: &Bound<'_>, name: &str) -> Outcome<bool> {
    call.keyword(name).map_or(Ok(false), crate::template::python::truth)
}

fn group_value(found: &Captures<'_>, index: usize) -> Value {
    found.get(index).map_or_else(|| Value::from(()), |group| Value::from(group.as_str()))
}

fn search(call: &Bound<'_>) -> Outcome<Value> {
    let flags = Flags {
        ignore_case: keyword_flag(call, "ignorecase")?,
        multi_line: keyword_flag(call, "multiline")?,
        ..Flags::default()
    };
    let text = call.text(0)?;
    let regex = compiled(&call.text(1)?, flags)?;
    let Some(found) = regex.search(&text)? else {
        return Ok(Value::from(()));
    };
    if call.rest.is_empty() {
        return Ok(group_value(&found, 0));
    }
    let mut groups = Vec::new();
    for wanted in &call.rest {
        let wanted = crate::template::python::text(wanted)?;
        let Some(reference) = wanted.strip_prefix('\\') else {
            return Err(call.refuse("Unknown argument"));
        };
        let named = reference.strip_prefix("g<").and_then(|name| name.strip_suffix('>'));
        let numbered = reference.starts_with(|digit: char| digit.is_ascii_digit());
        if named.is_none() && !numbered {
            return Err(call.refuse("'NoneType' object has no attribute 'group'"));
        }
        let reference = named.unwrap_or(reference);
        groups.push(match reference.parse::<usize>() {
            Ok(index) if index < found.len() => group_value(&found, index),
            Ok(_) => return Err(Failure::failed("no such group")),
            Err(_) => {
                if !regex.group_names().flatten().any(|name| name == reference) {
                    return Err(Failure::failed("no such group"));
                }
                found
                    .name(reference)
                    .map_or_else(|| Value::from(()), |group| Value::from(group.as_str()))
            }
        });
    }
    Ok(list(groups))
}

fn find_all(call: &Bound<'_>) -> Outcome<Value> {
    let flags = Flags { multi_line: call.flag(2)?, ignore_case: call.flag(3)?, ..Flags::default() };
    let text = call.text(0)?;
    let regex = compiled(&call.text(1)?, flags)?;
    let group = |found: &Captures<'_>, index: usize| {
        Value::from(found.get(index).map_or("", |group| group.as_str()))
    };
    let found = regex.find_all(&text)?;
    Ok(list(
        found
            .iter()
            .map(|found| match found.len() {
                0 | 1 => group(found, 0),
                2 => group(found, 1),
                groups => tuple((1..groups).map(|index| group(found, index)).collect()),
            })
            .collect(),
    ))
}
