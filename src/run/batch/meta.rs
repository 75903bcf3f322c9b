//! What a `meta` task does to the batch.

use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::graph::{At, StepKind};

use super::super::action::Meta;
use super::super::host_vars::{Facts, Learnt};
use super::Batch;

impl Batch<'_> {
    /// Does what a `meta` task asks for; whether the hosts have moved on by it.
    pub(super) fn act(&mut self, meta: Meta, at: At, hosts: &[usize]) -> bool {
        match meta {
            Meta::FlushHandlers => {
                if let Some(step) = self.parts.step(at)
                    && matches!(step.kind, StepKind::Handler | StepKind::InHandler)
                {
                    let text = "flush_handlers cannot be used as a handler";
                    let span = Some(step.task.task.span.clone());
                    self.stop(Diagnostic { span, ..Diagnostic::failure(text) });
                    return true;
                }
                for host in hosts {
                    self.leave(at);
                    if !self.flush(*host, at) {
                        self.past(*host);
                    }
                    self.arrive(*host);
                }
                return true;
            }
            Meta::Noop | Meta::RefreshInventory | Meta::ResetConnection => {}
            Meta::EndHost => {
                for host in hosts {
                    self.over(*host);
                }
            }
            Meta::EndRole => {
                if let Some(text) = self.step_without_role(at) {
                    let span = self.parts.step(at).map(|step| step.task.task.span.clone());
                    self.stop(Diagnostic { span, ..Diagnostic::failure(text) });
                    return true;
                }
                for host in hosts {
                    self.leave(at);
                    self.end_role(*host, at);
                    self.arrive(*host);
                }
                return true;
            }
            Meta::EndPlay => {
                self.tally.end_play();
                self.end();
            }
            Meta::EndBatch => self.end(),
            Meta::ClearFacts => {
                let change = Learnt { facts: Some(Facts::Cleared), ..Learnt::default() };
                for host in self.hosts.keys() {
                    self.play.run.hosts.learn(host, &change);
                }
            }
            Meta::ClearHostErrors => {
                self.tally.forgive(self.hosts.keys());
                self.play.hosts_have_left(|host| self.tally.is_out(host));
                for run in self.hosts.values_mut() {
                    run.trail.forgive();
                }
            }
        }
        false
    }

    /// Why a role cannot be ended at a step.
    fn step_without_role(&self, at: At) -> Option<&'static str> {
        let step = self.parts.step(at)?;
        if matches!(step.kind, StepKind::Handler | StepKind::InHandler) {
            return Some("Cannot execute 'end_role' from a handler");
        }
        step.task.role.is_none().then_some("Cannot execute 'end_role' from outside of a role")
    }

    /// Takes a host past all further steps of the role that it is in.
    pub(super) fn end_role(&mut self, host: usize, at: At) {
        let Some(role) = self.parts.step(at).and_then(|step| step.task.role.clone()) else {
            self.past(host);
            return;
        };
        loop {
            self.past(host);
            let next = self
                .hosts
                .get_index(host)
                .and_then(|(_, run)| self.parts.step(run.trail.next(self.parts.steps())?));
            let stays = next.is_some_and(|step| {
                step.kind != StepKind::RoleEnd
                    && step.task.role.as_ref().is_some_and(|other| Arc::ptr_eq(other, &role))
            });
            if !stays {
                return;
            }
        }
    }
}
