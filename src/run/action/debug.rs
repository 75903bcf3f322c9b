//! `ansible.builtin.debug`: prints a text or a variable.

use canvass_modules::params;
use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::source::{Kind, Node, Span};
use crate::template::{
    TemplateError, TemplateErrorKind, holds_template, is_omit, is_trusted, kept, to_json,
};

use super::{ActionError, ActionInput, Finished, Prepared, parse};

params! {
    /// Parameters of `ansible.builtin.debug`.
    pub struct DebugParams {
        /// What is printed.
        msg: Json = Json::from("Hello world!"),
        /// The variable or expression that is printed instead.
        var: Option<Json>,
        /// Prints only from this number of `-v` on.
        verbosity: i64 = 0,
    }
    rules [params::Rule::MutuallyExclusive(&["msg", "var"])]
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: DebugParams = parse("ansible.builtin.debug", &arguments)?;
    let mut returned = Map::new();
    if params.verbosity > i64::from(input.verbosity) {
        returned.insert("skipped_reason".to_owned(), "Verbosity threshold not met.".into());
        return Ok(Prepared::Done(Finished { skipped: true, returned, ..Finished::default() }));
    }
    if let Some(var) = &params.var {
        refuse_var(input, var)?;
    }
    match params.var {
        Some(Json::String(expression)) => {
            let span = input
                .step
                .task
                .action
                .arguments
                .iter()
                .find(|(name, _)| name == "var")
                .map(|(_, node)| &node.span);
            let expression = match span {
                Some(span) if holds_template(&expression) => {
                    let named = Node::text(expression.as_str(), span.clone());
                    let named = input
                        .templar
                        .node(&named, input.scope)
                        .map_err(|error| naming(error, span))?;
                    if is_omit(&named) {
                        returned.insert("msg".to_owned(), params.msg);
                        return Ok(told(returned));
                    }
                    match to_json(&named)? {
                        empty if empty.is_null() || empty == "" => {
                            returned.insert("msg".to_owned(), params.msg);
                            return Ok(told(returned));
                        }
                        Json::String(_) if !is_trusted(&named) => return Err(untrusted()),
                        Json::String(named) => named,
                        _ => return Err(no_text(&named)),
                    }
                }
                _ => expression,
            };
            let (value, missing) = input
                .templar
                .marked_expression(&expression, span, input.scope)
                .map_err(|error| resolving(error, span))?;
            if is_omit(&value) {
                let text = "The result of the `var` expression could not be omitted; a \
                            placeholder was used instead.";
                returned.insert("warnings".to_owned(), Json::from(vec![text]));
                returned.insert(expression, Json::from("<<Omit>>"));
                return Ok(told(returned));
            }
            returned.insert(expression.clone(), to_json(&value)?);
            if !missing.is_empty() {
                returned.insert("warnings".to_owned(), warnings(&missing));
            }
            let mut finished = shown(returned);
            finished.values.insert(expression, kept(&value));
            return Ok(Prepared::Done(finished));
        }
        Some(other) => {
            returned.insert(other.to_string(), other);
        }
        None => {
            returned.insert("msg".to_owned(), params.msg);
        }
    }
    Ok(Prepared::Done(shown(returned).telling(input.kept(&["msg"], "msg"))))
}

/// The expression's text cannot be told.
fn naming(error: TemplateError, span: &Span) -> TemplateError {
    let prefix = "Finalization of task args for 'ansible.builtin.debug' failed: Error while \
                  resolving value for 'var'";
    prefixed(error, prefix, Some(span))
}

fn resolving(error: TemplateError, span: Option<&Span>) -> TemplateError {
    prefixed(error, "Error while resolving `var` expression", span)
}

fn prefixed(error: TemplateError, prefix: &str, span: Option<&Span>) -> TemplateError {
    if matches!(error.kind, TemplateErrorKind::Unknown(_)) {
        return error;
    }
    TemplateError {
        kind: TemplateErrorKind::Failed(format!("{prefix}: {}", error.kind)),
        span: error.span.or_else(|| span.cloned()),
        way: error.way,
    }
}

/// A warning for each row of values that are missing for one reason.
fn warnings(missing: &[String]) -> Json {
    let mut number = 0;
    let mut warnings = Vec::new();
    for row in missing.chunk_by(|left, right| left == right) {
        let many = if row.len() > 1 { "s" } else { "" };
        let mut text = format!("Encountered {} template error{many}.", row.len());
        for message in row {
            number += 1;
            text.push_str(&format!("\nerror {number} - {message}"));
        }
        warnings.push(Json::from(text));
    }
    Json::from(warnings)
}

/// What a host, a lookup or a filter said is no expression.
fn untrusted() -> ActionError {
    let text = "Error while resolving `var` expression: Encountered untrusted template or \
                expression.";
    ActionError::Template(TemplateError::new(TemplateErrorKind::Failed(text.to_owned())))
}

fn told(returned: Map<String, Json>) -> Prepared {
    Prepared::Done(shown(returned))
}

fn shown(returned: Map<String, Json>) -> Finished {
    Finished { verbose_always: true, ..Finished::ok(returned) }
}

/// What is no expression of the playbook's author is none.
fn refuse_var(input: &ActionInput<'_>, var: &Json) -> Result<(), ActionError> {
    let written = input.step.task.action.arguments.iter().find(|(name, _)| name == "var");
    if matches!(written, Some((_, Node { kind: Kind::Unsafe(_), .. }))) {
        return Err(untrusted());
    }
    match var {
        Json::String(_) | Json::Null => Ok(()),
        other => Err(no_text(&crate::template::from_json(other))),
    }
}

/// Only a text can be an expression.
fn no_text(var: &Value) -> ActionError {
    let kind = crate::template::type_name(var);
    let text = crate::template::python_text(var).unwrap_or_default();
    ActionError::Include(format!(
        "argument 'var' is of type {kind} and we were unable to convert to \
         _check_type_str_no_conversion: '{text}' is not a string and conversion is not allowed"
    ))
}
