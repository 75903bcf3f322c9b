//! What tasks included: more steps, once all hosts at the task have answered.

use std::collections::{HashMap, VecDeque};

use crate::diagnostics::Diagnostic;
use crate::graph::Fate;
use crate::playbook::Strategy;
use crate::report::event::Event;

use super::super::included::Included;
use super::super::outcome::Verdict;
use super::super::parts::Key;
use super::{Batch, State};

impl Batch<'_> {
    /// Brings the steps of what was included, where all hosts at the step have answered.
    pub(super) fn include(&mut self) {
        let first = self.positions.first_key_value().map(|(key, _)| key.clone());
        let is_due = |(key, hosts): &(&Key, &Vec<(usize, Vec<Included>)>)| {
            // what a role gives to the whole play is not there before all hosts have come
            let for_all = || hosts.iter().flat_map(|(_, all)| all).any(Included::gives_to_play);
            self.have_all_answered(key)
                && (self.strategy != Strategy::Dag || first.as_ref() == Some(*key) || !for_all())
        };
        let answered: Vec<Key> =
            self.including.iter().filter(is_due).map(|(key, _)| key.clone()).collect();
        for key in answered {
            let mut hosts = self.including.remove(&key).unwrap_or_default();
            hosts.sort_by_key(|(host, _)| *host);
            self.enter_included(hosts);
        }
    }

    pub(super) fn enter_included(&mut self, hosts: Vec<(usize, Vec<Included>)>) {
        let all: Vec<usize> = hosts.iter().map(|(host, _)| *host).collect();
        let Some(at) = self.next_of(&all) else { return };
        // what several hosts include is one part, in the order in which it was first included
        let mut parts: Vec<(Included, Vec<usize>)> = Vec::new();
        for (host, included) in hosts {
            for one in included {
                match parts
                    .iter_mut()
                    .find(|(other, at)| other.is_same(&one) && !at.contains(&host))
                {
                    Some((_, hosts)) => hosts.push(host),
                    None => parts.push((one, vec![host])),
                }
            }
        }
        let mut entered: HashMap<usize, VecDeque<usize>> = HashMap::new();
        let id = self.heads.get(&at).copied().unwrap_or_default();
        for (included, hosts) in parts {
            let inside: VecDeque<usize> =
                hosts.iter().filter_map(|host| entered.get(host)).flatten().copied().collect();
            let (part, new) = match self.parts.include(&self.play, at, &included, &inside) {
                Ok(brought) => brought,
                Err(error) => {
                    self.stopped.push(Diagnostic::error(&error));
                    self.end();
                    return;
                }
            };
            if new {
                self.add_handlers(part);
            }
            let mut names = Vec::new();
            for host in hosts {
                entered.entry(host).or_default().push_back(part);
                if let Some((name, _)) = self.hosts.get_index(host) {
                    self.tally.count(name, &Verdict::Ok, false, false);
                    names.push(name.clone());
                }
            }
            self.play.run.tell(Event::Included {
                task: id,
                name: self.play.run.mask(&included.name()),
                hosts: names,
                item: included.label.clone(),
            });
        }
        for host in all {
            self.leave(at);
            let parts = entered.remove(&host).unwrap_or_default();
            let Some((_, run)) = self.hosts.get_index_mut(host) else { continue };
            let fate = run.trail.enter(parts, self.parts.steps());
            if fate == Some(Fate::Failed) {
                run.state = State::Over;
            }
            self.arrive(host);
        }
    }

    /// Handlers and variables that a part brings to the play.
    pub(super) fn add_handlers(&mut self, part: usize) {
        let Some(steps) = self.parts.steps().get(part).cloned() else { return };
        if !steps.handlers.is_empty() {
            let host = self.hosts.keys().next();
            let scope = host.map(|host| self.play.host_scope(host)).unwrap_or_default();
            self.handlers.add(&steps.handlers, &self.play.run.templar, &scope);
        }
        self.play.export(&steps.exported);
    }
}
