//! What programs would keep, and directories that they would fill.

use std::path::Path;

use super::RehearsalHost;
use super::overlay::{Below, Entry};
use crate::effect::SettingChange;
use crate::host::{Follow, Host, HostError, Kept};

impl<B: Host> RehearsalHost<B> {
    pub(super) fn change_setting(&mut self, change: &SettingChange) -> Result<(), HostError> {
        if let Some(kind) = &change.clears {
            self.overlay.settings.retain(|(other, _), _| other != kind);
        }
        let key = (change.kind.clone(), change.name.clone());
        self.overlay.settings.insert(key, change.after.clone());
        for (from, to) in &change.moves {
            if self.stat(from, Follow::No)?.is_some() {
                self.copy_file(from, to)?;
                self.remove(from)?;
            }
        }
        for directory in &change.fills {
            self.fill(directory)?;
        }
        Ok(())
    }

    pub(super) fn kept(&self, kind: &str, name: &str) -> Option<Kept> {
        let value = self.overlay.settings.get(&(kind.to_owned(), name.to_owned()))?;
        Some(Kept { value: value.clone() })
    }

    /// Makes a directory whose content nobody knows.
    pub(super) fn fill(&mut self, directory: &Path) -> Result<(), HostError> {
        self.make_directories(directory);
        let located = self.locate(directory, Follow::Yes)?;
        if let Some(entry) = self.entry(&located)? {
            self.overlay.put(&located, Entry { below: Below::Unknown, ..entry });
        }
        Ok(())
    }
}

/// Why what lies in a directory is not known.
pub(super) fn filled(directory: &Path) -> HostError {
    HostError::Unknown(format!("`{}` would be filled first", directory.display()))
}
