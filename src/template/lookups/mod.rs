//! Lookups by family.
//!
//! A lookup takes terms (its arguments, or the list of `with_<name>`) and options, and gives
//! elements.

mod config;
mod environment;
mod files;
mod ini_file;
mod loops;
mod password;
mod records;
mod sequence;
mod subelements;
mod url;

use std::path::{Path, PathBuf};

use minijinja::Value;

use super::eval::{Call, Environment};
use super::failure::{Failure, Outcome};
use super::filters::{nearest, short_name};
use super::python::{Class, class_of, elements, list, text, truth};
use crate::vars::Scope;

pub(super) use files::glob;
pub(super) use ini_file::Ini;
pub(super) use records::rows as csv_rows;

/// Whether a call wants the elements joined (`lookup`) or as a list (`query`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Joined,
    List,
}

/// What a lookup works on.
pub(super) struct Request<'a> {
    pub(super) scope: &'a Scope,
    pub(super) terms: Vec<Value>,
    pub(super) options: Vec<(String, Value)>,
}

type Run = fn(&Request<'_>) -> Outcome<Vec<Value>>;

const LOOKUPS: &[(&str, Run)] = &[
    ("config", config::config),
    ("env", environment::variables),
    ("pipe", environment::pipe),
    ("lines", environment::lines),
    ("vars", environment::vars),
    ("varnames", environment::names),
    ("inventory_hostnames", environment::hosts),
    ("file", files::contents),
    ("unvault", files::unvault),
    ("template", files::template),
    ("fileglob", files::globbed),
    ("first_found", files::first_found),
    ("items", loops::items),
    ("list", loops::plain),
    ("dict", loops::dicts),
    ("together", loops::together),
    ("nested", loops::nested),
    ("cartesian", loops::nested),
    ("flattened", loops::flattened),
    ("indexed_items", loops::indexed),
    ("sequence", sequence::sequence),
    ("subelements", subelements::subelements),
    ("random_choice", loops::random_choice),
    ("password", password::password),
    ("csvfile", records::csv),
    ("ini", records::ini),
    ("url", url::contents),
];

/// The names of all lookups.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LOOKUPS.iter().map(|(name, _)| *name)
}

/// Whether a name is a lookup's; the message of a refusal.
pub(super) fn find(name: &str) -> Result<Run, String> {
    let short = name.strip_prefix("community.general.").unwrap_or_else(|| short_name(name));
    if let Some((_, run)) = LOOKUPS.iter().find(|(known, _)| *known == short) {
        return Ok(*run);
    }
    let mut message = format!("The lookup plugin '{name}' was not found.");
    if let Some(near) = nearest(short, LOOKUPS.iter().map(|(known, _)| *known)) {
        message.push_str(&format!(" Did you mean '{near}'?"));
    }
    Err(message)
}

fn take(options: &mut Vec<(String, Value)>, name: &str) -> Option<Value> {
    let index = options.iter().position(|(option, _)| option == name)?;
    Some(options.remove(index).1)
}

/// `lookup(…)`, `query(…)`.
pub(super) fn function(
    environment: &Environment<'_>,
    call: Call,
    wanted: Wanted,
) -> Outcome<Value> {
    let mut terms = call.positional.into_iter();
    let Some(name) = terms.next() else {
        return Err(Failure::failed("lookup() needs the name of a lookup"));
    };
    let name = text(&name)?;
    let run = find(&name).map_err(Failure::refused)?;
    let mut options = call.keywords;
    let errors =
        take(&mut options, "errors").map_or(Ok("strict".to_owned()), |value| text(&value))?;
    let wants_list = take(&mut options, "wantlist").map_or(Ok(false), |value| truth(&value))?;
    let as_list = wanted == Wanted::List || wants_list;
    let request = Request { scope: environment.scope, terms: terms.collect(), options };
    let found = match run(&request) {
        Ok(found) => found,
        Err(_) if matches!(errors.as_str(), "ignore" | "warn") => {
            return Ok(if as_list { list(Vec::new()) } else { Value::from(()) });
        }
        Err(failure) => return Err(failure.of_plugin("lookup", &name)),
    };
    if as_list {
        return Ok(list(found));
    }
    if let [only] = found.as_slice() {
        return Ok(only.clone());
    }
    let texts: Option<Vec<&str>> = found.iter().map(Value::as_str).collect();
    match texts {
        Some(texts) if !texts.is_empty() => Ok(Value::from(texts.join(","))),
        _ => Ok(list(found)),
    }
}

/// The elements of `with_<name>`.
pub(super) fn run_loop(name: &str, terms: Vec<Value>, scope: &Scope) -> Outcome<Vec<Value>> {
    let run = find(name).map_err(Failure::refused)?;
    run(&Request { scope, terms, options: Vec::new() })
        .map_err(|failure| failure.of_plugin("lookup", name))
}

impl Request<'_> {
    /// The terms as texts, lists among them opened.
    pub(super) fn texts(&self) -> Outcome<Vec<String>> {
        let mut texts = Vec::new();
        for term in &self.terms {
            match class_of(term) {
                Class::List | Class::Tuple => {
                    for inner in elements(term)? {
                        texts.push(text(&inner)?);
                    }
                }
                _ => texts.push(text(term)?),
            }
        }
        Ok(texts)
    }

    /// An option that is given and not `None`.
    pub(super) fn option(&self, name: &str) -> Option<&Value> {
        let found = self.options.iter().find(|(option, _)| option == name);
        found.map(|(_, value)| value).filter(|value| !value.is_none())
    }

    /// An option as text.
    pub(super) fn text_option(&self, name: &str, default: &str) -> Outcome<String> {
        self.option(name).map_or_else(|| Ok(default.to_owned()), text)
    }

    /// An option as a switch.
    pub(super) fn flag(&self, name: &str, default: bool) -> Outcome<bool> {
        match self.option(name) {
            None => Ok(default),
            Some(value) => match value.as_str() {
                Some(word) => Ok(matches!(
                    word.to_lowercase().as_str(),
                    "yes" | "on" | "1" | "true" | "t" | "y"
                )),
                None => truth(value),
            },
        }
    }

    /// The file of a name along the search path.
    pub(super) fn find_file(&self, kind: &str, name: &str) -> Option<PathBuf> {
        let name = super::filters::expand_user(name);
        let candidates = self.scope.directories().candidates(kind, Path::new(&name));
        candidates.into_iter().find(|path| path.exists())
    }
}
