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

/// The quote, or the start of a template, that nothing closes, and its column.
fn left_open(text: &str) -> Option<(String, usize)> {
    const PAIRS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    let mut rest = text;
    let mut column = 1;
    while let Some(first) = rest.chars().next() {
        let pair = PAIRS.iter().find(|(open, _)| rest.starts_with(open));
        let (open, close) = match (pair, first) {
            (Some((open, close)), _) => ((*open).to_owned(), (*close).to_owned()),
            (None, '\'' | '"') => (first.to_string(), first.to_string()),
            (None, _) => {
                // a backslash keeps what is behind it
                let step = if first == '\\' { 2 } else { 1 };
                rest = rest
                    .char_indices()
                    .nth(step)
                    .map_or("", |(at, _)| rest.get(at..).unwrap_or_default());
                column += step;
                continue;
            }
        };
        let inside = rest.get(open.len()..).unwrap_or_default();
        let Some(length) = inside.find(&close) else { return Some((open, column)) };
        let end = open.len() + length + close.len();
        column += rest.get(..end).unwrap_or_default().chars().count();
        rest = rest.get(end..).unwrap_or_default();
    }
    None
}

/// `key=value` words: values are text, and templates in them are rendered.
fn key_values(text: &str) -> Result<Layer, CommandError> {
    let pairs = playbook::key_values(text).ok_or_else(|| {
        let hint = "write `key=value`, a JSON or YAML mapping, or `@file`";
        match left_open(text) {
            Some((mark, column)) => CommandError::options(
                format!(
                    "failed at splitting arguments, either an unbalanced jinja2 block or quotes: \
                     {text}: the `{mark}` in column {column} of `--extra-vars` is left open"
                ),
                Some(hint),
            ),
            None => CommandError::options(
                format!("`--extra-vars {text}` is no `key=value`"),
                Some(hint),
            ),
        }
    })?;
    let variable = |value: String| match value.contains("{{") || value.contains("{%") {
        true => Var::Template(Arc::from(value), None),
        false => Var::Data(trusted(&value)),
    };
    Ok(pairs.into_iter().map(|(name, value)| (name, variable(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_open_is_told_with_its_column() {
        let cases = [
            ("a=\"b", Some(("\"", 3))),
            ("a='x y' b='", Some(("'", 11))),
            ("a={{ b", Some(("{{", 3))),
            ("a='{{ b }}' c", None),
            ("a=\\' b", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(mark, column)| (mark.to_owned(), column));
            assert_eq!(left_open(text), expected, "{text}");
        }
    }
}
