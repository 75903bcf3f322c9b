//! The variables that the inventory has of a host.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::error::InventoryError;
use super::given::Vars;
use super::inventory::{Inventory, full};
use super::members::{ALL, GroupIndex, LOCALHOST};
use super::settings::GroupVars;
use super::vars_files::{Beside, Files};
use crate::source::Place;
use crate::vars::Layer;

impl Inventory {
    /// The variables of a host, the strongest layer first: `host_vars/` beside the playbook and
    /// beside the sources, the host's own, then the same of its groups, the deepest first, and of
    /// `all`. Layers without variables are left out.
    ///
    /// # Errors
    ///
    /// A file in `group_vars/` or `host_vars/` that is broken.
    pub fn layers(
        &self,
        host: &str,
        playbook_dir: &Path,
    ) -> Result<Vec<Arc<Layer>>, Arc<InventoryError>> {
        let found = self.vars(host, &[playbook_dir])?;
        let layers = found.into_iter().map(|vars| vars.layer);
        Ok(layers.filter(|layer| !layer.is_empty()).collect())
    }

    /// The same with several folders in the place of the playbook's, the weakest first.
    ///
    /// # Errors
    ///
    /// A file in `group_vars/` or `host_vars/` that is broken.
    pub fn layers_beside(
        &self,
        host: &str,
        folders: &[&Path],
    ) -> Result<Vec<Arc<Layer>>, Arc<InventoryError>> {
        for folder in folders {
            self.read_beside(&full(folder));
        }
        let found = self.vars(host, folders)?;
        let layers = found.into_iter().map(|vars| vars.layer);
        Ok(layers.filter(|layer| !layer.is_empty()).collect())
    }

    /// Variables of these hosts that have a name which `is_sought`, with the places of their values;
    /// what several hosts share is gone through once. Broken files are told by [`Self::layers`].
    pub fn named<'h>(
        &self,
        hosts: impl IntoIterator<Item = &'h str>,
        playbook_dir: &Path,
        is_sought: impl Fn(&str) -> bool,
    ) -> Vec<(String, Place)> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for host in hosts {
            let layers = self.vars(host, &[playbook_dir]).unwrap_or_default();
            for vars in layers.iter().filter(|vars| seen.insert(Arc::as_ptr(&vars.written))) {
                let named = vars.written.iter().filter(|(name, _)| is_sought(name));
                found.extend(named.map(|(name, node)| (name.clone(), node.span.place())));
            }
        }
        found
    }

    /// The same with what sources gave.
    pub(super) fn vars(
        &self,
        host: &str,
        folders: &[&Path],
    ) -> Result<Vec<Vars>, Arc<InventoryError>> {
        let playbook: Vec<Arc<Beside>> =
            folders.iter().rev().filter_map(|folder| self.beside(&full(folder))).collect();
        let mut layers = Layers::default();
        for beside in &playbook {
            layers.files(Some(&beside.hosts), host)?;
        }
        for beside in self.beside_sources.iter().rev() {
            layers.files(Some(&beside.hosts), host)?;
        }
        let implicit = Vars { layer: Arc::clone(&self.implicit), ..Vars::default() };
        layers.push(match self.members.hosts.get_index_of(host) {
            Some(index) => self.members.hosts.get_index(index).map(|(_, host)| &host.vars),
            // any other name (`delegate_to` an unlisted host) is reached as usual
            None => LOCALHOST.contains(&host).then_some(&implicit),
        });
        let mut groups = self.groups_of_host(host);
        groups.reverse();
        for place in self.precedence.iter().rev() {
            match place {
                GroupVars::AllInventory => self.group_vars(&[ALL], &mut layers),
                GroupVars::GroupsInventory => self.group_vars(&groups, &mut layers),
                GroupVars::AllBesideSources => {
                    self.group_files(self.beside_sources.iter().rev(), &[ALL], &mut layers)?;
                }
                GroupVars::AllBesidePlaybook => {
                    self.group_files(playbook.iter(), &[ALL], &mut layers)?;
                }
                GroupVars::GroupsBesideSources => {
                    self.group_files(self.beside_sources.iter().rev(), &groups, &mut layers)?;
                }
                GroupVars::GroupsBesidePlaybook => {
                    self.group_files(playbook.iter(), &groups, &mut layers)?;
                }
            }
        }
        Ok(layers.0)
    }

    /// What stands beside a playbook, or beside a file of tasks.
    fn beside(&self, folder: &Path) -> Option<Arc<Beside>> {
        let read = || self.beside_tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let playbook = self.beside_playbooks.get(folder).cloned();
        playbook.or_else(|| read().get(folder).cloned())
    }

    /// Reads what stands beside a file of tasks, where that is not known yet.
    fn read_beside(&self, folder: &Path) {
        let Some(mappings) = self.reads_folders else { return };
        if self.beside_playbooks.contains_key(folder) {
            return;
        }
        let mut known = self.beside_tasks.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(folder.to_owned()).or_insert_with(|| {
            let none = std::iter::empty;
            Arc::new(Beside::read(folder, none(), none(), mappings, &mut Vec::new()))
        });
    }

    /// Variables of these groups from sources, the strongest first.
    fn group_vars(&self, groups: &[GroupIndex], layers: &mut Layers) {
        for group in groups {
            layers.push(self.members.at(*group).map(|group| &group.vars));
        }
    }

    /// `group_vars/` of these groups, the strongest first.
    fn group_files<'a>(
        &self,
        places: impl Iterator<Item = &'a Arc<Beside>>,
        groups: &[GroupIndex],
        layers: &mut Layers,
    ) -> Result<(), Arc<InventoryError>> {
        for beside in places {
            for group in groups {
                layers.files(Some(&beside.groups), self.members.name(*group))?;
            }
        }
        Ok(())
    }
}

/// Layers, the strongest first.
#[derive(Default)]
struct Layers(Vec<Vars>);

impl Layers {
    fn push(&mut self, vars: Option<&Vars>) {
        self.0.extend(vars.cloned());
    }

    fn files(&mut self, files: Option<&Files>, name: &str) -> Result<(), Arc<InventoryError>> {
        if let Some(layer) = files.and_then(|files| files.of(name)) {
            self.0.push(layer?);
        }
        Ok(())
    }
}
