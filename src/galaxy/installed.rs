//! Collections that are installed.

use std::fs;
use std::path::{Path, PathBuf};

use super::document::plain;
use super::meta::{Lacking, Meta};
use super::{GalaxyError, Voice};

/// A collection that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// `namespace.name`
    pub name: String,
    /// Its version; `*` where none is known.
    pub version: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// The folder that collections lie in, below a folder of the search path.
const ROOT: &str = "ansible_collections";

/// A folder of the search path with the folder of collections at its end.
pub fn with_root(path: &Path) -> PathBuf {
    match path.file_name() {
        Some(name) if name == ROOT => path.to_owned(),
        _ => path.join(ROOT),
    }
}

/// The collections below folders of the search path, sorted by folder.
///
/// # Errors
///
/// A `MANIFEST.json` or `galaxy.yml` that cannot be understood.
pub fn find(
    paths: &[PathBuf],
    only: Option<&str>,
    voice: &dyn Voice,
) -> Result<Vec<Installed>, GalaxyError> {
    let mut found: Vec<Installed> = Vec::new();
    for path in paths {
        for namespace in folders(&with_root(path)) {
            for folder in folders(&namespace) {
                let name = |path: &Path| {
                    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
                };
                let by_path = format!("{}.{}", name(&namespace), name(&folder));
                let wanted = only.is_none_or(|only| only == by_path);
                if !wanted || found.iter().any(|known| known.folder == folder) {
                    continue;
                }
                let installed = read(&folder, by_path, voice)?;
                voice.detail(
                    3,
                    &format!(
                        "Found installed collection {}:{} at '{}'",
                        installed.name,
                        installed.version,
                        folder.display()
                    ),
                );
                found.push(installed);
            }
        }
    }
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(found)
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let info = |path: &Path| path.extension().is_some_and(|extension| extension == "info");
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !info(path))
        .collect();
    found.sort();
    found
}

fn read(folder: &Path, by_path: String, voice: &dyn Voice) -> Result<Installed, GalaxyError> {
    let unknown = Installed { name: by_path, version: "*".to_owned(), folder: folder.to_owned() };
    if !super::requirement::is_collection(folder) {
        voice.warn(&format!(
            "Collection at '{}' does not have a MANIFEST.json file, nor has it galaxy.yml: cannot \
             detect version.",
            folder.display()
        ));
        return Ok(unknown);
    }
    let Some(meta) = Meta::of_folder(folder, Lacking::Warned, voice)? else { return Ok(unknown) };
    let Some(name) = meta.full_name() else {
        voice.warn(&format!(
            "Collection at '{}' has a MANIFEST.json or galaxy.yml file but it contains invalid \
             metadata.",
            folder.display()
        ));
        return Ok(unknown);
    };
    Ok(Installed { name, version: plain(meta.version()), folder: folder.to_owned() })
}
