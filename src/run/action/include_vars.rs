//! `ansible.builtin.include_vars`: variables from files of the controller.

use std::path::{Path, PathBuf};

use canvass_modules::params;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::run::host_vars::Learnt;
use crate::source::{SourceFile, yaml};
use crate::template::to_json;
use crate::vars::{Layer, Var};

use super::{ActionError, ActionInput, Finished, Prepared, files, parse};

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
        /// How many levels below `dir` are read; 0 is all.
        depth: u32 = 0,
        /// Extensions that are read: `yaml`, `yml` and `json` by default.
        extensions: Option<Vec<String>>,
        /// Also reads files with other extensions.
        ignore_unknown_extensions: bool = false,
    }
    rules [
        params::Rule::RequiredOneOf(&["file", "_raw_params", "dir"]),
        params::Rule::MutuallyExclusive(&["file", "_raw_params", "dir"]),
    ]
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: IncludeVarsParams = parse("ansible.builtin.include_vars", &arguments)?;
    let mut paths = Vec::new();
    match (params.file.as_ref().or(params._raw_params.as_ref()), &params.dir) {
        (Some(file), _) => paths.push(files::find(input.directories, "vars", file)?),
        (None, Some(dir)) => {
            let root = files::find(input.directories, "vars", dir)?;
            collect(&root, params.depth, 1, &params, &mut paths)?;
        }
        (None, None) => {}
    }
    let mut read = Layer::new();
    for path in &paths {
        read.extend(load(path)?);
    }
    let included = match params.name {
        Some(name) => Layer::from([(name, Var::Map(Arc::new(read)))]),
        None => read,
    };
    let mut facts = Map::new();
    for (name, value) in &included {
        // what cannot be rendered here is still there for the tasks that read it later
        if let Ok(value) = input.templar.var(value, input.scope).and_then(|value| to_json(&value)) {
            facts.insert(name.clone(), value);
        }
    }
    let mut returned = Map::new();
    let names: Vec<Json> =
        paths.iter().map(|path| Json::from(path.to_string_lossy().into_owned())).collect();
    returned.insert("ansible_included_var_files".to_owned(), Json::Array(names));
    returned.insert("ansible_facts".to_owned(), Json::Object(facts));
    Ok(Prepared::Done(Finished {
        learnt: Learnt { included, ..Learnt::default() },
        ..Finished::ok(returned)
    }))
}

fn collect(
    directory: &Path,
    depth: u32,
    level: u32,
    params: &IncludeVarsParams,
    paths: &mut Vec<PathBuf>,
) -> Result<(), ActionError> {
    let unreadable = |source| ActionError::Read { path: directory.to_owned(), source };
    let mut entries = std::fs::read_dir(directory)
        .map_err(unreadable)?
        .map(|entry| Ok(entry.map_err(unreadable)?.path()))
        .collect::<Result<Vec<_>, ActionError>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            if depth == 0 || level < depth {
                collect(&entry, depth, level + 1, params, paths)?;
            }
            continue;
        }
        let extension = entry.extension().map(|word| word.to_string_lossy().into_owned());
        let extensions = match &params.extensions {
            Some(extensions) => extensions.clone(),
            None => ["yaml", "yml", "json"].map(str::to_owned).to_vec(),
        };
        if extension.is_some_and(|word| extensions.contains(&word)) {
            paths.push(entry);
        } else if !params.ignore_unknown_extensions {
            return Err(ActionError::Include(format!(
                "{} does not have a valid extension: {}",
                entry.display(),
                extensions.join(", ")
            )));
        }
    }
    Ok(())
}

/// The variables of a YAML or JSON file.
pub(crate) fn load(path: &Path) -> Result<IndexMap<String, Var>, ActionError> {
    let wrong = |error: &dyn crate::diagnostics::Explain| {
        let place = error.span().map(|span| format!("{}: ", span.place())).unwrap_or_default();
        ActionError::Include(format!("{place}{}", Diagnostic::error(error).message))
    };
    let file = SourceFile::read(path).map_err(|error| wrong(&error))?;
    let loaded = yaml::load(&file).map_err(|error| wrong(&error))?;
    let Some(node) = loaded.into_variables() else { return Ok(IndexMap::new()) };
    let Some(entries) = node.as_map() else {
        return Err(ActionError::Include(format!(
            "{} must be stored as a dictionary/hash, not {}",
            path.display(),
            node.describe()
        )));
    };
    Ok(entries
        .iter()
        .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), Var::from(value))))
        .collect())
}
