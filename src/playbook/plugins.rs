//! Modules and actions that lie beside playbooks, in roles and in collections.
//!
//! Those in Python do not run here. Under Ansible's names a task may still have one, as long as it
//! is only listed, checked or skipped. Programs ([`OwnModule`]) run on the host.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::modules::{ModuleFace, Options, is_command};
use super::own_module::{Foreign, OwnModule};
use super::parser::{Parser, Place};
use crate::source::{SourceFile, yaml};

/// The folder that collections lie in, below a folder of the search path.
pub(super) const COLLECTIONS: &str = "ansible_collections";

/// Folders with modules beside a playbook and in a role.
const BESIDE: [&str; 2] = [LIBRARY, "action_plugins"];

/// The folder of modules beside a playbook and in a role.
const LIBRARY: &str = "library";

/// Folders with modules in a collection.
const IN_COLLECTION: [&str; 2] = ["plugins/modules", "plugins/action"];

/// Endings of files that are no modules.
const OTHER_FILES: [&str; 11] =
    ["pyc", "pyo", "swp", "bak", "rpm", "md", "txt", "rst", "yml", "yaml", "ini"];

/// Where plugins were looked for, and what lies there.
#[derive(Debug, Default)]
pub(super) struct PluginFolders {
    /// The folders of the playbooks and roles that were read so far: a plugin that any of them
    /// brings is there for what is read after it.
    roots: Vec<PathBuf>,
    /// Those of them that have a `library/`.
    libraries: Vec<PathBuf>,
    /// Folders with `ansible_collections` beside the playbooks that were read so far.
    collections: Vec<PathBuf>,
    known: Mutex<Known>,
}

/// What was seen on the disk.
#[derive(Debug, Default)]
struct Known {
    /// The files of modules by name, by folder.
    listings: HashMap<PathBuf, HashMap<String, PathBuf>>,
    /// Names of modules that a collection says to lie elsewhere now.
    routes: HashMap<PathBuf, HashSet<String>>,
    /// The folders of all collections below a folder of the search path.
    collections: HashMap<PathBuf, Vec<PathBuf>>,
    /// Modules that are there, and how many folders were searched for those that are not.
    names: HashMap<String, Result<(), usize>>,
}

impl PluginFolders {
    /// Notes a folder that may have `library/`.
    fn add(&mut self, root: &Path) -> bool {
        let is_new = !self.roots.iter().any(|known| known == root);
        if is_new {
            self.roots.push(root.to_owned());
            let library = root.join(LIBRARY);
            if library.is_dir() {
                self.libraries.push(library);
            }
        }
        is_new
    }

    /// Notes a folder that may have `ansible_collections`.
    fn add_collections(&mut self, path: PathBuf) {
        if path.join(COLLECTIONS).is_dir() && !self.collections.contains(&path) {
            self.collections.push(path);
        }
    }
}

impl Known {
    /// Whether a folder has a module of this name.
    fn has(&mut self, folder: PathBuf, name: &str) -> bool {
        self.file(folder, name).is_some()
    }

    /// The file of the module of this name in a folder.
    fn file(&mut self, folder: PathBuf, name: &str) -> Option<PathBuf> {
        let listing = self.listings.entry(folder);
        listing.or_insert_with_key(|folder| modules_in(folder)).get(name).cloned()
    }

    /// Whether a collection, if it is there, has a module of this name or says where it is.
    fn in_collection(&mut self, folder: &Path, inner: &str, name: &str) -> bool {
        IN_COLLECTION.iter().any(|kind| self.has(folder.join(kind).join(inner), name))
            || inner.is_empty()
                && self
                    .routes
                    .entry(folder.to_owned())
                    .or_insert_with_key(|folder| routes_of(folder))
                    .contains(name)
    }

    /// Whether any collection below a folder of the search path has a module of this name.
    fn in_any_collection(&mut self, path: &Path, name: &str) -> bool {
        let all = self.collections.entry(path.to_owned()).or_insert_with_key(|path| {
            let namespaces = folders(&path.join(COLLECTIONS));
            namespaces.iter().flat_map(|namespace| folders(namespace)).collect()
        });
        let all: Vec<_> = all.iter().map(|folder| folder.join("plugins/modules")).collect();
        all.into_iter().any(|folder| self.has(folder, name))
    }
}

impl Parser<'_> {
    /// The module that a fully qualified name stands for, where tasks may have it: one that is
    /// native, or one in Python that the task fails for once it runs.
    pub(super) fn find_module(&self, name: &str) -> Option<ModuleFace> {
        if self.modules.is_rejected(name) {
            return None;
        }
        self.modules.find(name).or_else(|| {
            let stands_in = self.modules.is_late() && self.has_plugin(name);
            let free_form = is_command(name);
            stands_in.then_some(ModuleFace { free_form, options: Options::Any })
        })
    }

    /// Whether a module in Python of this fully qualified name lies where Ansible looks for it.
    fn has_plugin(&self, name: &str) -> bool {
        let mut known = self.plugins.known.lock().unwrap_or_else(PoisonError::into_inner);
        let searched = self.plugins.roots.len();
        if let Some(found) = known.names.get(name)
            && (found.is_ok() || *found == Err(searched))
        {
            return found.is_ok();
        }
        let found = match name.strip_prefix("ansible.builtin.") {
            Some(short) => self.has_loose(&mut known, short),
            None => self.has_in_collection(&mut known, name),
        };
        known.names.insert(name.to_owned(), if found { Ok(()) } else { Err(searched) });
        found
    }

    /// Beside a playbook, in a role, in a folder of the settings, or in the collection that a
    /// module of Ansible's early days has moved to.
    fn has_loose(&self, known: &mut Known, short: &str) -> bool {
        let roots = self.plugins.roots.iter();
        let mut beside = roots.flat_map(|root| BESIDE.map(|folder| root.join(folder)));
        beside.any(|folder| known.has(folder, short))
            || self
                .search
                .first_modules
                .iter()
                .chain(&self.search.modules)
                .any(|folder| known.has(folder.clone(), short))
            || self.search.collections.iter().any(|path| known.in_any_collection(path, short))
    }

    /// The user's own file that a module as written means, where one lies before those that are
    /// native: of the name alone beside a playbook, in a role or in a folder of the settings; of a
    /// full name in its collection.
    pub(super) fn own_module(&self, written: &str) -> Option<Result<OwnModule, Foreign>> {
        let path = self.own_file(written)?;
        Some(match path.extension().is_some_and(|ending| ending == "ps1") {
            true => Err(Foreign::PowerShell),
            false => OwnModule::of(&path),
        })
    }

    /// That file.
    pub(super) fn own_file(&self, written: &str) -> Option<PathBuf> {
        let short = written.strip_prefix("ansible.legacy.").unwrap_or(written);
        let mut known = self.plugins.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !short.contains('.') {
            let libraries = self.search.first_modules.iter().chain(&self.plugins.libraries);
            let libraries = libraries.chain(&self.search.modules);
            return libraries.cloned().find_map(|folder| known.file(folder, short));
        }
        let mut parts = short.splitn(3, '.');
        let (namespace, collection, name) = (parts.next()?, parts.next()?, parts.next()?);
        if namespace == "ansible" && collection == "builtin" {
            return None;
        }
        let path = name.replace('.', "/");
        let (inner, name) = path.rsplit_once('/').unwrap_or(("", &path));
        self.plugins.collections.iter().chain(&self.search.collections).find_map(|path| {
            let folder = path.join(COLLECTIONS).join(namespace).join(collection);
            let acts = known.has(folder.join(IN_COLLECTION[1]).join(inner), name);
            let file = known.file(folder.join(IN_COLLECTION[0]).join(inner), name);
            file.filter(|_| !acts)
        })
    }

    fn has_in_collection(&self, known: &mut Known, name: &str) -> bool {
        let mut parts = name.splitn(3, '.');
        let (Some(namespace), Some(collection), Some(short)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let path = short.replace('.', "/");
        let (inner, short) = path.rsplit_once('/').unwrap_or(("", &path));
        self.plugins.collections.iter().chain(&self.search.collections).any(|path| {
            let folder = path.join(COLLECTIONS).join(namespace).join(collection);
            known.in_collection(&folder, inner, short)
        })
    }

    /// The folder of a collection, beside a playbook that was read or where the settings say.
    pub(super) fn known_collection(&self, name: &str) -> Option<PathBuf> {
        let (namespace, name) = name.split_once('.')?;
        let paths = self.plugins.collections.iter().chain(&self.search.collections);
        paths
            .map(|path| path.join(COLLECTIONS).join(namespace).join(name))
            .find(|folder| folder.is_dir())
    }

    /// Notes the folders that may bring plugins of their own.
    pub(super) fn plugins_of(&mut self, place: &Place) {
        if self.plugins.add(&place.playbook) {
            self.plugins.add_collections(place.playbook.join("collections"));
            if let Some(path) = above_collections(&place.playbook) {
                self.plugins.add_collections(path);
            }
        }
        if let Some(role) = &place.role {
            self.plugins.add(role);
        }
    }
}

/// The modules that a collection says to lie elsewhere now.
fn routes_of(collection: &Path) -> HashSet<String> {
    let Ok(file) = SourceFile::read(&collection.join("meta/runtime.yml")) else {
        return HashSet::new();
    };
    let Ok(Some(read)) = yaml::load(&file).map(|loaded| loaded.node) else {
        return HashSet::new();
    };
    let Some(routing) = read.get("plugin_routing") else { return HashSet::new() };
    let entries = ["modules", "action"].iter().filter_map(|kind| routing.get(kind)?.as_map());
    entries
        .flatten()
        .filter(|(_, entry)| entry.get("redirect").is_some())
        .filter_map(|(name, _)| name.as_str().map(str::to_owned))
        .collect()
}

/// The folder that holds the `ansible_collections` that a folder lies in.
fn above_collections(folder: &Path) -> Option<PathBuf> {
    let root = folder.ancestors().find(|folder| folder.ends_with(COLLECTIONS))?;
    root.parent().map(Path::to_owned)
}

/// The modules in a folder: name and file.
fn modules_in(folder: &Path) -> HashMap<String, PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let path = PathBuf::from(entry.file_name());
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if OTHER_FILES.contains(&ending) || path.to_str().is_none_or(|name| name.ends_with('~'))
            {
                return None;
            }
            Some((path.file_stem()?.to_str()?.to_owned(), folder.join(&path)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{Modules, NoNames, SearchPaths, load};

    /// No native module at all, and what is wrong with a task is left to it.
    struct Late;

    impl Modules for Late {
        fn find(&self, _name: &str) -> Option<ModuleFace> {
            None
        }

        fn is_late(&self) -> bool {
            true
        }

        fn names(&self) -> Vec<&'static str> {
            Vec::new()
        }
    }

    #[test]
    fn modules_in_python_are_known_by_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (path, text) in [
            ("library/beside.py", ""),
            ("library/notes.txt", ""),
            ("action_plugins/acting.py", ""),
            ("settings/set.sh", ""),
            ("roles/r/library/of_role.py", ""),
            ("roles/r/tasks/main.yml", ""),
            ("path/ansible_collections/a/b/plugins/modules/there.py", ""),
            ("path/ansible_collections/a/b/plugins/modules/deep/er.py", ""),
            ("path/ansible_collections/a/b/plugins/action/acts.py", ""),
            (
                "path/ansible_collections/a/b/meta/runtime.yml",
                "plugin_routing: {modules: {gone: {redirect: c.d.gone}, dead: {tombstone: {}}}}",
            ),
            ("collections/ansible_collections/e/f/plugins/modules/near.py", ""),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let search = SearchPaths {
            collections: vec![root.join("path")],
            modules: vec![root.join("settings")],
            ..SearchPaths::default()
        };
        for (module, is_known) in [
            ("beside", true),
            ("notes", false),
            ("acting", true),
            ("set", true),
            ("of_role", true),
            // moved to a collection long ago, and found there
            ("there", true),
            ("a.b.there", true),
            ("a.b.deep.er", true),
            ("a.b.acts", true),
            ("a.b.gone", true),
            ("a.b.dead", false),
            ("a.b.beside", false),
            ("a.c.there", false),
            ("e.f.near", true),
            ("nowhere", false),
        ] {
            let path = root.join("play.yml");
            let play =
                format!("- hosts: all\n  roles: [r]\n  tasks:\n    - {module}:\n        x: 1\n");
            std::fs::write(&path, play).unwrap();
            let read = load(&path, &Late, &search, &NoNames);
            assert_eq!(read.is_ok(), is_known, "{module}: {:?}", read.err());
        }
    }
}
