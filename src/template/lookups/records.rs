//! Lookups in files of records: CSV, INI, properties.

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::text;
use crate::template::regex::{Flags, compiled};

/// The words of a term and its `key=value` pairs over the request's options.
fn split_term(
    request: &Request<'_>,
    term: &str,
    known: &[&str],
) -> Outcome<(String, Vec<(String, String)>)> {
    request.known_options(known)?;
    let mut options = Vec::new();
    for (name, value) in &request.options {
        options.push((name.clone(), text(value)?));
    }
    let mut words = Vec::new();
    for word in term.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) if known.contains(&name) => {
                options.push((name.to_owned(), value.to_owned()));
            }
            _ => words.push(word),
        }
    }
    Ok((words.join(" "), options))
}

fn option(options: &[(String, String)], name: &str, default: &str) -> String {
    let found = options.iter().rev().find(|(option, _)| option == name);
    found.map_or_else(|| default.to_owned(), |(_, value)| value.clone())
}

fn read(request: &Request<'_>, file: &str) -> Outcome<String> {
    let Some(path) = request.find_file("files", file) else {
        return Err(Failure::failed(format!("the file '{file}' was not found")));
    };
    std::fs::read_to_string(&path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))
}

/// `csvfile`
pub(super) fn csv(request: &Request<'_>) -> Outcome<Vec<Value>> {
    const KNOWN: [&str; 6] = ["file", "delimiter", "col", "keycol", "default", "encoding"];
    let mut found = Vec::new();
    for term in request.texts()? {
        let (key, options) = split_term(request, &term, &KNOWN)?;
        let delimiter = match option(&options, "delimiter", "TAB").as_str() {
            "TAB" | "\\t" => '\t',
            other => other.chars().next().unwrap_or('\t'),
        };
        let number = |name: &str, default: &str| {
            option(&options, name, default)
                .parse::<usize>()
                .map_err(|_| Failure::failed(format!("the option '{name}' must be a number")))
        };
        let (column, key_column) = (number("col", "1")?, number("keycol", "0")?);
        let contents = read(request, &option(&options, "file", "ansible.csv"))?;
        let row = rows(&contents, delimiter)
            .into_iter()
            .find(|row| row.get(key_column).is_some_and(|cell| *cell == key));
        let default = options.iter().rev().find(|(name, _)| name == "default");
        match (row, default) {
            (Some(row), _) => match row.get(column) {
                Some(cell) => found.push(Value::from(cell.as_str())),
                None => return Err(Failure::failed("list index out of range")),
            },
            (None, Some((_, default))) => found.push(Value::from(default.as_str())),
            (None, None) => {}
        }
    }
    Ok(found)
}

fn rows(contents: &str, delimiter: char) -> Vec<Vec<String>> {
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
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
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
    const KNOWN: [&str; 9] = [
        "file",
        "section",
        "type",
        "re",
        "default",
        "encoding",
        "case_sensitive",
        "allow_no_value",
        "interpolation",
    ];
    let mut found = Vec::new();
    for term in request.texts()? {
        let (key, options) = split_term(request, &term, &KNOWN)?;
        let truthy = |name: &str| {
            matches!(option(&options, name, "").to_lowercase().as_str(), "true" | "yes" | "1")
        };
        let sensitive = truthy("case_sensitive");
        let properties = option(&options, "type", "ini") == "properties";
        let section = option(&options, "section", "global");
        let wanted_section = if properties { String::new() } else { section };
        let contents = read(request, &option(&options, "file", "ansible.ini"))?;
        let entries = section_entries(&contents, &wanted_section, properties);
        let fold = |name: &str| if sensitive { name.to_owned() } else { name.to_lowercase() };
        if truthy("re") {
            let regex = compiled(&key, Flags { ignore_case: !sensitive, ..Flags::default() })?;
            for (name, value) in &entries {
                if regex.match_start(name)?.is_some() {
                    found.push(Value::from(value.as_str()));
                }
            }
            continue;
        }
        let value = entries.iter().rev().find(|(name, _)| fold(name) == fold(&key));
        found.push(Value::from(match value {
            Some((_, value)) => value.clone(),
            None => option(&options, "default", ""),
        }));
    }
    Ok(found)
}

fn section_entries(contents: &str, wanted: &str, properties: bool) -> Vec<(String, String)> {
    let mut entries: Vec<(String, String)> = Vec::new();
    let mut current = String::new();
    for line in contents.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next())
            && !properties
        {
            current = name.to_owned();
            continue;
        }
        if current != wanted && !(current == "DEFAULT" && !properties) {
            continue;
        }
        let continues = line.starts_with([' ', '\t']);
        if let Some((_, value)) = entries.last_mut().filter(|_| continues) {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        let (name, value) = trimmed.split_once(['=', ':']).unwrap_or((trimmed, ""));
        entries.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    entries
}
