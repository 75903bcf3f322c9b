//! `canvass history`: the recorded runs.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::record::RunRecord;
use crate::report::event::RunMode;
use crate::report::moment;
use crate::report::text::one_line;

use super::{CommandError, record, serve};

/// Arguments of `canvass history`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct HistoryArguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// So many runs, the newest
    #[arg(short = 'n', long, value_name = "N", default_value = "20")]
    most: u32,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Shows the runs in a browser on this machine, to be read only
    Serve {
        /// The port on the loopback interface; any free one by default
        #[arg(long, default_value = "0")]
        port: u16,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the command.
pub(crate) fn history(arguments: &HistoryArguments) -> Result<ExitCode, CommandError> {
    if let Some(Verb::Serve { port }) = arguments.verb {
        return super::block_on(serve::serve(port));
    }
    let records = record::records()?;
    let runs = records.newest(arguments.most).map_err(|error| record::wrong(&error))?;
    match arguments.format {
        Format::Text => super::print(&table(&runs)),
        Format::Json => {
            let text = serde_json::to_string_pretty(&runs)
                .map_err(|error| CommandError::other(error.to_string(), None))?;
            super::print(&(text + "\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(runs: &[RunRecord]) -> String {
    let mut text = format!(
        "{:>5}  {:<16}  {:>6}  {:<7}  {:<24}  RESULT\n",
        "RUN", "STARTED", "TIME", "MODE", "PLAYBOOKS"
    );
    for run in runs {
        let playbooks: String = one_line(&run.playbooks.join(" ")).chars().take(24).collect();
        let mode = match run.mode {
            RunMode::Apply => "run",
            RunMode::Rehearsal => "dry run",
        };
        let _ = writeln!(
            text,
            "{:>5}  {:<16}  {:>6}  {mode:<7}  {playbooks:<24}  {}",
            run.id.0,
            moment::local_minute(&run.started),
            time(run),
            resumable(run),
        );
    }
    text
}

/// How a run ended, and whether it can be gone on with.
fn resumable(run: &RunRecord) -> String {
    let ended = result(run);
    match run.resumable && !run.on {
        true => format!("{ended} (can be resumed)"),
        false => ended,
    }
}

/// How a run ended.
pub(super) fn result(run: &RunRecord) -> String {
    match (&run.verdict, run.on) {
        (None, true) => "still on".to_owned(),
        (None, false) => "cut off".to_owned(),
        (Some(ended), true) => format!("{ended} (another run goes on with it)"),
        (Some(ended), false) => ended.clone(),
    }
}

/// How long a run took.
pub(super) fn time(run: &RunRecord) -> String {
    let seconds = run.finished.as_deref();
    let seconds = seconds.and_then(|finished| moment::seconds_between(&run.started, finished));
    seconds.map(moment::words).unwrap_or_default()
}
