//! Where journals lie, and what their first line says: all that `canvass resume` needs.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::diagnostics::Diagnostic;
use crate::report::mask::Secrets;
use crate::report::moment::{self, rfc3339};
use crate::run::{Journal, Past, RunEnd};

use super::CommandError;
use super::lock::state_folder;
use super::output::OutputArguments;
use super::record;
use super::run_arguments::RunArguments;

/// Name and version of the form.
pub(super) const SCHEMA: &str = "canvass-journal/1";

/// So many runs that did not end well can be gone on with.
const KEPT: usize = 20;

/// What a run is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the engine.
    pub engine: String,
    /// When it began, after RFC 3339 in UTC: the name of the run.
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
    /// Whether a host that has drifted ends the run.
    pub stops_run: bool,
}

/// A journal in the making.
pub(super) struct Kept {
    path: PathBuf,
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

    /// Begins the journal; none where the user wants no runs kept. One that cannot be kept is a
    /// warning: no run is lost by it.
    pub(super) fn begin(
        &self,
        past: Option<Arc<Past>>,
        output: &OutputArguments,
    ) -> (Option<Journal>, Option<Kept>) {
        if output.no_record || !wanted() {
            return (None, None);
        }
        let made = folder().map_err(|error| error.told()).and_then(|folder| {
            let path = folder.join(format!("{}.jsonl", self.started));
            let file = create(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
            Ok((file, path))
        });
        match made {
            Ok((file, path)) => {
                let header = serde_json::to_value(self).unwrap_or_default();
                let at = moment::parse(&self.started).unwrap_or_else(SystemTime::now);
                (Some(Journal::begin(file, header, at, past)), Some(Kept { path }))
            }
            Err(reason) => {
                let text = format!("this run cannot be resumed: {reason}");
                let mut warning = Diagnostic::warning(text, None);
                warning.hints.push("`CANVASS_RECORD=no` keeps no journal".to_owned());
                super::say(&super::error::draw(&warning));
                (None, None)
            }
        }
    }
}

impl Kept {
    /// A run that has ended well is not gone on with; of the others the newest are kept.
    pub(super) fn settle(self, end: &RunEnd) {
        if end.exit_code == 0 {
            // what cannot be removed is in nobody's way
            let _ = std::fs::remove_file(&self.path);
            return;
        }
        let all = all().unwrap_or_default();
        for old in all.iter().rev().skip(KEPT) {
            let _ = std::fs::remove_file(old);
        }
    }
}

/// The journal of a run by its name: `last`, when it began, or the beginning of that.
pub(super) fn find(name: &str) -> Result<(Header, Past, PathBuf), CommandError> {
    let all = all()?;
    // a run is recorded under the moment at which it began, and its journal has that for its name
    let is_number = name.starts_with("last~") || name.bytes().all(|byte| byte.is_ascii_digit());
    let began = match is_number && name.len() < 19 {
        true => record::run(&record::records()?, name)?.started,
        false => name.to_owned(),
    };
    let named = |path: &PathBuf| {
        name == "last"
            || path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with(&began))
    };
    let Some(path) = all.into_iter().rev().find(named) else {
        let text = match name {
            "last" => "there is no run that broke off or failed".to_owned(),
            name => format!("run `{name}` has no journal: it ended well, or it is too old"),
        };
        return Err(CommandError::other(text, None));
    };
    let wrong = |reason: String| {
        CommandError::other(format!("cannot read `{}`: {reason}", path.display()), None)
    };
    let past = Past::read(&path).map_err(|error| wrong(error.to_string()))?;
    let schema = past.header.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
    if schema != SCHEMA {
        return Err(wrong(format!("its form is `{schema}`, not `{SCHEMA}`")));
    }
    let header: Header =
        serde_json::from_value(past.header.clone()).map_err(|error| wrong(error.to_string()))?;
    Ok((header, past, path))
}

/// All journals, the oldest first.
fn all() -> Result<Vec<PathBuf>, CommandError> {
    let entries = std::fs::read_dir(folder()?).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn folder() -> Result<PathBuf, CommandError> {
    Ok(state_folder()?.join("journals"))
}

/// The same switch as that of records.
fn wanted() -> bool {
    let said = std::env::var("CANVASS_RECORD").unwrap_or_default().to_lowercase();
    !matches!(said.as_str(), "no" | "off" | "false" | "0")
}

fn create(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// What vaults have revealed so far.
fn known_secrets() -> Secrets {
    let mut secrets = Secrets::new();
    secrets.learn();
    secrets
}
