//! `ansible.builtin.include_vars`: variables from files of the controller.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use canvass_modules::params;
use canvass_modules::python_regex;
use serde_json::{Map, Value as Json};

use crate::diagnostics::{Diagnostic, Explain as _};
use crate::run::host_vars::Learnt;
use crate::run::variables_file::{VariablesFile, VariablesFileError};
use crate::template::{Directories, to_json};
use crate::vars::{Layer, Var, merge};

use super::{ActionError, ActionInput, Finished, Prepared, files, parse};

/// Options that are about a directory.
const OF_DIRECTORIES: [&str; 6] =
    ["dir", "depth", "files_matching", "ignore_files", "extensions", "ignore_unknown_extensions"];

/// Options that are about a file.
const OF_FILES: [&str; 2] = ["file", "_raw_params"];

/// Options that are about both.
const OF_BOTH: [&str; 2] = ["name", "hash_behaviour"];

params! {
    /// Parameters of `ansible.builtin.include_vars`.
    pub struct IncludeVarsParams {
        /// The file.
        file: Option<String>,
        /// The file, as free form.
        _raw_params: Option<String>,
        /// A directory whose files are read in order of their names.
        dir: Option<String>,
        /// A variable that holds what is read; by default each becomes a variable.
        name: Option<String>,
        /// How many levels of `dir` are read; 0 is all.
        depth: u32 = 0,
        /// A regular expression; only files whose names it finds are read.
        files_matching: Option<String>,
        /// Regular expressions; files whose names end as one of them are left out.
        ignore_files: Option<Json>,
        /// Extensions that are read: `yaml`, `yml` and `json` by default.
        extensions: Option<Vec<String>>,
        /// Whether files with other extensions are passed over; otherwise they are an error.
        ignore_unknown_extensions: bool = false,
        /// `merge` merges mappings with those that there are; by default the setting of this name.
        hash_behaviour: Option<String>,
    }
}

/// Why files were not read, as the task's result says it.
enum Stop {
    /// The task failed with this `message`.
    Message(String),
    /// The task failed as others do.
    Error(ActionError),
}

/// A path as seen from the root.
fn in_full(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

impl From<ActionError> for Stop {
    fn from(error: ActionError) -> Self {
        Self::Error(error)
    }
}

impl From<VariablesFileError> for Stop {
    fn from(error: VariablesFileError) -> Self {
        if let VariablesFileError::NoMapping { path, .. } = &error {
            return Self::Message(format!(
                "{} must be stored as a dictionary/hash",
                in_full(Path::new(path))
            ));
        }
        let place = error.span().map(|span| format!("{}: ", span.place())).unwrap_or_default();
        Self::Message(format!("{place}{}", Diagnostic::error(&error).message))
    }
}

/// What was read.
#[derive(Default)]
struct Read {
    paths: Vec<PathBuf>,
    /// Whether one of them was encrypted.
    encrypted: bool,
    learnt: Learnt,
}

impl Read {
    fn file(&mut self, path: PathBuf) -> Result<(), Stop> {
        let read = VariablesFile::read(&path)?;
        self.paths.push(path);
        self.encrypted |= read.encrypted;
        self.learnt.included.extend(read.variables);
        self.learnt.places.extend(read.reserved);
        Ok(())
    }
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    // Ansible takes a text for a list of its letters
    if let Some(Json::String(text)) = arguments.get("extensions") {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        arguments.insert("extensions".to_owned(), letters.into());
    }
    let given = |names: &[&str]| names.iter().any(|name| arguments.contains_key(*name));
    let known = |name: &&String| {
        let known = OF_DIRECTORIES.iter().chain(&OF_FILES).chain(&OF_BOTH);
        !known.into_iter().any(|other| other == name)
    };
    if let Some(name) = arguments.keys().find(known) {
        return Err(ActionError::Include(format!("{name} is not a valid option in include_vars")));
    }
    if given(&OF_DIRECTORIES) && given(&OF_FILES) {
        let text = "You are mixing file only and dir only arguments, these are incompatible";
        return Err(ActionError::Include(text.to_owned()));
    }
    let params: IncludeVarsParams = parse("ansible.builtin.include_vars", &arguments)?;
    let mut read = Read::default();
    let message = match fill(input.directories, &params, &mut read) {
        Ok(()) => None,
        Err(Stop::Message(message)) => Some(message),
        Err(Stop::Error(error)) => return Err(error),
    };
    let mut learnt = read.learnt;
    if let Some(name) = params.name {
        let variables = Var::Map(Arc::new(std::mem::take(&mut learnt.included)));
        learnt.included = Layer::from([(name, variables)]);
    }
    if params.hash_behaviour.as_deref() == Some("merge") {
        for (name, value) in &mut learnt.included {
            if let Some(there) = input.scope.find(name) {
                *value = merge(there, value);
            }
        }
    }
    let mut facts = Map::new();
    let mut values = Vec::new();
    for (name, value) in &learnt.included {
        // what cannot be rendered here is still there for the tasks that read it later
        let Ok(value) = input.templar.var(value, input.scope) else { continue };
        if let Ok(json) = to_json(&value) {
            facts.insert(name.clone(), json);
            values.push((name.clone(), crate::template::kept(&value)));
        }
    }
    let values = values.iter().map(|(name, value)| (name.as_str(), value));
    let values = crate::template::mapping(values);
    let mut returned = Map::new();
    let names = read.paths.iter().map(|path| {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Json::from(whole.to_string_lossy().into_owned())
    });
    let names: Vec<Json> = names.collect();
    returned.insert("ansible_included_var_files".to_owned(), Json::Array(names));
    returned.insert("ansible_facts".to_owned(), Json::Object(facts));
    let failed = message.is_some();
    if let Some(message) = message {
        // Ansible has it under `message` only
        returned.insert("message".to_owned(), Json::from(message.as_str()));
        returned.insert("msg".to_owned(), Json::from(message));
    }
    let censored = read.encrypted;
    Ok(Prepared::Done(Finished {
        failed,
        learnt,
        censored,
        ..Finished::ok(returned).telling([("ansible_facts", values)])
    }))
}

fn fill(
    directories: &Directories,
    params: &IncludeVarsParams,
    read: &mut Read,
) -> Result<(), Stop> {
    let Some(dir) = &params.dir else {
        let name = params.file.as_ref().or(params._raw_params.as_ref());
        let name = name.map(|name| name.trim_end_matches('\n')).unwrap_or_default();
        if name.is_empty() {
            return Err(Stop::Message("Could not find file ''".to_owned()));
        }
        let path = files::find(directories, "vars", name).map_err(|error| match error {
            ActionError::NotFound { .. } => Stop::Message(error.to_string()),
            error => Stop::Error(error),
        })?;
        return read.file(path);
    };
    let root = root(directories, dir);
    if !root.exists() {
        return Err(Stop::Message(format!("{} directory does not exist", in_full(&root))));
    }
    if !root.is_dir() {
        return Err(Stop::Message(format!("{} is not a directory", in_full(&root))));
    }
    let wanted = Wanted::of(params)?;
    let mut folders = Vec::new();
    collect(&root, params.depth, 1, &mut folders)?;
    folders.sort();
    for folder in folders {
        let mut names = entries(&folder)?;
        names.retain(|path| path.is_file());
        names.sort();
        for path in names {
            if wanted.takes(&path)? {
                read.file(path)?;
            }
        }
    }
    Ok(())
}

/// The directory: in `vars` of the role, or beside the task.
fn root(directories: &Directories, dir: &str) -> PathBuf {
    let Some(role) = directories.roles.first() else {
        return directories.task.as_ref().unwrap_or(&directories.playbook).join(dir);
    };
    if dir.split('/').next() != Some("vars") {
        return role.join("vars").join(dir);
    }
    let inside = role.join(dir);
    if inside.exists() { inside } else { PathBuf::from(dir) }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ActionError> {
    let unreadable = |source| ActionError::Read { path: folder.to_owned(), source };
    let found = std::fs::read_dir(folder).map_err(unreadable)?;
    found.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect()
}

/// The folder and those below it, as deep as is asked for.
fn collect(
    folder: &Path,
    depth: u32,
    level: u32,
    folders: &mut Vec<PathBuf>,
) -> Result<(), ActionError> {
    folders.push(folder.to_owned());
    if depth != 0 && level >= depth {
        return Ok(());
    }
    for entry in entries(folder)?.iter().filter(|entry| entry.is_dir()) {
        collect(entry, depth, level + 1, folders)?;
    }
    Ok(())
}

/// Which files of a directory are read.
struct Wanted {
    matching: Option<python_regex::Regex>,
    ignored: Vec<python_regex::Regex>,
    extensions: Vec<String>,
    passes_over: bool,
}

impl Wanted {
    fn of(params: &IncludeVarsParams) -> Result<Self, ActionError> {
        let compile = |pattern: &str| {
            python_regex::compile(pattern, python_regex::Flags::default())
                .map_err(|_| ActionError::Include(format!("Invalid regular expression: {pattern}")))
        };
        let ignored: Vec<String> = match &params.ignore_files {
            Some(Json::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
            Some(Json::Array(items)) => items.iter().map(crate::template::json_text).collect(),
            Some(Json::Null) | None => Vec::new(),
            Some(other) => {
                let text = format!("{} must be a list", crate::template::json_repr(other));
                return Err(ActionError::Include(text));
            }
        };
        let default = || ["yaml", "yml", "json"].map(str::to_owned).to_vec();
        Ok(Self {
            matching: params.files_matching.as_deref().map(compile).transpose()?,
            ignored: ignored
                .iter()
                .map(|pattern| compile(&format!("{pattern}$")))
                .collect::<Result<_, _>>()?,
            extensions: params.extensions.clone().unwrap_or_else(default),
            passes_over: params.ignore_unknown_extensions,
        })
    }

    fn takes(&self, path: &Path) -> Result<bool, Stop> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let finds = |regex: &python_regex::Regex| regex.is_found(&name).unwrap_or(false);
        if self.matching.as_ref().is_some_and(|regex| !finds(regex))
            || self.ignored.iter().any(finds)
        {
            return Ok(false);
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if self.extensions.iter().any(|known| *known == extension) {
            return Ok(true);
        }
        match self.passes_over {
            true => Ok(false),
            false => Err(Stop::Message(format!(
                "{} does not have a valid extension: {}",
                in_full(path),
                self.extensions.join(", ")
            ))),
        }
    }
}
