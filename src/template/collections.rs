//! Collections that are installed, as far as templates ask for them.

use std::path::PathBuf;

use crate::galaxy::with_root;

/// The folder of a collection (`namespace.name`) that is installed.
pub(super) fn folder(collection: &str) -> Option<PathBuf> {
    let below: PathBuf = collection.split('.').collect();
    let paths = crate::settings::current().list("COLLECTIONS_PATHS");
    let folders = paths.iter().map(|path| with_root(path.as_ref()).join(&below));
    folders.into_iter().find(|folder| folder.is_dir())
}

/// Whether a module is built in, or lies in a collection that is installed.
pub(super) fn has_module(name: &str) -> bool {
    let full = match name.contains('.') {
        true => name.replacen("ansible.legacy.", "ansible.builtin.", 1),
        false => format!("ansible.builtin.{name}"),
    };
    if canvass_modules::registry::find(&full).is_some() {
        return true;
    }
    let Some((collection, module)) =
        full.match_indices('.').nth(1).map(|(at, _)| full.split_at(at))
    else {
        return false;
    };
    let module = module.trim_start_matches('.').replace('.', "/");
    folder(collection).is_some_and(|folder| {
        let lies_in = |kind: &str| folder.join("plugins").join(kind).join(format!("{module}.py"));
        lies_in("modules").is_file() || lies_in("action").is_file()
    })
}
