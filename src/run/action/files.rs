//! Finding files of the controller: in the role, beside the tasks, beside the playbook.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::template::Directories;

use super::ActionError;

/// Finds a file by Ansible's search path: for each of role, tasks and playbook the folder of its
/// kind (`files`, `templates`, `vars`) and then the place itself.
pub(super) fn find(
    directories: &Directories,
    kind: &str,
    name: &str,
) -> Result<PathBuf, ActionError> {
    let wanted = expand(name);
    let mut searched = Vec::new();
    if wanted.is_absolute() {
        searched.push(wanted);
    } else {
        let places = directories
            .role
            .iter()
            .chain(directories.task.iter())
            .chain(std::iter::once(&directories.playbook));
        for place in places {
            for candidate in [place.join(kind).join(&wanted), place.join(&wanted)] {
                if !searched.contains(&candidate) {
                    searched.push(candidate);
                }
            }
        }
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
    std::fs::read(path).map_err(|source| ActionError::Read { path: path.to_owned(), source })
}
