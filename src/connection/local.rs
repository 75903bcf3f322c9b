//! This machine as a host.

use tokio::process::Command;

use super::error::Problem;
use super::process::{Process, spawn};

/// Runs a shell line on this machine.
pub(crate) fn open(line: &str) -> Result<Process, Problem> {
    spawn(Command::new("/bin/sh").arg("-c").arg(line))
        .map_err(|source| Problem::Spawn { program: "/bin/sh".to_owned(), source })
}
