//! `ansible.builtin.assert` and `ansible.builtin.fail`.

use canvass_modules::params;
use minijinja::value::ValueKind;
use serde_json::{Map, Value as Json};

use crate::source::{Kind, Node};
use crate::template::is_trusted;

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
    let that = input.step.task.action.arguments.iter().find(|(name, _)| name == "that");
    arguments.entry("that").or_insert(Json::Null);
    if that.is_some() {
        arguments.insert("that".to_owned(), Json::from(true));
    }
    let params: AssertParams = parse("ansible.builtin.assert", &arguments)?;
    let mut returned = Map::new();
    for condition in conditions(input, that.map(|(_, node)| node))? {
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
        return Ok(Prepared::Done(Finished {
            failed: true,
            returned,
            verbose_always: !params.quiet,
            ..Finished::default()
        }));
    }
    let message = params.success_msg.unwrap_or_else(|| Json::from("All assertions passed"));
    returned.insert("msg".to_owned(), message);
    Ok(Prepared::Done(Finished { verbose_always: !params.quiet, ..Finished::ok(returned) }))
}

/// The conditions; a template may stand for a list of the user's own.
fn conditions(input: &ActionInput<'_>, that: Option<&Node>) -> Result<Vec<Node>, ActionError> {
    let Some(that) = that else { return Ok(Vec::new()) };
    match &that.kind {
        Kind::Seq(conditions) => return Ok(conditions.clone()),
        Kind::Str(text) if text.value.trim_start().starts_with("{{") => {}
        _ => return Ok(vec![that.clone()]),
    }
    let value = input.templar.node(that, input.scope)?;
    if value.kind() != ValueKind::Seq {
        return Ok(vec![that.clone()]);
    }
    let listed = value.try_iter().into_iter().flatten().map(|condition| {
        let kind = match condition.as_str() {
            Some(text) if is_trusted(&condition) => return Node::text(text, that.span.clone()),
            Some(text) => Kind::Unsafe(Box::new(Node::text(text, that.span.clone()))),
            None if condition.kind() == ValueKind::Bool => Kind::Bool(condition.is_true()),
            None => Kind::Null,
        };
        Node { kind, span: that.span.clone() }
    });
    Ok(listed.collect())
}

pub(super) fn fail(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    refuse_others(input, &arguments, &["msg"])?;
    let params: FailParams = parse("ansible.builtin.fail", &arguments)?;
    let mut returned = Map::new();
    returned.insert("msg".to_owned(), params.msg);
    Ok(Prepared::Done(Finished { failed: true, returned, ..Finished::default() }))
}
