//! Where lookups and template includes look for files.

use std::path::{Path, PathBuf};

/// Where lookups and template includes look for files, the first first.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// The folders of the task's role and of the roles that led to it, the task's first.
    pub roles: Vec<PathBuf>,
    /// The folder of the file that the task stands in.
    pub task: Option<PathBuf>,
    /// The folder of the playbook.
    pub playbook: PathBuf,
    /// The name of the task's action, as it is written.
    pub action: String,
}

impl Directories {
    /// The folders in full, each once, the first first.
    pub(crate) fn search_path(&self) -> Vec<String> {
        if self.playbook.as_os_str().is_empty() && self.task.is_none() {
            return Vec::new();
        }
        self.folders().iter().map(|folder| folder.to_string_lossy().into_owned()).collect()
    }

    /// The places of a relative path, the most particular first: `kind` is `files`, `templates`
    /// or `vars`, or nothing.
    pub fn candidates(&self, kind: &str, path: &Path) -> Vec<PathBuf> {
        if path.is_absolute() {
            return vec![path.to_path_buf()];
        }
        let mut candidates = Vec::new();
        let mut add = |candidate: PathBuf| {
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        };
        for folder in self.folders() {
            // a folder in the `tasks` of a role looks where `tasks` itself does
            let tasks = folder.parent().filter(|outer| outer.ends_with("tasks"));
            if let (false, Some(tasks)) = (self.roles.is_empty(), tasks) {
                let role = tasks.parent().unwrap_or(tasks);
                add(role.join(kind).join(path));
                add(tasks.join(path));
            }
            add(folder.join(kind).join(path));
            add(folder.join(path));
        }
        candidates
    }

    /// The places of a relative path in `files` and beside it, the most particular first.
    pub(super) fn beneath(&self, path: &Path) -> Vec<PathBuf> {
        if path.is_absolute() {
            return vec![path.to_path_buf()];
        }
        let both = |folder: PathBuf| [folder.join("files").join(path), folder.join(path)];
        self.folders().into_iter().flat_map(both).collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in self.roles.iter().chain(&self.task).chain([&self.playbook]) {
            let folder = in_full(folder);
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
    }
}

fn in_full(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf())
}
