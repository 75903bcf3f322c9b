//! The port through which modules see and change a host.
//!
//! [`Host`] is implemented by the live host and by the rehearsal (an overlay over the live
//! host). Tests have a host in memory.

mod account;
pub(crate) mod digest;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod file;
mod flags;
mod http;
pub mod live;
pub mod memory;
mod port;
pub mod rehearsal;
pub(crate) mod selinux;
mod state;

use std::path::Path;

pub use self::account::{AccountKey, Group, User};
pub use self::digest::sha256;
pub use self::error::HostError;
pub(crate) use self::file::mode_from_letters;
pub use self::file::{DigestAlgorithm, FileKind, FileStat, Follow};
pub use self::flags::{FileFlags, FlagChange};
pub use self::http::{HttpRequest, HttpResponse, Patience, Redirects};
pub use self::port::Host;
pub use self::selinux::{Context, ContextChange, Part};
pub use self::state::{Kept, KeptUnit, UnitState};
use crate::effect::Command;

/// What [`Host::rehearsed`] is asked whether a package manager's lists (the name) would have been
/// fetched.
pub const PACKAGE_LISTS: &str = "package lists";

/// The command that validates a file: `%s` in its words stands for it.
pub(crate) fn validation(template: &str, file: &Path) -> Result<Command, HostError> {
    if !template.contains("%s") {
        return Err(HostError::ValidateWithoutFile(template.to_owned()));
    }
    let bad = || HostError::BadCommand(template.to_owned());
    let file = file.to_str().ok_or_else(bad)?;
    // split first, so that the name of the file stays one word
    let words = shell_words::split(template).map_err(|_| bad())?;
    Ok(Command::new(words.into_iter().map(|word| word.replace("%s", file))))
}

/// When apt's lists were last fetched, as Ansible tells it: seconds since 1970.
pub(crate) fn fetched_at(host: &mut dyn Host) -> Result<i64, HostError> {
    for path in ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"] {
        if let Some(stat) = host.stat(Path::new(path), Follow::Yes)? {
            return Ok(stat.modified.seconds);
        }
    }
    Ok(0)
}
