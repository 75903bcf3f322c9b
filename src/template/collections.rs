//! Collections that are installed, as far as templates ask for them.

use std::path::{Path, PathBuf};

use crate::galaxy::with_root;
use crate::playbook::{is_builtin, moved, qualify};
use crate::source::{SourceFile, yaml};

/// The folder of a collection (`namespace.name`) that is installed.
pub(super) fn folder(collection: &str) -> Option<PathBuf> {
    let below: PathBuf = collection.split('.').collect();
    let paths = crate::settings::current().list("COLLECTIONS_PATHS");
    let folders = paths.iter().map(|path| with_root(path.as_ref()).join(&below));
    folders.into_iter().find(|folder| folder.is_dir())
}

/// So often a module may have moved from one collection to another.
const MOVES: usize = 8;

/// Whether a module is built in, or lies in a collection that is installed, be it under a name of
/// old.
pub(super) fn has_module(name: &str) -> bool {
    let mut full = qualify(name);
    for _ in 0..MOVES {
        if is_builtin(&full) || canvass_modules::registry::find(&full).is_some() {
            return true;
        }
        if full.strip_prefix("ansible.builtin.").is_some_and(|short| moved(short).is_some()) {
            return true;
        }
        let parts = full.match_indices('.').nth(1).map(|(at, _)| full.split_at(at));
        let Some((collection, module)) = parts else { return false };
        let Some(folder) = folder(collection) else { return false };
        let module = module.trim_start_matches('.');
        let file = format!("{}.py", module.replace('.', "/"));
        let lies_in = |kind: &str| folder.join("plugins").join(kind).join(&file).is_file();
        if lies_in("modules") || lies_in("action") {
            return true;
        }
        match route(&folder, module) {
            Some(name) => full = qualify(&name),
            None => return false,
        }
    }
    false
}

/// Where a module of the collection in a folder lies now, if it says so.
fn route(folder: &Path, module: &str) -> Option<String> {
    let file = SourceFile::read(&folder.join("meta/runtime.yml")).ok()?;
    let read = yaml::load(&file).ok()?.node?;
    let modules = read.get("plugin_routing")?.get("modules")?;
    Some(modules.get(module)?.get("redirect")?.as_str()?.to_owned())
}
