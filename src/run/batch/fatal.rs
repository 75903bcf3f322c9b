//! `any_errors_fatal` and `max_fail_percentage`: what failures mean for the others.
//!
//! With `any_errors_fatal` a failure on one host is one on all hosts of the batch.
//!
//! All hosts end the step first; then those on which it did not fail go the way of a failure too:
//! to the `rescue` or `always` of the block, or out of the play. They stay out of later plays even
//! where a `rescue` takes over, as in Ansible.

use crate::graph::At;
use crate::playbook::Strategy;
use crate::report::event::Event;

use super::super::keyword::KeywordReader;
use super::super::parts::Key;
use super::{Batch, State};

/// How a step went on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    Well,
    Failed,
    Unreachable,
    /// It was stopped because it is not what was approved.
    Held,
    /// It failed on another host, and that is fatal for all.
    WithOthers,
}

/// A host that has done a step and not gone past it yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub(super) host: usize,
    pub(super) at: At,
    /// The step's number in the report.
    pub(super) id: usize,
    pub(super) went: Went,
}

impl Batch<'_> {
    /// Whether a failure at this step is one of all hosts; `free` and `host_pinned` do not know
    /// when all have ended a step.
    pub(super) fn is_fatal_for_all(&self, at: At, host: &str) -> bool {
        let Some(found) = self.parts.step(at) else { return false };
        let general = self.play.run.settings.behaviour.any_errors_fatal;
        let said = found.task.keywords.iter().any(|level| level.any_errors_fatal.is_some());
        let goes_alone = matches!(self.strategy, Strategy::Free | Strategy::HostPinned);
        if goes_alone || !(general || said) {
            return false;
        }
        let scope = self.parts.scope(&self.play, host, at);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let fatal = reader.boolean("any_errors_fatal", |level| level.any_errors_fatal.as_ref());
        fatal.unwrap_or_default().unwrap_or(general)
    }

    /// Whether what a failure at this step means is known when all hosts have ended it.
    pub(super) fn waits_for_all(&self, at: At, host: &str) -> bool {
        let goes_alone = matches!(self.strategy, Strategy::Free | Strategy::HostPinned);
        let limited = self.play.play.max_fail_percentage.is_some() && !goes_alone;
        limited || self.is_fatal_for_all(at, host)
    }

    /// Whether all hosts at a step have done it.
    pub(super) fn have_all_answered(&self, key: &Key) -> bool {
        let including = self.including.get(key).map_or(0, Vec::len);
        let answered = self.answered.get(key).map_or(0, Vec::len);
        self.positions.get(key).is_none_or(|all| *all == including + answered)
    }

    /// Takes hosts past the steps at which all have answered.
    pub(super) fn settle(&mut self) {
        let done: Vec<Key> =
            self.answered.keys().filter(|key| self.have_all_answered(key)).cloned().collect();
        for key in done {
            let mut answered = self.answered.remove(&key).unwrap_or_default();
            let failed =
                |one: &&Answered| matches!(one.went, Went::Failed | Went::Unreachable | Went::Held);
            let failure = answered.iter().find(failed).copied();
            let name = |one: Answered| self.hosts.get_index(one.host).map(|(name, _)| name.clone());
            let fatal = failure.filter(|failure| {
                name(*failure).is_some_and(|name| self.is_fatal_for_all(failure.at, &name))
            });
            if let Some(failure) = fatal {
                for one in answered.iter_mut().filter(|one| one.went == Went::Well) {
                    one.went = Went::WithOthers;
                }
                answered.extend(self.recalled(&key, failure));
            }
            answered.sort_by_key(|one| one.host);
            for one in &answered {
                self.move_on(one);
            }
            if let Some(failure) = failure
                && let Some((name, _)) = self.hosts.get_index(failure.host)
            {
                let name = name.clone();
                self.stop_for_all(failure.at, &name);
            }
        }
    }

    /// The hosts that a failure finds elsewhere: those that were to include something, and those
    /// that wait for the others further on.
    fn recalled(&mut self, key: &Key, failure: Answered) -> Vec<Answered> {
        let including = self.including.remove(key).unwrap_or_default();
        let mut hosts: Vec<usize> = including.into_iter().map(|(host, _)| host).collect();
        hosts.extend(std::mem::take(&mut self.held).into_values().flatten());
        let next = |host: usize| {
            let (_, run) = self.hosts.get_index(host)?;
            let at = run.trail.next(self.parts.steps())?;
            (run.state != State::Over).then_some(at)
        };
        hosts
            .into_iter()
            .filter_map(|host| Some((host, next(host)?)))
            .map(|(host, at)| Answered { host, at, went: Went::WithOthers, ..failure })
            .collect()
    }

    /// `max_fail_percentage`.
    pub(super) fn stop_for_all(&mut self, at: At, host: &str) {
        if self.ended || self.play.play.max_fail_percentage.is_none() {
            return;
        }
        let Some(found) = self.parts.step(at) else { return };
        let scope = self.parts.scope(&self.play, host, at);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let out = self.hosts.keys().filter(|host| self.tally.is_out(host)).count();
        let limit = self
            .play
            .play
            .max_fail_percentage
            .as_ref()
            .and_then(|node| reader.number("max_fail_percentage", node).ok());
        let share = |out: usize| {
            let percent = u32::try_from(out * 100).map_or(f64::MAX, f64::from);
            percent / u32::try_from(self.hosts.len().max(1)).map_or(f64::MAX, f64::from)
        };
        if limit.is_some_and(|limit| share(out) > limit) {
            for host in self.hosts.keys() {
                self.tally.fail(host);
            }
            // once for the limit, and once because nobody is left
            self.play.run.tell(Event::NoHostsLeft);
            self.play.run.tell(Event::NoHostsLeft);
            self.end();
        }
    }
}
