//! One batch of a play: hosts go through the steps as the edges of the graph allow.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::diagnostics::Diagnostic;
use crate::graph::{At, Fate, RoleUse, StepKind, StepTask, Steps, Trail};
use crate::playbook::Strategy;
use crate::report::event::{Event, Level, RunMode, TaskHead};
use crate::source::Kind;

use super::action::{Meta, bypasses_host_loop, keeps_host_order};
use super::context::{PlayContext, StepLayers, data};
use super::debugger::{self, Decision, Session};
use super::handlers::{Handlers, Notified};
use super::host_vars::{Facts, Learnt};
use super::included::Included;
use super::job::{Job, JobResult, blocking};
use super::keyword::KeywordReader;
use super::outcome::{TaskResult, Verdict};
use super::parts::{Key, Parts};
use super::prompts::Question;
use super::reported;
use super::settings::{Debugging, Gathering, Stepping};
use super::stepping::{self, Answer};
use super::tally::Tally;

mod fatal;

use fatal::{Answered, Went};

/// A batch at work.
pub(crate) struct Batch<'a> {
    play: Arc<PlayContext>,
    parts: Parts,
    strategy: Strategy,
    handlers: Handlers,
    hosts: IndexMap<String, HostRun>,
    /// Hosts that may begin their next step.
    ready: VecDeque<usize>,
    /// Hosts that wait for all others at a step.
    held: BTreeMap<Key, Vec<usize>>,
    /// How many hosts are at each step.
    positions: BTreeMap<Key, usize>,
    /// Hosts that have included something, and what, until all hosts at the step have.
    including: BTreeMap<Key, Vec<(usize, Vec<Included>)>>,
    /// Hosts that have done a step at which a failure is one of all hosts, until all at it have.
    answered: BTreeMap<Key, Vec<Answered>>,
    heads: HashMap<At, usize>,
    /// How many hosts are at work on each step.
    at_work: HashMap<At, u32>,
    running: JoinSet<(usize, At, JobResult)>,
    /// Steps that run once: all hosts that wait for the one that does it.
    once: HashMap<At, Vec<usize>>,
    tally: &'a mut Tally,
    cancel: CancellationToken,
    ended: bool,
    /// Whether someone is asked before each task.
    stepping: Stepping,
    debugging: Debugging,
    /// Tasks that the debugger changed and ran again, by step and host.
    redone: HashMap<(At, String), (Arc<StepTask>, Arc<StepLayers>)>,
    /// Why the run cannot go on.
    stopped: Vec<Diagnostic>,
}

/// How a batch ended.
pub(crate) enum BatchEnd {
    /// All hosts are through, or out.
    Done,
    /// The user interrupted it.
    Interrupted,
    /// Something is so wrong that the run ends.
    Stopped(Vec<Diagnostic>),
}

struct HostRun {
    trail: Trail,
    /// The first task of the play that it runs.
    start: usize,
    state: State,
    /// Names that were notified since handlers last ran.
    notifications: Vec<(String, Notified)>,
    /// Handlers that are to run now.
    notified: HashMap<usize, Notified>,
    /// Uses of roles of which a task has run.
    begun: HashSet<RoleUse>,
    /// Uses of roles that are done and do not run again.
    complete: HashSet<RoleUse>,
}

/// Whether the batch goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Onward {
    Next,
    /// Someone ended the run.
    Quit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    /// It failed; only its handlers are still run (`force_handlers`).
    Closing,
    /// It is through, or out.
    Over,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(
        play: Arc<PlayContext>,
        steps: Steps,
        strategy: Strategy,
        hosts: &[String],
        tally: &'a mut Tally,
        cancel: CancellationToken,
    ) -> Self {
        let mut handlers = Handlers::default();
        let scope = hosts.first().map(|host| play.host_scope(host)).unwrap_or_default();
        handlers.add(&steps.handlers, &play.run.templar, &scope);
        if strategy != Strategy::Linear {
            warn_of_run_once(&play, &steps);
        }
        let wanted = play.run.settings.start_at.as_ref().filter(|_| !tally.has_started());
        let start = wanted.map(|wanted| stepping::find(&steps, wanted));
        if matches!(start, Some(Some(_))) {
            tally.start();
        }
        let parts = Parts::new(&play, steps, strategy);
        let debugging = play.run.settings.behaviour.debugging;
        let host_runs = hosts
            .iter()
            .map(|host| {
                let run = HostRun {
                    trail: Trail::new(parts.steps()),
                    start: start.flatten().unwrap_or_default(),
                    // nothing of a play runs that has not the task to start at
                    state: if start == Some(None) { State::Over } else { State::Active },
                    notifications: Vec::new(),
                    notified: HashMap::new(),
                    begun: HashSet::new(),
                    complete: tally.complete_roles(host),
                };
                (host.clone(), run)
            })
            .collect();
        Self {
            parts,
            strategy,
            handlers,
            hosts: host_runs,
            ready: VecDeque::new(),
            held: BTreeMap::new(),
            positions: BTreeMap::new(),
            including: BTreeMap::new(),
            answered: BTreeMap::new(),
            heads: HashMap::new(),
            at_work: HashMap::new(),
            running: JoinSet::new(),
            once: HashMap::new(),
            tally,
            cancel,
            stepping: play.run.settings.stepping,
            redone: HashMap::new(),
            debugging: Debugging { enabled: debugging.enabled || play.play.debugs, ..debugging },
            play,
            ended: false,
            stopped: Vec::new(),
        }
    }

    /// Runs the batch to its end.
    pub(crate) async fn run(mut self) -> BatchEnd {
        for host in 0..self.hosts.len() {
            self.arrive(host);
        }
        loop {
            self.settle();
            self.include();
            if let Some(hosts) = self.released() {
                match self.is_wanted(&hosts).await {
                    true => self.release(hosts),
                    false => self.skip(&hosts),
                }
                // those that follow may be ready now
                continue;
            }
            self.start();
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    self.running.shutdown().await;
                    return BatchEnd::Interrupted;
                }
                done = self.running.join_next() => match done {
                    Some(Ok((host, at, result))) => {
                        if self.finished(host, at, result).await == Onward::Quit {
                            self.running.shutdown().await;
                            return BatchEnd::Interrupted;
                        }
                    }
                    Some(Err(error)) if error.is_panic() => {
                        std::panic::resume_unwind(error.into_panic())
                    }
                    Some(Err(_)) => {}
                    None if self.stopped.is_empty() => return BatchEnd::Done,
                    None => return BatchEnd::Stopped(self.stopped),
                },
            }
        }
    }

    /// A host stands before its next step: it passes what is not for it, and waits where the
    /// graph says so.
    fn arrive(&mut self, host: usize) {
        loop {
            let Some((_, run)) = self.hosts.get_index(host) else { return };
            let next = match run.state {
                State::Over => None,
                _ => run.trail.next(self.parts.steps()),
            };
            let Some((at, step)) = next.and_then(|at| Some((at, self.parts.step(at)?))) else {
                if let Some((_, run)) = self.hosts.get_index_mut(host) {
                    run.state = State::Over;
                }
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
            if self.parts.couples_hosts(at) {
                self.held.entry(key).or_default().push(host);
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
    fn past(&mut self, host: usize) -> Option<Fate> {
        let (_, run) = self.hosts.get_index_mut(host)?;
        run.trail.done(self.parts.steps())
    }

    fn over(&mut self, host: usize) {
        if let Some((_, run)) = self.hosts.get_index_mut(host) {
            run.state = State::Over;
        }
    }

    /// Whether a step is not for this host.
    fn passes(&mut self, host: usize, at: At) -> bool {
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
    fn flush(&mut self, host: usize, at: At) -> bool {
        let Some((_, run)) = self.hosts.get_index_mut(host) else { return false };
        for (name, reason) in std::mem::take(&mut run.notifications) {
            for number in self.handlers.reached(&name) {
                mark(&mut run.notified, number, &reason);
            }
        }
        if run.notified.is_empty() {
            return false;
        }
        let part = self.parts.handlers(&self.play, at, self.handlers.steps());
        let Some((_, run)) = self.hosts.get_index_mut(host) else { return false };
        run.trail.enter(VecDeque::from([part]), self.parts.steps());
        true
    }

    /// Whether a `gather_facts` with a template holds for this host.
    fn gathers_facts(&self, host: usize) -> bool {
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

    /// Hosts that waited for all others at a step, and need not any more.
    fn released(&mut self) -> Option<Vec<usize>> {
        let (first, _) = self.positions.first_key_value()?;
        let mut hosts = self.held.remove(&first.clone())?;
        hosts.sort_unstable();
        Some(hosts)
    }

    /// Whether a step is to be done, where someone is asked.
    async fn is_wanted(&mut self, hosts: &[usize]) -> bool {
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
    fn skip(&mut self, hosts: &[usize]) {
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
    fn release(&mut self, mut hosts: Vec<usize>) {
        if hosts.len() > 1
            && let Some(at) = self.next_of(&hosts)
            && self.runs_once(at, &hosts)
        {
            let rest = hosts.split_off(1);
            self.forget_handler(at, &rest);
            self.once.insert(at, rest);
        }
        self.ready.extend(hosts);
    }

    /// A handler that runs once has run for all hosts that notified it.
    fn forget_handler(&mut self, at: At, hosts: &[usize]) {
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

    fn next_of(&self, hosts: &[usize]) -> Option<At> {
        let (_, run) = self.hosts.get_index(*hosts.first()?)?;
        run.trail.next(self.parts.steps())
    }

    /// Brings the steps of what was included, where all hosts at the step have answered.
    fn include(&mut self) {
        let answered: Vec<Key> =
            self.including.keys().filter(|key| self.have_all_answered(key)).cloned().collect();
        for key in answered {
            let mut hosts = self.including.remove(&key).unwrap_or_default();
            hosts.sort_by_key(|(host, _)| *host);
            self.enter_included(hosts);
        }
    }

    fn enter_included(&mut self, hosts: Vec<(usize, Vec<Included>)>) {
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
            let part = match self.parts.include(&self.play, at, &included) {
                Ok(part) => part,
                Err(error) => {
                    self.stopped.push(Diagnostic::error(&error));
                    self.end();
                    return;
                }
            };
            self.add_handlers(part);
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
    fn add_handlers(&mut self, part: usize) {
        let Some(steps) = self.parts.steps().get(part).cloned() else { return };
        if !steps.handlers.is_empty() {
            let host = self.hosts.keys().next();
            let scope = host.map(|host| self.play.host_scope(host)).unwrap_or_default();
            self.handlers.add(&steps.handlers, &self.play.run.templar, &scope);
        }
        self.play.export(&steps.exported);
    }

    fn runs_once(&self, at: At, hosts: &[usize]) -> bool {
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

    /// Begins as many steps as the forks allow, and of a step as many as its `throttle` does.
    fn start(&mut self) {
        let mut throttled = Vec::new();
        while self.running.len() < self.play.run.settings.forks.get() {
            let Some(host) = self.ready.pop_front() else { break };
            if self.is_throttled(host) {
                throttled.push(host);
                continue;
            }
            let Some((name, run)) = self.hosts.get_index_mut(host) else { continue };
            let Some(at) = run.trail.next(self.parts.steps()) else { continue };
            let Some(found) = self.parts.step(at) else { continue };
            let Some(layers) = self.parts.layers(at) else { continue };
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
            let id = self.head(at, &name);
            self.play.run.tell(Event::HostStarted { task: id, host: name.clone() });
            let job =
                Job { play: Arc::clone(&self.play), layers, task, is_handler, host: name, id };
            self.begin(host, at, job, doubt);
        }
        for host in throttled.into_iter().rev() {
            self.ready.push_front(host);
        }
    }

    /// Begins a job, or tells why nobody knows whether it would run.
    fn begin(&mut self, host: usize, at: At, job: Job, doubt: Option<String>) {
        *self.at_work.entry(at).or_default() += 1;
        self.running.spawn(async move {
            let result = match doubt {
                Some(reason) => JobResult::unknown(reason),
                None => job.run().await,
            };
            (host, at, result)
        });
    }

    /// Whether as many hosts as `throttle` allows are at work on the next step of this one.
    fn is_throttled(&self, host: usize) -> bool {
        let Some((name, run)) = self.hosts.get_index(host) else { return false };
        let Some(at) = run.trail.next(self.parts.steps()) else { return false };
        let Some(found) = self.parts.step(at) else { return false };
        let at_work = self.at_work.get(&at).copied().unwrap_or_default();
        if at_work > 0 && keeps_host_order(&found.task.task) {
            return true;
        }
        if at_work == 0 || found.task.keywords.iter().all(|level| level.throttle.is_none()) {
            return false;
        }
        let scope = self.parts.scope(&self.play, name, at);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let limit = reader
            .nearest(|level| level.throttle.as_ref())
            .and_then(|node| reader.number("throttle", node).ok());
        // 0 and less mean no limit
        limit.is_some_and(|limit| limit > 0.0 && f64::from(at_work) >= limit)
    }

    /// The number of a step in the report; the first host of a batch opens it.
    fn head(&mut self, at: At, host: &str) -> usize {
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
    fn rehearses(&self, at: At, host: &str) -> bool {
        let rehearsal = self.play.run.settings.mode == RunMode::Rehearsal;
        let Some(found) = self.parts.step(at) else { return rehearsal };
        let scope = self.parts.scope(&self.play, host, at);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let said = reader.boolean("check_mode", |level| level.check_mode.as_ref());
        said.ok().flatten().unwrap_or(rehearsal)
    }

    /// Reports a result and lets someone look at it, then draws what follows from it.
    async fn finished(&mut self, host: usize, at: At, result: JobResult) -> Onward {
        if let Some(count) = self.at_work.get_mut(&at) {
            *count -= 1;
        }
        let id = self.heads.get(&at).copied().unwrap_or_default();
        let Some((name, _)) = self.hosts.get_index(host) else { return Onward::Next };
        let name = name.clone();
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
                let job = Job { play, layers, task, is_handler, host: name, id };
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
    async fn debugged(&self, at: At, host: &str, result: &TaskResult) -> Option<Decision> {
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
    fn conclude(&mut self, host: usize, at: At, id: usize, name: &str, result: JobResult) {
        if !result.total.censored {
            self.tally.stats.take(name, &result.total.result);
        }
        if !result.total.broken.is_empty() {
            self.stopped.extend(result.total.broken);
            self.end();
            return;
        }
        self.role_begins(host, at, &result.total.verdict);
        self.notify(host, at, &result);
        let others = self.once.remove(&at).unwrap_or_default();
        let all: Vec<usize> = std::iter::once(host).chain(others).collect();
        let learnt = result.total.learnt.clone();
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
                (true, true) => Went::Unreachable,
                (true, false) => Went::Failed,
                (false, _) => Went::Well,
            };
            Answered { host, at, id, went }
        });
        if !self.ended && self.is_fatal_for_all(at, name) {
            self.answered.entry(self.parts.key(at)).or_default().extend(answered);
            return;
        }
        answered.by_ref().for_each(|one| self.move_on(&one));
        if failed {
            self.stop_for_all(at, name);
        }
    }

    /// A role has begun when one of its tasks was not skipped.
    fn role_begins(&mut self, host: usize, at: At, verdict: &Verdict) {
        if matches!(verdict, Verdict::Skipped | Verdict::Unreachable) {
            return;
        }
        let role = self.parts.step(at).and_then(|step| step.task.role_use);
        if let (Some(role), Some((_, run))) = (role, self.hosts.get_index_mut(host)) {
            run.begun.insert(role);
        }
    }

    /// Tells the report and counts; a `meta` task has no result of its own.
    fn report(&mut self, id: usize, at: At, name: &str, result: &JobResult) {
        if let Some(step) = self.parts.step(at)
            && let Some(meta) = Meta::of(&step.task.task)
            && matches!(result.total.verdict, Verdict::Ok | Verdict::Skipped)
        {
            self.report_meta(id, meta, at, name, result);
            return;
        }
        let outcome = reported::outcome(&self.play.run, &result.total, None);
        self.play.run.tell(Event::HostFinished {
            task: id,
            host: name.to_owned(),
            outcome: Box::new(outcome),
        });
        let changed = result.total.result.get("changed") == Some(&serde_json::Value::Bool(true));
        self.tally.count(name, &result.total.verdict, result.total.ignored, changed);
    }

    /// A `meta` task is told and not counted.
    fn report_meta(&self, id: usize, meta: Meta, at: At, host: &str, result: &JobResult) {
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

    /// Takes a host past a step that it has done.
    fn move_on(&mut self, answered: &Answered) {
        let Answered { host, at, id, went } = *answered;
        self.leave(at);
        let ended = self.ended;
        let force = self.forces_handlers();
        let parts = self.parts.steps();
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return };
        if run.state == State::Over || ended {
            run.state = State::Over;
            return;
        }
        let root = run.trail.root_step(parts);
        let fate = match went {
            Went::Unreachable => {
                self.tally.lose(name);
                self.play.hosts_have_left(|host| self.tally.is_out(host));
                run.state = State::Over;
                return;
            }
            Went::Failed | Went::WithOthers => Some(run.trail.failed(parts)),
            Went::Well => run.trail.done(parts),
        };
        if went == Went::WithOthers {
            self.tally.fail(name);
            self.play.hosts_have_left(|host| self.tally.is_out(host));
        }
        match fate {
            Some(Fate::Rescued) if went == Went::WithOthers => {}
            Some(Fate::Rescued) => {
                self.tally.rescued(name);
                self.play.run.tell(Event::Rescued { host: name.clone(), task: id });
            }
            Some(Fate::Failed) => {
                self.tally.fail(name);
                self.play.hosts_have_left(|host| self.tally.is_out(host));
                run.state = if force { State::Closing } else { State::Over };
                run.trail.go_to(root.map_or(usize::MAX, |root| root + 1));
            }
            Some(Fate::Pending) | None => {}
        }
        self.arrive(host);
    }

    fn leave(&mut self, at: At) {
        let key = self.parts.key(at);
        if let Some(count) = self.positions.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.positions.remove(&key);
            }
        }
    }

    fn forces_handlers(&self) -> bool {
        let Some(node) = &self.play.play.force_handlers else {
            return self.play.run.settings.behaviour.force_handlers;
        };
        let scope = crate::vars::Scope::default();
        let reader = KeywordReader { templar: &self.play.run.templar, scope: &scope, levels: &[] };
        reader.boolean_node("force_handlers", node).unwrap_or(false)
    }

    /// Notes the handlers that the task notifies; while handlers run, they are told at once.
    fn notify(&mut self, host: usize, at: At, result: &JobResult) {
        let reason = match &result.total.verdict {
            Verdict::Changed => Notified::Changed,
            Verdict::Unknown(reason) => Notified::Unknown(reason.clone()),
            _ => return,
        };
        let Some(found) = self.parts.step(at) else { return };
        let notify = found.task.notify();
        if notify.is_empty() {
            return;
        }
        let in_handlers = matches!(found.kind, StepKind::Handler | StepKind::InHandler);
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return };
        let scope = self.parts.scope(&self.play, name, at);
        for node in notify {
            let topics = match self.play.run.templar.node(node, &scope) {
                Ok(value) => match value.kind() {
                    minijinja::value::ValueKind::Seq => value
                        .try_iter()
                        .map(|all| all.map(|one| one.to_string()).collect())
                        .unwrap_or_default(),
                    _ => vec![value.to_string()],
                },
                Err(error) => {
                    let place = Some(node.span.place());
                    self.play.run.notice(Level::Warning, error.to_string(), place);
                    continue;
                }
            };
            if !topics.is_empty() {
                for text in self.handlers.take_unusable() {
                    self.play.run.notice(Level::Warning, text, None);
                }
            }
            for topic in topics {
                let reached = self.handlers.reached(&topic);
                if reached.is_empty() {
                    let text = format!(
                        "The requested handler '{topic}' was not found in either the main \
                         handlers list nor in the listening handlers list"
                    );
                    self.play.run.notice(Level::Warning, text, Some(node.span.place()));
                } else if in_handlers {
                    for number in reached {
                        mark(&mut run.notified, number, &reason);
                    }
                } else {
                    run.notifications.push((topic, reason.clone()));
                }
            }
        }
    }

    /// Does what a `meta` task asks for; whether the hosts have moved on by it.
    fn act(&mut self, meta: Meta, at: At, hosts: &[usize]) -> bool {
        match meta {
            Meta::FlushHandlers => {
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

    /// Takes a host past all further steps of the role that it is in.
    fn end_role(&mut self, host: usize, at: At) {
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

    /// No host begins another step.
    fn end(&mut self) {
        self.ended = true;
        self.ready.clear();
        self.held.clear();
        self.positions.clear();
        self.including.clear();
        self.answered.clear();
        self.once.clear();
        for run in self.hosts.values_mut() {
            run.state = State::Over;
        }
    }

    /// `max_fail_percentage`.
    fn stop_for_all(&mut self, at: At, host: &str) {
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
            self.play.run.tell(Event::NoHostsLeft);
            self.end();
        }
    }
}

/// Only `linear` has a moment at which all hosts stand before the same step.
fn warn_of_run_once(play: &PlayContext, steps: &Steps) {
    for step in &steps.list {
        if step.task.keywords.iter().any(|level| level.run_once.is_some()) {
            let text = "`run_once` has no meaning without the `linear` strategy: the task runs on \
                        every host";
            play.run.notice(Level::Warning, text, Some(step.task.task.span.place()));
        }
    }
}

fn mark(notified: &mut HashMap<usize, Notified>, number: usize, reason: &Notified) {
    let slot = notified.entry(number).or_insert_with(|| reason.clone());
    if *reason == Notified::Changed {
        *slot = Notified::Changed;
    }
}

/// What a rescue can read of the failure: `ansible_failed_task` and `ansible_failed_result`.
fn failure(parts: &Parts, at: At, total: &TaskResult) -> Learnt {
    let mut learnt = Learnt::default();
    if let Some(found) = parts.step(at) {
        let task = &found.task.task;
        let name =
            task.name.as_ref().and_then(|name| name.as_str()).unwrap_or(&task.action.written);
        let task = Value::from_pairs([
            ("name", Value::from(name)),
            ("action", Value::from(task.action.written.as_str())),
        ]);
        learnt.set.insert("ansible_failed_task".to_owned(), data(task));
    }
    learnt.set.insert("ansible_failed_result".to_owned(), total.registered());
    learnt
}

impl JobResult {
    /// A handler of which nobody knows whether it would run.
    fn unknown(reason: String) -> Self {
        Self::from(TaskResult::unknown(format!("whether it is notified is unknown: {reason}")))
    }
}
