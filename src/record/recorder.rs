//! Writes the record of a run.

use std::io;
use std::sync::Arc;

use crate::report::model::ChangeReport;
use crate::report::outlet::Outlet;

use super::{Beginning, RecordError, RecordSettings, Records, RunId};

/// Hears of what could not be recorded.
pub type Tell = Arc<dyn Fn(&RecordError) + Send + Sync>;

/// Notes a run when it begins and keeps its report when it is over.
pub struct Recorder {
    settings: RecordSettings,
    program: String,
    state: State,
    tell: Tell,
}

enum State {
    Waiting,
    On(Box<Records>, RunId),
    Failed(RecordError),
}

impl Recorder {
    /// For a run that was asked for by this name.
    pub fn new(settings: RecordSettings, program: &str, tell: Tell) -> Self {
        Self { settings, program: program.to_owned(), state: State::Waiting, tell }
    }

    fn opened(&self, report: &ChangeReport) -> Result<State, RecordError> {
        let records = Records::open(&self.settings)?;
        let folder = std::env::current_dir().unwrap_or_default();
        let run = records.begin(&Beginning {
            started: report.started.clone().unwrap_or_default(),
            mode: report.mode,
            program: self.program.clone(),
            folder: folder.to_string_lossy().into_owned(),
            playbooks: report.playbooks.clone(),
        })?;
        Ok(State::On(Box::new(records), run))
    }
}

impl Outlet for Recorder {
    /// A failure is kept until the run is over, so that it is told where it is seen.
    fn begin(&mut self, report: &ChangeReport) {
        self.state = self.opened(report).unwrap_or_else(State::Failed);
    }

    fn take(&mut self, report: &ChangeReport) -> io::Result<()> {
        let kept = match std::mem::replace(&mut self.state, State::Waiting) {
            State::Waiting => Ok(()),
            State::On(records, run) => records.finish(run, report),
            State::Failed(error) => Err(error),
        };
        if let Err(error) = kept {
            (self.tell)(&error);
        }
        Ok(())
    }
}
