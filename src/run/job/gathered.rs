//! `gather_facts`: what several modules found, as one result.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use tokio::task::JoinSet;

use super::{Job, Setting};
use crate::report::event::ErrorCause;
use crate::run::action::{FactCalls, Finished, SETUP_ITSELF, Turns};
use crate::run::outcome::{NO_TRACEBACK, TaskResult, Verdict};

/// The action.
const GATHER_FACTS: &str = "ansible.builtin.gather_facts";

impl Job {
    /// Calls the modules, and puts together what they found.
    pub(super) async fn gathered(&self, setting: &Arc<Setting>, facts: FactCalls) -> TaskResult {
        let (names, calls): (Vec<_>, Vec<_>) = facts.calls.into_iter().unzip();
        let mut found: Vec<(usize, TaskResult)> = Vec::new();
        let mut working = JoinSet::new();
        for (index, call) in calls.into_iter().enumerate() {
            let (job, setting) = (self.clone(), Arc::clone(setting));
            let work = async move {
                let results = job.remote(&setting, vec![call]).await;
                let nothing = || TaskResult::failed("the host gave no answer");
                (index, results.into_iter().next().unwrap_or_else(nothing))
            };
            working.spawn(work);
            if facts.turns == Turns::InTurn {
                found.extend(working.join_next().await.and_then(Result::ok));
            }
        }
        while let Some(result) = working.join_next().await {
            found.extend(result.ok());
        }
        let mut total = Gathered::default();
        for (index, result) in found {
            if matches!(result.verdict, Verdict::Unreachable | Verdict::Unknown(_)) || result.held {
                return result;
            }
            total.add(names.get(index).cloned().unwrap_or_default(), result);
        }
        total.result(names.len(), facts.warnings)
    }

    /// The result of `setup` where nobody asked for another module.
    pub(super) fn of_fact_module(&self, result: TaskResult) -> TaskResult {
        let failed = result.verdict == Verdict::Failed && result.of_module && !result.held;
        if !failed || self.task.task.action.module != GATHER_FACTS {
            return result;
        }
        let mut total = Gathered::default();
        total.add(SETUP_ITSELF.to_owned(), result);
        total.result(1, Vec::new())
    }
}

/// What the modules have found so far.
#[derive(Default)]
struct Gathered {
    facts: Map<String, Json>,
    notes: Map<String, Json>,
    failed: Map<String, Json>,
    skipped: Map<String, Json>,
    whole: Option<TaskResult>,
}

impl Gathered {
    fn add(&mut self, name: String, mut result: TaskResult) {
        let mut told = std::mem::take(&mut result.result);
        match result.verdict {
            Verdict::Failed => {
                told.insert("failed".to_owned(), json!(true));
                told.entry("exception").or_insert_with(|| json!(NO_TRACEBACK));
                told.shift_remove("changed");
                self.failed.insert(name, Json::Object(told));
            }
            Verdict::Skipped => {
                self.skipped.insert(name, Json::Object(told));
            }
            _ => {
                if let Some(Json::Object(facts)) = told.shift_remove("ansible_facts") {
                    merge(&mut self.facts, facts);
                }
                for note in ["warnings", "deprecations"] {
                    if let Some(more) = told.shift_remove(note) {
                        merge(&mut self.notes, Map::from_iter([(note.to_owned(), more)]));
                    }
                }
            }
        }
        match &mut self.whole {
            None => self.whole = Some(result),
            Some(whole) => {
                whole.learnt.merge(result.learnt);
                whole.unknown.extend(result.unknown);
                whole.effects.extend(result.effects);
                whole.diffs.extend(result.diffs);
                whole.spent += result.spent;
            }
        }
    }

    fn result(self, asked: usize, warnings: Vec<String>) -> TaskResult {
        let mut returned = self.notes;
        if !warnings.is_empty() {
            let warnings = json!(warnings);
            merge(&mut returned, Map::from_iter([("warnings".to_owned(), warnings)]));
        }
        returned.insert("ansible_facts".to_owned(), Json::Object(self.facts));
        let names = |modules: &Map<String, Json>| {
            modules.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let all_skipped = !self.skipped.is_empty() && self.skipped.len() == asked;
        if !self.skipped.is_empty() {
            let message = format!("The following modules were skipped: {}.", names(&self.skipped));
            returned.insert("msg".to_owned(), Json::from(message));
            returned.insert("skipped_modules".to_owned(), Json::Object(self.skipped));
        }
        let mut causes = Vec::new();
        let failed = !self.failed.is_empty();
        if failed {
            let message =
                format!("The following modules failed to execute: {}.", names(&self.failed));
            causes.push(ErrorCause::new(message.clone(), None));
            for module in self.failed.values() {
                let message = module.get("msg").and_then(Json::as_str).unwrap_or_default();
                causes.push(ErrorCause::new(message, None));
            }
            returned.insert("msg".to_owned(), Json::from(message));
            returned.insert("failed_modules".to_owned(), Json::Object(self.failed));
        }
        let finished = Finished { returned, failed, skipped: all_skipped, ..Finished::default() };
        let mut total = TaskResult::from_finished(finished);
        if let Some(whole) = self.whole {
            (total.effects, total.diffs) = (whole.effects, whole.diffs);
            (total.spent, total.took) = (whole.spent, whole.took);
            total.unknown = whole.unknown;
            if !failed {
                total.learnt = whole.learnt;
                total.learn_facts();
            }
        }
        total.causes = causes;
        total
    }
}

/// Puts more into a mapping: mappings of one name become one, lists are put together without
/// what both have.
fn merge(into: &mut Map<String, Json>, more: Map<String, Json>) {
    for (name, value) in more {
        match (into.get_mut(&name), value) {
            (Some(Json::Object(known)), Json::Object(value)) => merge(known, value),
            (Some(Json::Array(known)), Json::Array(value)) => {
                known.retain(|element| !value.contains(element));
                known.extend(value);
            }
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}
