//! Results of items and tasks: what is registered and what is reported.

use std::collections::BTreeMap;
use std::time::Duration;

use canvass_modules::diff::Diff;
use canvass_modules::wire::{EffectRecord, ItemReply, Status as WireStatus};
use indexmap::IndexMap;
use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::diagnostics::Diagnostic;
use crate::report::event::ErrorCause;
use crate::report::spent::Spent;
use crate::source::Place;
use crate::vars::Var;

use super::action::Finished;
use super::host_vars::{Facts, Learnt};
use super::included::Included;
use super::invocation;

/// Every result of a module that has a stream has its lines, too.
fn with_lines(mut returned: Map<String, Json>) -> Map<String, Json> {
    for (stream, field) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
        if let Some(Json::String(text)) = returned.get(stream)
            && !returned.contains_key(field)
        {
            let lines = canvass_modules::module::text_lines::lines(text);
            returned.insert(field.to_owned(), Json::from(lines));
        }
    }
    returned
}

/// How an item, or a task, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    Changed,
    Skipped,
    Failed,
    Unreachable,
    Unknown(String),
}

/// A host that a task was delegated to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delegated {
    pub host: String,
    pub address: String,
}

/// What came of an item, or of a task.
#[derive(Debug, Clone)]
pub(crate) struct TaskResult {
    pub verdict: Verdict,
    /// As registered, with `changed`, `failed` and `skipped`.
    pub result: Map<String, Json>,
    pub diffs: Vec<Diff>,
    pub effects: Vec<EffectRecord>,
    pub learnt: Learnt,
    /// Why it failed, from the task down to the first cause.
    pub causes: Vec<ErrorCause>,
    pub took: Duration,
    /// Where that time went, as far as it is known.
    pub spent: Spent,
    pub verbose_always: bool,
    /// Whether the result must not show, whatever `no_log` says.
    pub censored: bool,
    /// Fields with what JSON does not tell (whose text it is, vault), as far as it is known.
    pub values: Box<IndexMap<String, Value>>,
    /// Values of the result that only acting would tell: as JSON pointers, and why.
    pub unknown: BTreeMap<String, String>,
    /// Whether its failure is passed over.
    pub ignored: bool,
    /// The host that did it, where that is not the task's.
    pub delegated: Option<Delegated>,
    /// The handlers that are told when something changed; all items' together for a loop.
    pub notifies: Vec<String>,
    /// What the task brought: more tasks.
    pub includes: Vec<Included>,
    /// What is so wrong that the run ends.
    pub broken: Vec<Diagnostic>,
    /// Whether a module said it, not an action on the controller.
    pub of_module: bool,
    /// Whether it was stopped because it is not what was approved: the host stops there, and
    /// nothing rescues it.
    pub held: bool,
}

/// Why a command of a dry run is unknown that the task says changes nothing.
pub(crate) const CHANGES_NOTHING: &str = "the command was not run; it changes nothing";

/// What stands for the traceback of a failure: there is never one.
pub(crate) const NO_TRACEBACK: &str = "(traceback unavailable)";

impl TaskResult {
    pub(crate) fn new(verdict: Verdict, result: Map<String, Json>) -> Self {
        let mut this = Self {
            verdict,
            result,
            diffs: Vec::new(),
            effects: Vec::new(),
            learnt: Learnt::default(),
            causes: Vec::new(),
            took: Duration::ZERO,
            spent: Spent::default(),
            verbose_always: false,
            censored: false,
            values: Box::default(),
            unknown: BTreeMap::new(),
            ignored: false,
            delegated: None,
            notifies: Vec::new(),
            includes: Vec::new(),
            broken: Vec::new(),
            of_module: false,
            held: false,
        };
        this.mark();
        this
    }

    /// A failure with a message.
    pub(crate) fn failed(message: impl ToString) -> Self {
        Self::new(Verdict::Failed, message_map(message))
    }

    /// A failure with what led to it.
    pub(crate) fn caused(message: impl ToString, causes: Vec<ErrorCause>) -> Self {
        Self { causes, ..Self::failed(message) }
    }

    /// A refusal of an action, before there is any result of a module.
    pub(crate) fn refused(message: impl ToString, task: Place) -> Self {
        let message = message.to_string();
        let cause = ErrorCause::new(format!("Task failed: {message}"), Some(task));
        Self::caused(message, vec![cause])
    }

    /// A lost or unreachable host.
    pub(crate) fn unreachable(message: impl ToString) -> Self {
        Self::new(Verdict::Unreachable, message_map(message))
    }

    /// Stopped before it did anything, for this reason.
    pub(crate) fn held(reason: &str) -> Self {
        Self { held: true, ..Self::failed(format!("not what was approved: {reason}")) }
    }

    /// Only acting would tell.
    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Unknown(reason.into()), Map::new())
    }

    /// Whether it is unknown what comes of it, but not that it changes nothing.
    pub(crate) fn changes_nothing(&self) -> bool {
        self.result.get("unknown_reason").and_then(Json::as_str) == Some(CHANGES_NOTHING)
    }

    /// A condition said no.
    pub(crate) fn skipped(reason: &str, condition: Option<Json>) -> Self {
        let mut result = Map::new();
        if let Some(condition) = condition {
            result.insert("false_condition".to_owned(), condition);
        }
        result.insert("skip_reason".to_owned(), Json::from(reason));
        Self::new(Verdict::Skipped, result)
    }

    pub(crate) fn from_finished(finished: Finished) -> Self {
        let verdict = match (finished.failed, finished.skipped, finished.changed) {
            (true, ..) => Verdict::Failed,
            (_, true, _) => Verdict::Skipped,
            (.., true) => Verdict::Changed,
            _ => Verdict::Ok,
        };
        Self {
            learnt: finished.learnt,
            verbose_always: finished.verbose_always,
            censored: finished.censored,
            values: finished.values,
            ..Self::new(verdict, finished.returned)
        }
    }

    pub(crate) fn from_reply(reply: ItemReply) -> Self {
        let spent = super::pool::of_reply(&reply);
        let verdict = match reply.status {
            // a module that found nothing to do and says so
            WireStatus::Ok if reply.returned.get("skipped") == Some(&Json::from(true)) => {
                Verdict::Skipped
            }
            WireStatus::Ok => Verdict::Ok,
            WireStatus::Changed => Verdict::Changed,
            WireStatus::Failed => Verdict::Failed,
            WireStatus::Unknown { reason } => Verdict::Unknown(reason),
            WireStatus::Refused => return Self::held("an item before it was stopped"),
        };
        let mut this = Self { of_module: true, ..Self::new(verdict, with_lines(reply.returned)) };
        this.unknown = reply.unknown;
        this.learn_facts();
        this.diffs = reply.diffs;
        this.effects = reply.effects;
        this.took = Duration::from_micros(reply.observe_micros + reply.apply_micros);
        this.spent = spent;
        this
    }

    /// Takes the facts of the result for the host's.
    pub(crate) fn learn_facts(&mut self) {
        if let Some(Json::Object(facts)) = self.result.get("ansible_facts") {
            let mut facts: IndexMap<String, Value> = facts
                .iter()
                .map(|(name, value)| (name.clone(), crate::template::from_json(value)))
                .collect();
            for (pointer, reason) in &self.unknown {
                let keys = pointer_keys(pointer);
                if let [top, name, inner @ ..] = keys.as_slice()
                    && top == "ansible_facts"
                    && let Some(fact) = facts.get_mut(name)
                {
                    *fact = with_unknown(fact, inner, reason);
                }
            }
            self.learnt.facts = Some(Facts::Gathered(facts));
        }
    }

    /// Sets the verdict and the fields that go with it.
    pub(crate) fn decide(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.mark();
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Json>) {
        self.result.insert(name.to_owned(), value.into());
    }

    fn mark(&mut self) {
        let verdict = self.verdict.clone();
        match &verdict {
            Verdict::Unknown(reason) => {
                self.set("unknown", true);
                self.set("unknown_reason", reason.as_str());
                return;
            }
            Verdict::Skipped => self.set("skipped", true),
            Verdict::Unreachable => self.set("unreachable", true),
            Verdict::Ok | Verdict::Changed | Verdict::Failed => {}
        }
        let changed = match verdict {
            Verdict::Changed => true,
            // a failure may come after a change
            Verdict::Failed => self.result.get("changed").and_then(Json::as_bool) == Some(true),
            _ => false,
        };
        self.set("changed", changed);
        if verdict != Verdict::Skipped && verdict != Verdict::Unreachable {
            self.set("failed", verdict == Verdict::Failed);
        }
    }

    /// The result with what Ansible adds to a failure: there is never a traceback.
    fn told(&self) -> Map<String, Json> {
        let mut told = self.result.clone();
        let labelled = |text: &str| !text.starts_with(crate::report::default::NO_LABEL);
        let is_labelled = told.get("msg").and_then(Json::as_str).is_none_or(labelled);
        if self.verdict == Verdict::Failed && is_labelled && !told.contains_key("results") {
            told.entry("exception").or_insert_with(|| Json::from(NO_TRACEBACK));
        }
        told
    }

    /// The same as a value, in which text of the user's is still known for it.
    fn told_value(&self) -> Value {
        let mut told = self.told();
        let known = self.values.iter().filter(|(name, _)| told.contains_key(name.as_str()));
        let known: Vec<(String, Value)> =
            known.map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, _) in &known {
            told.insert(name.clone(), Json::Null);
        }
        let told = crate::template::from_json(&Json::Object(told));
        let told = crate::template::with_entries(&told, known);
        self.unknown.iter().fold(told, |told, (pointer, reason)| {
            with_unknown(&told, &pointer_keys(pointer), reason)
        })
    }

    /// The value of `register` when the task is over.
    pub(crate) fn registered_alone(&mut self) -> Var {
        let called = self.result.shift_remove(invocation::FIELD);
        let registered = self.registered();
        if let Some(called) = called {
            self.set(invocation::FIELD, called);
        }
        registered
    }

    /// The value of `register` for the task's own conditions.
    pub(crate) fn registered(&self) -> Var {
        match &self.verdict {
            Verdict::Unknown(reason) => {
                let known = [("skipped".to_owned(), Var::Data(Value::from(false)))];
                Var::Unknown(IndexMap::from(known).into(), reason.as_str().into())
            }
            _ => Var::Data(self.told_value()),
        }
    }
}

/// The keys of a JSON pointer (RFC 6901).
fn pointer_keys(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
}

/// A value in which what these keys lead to is unknown.
fn with_unknown(value: &Value, keys: &[String], reason: &str) -> Value {
    let Some((key, inner)) = keys.split_first() else { return crate::vars::unknown(reason) };
    match value.get_item(&Value::from(key.as_str())) {
        Ok(entry) if !entry.is_undefined() => {
            let entry = with_unknown(&entry, inner, reason);
            crate::template::with_entries(value, vec![(key.clone(), entry)])
        }
        _ => value.clone(),
    }
}

fn is_told(verdict: &Verdict) -> bool {
    !matches!(verdict, Verdict::Unknown(_))
}

fn message_map(message: impl ToString) -> Map<String, Json> {
    let mut result = Map::new();
    result.insert("msg".to_owned(), Json::from(message.to_string()));
    result
}

/// The result of a loop from those of its items; whether it is registered, or its failure may be
/// asked for, so that text of the user's has to be known for it.
pub(crate) fn combine(items: Vec<TaskResult>, registers: bool) -> TaskResult {
    let has = |wanted: &Verdict| items.iter().any(|item| item.verdict == *wanted);
    let unknown = items.iter().find_map(|item| match &item.verdict {
        Verdict::Unknown(reason) => Some(reason.clone()),
        _ => None,
    });
    let changed =
        items.iter().any(|item| item.result.get("changed").and_then(Json::as_bool) == Some(true));
    let unreachable = has(&Verdict::Unreachable);
    let (verdict, message) = if has(&Verdict::Failed) {
        (Verdict::Failed, "One or more items failed")
    } else if unreachable {
        (Verdict::Unreachable, "All items completed")
    } else if let Some(reason) = unknown {
        (Verdict::Unknown(reason), "Some items are unknown before the run")
    } else if items.iter().all(|item| item.verdict == Verdict::Skipped) {
        (Verdict::Skipped, "All items skipped")
    } else if changed {
        (Verdict::Changed, "All items completed")
    } else {
        (Verdict::Ok, "All items completed")
    };
    let mut result = Map::new();
    result.insert("msg".to_owned(), Json::from(message));
    result.insert("changed".to_owned(), Json::from(changed));
    let results = items.iter().map(|item| Json::Object(item.told())).collect();
    result.insert("results".to_owned(), Json::Array(results));
    if unreachable {
        result.insert("unreachable".to_owned(), Json::from(true));
    }
    let mut total = TaskResult::new(verdict, result);
    // of the whole only what is so is said, but for that
    total.result.entry("skipped").or_insert_with(|| Json::from(false));
    if total.result.get("failed") == Some(&Json::from(false)) {
        total.result.shift_remove("failed");
    }
    let is_asked_for = registers || matches!(total.verdict, Verdict::Failed);
    if is_asked_for && items.iter().any(|item| !item.values.is_empty() && is_told(&item.verdict)) {
        let results: Vec<Value> = items.iter().map(TaskResult::told_value).collect();
        total.values.insert("results".to_owned(), Value::from(results));
    }
    let mut bad = items
        .iter()
        .filter(|item| matches!(item.verdict, Verdict::Failed | Verdict::Unreachable))
        .peekable();
    total.ignored = bad.peek().is_some() && bad.all(|item| item.ignored);
    for item in items {
        total.diffs.extend(item.diffs);
        total.effects.extend(item.effects);
        total.learnt.merge(item.learnt);
        total.took += item.took;
        total.spent += item.spent;
        total.verbose_always |= item.verbose_always;
        total.censored |= item.censored;
        total.held |= item.held;
        total.notifies.extend(item.notifies);
        total.includes.extend(item.includes);
        total.broken.extend(item.broken);
    }
    total
}
