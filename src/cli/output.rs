//! What is told of a run, and where: the options that `play` and its kin share.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use canvass_modules::wire::Streaming;
use clap::{Args, ValueEnum};

use crate::record::{Recorder, Recording, RunId};
use crate::report::annotations::{GITLAB_FILE, Github, Gitlab};
use crate::report::events::JsonLines;
use crate::report::face::Face;
use crate::report::file::{Appended, ReportFile};
use crate::report::human::{DiffOutput, HumanOptions, HumanReport, Live, Timestamps, Verbosity};
use crate::report::outlet::{Gathered, Outlet};
use crate::report::{ColorChoice, Consumer};
use crate::run::{Profiling, RunSettings};

use super::CommandError;
use super::record::{self, RecordWords, native_tell};

/// What is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArguments {
    /// Tell more; up to four times
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Leave the diffs out of the report
    #[arg(long)]
    no_diff: bool,
    /// Also write the report to a file: `.html`, `.md`, `.json`, or `.xml` for `JUnit`; may be
    /// given several times
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Write what happens as JSON lines while it happens; `-` is standard output, the report for
    /// people then goes to standard error
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Tell CI of failures at their file and line; `gitlab` writes `gl-code-quality-report.json`
    #[arg(long, value_enum, value_name = "CI")]
    annotations: Option<AnnotationsWord>,
    /// Add the report to the summary of the step (`GITHUB_STEP_SUMMARY`)
    #[arg(long)]
    step_summary: bool,
    /// Show what commands print while they run, but for tasks with `no_log`
    #[arg(long)]
    stream: bool,
    /// Tell where the time of the run went, by host and task
    #[arg(long)]
    profile: bool,
    /// Put the time before each line that is told while the run is on
    #[arg(long)]
    timestamps: bool,
    /// Do not record this run (`CANVASS_RECORD=no` switches it off for all)
    #[arg(long)]
    pub(super) no_record: bool,
    /// Colour
    #[arg(long, value_enum, default_value_t = ColorWord::Auto)]
    color: ColorWord,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorWord {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnnotationsWord {
    /// Whichever CI this is (`GITHUB_ACTIONS`, `GITLAB_CI`); none elsewhere
    Auto,
    /// Lines on standard output
    Github,
    /// A Code Quality report
    Gitlab,
}

impl OutputArguments {
    /// What a run must tell for this.
    pub(super) fn ask(&self, settings: &mut RunSettings) {
        if self.stream {
            settings.streaming = Streaming::On;
        }
        if self.profile {
            settings.profiling = Profiling::On;
        }
    }

    /// How the report for people looks.
    pub(super) fn look(&self) -> HumanOptions {
        let color = match self.color {
            ColorWord::Auto => ColorChoice::Auto,
            ColorWord::Always => ColorChoice::Always,
            ColorWord::Never => ColorChoice::Never,
        };
        HumanOptions {
            verbosity: Verbosity::from(self.verbose),
            timestamps: if self.timestamps { Timestamps::On } else { Timestamps::Off },
            diff: if self.no_diff { DiffOutput::Hidden } else { DiffOutput::Shown },
            ..HumanOptions::detect(color)
        }
    }

    /// The record of a run that is asked for by this name, and the run that it goes on with; none
    /// where the user does not want any.
    pub(super) fn recording(
        &self,
        program: &str,
        went_on_with: Option<RunId>,
    ) -> Result<Option<Arc<Recording>>, CommandError> {
        match self.no_record {
            true => Ok(None),
            false => {
                record::recording(program, &RecordWords::default(), &native_tell(), went_on_with)
            }
        }
    }

    /// Who reads the events of a run.
    pub(super) fn consumers(
        &self,
        recording: Option<&Arc<Recording>>,
    ) -> Result<Vec<Box<dyn Consumer>>, CommandError> {
        let options = self.look();
        let mut consumers: Vec<Box<dyn Consumer>> = Vec::new();
        if self.events.as_deref() == Some(Path::new("-")) {
            let options = HumanOptions { live: Live::Off, ..options };
            let human = HumanReport::new(io::stderr(), io::stderr(), options);
            consumers.push(Box::new(human));
            consumers.push(Box::new(JsonLines::new(io::stdout())));
        } else {
            let human = HumanReport::new(io::stdout(), io::stderr(), options);
            consumers.push(Box::new(human));
            if let Some(path) = &self.events {
                let file = File::create(path).map_err(|error| {
                    let path = path.display();
                    CommandError::options(format!("cannot write `--events {path}`: {error}"), None)
                })?;
                consumers.push(Box::new(JsonLines::new(file)));
            }
        }
        let mut outlets = self.outlets()?;
        if let Some(recording) = recording {
            outlets.push(Box::new(Recorder::new(Arc::clone(recording), native_tell())));
        }
        if !outlets.is_empty() {
            consumers.push(Box::new(Gathered::new(outlets)));
        }
        Ok(consumers)
    }

    /// Where the finished report goes.
    fn outlets(&self) -> Result<Vec<Box<dyn Outlet>>, CommandError> {
        let mut outlets: Vec<Box<dyn Outlet>> = Vec::new();
        for path in &self.report {
            let file = ReportFile::create(path, face(path)?).map_err(|error| {
                CommandError::options(format!("cannot write `--report`: {error}"), None)
            })?;
            outlets.push(Box::new(file));
        }
        if self.step_summary {
            let path = std::env::var_os("GITHUB_STEP_SUMMARY").ok_or_else(|| {
                CommandError::options(
                    "`--step-summary` needs `GITHUB_STEP_SUMMARY`, the file of the summary",
                    Some("`--report FILE.md` writes the same to a file of your own"),
                )
            })?;
            outlets.push(Box::new(Appended { path: path.into(), face: Face::Markdown }));
        }
        outlets.extend(self.annotations());
        Ok(outlets)
    }

    fn annotations(&self) -> Option<Box<dyn Outlet>> {
        let folder = |name| std::env::var_os(name).map(PathBuf::from);
        let is = |name| std::env::var(name).is_ok_and(|value| value == "true");
        match self.annotations? {
            AnnotationsWord::Github => {}
            AnnotationsWord::Auto if is("GITHUB_ACTIONS") => {}
            AnnotationsWord::Auto if !is("GITLAB_CI") => return None,
            AnnotationsWord::Auto | AnnotationsWord::Gitlab => {
                let (file, top) = (GITLAB_FILE.into(), folder("CI_PROJECT_DIR"));
                return Some(Box::new(Gitlab { file, top }));
            }
        }
        // the lines are read from both outputs; standard output may be that of `--events`
        let out: Box<dyn Write + Send> = match self.events.as_deref() == Some(Path::new("-")) {
            true => Box::new(io::stderr()),
            false => Box::new(io::stdout()),
        };
        Some(Box::new(Github { out, top: folder("GITHUB_WORKSPACE") }))
    }
}

/// The face that a file's name asks for.
pub(super) fn face(path: &Path) -> Result<Face, CommandError> {
    Face::of(path).ok_or_else(|| {
        CommandError::options(
            format!("`--report {}`: the ending names no face of the report", path.display()),
            Some("`.html`, `.md`, `.json` and `.xml` (JUnit) are there"),
        )
    })
}
