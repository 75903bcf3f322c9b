//! What follows from a result.

use std::sync::Arc;

use minijinja::Value;

use crate::diagnostics::{Diagnostic, Severity};
use crate::graph::{At, StepKind};

use super::super::context::data;
use super::super::debugger::{self, Decision, Session};
use super::super::hold::OnDrift;
use super::super::host_vars::Learnt;
use super::super::job::{Job, JobResult, blocking};
use super::super::keyword::KeywordReader;
use super::super::outcome::{TaskResult, Verdict};
use super::super::parts::Parts;
use super::fatal::{Answered, Went};
use super::{Batch, Onward};

/// The number in the report of what was done in an earlier run: there is none.
pub(super) const REPLAYED: usize = usize::MAX;

impl Batch<'_> {
    /// Reports a result and lets someone look at it, then draws what follows from it.
    pub(super) async fn finished(&mut self, host: usize, at: At, result: JobResult) -> Onward {
        self.busy = self.busy.saturating_sub(1);
        if let Some(count) = self.at_work.get_mut(&at) {
            *count -= 1;
        }
        let Some((name, _)) = self.hosts.get_index(host) else { return Onward::Next };
        let name = name.clone();
        if result.replayed {
            self.conclude(host, at, REPLAYED, &name, result);
            return Onward::Next;
        }
        let id = self.heads.get(&at).copied().unwrap_or_default();
        if result.total.includes.is_empty() {
            self.report(id, at, &name, &result);
        }
        match self.debugged(at, &name, &result.total).await {
            Some(Decision::Redo(task, layers)) => {
                let total = &result.total;
                let changed = total.result.get("changed") == Some(&serde_json::Value::Bool(true));
                self.tally.uncount(&name, &total.verdict, total.ignored, changed);
                let kind = self.parts.step(at).map(|step| step.kind);
                let is_handler = matches!(kind, Some(StepKind::Handler | StepKind::InHandler));
                let again = (Arc::clone(&task), Arc::clone(&layers));
                self.redone.insert((at, name.clone()), again);
                let play = Arc::clone(&self.play);
                let job = Job { play, layers, task, is_handler, host: name, id, item: None };
                self.begin(host, at, job, None);
                Onward::Next
            }
            Some(Decision::Quit) => Onward::Quit,
            Some(Decision::Continue) | None => {
                self.conclude(host, at, id, &name, result);
                Onward::Next
            }
        }
    }

    /// Lets someone look at a task that ended in a way that asks for it.
    pub(super) async fn debugged(
        &self,
        at: At,
        host: &str,
        result: &TaskResult,
    ) -> Option<Decision> {
        let (step, layers) = (self.parts.step(at)?, self.parts.layers(at)?);
        let asks = self.debugging.enabled
            || step.task.keywords.iter().any(|level| level.debugger.is_some());
        if !asks || self.ended {
            return None;
        }
        let changed = self.redone.get(&(at, host.to_owned())).cloned();
        let (task, layers) = changed.unwrap_or_else(|| (Arc::clone(&step.task), layers));
        let scope = self.play.step_scope(host, &layers);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &task);
        if !debugger::opens(reader, self.debugging, result) {
            return None;
        }
        let session = Session::new(&self.play, host, &task, &layers, result);
        self.play.run.caught_up().await;
        let prompt = Arc::clone(&self.play.run.prompt);
        Some(blocking(move || session.talk(&prompt)).await)
    }

    /// What follows from a result.
    pub(super) fn conclude(
        &mut self,
        host: usize,
        at: At,
        id: usize,
        name: &str,
        result: JobResult,
    ) {
        if !result.total.censored {
            self.tally.stats.take(name, &result.total.result);
        }
        for warning in self.play.run.inventory.take_warnings() {
            self.play.run.remark(warning.message, None);
        }
        if !result.total.broken.is_empty() {
            self.stopped.extend(result.total.broken);
            self.tally.misread();
            self.end();
            return;
        }
        if let (Some(journal), Some(step)) = (&self.play.run.journal, self.step_id(at)) {
            journal.note(name, step, &result.total, &self.play.run.secrets());
        }
        self.role_begins(host, at, &result.total.verdict);
        self.notify(host, at, &result);
        let others = self.once.remove(&at).unwrap_or_default();
        let all: Vec<usize> = std::iter::once(host).chain(others).collect();
        let learnt = result.total.learnt.clone();
        self.parts.learn(&learnt.included);
        for (other, learnt) in &learnt.elsewhere {
            self.play.run.hosts.learn(other, learnt);
        }
        for host in &all {
            if let Some((name, _)) = self.hosts.get_index(*host) {
                self.play.run.hosts.learn(name, &learnt);
            }
        }
        let failed = match result.total.verdict {
            Verdict::Failed | Verdict::Unreachable => !result.total.ignored,
            _ => false,
        };
        let unreachable = result.total.verdict == Verdict::Unreachable;
        let held = result.total.held;
        if held && self.play.run.on_drift() == OnDrift::StopRun {
            let text = format!("the run is stopped: `{name}` is not what was approved");
            self.stopped
                .push(Diagnostic { severity: Severity::Error, ..Diagnostic::warning(text, None) });
            self.tally.hold(name);
            self.tally.drift();
            self.end();
            return;
        }
        if failed {
            let about = failure(&self.parts, at, &result.total);
            for host in &all {
                if let Some((name, _)) = self.hosts.get_index(*host) {
                    self.play.run.hosts.learn(name, &about);
                }
            }
        }
        if !failed && !result.total.includes.is_empty() && !self.ended {
            let mut includes = Some(result.total.includes);
            let slot = self.including.entry(self.parts.key(at)).or_default();
            // those that waited for a `run_once` include nothing
            slot.extend(all.into_iter().map(|host| (host, includes.take().unwrap_or_default())));
            return;
        }
        if let Some(meta) = result.meta
            && self.act(meta, at, &all)
        {
            return;
        }
        let mut answered = all.into_iter().enumerate().map(|(index, host)| {
            // those that waited for a `run_once` share its failure, not its connection
            let went = match (failed, unreachable && index == 0) {
                _ if held => Went::Held,
                (true, true) => Went::Unreachable,
                (true, false) => Went::Failed,
                (false, _) => Went::Well,
            };
            Answered { host, at, id, went }
        });
        if !self.ended && self.waits_for_all(at, name) {
            self.answered.entry(self.parts.key(at)).or_default().extend(answered);
            return;
        }
        answered.by_ref().for_each(|one| self.move_on(&one));
        if failed {
            self.stop_for_all(at, name);
        }
    }

    /// A role has begun when one of its tasks was not skipped.
    pub(super) fn role_begins(&mut self, host: usize, at: At, verdict: &Verdict) {
        if matches!(verdict, Verdict::Skipped | Verdict::Unreachable) {
            return;
        }
        let role = self.parts.step(at).and_then(|step| step.task.role_use);
        if let (Some(role), Some((_, run))) = (role, self.hosts.get_index_mut(host)) {
            run.begun.insert(role);
        }
    }
}

/// What a rescue can read of the failure: `ansible_failed_task` and `ansible_failed_result`.
fn failure(parts: &Parts, at: At, total: &TaskResult) -> Learnt {
    let mut learnt = Learnt::default();
    if let Some(found) = parts.step(at) {
        let task = &found.task.task;
        let name = task.name.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
        let task = Value::from_pairs([
            ("name", Value::from(name)),
            ("action", Value::from(task.action.written.as_str())),
        ]);
        learnt.set.insert("ansible_failed_task".to_owned(), data(task));
    }
    learnt.set.insert("ansible_failed_result".to_owned(), total.registered());
    learnt
}
