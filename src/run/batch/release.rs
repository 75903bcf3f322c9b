//! Hosts that waited for all others at a step, and go on.

use std::time::Instant;

use crate::diagnostics::Diagnostic;
use crate::graph::{At, Fate};

use super::super::action::{Meta, bypasses_host_loop};
use super::super::debugger;
use super::super::keyword::KeywordReader;
use super::super::prompts::Question;
use super::super::settings::Stepping;
use super::super::shard;
use super::super::stepping::Answer;
use super::Batch;

impl Batch<'_> {
    /// Whether a step is to be done, where someone is asked.
    pub(super) async fn is_wanted(&mut self, hosts: &[usize]) -> bool {
        if self.stepping == Stepping::Straight {
            return true;
        }
        let Some(step) = self.next_of(hosts).and_then(|at| self.parts.step(at)) else {
            return true;
        };
        if Meta::of(&step.task.task).is_some() {
            return true;
        }
        let task = debugger::title(&step.task);
        let text = format!("Perform task: {task} (N)o/(y)es/(c)ontinue: ");
        let line = self.play.run.asked(Question { text, private: false }).await;
        match Answer::of(&line.unwrap_or_default()) {
            Answer::No => false,
            Answer::Yes => true,
            Answer::Continue => {
                self.stepping = Stepping::Straight;
                true
            }
        }
    }

    /// Takes hosts past a step that nobody wants.
    pub(super) fn skip(&mut self, hosts: &[usize]) {
        let Some(at) = self.next_of(hosts) else { return };
        for host in hosts {
            self.leave(at);
            if self.past(*host) == Some(Fate::Failed) {
                self.over(*host);
            }
            self.arrive(*host);
        }
    }

    /// Lets hosts go on that waited for all others.
    pub(super) fn release(&mut self, mut hosts: Vec<usize>) {
        if self.play.run.settings.shard.is_some()
            && let Some(found) = self.next_of(&hosts).and_then(|at| self.parts.step(at))
            && let Some(error) = shard::once(&found.task)
        {
            return self.stop(Diagnostic::error(&error));
        }
        if hosts.len() > 1
            && let Some(at) = self.next_of(&hosts)
            && self.runs_once(at, &hosts)
        {
            let rest = hosts.split_off(1);
            self.forget_handler(at, &rest);
            self.once.insert(at, rest);
        }
        let now = Instant::now();
        for host in &hosts {
            if let Some((_, run)) = self.hosts.get_index_mut(*host) {
                run.waited.barrier += (now - run.since).as_secs_f64();
                run.since = now;
            }
        }
        self.ready.extend(hosts);
    }

    /// A handler that runs once has run for all hosts that notified it.
    pub(super) fn forget_handler(&mut self, at: At, hosts: &[usize]) {
        let Some(number) = self.parts.step(at).and_then(|step| self.handlers.number(&step.task))
        else {
            return;
        };
        for host in hosts {
            if let Some((_, run)) = self.hosts.get_index_mut(*host) {
                run.notified.remove(&number);
            }
        }
    }

    pub(super) fn runs_once(&self, at: At, hosts: &[usize]) -> bool {
        let Some(found) = self.parts.step(at) else { return false };
        if Meta::of(&found.task.task).is_some_and(Meta::is_for_all) {
            return true;
        }
        if bypasses_host_loop(&found.task.task) {
            return true;
        }
        let Some((host, _)) = hosts.first().and_then(|host| self.hosts.get_index(*host)) else {
            return false;
        };
        let scope = self.parts.scope(&self.play, host, at);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        matches!(reader.boolean("run_once", |level| level.run_once.as_ref()), Ok(Some(true)))
    }
}
