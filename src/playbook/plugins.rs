//! Modules and actions written in Python that lie beside playbooks, in roles and in collections.
//!
//! None of them runs here. Under Ansible's names a task may still have one, as long as it is only
//! listed, checked or skipped; elsewhere they make a refusal say what was found.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::modules::{ModuleFace, Options};
use super::parser::{Parser, Place};
use crate::source::{SourceFile, yaml};

/// The folder that collections lie in, below a folder of the search path.
pub(super) const COLLECTIONS: &str = "ansible_collections";

/// Folders with modules beside a playbook and in a role.
const BESIDE: [&str; 2] = ["library", "action_plugins"];

/// Folders with modules in a collection.
const IN_COLLECTION: [&str; 2] = ["plugins/modules", "plugins/action"];

/// Endings of files that are no modules.
const OTHER_FILES: [&str; 8] = ["pyc", "pyo", "swp", "bak", "rpm", "txt", "yml", "yaml"];

/// Where plugins were looked for, and what lies there.
#[derive(Debug, Default)]
pub(super) struct PluginFolders {
    /// The folders of the playbooks and roles that were read so far: a plugin that any of them
    /// brings is there for what is read after it.
    pub(super) roots: Vec<PathBuf>,
    listings: Mutex<HashMap<PathBuf, Arc<HashSet<String>>>>,
    collections: Mutex<HashMap<PathBuf, Arc<Vec<PathBuf>>>>,
}

impl PluginFolders {
    /// Notes a folder that may have `library/`.
    pub(super) fn add(&mut self, root: &Path) {
        if !self.roots.iter().any(|known| known == root) {
            self.roots.push(root.to_owned());
        }
    }

    /// Whether a folder has a module of this name.
    fn has(&self, folder: &Path, name: &str) -> bool {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = listings.get(folder) {
            return known.contains(name);
        }
        let names = Arc::new(list(folder));
        let found = names.contains(name);
        listings.insert(folder.to_owned(), names);
        found
    }

    /// The folders of all collections below a folder of the search path.
    fn all_collections(&self, path: &Path) -> Arc<Vec<PathBuf>> {
        let mut known = self.collections.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.entry(path.to_owned()).or_insert_with(|| {
            let namespaces = folders(&path.join(COLLECTIONS));
            Arc::new(namespaces.iter().flat_map(|namespace| folders(namespace)).collect())
        });
        Arc::clone(found)
    }
}

impl Parser<'_> {
    /// The module that a fully qualified name stands for, where tasks may have it: one that is
    /// native, or one in Python that the task fails for once it runs.
    pub(super) fn find_module(&self, name: &str) -> Option<ModuleFace> {
        self.modules.find(name).or_else(|| {
            let stands_in = self.modules.is_late() && self.has_plugin(name);
            stands_in.then_some(ModuleFace { free_form: false, options: Options::Any })
        })
    }

    /// Whether a module in Python of this fully qualified name lies where Ansible looks for it.
    pub(super) fn has_plugin(&self, name: &str) -> bool {
        match name.strip_prefix("ansible.builtin.") {
            Some(short) => self.has_loose(short) || self.was_moved(short),
            None => self.has_in_collection(name),
        }
    }

    /// Beside a playbook, in a role or in a folder of the settings.
    fn has_loose(&self, short: &str) -> bool {
        let beside =
            self.plugins.roots.iter().flat_map(|root| BESIDE.map(|folder| root.join(folder)));
        let mut folders = beside.chain(self.search.modules.iter().cloned());
        folders.any(|folder| self.plugins.has(&folder, short))
    }

    /// Modules that once were part of Ansible are found by their short names in the collections
    /// that they moved to.
    fn was_moved(&self, short: &str) -> bool {
        self.search.collections.iter().any(|path| {
            let all = self.plugins.all_collections(path);
            all.iter().any(|folder| self.plugins.has(&folder.join("plugins/modules"), short))
        })
    }

    fn has_in_collection(&self, name: &str) -> bool {
        let mut parts = name.splitn(3, '.');
        let (Some(namespace), Some(collection), Some(short)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let beside = self.plugins.roots.iter().map(|root| root.join("collections"));
        let own = self.plugins.roots.iter().filter_map(|root| above_collections(root));
        let mut paths = beside.chain(own).chain(self.search.collections.iter().cloned());
        let relative = short.replace('.', "/");
        let (inner, last) = match relative.rsplit_once('/') {
            Some((inner, last)) => (inner, last),
            None => ("", relative.as_str()),
        };
        paths.any(|path| {
            let folder = path.join(COLLECTIONS).join(namespace).join(collection);
            IN_COLLECTION.iter().any(|kind| self.plugins.has(&folder.join(kind).join(inner), last))
                || routes(&folder, short)
        })
    }

    /// Notes the folders that may bring plugins of their own.
    pub(super) fn plugins_of(&mut self, place: &Place) {
        self.plugins.add(&place.playbook);
        if let Some(role) = &place.role {
            self.plugins.add(role);
        }
    }
}

/// Whether a collection says that a module of it lies elsewhere now.
fn routes(collection: &Path, short: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(collection.join("meta/runtime.yml")) else {
        return false;
    };
    if !text.contains(short) {
        return false;
    }
    let Ok(file) = SourceFile::read(&collection.join("meta/runtime.yml")) else { return false };
    let Ok(Some(read)) = yaml::load(&file).map(|loaded| loaded.node) else { return false };
    let Some(routing) = read.get("plugin_routing") else { return false };
    ["modules", "action"].iter().any(|kind| {
        let entry = routing.get(kind).and_then(|kind| kind.get(short));
        entry.is_some_and(|entry| entry.get("redirect").is_some())
    })
}

/// The folder that holds the `ansible_collections` that a folder lies in.
fn above_collections(folder: &Path) -> Option<PathBuf> {
    let root = folder.ancestors().find(|folder| folder.ends_with(COLLECTIONS))?;
    root.parent().map(Path::to_owned)
}

/// The names of the modules in a folder.
fn list(folder: &Path) -> HashSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return HashSet::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let path = PathBuf::from(entry.file_name());
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if OTHER_FILES.contains(&ending) {
                return None;
            }
            path.file_stem()?.to_str().map(str::to_owned)
        })
        .collect()
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut found: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}
