//! `canvass lab`: throwaway hosts on this machine.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::lab::{LabCommand, LabError, Listed, Names};

use super::CommandError;

/// Arguments of `canvass lab`.
#[derive(Debug, Args)]
pub(crate) struct LabArguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Brings hosts up that stay until they are taken down
    Up {
        /// How many, named `h1`, `h2` …
        #[arg(default_value = "1", conflicts_with = "name")]
        count: NonZeroUsize,
        /// A name; may be given several times
        #[arg(long)]
        name: Vec<String>,
    },
    /// Names the hosts
    List,
    /// Prints the path of their inventory
    Inventory,
    /// Opens a shell on a host, or runs a command there
    Shell {
        /// The host; the first by default
        host: Option<String>,
        /// The command
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Takes hosts down; all of them by default
    Down {
        /// The hosts
        hosts: Vec<String>,
    },
}

/// Runs the command.
pub(crate) async fn lab(arguments: LabArguments) -> Result<ExitCode, CommandError> {
    let hosts = match arguments.verb {
        Verb::Up { count, name } => {
            let names = match name.is_empty() {
                true => Names::numbered(count.get()),
                false => Names::of(name).map_err(wrong)?,
            };
            LabCommand::Up(names).run().await
        }
        Verb::List => LabCommand::List.run().await,
        Verb::Down { hosts } => LabCommand::Down(hosts).run().await,
        Verb::Inventory => {
            let path = LabCommand::inventory_path().map_err(wrong)?;
            super::print(&format!("{}\n", path.display()));
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Shell { host, command } => {
            let mut shell = LabCommand::shell(host.as_deref(), &command).map_err(wrong)?;
            // returns only when the client cannot be started
            let error = shell.exec();
            return Err(CommandError::other(format!("cannot run `ssh`: {error}"), None));
        }
    };
    super::print(&table(&hosts.map_err(wrong)?));
    Ok(ExitCode::SUCCESS)
}

fn table(hosts: &[Listed]) -> String {
    let mut text = String::new();
    for host in hosts {
        let state = if host.up { "up" } else { "gone" };
        let _ = writeln!(text, "{:<20} 127.0.0.1:{:<5} {state}", host.name, host.port);
    }
    text
}

/// A lab that cannot come up or be reached.
pub(super) fn wrong(error: LabError) -> CommandError {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    CommandError::other(message, None)
}
