//! Finding files of the controller: in the role, beside the tasks, beside the playbook.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::template::Directories;
use crate::vault;

use super::ActionError;

/// Finds a file by Ansible's search path: for each of role, tasks and playbook the folder of its
/// kind (`files`, `templates`, `vars`) and then the place itself. The playbook's are told at the
/// end, also where the tasks stand beside it.
pub(super) fn find(
    directories: &Directories,
    kind: &str,
    name: &str,
) -> Result<PathBuf, ActionError> {
    crate::vars::note_look();
    let wanted = expand(name);
    let mut searched = Vec::new();
    if wanted.is_absolute() {
        searched.push(wanted);
    } else {
        for place in directories.roles.iter().chain(&directories.task) {
            for candidate in [place.join(kind).join(&wanted), place.join(&wanted)] {
                if !searched.contains(&candidate) {
                    searched.push(candidate);
                }
            }
        }
        let playbook = &directories.playbook;
        searched.extend([playbook.join(kind).join(&wanted), playbook.join(&wanted)]);
    }
    match searched.iter().find(|candidate| candidate.exists()) {
        Some(found) => Ok(found.clone()),
        None => Err(ActionError::NotFound { name: name.to_owned(), searched }),
    }
}

fn expand(name: &str) -> PathBuf {
    match (name.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(name),
    }
}

/// Refuses a task without `src` or `dest`, in the words of the actions that need both.
pub(super) fn require_src_and_dest(arguments: &Map<String, Json>) -> Result<(), ActionError> {
    match ["src", "dest"].iter().all(|name| arguments.get(*name).is_some_and(|it| !it.is_null())) {
        true => Ok(()),
        false => Err(ActionError::Include("src and dest are required".to_owned())),
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a file whole.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ActionError> {
    crate::source::inputs::read(path)
        .map_err(|source| ActionError::Read { path: path.to_owned(), source })
}

/// What an encrypted file holds; `None` where it is not encrypted, or `decrypt` is off.
pub(super) fn decrypted(path: &Path, decrypt: bool) -> Result<Option<Vec<u8>>, ActionError> {
    use std::io::Read as _;
    if !decrypt {
        return Ok(None);
    }
    let unreadable = |source| ActionError::Read { path: path.to_owned(), source };
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(14).read_to_end(&mut start))
        .map_err(unreadable)?;
    if !vault::is_encrypted(&start) {
        return Ok(None);
    }
    let plain = vault::decrypt(&read(path)?).map_err(|source| match source {
        vault::VaultError::NoSecrets => ActionError::NoVaultSecrets(path.to_owned()),
        source => ActionError::Vault { source },
    })?;
    if let Ok(text) = std::str::from_utf8(&plain) {
        vault::keep_secret(text);
    }
    Ok(Some(plain.to_vec()))
}
