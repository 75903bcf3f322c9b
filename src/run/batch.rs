//! One batch of a play: hosts go through the steps as the edges of the graph allow.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::graph::{Cursor, Fate, Order, StepKind};
use crate::playbook::Strategy;
use crate::report::event::{Event, Level, TaskHead};
use crate::source::Kind;

use super::action::{Meta, bypasses_host_loop, keeps_host_order};
use super::context::{PlayContext, data};
use super::handlers::{Handlers, Notified};
use super::host_vars::{Facts, Learnt};
use super::job::{Job, JobResult};
use super::keyword::KeywordReader;
use super::outcome::{TaskResult, Verdict};
use super::reported::{self, Circumstances};
use super::tally::Tally;

/// A batch at work.
pub(crate) struct Batch<'a> {
    play: Arc<PlayContext>,
    order: Order,
    strategy: Strategy,
    handlers: Handlers,
    hosts: IndexMap<String, HostRun>,
    /// Hosts that may begin their next step.
    ready: VecDeque<usize>,
    /// Hosts that wait for all others at a step.
    held: BTreeMap<usize, Vec<usize>>,
    /// How many hosts are at each step.
    positions: BTreeMap<usize, usize>,
    heads: HashMap<usize, usize>,
    /// How many hosts are at work on each step.
    at_work: HashMap<usize, u32>,
    running: JoinSet<(usize, usize, JobResult)>,
    /// Steps that run once: all hosts that wait for the one that does it.
    once: HashMap<usize, Vec<usize>>,
    tally: &'a mut Tally,
    cancel: CancellationToken,
    ended: bool,
}

struct HostRun {
    cursor: Cursor,
    state: State,
    notified: HashMap<usize, Notified>,
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
        strategy: Strategy,
        hosts: &[String],
        tally: &'a mut Tally,
        cancel: CancellationToken,
    ) -> Self {
        let scope = hosts.first().map(|host| play.host_scope(host)).unwrap_or_default();
        let handlers = Handlers::of(&play.steps, &play.run.templar, &scope);
        if strategy != Strategy::Linear {
            warn_of_run_once(&play);
        }
        let host_runs = hosts
            .iter()
            .map(|host| {
                let run = HostRun {
                    cursor: Cursor::new(&play.steps),
                    state: State::Active,
                    notified: HashMap::new(),
                };
                (host.clone(), run)
            })
            .collect();
        Self {
            order: Order::new(&play.steps, strategy),
            strategy,
            handlers,
            hosts: host_runs,
            ready: VecDeque::new(),
            held: BTreeMap::new(),
            positions: BTreeMap::new(),
            heads: HashMap::new(),
            at_work: HashMap::new(),
            running: JoinSet::new(),
            once: HashMap::new(),
            tally,
            cancel,
            play,
            ended: false,
        }
    }

    /// Runs the batch to its end; `false` when it was interrupted.
    pub(crate) async fn run(mut self) -> bool {
        for host in 0..self.hosts.len() {
            self.arrive(host);
        }
        loop {
            self.release();
            self.start();
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    self.running.shutdown().await;
                    return false;
                }
                done = self.running.join_next() => match done {
                    Some(Ok((host, step, result))) => self.finished(host, step, result),
                    Some(Err(error)) if error.is_panic() => {
                        std::panic::resume_unwind(error.into_panic())
                    }
                    Some(Err(_)) => {}
                    None => return true,
                },
            }
        }
    }

    /// A host stands before its next step: it passes what is not for it, and waits where the
    /// graph says so.
    fn arrive(&mut self, host: usize) {
        let at_facts = self.hosts.get_index(host).is_some_and(|(_, run)| {
            let next = run.cursor.next(&self.play.steps);
            let step = next.and_then(|next| self.play.steps.list.get(next));
            step.is_some_and(|step| step.kind == StepKind::Facts)
        });
        let gathers = at_facts && self.gathers_facts(host);
        let steps = &self.play.steps;
        let Some((_, run)) = self.hosts.get_index_mut(host) else { return };
        loop {
            let next = if run.state == State::Over { None } else { run.cursor.next(steps) };
            let Some(step) = next else {
                run.state = State::Over;
                return;
            };
            let Some(found) = steps.list.get(step) else { return };
            let passes = match found.kind {
                StepKind::Handler => self
                    .handlers
                    .number(&found.task)
                    .is_none_or(|number| !run.notified.contains_key(&number)),
                StepKind::Facts => run.state == State::Closing || !gathers,
                StepKind::Task => run.state == State::Closing,
            };
            if passes {
                // a pending failure can end here
                match run.cursor.done(steps) {
                    Some(Fate::Failed) => {
                        run.state = State::Over;
                        return;
                    }
                    _ => continue,
                }
            }
            *self.positions.entry(step).or_default() += 1;
            // no edge leads to the first step, but all hosts come to it together
            let first = step == 0 && self.strategy == Strategy::Linear;
            if first || self.order.couples_hosts(step) {
                self.held.entry(step).or_default().push(host);
            } else if self.strategy == Strategy::HostPinned && step > 0 {
                // it keeps the place among the forks that it has just left
                self.ready.push_front(host);
            } else {
                self.ready.push_back(host);
            }
            return;
        }
    }

    /// Whether a `gather_facts` with a template holds for this host.
    fn gathers_facts(&self, host: usize) -> bool {
        let Some(node) = &self.play.play.gather_facts else { return true };
        if let Kind::Bool(wanted) = node.kind {
            return wanted;
        }
        let Some((name, _)) = self.hosts.get_index(host) else { return true };
        let scope = self.play.host_scope(name);
        let reader = KeywordReader { templar: &self.play.run.templar, scope: &scope, levels: &[] };
        reader.boolean_node("gather_facts", node).unwrap_or(true)
    }

    /// Lets hosts go on that waited for all others.
    fn release(&mut self) {
        let Some((&first, _)) = self.positions.first_key_value() else { return };
        let Some(mut hosts) = self.held.remove(&first) else { return };
        hosts.sort_unstable();
        if hosts.len() > 1 && self.runs_once(first, &hosts) {
            let rest = hosts.split_off(1);
            self.once.insert(first, rest);
        }
        self.ready.extend(hosts);
    }

    fn runs_once(&self, step: usize, hosts: &[usize]) -> bool {
        let Some(found) = self.play.steps.list.get(step) else { return false };
        if found.kind == StepKind::Handler {
            return false;
        }
        if bypasses_host_loop(&found.task.task) {
            return true;
        }
        let Some((host, _)) = hosts.first().and_then(|host| self.hosts.get_index(*host)) else {
            return false;
        };
        let scope = self.play.step_scope(host, step);
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
            let Some(step) = run.cursor.next(&self.play.steps) else { continue };
            let Some(found) = self.play.steps.list.get(step) else { continue };
            let mut doubt = None;
            if found.kind == StepKind::Handler
                && let Some(number) = self.handlers.number(&found.task)
                && let Some(Notified::Unknown(reason)) = run.notified.remove(&number)
            {
                doubt = Some(reason);
            }
            let name = name.clone();
            let task = Arc::clone(&found.task);
            let id = self.head(step, &name);
            self.play.run.tell(Event::HostStarted { task: id, host: name.clone() });
            *self.at_work.entry(step).or_default() += 1;
            let job = Job { play: Arc::clone(&self.play), step, task, host: name, id };
            self.running.spawn(async move {
                let result = match doubt {
                    Some(reason) => JobResult::unknown(reason),
                    None => job.run().await,
                };
                (host, step, result)
            });
        }
        for host in throttled.into_iter().rev() {
            self.ready.push_front(host);
        }
    }

    /// Whether as many hosts as `throttle` allows are at work on the next step of this one.
    fn is_throttled(&self, host: usize) -> bool {
        let Some((name, run)) = self.hosts.get_index(host) else { return false };
        let Some(step) = run.cursor.next(&self.play.steps) else { return false };
        let Some(found) = self.play.steps.list.get(step) else { return false };
        let at_work = self.at_work.get(&step).copied().unwrap_or_default();
        if at_work > 0 && keeps_host_order(&found.task.task) {
            return true;
        }
        if at_work == 0 || found.task.keywords.iter().all(|level| level.throttle.is_none()) {
            return false;
        }
        let scope = self.play.step_scope(name, step);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let limit = reader
            .nearest(|level| level.throttle.as_ref())
            .and_then(|node| reader.number("throttle", node).ok());
        // 0 and less mean no limit
        limit.is_some_and(|limit| limit > 0.0 && f64::from(at_work) >= limit)
    }

    /// The number of a step in the report; the first host of a batch opens it.
    fn head(&mut self, step: usize, host: &str) -> usize {
        if let Some(id) = self.heads.get(&step) {
            return *id;
        }
        let id = self.tally.next_task();
        self.heads.insert(step, id);
        let Some(found) = self.play.steps.list.get(step) else { return id };
        let task = &found.task.task;
        let name = task.name.as_ref().map(|name| {
            let scope = self.play.step_scope(host, step);
            match self.play.run.templar.node(name, &scope) {
                Ok(value) => value.to_string(),
                Err(_) => name.as_str().unwrap_or_default().to_owned(),
            }
        });
        let head = TaskHead {
            id,
            play: self.play.number,
            name: self.play.run.mask(&name.unwrap_or_else(|| task.action.written.clone())),
            role: found.task.role.as_ref().map(|role| role.name.clone()),
            module: task.action.module.clone(),
            handler: found.kind == StepKind::Handler,
            place: task.span.place(),
        };
        self.play.run.tell(Event::TaskStarted { task: head });
        id
    }

    fn finished(&mut self, host: usize, step: usize, result: JobResult) {
        if let Some(count) = self.at_work.get_mut(&step) {
            *count -= 1;
        }
        let id = self.heads.get(&step).copied().unwrap_or_default();
        let Some((name, _)) = self.hosts.get_index(host) else { return };
        let name = name.clone();
        self.report(id, step, &name, &result);
        self.notify(host, step, &result);
        let others = self.once.remove(&step).unwrap_or_default();
        let all: Vec<usize> = std::iter::once(host).chain(others).collect();
        let mut learnt = result.total.learnt.clone();
        if let Some(other) = &result.facts_of {
            let facts = Learnt { facts: learnt.facts.take(), ..Learnt::default() };
            self.play.run.hosts.learn(other, &facts);
        }
        for host in &all {
            if let Some((name, _)) = self.hosts.get_index(*host) {
                self.play.run.hosts.learn(name, &learnt);
            }
        }
        if let Some(meta) = result.meta {
            self.act(meta, &name, &all);
        }
        let failed = match result.total.verdict {
            Verdict::Failed => !result.ignored,
            Verdict::Unreachable => !result.ignored,
            _ => false,
        };
        let unreachable = result.total.verdict == Verdict::Unreachable;
        if failed {
            let about = failure(&self.play, step, &result.total);
            for host in &all {
                if let Some((name, _)) = self.hosts.get_index(*host) {
                    self.play.run.hosts.learn(name, &about);
                }
            }
        }
        for (index, host) in all.into_iter().enumerate() {
            // those that waited for a `run_once` share its failure, not its connection
            self.move_on(host, step, failed, unreachable && index == 0, id);
        }
        if failed {
            self.stop_for_all(step, &name);
        }
    }

    /// Tells the report and counts; a `meta` task has no result of its own.
    fn report(&mut self, id: usize, step: usize, name: &str, result: &JobResult) {
        let module = self.play.steps.list.get(step).map(|found| &found.task.task.action.module);
        if module.is_some_and(|module| module == "ansible.builtin.meta")
            && result.total.verdict != Verdict::Failed
        {
            return;
        }
        let circumstances = Circumstances {
            delegated_to: result.delegated_to.clone(),
            censored: result.censored,
            ignored: result.ignored,
            item: None,
        };
        let outcome = reported::outcome(&self.play.run, &result.total, circumstances);
        self.play.run.tell(Event::HostFinished {
            task: id,
            host: name.to_owned(),
            outcome: Box::new(outcome),
        });
        self.tally.count(name, &result.total.verdict, result.ignored);
    }

    /// Takes a host past a step that it has done.
    fn move_on(&mut self, host: usize, step: usize, failed: bool, unreachable: bool, id: usize) {
        self.leave(step);
        let ended = self.ended;
        let force = self.forces_handlers();
        let steps = &self.play.steps;
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return };
        if run.state == State::Over || ended {
            run.state = State::Over;
            return;
        }
        let fate = match (unreachable, failed) {
            (true, true) => {
                self.tally.lose(name);
                run.state = State::Over;
                return;
            }
            (_, true) => Some(run.cursor.failed(steps)),
            _ => run.cursor.done(steps),
        };
        match fate {
            Some(Fate::Rescued) => {
                self.tally.rescued(name);
                self.play.run.tell(Event::Rescued { host: name.clone(), task: id });
            }
            Some(Fate::Failed) => {
                self.tally.fail(name);
                run.state = if force { State::Closing } else { State::Over };
                run.cursor.go_to(step + 1);
            }
            Some(Fate::Pending) | None => {}
        }
        self.arrive(host);
    }

    fn leave(&mut self, step: usize) {
        if let Some(count) = self.positions.get_mut(&step) {
            *count -= 1;
            if *count == 0 {
                self.positions.remove(&step);
            }
        }
    }

    fn forces_handlers(&self) -> bool {
        let Some(node) = &self.play.play.force_handlers else { return false };
        let scope = crate::vars::Scope::default();
        let reader = KeywordReader { templar: &self.play.run.templar, scope: &scope, levels: &[] };
        reader.boolean_node("force_handlers", node).unwrap_or(false)
    }

    /// Tells the handlers that the task notifies.
    fn notify(&mut self, host: usize, step: usize, result: &JobResult) {
        let reason = match &result.total.verdict {
            Verdict::Changed => Notified::Changed,
            Verdict::Unknown(reason) => Notified::Unknown(reason.clone()),
            _ => return,
        };
        let Some(found) = self.play.steps.list.get(step) else { return };
        let Some((name, run)) = self.hosts.get_index_mut(host) else { return };
        if found.task.task.notify.is_empty() {
            return;
        }
        let scope = self.play.step_scope(name, step);
        for node in &found.task.task.notify {
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
            for topic in topics {
                let reached = self.handlers.reached(&topic);
                if reached.is_empty() {
                    let text = format!(
                        "The requested handler '{topic}' was not found in either the main \
                         handlers list nor in the listening handlers list"
                    );
                    self.play.run.notice(Level::Warning, text, Some(node.span.place()));
                }
                for number in reached {
                    let slot = run.notified.entry(number).or_insert_with(|| reason.clone());
                    if reason == Notified::Changed {
                        *slot = Notified::Changed;
                    }
                }
            }
        }
    }

    fn act(&mut self, meta: Meta, host: &str, hosts: &[usize]) {
        match meta {
            Meta::FlushHandlers | Meta::Noop | Meta::RefreshInventory => {}
            Meta::EndHost => {
                for host in hosts {
                    if let Some((_, run)) = self.hosts.get_index_mut(*host) {
                        run.state = State::Over;
                    }
                }
            }
            Meta::EndPlay => {
                self.tally.end_play();
                self.end();
            }
            Meta::EndBatch => self.end(),
            Meta::ClearFacts => {
                let change = Learnt { facts: Some(Facts::Cleared), ..Learnt::default() };
                self.play.run.hosts.learn(host, &change);
            }
        }
    }

    /// No host begins another step.
    fn end(&mut self) {
        self.ended = true;
        self.ready.clear();
        self.held.clear();
        self.positions.clear();
        self.once.clear();
        for run in self.hosts.values_mut() {
            run.state = State::Over;
        }
    }

    /// `any_errors_fatal` and `max_fail_percentage`.
    fn stop_for_all(&mut self, step: usize, host: &str) {
        let Some(found) = self.play.steps.list.get(step) else { return };
        let scope = self.play.step_scope(host, step);
        let reader = KeywordReader::of(&self.play.run.templar, &scope, &found.task);
        let fatal = matches!(
            reader.boolean("any_errors_fatal", |level| level.any_errors_fatal.as_ref()),
            Ok(Some(true))
        );
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
        let too_many = limit.is_some_and(|limit| share(out) > limit);
        if (fatal && out > 0) || too_many {
            for host in self.hosts.keys() {
                self.tally.fail(host);
            }
            self.end();
        }
    }
}

/// Only `linear` has a moment at which all hosts stand before the same step.
fn warn_of_run_once(play: &PlayContext) {
    for step in &play.steps.list {
        if step.task.keywords.iter().any(|level| level.run_once.is_some()) {
            let text = "`run_once` has no meaning without the `linear` strategy: the task runs on \
                        every host";
            play.run.notice(Level::Warning, text, Some(step.task.task.span.place()));
        }
    }
}

/// What a rescue can read of the failure: `ansible_failed_task` and `ansible_failed_result`.
fn failure(play: &PlayContext, step: usize, total: &TaskResult) -> Learnt {
    let mut learnt = Learnt::default();
    if let Some(found) = play.steps.list.get(step) {
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
        Self {
            total: TaskResult::unknown(format!("whether it is notified is unknown: {reason}")),
            delegated_to: None,
            facts_of: None,
            censored: false,
            ignored: false,
            meta: None,
        }
    }
}
