//! Packages as they would be installed.

use super::contents::Brought;
use super::{PackageContents, RehearsalHost};
use crate::effect::PackageChange;
use crate::host::Host;

impl<B: Host> RehearsalHost<B> {
    pub(super) fn change_packages(&mut self, change: &PackageChange) {
        for step in &change.remove {
            self.overlay.packages.insert(key(&change.manager, &step.name), None);
        }
        for step in &change.install {
            let version = step.to.clone().unwrap_or_default();
            self.overlay.packages.insert(key(&change.manager, &step.name), Some(version));
        }
        let new = change.install.iter().filter(|step| step.from.is_none());
        let names: Vec<String> = new.map(|step| step.name.clone()).collect();
        if let Some(first) = names.first() {
            self.overlay.acted = Some(format!("package `{first}` would be installed first"));
        }
        if self.contents == PackageContents::Fetch && change.manager == "apt" {
            let steps: Vec<_> = change.install.iter().filter(|step| step.to.is_some()).collect();
            if steps.len() == change.install.len() && self.unpack(&steps) == Brought::Known {
                return;
            }
        }
        // an upgrade seldom brings what was not there; a new package does
        self.overlay.opaque_packages.extend(names);
    }
}

/// The key of a package; the architecture suffix of a name does not count.
pub(super) fn key(manager: &str, name: &str) -> (String, String) {
    let name = match manager {
        "apt" => name.split(':').next().unwrap_or(name),
        _ => name,
    };
    (manager.to_owned(), name.to_owned())
}
