//! The inventory of a run: tasks add hosts and groups to it, and it can be read again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::error::{InventoryError, Problem};
use super::inventory::{Inventory, NewHost};
use super::settings::InventorySettings;
use crate::diagnostics::Diagnostic;
use crate::vars::Layer;

/// The inventory of a run.
///
/// A change shows to whatever asks after it; who has asked before goes on with what it has.
#[derive(Debug)]
pub struct LiveInventory {
    state: RwLock<State>,
    sources: Vec<String>,
    playbook_dirs: Vec<PathBuf>,
    settings: InventorySettings,
}

#[derive(Debug)]
struct State {
    inventory: Arc<Inventory>,
    /// What was found for a host and a playbook folder since the last change.
    listed: HashMap<(String, Vec<PathBuf>), Arc<ListedHost>>,
    /// What tasks did, so that it lasts when the sources are read again.
    done: Vec<Change>,
    /// What is worth knowing of what tasks did, until it is told.
    warnings: Vec<Diagnostic>,
}

/// What a task did.
#[derive(Debug)]
enum Change {
    Host(NewHost),
    Group { host: String, group: String, parents: Vec<String> },
}

/// What the inventory says of a host.
#[derive(Debug, Default)]
pub struct ListedHost {
    /// `inventory_hostname`, `group_names`, `groups` …
    pub magic: Arc<Layer>,
    /// Its variables, the strongest layer first.
    pub layers: Vec<Arc<Layer>>,
}

impl LiveInventory {
    /// The inventory as a run begins, by [`Inventory::load`].
    ///
    /// # Errors
    ///
    /// What is wrong with the sources.
    pub fn load(
        sources: Vec<String>,
        playbook_dirs: Vec<PathBuf>,
        settings: InventorySettings,
    ) -> Result<Self, Vec<InventoryError>> {
        let inventory = Arc::new(Inventory::load(&sources, &playbook_dirs, &settings)?);
        let state =
            State { inventory, listed: HashMap::new(), done: Vec::new(), warnings: Vec::new() };
        Ok(Self { state: RwLock::new(state), sources, playbook_dirs, settings })
    }

    /// The sources as they were named.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The inventory as it is now.
    pub fn now(&self) -> Arc<Inventory> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).inventory)
    }

    /// What it says of a host to the plays of a folder.
    ///
    /// # Errors
    ///
    /// A file in `group_vars/` or `host_vars/` that is broken.
    pub fn host(
        &self,
        host: &str,
        playbook_dir: &Path,
    ) -> Result<Arc<ListedHost>, Arc<InventoryError>> {
        self.host_beside(host, &[playbook_dir])
    }

    /// The same with several folders in the place of the playbook's, the weakest first.
    ///
    /// # Errors
    ///
    /// A file in `group_vars/` or `host_vars/` that is broken.
    pub fn host_beside(
        &self,
        host: &str,
        folders: &[&Path],
    ) -> Result<Arc<ListedHost>, Arc<InventoryError>> {
        let key = (host.to_owned(), folders.iter().copied().map(PathBuf::from).collect());
        let inventory = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = state.listed.get(&key) {
                return Ok(Arc::clone(found));
            }
            Arc::clone(&state.inventory)
        };
        let found = Arc::new(ListedHost {
            magic: Arc::new(inventory.magic(host)),
            layers: inventory.layers_beside(host, folders)?,
        });
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&state.inventory, &inventory) {
            state.listed.insert(key, Arc::clone(&found));
        }
        Ok(found)
    }

    /// Adds a host; whether that changed anything.
    ///
    /// # Errors
    ///
    /// A name that is empty.
    pub fn add_host(&self, new: NewHost) -> Result<bool, Problem> {
        self.change(Change::Host(new))
    }

    /// Puts a host into a group and that below others; whether that changed anything.
    ///
    /// # Errors
    ///
    /// An empty name, or a group that would be its own descendant.
    pub fn group_host(
        &self,
        host: String,
        group: String,
        parents: Vec<String>,
    ) -> Result<bool, Problem> {
        self.change(Change::Group { host, group, parents })
    }

    fn change(&self, change: Change) -> Result<bool, Problem> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // a copy only where someone still looks at it as it was
        let inventory = Arc::make_mut(&mut state.inventory);
        let known = inventory.members.warnings.len();
        let changed = change.make(inventory)?;
        let new: Vec<Diagnostic> = inventory.members.warnings.iter().skip(known).cloned().collect();
        state.warnings.extend(new);
        if changed {
            state.listed.clear();
        }
        state.done.push(change);
        Ok(changed)
    }

    /// What is worth knowing of what tasks did since this was asked before.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        let has_none = |state: &State| state.warnings.is_empty();
        if has_none(&self.state.read().unwrap_or_else(PoisonError::into_inner)) {
            return Vec::new();
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.warnings)
    }

    /// Reads the sources again and does once more what tasks did; may block on files.
    ///
    /// # Errors
    ///
    /// What is wrong with the sources; the inventory then stays as it was.
    pub fn refresh(&self) -> Result<(), Vec<InventoryError>> {
        let mut inventory = Inventory::load(&self.sources, &self.playbook_dirs, &self.settings)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for change in &state.done {
            change.make(&mut inventory).map_err(|problem| vec![problem.into()])?;
        }
        state.inventory = Arc::new(inventory);
        state.listed.clear();
        Ok(())
    }
}

impl Change {
    fn make(&self, inventory: &mut Inventory) -> Result<bool, Problem> {
        match self {
            Self::Host(new) => inventory.add_host(new),
            Self::Group { host, group, parents } => inventory.group_host(host, group, parents),
        }
    }
}
