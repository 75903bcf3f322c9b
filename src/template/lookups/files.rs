//! Lookups of files.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::text;
use crate::template::render::{holds_template, with_newlines};
use crate::template::templar::{FileOptions, Templar};
use crate::template::trust::trusted;

fn read(path: &Path) -> Outcome<String> {
    let bytes = crate::source::inputs::read(path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
    let no_text = |_| Failure::failed(format!("{} is no UTF-8 text", path.display()));
    if !crate::vault::is_encrypted(&bytes) {
        return String::from_utf8(bytes).map_err(no_text);
    }
    let plain =
        crate::vault::decrypt(&bytes).map_err(|error| Failure::failed(error.to_string()))?;
    let text = String::from_utf8(plain.to_vec()).map_err(no_text)?;
    crate::vault::keep_secret(&text);
    Ok(text)
}

/// `unvault`
pub(super) fn unvault(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let contents = |term: &String| {
        let path = request
            .find_file("files", term)
            .ok_or_else(|| Failure::failed(format!("Unable to find file matching \"{term}\" ")))?;
        read(&path).map(Value::from)
    };
    request.texts()?.iter().map(contents).collect()
}

/// `community.general.binary_file`: the bytes in Base64.
pub(super) fn binary(request: &Request<'_>) -> Outcome<Vec<Value>> {
    request.only(&["not_exist"])?;
    let missing = request.text_option("not_exist", "error")?;
    let mut found = Vec::new();
    for term in request.texts()? {
        let Some(path) = request.find_file("files", &term) else {
            match missing.as_str() {
                "empty" => found.push(Value::from("")),
                "empty_str" => found.push(Value::from("empty")),
                _ => {
                    return Err(Failure::failed(format!(
                        "Could not locate file in community.general.binary_file lookup: {term}"
                    )));
                }
            }
            continue;
        };
        let bytes = crate::source::inputs::read(&path).map_err(|error| {
            Failure::failed(format!("Error while reading {}: {error}", path.display()))
        })?;
        found.push(Value::from(BASE64_STANDARD.encode(bytes)));
    }
    Ok(found)
}

/// `file`
pub(super) fn contents(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut found = Vec::new();
    for term in request.texts()? {
        let Some(path) = request.find_file("files", &term) else {
            return Err(Failure::failed(format!(
                "Unable to access the file '{term}': File not found. Use -vvvvv to see paths searched."
            )));
        };
        let mut contents = read(&path)?;
        if request.flag("lstrip", false)? {
            contents = contents.trim_start().to_owned();
        }
        if request.flag("rstrip", true)? {
            contents.truncate(contents.trim_end().len());
        }
        found.push(Value::from(contents));
    }
    Ok(found)
}

/// `template`
pub(super) fn template(request: &Request<'_>) -> Outcome<Vec<Value>> {
    const MARKERS: [&str; 6] = [
        "variable_start_string",
        "variable_end_string",
        "block_start_string",
        "block_end_string",
        "comment_start_string",
        "comment_end_string",
    ];
    let mut options = FileOptions {
        trim_blocks: request.flag("trim_blocks", true)?,
        lstrip_blocks: request.flag("lstrip_blocks", false)?,
        ..FileOptions::default()
    };
    if MARKERS.iter().any(|name| request.option(name).is_some()) {
        let defaults = ["{{", "}}", "{%", "%}", "{#", "#}"];
        let mut markers = <[String; 6]>::default();
        for ((marker, name), default) in markers.iter_mut().zip(MARKERS).zip(defaults) {
            *marker = request.text_option(name, default)?;
        }
        options.markers = Some(markers);
    }
    let mut scope = request.scope.clone();
    if let Some(variables) = request.option("template_vars") {
        let mut layer = crate::vars::Layer::new();
        for (name, value) in crate::template::python::entries(variables)? {
            let value = crate::template::python::finalise(&value)?;
            layer.insert(text(&name)?, crate::vars::Var::Data(value));
        }
        scope = scope.over(std::sync::Arc::new(layer));
    }
    let mut rendered = Vec::new();
    for term in request.texts()? {
        let Some(path) = request.find_file("templates", &term) else {
            return Err(Failure::failed(format!(
                "the template file {term} could not be found for the lookup"
            )));
        };
        let source = read(&path)?;
        let layer = crate::template::file_variables(&term, &path, "", &scope);
        let scope = scope.over(std::sync::Arc::new(layer));
        let value = Templar::default().file_value(&path, &source, &options, &scope)?;
        let value = with_newlines(value, &source);
        rendered.push(match value.as_str() {
            // nothing in it comes from elsewhere
            Some(text) if !holds_template(&source) => trusted(text),
            _ => value,
        });
    }
    Ok(rendered)
}

/// `fileglob`
pub(super) fn globbed(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut found: Vec<String> = Vec::new();
    for term in request.texts()? {
        for pattern in request.scope.directories().beneath(Path::new(&term)) {
            let files = glob(&pattern.to_string_lossy());
            let files: Vec<String> =
                files.into_iter().filter(|file| Path::new(file).is_file()).collect();
            if !files.is_empty() {
                found.extend(files);
                break;
            }
        }
    }
    Ok(found.into_iter().map(Value::from).collect())
}

/// The paths that a pattern with `*`, `?` and `[…]` matches.
pub(in crate::template) fn glob(pattern: &str) -> Vec<String> {
    let absolute = pattern.starts_with('/');
    let mut paths = vec![PathBuf::from(if absolute { "/" } else { "" })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for folder in &paths {
            if !part.contains(['*', '?', '[']) {
                let path = folder.join(part);
                if path.symlink_metadata().is_ok() {
                    next.push(path);
                }
                continue;
            }
            let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let Ok(entries) = std::fs::read_dir(listed) else {
                continue;
            };
            let mut names: Vec<String> = entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|name| !name.starts_with('.') || part.starts_with('.'))
                .filter(|name| matches_glob(part, name))
                .collect();
            names.sort();
            next.extend(names.into_iter().map(|name| folder.join(name)));
        }
        paths = next;
    }
    paths.into_iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

fn matches_glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    matches_letters(&pattern, &name)
}

fn matches_letters(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            matches_letters(rest, name)
                || name.split_first().is_some_and(|(_, tail)| matches_letters(pattern, tail))
        }
        (Some(('?', rest)), Some((_, tail))) => matches_letters(rest, tail),
        (Some(('[', rest)), Some((letter, tail))) => match class(rest, *letter) {
            Some((true, after)) => matches_letters(after, tail),
            Some((false, _)) => false,
            None => *letter == '[' && matches_letters(rest, tail),
        },
        (Some((wanted, rest)), Some((letter, tail))) => {
            wanted == letter && matches_letters(rest, tail)
        }
        _ => false,
    }
}

/// Whether a letter is in the class that begins after `[`, and what follows the class.
fn class(pattern: &[char], letter: char) -> Option<(bool, &[char])> {
    let (negated, body) = match pattern.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, pattern),
    };
    let end = body.iter().skip(1).position(|letter| *letter == ']')? + 1;
    let (set, after) = body.split_at(end);
    let after = after.get(1..)?;
    let mut found = false;
    let mut rest = set;
    while let Some((first, tail)) = rest.split_first() {
        match tail {
            ['-', last, remaining @ ..] => {
                found = found || (*first..=*last).contains(&letter);
                rest = remaining;
            }
            _ => {
                found = found || *first == letter;
                rest = tail;
            }
        }
    }
    Some((found != negated, after))
}
