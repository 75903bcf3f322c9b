//! What `run` tells `report`: typed events, in order.
//!
//! Everything in an event is already masked: no consumer sees a secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use canvass_modules::diff::Diff;
use canvass_modules::wire::{EffectRecord, StdStream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::source::Place;

use super::moment;
use super::spent::Spent;

/// Name and version of the form of the events as JSON lines.
pub const SCHEMA: &str = "canvass-events/1";

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// When.
        #[serde(with = "moment")]
        at: SystemTime,
        /// What may happen to hosts.
        mode: RunMode,
        /// The playbook files as given.
        playbooks: Vec<String>,
    },
    /// A play begins for a batch of hosts (`serial` gives several batches).
    PlayStarted {
        /// Its number in the run, from 0.
        play: usize,
        /// Its name.
        name: String,
        /// The hosts of the batch.
        hosts: Vec<String>,
        /// Whether they wait for each other at each task (`linear`).
        lockstep: bool,
        /// Whether it is to run in check mode.
        check: bool,
        /// Where it stands.
        place: Place,
    },
    /// A play matched no host.
    NoHosts {
        /// Its number.
        play: usize,
        /// Its name.
        name: String,
        /// The pattern.
        pattern: String,
        /// Where it stands.
        place: Place,
    },
    /// A task begins on the first of its hosts.
    TaskStarted {
        /// The task.
        task: TaskHead,
    },
    /// A host begins to work on a task.
    HostStarted {
        /// When.
        #[serde(with = "moment")]
        at: SystemTime,
        /// [`TaskHead::id`].
        task: usize,
        /// The host.
        host: String,
    },
    /// One item of a loop is done.
    ItemFinished {
        /// [`TaskHead::id`].
        task: usize,
        /// The host.
        host: String,
        /// What came of it.
        outcome: Box<Outcome>,
    },
    /// A try of `until` did not hold.
    Retrying {
        /// [`TaskHead::id`].
        task: usize,
        /// The host.
        host: String,
        /// Tries that are left.
        left: u64,
        /// What came of the try.
        outcome: Box<Outcome>,
    },
    /// A task in the background was looked at.
    Polled {
        /// [`TaskHead::id`].
        task: usize,
        /// The host.
        host: String,
        /// The id of its job there.
        job: String,
        /// How far it is.
        progress: Progress,
    },
    /// A command of a task has printed lines, and goes on (`--stream`).
    Output {
        /// [`TaskHead::id`].
        task: usize,
        /// The host.
        host: String,
        /// Where it printed them.
        stream: StdStream,
        /// They, without line feeds.
        lines: Vec<String>,
    },
    /// A host is done with a task.
    HostFinished {
        /// [`TaskHead::id`].
        task: usize,
        /// The host.
        host: String,
        /// What came of it.
        outcome: Box<Outcome>,
    },
    /// A task brought more tasks: a file or a role.
    Included {
        /// [`TaskHead::id`] of the include.
        task: usize,
        /// The absolute path of the file, or the name of the role.
        name: String,
        /// The hosts that go through them.
        hosts: Vec<String>,
        /// Label of the item, in a loop.
        item: Option<Json>,
    },
    /// All hosts of a batch have failed.
    NoHostsLeft,
    /// A failed host found a rescue.
    Rescued {
        /// The host.
        host: String,
        /// The failed task's [`TaskHead::id`].
        task: usize,
    },
    /// Something worth knowing.
    Notice {
        /// How much.
        level: Level,
        /// What.
        text: String,
        /// Where, if in a file.
        place: Option<Place>,
        /// On which host, if on one.
        host: Option<String>,
        /// Whether Ansible's output shows the place, too.
        marked: bool,
    },
    /// What `set_stats` gathered, before the run is over.
    CustomStats {
        /// The values by host; those of the run as a whole are under `_run`.
        stats: BTreeMap<String, Map<String, Json>>,
    },
    /// Someone is about to be asked, who should have seen all that came before.
    Waiting {
        /// The number of this mark.
        mark: u64,
    },
    /// The user interrupted the run; what is in work is being ended.
    Interrupted,
    /// The run is over.
    RunFinished {
        /// When.
        #[serde(with = "moment")]
        at: SystemTime,
        /// The recap, a line a host, in inventory order.
        recap: BTreeMap<String, Recap>,
        /// The exit code.
        exit_code: i32,
    },
}

/// How far a task in the background is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It still runs.
    Running,
    /// It is over.
    Over,
    /// It failed, or did not end in time.
    Failed,
}

/// What may happen to hosts in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// Hosts are changed.
    Apply,
    /// A dry run.
    Rehearsal,
}

/// A task as events name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskHead {
    /// Its number in the run, from 0; each time it is begun (another batch) it has another.
    pub id: usize,
    /// The play's number.
    pub play: usize,
    /// Its name, or its module where it has none.
    pub name: String,
    /// The role that it belongs to.
    pub role: Option<String>,
    /// Fully qualified name of its module.
    pub module: String,
    /// The module as written.
    pub action: String,
    /// Its arguments as written, `name=value, …`; none where `no_log` is set.
    pub arguments: String,
    /// Whether it is a handler.
    pub handler: bool,
    /// Whether it is to run in check mode.
    pub check: bool,
    /// Where it stands.
    pub place: Place,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Of interest with `-vvv`.
    Trace,
    /// Of interest with `-v`.
    Debug,
    /// Of interest.
    Info,
    /// A warning.
    Warning,
    /// A deprecated thing was used.
    Deprecation,
}

/// One of the causes of a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorCause {
    /// What went wrong.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// Where the value begins that holds this place, as far as it is another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Place>,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl ErrorCause {
    /// A cause that stands here.
    pub fn new(message: impl Into<String>, place: Option<Place>) -> Self {
        Self { message: message.into(), place, value: None, help: None }
    }
}

/// What came of a task on a host, or of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Whether a failure was ignored (`ignore_errors`, `ignore_unreachable`).
    pub ignored: bool,
    /// Label of the item, for an item.
    pub item: Option<Json>,
    /// The host that did it in place of this one.
    pub delegated_to: Option<String>,
    /// The address of that host, where it has another than its name.
    pub delegated_address: Option<String>,
    /// Why it failed, from the task down to the first cause; empty where the result's message
    /// says it all.
    pub causes: Vec<ErrorCause>,
    /// The result as it is registered; censored where `no_log` asks for it.
    pub result: Map<String, Json>,
    /// What changed or would change; all items' together for a loop.
    pub diffs: Vec<Arc<Diff>>,
    /// The effects, with their reasons, without file contents.
    pub effects: Vec<Arc<EffectRecord>>,
    /// How long it took.
    #[serde(with = "moment::seconds")]
    pub took: Duration,
    /// Where that time went, and how long it waited before; where it was asked for (`--profile`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// Whether `no_log` hides it.
    pub censored: bool,
    /// `-v` level from which an `ok` of this task shows its result (`debug` shows at 0).
    pub verbose_always: bool,
}

/// How a task ended on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Changed; would be changed in a rehearsal.
    Changed,
    /// A condition said no.
    Skipped,
    /// Failed.
    Failed,
    /// The host could not be reached, or was lost.
    Unreachable,
    /// Only acting would tell (rehearsal).
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Event {
    /// What came of a task, where that is what it tells.
    pub(crate) fn outcome_mut(&mut self) -> Option<&mut Outcome> {
        match self {
            Self::ItemFinished { outcome, .. }
            | Self::Retrying { outcome, .. }
            | Self::HostFinished { outcome, .. } => Some(outcome),
            _ => None,
        }
    }

    /// The same with other numbers of tasks, which begin so much later.
    pub(crate) fn renumbered(mut self, by: usize) -> Self {
        match &mut self {
            Self::TaskStarted { task } => task.id += by,
            Self::HostStarted { task, .. }
            | Self::ItemFinished { task, .. }
            | Self::Retrying { task, .. }
            | Self::Polled { task, .. }
            | Self::Output { task, .. }
            | Self::HostFinished { task, .. }
            | Self::Included { task, .. }
            | Self::Rescued { task, .. } => *task += by,
            Self::RunStarted { .. }
            | Self::PlayStarted { .. }
            | Self::NoHosts { .. }
            | Self::NoHostsLeft
            | Self::Notice { .. }
            | Self::CustomStats { .. }
            | Self::Waiting { .. }
            | Self::Interrupted
            | Self::RunFinished { .. } => {}
        }
        self
    }
}

impl std::ops::AddAssign for Recap {
    fn add_assign(&mut self, other: Self) {
        self.ok += other.ok;
        self.changed += other.changed;
        self.unreachable += other.unreachable;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.rescued += other.rescued;
        self.ignored += other.ignored;
        self.unknown += other.unknown;
    }
}

/// A line of the recap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recap {
    /// Tasks that ended well, changed ones among them.
    pub ok: u64,
    /// Tasks that changed something.
    pub changed: u64,
    /// Times that the host could not be reached.
    pub unreachable: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Tasks that were skipped.
    pub skipped: u64,
    /// Failures that a rescue caught.
    pub rescued: u64,
    /// Failures that were ignored.
    pub ignored: u64,
    /// Tasks whose outcome only acting would tell (rehearsal).
    pub unknown: u64,
}
