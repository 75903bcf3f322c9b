//! The change report: what a run did or would do, each thing once with the hosts that share it.
//!
//! This is what people read at the end of a run, what every face of `--report` is drawn from, and
//! what a record keeps; its JSON is documented in `docs/report.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use canvass_modules::diff::Diff;
use canvass_modules::wire::EffectRecord;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::event::{Level, Recap, RunMode};
use super::spent::Spent;
use crate::source::Place;

/// Name and version of the JSON form.
pub const SCHEMA: &str = "canvass-report/1";

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name and version of the program that wrote it.
    #[serde(default)]
    pub engine: String,
    /// Whether hosts were changed or would be.
    pub mode: RunMode,
    /// When the run began, after RFC 3339 in UTC.
    pub started: Option<String>,
    /// When it ended; `null` for a run that broke off.
    pub finished: Option<String>,
    /// The playbook files as given.
    pub playbooks: Vec<String>,
    /// Whether the user interrupted it.
    pub interrupted: bool,
    /// The exit code; `null` for a run that broke off.
    pub exit_code: Option<i32>,
    /// The plays in order.
    pub plays: Vec<PlayReport>,
    /// Warnings and other notices in order, each once.
    pub notices: Vec<NoticeReport>,
    /// The counts of each host.
    pub recap: BTreeMap<String, Recap>,
}

impl ChangeReport {
    /// All tasks of all plays.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskReport> {
        self.plays.iter().flat_map(|play| &play.tasks)
    }
}

/// A play, with the hosts of all its batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayReport {
    /// Its number in the run, from 0.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Position,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Whether its hosts wait for each other at each task (`linear`).
    #[serde(default)]
    pub lockstep: bool,
    /// The host pattern, when it matched no host.
    pub unmatched_pattern: Option<String>,
    /// Its tasks in the order in which they began; the same task of several batches is one.
    pub tasks: Vec<TaskReport>,
}

/// A task on all its hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// Its name, or its module where it has none.
    pub name: String,
    /// The role that it belongs to.
    pub role: Option<String>,
    /// Fully qualified name of its module.
    pub module: String,
    /// Whether it is a handler.
    pub handler: bool,
    /// Where it stands.
    pub place: Position,
    /// How it ended on each host.
    pub hosts: IndexMap<String, HostReport>,
    /// Each distinct diff once.
    pub changes: Vec<Change>,
    /// Each distinct effect with its reason once.
    pub effects: Vec<SharedEffect>,
    /// Each distinct failure once.
    pub failures: Vec<Failure>,
    /// Each reason for not knowing once.
    pub unknown: Vec<Unknown>,
    /// Of a loop, each distinct list of its items' results once.
    #[serde(default)]
    pub items: Vec<SharedItems>,
}

impl TaskReport {
    /// The hosts on which it ended so.
    pub fn hosts_with(&self, status: TaskStatus) -> Vec<&str> {
        let with = self.hosts.iter().filter(|(_, host)| host.status == status);
        with.map(|(name, _)| name.as_str()).collect()
    }

    /// Its role and its name, as people call it.
    pub fn title(&self) -> String {
        match &self.role {
            Some(role) => format!("{role} : {}", self.name),
            None => self.name.clone(),
        }
    }

    /// When its first host began and its last one was done, in seconds after the run began.
    pub fn span(&self) -> Option<(f64, f64)> {
        let spans = self.hosts.values().map(|host| (host.started, host.started + host.seconds));
        spans.reduce(|(first, last), (start, end)| (first.min(start), last.max(end)))
    }
}

/// How a task ended on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// How.
    pub status: TaskStatus,
    /// Whether a failure was ignored.
    pub ignored: bool,
    /// Whether a rescue caught a failure.
    pub rescued: bool,
    /// The host that did it in place of this one.
    pub delegated_to: Option<String>,
    /// When it began, in seconds after the run began.
    #[serde(default)]
    pub started: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Where that time went, and how long it waited before, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
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
    /// Only acting would tell.
    Unknown,
}

impl TaskStatus {
    /// All of them, the worst first.
    pub const ALL: [Self; 6] =
        [Self::Unreachable, Self::Failed, Self::Unknown, Self::Changed, Self::Ok, Self::Skipped];

    /// As JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Changed => "changed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

/// The items of a loop, and the hosts for which they ended so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedItems {
    /// The hosts.
    pub hosts: Vec<String>,
    /// The items in their order.
    pub items: Vec<ItemReport>,
}

/// How one item of a loop ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemReport {
    /// Its label.
    pub item: String,
    /// How.
    pub status: TaskStatus,
}

/// A diff and the hosts that share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The hosts.
    pub hosts: Vec<String>,
    /// Both states.
    pub diff: Arc<Diff>,
    /// The diff as text, empty where nothing differs that may be shown.
    pub unified: String,
}

/// An effect, why, and the hosts that share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedEffect {
    /// The hosts.
    pub hosts: Vec<String>,
    /// What was or would be done, and why.
    #[serde(flatten)]
    pub record: Arc<EffectRecord>,
}

/// A failure and the hosts that share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The hosts.
    pub hosts: Vec<String>,
    /// [`TaskStatus::Failed`] or [`TaskStatus::Unreachable`].
    pub status: TaskStatus,
    /// Whether it was ignored.
    pub ignored: bool,
    /// Whether a rescue caught it.
    pub rescued: bool,
    /// What happened.
    pub cause: Cause,
}

/// Why something failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Label of the item, for an item of a loop.
    pub item: Option<String>,
    /// What the module or the connection says.
    pub reason: String,
    /// Exit status of the command that failed.
    pub rc: Option<i64>,
    /// Its standard error.
    pub stderr: Option<String>,
    /// Its standard output.
    pub stdout: Option<String>,
}

/// Why an outcome cannot be known, and the hosts that share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unknown {
    /// The hosts.
    pub hosts: Vec<String>,
    /// Why.
    pub reason: String,
}

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeReport {
    /// How much it matters.
    pub level: Level,
    /// What.
    pub text: String,
    /// Where, if in a file.
    pub place: Option<Position>,
    /// On which host, if on one.
    pub host: Option<String>,
}

/// A place in a file, for reading: bytes of its name that are no UTF-8 are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The file.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

impl From<&Place> for Position {
    fn from(place: &Place) -> Self {
        let file = place.file.to_string_lossy().into_owned();
        Self { file, line: place.line, column: place.column }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}
