//! `group_vars/` and `host_vars/` beside inventories and playbooks.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{InventoryError, Problem};
use super::given::{Given, Vars};
use super::load::shown;
use super::settings::Mappings;
use crate::diagnostics::Diagnostic;
use crate::source::{SourceFile, yaml};

/// The endings of files of variables, in the order in which they are looked for.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// The variables of a group or host in one folder, if they parse.
type Read = Result<Vars, Arc<InventoryError>>;

/// The files of one folder, by the name of the group or host.
#[derive(Debug, Default)]
pub(super) struct Files {
    dir: PathBuf,
    /// What is in the folder, sorted.
    present: Vec<String>,
    mappings: Mappings,
    /// What was read; `None` for names without variables.
    read: Mutex<HashMap<String, Option<Read>>>,
}

impl Files {
    /// The variables of a group or host, read when they are asked for first.
    pub(super) fn of(&self, name: &str) -> Option<Read> {
        self.load(name, &mut Vec::new())
    }

    fn load(&self, name: &str, warnings: &mut Vec<Diagnostic>) -> Option<Read> {
        if self.present.is_empty() || name.starts_with('/') {
            return None;
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(name) {
            return known.clone();
        }
        let found = ENDINGS.iter().map(|ending| format!("{name}{ending}")).find(|file| {
            self.present.binary_search(file).is_ok()
                || (name.contains('/') && self.dir.join(file).exists())
        });
        let layer = found
            .map(|found| layer(&self.dir.join(found), self.mappings, warnings).map_err(Arc::new))
            .filter(|layer| !layer.as_ref().is_ok_and(|vars| vars.layer.is_empty()));
        read.insert(name.to_owned(), layer.clone());
        layer
    }
}

/// What stands beside one inventory or playbook.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// `group_vars/`.
    pub(super) groups: Files,
    /// `host_vars/`.
    pub(super) hosts: Files,
}

impl Beside {
    /// Reads both folders below `dir`, for the groups and hosts that are there.
    pub(super) fn read<'a>(
        dir: &Path,
        groups: impl Iterator<Item = &'a str>,
        hosts: impl Iterator<Item = &'a str>,
        mappings: Mappings,
        warnings: &mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            groups: folder(&dir.join("group_vars"), groups, mappings, warnings),
            hosts: folder(&dir.join("host_vars"), hosts, mappings, warnings),
        }
    }
}

fn folder<'a>(
    dir: &Path,
    names: impl Iterator<Item = &'a str>,
    mappings: Mappings,
    warnings: &mut Vec<Diagnostic>,
) -> Files {
    if !dir.is_dir() {
        if dir.exists() {
            let kind = dir.file_name().unwrap_or_default().display();
            let message =
                format!("Found {kind} that is not a directory, skipping: {}", dir.display());
            warnings.push(Diagnostic::warning(message, None));
        }
        return Files::default();
    }
    // one look at the folder, not four a host
    let Ok(present) = listed(dir) else { return Files::default() };
    let files = Files { dir: dir.to_owned(), present, mappings, read: Mutex::default() };
    for name in names {
        files.load(name, warnings);
    }
    files
}

/// The names in a folder, sorted.
pub(super) fn listed(dir: &Path) -> Result<Vec<String>, Problem> {
    let problem = |source| Problem::Read { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(problem)? {
        if let Ok(name) = entry.map_err(problem)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The variables of a file, or of all files below a folder; later ones win.
fn layer(
    path: &Path,
    mappings: Mappings,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vars, InventoryError> {
    let mut vars = Vars::default();
    let mut files = Vec::new();
    if path.is_dir() {
        below(path, &mut files)?;
    } else {
        files.push(path.to_owned());
    }
    for file in files {
        read(&file, mappings, &mut vars, warnings)?;
    }
    Ok(vars)
}

/// The files of variables below a folder, sorted by name in each folder.
fn below(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    for name in listed(dir)? {
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let ending = name.rfind('.').and_then(|dot| name.get(dot..)).unwrap_or_default();
        let path = dir.join(&name);
        if path.is_dir() {
            if ending.is_empty() {
                below(&path, files)?;
            }
        } else if ENDINGS.contains(&ending) {
            files.push(path);
        }
    }
    Ok(())
}

fn read(
    path: &Path,
    mappings: Mappings,
    vars: &mut Vars,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), InventoryError> {
    let file = SourceFile::read(&shown(path))
        .map_err(|error| InventoryError::from(Problem::Yaml(Box::new(error))))?;
    let loaded =
        yaml::load(&file).map_err(|error| InventoryError::from(Problem::Yaml(Box::new(error))))?;
    warnings.extend(loaded.warnings.iter().cloned());
    let Some(node) = loaded.into_variables().filter(|node| !node.is_null()) else { return Ok(()) };
    let entries =
        node.as_map().ok_or_else(|| Problem::VarsShape(node.describe()).at(node.span.clone()))?;
    for (key, value) in entries {
        let name = key.as_str().ok_or_else(|| {
            Problem::NotText { what: "variable", found: key.describe() }.at(key.span.clone())
        })?;
        vars.set(mappings, name, &Given::from(value.clone()));
    }
    Ok(())
}
