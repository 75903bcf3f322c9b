//! `canvass report` and `canvass compare`: what recorded runs did.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::report::compare::Comparison;
use crate::report::face::Face;
use crate::report::human::{self, DiffOutput, HumanOptions};
use crate::report::merge::merge;
use crate::report::model::ChangeReport;
use crate::report::{ColorChoice, file};

use super::output::face;
use super::{CommandError, record};

/// Arguments of `canvass report`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ReportArguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// A run: its number, `last`, `last~1` …; or a report that `--report FILE.json` wrote
    #[arg(default_value = "last")]
    run: String,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Joins the reports of runs that shared the hosts (`--shard`) into one
    Merge {
        /// Runs, or reports that `--report FILE.json` wrote
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        #[command(flatten)]
        shown: Shown,
    },
}

/// How a report is shown.
#[derive(Debug, Args)]
struct Shown {
    /// Write it to a file: `.html`, `.md`, `.json`, or `.xml` for `JUnit`; may be given several
    /// times
    #[arg(short, long, visible_alias = "report", value_name = "FILE")]
    output: Vec<PathBuf>,
    /// How it is printed, where no file is given
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "output")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Html,
    Md,
    Json,
    Xml,
}

/// Runs `canvass report`.
pub(crate) fn report(arguments: &ReportArguments) -> Result<ExitCode, CommandError> {
    match &arguments.verb {
        Some(Verb::Merge { runs, shown }) => {
            let reports: Result<Vec<ChangeReport>, CommandError> =
                runs.iter().map(|run| record::report(run)).collect();
            let merged = merge(reports?).map_err(|error| {
                CommandError::other(format!("these reports cannot be merged: {error}"), None)
            })?;
            show(&merged, shown)
        }
        None => show(&record::report(&arguments.run)?, &arguments.shown),
    }
}

fn show(report: &ChangeReport, shown: &Shown) -> Result<ExitCode, CommandError> {
    let wrong = |error: String| CommandError::other(error, None);
    for path in &shown.output {
        file::write(report, face(path)?, path).map_err(|error| wrong(error.to_string()))?;
    }
    if !shown.output.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let face = match shown.format {
        Format::Text => {
            let options = HumanOptions::detect(ColorChoice::Auto);
            let options = HumanOptions { diff: DiffOutput::Shown, ..options };
            super::print(human::summary(report, &options).trim_start_matches('\n'));
            return Ok(ExitCode::SUCCESS);
        }
        Format::Html => Face::Html,
        Format::Md => Face::Markdown,
        Format::Json => Face::Json,
        Format::Xml => Face::Junit,
    };
    super::print(&face.draw(report).map_err(|error| wrong(error.to_string()))?);
    Ok(ExitCode::SUCCESS)
}

/// Arguments of `canvass compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The earlier run, as `canvass report` takes it
    #[arg(default_value = "last~1")]
    before: String,
    /// The later run
    #[arg(default_value = "last")]
    after: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    format: CompareFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CompareFormat {
    Text,
    Json,
}

/// Runs `canvass compare`.
pub(crate) fn compare(arguments: &CompareArguments) -> Result<ExitCode, CommandError> {
    let before = record::report(&arguments.before)?;
    let after = record::report(&arguments.after)?;
    let found = Comparison::of(&before, &after);
    match arguments.format {
        CompareFormat::Text => super::print(&found.text()),
        CompareFormat::Json => {
            let text = serde_json::to_string_pretty(&found)
                .map_err(|error| CommandError::other(error.to_string(), None))?;
            super::print(&(text + "\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
