//! The command line: arguments become settings, then one call into the library.

mod ansible;
mod apply;
mod compat;
mod doc;
mod error;
mod extra_vars;
mod graph;
mod history;
mod journal;
mod lab;
mod launch;
mod lock;
mod output;
mod plan;
mod play;
mod prompt;
mod read;
mod record;
mod report;
mod resume;
mod run_arguments;
mod serve;
mod show;
mod switch;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

pub use error::CommandError;

use crate::connection::{ConnectorSettings, PassphraseRequest};
use crate::diagnostics::Diagnostic;

/// Agentless configuration management: runs Ansible playbooks over SSH, without Python.
#[derive(Debug, Parser)]
#[command(name = "canvass", version, propagate_version = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs playbooks and reports what changed.
    Play(Box<play::PlayArguments>),
    /// Rehearses playbooks and keeps what they would do, to be read, approved and applied.
    Plan(Box<plan::PlanArguments>),
    /// Does what a plan says, or stops.
    Apply(Box<apply::ApplyArguments>),
    /// Goes on with a run that failed or broke off, each host at its own place.
    Resume(Box<resume::ResumeArguments>),
    /// Shows a plan.
    Show(show::ShowArguments),
    /// Lists the runs that were recorded.
    History(history::HistoryArguments),
    /// Shows what a recorded run did, in any face of the report.
    Report(report::ReportArguments),
    /// Shows what differs between two recorded runs: what drifted, what got slower.
    Compare(report::CompareArguments),
    /// Shows the steps of playbooks: what runs in which order, and who waits for whom.
    Graph(graph::GraphArguments),
    /// Links by the names of Ansible's programs.
    Compat(compat::CompatArguments),
    /// Shows hosts, groups and their variables.
    Inventory(Box<ansible::show_inventory::Arguments>),
    /// Shows what modules, filters, tests, lookups and keywords there are, and what they take.
    Doc(doc::DocArguments),
    /// Encrypts and opens files and strings, as ansible-vault does.
    Vault {
        /// An action and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<OsString>,
    },
    /// Throwaway hosts on this machine.
    Lab(lab::LabArguments),
    /// The inside of a lab host.
    #[command(hide = true)]
    LabHost {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Why the program ended without an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum FatalError {
    /// The asynchronous runtime did not start.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
}

/// Runs the program with these arguments.
///
/// # Errors
///
/// Only what keeps it from running at all; everything else is told on standard error and in the
/// exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode, FatalError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(program) = arguments.first().and_then(ansible::find) {
        return Ok(program.run(arguments));
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // help and version go to standard output and are no error
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return Ok(ExitCode::from(code));
        }
    };
    let done = match arguments.command {
        Command::Play(arguments) => runtime()?.block_on(play::play(*arguments)),
        Command::Plan(arguments) => runtime()?.block_on(plan::plan(*arguments)),
        Command::Apply(arguments) => apply::apply(&arguments),
        Command::Resume(arguments) => resume::resume(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::History(arguments) => history::history(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Compare(arguments) => report::compare(&arguments),
        Command::Graph(arguments) => graph::graph(&arguments),
        Command::Compat(arguments) => compat::compat(&arguments),
        Command::Inventory(arguments) => arguments.run(ansible::show_inventory::Face::Native),
        Command::Doc(arguments) => doc::doc(&arguments),
        Command::Vault { arguments } => return Ok(ansible::run("ansible-vault", arguments)),
        Command::Lab(arguments) => runtime()?.block_on(lab::lab(arguments)),
        Command::LabHost { arguments } => return Ok(crate::lab::host_main(&arguments)),
    };
    Ok(match done {
        Ok(code) => code,
        Err(error) => {
            say(&error.rendered());
            ExitCode::from(error.exit_code())
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, FatalError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(FatalError::Runtime)
}

/// Runs a future to its end.
fn block_on(
    future: impl Future<Output = Result<ExitCode, CommandError>>,
) -> Result<ExitCode, CommandError> {
    match runtime() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => Err(CommandError::other(error.to_string(), None)),
    }
}

/// Prints data on standard output.
fn print(text: &str) {
    // a reader that has gone wants no more
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// How connections are opened: passphrases of keys are asked for on the terminal.
fn connector_settings(tell: fn(&Diagnostic)) -> ConnectorSettings {
    ConnectorSettings {
        passphrase: Some(Arc::new(|request: &PassphraseRequest| {
            prompt::ask(&format!("passphrase of `{}`: ", request.file.display()))
        })),
        warn: Some(Arc::new(move |text: &str| tell(&Diagnostic::warning(text, None)))),
        ..ConnectorSettings::of_process()
    }
}

/// Writes to standard error as it is.
fn raw(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Says something on standard error.
pub fn say(text: &str) {
    // nobody is left to hear of it when standard error is closed
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}
