//! Which tasks of a host may be sent before those before them are answered (`strategy: dag`).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use canvass_modules::wire::Streaming;
use tokio::sync::oneshot;

use crate::graph::{At, RoleUse, Step, StepKind, StepTask, Trail};
use crate::playbook::{Keywords, Strategy};
use crate::report::event::RunMode;
use crate::source::{Kind, Node};

use super::super::action;
use super::super::job::Job;
use super::super::job::ahead::{OnItsWay, Start, UnderWay};
use super::super::settings::Stepping;
use super::{Batch, State};

/// How many tasks of a host may be under way.
const LONGEST_LINE: usize = 32;

/// The tasks of a host that are under way, and not yet its turn.
#[derive(Debug, Default)]
pub(super) struct Line {
    planned: VecDeque<Planned>,
    /// Where the last of them stands.
    front: Option<Trail>,
    /// Uses of roles of which the end was passed.
    ended: HashSet<RoleUse>,
    /// Whether one of them may notify handlers.
    notifies: bool,
}

#[derive(Debug)]
struct Planned {
    at: At,
    turn: oneshot::Sender<usize>,
}

impl Line {
    /// A line that begins with the step at which a host stands.
    fn begun(trail: &Trail, task: &StepTask) -> Self {
        Self { front: Some(trail.clone()), notifies: !task.notify().is_empty(), ..Self::default() }
    }
}

impl Batch<'_> {
    /// Begins a task that is not to be redone, and that others may follow.
    pub(super) fn begin_line(&mut self, host: usize, at: At, job: Job) {
        let (turn, given) = oneshot::channel();
        // the job is there to hear it
        let _ = turn.send(job.id);
        if let Some((_, run)) = self.hosts.get_index_mut(host) {
            run.line = Line::begun(&run.trail, &job.task);
        }
        *self.at_work.entry(at).or_default() += 1;
        self.busy += 1;
        self.go_ahead(host, at, job, None, given);
    }

    fn go_ahead(
        &mut self,
        host: usize,
        at: At,
        job: Job,
        under_way: Option<UnderWay>,
        turn: oneshot::Receiver<usize>,
    ) {
        let told = may_be_followed(&job.task).then(|| self.on_its_way.0.clone());
        let start = Start { host, at, under_way, told, turn };
        self.running.spawn(async move { (host, at, Box::pin(job.run_ahead(start)).await) });
    }

    /// A task is under way: the next one may follow it.
    pub(super) fn follow(&mut self, last: OnItsWay) {
        let OnItsWay { host, at, under_way } = last;
        let Some((trail, next)) = self.next_ahead(host, at) else { return };
        let (Some(found), Some(layers)) = (self.parts.step(next), self.parts.layers(next)) else {
            return;
        };
        let task = Arc::clone(&found.task);
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return };
        let (turn, given) = oneshot::channel();
        run.line.planned.push_back(Planned { at: next, turn });
        run.line.front = Some(trail);
        run.line.notifies |= !task.notify().is_empty();
        let play = Arc::clone(&self.play);
        let host_name = name.clone();
        let job = Job { play, layers, task, is_handler: false, host: host_name, id: 0, item: None };
        self.go_ahead(host, next, job, Some(under_way), given);
    }

    /// The step behind the last of a host's line, if it may go ahead; what is not for the host is
    /// passed, as far as that is known by now.
    fn next_ahead(&mut self, host: usize, last: At) -> Option<(Trail, At)> {
        let parts = self.parts.steps();
        let (_, run) = self.hosts.get_index(host)?;
        let mut trail = run.line.front.clone()?;
        let stands = trail.next(parts) == Some(last);
        if run.state != State::Active || run.line.planned.len() >= LONGEST_LINE || !stands {
            return None;
        }
        let mut ended = run.line.ended.clone();
        loop {
            if trail.done(parts).is_some() {
                return None;
            }
            let at = trail.next(parts)?;
            let step = self.parts.step(at)?;
            let role = step.task.role_use;
            match step.kind {
                StepKind::RoleEnd => ended.extend(role),
                StepKind::Flush => {
                    let quiet = run.notifications.is_empty() && run.notified.is_empty();
                    if run.line.notifies || !quiet {
                        return None;
                    }
                }
                StepKind::Task => {
                    if role.is_some_and(|role| run.complete.contains(&role)) {
                        continue;
                    }
                    // whether the role runs again is known when its first use is over
                    let open = role.is_some_and(|role| ended.contains(&role));
                    let gate = self.parts.gate(at);
                    if open
                        || gate.is_some_and(|gate| !self.is_open(&gate))
                        || !self.may_go_ahead(step)
                    {
                        return None;
                    }
                    let (_, run) = self.hosts.get_index_mut(host)?;
                    run.line.ended = ended;
                    return Some((trail, at));
                }
                StepKind::Facts | StepKind::Handler | StepKind::InHandler => return None,
            }
        }
    }

    /// The host stands at a step: whether it is under way already, which then is its turn.
    pub(super) fn takes_turn(&mut self, host: usize, at: At) -> bool {
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return false };
        let Some(planned) = run.line.planned.pop_front().filter(|planned| planned.at == at) else {
            run.line = Line::default();
            return false;
        };
        let name = name.clone();
        *self.at_work.entry(at).or_default() += 1;
        self.busy += 1;
        let id = self.opened(at, &name);
        // it waits for it
        let _ = planned.turn.send(id);
        true
    }

    /// What was sent ahead for a host has no meaning any more.
    pub(super) fn break_line(&mut self, host: usize) {
        if let Some((_, run)) = self.hosts.get_index_mut(host) {
            run.line = Line::default();
        }
    }

    /// Whether a step is of the kind that can be done before its turn.
    pub(super) fn may_go_ahead(&self, step: &Step) -> bool {
        let settings = &self.play.run.settings;
        self.strategy == Strategy::Dag
            && step.kind == StepKind::Task
            && settings.mode == RunMode::Apply
            // what a plan holds is agreed with before it is done
            && self.play.run.keeper.is_none()
            // what an earlier run has done is not done again
            && !self.play.run.journal.as_ref().is_some_and(|journal| journal.goes_on())
            && !self.debugging.enabled
            && self.stepping == Stepping::Straight
            // what commands print is told while it is their turn
            && settings.streaming == Streaming::Off
            && is_plain(&step.task)
    }
}

/// Whether a task is one message, or none.
fn is_plain(step: &StepTask) -> bool {
    let task = &step.task;
    let module = task.action.module.as_str();
    let on_host = canvass_modules::registry::find(module).is_some();
    let here = matches!(
        module,
        "ansible.builtin.assert"
            | "ansible.builtin.copy"
            | "ansible.builtin.debug"
            | "ansible.builtin.package"
            | "ansible.builtin.script"
            | "ansible.builtin.set_fact"
            | "ansible.builtin.template"
            | "ansible.builtin.unarchive"
    );
    let retried = task.until.is_some() || task.retries.is_some();
    let detached = task.r#async.is_some() || task.action.template.is_some();
    let own = task.action.own.is_some();
    (here || (on_host && action::find(module).is_none()))
        && !action::returns_facts(module)
        && !own
        && !retried
        && !detached
        && !says(step, |level| level.delegate_to.as_ref())
        && !says(step, |level| level.throttle.as_ref())
        && !says(step, |level| level.ignore_unreachable.as_ref())
        && !says(step, |level| level.debugger.as_ref())
}

/// Whether the runner knows, when it has done a task, how the task went: nothing is judged here.
fn may_be_followed(step: &StepTask) -> bool {
    let task = &step.task;
    let known = |conditions: &Vec<Node>| {
        conditions.iter().all(|condition| matches!(condition.kind, Kind::Bool(_)))
    };
    task.changed_when.as_ref().is_none_or(known)
        && task.failed_when.is_none()
        && !says(step, |level| level.ignore_errors.as_ref())
}

/// Whether a keyword is there, and not plainly `false`.
fn says(step: &StepTask, pick: fn(&Keywords) -> Option<&Node>) -> bool {
    let node = step.keywords.iter().find_map(|level| pick(level));
    node.is_some_and(|node| !matches!(node.kind, Kind::Bool(false) | Kind::Null))
}
