//! `ansible-galaxy`: roles and collections.

mod arguments;
mod collection;
mod imports;
mod role;
mod servers;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::{CommandError, print};
use super::{Invocation, talk};
use crate::galaxy::{Certificates, GalaxyError, Voice};
use crate::settings::Settings;

use arguments::{Action as _, Arguments, Kind};

/// Runs the program.
pub(super) fn main(mut invocation: Invocation) -> Result<ExitCode, CommandError> {
    let implicit = imply_role(&mut invocation.arguments);
    if invocation.arguments.get(1).is_some_and(|word| word == "role")
        && invocation.arguments.get(2).is_some_and(|word| word == "login")
    {
        return Err(CommandError::other(
            "The login command was removed in late 2020. An API key is now required to publish \
             roles or collections to Galaxy.",
            None,
        ));
    }
    let arguments: Arguments = match invocation.parse("ansible-galaxy") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    let (common, refused) = match &arguments.kind {
        Kind::Collection { action } => (action.common(), action.refused()),
        Kind::Role { action } => (action.common(), action.refused()),
    };
    let verbosity = arguments.verbosity.saturating_add(common.verbosity);
    let settings = &invocation.settings;
    talk::header("ansible-galaxy", settings, verbosity);
    if let Some(what) = refused {
        let message = format!("`{what}` is not supported yet");
        return Err(CommandError::options(message, None));
    }
    let context = Context {
        settings,
        voice: Spoken { verbosity },
        certificates: match common.ignore_certs || settings.boolean("GALAXY_IGNORE_CERTS") {
            true => Certificates::Ignored,
            false => Certificates::Checked,
        },
        implicit,
        arguments: &invocation.arguments,
    };
    match &arguments.kind {
        Kind::Collection { action } => collection::run(action, &context),
        Kind::Role { action } => role::run(action, &context),
    }
}

/// What all actions work with.
struct Context<'a> {
    settings: &'a Settings,
    voice: Spoken,
    certificates: Certificates,
    /// Whether neither `role` nor `collection` was said.
    implicit: bool,
    /// As they were given.
    arguments: &'a [OsString],
}

impl Context<'_> {
    /// The folders of the search path of collections.
    fn collections_paths(&self) -> Vec<PathBuf> {
        self.settings.list("COLLECTIONS_PATHS").iter().map(|path| absolute(path)).collect()
    }
}

/// `role` is meant where nothing is said; whether that is so.
fn imply_role(arguments: &mut Vec<OsString>) -> bool {
    let Some(first) = arguments.get(1) else { return false };
    let asks = ["-h", "--help", "--version"].iter().any(|word| first == word);
    let said = arguments.iter().any(|word| word == "role" || word == "collection");
    if asks || said {
        return false;
    }
    arguments.insert(1, OsString::from("role"));
    true
}

/// Says things as Ansible says them.
struct Spoken {
    verbosity: u8,
}

impl Voice for Spoken {
    fn say(&self, text: &str) {
        print(&format!("{text}\n"));
    }

    fn warn(&self, text: &str) {
        talk::warning(text);
    }

    fn error(&self, text: &str) {
        talk::error(text);
    }

    fn detail(&self, level: u8, text: &str) {
        if self.verbosity >= level {
            print(&format!("{text}\n"));
        }
    }
}

impl From<GalaxyError> for CommandError {
    fn from(error: GalaxyError) -> Self {
        match error {
            GalaxyError::Yaml(error) => Self::parse_all(&[error]),
            other => Self::other(other.to_string(), None),
        }
    }
}

/// A path from here, its home resolved.
fn absolute(text: &str) -> PathBuf {
    crate::inventory::absolute(text)
}

/// The same of a path that is one already.
fn absolute_path(path: &Path) -> PathBuf {
    absolute(&path.display().to_string())
}
