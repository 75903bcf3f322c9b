//! `ansible.builtin.assert` and `ansible.builtin.fail`.

use canvass_modules::params;
use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Value as Json};

use crate::source::{Kind, Node, Span};
use crate::template::{from_json, is_trusted, trusted};

use super::{ActionError, ActionInput, Finished, Prepared, parse, refuse_others};

params! {
    /// Parameters of `ansible.builtin.assert`.
    pub struct AssertParams {
        /// Conditions that must all hold.
        that: Json,
        /// The message when one does not hold.
        fail_msg ("msg"): Option<Json>,
        /// The message when all hold.
        success_msg: Option<Json>,
        /// Says less.
        quiet: bool = false,
    }
}

params! {
    /// Parameters of `ansible.builtin.fail`.
    pub struct FailParams {
        /// The message.
        msg: Json = Json::from("Failed as requested from task"),
    }
}

pub(super) fn assert(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let action = &input.step.task.action;
    let written = action.arguments.iter().find(|(name, _)| name == "that");
    let conditions = match (written, arguments.get("that")) {
        (Some((_, that)), _) => conditions(input, that)?,
        (None, Some(given)) => given_conditions(input, given)?,
        (None, None) => Vec::new(),
    };
    let that = if written.is_some() || arguments.contains_key("that") {
        Json::from(true)
    } else {
        Json::Null
    };
    arguments.insert("that".to_owned(), that);
    let params: AssertParams = parse("ansible.builtin.assert", &arguments)?;
    for (name, given) in [("fail_msg", &params.fail_msg), ("success_msg", &params.success_msg)] {
        given.as_ref().map_or(Ok(()), |given| refuse_message(name, given))?;
    }
    let mut returned = Map::new();
    for condition in conditions {
        if input.templar.condition(&condition, input.scope)? {
            continue;
        }
        let text = match &condition.kind {
            Kind::Str(text) => Json::from(text.value.clone()),
            Kind::Bool(value) => Json::from(*value),
            _ => Json::Null,
        };
        returned.insert("assertion".to_owned(), text);
        returned.insert("evaluated_to".to_owned(), Json::from(false));
        let message = params.fail_msg.unwrap_or_else(|| Json::from("Assertion failed"));
        returned.insert("msg".to_owned(), message);
        let assertion = match &condition.kind {
            Kind::Str(text) => Some(("assertion", trusted(&text.value))),
            _ => None,
        };
        let values = assertion.into_iter().chain(input.kept(&["fail_msg", "msg"], "msg"));
        return Ok(Prepared::Done(Finished {
            failed: true,
            verbose_always: !params.quiet,
            ..Finished::ok(returned).telling(values)
        }));
    }
    let message = params.success_msg.unwrap_or_else(|| Json::from("All assertions passed"));
    returned.insert("msg".to_owned(), message);
    let finished = Finished::ok(returned).telling(input.kept(&["success_msg"], "msg"));
    Ok(Prepared::Done(Finished { verbose_always: !params.quiet, ..finished }))
}

/// A message is a text or a list of texts.
fn refuse_message(name: &str, given: &Json) -> Result<(), ActionError> {
    let is_message = match given {
        Json::String(_) => true,
        Json::Array(texts) => texts.iter().all(Json::is_string),
        _ => false,
    };
    if is_message {
        return Ok(());
    }
    let kind = crate::template::type_name(&from_json(given));
    Err(ActionError::Include(format!(
        "argument '{name}' is of type {kind} and we were unable to convert to \
         str_or_list_of_str: a string or list of strings is required"
    )))
}

/// The conditions; a template may stand for a list of the user's own.
fn conditions(input: &ActionInput<'_>, that: &Node) -> Result<Vec<Node>, ActionError> {
    match &that.kind {
        Kind::Seq(conditions) => return Ok(conditions.clone()),
        Kind::Str(text) if text.value.trim_start().starts_with("{{") => {}
        _ => return Ok(vec![that.clone()]),
    }
    let value = input.templar.node(that, input.scope)?;
    if value.kind() != ValueKind::Seq {
        return Ok(vec![that.clone()]);
    }
    Ok(listed(&value, &that.span))
}

/// The conditions that come with a template for all arguments, or from elsewhere.
fn given_conditions(input: &ActionInput<'_>, given: &Json) -> Result<Vec<Node>, ActionError> {
    let action = &input.step.task.action;
    let whole = match &action.variable_arguments {
        Some(whole) => input.templar.node(whole, input.scope)?.get_item(&Value::from("that")).ok(),
        None => None,
    };
    let that = whole.filter(|that| !that.is_undefined()).unwrap_or_else(|| from_json(given));
    Ok(match that.kind() {
        ValueKind::Seq => listed(&that, &action.span),
        _ => vec![condition(&that, &action.span)],
    })
}

fn listed(values: &Value, span: &Span) -> Vec<Node> {
    values.try_iter().into_iter().flatten().map(|value| condition(&value, span)).collect()
}

/// A condition from its value: only text of the user's is an expression.
fn condition(value: &Value, span: &Span) -> Node {
    let kind = match value.as_str() {
        Some(text) if is_trusted(value) => return Node::text(text, span.clone()),
        Some(text) => Kind::Unsafe(Box::new(Node::text(text, span.clone()))),
        None if value.kind() == ValueKind::Bool => Kind::Bool(value.is_true()),
        None => Kind::Null,
    };
    Node { kind, span: span.clone() }
}

pub(super) fn fail(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    refuse_others(input, &arguments, &["msg"])?;
    let params: FailParams = parse("ansible.builtin.fail", &arguments)?;
    let mut returned = Map::new();
    returned.insert("msg".to_owned(), params.msg);
    let finished = Finished::ok(returned).telling(input.kept(&["msg"], "msg"));
    Ok(Prepared::Done(Finished { failed: true, ..finished }))
}
