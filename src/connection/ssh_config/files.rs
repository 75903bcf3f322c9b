//! The files of the user and of the machine, and who the user is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// Who runs this program, for defaults and `%` sequences.
#[derive(Debug, Clone)]
pub struct Home {
    /// `~`.
    pub directory: PathBuf,
    /// The user's name.
    pub user: String,
    /// The user's number.
    pub uid: String,
    /// The name of this machine.
    pub host_name: String,
    /// The environment.
    pub variables: HashMap<String, String>,
}

impl Home {
    /// The user of this process.
    pub fn of_process() -> Self {
        let variables: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let uid = rustix::process::getuid().as_raw().to_string();
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let account = accounts
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields.get(2) == Some(&uid.as_str()));
        let field = |index: usize| {
            account.as_ref().and_then(|fields| fields.get(index)).map(|field| (*field).to_owned())
        };
        let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        Self {
            directory: variable("HOME").or_else(|| field(5)).unwrap_or_else(|| "/".into()).into(),
            user: field(0).or_else(|| variable("USER")).unwrap_or_else(|| uid.clone()),
            host_name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            uid,
            variables,
        }
    }

    /// Replaces a leading `~`.
    pub(crate) fn tilde(&self, path: &str) -> PathBuf {
        match path.strip_prefix('~') {
            Some("") => self.directory.clone(),
            Some(rest) if rest.starts_with('/') => {
                self.directory.join(rest.trim_start_matches('/'))
            }
            _ => PathBuf::from(path),
        }
    }

    /// Replaces `${NAME}`.
    pub(crate) fn environment(
        &self,
        option: &'static str,
        value: &str,
    ) -> Result<String, ConfigError> {
        let mut text = String::with_capacity(value.len());
        let mut rest = value;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            let found = self.variables.get(name);
            let missing = || ConfigError::Environment { name: name.to_owned(), option };
            text.push_str(before);
            text.push_str(found.ok_or_else(missing)?);
            rest = behind;
        }
        text.push_str(rest);
        Ok(text)
    }
}

/// Where settings are read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConfigFiles {
    /// `~/.ssh/config`; no error when it is missing.
    pub user: Option<PathBuf>,
    /// `/etc/ssh/ssh_config`; no error when it is missing.
    pub system: Option<PathBuf>,
}

impl ConfigFiles {
    /// The usual files.
    pub fn usual(home: &Home) -> Self {
        Self {
            user: Some(home.directory.join(".ssh/config")),
            system: Some("/etc/ssh/ssh_config".into()),
        }
    }
}

/// The paths that a pattern of `Include` stands for, in order.
pub(crate) fn glob(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let name = part.as_os_str().to_string_lossy();
        if !name.contains(['*', '?']) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        found = found.iter().flat_map(|directory| matching_entries(directory, &name)).collect();
    }
    found.retain(|path| path.exists());
    found
}

fn matching_entries(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let hidden = name.starts_with('.') && !pattern.starts_with('.');
            !hidden && super::matches_pattern(&name, pattern)
        })
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    entries
}
