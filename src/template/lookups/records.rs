//! Lookups in files of records: CSV, INI, properties.

use minijinja::Value;

use super::Request;
use super::ini_file::{Ini, IniError};
use crate::playbook::{Form, parse_text_arguments};
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Class, class_of, elements, repr, text};
use crate::template::regex::{Flags, compiled};

/// Options of a lookup in a file, by name.
struct Options {
    known: &'static [&'static str],
    given: Vec<(String, Value)>,
}

impl Options {
    fn new(request: &Request<'_>, known: &'static [&'static str]) -> Self {
        Self { known, given: request.options.clone() }
    }

    fn set(&mut self, name: &str, value: &str) -> Outcome<()> {
        if !self.known.contains(&name) {
            return Err(Failure::failed(format!("'{name}' is not a valid option")));
        }
        self.given.push((name.to_owned(), Value::from(value)));
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let found = self.given.iter().rev().find(|(option, _)| option == name);
        found.map(|(_, value)| value).filter(|value| !value.is_none())
    }

    fn text(&self, name: &str, default: &str) -> Outcome<String> {
        self.get(name).map_or_else(|| Ok(default.to_owned()), text)
    }

    fn number(&self, name: &str, default: usize) -> Outcome<usize> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => text(value)?.trim().parse().map_err(|_| {
                Failure::failed(format!(
                    "Config '{name}' for 'csvfile' lookup plugin from 'Direct' has an invalid \
                     value: Invalid value provided for 'int': {}",
                    repr(value).unwrap_or_default()
                ))
            }),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Outcome<bool> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        Ok(matches!(text(value)?.to_lowercase().as_str(), "true" | "yes" | "1" | "on" | "y" | "t"))
    }
}

fn read(request: &Request<'_>, file: &str, missing: &str, encoding: &str) -> Outcome<String> {
    let Some(path) = request.find_file("files", file) else {
        return Err(Failure::failed(missing));
    };
    let bytes = crate::source::inputs::read(&path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
    match encoding.to_lowercase().as_str() {
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "cp1252" | "windows-1252" => {
            Ok(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        _ => String::from_utf8(bytes)
            .map_err(|_| Failure::failed(format!("{} is no UTF-8 text", path.display()))),
    }
}

/// `csvfile`
pub(super) fn csv(request: &Request<'_>) -> Outcome<Vec<Value>> {
    const KNOWN: &[&str] = &["file", "delimiter", "col", "keycol", "default", "encoding"];
    let mut found = Vec::new();
    let mut options = Options::new(request, KNOWN);
    let terms = request.texts()?;
    let keyless = || Failure::failed("Search key is required but was not found");
    if terms.is_empty() {
        return Err(keyless());
    }
    for term in terms {
        let parsed = parse_text_arguments(&term, Form::Options).ok_or_else(keyless)?;
        let key = parsed.free_form.filter(|key| !key.is_empty()).ok_or_else(keyless)?;
        for (name, value, _) in &parsed.options {
            options.set(name, value)?;
        }
        let delimiter = match options.text("delimiter", "TAB")?.as_str() {
            "TAB" | "\\t" => '\t',
            other => {
                let mut letters = other.chars();
                match (letters.next(), letters.next()) {
                    (Some(letter), None) => letter,
                    _ => {
                        return Err(Failure::failed("\"delimiter\" must be a 1-character string"));
                    }
                }
            }
        };
        let (column, key_column) = (options.number("col", 1)?, options.number("keycol", 0)?);
        let file = options.text("file", "ansible.csv")?;
        let missing = "expected str, bytes or os.PathLike object, not NoneType";
        let contents = read(request, &file, missing, &options.text("encoding", "utf-8")?)?;
        let mut row = None;
        for cells in rows(&contents, delimiter, false) {
            let Some(cell) = cells.get(key_column) else {
                return Err(Failure::failed("list index out of range"));
            };
            if *cell == key {
                row = Some(cells);
                break;
            }
        }
        match (row, options.get("default")) {
            (Some(row), _) => match row.get(column) {
                Some(cell) => found.push(Value::from(cell.as_str())),
                None => return Err(Failure::failed("list index out of range")),
            },
            (None, Some(default)) if class_of(default) == Class::List => {
                found.extend(elements(default)?);
            }
            (None, Some(default)) => found.push(default.clone()),
            (None, None) => {}
        }
    }
    Ok(found)
}

/// The rows of a CSV text; blanks at the start of a cell may be skipped.
pub(in crate::template) fn rows(
    contents: &str,
    delimiter: char,
    skips_blanks: bool,
) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut letters = contents.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            '\r' if !quoted => {}
            '\n' if !quoted => {
                if !cell.is_empty() || !row.is_empty() {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
            }
            ' ' if skips_blanks && !quoted && cell.is_empty() => {}
            letter if letter == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            letter => cell.push(letter),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// `ini`
pub(super) fn ini(request: &Request<'_>) -> Outcome<Vec<Value>> {
    const KNOWN: &[&str] = &[
        "file",
        "section",
        "type",
        "re",
        "default",
        "encoding",
        "case_sensitive",
        "allow_no_value",
        "allow_none",
        "interpolation",
    ];
    let mut found = Vec::new();
    let mut options = Options::new(request, KNOWN);
    for term in request.texts()? {
        let key = inline_options(&term, &mut options)?;
        let sensitive = options.flag("case_sensitive", false)?;
        let properties = match options.text("type", "ini")?.as_str() {
            "ini" => false,
            "properties" => true,
            other => {
                return Err(Failure::failed(format!(
                    "Invalid value '{other}' for config 'type' for 'ini' lookup plugin."
                )));
            }
        };
        let section = if properties {
            "java_properties".to_owned()
        } else {
            options.text("section", "global")?
        };
        let file = options.text("file", "ansible.ini")?;
        let encoding = options.text("encoding", "utf-8")?;
        let mut contents = read(request, &file, "Invalid filename None.", &encoding)?;
        if properties {
            contents.insert_str(0, "[java_properties]\n");
        }
        let bare = options.flag("allow_no_value", options.flag("allow_none", false)?)?;
        let parsed = Ini::parse(&contents, sensitive, bare)
            .map_err(|error| match error {
                IniError::Duplicate { .. } => {
                    Failure::failed(format!("Duplicate option in '{file}': {error}"))
                }
                error => Failure::failed(error.to_string()),
            })?
            .interpolated(options.flag("interpolation", true)?);
        let Some(entries) = parsed.entries(&section) else {
            return Err(Failure::failed(format!("No section '{section}' in '{file}'.")));
        };
        let value_of = |name: &str, value: Option<&str>| -> Outcome<Value> {
            parsed
                .value(&section, name, value)
                .map(|value| value.map_or_else(|| Value::from(()), Value::from))
                .map_err(|error| Failure::failed(error.to_string()))
        };
        if options.flag("re", false)? {
            let regex = compiled(&key, Flags::default())?;
            for (name, value) in &entries {
                if regex.match_start(name)?.is_some() {
                    found.push(value_of(name, value.as_deref())?);
                }
            }
            continue;
        }
        let key = parsed.key(&key);
        let value = match entries.iter().find(|(name, _)| **name == key) {
            Some((name, value)) => value_of(name, value.as_deref())?,
            None => options.get("default").cloned().unwrap_or_else(|| Value::from("")),
        };
        match class_of(&value) {
            Class::None => {}
            Class::List => found.extend(elements(&value)?),
            _ => found.push(value),
        }
    }
    Ok(found)
}

/// The key of a term; `name=value` pairs after it are options.
fn inline_options(term: &str, options: &mut Options) -> Outcome<String> {
    if !term.contains('=') && !term.trim().contains(' ') {
        return Ok(term.to_owned());
    }
    // blanks belong to the value that stands before them
    let mut parts: Vec<(&str, String)> = Vec::new();
    let mut current = "key";
    for (index, word) in term.split_whitespace().enumerate() {
        if let Some(name) = options
            .known
            .iter()
            .rev()
            .find(|name| word.contains('=') && word.contains(&format!("{name}=")))
        {
            current = name;
        }
        match parts.iter_mut().find(|(name, _)| *name == current) {
            Some((_, part)) if index > 0 => {
                part.push(' ');
                part.push_str(word);
            }
            _ => parts.push((current, word.to_owned())),
        }
    }
    let mut key = None;
    for (_, part) in &parts {
        match part.split_once('=') {
            Some((_, value)) if value.contains('=') => {
                let all: Vec<String> = parts.iter().map(|(_, part)| format!("'{part}'")).collect();
                return Err(Failure::failed(format!(
                    "Could not use '{part}' from [{}]: too many values to unpack (expected 2)",
                    all.join(", ")
                )));
            }
            Some((name, value)) => options.set(name, value)?,
            None if key.is_none() => key = Some(part.clone()),
            None => {}
        }
    }
    key.ok_or_else(|| {
        Failure::failed(format!(
            "No key to look up was provided as first term within string inline options: {term}"
        ))
    })
}
