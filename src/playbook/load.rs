//! Reading a playbook with everything that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::PlaybookError;
use super::model::{Keywords, Playbook};
use super::modules::Modules;
use super::parser::{Parser, StaticNames};
use crate::diagnostics::Diagnostic;
use crate::source::SourceFile;

/// A playbook and what is worth knowing of it.
#[derive(Debug)]
pub struct Loaded {
    /// The playbook.
    pub playbook: Playbook,
    /// Keys given twice, files without tasks and the like.
    pub warnings: Vec<Diagnostic>,
}

/// Where things are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPaths {
    /// Folders of roles beside `roles/` next to the playbook (`ANSIBLE_ROLES_PATH`).
    pub roles: Vec<PathBuf>,
    /// Folders that hold `ansible_collections`, beside `collections/` next to the playbook.
    pub collections: Vec<PathBuf>,
    /// Folders of modules that come after `library/` next to the playbook (`ANSIBLE_LIBRARY`).
    pub modules: Vec<PathBuf>,
    /// Folders of modules that come before it (`--module-path`).
    pub first_modules: Vec<PathBuf>,
}

impl SearchPaths {
    /// Folders separated by colons, `~` being the home.
    pub fn from_roles_path(text: &str, home: Option<&Path>) -> Self {
        Self {
            roles: folders(text, home),
            collections: folders(COLLECTIONS_PATH, home),
            ..Self::default()
        }
    }

    /// The same with other folders of collections, separated by colons.
    #[must_use]
    pub fn with_collections_path(self, text: &str, home: Option<&Path>) -> Self {
        Self { collections: folders(text, home), ..self }
    }

    /// Ansible's default.
    pub fn with_home(home: Option<&Path>) -> Self {
        Self::from_roles_path("~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles", home)
    }
}

const COLLECTIONS_PATH: &str = "~/.ansible/collections:/usr/share/ansible/collections";

fn folders(text: &str, home: Option<&Path>) -> Vec<PathBuf> {
    let expand = |folder: &str| match (folder.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(folder),
    };
    text.split(':').filter(|folder| !folder.is_empty()).map(expand).collect()
}

/// Reads a playbook with its roles and imports, and checks all that can be known without hosts.
///
/// # Errors
///
/// All that is wrong and could be found in one go.
pub fn load(
    path: &Path,
    modules: &dyn Modules,
    search: &SearchPaths,
    names: &dyn StaticNames,
) -> Result<Loaded, Vec<PlaybookError>> {
    read(path, None, modules, search, names)
}

/// The same for a playbook whose text is at hand; what it names is looked for beside its path.
///
/// # Errors
///
/// As [`load`].
pub fn load_given(
    file: &Arc<SourceFile>,
    modules: &dyn Modules,
    search: &SearchPaths,
    names: &dyn StaticNames,
) -> Result<Loaded, Vec<PlaybookError>> {
    read(&file.path, Some(Arc::clone(file)), modules, search, names)
}

fn read(
    path: &Path,
    given: Option<Arc<SourceFile>>,
    modules: &dyn Modules,
    search: &SearchPaths,
    names: &dyn StaticNames,
) -> Result<Loaded, Vec<PlaybookError>> {
    let mut parser = Parser::new(modules, search, names);
    parser.given = given;
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    parser.open.push(("playbook", real, path.display().to_string()));
    let plays = parser.playbook(path, &Keywords::default());
    if parser.errors.is_empty() {
        let playbook = Playbook { path: path.to_owned(), plays };
        Ok(Loaded { playbook, warnings: parser.warnings })
    } else {
        Err(parser.errors)
    }
}
