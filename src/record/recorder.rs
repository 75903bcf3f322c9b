//! Writes the record of a run.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::report::model::ChangeReport;
use crate::report::outlet::Outlet;

use super::{Beginning, Ongoing, RecordError, RecordSettings, Records, RunId};

/// Hears of what could not be recorded.
pub type Tell = Arc<dyn Fn(&RecordError) + Send + Sync>;

/// A run that is recorded: its report by [`Recorder`], what hosts have done by [`Self::note`].
pub struct Recording {
    settings: RecordSettings,
    program: String,
    /// The run that this one goes on with.
    went_on_with: Option<RunId>,
    state: Mutex<State>,
}

enum State {
    /// The run has not begun; what was noted so far.
    Waiting(String),
    On(Box<Records>, RunId, Option<Ongoing>),
    Failed(RecordError),
}

impl Recording {
    /// For a run that was asked for by this name.
    pub fn new(settings: RecordSettings, program: &str, went_on_with: Option<RunId>) -> Arc<Self> {
        let state = Mutex::new(State::Waiting(String::new()));
        Arc::new(Self { settings, program: program.to_owned(), went_on_with, state })
    }

    /// Notes what hosts have done, a line each. What cannot be recorded at all is told of by
    /// [`Recorder`].
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn note(&self, lines: &str) -> Result<(), RecordError> {
        match &mut *self.state() {
            State::Waiting(noted) => {
                noted.push_str(lines);
                Ok(())
            }
            State::On(records, run, _) => records.note(*run, lines),
            State::Failed(_) => Ok(()),
        }
    }

    fn begin(&self, report: &ChangeReport) {
        let mut state = self.state();
        let noted = match &mut *state {
            State::Waiting(noted) => std::mem::take(noted),
            State::On(..) | State::Failed(_) => return,
        };
        *state = self.opened(report, &noted).unwrap_or_else(State::Failed);
    }

    fn opened(&self, report: &ChangeReport, noted: &str) -> Result<State, RecordError> {
        let records = Records::open(&self.settings)?;
        let folder = std::env::current_dir().unwrap_or_default();
        let run = records.begin(&Beginning {
            started: report.started.clone().unwrap_or_default(),
            mode: report.mode,
            program: self.program.clone(),
            folder: folder.to_string_lossy().into_owned(),
            playbooks: report.playbooks.clone(),
        })?;
        let on = records.work_on(run)?;
        if !noted.is_empty() {
            records.note(run, noted)?;
        }
        Ok(State::On(Box::new(records), run, on))
    }

    fn finish(&self, report: &ChangeReport) -> Result<(), RecordError> {
        match std::mem::replace(&mut *self.state(), State::Waiting(String::new())) {
            State::Waiting(_) => Ok(()),
            State::On(records, run, _on) => records.finish(run, report, self.went_on_with),
            State::Failed(error) => Err(error),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a run when it begins and keeps its report when it is over.
pub struct Recorder {
    recording: Arc<Recording>,
    tell: Tell,
}

impl Recorder {
    /// Of this run.
    pub fn new(recording: Arc<Recording>, tell: Tell) -> Self {
        Self { recording, tell }
    }
}

impl Outlet for Recorder {
    /// A failure is kept until the run is over, so that it is told where it is seen.
    fn begin(&mut self, report: &ChangeReport) {
        self.recording.begin(report);
    }

    fn take(&mut self, report: &ChangeReport) -> io::Result<()> {
        if let Err(error) = self.recording.finish(report) {
            (self.tell)(&error);
        }
        Ok(())
    }
}
