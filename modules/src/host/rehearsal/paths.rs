//! Paths as they would be: through links of the host and of the overlay.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::RehearsalHost;
use super::overlay::{Below, Body, Entry, Sight};
use super::scripts;
use super::settings::filled;
use crate::host::{FileKind, FileStat, Follow, Host, HostError};

/// Links that are followed before a path counts as a loop, as in Linux.
const MAX_LINKS: usize = 40;

/// Where packages put files: something missing there may come with a pending package.
const PACKAGED: [&str; 7] = ["/etc", "/usr", "/lib", "/bin", "/sbin", "/var", "/opt"];

pub(super) fn io_error(action: &'static str, path: &Path, kind: io::ErrorKind) -> HostError {
    HostError::Io { action, path: path.to_owned(), source: kind.into() }
}

impl<B: Host> RehearsalHost<B> {
    /// The path without links in its parents, and itself followed where asked.
    pub(super) fn locate(&mut self, path: &Path, follow: Follow) -> Result<PathBuf, HostError> {
        let mut at = PathBuf::from("/");
        // a path of the runner's own directory
        let absolute = std::path::absolute(path);
        let path = absolute.as_deref().unwrap_or(path);
        let mut rest: VecDeque<OsString> = words(path);
        let mut links = 0;
        while let Some(word) = rest.pop_front() {
            if word == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&word);
            if rest.is_empty() && follow == Follow::No {
                return Ok(next);
            }
            match self.entry_stat(&next)?.and_then(|stat| stat.link_target) {
                Some(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(HostError::Io {
                            action: "follow",
                            path: path.to_owned(),
                            source: rustix::io::Errno::LOOP.into(),
                        });
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    for word in words(&target).into_iter().rev() {
                        rest.push_front(word);
                    }
                }
                None => at = next,
            }
        }
        Ok(at)
    }

    /// What a located path looks like.
    pub(super) fn entry_stat(&mut self, path: &Path) -> Result<Option<FileStat>, HostError> {
        match self.overlay.see(path) {
            Sight::Entry(entry) => Ok(Some(entry.stat.clone())),
            Sight::Absent => Ok(None),
            Sight::Unknown(directory) => Err(filled(directory)),
            Sight::Host => match self.base.stat(path, Follow::No)? {
                Some(stat) => Ok(Some(self.overlay.as_amended(stat))),
                None => self.missing(path),
            },
        }
    }

    /// A located path as an entry that can be changed.
    pub(super) fn entry(&mut self, path: &Path) -> Result<Option<Entry>, HostError> {
        match self.overlay.see(path) {
            Sight::Entry(entry) => Ok(Some(entry.clone())),
            Sight::Absent => Ok(None),
            Sight::Unknown(directory) => Err(filled(directory)),
            Sight::Host => match self.base.stat(path, Follow::No)? {
                Some(stat) => {
                    let body = match stat.kind {
                        FileKind::Directory | FileKind::Link => Body::None,
                        _ => Body::Host(path.to_owned()),
                    };
                    let stat = self.overlay.as_amended(stat);
                    Ok(Some(Entry { stat, body, below: Below::Host }))
                }
                None => self.missing(path),
            },
        }
    }

    /// A path that the host does not have: absent, or unknown before a package is there.
    fn missing<T>(&mut self, path: &Path) -> Result<Option<T>, HostError> {
        if !PACKAGED.iter().any(|root| path.starts_with(root)) {
            return Ok(None);
        }
        if let Some(reason) = self.overlay.pending() {
            return Err(HostError::Unknown(reason));
        }
        // helpers put nothing into a directory that is not there
        let parent = path.parent().map(|parent| self.entry_stat(parent));
        if matches!(parent, Some(Ok(None))) {
            return Ok(None);
        }
        match path.to_str().and_then(|text| self.mentioned_by_script(text)) {
            Some(reason) => Err(HostError::Unknown(reason)),
            None => Ok(None),
        }
    }

    /// The package whose maintainer script names a path, as the reason why it is unknown.
    fn mentioned_by_script(&self, path: &str) -> Option<String> {
        let ends = |rest: &str| {
            !rest.starts_with(|next: char| {
                next.is_alphanumeric() || matches!(next, '-' | '_' | '.' | '/')
            })
        };
        self.overlay
            .scripts
            .iter()
            .find(|script| {
                let named = script
                    .text
                    .match_indices(path)
                    .any(|(at, found)| script.text.get(at + found.len()..).is_some_and(ends));
                named || scripts::enables(&script.text, path)
            })
            .map(|script| {
                format!(
                    "a script of package `{}`, which would run first, handles it",
                    script.package
                )
            })
    }

    /// Fails unless the parent of a located path is a directory.
    pub(super) fn require_parent(
        &mut self,
        action: &'static str,
        path: &Path,
    ) -> Result<FileStat, HostError> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        match self.entry_stat(parent)? {
            Some(stat) if stat.kind == FileKind::Directory => {
                self.require_writable(action, parent, path)?;
                Ok(stat)
            }
            Some(_) => Err(io_error(action, path, io::ErrorKind::NotADirectory)),
            None => Err(io_error(action, path, io::ErrorKind::NotFound)),
        }
    }
}

fn words(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(word) => Some(word.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}
