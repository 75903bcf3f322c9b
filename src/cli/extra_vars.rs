//! `--extra-vars`: `key=value …`, YAML or JSON, or `@file`.

use std::path::Path;
use std::sync::Arc;

use crate::playbook;
use crate::source::{SourceFile, yaml};
use crate::template::trusted;
use crate::vars::{HashBehaviour, Layer, Var, merged};

use super::CommandError;

/// The variables of all `--extra-vars`; later ones win.
pub(crate) fn parse(texts: &[String], hash: HashBehaviour) -> Result<Layer, CommandError> {
    let mut layer = Layer::new();
    for text in texts {
        let more = one(text)?;
        match hash {
            HashBehaviour::Replace => layer.extend(more),
            HashBehaviour::Merge => layer = merged(&[Arc::new(more), Arc::new(layer)]),
        }
    }
    Ok(layer)
}

fn one(text: &str) -> Result<Layer, CommandError> {
    let trimmed = text.trim_start();
    if let Some(path) = trimmed.strip_prefix('@') {
        let file =
            SourceFile::read(Path::new(path)).map_err(|error| CommandError::parse_all(&[error]))?;
        return mapping(&file, text);
    }
    if trimmed.starts_with('{') || trimmed.starts_with('[') {
        let file = SourceFile::new(Path::new("--extra-vars"), text.to_owned());
        return mapping(&file, text);
    }
    if trimmed.starts_with('/') || trimmed.starts_with('.') {
        return Err(CommandError::options(
            format!("`--extra-vars {text}` looks like a file"),
            Some(&format!("put an `@` before it: `--extra-vars @{text}`")),
        ));
    }
    key_values(text)
}

fn mapping(file: &Arc<SourceFile>, text: &str) -> Result<Layer, CommandError> {
    let loaded = yaml::load(file).map_err(|error| CommandError::parse_all(&[error]))?;
    let Some(node) = loaded.into_variables() else { return Ok(Layer::new()) };
    match node.as_map() {
        Some(entries) => Ok(entries
            .iter()
            .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), Var::from(value))))
            .collect()),
        None => Err(CommandError::options(
            format!("`--extra-vars {text}` holds {}, not a mapping", node.describe()),
            None,
        )),
    }
}

/// `key=value` words: values are text, and templates in them are rendered.
fn key_values(text: &str) -> Result<Layer, CommandError> {
    let pairs = playbook::key_values(text).ok_or_else(|| {
        CommandError::options(
            format!("`--extra-vars {text}` is no `key=value`, or a quote or `{{{{` is left open"),
            Some("write `key=value`, a JSON or YAML mapping, or `@file`"),
        )
    })?;
    let variable = |value: String| match value.contains("{{") || value.contains("{%") {
        true => Var::Template(Arc::from(value), None),
        false => Var::Data(trusted(&value)),
    };
    Ok(pairs.into_iter().map(|(name, value)| (name, variable(value))).collect())
}
