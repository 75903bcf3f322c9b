//! `--lock`: one deploy at a time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::SystemTime;

use canvass_modules::host::sha256;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::record::{BOUND, RecordSettings};
use crate::report::moment::rfc3339;
use crate::source::inputs::whole;

use super::CommandError;

/// Holds an inventory for this run; it is free again when this is dropped, or the program ends.
pub(super) struct Lock {
    _file: File,
}

/// Who holds a lock.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    user: String,
    host: String,
    pid: u32,
    since: String,
    command: String,
}

impl Lock {
    /// Takes the lock of an inventory; `command` is told to whoever comes next.
    ///
    /// # Errors
    ///
    /// When another run holds it, which is named, or the file cannot be made.
    pub(super) fn take(inventory: &[String], command: String) -> Result<Self, CommandError> {
        let folder = state_folder()?.join("locks");
        let path = folder.join(format!("{}.lock", sha256(name(inventory).as_bytes())));
        let wrong = |error: std::io::Error| {
            CommandError::other(format!("cannot take the lock `{}`: {error}", path.display()), None)
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(wrong)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(wrong)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(wrong(error.into()));
            }
            let mut text = String::new();
            let read = file.read_to_string(&mut text);
            let holder = read.ok().and_then(|_| serde_json::from_str(&text).ok());
            return Err(held(holder));
        }
        let system = rustix::system::uname();
        let holder = Holder {
            user: crate::connection::ssh_config::Home::of_process().user,
            host: system.nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            since: rfc3339(SystemTime::now()),
            command,
        };
        let text = serde_json::to_string(&holder).unwrap_or_default();
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(wrong)?;
        Ok(Self { _file: file })
    }
}

/// What makes two inventories the same: where their files are, and the hosts of lists.
fn name(inventory: &[String]) -> String {
    let source = |text: &String| match text.contains(',') {
        true => text.clone(),
        false => {
            let path = whole(std::path::Path::new(text));
            path.canonicalize().unwrap_or(path).to_string_lossy().into_owned()
        }
    };
    let mut names: Vec<String> = inventory.iter().map(source).collect();
    names.sort();
    names.join("\n")
}

fn held(holder: Option<Holder>) -> CommandError {
    let text = match holder {
        Some(Holder { user, host, pid, since, command }) => format!(
            "the inventory is locked by {user} on {host} (process {pid}) since {since}: {command}"
        ),
        // it is written right after the lock is taken
        None => "the inventory is locked by a run that has just begun".to_owned(),
    };
    CommandError::other(text, Some("the lock is free when that run has ended"))
}

/// Where this user's runs are kept.
pub(super) fn state_folder() -> Result<PathBuf, CommandError> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let (state, home) = (folder("XDG_STATE_HOME"), folder("HOME"));
    let records = RecordSettings::of(state.as_deref(), home.as_deref(), BOUND);
    let records = records.map_err(|error| CommandError::caused(&error, None))?;
    Ok(records.file.parent().map(PathBuf::from).unwrap_or_default())
}
