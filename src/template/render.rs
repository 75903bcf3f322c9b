//! Renders texts: templates in YAML, and bare expressions.

use minijinja::Value;

use super::cache;
use super::eval::{Environment, Interpreter, Output};
use super::failure::{Failure, Outcome};
use super::place::narrow;
use super::python::settle;
use super::syntax::{Backslashes, Embedded};
use super::templar::FileOptions;
use crate::source::Span;
use crate::vars::Scope;

/// Whether text has a mark of a template in it.
pub(crate) fn holds_template(text: &str) -> bool {
    text.contains("{{")
        || text.contains("{%")
        || text.contains("{#")
        || text.starts_with("#jinja2:")
}

/// Gives a failure the place of the template that it came from.
fn placed(
    source: &str,
    span: Option<&Span>,
    text: &'static str,
) -> impl Fn(Box<Failure>) -> Box<Failure> {
    move |failure| {
        let mut failure = failure.of_text(text);
        if failure.span.is_none() {
            failure.span = span.map(|span| narrow(span, source, failure.range));
            failure.node = span.cloned();
        }
        failure.range = None;
        failure
    }
}

/// The value of a template as it stands in YAML.
pub(crate) fn template_value(source: &str, span: Option<&Span>, scope: &Scope) -> Outcome<Value> {
    let parsed = strip_newline(source);
    let run = || -> Outcome<Value> {
        let template = match parsed.starts_with("#jinja2:") {
            true => {
                let (text, mut options) =
                    super::header::file_options(parsed, &FileOptions::default())?;
                options.backslashes = Backslashes::Literal;
                cache::template(text, &options)?
            }
            false => cache::inline(parsed)?,
        };
        let environment = Environment { span, ..Environment::new(scope) };
        let mut interpreter = Interpreter::new(&environment);
        let mut output = Output::default();
        interpreter.template(&template, &mut output)?;
        let range = output.range();
        let value = output.into_value()?;
        let value = settle(&value).map_err(|mut failure| {
            failure.range = failure.range.or(range);
            failure
        })?;
        Ok(with_newlines(value, source))
    };
    run().map_err(placed(source, span, "template"))
}

/// The value of a bare expression.
pub(super) fn expression_value(
    source: &str,
    embedded: Embedded,
    span: Option<&Span>,
    scope: &Scope,
) -> Outcome<Value> {
    let run = || -> Outcome<Value> {
        let expression = cache::expression(source, embedded)?;
        let environment = Environment { span, text: "expression", ..Environment::new(scope) };
        let value = Interpreter::new(&environment).expression(&expression)?;
        settle(&value).map_err(|mut failure| {
            failure.range.get_or_insert(expression.range);
            failure
        })
    };
    run().map_err(placed(source, span, "expression"))
}

/// Jinja drops one newline at the end of a template.
pub(super) fn strip_newline(source: &str) -> &str {
    source.strip_suffix('\n').unwrap_or(source)
}

fn newlines_at_end(text: &str) -> usize {
    text.len() - text.trim_end_matches('\n').len()
}

/// Text with as many newlines at its end as its template has.
pub(super) fn with_newlines(value: Value, source: &str) -> Value {
    with_newlines_as(value, source, "\n")
}

/// The same where lines end like this.
pub(super) fn with_newlines_as(value: Value, source: &str, newline: &str) -> Value {
    let wanted = newlines_at_end(source);
    if wanted == 0 {
        return value;
    }
    let Some(text) = value.as_str() else {
        return value;
    };
    let present = newlines_at_end(text);
    if present >= wanted {
        return value;
    }
    Value::from(format!("{text}{}", newline.repeat(wanted - present)))
}

/// A value as it leaves the templates.
pub(crate) fn finalised(value: &Value) -> Outcome<Value> {
    super::python::finalise(value)
}

/// The text that a template renders to.
pub(crate) fn rendered_text(source: &str, scope: &Scope) -> Outcome<String> {
    super::python::text(&template_value(source, None, scope)?)
}

/// The failure of a variable that needs itself.
pub(crate) fn recursion() -> Box<Failure> {
    Failure::too_deep()
}
