//! One batch of a play: hosts go through the steps as the edges of the graph allow.
//!
//! [`movement`] leads each host; [`release`], [`include`] and [`fatal`] join hosts where they wait
//! for each other; [`start`] begins jobs and [`conclude`] draws what follows from their results:
//! [`notify`] for handlers, [`meta`] for what a `meta` task asks. [`told`] speaks to the report.
//! [`ahead`] begins tasks before those before them are answered.

mod ahead;
mod conclude;
mod fatal;
mod include;
mod meta;
mod movement;
mod notify;
mod release;
mod start;
mod told;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::diagnostics::Diagnostic;
use crate::graph::{At, RoleUse, StepTask, Steps, Trail};
use crate::playbook::Strategy;
use crate::report::event::Level;
use crate::report::spent::Spent;

use super::context::{PlayContext, StepLayers};
use super::handlers::{Handlers, Notified};
use super::included::Included;
use super::job::JobResult;
use super::job::ahead::OnItsWay;
use super::outcome::TaskResult;
use super::parts::{Key, Parts};
use super::settings::{Debugging, Stepping};
use super::stepping;
use super::tally::Tally;

use ahead::Line;
use fatal::Answered;

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
    /// Jobs; what comes of one that was sent ahead in vain is nothing.
    running: JoinSet<(usize, At, Option<JobResult>)>,
    /// How many hosts are at work.
    busy: usize,
    /// The forks that they take, of those of the run.
    forks: Vec<OwnedSemaphorePermit>,
    /// Whether a host waits for one.
    wants_fork: bool,
    /// Tasks that others may follow, and how they are told of.
    on_its_way: (UnboundedSender<OnItsWay>, UnboundedReceiver<OnItsWay>),
    /// Steps that run once: all hosts that wait for the one that does it.
    once: HashMap<At, Vec<usize>>,
    tally: &'a mut Tally,
    cancel: CancellationToken,
    ended: bool,
    /// Whether hosts have left that others still count among those of the play.
    left: bool,
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
    /// What is under way behind the step at which it stands.
    line: Line,
    /// Since when it waits to go on.
    since: Instant,
    /// How long it has waited at the step at which it stands.
    waited: Spent,
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
        if matches!(strategy, Strategy::Free | Strategy::HostPinned) {
            warn_of_run_once(&play, &steps);
        }
        let wanted = play.run.settings.start_at.as_ref().filter(|_| !tally.has_started());
        let start = wanted.map(|wanted| stepping::find(&steps, wanted));
        if matches!(start, Some(Some(_))) {
            tally.start();
        }
        let parts = Parts::new(&play, steps, strategy, hosts);
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
                    line: Line::default(),
                    since: Instant::now(),
                    waited: Spent::default(),
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
            busy: 0,
            forks: Vec::new(),
            wants_fork: false,
            on_its_way: unbounded_channel(),
            once: HashMap::new(),
            tally,
            cancel,
            stepping: play.run.settings.stepping,
            redone: HashMap::new(),
            debugging: Debugging { enabled: debugging.enabled || play.play.debugs, ..debugging },
            play,
            ended: false,
            left: false,
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
            let released = self.released();
            self.tell_who_is_left(released.is_some());
            if let Some(hosts) = released {
                match self.is_wanted(&hosts).await {
                    true => self.release(hosts),
                    false => self.skip(&hosts),
                }
                // those that follow may be ready now
                continue;
            }
            self.start();
            let waits_for_fork = self.wants_fork && self.running.is_empty();
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    self.running.shutdown().await;
                    return BatchEnd::Interrupted;
                }
                () = self.play.run.halt.cancelled(), if !self.ended => self.end(),
                Some(last) = self.on_its_way.1.recv() => self.follow(last),
                Ok(fork) = Arc::clone(&self.play.run.forks).acquire_owned(), if self.wants_fork => {
                    self.forks.push(fork);
                }
                done = self.running.join_next(), if !waits_for_fork => match done {
                    Some(Ok((_, _, None))) => {}
                    Some(Ok((host, at, Some(result)))) => {
                        if self.finished(host, at, result).await == Onward::Quit {
                            self.running.shutdown().await;
                            return BatchEnd::Interrupted;
                        }
                        // whoever has waited longest for a fork has this one
                        self.forks.truncate(self.busy);
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
}

impl Batch<'_> {
    /// Which hosts are left is seen anew where hosts begin a step together: those that are at one
    /// step all see what its first has seen. Where there are no such steps, at once.
    fn tell_who_is_left(&mut self, between_steps: bool) {
        let steps =
            self.hosts.len() > 1 && matches!(self.strategy, Strategy::Linear | Strategy::Dag);
        if self.left && (between_steps || !steps) {
            self.play.hosts_have_left(|host| self.tally.is_out(host));
            self.left = false;
        }
    }
}

/// Without edges between hosts there is no moment at which all stand before the same step.
fn warn_of_run_once(play: &PlayContext, steps: &Steps) {
    for step in &steps.list {
        if step.task.keywords.iter().any(|level| level.run_once.is_some()) {
            let text = "`run_once` has no meaning without the `linear` strategy: the task runs on \
                        every host";
            play.run.notice(Level::Warning, text, Some(step.task.task.span.place()));
        }
    }
}

impl JobResult {
    /// A handler of which nobody knows whether it would run.
    fn unknown(reason: String) -> Self {
        Self::from(TaskResult::unknown(format!("whether it is notified is unknown: {reason}")))
    }
}
