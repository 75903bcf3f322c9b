//! `vars_files`: read for each host of a batch, each file once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostics::{Diagnostic, Explain};
use crate::playbook::Play;
use crate::source::{Node, Span};
use crate::template::Templar;
use crate::vars::{Layer, Scope};

use super::context::{RunContext, layer};
use super::job::blocking;
use super::variables_file::VariablesFile;

/// A variables file that cannot be used.
#[derive(Debug, thiserror::Error)]
enum VarsFileError {
    #[error("could not find the variables file `{}`", .written)]
    Missing { written: String, span: Span },
}

impl Explain for VarsFileError {
    fn span(&self) -> Option<&Span> {
        match self {
            Self::Missing { span, .. } => Some(span),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { .. } => {
                vec!["paths are relative to the playbook; a list of paths takes the first that exists"
                    .to_owned()]
            }
        }
    }
}

/// The files that no host will find: named without a template and without an alternative.
pub(super) fn missing(play: &Play) -> Vec<Diagnostic> {
    let directory = play.path.parent().unwrap_or(Path::new(""));
    play.vars_files
        .iter()
        .filter_map(|entry| Some((entry, entry.as_str()?)))
        .filter(|(_, name)| !name.contains("{{") && !name.contains("{%"))
        .filter(|(_, name)| {
            !directory.join("vars").join(name).is_file() && !directory.join(name).is_file()
        })
        .map(|(entry, name)| {
            let error =
                VarsFileError::Missing { written: name.to_owned(), span: entry.span.clone() };
            Diagnostic::error(&error)
        })
        .collect()
}

/// The layers of `vars_files` for each host, the strongest first.
pub(super) async fn read(
    run: &Arc<RunContext>,
    play: &Arc<Play>,
    directory: &Path,
    hosts: &[String],
) -> Result<HashMap<String, Vec<Arc<Layer>>>, Vec<Diagnostic>> {
    if play.vars_files.is_empty() {
        return Ok(HashMap::new());
    }
    let (run, play) = (Arc::clone(run), Arc::clone(play));
    let (directory, hosts) = (directory.to_owned(), hosts.to_vec());
    blocking(move || {
        let mut files = HashMap::new();
        let vars = layer(&play.keywords.vars);
        hosts
            .iter()
            .map(|host| {
                let layers = of_host(&run, &play, &vars, &directory, host, &mut files)?;
                Ok((host.clone(), layers))
            })
            .collect()
    })
    .await
}

/// The variables of the files whose names need no host, the last first: those that are not there,
/// or cannot be read, are told of when hosts are.
pub(super) fn without_hosts(
    templar: &Templar,
    play: &Play,
    outside: &[Arc<Layer>],
) -> Vec<Arc<Layer>> {
    let directory = play.path.parent().unwrap_or(Path::new(""));
    let mut layers: Vec<Arc<Layer>> = Vec::new();
    for entry in &play.vars_files {
        let mut seen = outside.to_vec();
        seen.extend(layers.iter().cloned());
        seen.push(layer(&play.keywords.vars));
        let scope = Scope::new(seen);
        let alternatives = entry.as_seq().unwrap_or(std::slice::from_ref(entry));
        let names = alternatives.iter().filter_map(|name| templar.node(name, &scope).ok());
        let paths = names.flat_map(|name| {
            let name = name.to_string();
            [directory.join("vars").join(&name), directory.join(&name)]
        });
        let read = paths
            .filter(|path| path.is_file())
            .find_map(|path| VariablesFile::read_listed(&path).ok());
        if let Some(read) = read {
            layers.insert(0, Arc::new(read.variables));
        }
    }
    layers
}

fn of_host(
    run: &RunContext,
    play: &Play,
    vars: &Arc<Layer>,
    directory: &Path,
    host: &str,
    files: &mut HashMap<PathBuf, Arc<Layer>>,
) -> Result<Vec<Arc<Layer>>, Vec<Diagnostic>> {
    let listed =
        run.inventory.host(host, directory).map_err(|error| vec![Diagnostic::error(&*error)])?;
    let known = run.hosts.of(host);
    let mut layers: Vec<Arc<Layer>> = Vec::new();
    for entry in &play.vars_files {
        let mut seen = vec![Arc::clone(&listed.magic), Arc::clone(&run.magic)];
        seen.push(Arc::clone(&run.extra_vars));
        seen.push(Arc::clone(&known.set));
        seen.extend(layers.iter().cloned());
        seen.push(Arc::clone(vars));
        seen.push(Arc::clone(&known.facts));
        seen.extend(listed.layers.iter().cloned());
        let scope = Scope::new(seen);
        layers.insert(0, one_of(run, entry, &scope, directory, files)?);
    }
    Ok(layers)
}

/// The first of the alternatives that exists.
fn one_of(
    run: &RunContext,
    entry: &Node,
    scope: &Scope,
    directory: &Path,
    files: &mut HashMap<PathBuf, Arc<Layer>>,
) -> Result<Arc<Layer>, Vec<Diagnostic>> {
    let alternatives: Vec<&Node> = match entry.as_seq() {
        Some(alternatives) => alternatives.iter().collect(),
        None => vec![entry],
    };
    let mut written = Vec::new();
    for alternative in alternatives {
        let name = match run.templar.node(alternative, scope) {
            Ok(name) => name.to_string(),
            // a name that needs a fact which is not there yet: the next one may do
            Err(_) if entry.as_seq().is_some() => continue,
            Err(error) => return Err(vec![Diagnostic::error(&error)]),
        };
        for path in [directory.join("vars").join(&name), directory.join(&name)] {
            if let Some(found) = files.get(&path) {
                return Ok(Arc::clone(found));
            }
            if !path.is_file() {
                continue;
            }
            let read = VariablesFile::read_listed(&path)
                .map_err(|error| vec![Diagnostic::error(&error)])?;
            let reserved = read.reserved.into_iter();
            for (name, place) in reserved {
                run.reserved.of(run, [(name.as_str(), Some(place))]);
            }
            let read = Arc::new(read.variables);
            files.insert(path, Arc::clone(&read));
            return Ok(read);
        }
        written.push(name);
    }
    let error = VarsFileError::Missing { written: written.join("`, `"), span: entry.span.clone() };
    Err(vec![Diagnostic::error(&error)])
}
