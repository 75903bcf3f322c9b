//! `ansible.builtin.assert` and `ansible.builtin.fail`.

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use crate::source::{Kind, Node};

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
    for condition in conditions(that.map(|(_, node)| node)) {
        if input.templar.condition(condition, input.scope)? {
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

fn conditions(that: Option<&Node>) -> Vec<&Node> {
    match that {
        Some(Node { kind: Kind::Seq(conditions), .. }) => conditions.iter().collect(),
        Some(condition) => vec![condition],
        None => Vec::new(),
    }
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
