//! What engine and runner say to each other.
//!
//! After the runner has printed its magic line (`canvass-runner` and the marker that it was
//! given), both sides speak in frames: a big-endian `u32` length of what follows, a byte that
//! says what it is ([`frame::Kind`]), and the body. Messages are JSON; file content is raw.

pub mod base64;
pub mod delta;
pub mod frame;
pub mod serve;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use self::delta::Basis;
use crate::diff::Diff;
use crate::effect::{Effect, Source};
use crate::observation::Observation;

/// From the engine to the runner.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum ToRunner {
    /// Do this, for each item in order.
    Task(Box<TaskRequest>),
    /// Stop the task in work (its commands are ended) and answer no more for it.
    Cancel {
        /// [`TaskRequest::id`].
        id: u64,
    },
    /// The answer to [`FromRunner::Propose`].
    Decide {
        /// [`TaskRequest::id`].
        id: u64,
        /// Index of the item.
        item: usize,
        /// Whether it may do what it proposed.
        agreed: bool,
    },
}

/// From the runner to the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum FromRunner {
    /// The runner is up.
    Ready {
        /// Version of the protocol and the crate.
        version: String,
        /// SHA-256 of its own executable in hexadecimal.
        hash: String,
    },
    /// One item is done.
    Item(Box<ItemReply>),
    /// A task was not done, because the one that it follows did not go well.
    Passed {
        /// [`TaskRequest::id`].
        task: u64,
    },
    /// The content of a source is needed: the engine answers with blob frames.
    Want {
        /// [`TaskRequest::id`].
        task: u64,
        /// [`Source::id`].
        source: u64,
        /// What the host has that may be alike; the engine may answer with blocks of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// An item would do this: nothing of it is done before the engine has answered with
    /// [`ToRunner::Decide`]. Only with [`Witness::Ask`].
    Propose(Box<Proposal>),
    /// What a command of an item has just printed. Only with [`Streaming::On`].
    Output(OutputPiece),
}

/// A piece of what a command printed, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPiece {
    /// [`TaskRequest::id`].
    pub task: u64,
    /// Index of the item.
    pub item: usize,
    /// Where it printed it.
    pub stream: StdStream,
    /// It; at most [`OUTPUT_CHUNK`].
    #[serde(with = "base64")]
    pub bytes: Vec<u8>,
}

/// The most bytes of one [`OutputPiece`].
pub const OUTPUT_CHUNK: usize = 16 * 1024;

/// One of the two outputs of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StdStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What the items of a request are to one another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bond {
    /// Each stands alone.
    #[default]
    None,
    /// They are parts of one: in [`Mode::Check`] each sees what those before it would do, and
    /// after one that fails the others are refused.
    Parts,
}

impl Bond {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Whether the engine wants to hear what commands print while they run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Streaming {
    /// It does not: the reply has it all.
    #[default]
    Off,
    /// It does, of what effects run in [`Mode::Apply`].
    On,
}

impl Streaming {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// Whether a rehearsal fetches packages and their lists, to know what they would bring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetching {
    /// It does.
    #[default]
    On,
    /// It does not: what they would bring is unknown.
    Off,
}

impl Fetching {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_on(&self) -> bool {
        *self == Self::On
    }
}

/// What an item would do, and what it met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// [`TaskRequest::id`].
    pub task: u64,
    /// Index of the item.
    pub item: usize,
    /// What would be done, with file contents.
    pub effects: Vec<EffectRecord>,
    /// What the effects met.
    pub observed: Vec<Observation>,
}

/// Whether the engine wants to know what effects meet before they are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// It does not.
    #[default]
    None,
    /// Replies tell.
    Tell,
    /// Replies tell, and in [`Mode::Apply`] the engine is asked before each item that has effects.
    Ask,
}

/// A task for the runner: one module with the arguments of each item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Number of the task on this channel.
    pub id: u64,
    /// Fully qualified name of the module.
    pub module: String,
    /// What may happen to the host.
    pub mode: Mode,
    /// Whether diffs are wanted.
    pub diff: bool,
    /// The size in bytes up to which files are shown in diffs; 0 is no bound, and none is the
    /// usual one.
    #[serde(default)]
    pub diff_limit: Option<u64>,
    /// Environment for what the task runs.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Rendered arguments, one map an item; a task without a loop has one.
    pub items: Vec<Map<String, Json>>,
    /// What the items are to one another.
    #[serde(default, skip_serializing_if = "Bond::is_none")]
    pub bond: Bond,
    /// Effects that other runners of this host rehearsed since the last request, or that a task in
    /// [`Mode::Check`] takes for done.
    #[serde(default)]
    pub rehearsed: Vec<Effect>,
    /// Bound on each item, in seconds; the runner ends what still runs then.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// Small sources, sent along so that nobody has to ask for them.
    #[serde(default)]
    pub sources: Vec<InlineSource>,
    /// The task on this channel that comes right before this one: this one is done only when each
    /// of its items went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u64>,
    /// Each item becomes a job that outlives the channel (`async`); [`Mode::Apply`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detach: Option<Detach>,
    /// Whether the engine wants to know what effects meet, and to agree with them.
    #[serde(default)]
    pub witness: Witness,
    /// Whether the engine wants to hear what commands print while they run.
    #[serde(default, skip_serializing_if = "Streaming::is_off")]
    pub streaming: Streaming,
    /// Whether packages are fetched to be looked into; [`Mode::Rehearse`] only.
    #[serde(default, skip_serializing_if = "Fetching::is_on")]
    pub fetching: Fetching,
}

/// How an item goes on without its channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detach {
    /// The first part of the job's name; the process id follows.
    pub job: String,
    /// Seconds that it may take.
    pub limit: u64,
    /// Where its result is kept; `~` and variables are the host's.
    pub directory: String,
}

/// The longest source that the engine sends along with a request, in bytes.
pub const INLINE_SOURCE_LIMIT: u64 = 64 * 1024;

/// The content of a small [`Source`] inside a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InlineSource {
    /// [`Source::id`].
    pub id: u64,
    /// The whole content.
    #[serde(with = "base64")]
    pub content: Vec<u8>,
}

/// What may happen to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Effects are applied.
    Apply,
    /// Effects go into the overlay that the runner keeps for the run.
    Rehearse,
    /// Effects go into an overlay of the request or of each item ([`Bond`]) alone (`check_mode: true` in a real run).
    Check,
}

/// What came of one item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ItemReply {
    /// [`TaskRequest::id`].
    pub task: u64,
    /// Index of the item.
    pub item: usize,
    /// How it ended.
    pub status: Status,
    /// The fields of the result, without `changed` and `failed`.
    pub returned: Map<String, Json>,
    /// What was decided and done; in `Apply` mode without file contents.
    pub effects: Vec<EffectRecord>,
    /// What changes, drawn from the effects.
    pub diffs: Vec<Diff>,
    /// What the effects met, where the request asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<Observation>,
    /// Values of `returned` that only acting would tell: as JSON pointers, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
    /// Time that observing took, in microseconds.
    pub observe_micros: u64,
    /// Time that applying took, in microseconds.
    pub apply_micros: u64,
}

/// An effect with its reason, as reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectRecord {
    /// What changed or would change.
    pub effect: Effect,
    /// Why.
    pub reason: String,
}

/// Stands in [`Status::Unknown`] before what a task says that fails in a dry run; of one with
/// `no_log` what follows must not show.
pub const NOW_IT_FAILS: &str = "now it fails";

/// How an item ended on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Changed, or would be.
    Changed,
    /// Failed; `msg` is in the returned fields.
    Failed,
    /// Only acting would tell.
    Unknown {
        /// Why it cannot be known.
        reason: String,
    },
    /// The engine did not agree with what this item, or one before it, would have done, or one
    /// before it that it is bound to ([`Bond::Parts`]) failed.
    Refused,
}

/// A source that a `copy` task refers to, as an argument value.
pub const SOURCE_ARGUMENT: &str = "_canvass_source";

/// The argument by which the engine says that the directory of a file is there, in
/// [`Mode::Check`]: a task before it may make it, and nobody has done it.
pub const PARENTS_ARGUMENT: &str = "_canvass_parents";

/// The argument by which the engine says why it has nothing to send.
pub const MISSING_ARGUMENT: &str = "_canvass_missing";

/// The argument by which the engine names the Python of a host.
pub const PYTHON_ARGUMENT: &str = "_canvass_python";

/// Reads a [`Source`] out of the arguments of a task.
pub fn source_argument(arguments: &Map<String, Json>) -> Option<Source> {
    serde_json::from_value(arguments.get(SOURCE_ARGUMENT)?.clone()).ok()
}
