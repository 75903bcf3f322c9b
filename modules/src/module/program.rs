//! Programs that modules lean on.

use crate::contract::Stop;
use crate::effect::{Command, Output};
use crate::host::{Host, HostError};

/// A program that must be there is not.
#[derive(Debug, thiserror::Error)]
#[error("Failed to find required executable \"{name}\" in paths: {paths}")]
pub(crate) struct Missing {
    name: String,
    paths: String,
}

/// The path of a program that must be there.
pub(crate) fn required(host: &mut dyn Host, name: &str) -> Result<String, Stop> {
    match host.find_program(name)? {
        Some(path) => Ok(path.to_string_lossy().into_owned()),
        None => Err(Stop::failed(Missing { name: name.to_owned(), paths: searched(host) })),
    }
}

/// The locale of programs whose words are read: English, and names of files in UTF-8.
pub(crate) const LOCALE: &str = "C.UTF-8";

/// A command whose words are English.
pub(crate) fn command<I: IntoIterator<Item = S>, S: Into<String>>(argv: I) -> Command {
    let mut command = Command::new(argv);
    for name in ["LANG", "LC_ALL", "LC_MESSAGES"] {
        command.environment.insert(name.to_owned(), LOCALE.to_owned());
    }
    // in this locale, unlike in `C`, translations would be looked for
    command.environment.insert("LANGUAGE".to_owned(), "C".to_owned());
    command
}

/// Runs a command that only reads.
pub(crate) fn query<I, S>(host: &mut dyn Host, argv: I) -> Result<Output, HostError>
where
    I: IntoIterator<Item = S>,
    S: Into<String>,
{
    host.query(&command(argv))
}

/// The failure of a command as modules report it: its error stream as `msg`, and the streams.
pub(crate) fn failure(output: &Output) -> Stop {
    let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
    let message = if stderr.trim().is_empty() { stdout.trim_end() } else { stderr.trim_end() };
    Stop::failed(message)
        .with("rc", output.status)
        .with("stdout", stdout.clone())
        .with("stderr", stderr.clone())
}

/// The failure of an effect's command as modules report it.
pub(crate) fn explain(error: HostError) -> Stop {
    match &error {
        HostError::CommandFailed { command, output } => {
            failure(output).with("cmd", command.clone())
        }
        _ => Stop::Host(error),
    }
}

/// Programs that a plan may need, looked for before it is made.
#[derive(Debug)]
pub(crate) struct Programs {
    found: Vec<(&'static str, Option<String>)>,
    paths: String,
}

impl Programs {
    /// Looks for all of them.
    pub(crate) fn find(names: &[&'static str], host: &mut dyn Host) -> Result<Self, HostError> {
        let mut found = Vec::new();
        for name in names {
            let path = host.find_program(name)?;
            found.push((*name, path.map(|path| path.to_string_lossy().into_owned())));
        }
        Ok(Self { found, paths: searched(host) })
    }

    /// The path of one that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Stop> {
        let path = self.found.iter().find(|(known, _)| *known == name);
        path.and_then(|(_, path)| path.as_deref()).ok_or_else(|| {
            Stop::failed(Missing { name: name.to_owned(), paths: self.paths.clone() })
        })
    }
}

fn searched(host: &mut dyn Host) -> String {
    let path = host.environment("PATH").unwrap_or_default();
    let mut folders: Vec<&str> = path.split(':').collect();
    for more in ["/sbin", "/usr/sbin", "/usr/local/sbin"] {
        if !folders.contains(&more) {
            folders.push(more);
        }
    }
    folders.join(":")
}
