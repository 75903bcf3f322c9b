//! Finding scenarios.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// A scenario's folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// `<area>::<case>`.
    pub(crate) name: String,
    /// The folder.
    pub(crate) path: PathBuf,
}

/// The folder that holds all areas.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// All scenarios below `root`, by name.
pub(crate) fn find(root: &Path) -> Result<Vec<Folder>> {
    let mut found = Vec::new();
    for area in folders(root)? {
        for case in folders(&area)? {
            if case.join("scenario.yml").is_file() {
                found
                    .push(Folder { name: format!("{}::{}", last(&area), last(&case)), path: case });
            }
        }
    }
    Ok(found)
}

/// That every folder with a playbook in it is a scenario or part of one, and holds what it needs.
pub(crate) fn every_folder_is_picked_up(root: &Path) -> Result<()> {
    let found = find(root)?;
    ensure!(!found.is_empty(), "there is no scenario in {}", root.display());
    for area in folders(root)? {
        let cases = folders(&area)?;
        ensure!(!cases.is_empty(), "`{}` is an area without a case", area.display());
        for case in &cases {
            ensure!(
                found.iter().any(|folder| folder.path == *case),
                "`{}` is not picked up: it has no `scenario.yml`",
                case.display()
            );
            ensure!(
                case.join("playbook.yml").is_file(),
                "`{}` has no `playbook.yml`",
                case.display()
            );
            let words = last(case).split('_').count();
            ensure!(words >= 3, "the name of `{}` is no sentence", case.display());
        }
        stray(&area)?;
    }
    stray(root)
}

/// That a folder of folders holds no files.
fn stray(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        ensure!(path.is_dir(), "`{}` belongs to no scenario", path.display());
    }
    Ok(())
}

fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).with_context(|| format!("{}", path.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn last(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
