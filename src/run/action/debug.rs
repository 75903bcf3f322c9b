//! `ansible.builtin.debug`: prints a text or a variable.

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use crate::source::{Kind, Node};
use crate::template::{TemplateErrorKind, holds_template, to_json};

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
                    match to_json(&input.templar.node(&named, input.scope)?)? {
                        Json::String(named) => named,
                        other => {
                            returned.insert(expression, other);
                            return Ok(told(returned));
                        }
                    }
                }
                _ => expression,
            };
            let value = match input.templar.expression(&expression, span, input.scope) {
                Ok(value) => to_json(&value)?,
                Err(error) => match &error.kind {
                    TemplateErrorKind::Undefined { message, .. } => {
                        Json::from(format!("<< error 1 - {message} >>"))
                    }
                    _ => return Err(error.into()),
                },
            };
            returned.insert(expression, value);
        }
        Some(other) => {
            returned.insert(other.to_string(), other);
        }
        None => {
            returned.insert("msg".to_owned(), params.msg);
        }
    }
    Ok(told(returned))
}

fn told(returned: Map<String, Json>) -> Prepared {
    Prepared::Done(Finished { verbose_always: true, returned, ..Finished::default() })
}

/// What is no expression of the playbook's author is none.
fn refuse_var(input: &ActionInput<'_>, var: &Json) -> Result<(), ActionError> {
    let written = input.step.task.action.arguments.iter().find(|(name, _)| name == "var");
    if matches!(written, Some((_, Node { kind: Kind::Unsafe(_), .. }))) {
        let text = "Error while resolving `var` expression: Encountered untrusted template or \
                    expression.";
        return Err(ActionError::Include(text.to_owned()));
    }
    let kind = match var {
        Json::Object(_) => "dict",
        Json::Array(_) => "list",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) | Json::Null => return Ok(()),
    };
    Err(ActionError::Include(format!(
        "argument 'var' is of type {kind} and we were unable to convert to str: \"{var}\" is not a \
         string and conversion is not allowed"
    )))
}
