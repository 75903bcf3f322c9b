//! `first_found`: the first of several files that is there.

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters::normal;
use crate::template::python::{
    Class, class_of, dict, elements, entries, is_mapping, is_undefined, list, mapping_get, text,
    truth, type_name,
};
use crate::template::told::{Told, tell};

/// What the options of the lookup are at the moment: a mapping among the terms sets them anew.
#[derive(Default)]
struct Options {
    files: Vec<String>,
    paths: Vec<String>,
    skip: bool,
}

/// `first_found`
pub(super) fn first_found(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut options = options_of(|name| Ok(request.option(name).cloned()))?;
    let mut terms = request.terms.clone();
    if terms.is_empty() {
        terms = options.files.iter().map(|file| Value::from(file.as_str())).collect();
    }
    let mut candidates = Vec::new();
    searched(&terms, &mut options, &mut candidates)?;
    let kind = match request.looped {
        true => folder_of(&request.scope.directories().action),
        false => "",
    };
    for candidate in &candidates {
        if let Some(path) = request.find_file(kind, candidate) {
            return Ok(vec![Value::from(normal(&path).to_string_lossy().into_owned())]);
        }
    }
    if options.skip {
        return Ok(Vec::new());
    }
    Err(Failure::failed("No file was found when using first_found."))
}

/// The folder that `with_first_found` looks into, by the name of the action.
fn folder_of(action: &str) -> &'static str {
    match () {
        () if action.contains("template") => "templates",
        () if action.contains("var") => "vars",
        () => "files",
    }
}

fn searched(terms: &[Value], options: &mut Options, found: &mut Vec<String>) -> Outcome<()> {
    for term in terms {
        let files = if is_mapping(term) {
            *options = options_of(|name| mapping_get(term, &Value::from(name)))?;
            split(&options.files, &[',', ';'], "the 'files' option")
        } else if matches!(class_of(term), Class::List | Class::Tuple) {
            searched(&elements(term)?, options, found)?;
            continue;
        } else if let Some(name) = term.as_str() {
            split(&[name.to_owned()], &[',', ';'], "files")
        } else {
            let kind = type_name(term);
            return Err(Failure::failed(format!(
                "Invalid term supplied. A string, dict or list is required, not '{kind}')."
            )));
        };
        let paths = split(&options.paths, &[',', ':', ';'], "the \"paths\" option");
        if paths.is_empty() {
            found.extend(files);
            continue;
        }
        for path in &paths {
            found.extend(files.iter().map(|file| joined(path, file)));
        }
    }
    Ok(())
}

/// Python's `os.path.join`.
fn joined(path: &str, file: &str) -> String {
    match () {
        () if file.starts_with('/') || path.is_empty() => file.to_owned(),
        () if path.ends_with('/') => format!("{path}{file}"),
        () => format!("{path}/{file}"),
    }
}

fn options_of(get: impl Fn(&str) -> Outcome<Option<Value>>) -> Outcome<Options> {
    let skip = match get("skip")? {
        None => false,
        Some(value) => match value.as_str() {
            Some(word) => {
                matches!(word.to_lowercase().as_str(), "yes" | "on" | "1" | "true" | "t" | "y")
            }
            None => truth(&value)?,
        },
    };
    Ok(Options { files: names(get("files")?)?, paths: names(get("paths")?)?, skip })
}

/// An option that is a list: text is one with commas.
fn names(value: Option<Value>) -> Outcome<Vec<String>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(Vec::new());
    };
    if let Some(text) = value.as_str() {
        return Ok(text.split(',').map(|name| name.trim().to_owned()).collect());
    }
    match class_of(&value) {
        Class::List | Class::Tuple => elements(&value)?.iter().map(text).collect(),
        _ => Ok(vec![text(&value)?]),
    }
}

fn split(names: &[String], at: &[char], target: &str) -> Vec<String> {
    let parts = names.iter().flat_map(|name| name.split(at).map(str::to_owned));
    let parts: Vec<String> = parts.collect();
    if parts.len() > names.len() {
        let marks: String = at.iter().collect();
        let text = format!("Automatic splitting of {target} on '{marks}' is deprecated.");
        let help = format!("Provide a list of paths for {target} instead.");
        tell(Told::Deprecation { text: &text, span: None, help: Some(&help) });
    }
    parts
}

/// What `with_first_found` is given, without what nothing defines.
pub(in crate::template) fn defined(value: &Value) -> Outcome<Value> {
    if is_mapping(value) {
        let mut kept = indexmap::IndexMap::new();
        for (key, value) in entries(value)? {
            if !is_undefined(&value) {
                kept.insert(key, defined(&value)?);
            }
        }
        return Ok(dict(kept));
    }
    if matches!(class_of(value), Class::List | Class::Tuple) {
        let kept = elements(value)?.into_iter().filter(|element| !is_undefined(element));
        return Ok(list(kept.map(|element| defined(&element)).collect::<Outcome<_>>()?));
    }
    crate::template::python::finalise(value)
}
