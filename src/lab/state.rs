//! Where labs are kept, and which of them are up.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, getpid, getuid, kill_process};
use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::files;

/// The record of a lab that outlives the command that made it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) hosts: Vec<RecordedHost>,
}

/// A host of a lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedHost {
    pub(super) name: String,
    pub(super) port: u16,
    /// The process that holds its namespaces.
    pub(super) pid: i32,
    /// The public key of its server, in OpenSSH's form.
    pub(super) key: String,
}

const RECORD: &str = "lab.json";
/// The folder of the lab that `canvass lab up` keeps.
const KEPT: &str = "kept";

/// The folder of this user's labs, made where it is not there.
pub(super) fn base() -> Result<PathBuf, LabError> {
    let path = match std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_dir()) {
        Some(dir) => PathBuf::from(dir).join("canvass"),
        None => std::env::temp_dir().join(format!("canvass-{}", getuid().as_raw())),
    };
    make_private(&path)?;
    let metadata = fs::symlink_metadata(&path).map_err(LabError::file("look at", &path))?;
    let private =
        metadata.is_dir() && metadata.uid() == getuid().as_raw() && metadata.mode() & 0o077 == 0;
    if private { Ok(path) } else { Err(LabError::Unsafe(path)) }
}

/// The folder of the kept lab.
pub(super) fn kept() -> Result<PathBuf, LabError> {
    Ok(base()?.join(KEPT))
}

/// Makes a folder of this process's own.
pub(super) fn fresh() -> Result<PathBuf, LabError> {
    let base = base()?;
    sweep(&base);
    for number in 0.. {
        let path = base.join(format!("lab-{}-{number}", getpid().as_raw_nonzero()));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path.clone()).map_err(LabError::file("create", path)),
        }
    }
    Err(LabError::Unsafe(base))
}

/// Makes a folder that only this user enters.
pub(super) fn make_private(path: &Path) -> Result<(), LabError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(LabError::File { action: "create", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Removes the folders of processes that were killed; their hosts have ended with them.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix("lab-"))
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(pid, _)| pid.parse::<i32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Record {
    /// The record in a lab's folder; `None` where there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, LabError> {
        let path = dir.join(RECORD);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LabError::File { action: "read", path, source }),
        };
        serde_json::from_str(&text).map(Some).map_err(|source| LabError::Record { path, source })
    }

    /// Writes it into a lab's folder.
    pub(super) fn write(&self, dir: &Path) -> Result<(), LabError> {
        let path = dir.join(RECORD);
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| LabError::Record { path: path.clone(), source })?;
        files::write(&path, &text)
    }
}

impl RecordedHost {
    /// Whether its process is there and is the one that this lab started.
    pub(super) fn is_up(&self, dir: &Path) -> bool {
        let Ok(line) = fs::read(format!("/proc/{}/cmdline", self.pid)) else { return false };
        let mut words = line.split(|byte| *byte == 0);
        words.any(|word| word == b"lab-host")
            && words.any(|word| word == self.name.as_bytes())
            && words.any(|word| word == dir.as_os_str().as_encoded_bytes())
    }

    /// Ends it, and everything in it; nothing where the process is another by now.
    pub(super) fn kill(&self, dir: &Path) {
        if self.is_up(dir)
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
