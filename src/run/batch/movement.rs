//! Where hosts go: past what is not for them, to where they wait, on from what they have done.

use std::collections::VecDeque;
use std::time::Instant;

use crate::diagnostics::Diagnostic;
use crate::graph::{At, Fate, StepKind};
use crate::playbook::Strategy;
use crate::report::event::Event;
use crate::source::Kind;

use super::super::keyword::KeywordReader;
use super::super::parts::Key;
use super::super::settings::Gathering;
use super::ahead::Line;
use super::conclude::REPLAYED;
use super::fatal::{Answered, Went};
use super::notify::mark;
use super::{Batch, State};
use crate::report::event::Level;

impl Batch<'_> {
    /// A host stands before its next step: it passes what is not for it, and waits where the
    /// graph says so.
    pub(super) fn arrive(&mut self, host: usize) {
        loop {
            let Some((_, run)) = self.hosts.get_index(host) else { return };
            let next = match run.state {
                State::Over => None,
                _ => run.trail.next(self.parts.steps()),
            };
            let Some((at, step)) = next.and_then(|at| Some((at, self.parts.step(at)?))) else {
                self.over(host);
                return;
            };
            if step.kind == StepKind::Flush && self.flush(host, at) {
                continue;
            }
            if self.passes(host, at) {
                if self.past(host) == Some(Fate::Failed) {
                    self.over(host);
                    return;
                }
                continue;
            }
            let key = self.parts.key(at);
            *self.positions.entry(key.clone()).or_default() += 1;
            if let Some((_, run)) = self.hosts.get_index_mut(host) {
                run.since = Instant::now();
            }
            let gate = self.parts.gate(at);
            if gate.is_some_and(|gate| gate == key || !self.is_open(&gate)) {
                self.break_line(host);
                self.held.entry(key).or_default().push(host);
            } else if self.takes_turn(host, at) {
                // it is under way already
            } else if self.strategy == Strategy::HostPinned && at != (At { part: 0, step: 0 }) {
                // it keeps the place among the forks that it has just left
                self.ready.push_front(host);
            } else {
                self.ready.push_back(host);
            }
            return;
        }
    }

    /// Goes past a step without doing it.
    pub(super) fn past(&mut self, host: usize) -> Option<Fate> {
        let (_, run) = self.hosts.get_index_mut(host)?;
        run.trail.done(self.parts.steps())
    }

    pub(super) fn over(&mut self, host: usize) {
        if let Some((_, run)) = self.hosts.get_index_mut(host) {
            run.state = State::Over;
            run.line = Line::default();
        }
    }

    /// Whether a step is not for this host.
    pub(super) fn passes(&mut self, host: usize, at: At) -> bool {
        let Some(step) = self.parts.step(at) else { return true };
        let gathers = step.kind != StepKind::Facts || self.gathers_facts(host);
        let number = self.handlers.number(&step.task);
        let role_use = step.task.role_use;
        let kind = step.kind;
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return true };
        match kind {
            StepKind::Handler => number.is_none_or(|number| !run.notified.contains_key(&number)),
            StepKind::InHandler => false,
            StepKind::Facts => run.state == State::Closing || !gathers,
            StepKind::Task => {
                (at.part == 0 && at.step < run.start)
                    || run.state == State::Closing
                    || role_use.is_some_and(|role| run.complete.contains(&role))
            }
            StepKind::Flush => true,
            StepKind::RoleEnd => {
                if let Some(role) = role_use
                    && run.begun.contains(&role)
                    && run.complete.insert(role)
                {
                    self.tally.role_is_complete(name, role);
                }
                true
            }
        }
    }

    /// Lets the notified handlers of a host run at this step; whether there are any.
    pub(super) fn flush(&mut self, host: usize, at: At) -> bool {
        let Some((_, run)) = self.hosts.get_index_mut(host) else { return false };
        for (name, reason) in std::mem::take(&mut run.notifications) {
            for number in self.handlers.reached(&name) {
                mark(&mut run.notified, number, &reason);
            }
        }
        if run.notified.is_empty() {
            return false;
        }
        if crate::settings::current().boolean("DEFAULT_DEBUG") {
            let (name, _) = self.hosts.get_index(host).unzip();
            let name = name.map(String::as_str).unwrap_or_default();
            let text = format!("META: triggered running handlers for {name}");
            self.play.run.notice(Level::Info, text, None);
        }
        let part = self.parts.handlers(&self.play, at, self.handlers.steps());
        let Some((_, run)) = self.hosts.get_index_mut(host) else { return false };
        run.trail.enter(VecDeque::from([part]), self.parts.steps());
        true
    }

    /// Whether a `gather_facts` with a template holds for this host.
    pub(super) fn gathers_facts(&self, host: usize) -> bool {
        let gathering = self.play.run.settings.gathering;
        let Some((name, _)) = self.hosts.get_index(host) else { return true };
        if gathering == Gathering::Smart && self.play.run.hosts.of(name).are_facts_gathered() {
            return false;
        }
        let Some(node) = &self.play.play.gather_facts else {
            return gathering != Gathering::Explicit;
        };
        if let Kind::Bool(wanted) = node.kind {
            return wanted;
        }
        let scope = self.play.host_scope(name);
        let reader = KeywordReader { templar: &self.play.run.templar, scope: &scope, levels: &[] };
        reader.boolean_node("gather_facts", node).unwrap_or(true)
    }

    pub(super) fn next_of(&self, hosts: &[usize]) -> Option<At> {
        let (_, run) = self.hosts.get_index(*hosts.first()?)?;
        run.trail.next(self.parts.steps())
    }

    /// Whether all hosts have come to a place; once they have, they stay behind it.
    pub(super) fn is_open(&self, gate: &Key) -> bool {
        self.positions.first_key_value().is_none_or(|(first, _)| first >= gate)
    }

    /// Hosts that waited for all others at a step, and need not any more.
    pub(super) fn released(&mut self) -> Option<Vec<usize>> {
        let free = |hosts: &Vec<usize>| {
            let gate = self.next_of(hosts).and_then(|at| self.parts.gate(at));
            gate.is_none_or(|gate| self.is_open(&gate))
        };
        let place = self.held.iter().find(|(_, hosts)| free(hosts)).map(|(key, _)| key.clone())?;
        let mut hosts = self.held.remove(&place)?;
        hosts.sort_unstable();
        Some(hosts)
    }

    /// Takes a host past a step that it has done.
    pub(super) fn move_on(&mut self, answered: &Answered) {
        let Answered { host, at, id, went } = *answered;
        self.leave(at);
        if went != Went::Well {
            self.break_line(host);
        }
        let ended = self.ended;
        let force = self.forces_handlers();
        let parts = self.parts.steps();
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return };
        if run.state == State::Over || ended {
            run.state = State::Over;
            return;
        }
        let root = run.trail.root_step(parts);
        let step = root.and_then(|root| parts.first()?.list.get(root));
        let flushes = step.is_some_and(|step| step.kind == StepKind::Flush);
        let fate = match went {
            Went::Unreachable => {
                self.tally.lose(name);
                self.left = true;
                run.state = State::Over;
                return;
            }
            Went::Held => {
                self.tally.hold(name);
                self.left = true;
                run.state = State::Over;
                return;
            }
            Went::Failed | Went::WithOthers => Some(run.trail.failed(parts)),
            Went::Well => run.trail.done(parts),
        };
        let journal = self.play.run.journal.as_ref();
        if went == Went::WithOthers {
            if let Some(journal) = journal {
                journal.failed(name);
            }
            self.tally.fail(name);
            self.left = true;
        }
        if let (Some(journal), Some(Fate::Rescued)) = (journal, &fate) {
            journal.rescued(name);
        }
        match fate {
            Some(Fate::Rescued) if went == Went::WithOthers || id == REPLAYED => {}
            Some(Fate::Rescued) => {
                self.tally.rescued(name);
                self.play.run.tell(Event::Rescued { host: name.clone(), task: id });
            }
            Some(Fate::Failed) => {
                self.tally.fail(name);
                self.left = true;
                // what fails in the handlers behind a part of the play leaves the play
                let closes = force && !flushes;
                run.state = if closes { State::Closing } else { State::Over };
                run.trail.go_to(root.map_or(usize::MAX, |root| root + 1));
            }
            Some(Fate::Pending) | None => {}
        }
        self.arrive(host);
    }

    pub(super) fn leave(&mut self, at: At) {
        let key = self.parts.key(at);
        if let Some(count) = self.positions.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.positions.remove(&key);
            }
        }
    }

    pub(super) fn forces_handlers(&self) -> bool {
        let Some(node) = &self.play.play.force_handlers else {
            return self.play.run.settings.behaviour.force_handlers;
        };
        let scope = crate::vars::Scope::default();
        let reader = KeywordReader { templar: &self.play.run.templar, scope: &scope, levels: &[] };
        reader.boolean_node("force_handlers", node).unwrap_or(false)
    }

    /// The whole run ends here.
    pub(super) fn stop(&mut self, why: Diagnostic) {
        self.stopped.push(why);
        self.end();
    }

    /// No host begins another step.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.ready.clear();
        self.held.clear();
        self.positions.clear();
        self.including.clear();
        self.answered.clear();
        self.once.clear();
        for run in self.hosts.values_mut() {
            run.state = State::Over;
            run.line = Line::default();
        }
    }
}
