//! What the report is told of a result: masked, censored where `no_log` asks for it.

use std::sync::Arc;

use canvass_modules::effect::{Content, Effect};
use canvass_modules::wire::EffectRecord;
use serde_json::{Map, Value as Json};

use crate::graph::StepTask;
use crate::report::event::{Outcome, Status};
use crate::source::{Kind, Node};
use crate::vars::Var;

use super::context::RunContext;
use super::invocation;
use super::outcome::{TaskResult, Verdict};
use super::secret_values;

/// The outcome of a task, or of the item with this label, as the report may see it.
pub(crate) fn outcome(run: &RunContext, result: &TaskResult, item: Option<Json>) -> Outcome {
    secret_values::of_result(run, result);
    let status = match &result.verdict {
        Verdict::Ok => Status::Ok,
        Verdict::Changed => Status::Changed,
        Verdict::Skipped => Status::Skipped,
        Verdict::Failed => Status::Failed,
        Verdict::Unreachable => Status::Unreachable,
        Verdict::Unknown(reason) => Status::Unknown { reason: reason.clone() },
    };
    let mut outcome = Outcome {
        status,
        ignored: result.ignored,
        item,
        delegated_to: result.delegated.as_ref().map(|to| to.host.clone()),
        delegated_address: result.delegated.as_ref().map(|to| to.address.clone()),
        causes: Vec::new(),
        result: Map::new(),
        diffs: Vec::new(),
        effects: Vec::new(),
        took: result.took,
        spent: None,
        censored: result.censored,
        verbose_always: result.verbose_always,
    };
    if result.censored {
        outcome.item = outcome.item.map(|_| Json::from("(censored due to no_log)"));
        outcome.result = censored(result);
        run.secrets().mask_outcome(&mut outcome);
        return outcome;
    }
    outcome.result.clone_from(&result.result);
    if !run.settings.tells_invocation {
        invocation::leave_out(&mut outcome.result);
    }
    outcome.causes.clone_from(&result.causes);
    outcome.diffs = result.diffs.iter().cloned().map(Arc::new).collect();
    outcome.effects = result.effects.iter().map(described).map(Arc::new).collect();
    run.secrets().mask_outcome(&mut outcome);
    outcome
}

/// The arguments of a task as written; none where `no_log` is said.
pub(crate) fn arguments(run: &RunContext, step: &StepTask) -> String {
    let mut said = step.keywords.iter().filter_map(|level| level.no_log.as_ref()).peekable();
    let hidden = match said.peek() {
        Some(_) => said.any(|node| !matches!(node.kind, Kind::Bool(false))),
        None => run.settings.behaviour.no_log,
    };
    if hidden {
        return String::new();
    }
    let texts = step.task.action.arguments.iter().map(|(name, node)| {
        let plain = Node { kind: Kind::Unsafe(Box::new(node.clone())), span: node.span.clone() };
        let value = match Var::from(&plain) {
            Var::Data(value) => crate::template::python_text(&value).unwrap_or_default(),
            // what is encrypted stays so
            _ => "…".to_owned(),
        };
        format!("{name}={value}")
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn censored(result: &TaskResult) -> Map<String, Json> {
    let mut shown = Map::new();
    shown.insert(
        "censored".to_owned(),
        Json::from(
            "the output has been hidden due to the fact that 'no_log: true' was specified for \
             this result",
        ),
    );
    if let Some(changed) = result.result.get("changed") {
        shown.insert("changed".to_owned(), changed.clone());
    }
    shown
}

/// An effect without file contents.
fn described(record: &EffectRecord) -> EffectRecord {
    let mut record = record.clone();
    if let Effect::WriteFile(write) = &mut record.effect {
        write.content = Content::Bytes(Vec::new());
    }
    // the arguments of a module of the user's own may hold what must not show
    if let Effect::Run(command) = &mut record.effect {
        command.handed = None;
    }
    record
}
