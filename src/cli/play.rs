//! `canvass play`: runs playbooks.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::playbook::{Playbook, SearchPaths};
use crate::report::event::RunMode;
use crate::run::RunEnd;
use crate::source;

use super::journal::Header;
use super::launch::{Bonds, Launch};
use super::lock::Lock;
use super::output::OutputArguments;
use super::plan::hosts;
use super::run_arguments::{Prepared, RunArguments};
use super::{CommandError, say};

/// Arguments of `canvass play`.
#[derive(Debug, Args)]
pub(crate) struct PlayArguments {
    #[command(flatten)]
    run: RunArguments,

    #[command(flatten)]
    how: HowArguments,

    #[command(flatten)]
    output: OutputArguments,
}

/// How far it goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "How far it goes")]
struct HowArguments {
    /// Dry run: nothing is changed, and the report shows what would be
    #[arg(short = 'C', long)]
    check: bool,
    /// Of a dry run: end with 0 when nothing would change, with 2 when something would or may, and
    /// with 1 when a host failed
    #[arg(long, requires = "check")]
    detailed_exitcode: bool,
    /// Take the lock of the inventory; a run that holds it is named
    #[arg(long, conflicts_with_all = ["check", "lab"])]
    lock: bool,
    /// Read everything, check it, and stop before the first connection
    #[arg(long)]
    syntax_check: bool,
    /// Name the hosts of each play and stop
    #[arg(long)]
    list_hosts: bool,
}

/// Runs the command.
pub(crate) async fn play(arguments: PlayArguments) -> Result<ExitCode, CommandError> {
    let applies = !arguments.how.check;
    if applies {
        // a run that breaks off can only go on with the same files
        source::inputs::watch();
    }
    let mode = if arguments.how.check { RunMode::Rehearsal } else { RunMode::Apply };
    let prepared = arguments.run.prepare(mode, &arguments.output)?;
    if arguments.how.syntax_check {
        let missing = crate::run::missing_modules(&prepared.playbooks);
        if !missing.is_empty() {
            return Err(CommandError::parse(missing));
        }
        for playbook in &prepared.playbooks {
            say(&format!("`{}` is in order", playbook.path.display()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let names = arguments.run.playbooks.iter().map(|path| path.display().to_string());
    let _lock = match arguments.how.lock {
        true => {
            let command = format!("play {}", names.collect::<Vec<_>>().join(" "));
            Some(Lock::take(&arguments.run.hosts.inventory, command)?)
        }
        false => None,
    };
    let lab = arguments.run.lab().await?;
    let end = arguments.on_hosts(prepared, lab.as_ref()).await;
    if let Some(lab) = lab {
        lab.down().await.map_err(super::lab::wrong)?;
    }
    end
}

/// The exit code of a dry run that tells whether something would change (`--detailed-exitcode`).
pub(super) fn detailed(end: &RunEnd) -> ExitCode {
    // 2 is taken: hosts that failed are an error here
    let pending = end.recap.values().any(|line| line.changed > 0 || line.unknown > 0);
    match (end.exit_code, pending) {
        (0, false) => ExitCode::SUCCESS,
        (0, true) => ExitCode::from(2),
        (2, _) => ExitCode::from(1),
        (code, _) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
    }
}

impl PlayArguments {
    async fn on_hosts(
        &self,
        prepared: Prepared,
        lab: Option<&Lab>,
    ) -> Result<ExitCode, CommandError> {
        let Prepared { settings, playbooks, reader } = prepared;
        let inventory = self.run.inventory(&playbooks, lab)?;
        self.run.limit_meets(&inventory.now())?;
        if self.how.list_hosts {
            return self.list_hosts(&inventory.now(), &playbooks);
        }
        let recording = self.output.recording("canvass play", None)?;
        let consumers = self.output.consumers(recording.as_ref())?;
        // throwaway hosts are gone when the run is over
        let journal = match recording.filter(|_| !self.how.check && lab.is_none()) {
            Some(recording) => {
                Some(Header::of(&self.run, hosts(&inventory))?.begin(None, recording))
            }
            None => None,
        };
        let launch = Launch {
            settings,
            playbooks,
            inventory,
            reader: &reader,
            consumers,
            bonds: Bonds { journal, ..Bonds::default() },
        };
        let end = launch.end().await?;
        match self.how.detailed_exitcode {
            true => Ok(detailed(&end)),
            false => Ok(ExitCode::from(u8::try_from(end.exit_code).unwrap_or(1))),
        }
    }

    fn list_hosts(
        &self,
        inventory: &Inventory,
        playbooks: &[Playbook],
    ) -> Result<ExitCode, CommandError> {
        let mut text = String::new();
        for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
            let pattern = crate::run::pattern_text(play);
            let hosts = hosts_of(inventory, &pattern, self.run.hosts.limit.as_deref())?;
            text.push_str(&format!("{pattern}: {} host(s)\n", hosts.len()));
            for host in hosts {
                text.push_str(&format!("  {host}\n"));
            }
        }
        super::print(&text);
        Ok(ExitCode::SUCCESS)
    }
}

/// Folders of roles.
pub(super) fn search_paths(roles_path: Option<&str>) -> SearchPaths {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match roles_path {
        Some(text) => SearchPaths::from_roles_path(text, home.as_deref()),
        None => SearchPaths::with_home(home.as_deref()),
    }
}

/// The hosts of a pattern within a limit.
pub(super) fn hosts_of(
    inventory: &Inventory,
    pattern: &str,
    limit: Option<&str>,
) -> Result<Vec<String>, CommandError> {
    use crate::inventory::{Pattern, PatternError};
    let wrong = |error: PatternError| CommandError::parse_all(&[error]);
    let pattern = Pattern::parse(pattern).map_err(wrong)?;
    let limit = limit.map(Pattern::limit).transpose().map_err(wrong)?;
    let hosts = inventory.select(&pattern, limit.as_ref()).map_err(wrong)?.hosts;
    Ok(hosts.iter().map(|host| host.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::Recap;
    use crate::report::mask::Secrets;

    #[test]
    fn pending_changes_have_a_code_of_their_own() {
        let cases = [
            (0, Recap::default(), 0),
            (0, Recap { changed: 1, ..Recap::default() }, 2),
            (0, Recap { unknown: 1, ..Recap::default() }, 2),
            (2, Recap { changed: 1, failed: 1, ..Recap::default() }, 1),
            (4, Recap { unreachable: 1, ..Recap::default() }, 4),
            (99, Recap::default(), 99),
        ];
        for (exit_code, line, expected) in cases {
            let recap = [("h".to_owned(), line)].into();
            let end = RunEnd { exit_code, recap, stopped: Vec::new(), secrets: Secrets::new() };
            assert_eq!(detailed(&end), ExitCode::from(expected), "{exit_code}");
        }
    }
}
