//! Methods of text that is HTML already, as `markupsafe.Markup` has them: what is put into it is
//! escaped, and what it gives is HTML, too.

use minijinja::Value;

use super::super::eval::Call;
use super::super::failure::{Failure, Outcome};
use super::super::python::{
    Class, class_of, elements, escaped, list, markup, strip_tags, tuple, unescape_html,
};
use super::strings;

pub(super) const METHODS: [&str; 3] = ["escape", "striptags", "unescape"];

/// Calls a method of text that is HTML.
pub(super) fn call(value: &Value, method: &str, mut call: Call) -> Outcome<Value> {
    let html = value.as_str().unwrap_or_default();
    match method {
        "unescape" => return Ok(Value::from(unescape_html(html))),
        "striptags" => return Ok(Value::from(strip_tags(html))),
        "escape" => {
            return match call.positional.first() {
                Some(value) => escaped(value).map(markup),
                None => Err(Failure::failed(
                    "Markup.escape() missing 1 required positional argument: 's'",
                )),
            };
        }
        _ => {}
    }
    let put_in = match method {
        "replace" => Some((1, "new")),
        "ljust" | "rjust" | "center" => Some((1, "fillchar")),
        "join" => Some((0, "iterable")),
        _ => None,
    };
    if let Some((index, name)) = put_in {
        let keyword = call.keywords.iter_mut().find(|(keyword, _)| keyword == name);
        let keyword = keyword.map(|(_, value)| value);
        if let Some(argument) = call.positional.get_mut(index).or(keyword) {
            *argument = match method {
                "join" => {
                    let parts = elements(argument)?;
                    let parts = parts.iter().map(|part| escaped(part).map(Value::from));
                    list(parts.collect::<Outcome<_>>()?)
                }
                _ => Value::from(escaped(argument)?),
            };
        }
    }
    let made = strings::call(value, method, call)?;
    let every = |values: &Value| -> Outcome<Vec<Value>> {
        Ok(elements(values)?.iter().filter_map(Value::as_str).map(markup).collect())
    };
    Ok(match class_of(&made) {
        Class::Text if !matches!(method, "encode" | "decode") => {
            markup(made.as_str().unwrap_or_default())
        }
        Class::List => list(every(&made)?),
        Class::Tuple => tuple(every(&made)?),
        _ => made,
    })
}
