//! Which records there are, and whether a run becomes one.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::record::{
    BOUND, RecordError, RecordSettings, Recorder, Recording, Records, RunId, RunRecord, Tell, size,
};
use crate::report::model::ChangeReport;
use crate::report::outlet::Outlet;

use super::{CommandError, switch};

/// What the user says about records, by the environment or a settings file.
#[derive(Debug, Default)]
pub(super) struct RecordWords<'a> {
    /// `record`: whether runs are recorded.
    pub record: Option<&'a str>,
    /// `record_size`: how much is kept.
    pub size: Option<&'a str>,
}

/// The record of a run that is asked for by this name; none where the user does not want any.
pub(super) fn recording(
    program: &str,
    file: &RecordWords<'_>,
    tell: &Tell,
    went_on_with: Option<RunId>,
) -> Result<Option<Arc<Recording>>, CommandError> {
    if !switch::is_on("CANVASS_RECORD", file.record, "runs are recorded")? {
        return Ok(None);
    }
    match settings(file) {
        Ok(settings) => Ok(Some(Recording::new(settings?, program, went_on_with))),
        Err(error) => {
            tell(&error);
            Ok(None)
        }
    }
}

/// Writes the record of a run; none where the user does not want any.
pub(super) fn recorder(
    program: &str,
    file: &RecordWords<'_>,
    tell: Tell,
) -> Result<Option<Box<dyn Outlet>>, CommandError> {
    let recording = recording(program, file, &tell, None)?;
    Ok(recording.map(|recording| Box::new(Recorder::new(recording, tell)) as Box<dyn Outlet>))
}

/// Where records lie; a size that is none is an error of the user's.
fn settings(file: &RecordWords<'_>) -> Result<Result<RecordSettings, CommandError>, RecordError> {
    let bound = match std::env::var("CANVASS_RECORD_SIZE").ok().as_deref().or(file.size) {
        None | Some("") => BOUND,
        Some(text) => match size(text) {
            Some(bound) => bound,
            None => {
                return Ok(Err(CommandError::options(
                    format!("`{text}` is no size of records"),
                    Some("`CANVASS_RECORD_SIZE` is a number of bytes, or with `k`, `M` or `G`"),
                )));
            }
        },
    };
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let found =
        RecordSettings::of(folder("XDG_STATE_HOME").as_deref(), folder("HOME").as_deref(), bound)?;
    Ok(Ok(found))
}

/// Says that a run was not recorded.
pub(super) fn warning(error: &RecordError) -> String {
    format!("this run was not recorded: {}", error.told())
}

/// Tells it as `canvass` tells warnings.
pub(super) fn native_tell() -> Tell {
    Arc::new(|error: &RecordError| {
        let mut told = Diagnostic::warning(warning(error), None);
        told.hints.push("`--no-record` or `CANVASS_RECORD=no` switches records off".to_owned());
        super::say(&super::error::draw(&told));
    })
}

/// The records, to be read.
pub(super) fn records() -> Result<Records, CommandError> {
    let settings = settings(&RecordWords::default()).map_err(|error| wrong(&error))??;
    let found = Records::read(&settings).map_err(|error| wrong(&error))?;
    found.ok_or_else(|| {
        let file = settings.file.display();
        CommandError::other(format!("no run was recorded yet: there is no `{file}`"), None)
    })
}

/// A recorded run by its name.
pub(super) fn run(records: &Records, name: &str) -> Result<RunRecord, CommandError> {
    let name = name.parse().map_err(|error| wrong(&error))?;
    records.find(name).map_err(|error| wrong(&error))
}

/// A report by the name of a run, or from a JSON file.
pub(super) fn report(name: &str) -> Result<ChangeReport, CommandError> {
    if name.ends_with(".json") {
        let other =
            |text: String| CommandError::other(format!("cannot read `{name}`: {text}"), None);
        let text = std::fs::read(name).map_err(|error| other(error.to_string()))?;
        return serde_json::from_slice(&text).map_err(|error| other(error.to_string()));
    }
    let records = records()?;
    let run = run(&records, name)?;
    records.report(run.id).map_err(|error| wrong(&error))?.ok_or_else(|| {
        let text = format!("run {} was cut off, and has no report", run.id);
        CommandError::other(text, None)
    })
}

/// Records that cannot be read.
pub(super) fn wrong(error: &RecordError) -> CommandError {
    let hint = match error {
        RecordError::Name(_) | RecordError::NoRun(_) => Some(
            "a run is its number, `last`, or `last~1` for the one before; see `canvass history`",
        ),
        _ => None,
    };
    match error {
        RecordError::Name(_) => CommandError::options(error.told(), hint),
        _ => CommandError::other(error.told(), hint),
    }
}
