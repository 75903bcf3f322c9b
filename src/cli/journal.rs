//! What the first line of a journal says: all that `canvass resume` needs.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::record::{Ongoing, Recording, RunRecord};
use crate::report::mask::Secrets;
use crate::report::moment::{self, rfc3339};
use crate::run::{Journal, OnDrift, Past};

use super::CommandError;
use super::record;
use super::run_arguments::RunArguments;

/// Name and version of the form.
pub(super) const SCHEMA: &str = "canvass-journal/1";

/// What a run is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the engine.
    pub engine: String,
    /// When it began, after RFC 3339 in UTC.
    pub started: String,
    /// Where it was begun.
    pub folder: PathBuf,
    /// Playbooks and options, without secrets.
    pub run: serde_json::Value,
    /// The hosts of the inventory, sorted.
    pub hosts: Vec<String>,
    /// The plan that it is held to.
    pub plan: Option<PlanName>,
    /// Hosts that were left out, with the reason.
    pub held: BTreeMap<String, String>,
}

/// A plan that a run is held to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanName {
    /// Where it is.
    pub file: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Whether what only the run can tell is drift.
    pub strict_unknown: bool,
    /// What happens where a host is not what the plan saw.
    pub on_drift: OnDrift,
}

impl Header {
    /// The header of a run that begins now.
    pub(super) fn of(run: &RunArguments, hosts: Vec<String>) -> Result<Self, CommandError> {
        let run = run.without(&known_secrets())?;
        Ok(Self {
            schema: SCHEMA.to_owned(),
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            started: rfc3339(SystemTime::now()),
            folder: super::plan::root()?,
            run,
            hosts,
            plan: None,
            held: BTreeMap::new(),
        })
    }

    /// Begins the journal in the record of the run.
    pub(super) fn begin(&self, past: Option<Arc<Past>>, recording: Arc<Recording>) -> Journal {
        let header = serde_json::to_value(self).unwrap_or_default();
        let at = moment::parse(&self.started).unwrap_or_else(SystemTime::now);
        let keep = move |lines: &str| {
            recording.note(lines).map_err(|error| io::Error::other(error.told()))
        };
        Journal::begin(keep, header, at, past)
    }

    /// A journal that only knows what was done before.
    pub(super) fn begin_unkept(&self, past: Option<Arc<Past>>) -> Journal {
        let at = moment::parse(&self.started).unwrap_or_else(SystemTime::now);
        Journal::begin(|_| Ok(()), serde_json::Value::Null, at, past)
    }
}

/// The run to go on with by its name, which nobody else goes on with from now on; `last` is the
/// newest that can be gone on with.
pub(super) fn find(name: &str) -> Result<(RunRecord, Header, Past, Ongoing), CommandError> {
    let records = record::records()?;
    let run = match name {
        "last" => records.newest_resumable().map_err(|error| record::wrong(&error))?,
        name => Some(record::run(&records, name)?),
    };
    let Some(run) = run else {
        let text = "there is no run that broke off or failed";
        return Err(CommandError::other(text, Some("see `canvass history`")));
    };
    let Some(on) = records.work_on(run.id).map_err(|error| record::wrong(&error))? else {
        let text = format!("run {} is still on, or another one goes on with it", run.id);
        return Err(CommandError::other(text, Some("see `canvass history`")));
    };
    let Some(text) = records.journal(run.id).map_err(|error| record::wrong(&error))? else {
        let why = match run.exit_code {
            Some(0) => "it ended well",
            _ => "another run went on with it, or it was a dry run or one of another program",
        };
        return Err(CommandError::other(format!("run {} cannot be resumed: {why}", run.id), None));
    };
    let wrong = |reason: String| CommandError::other(format!("run {}: {reason}", run.id), None);
    let past = Past::read(&text).map_err(|error| wrong(error.to_string()))?;
    let schema = past.header.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
    if schema != SCHEMA {
        return Err(wrong(format!("the form of its journal is `{schema}`, not `{SCHEMA}`")));
    }
    let header: Header =
        serde_json::from_value(past.header.clone()).map_err(|error| wrong(error.to_string()))?;
    Ok((run, header, past, on))
}

/// What vaults have revealed so far.
fn known_secrets() -> Secrets {
    let mut secrets = Secrets::new();
    secrets.learn();
    secrets
}
