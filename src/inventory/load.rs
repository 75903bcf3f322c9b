//! Reading sources in order, each by the first plugin that can.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use fancy_regex::Regex;

use super::error::{InventoryError, Problem};
use super::members::{Members, Origin};
use super::plugin::{Plugin, Reading};
use super::settings::{InventorySettings, Unparsed};
use super::vars_files::listed;
use crate::diagnostics::Diagnostic;
use crate::source::{SourceFile, Span};
use crate::vault;

/// The inventory that Ansible looks for by default, which need not be there.
const DEFAULT: &str = "/etc/ansible/hosts";

/// A file, or a list of hosts.
pub(super) struct Source {
    /// As variables name it: the absolute path, or the list as written.
    pub(super) text: String,
    /// Its path, if it is a file.
    pub(super) path: PathBuf,
}

impl Source {
    /// What its hosts say of where they come from.
    pub(super) fn origin(&self) -> Origin {
        let dir = folder_of(&self.text).filter(|_| self.path.exists());
        Origin {
            file: Some(Arc::from(self.text.as_str())),
            dir: dir.map(|dir| Arc::from(dir.to_string_lossy())),
        }
    }
}

/// The folder that may have `group_vars/` for a source; a list of hosts has none.
pub(super) fn folder_of(source: &str) -> Option<PathBuf> {
    let given = Path::new(source);
    if source.contains(',') && !given.exists() {
        return None;
    }
    let path = absolute(source);
    if path.is_dir() { Some(path) } else { path.parent().map(Path::to_path_buf) }
}

/// Reads all sources; the folders that may have `group_vars/` beside them, in order.
pub(super) fn read(
    sources: &[String],
    members: &mut Members,
    settings: &InventorySettings,
) -> Result<Vec<PathBuf>, Vec<InventoryError>> {
    let mut reader = Reader { members, settings, processed: Vec::new(), errors: Vec::new() };
    let mut dirs = Vec::new();
    let mut any = false;
    for source in sources.iter().filter(|source| !source.is_empty()) {
        dirs.extend(folder_of(source));
        let text = match source.contains(',') {
            true => source.clone(),
            false => absolute(source).to_string_lossy().into_owned(),
        };
        any |= reader.source(&text, source);
    }
    if !any {
        reader.nothing_read();
    }
    if reader.errors.is_empty() { Ok(dirs) } else { Err(reader.errors) }
}

struct Reader<'a> {
    members: &'a mut Members,
    settings: &'a InventorySettings,
    processed: Vec<String>,
    errors: Vec<InventoryError>,
}

/// What a plugin found wrong with a source.
type Failure = (Plugin, Vec<InventoryError>);

impl Reader<'_> {
    /// Reads a file, a folder or a list of hosts; whether anything of it could be read.
    fn source(&mut self, text: &str, written: &str) -> bool {
        let path = PathBuf::from(text);
        if path.is_dir() {
            return self.folder(&path);
        }
        let source = Source { text: text.to_owned(), path };
        let mut failures = Vec::new();
        for plugin in &self.settings.enabled {
            if !plugin.wants(&source, self.settings) {
                continue;
            }
            let errors = self.try_plugin(*plugin, &source);
            if errors.is_empty() {
                self.processed.push(source.text);
                return true;
            }
            failures.push((*plugin, errors));
        }
        if text != DEFAULT || source.path.exists() {
            self.unread(&source, written, failures);
        }
        false
    }

    fn try_plugin(&mut self, plugin: Plugin, source: &Source) -> Vec<InventoryError> {
        // what a plugin has read before its error stays only where Ansible lets it stay
        let before = match self.settings.unparsed {
            Unparsed::Refused => Some(self.members.clone()),
            Unparsed::Warned { .. } => None,
        };
        let mut reading =
            Reading { members: self.members, settings: self.settings, processed: &self.processed };
        let mut errors = plugin.read(source, &mut reading);
        if fs::read(&source.path).is_ok_and(|bytes| vault::is_encrypted(&bytes)) {
            // messages name places in it and show none of its text
            let hidden = SourceFile::new(&shown(&source.path), String::new());
            for span in errors.iter_mut().filter_map(InventoryError::place) {
                span.file = Arc::clone(&hidden);
            }
        }
        if let Some(before) = before.filter(|_| !errors.is_empty()) {
            *self.members = before;
        }
        errors
    }

    /// The files of a folder in order of their names.
    fn folder(&mut self, path: &Path) -> bool {
        let names = match listed(path) {
            Ok(names) => names,
            Err(problem) => {
                self.errors.push(problem.into());
                return false;
            }
        };
        let mut any = false;
        for name in names {
            if self.is_ignored(&name) {
                continue;
            }
            let inner = path.join(&name).to_string_lossy().into_owned();
            any |= self.source(&inner, &inner);
        }
        any
    }

    fn is_ignored(&self, name: &str) -> bool {
        name.starts_with('.')
            || matches!(name, "group_vars" | "host_vars" | "vars_plugins")
            || self.settings.ignored_endings.iter().any(|ending| name.ends_with(ending.as_str()))
            || self.settings.ignored_patterns.iter().any(|pattern| {
                Regex::new(pattern).is_ok_and(|regex| regex.is_match(name).unwrap_or(false))
            })
    }

    /// No plugin can read a source.
    fn unread(&mut self, source: &Source, written: &str, failures: Vec<Failure>) {
        match self.settings.unparsed {
            Unparsed::Refused if failures.is_empty() => {
                self.errors.push(Problem::Missing(PathBuf::from(written)).into());
            }
            Unparsed::Refused => {
                let likely = likely(source);
                let position = failures.iter().position(|(plugin, _)| *plugin == likely);
                let position = position.unwrap_or(failures.len().saturating_sub(1));
                let told = failures.into_iter().nth(position);
                self.errors.extend(told.into_iter().flat_map(|(_, errors)| errors));
            }
            Unparsed::Warned { any_is_failed, .. } => {
                for (plugin, errors) in failures {
                    self.warn_of(plugin, errors);
                }
                if any_is_failed {
                    self.errors.push(Problem::Unread(source.text.clone()).into());
                } else {
                    let text = format!("Unable to parse {} as an inventory source", source.text);
                    self.members.warnings.push(Diagnostic::warning(text, None));
                }
            }
        }
    }

    fn warn_of(&mut self, plugin: Plugin, errors: Vec<InventoryError>) {
        // Ansible's plugins end at their first error
        let Some(error) = errors.first() else { return };
        let mut told = Diagnostic::error(error).as_warning();
        let name = plugin.name();
        let between = if plugin == Plugin::Ini { "Failed to parse inventory: " } else { "" };
        told.message =
            format!("Failed to parse inventory with '{name}' plugin: {between}{}", told.message);
        self.members.warnings.push(told);
    }

    fn nothing_read(&mut self) {
        let Unparsed::Warned { all_are_failed, warned_of_all, .. } = self.settings.unparsed else {
            return;
        };
        if all_are_failed {
            self.errors.push(Problem::NothingRead.into());
        } else if warned_of_all {
            let text = "No inventory was parsed, only implicit localhost is available";
            self.members.warnings.push(Diagnostic::warning(text, None));
        }
    }
}

/// The plugin whose complaint helps most.
fn likely(source: &Source) -> Plugin {
    match ending(&source.text) {
        ".yml" | ".yaml" | ".json" => {
            let text = fs::read_to_string(&source.path).unwrap_or_default();
            let names_plugin = text.lines().any(|line| line.starts_with("plugin:"));
            if names_plugin { Plugin::Auto } else { Plugin::Yaml }
        }
        ".toml" => Plugin::Toml,
        _ if Plugin::Script.wants(source, &InventorySettings::default())
            && fs::read(&source.path)
                .is_ok_and(|bytes| bytes.starts_with(b"#!") || bytes.starts_with(b"\x7fELF")) =>
        {
            Plugin::Script
        }
        _ => Plugin::Ini,
    }
}

/// The ending of a file's name with its dot, as Python's `splitext` has it.
pub(super) fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let bare = name.trim_start_matches('.');
    bare.rfind('.').and_then(|dot| bare.get(dot..)).unwrap_or_default()
}

/// The text of a file; comments may be in any encoding.
pub(super) fn text(path: &Path) -> Result<SourceFile, InventoryError> {
    let bytes = crate::source::inputs::read(path)
        .map_err(|source| Problem::Read { path: path.to_owned(), source })
        .map_err(InventoryError::from)?;
    let (path, bytes) = match vault::is_encrypted(&bytes) {
        true => (shown(path), opened(&shown(path), bytes)?),
        false => (shown(path), bytes),
    };
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

/// What an encrypted file holds.
fn opened(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, InventoryError> {
    let locked = |error| InventoryError::from(Problem::Yaml(Box::new(error)));
    let file = SourceFile::from_bytes(path, bytes).map_err(locked)?;
    let plain = file.decrypted().map_err(locked)?;
    Ok(plain.unwrap_or(file).text.clone().into_bytes())
}

/// A path as the user would write it: relative where it lies below the current folder.
pub(super) fn shown(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|dir| path.strip_prefix(dir).ok())
        .map_or_else(|| path.to_owned(), Path::to_owned)
}

/// The absolute path, `~` and `..` resolved by name.
pub(crate) fn absolute(source: &str) -> PathBuf {
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
