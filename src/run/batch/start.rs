//! Begins steps, as many as the forks and `throttle` allow.

use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::graph::{At, StepKind};

use super::super::action::keeps_host_order;
use super::super::handlers::Notified;
use super::super::hold::StepId;
use super::super::job::{Job, JobResult};
use super::super::keyword::{KeywordError, KeywordReader};
use super::Batch;

impl Batch<'_> {
    /// Begins as many steps as the forks allow, and of a step as many as its `throttle` does.
    pub(super) fn start(&mut self) {
        let mut throttled = Vec::new();
        self.wants_fork = false;
        while let Some(host) = self.ready.pop_front() {
            if !self.has_fork() {
                self.wants_fork = true;
                self.ready.push_front(host);
                break;
            }
            match self.is_throttled(host) {
                Ok(false) => {}
                Ok(true) => {
                    throttled.push(host);
                    continue;
                }
                Err(error) => return self.stop(Diagnostic::error(&error)),
            }
            let Some((name, run)) = self.hosts.get_index_mut(host) else { continue };
            let Some(at) = run.trail.next(self.parts.steps()) else { continue };
            let Some(found) = self.parts.step(at) else { continue };
            let Some(layers) = self.parts.layers(at) else { continue };
            run.waited.queue += run.since.elapsed().as_secs_f64();
            let mut doubt = None;
            if found.kind == StepKind::Handler
                && let Some(number) = self.handlers.number(&found.task)
                && let Some(Notified::Unknown(reason)) = run.notified.remove(&number)
            {
                doubt = Some(reason);
            }
            let name = name.clone();
            let task = Arc::clone(&found.task);
            let is_handler = matches!(found.kind, StepKind::Handler | StepKind::InHandler);
            if let Some(replayed) = self.replayed(at, &name) {
                *self.at_work.entry(at).or_default() += 1;
                self.busy += 1;
                self.running.spawn(async move { (host, at, Some(replayed)) });
                continue;
            }
            let goes_ahead = self.parts.step(at).is_some_and(|step| self.may_go_ahead(step));
            let id = self.opened(at, &name);
            let play = Arc::clone(&self.play);
            let job = Job { play, layers, task, is_handler, host: name, id, item: None };
            match goes_ahead {
                true => self.begin_line(host, at, job),
                false => self.begin(host, at, job, doubt),
            }
        }
        for host in throttled.into_iter().rev() {
            self.ready.push_front(host);
        }
        // another play may have what is left
        self.forks.truncate(self.busy);
    }

    /// Whether one more host may be at work.
    fn has_fork(&mut self) -> bool {
        if self.busy < self.forks.len() {
            return true;
        }
        let fork = Arc::clone(&self.play.run.forks).try_acquire_owned();
        fork.is_ok_and(|fork| {
            self.forks.push(fork);
            true
        })
    }

    /// Which step of the run this is; the same in every run of the same files.
    pub(super) fn step_id(&self, at: At) -> Option<StepId> {
        let step = self.parts.step(at)?;
        let is_handler = matches!(step.kind, StepKind::Handler | StepKind::InHandler);
        Some(StepId::of(self.play.number, &step.task, is_handler))
    }

    /// What an earlier run has done at this step; what is done once counts for all hosts.
    fn replayed(&self, at: At, host: &str) -> Option<JobResult> {
        let journal = self.play.run.journal.as_ref()?;
        let entry = journal.stands_at(host, self.step_id(at)?);
        let others = self.once.contains_key(&at).then(|| self.hosts.keys().map(String::as_str));
        let total = std::iter::once(host)
            .chain(others.into_iter().flatten())
            .find_map(|host| journal.replayed(host, &entry))?;
        Some(JobResult { replayed: true, ..JobResult::from(total) })
    }

    /// Begins a job, or tells why nobody knows whether it would run.
    pub(super) fn begin(&mut self, host: usize, at: At, job: Job, doubt: Option<String>) {
        *self.at_work.entry(at).or_default() += 1;
        self.busy += 1;
        self.running.spawn(async move {
            let result = match doubt {
                Some(reason) => {
                    let result = JobResult::unknown(reason);
                    job.note_unknown(None, &result.total);
                    result
                }
                None => job.run().await,
            };
            (host, at, Some(result))
        });
    }

    /// Whether as many hosts as `throttle` allows are at work on the next step of this one.
    pub(super) fn is_throttled(&self, host: usize) -> Result<bool, KeywordError> {
        let Some((name, run)) = self.hosts.get_index(host) else { return Ok(false) };
        let Some(at) = run.trail.next(self.parts.steps()) else { return Ok(false) };
        let Some(found) = self.parts.step(at) else { return Ok(false) };
        let at_work = self.at_work.get(&at).copied().unwrap_or_default();
        if at_work > 0 && keeps_host_order(&found.task.task) {
            return Ok(true);
        }
        if found.task.keywords.iter().all(|level| level.throttle.is_none()) {
            return Ok(false);
        }
        let scope = self.parts.scope(&self.play, name, at);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let Some(limit) = reader.nearest(|level| level.throttle.as_ref()) else { return Ok(false) };
        // 0 and less mean no limit
        let limit = reader.integer("throttle", limit)?;
        Ok(limit > 0 && i64::from(at_work) >= limit)
    }
}
