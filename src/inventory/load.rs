//! Sources: what kind each one is, and reading them in order.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::error::{InventoryError, Problem};
use super::members::{Members, Origin, UNGROUPED};
use super::vars_files::listed;
use super::{address, ini, yaml};
use crate::source::{SourceFile, Span, yaml as document};

/// The inventory that Ansible looks for by default, which need not be there.
const DEFAULT: &str = "/etc/ansible/hosts";

/// Endings of files in an inventory folder that are no inventories.
const IGNORED: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];

/// Reads all sources; the folders that may have `group_vars/` beside them, in order.
pub(super) fn read(
    sources: &[String],
    members: &mut Members,
) -> Result<Vec<PathBuf>, Vec<InventoryError>> {
    let mut reader = Reader { members, errors: Vec::new() };
    let mut dirs = Vec::new();
    for source in sources.iter().filter(|source| !source.is_empty()) {
        if source.contains(',') && !Path::new(source).exists() {
            reader.list(source);
            continue;
        }
        let path = absolute(source);
        if path.is_dir() {
            dirs.push(path.clone());
        } else if let Some(dir) = path.parent() {
            dirs.push(dir.to_owned());
        }
        if path.exists() {
            reader.path(&path);
        } else if source != DEFAULT {
            reader.errors.push(Problem::Missing(PathBuf::from(source)).into());
        }
    }
    if reader.errors.is_empty() { Ok(dirs) } else { Err(reader.errors) }
}

struct Reader<'a> {
    members: &'a mut Members,
    errors: Vec<InventoryError>,
}

impl Reader<'_> {
    /// Hosts with commas between them.
    fn list(&mut self, source: &str) {
        let origin = Origin { file: Some(Arc::from(source)), dir: None };
        for text in source.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let (name, port) = address::host_and_port(text);
            if !self.members.hosts.contains_key(name)
                && let Err(problem) = self.members.host(name, UNGROUPED, port, &origin)
            {
                self.errors.push(problem.into());
            }
        }
    }

    /// A file, or all files of a folder.
    fn path(&mut self, path: &Path) {
        if !path.is_dir() {
            self.file(path);
            return;
        }
        match listed(path) {
            Ok(names) => {
                for name in names.iter().filter(|name| !is_ignored(name)) {
                    self.path(&path.join(name));
                }
            }
            Err(problem) => self.errors.push(problem.into()),
        }
    }

    fn file(&mut self, path: &Path) {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match is_program(path) {
            Ok(false) => {}
            Ok(true) => return self.errors.push(Problem::Script(path.to_owned()).into()),
            Err(source) => {
                let problem = Problem::Read { path: path.to_owned(), source };
                return self.errors.push(problem.into());
            }
        }
        let file = match text(path) {
            Ok(file) => Arc::new(file),
            Err(error) => return self.errors.push(error),
        };
        if file.text.starts_with("$ANSIBLE_VAULT;") {
            return self.errors.push(Problem::Encrypted(path.to_owned()).into());
        }
        let origin = Origin {
            file: Some(Arc::from(path.to_string_lossy())),
            dir: path.parent().map(|dir| Arc::from(dir.to_string_lossy())),
        };
        match ending {
            "" | "yml" | "yaml" | "json" => self.yaml(&file, &origin, ending),
            "toml" => self.errors.push(Problem::Toml(path.to_owned()).into()),
            _ => self.errors.extend(ini::read(&file, self.members, &origin)),
        }
    }

    /// A file that may be YAML: INI where it is no mapping.
    fn yaml(&mut self, file: &Arc<SourceFile>, origin: &Origin, ending: &str) {
        let failed = match document::load(file).map(|loaded| (loaded.node, loaded.warnings)) {
            Ok((Some(node), warnings)) if node.as_map().is_some() => {
                self.members.warnings.extend(warnings);
                self.errors.extend(yaml::read(&node, self.members, origin));
                return;
            }
            Ok((Some(node), _)) if !node.is_null() => {
                Problem::NotGroups(node.describe()).at(node.span.clone())
            }
            Ok(_) => return,
            Err(error) => Problem::Yaml(Box::new(error)).into(),
        };
        let errors = ini::read(file, self.members, origin);
        match (errors.is_empty(), ending) {
            (true, _) => {}
            // no name says that it is YAML
            (false, "") => self.errors.extend(errors),
            (false, _) => self.errors.push(failed),
        }
    }
}

fn is_ignored(name: &str) -> bool {
    name.starts_with('.')
        || matches!(name, "group_vars" | "host_vars" | "vars_plugins")
        || IGNORED.iter().any(|ending| name.ends_with(ending))
}

/// Whether a file can be run: an executable one that the kernel knows how to start.
fn is_program(path: &Path) -> std::io::Result<bool> {
    if fs::metadata(path)?.permissions().mode() & 0o111 == 0 {
        return Ok(false);
    }
    let mut start = Vec::new();
    fs::File::open(path)?.take(4).read_to_end(&mut start)?;
    Ok(start.starts_with(b"#!") || start.starts_with(b"\x7fELF"))
}

/// The text of a file; comments may be in any encoding.
fn text(path: &Path) -> Result<SourceFile, InventoryError> {
    let bytes = fs::read(path)
        .map_err(|source| Problem::Read { path: path.to_owned(), source })
        .map_err(InventoryError::from)?;
    let path = shown(path);
    let text = match String::from_utf8(bytes) {
        Ok(text) => return Ok(SourceFile { path, text }),
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    let broken = text.lines().zip(1..).find(|(line, _)| {
        line.contains(char::REPLACEMENT_CHARACTER) && !line.starts_with(['#', ';'])
    });
    let Some((line, number)) = broken else { return Ok(SourceFile { path, text }) };
    let column = line.chars().position(|c| c == char::REPLACEMENT_CHARACTER).unwrap_or_default();
    let column = u32::try_from(column + 1).unwrap_or(u32::MAX);
    let file = Arc::new(SourceFile { path, text });
    Err(Problem::NotUtf8.at(Span { file, line: number, column, length: 1 }))
}

/// A path as the user would write it: relative where it lies below the current folder.
pub(super) fn shown(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|dir| path.strip_prefix(dir).ok())
        .map_or_else(|| path.to_owned(), Path::to_owned)
}

/// The absolute path, `~` and `..` resolved by name.
pub(super) fn absolute(source: &str) -> PathBuf {
    let home = |rest: &str| std::env::home_dir().map(|home| home.join(rest));
    let given = match source.strip_prefix('~') {
        Some("") => home(""),
        Some(rest) => rest.strip_prefix('/').and_then(home),
        None => None,
    };
    let given = given.unwrap_or_else(|| PathBuf::from(source));
    let full = std::path::absolute(&given).unwrap_or(given);
    let mut path = PathBuf::new();
    for component in full.components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}
