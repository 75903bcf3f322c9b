//! What a batch tells the report: the heads of tasks, and results.

use std::time::SystemTime;

use crate::graph::{At, StepKind};
use crate::report::event::{Event, Level, RunMode, TaskHead};

use super::super::action::Meta;
use super::super::job::JobResult;
use super::super::keyword::KeywordReader;
use super::super::outcome::{TaskResult, Verdict};
use super::super::reported;
use super::super::settings::Profiling;
use super::Batch;

impl Batch<'_> {
    /// A host begins a step: its number in the report.
    pub(super) fn opened(&mut self, at: At, host: &str) -> usize {
        let id = self.head(at, host);
        let (now, host) = (SystemTime::now(), host.to_owned());
        self.play.run.tell(Event::HostStarted { at: now, task: id, host });
        id
    }

    /// The number of a step in the report; the first host of a batch opens it.
    pub(super) fn head(&mut self, at: At, host: &str) -> usize {
        if let Some(id) = self.heads.get(&at) {
            return *id;
        }
        let id = self.tally.next_task();
        self.heads.insert(at, id);
        let Some(found) = self.parts.step(at) else { return id };
        let task = &found.task.task;
        let name = task.name.as_ref().map(|name| {
            let scope = self.parts.scope(&self.play, host, at);
            match self.play.run.templar.node(name, &scope) {
                Ok(value) => value.to_string(),
                Err(_) => name.as_str().unwrap_or_default().to_owned(),
            }
        });
        let head = TaskHead {
            id,
            play: self.play.number,
            name: self.play.run.mask(&name.unwrap_or_else(|| task.action.described())),
            role: found.task.role.as_ref().map(|role| role.name.clone()),
            module: task.action.module.clone(),
            action: task.action.written.clone(),
            arguments: self.play.run.mask(&reported::arguments(&self.play.run, &found.task)),
            handler: matches!(found.kind, StepKind::Handler | StepKind::InHandler),
            check: self.rehearses(at, host),
            place: task.span.place(),
        };
        self.play.run.tell(Event::TaskStarted { task: head });
        id
    }

    /// Whether a step is to run in check mode.
    pub(super) fn rehearses(&self, at: At, host: &str) -> bool {
        let rehearsal = self.play.run.settings.mode == RunMode::Rehearsal;
        let Some(found) = self.parts.step(at) else { return rehearsal };
        let scope = self.parts.scope(&self.play, host, at);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let said = reader.boolean("check_mode", |level| level.check_mode.as_ref());
        said.ok().flatten().unwrap_or(rehearsal)
    }

    /// Tells the report and counts; a `meta` task has no result of its own.
    pub(super) fn report(&mut self, id: usize, at: At, name: &str, result: &JobResult) {
        if let Some(step) = self.parts.step(at)
            && let Some(meta) = Meta::of(&step.task.task)
            && matches!(result.total.verdict, Verdict::Ok | Verdict::Skipped)
        {
            self.report_meta(id, meta, at, name, result);
            return;
        }
        let mut outcome = reported::outcome(&self.play.run, &result.total, None);
        let waited = self.hosts.get_mut(name).map(|run| std::mem::take(&mut run.waited));
        if self.play.run.settings.profiling == Profiling::On {
            let mut spent = result.total.spent.in_all(result.total.took);
            spent += waited.unwrap_or_default();
            outcome.spent = Some(spent);
        }
        self.play.run.tell(Event::HostFinished {
            task: id,
            host: name.to_owned(),
            outcome: Box::new(outcome),
        });
        let changed = result.total.result.get("changed") == Some(&serde_json::Value::Bool(true));
        self.tally.count(name, &result.total.verdict, result.total.ignored, changed);
    }

    /// A `meta` task is told and not counted.
    pub(super) fn report_meta(
        &self,
        id: usize,
        meta: Meta,
        at: At,
        host: &str,
        result: &JobResult,
    ) {
        let step = self.parts.step(at);
        let role = step.and_then(|step| step.task.role.as_ref()).map(|role| role.name.as_str());
        let role = role.unwrap_or_default();
        if result.total.verdict == Verdict::Ok {
            let text = format!("META: {}", meta.told(host, role));
            self.play.run.notice(Level::Debug, text, None);
            return;
        }
        let reason = meta.told_skipped(host, role);
        self.play.run.notice(Level::Debug, format!("META: {reason}"), None);
        let mut total = TaskResult::skipped(&reason, None);
        total.set("msg", meta.word());
        let outcome = reported::outcome(&self.play.run, &total, None);
        self.play.run.tell(Event::HostFinished {
            task: id,
            host: host.to_owned(),
            outcome: Box::new(outcome),
        });
    }
}
