//! Lookups by family.
//!
//! A lookup takes terms (its arguments, or the list of `with_<name>`) and options, and gives
//! elements.

mod collection_version;
mod config;
mod dependent;
mod dig;
mod environment;
mod files;
mod filetree;
mod first_found;
mod ini_file;
mod lmdb_kv;
mod loops;
mod merge_variables;
mod password;
mod passwordstore;
mod random_string;
mod records;
mod sequence;
mod subelements;
mod url;
mod validation;

use std::path::{Path, PathBuf};

use minijinja::Value;

use super::eval::{Call, Environment};
use super::failure::{Failure, Outcome};
use super::filters::{nearest, short_name};
use super::python::{Class, class_of, elements, list, text, truth, usable};
use crate::vars::{Scope, refuses_lookup};

pub(super) use files::glob;
pub(super) use filetree::name_in;
pub(super) use first_found::defined;
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
    /// Whether it is for `with_<name>`.
    pub(super) looped: bool,
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
    ("first_found", first_found::first_found),
    ("items", loops::items),
    ("list", loops::plain),
    ("dict", loops::dicts),
    ("together", loops::together),
    ("nested", loops::nested),
    ("indexed_items", loops::indexed),
    ("sequence", sequence::sequence),
    ("subelements", subelements::subelements),
    ("random_choice", loops::random_choice),
    ("password", password::password),
    ("csvfile", records::csv),
    ("ini", records::ini),
    ("url", url::contents),
    ("community.general.cartesian", loops::nested),
    ("community.general.binary_file", files::binary),
    ("community.general.collection_version", collection_version::collection_version),
    ("community.general.dependent", dependent::dependent),
    ("community.general.dig", dig::dig),
    ("community.general.filetree", filetree::filetree),
    ("community.general.flattened", loops::flattened),
    ("community.general.lmdb_kv", lmdb_kv::lmdb_kv),
    ("community.general.merge_variables", merge_variables::merge_variables),
    ("community.general.passwordstore", passwordstore::passwordstore),
    ("community.general.random_string", random_string::random_string),
    ("ansible.utils.get_path", |request| request.filtered("get_path", false)),
    ("ansible.utils.index_of", |request| request.filtered("index_of", true)),
    ("ansible.utils.to_paths", |request| request.filtered("to_paths", false)),
    ("ansible.utils.validate", validation::validate),
];

/// Lookups of `community.general` that were Ansible's own, and are still known by those names.
const MOVED: &[&str] = &["cartesian", "dig", "filetree", "flattened"];

/// The names of all lookups.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LOOKUPS.iter().map(|(name, _)| *name)
}

/// Whether there is a lookup of this name.
pub(super) fn is_known(name: &str) -> bool {
    LOOKUPS.iter().any(|(known, _)| *known == short_name(name))
}

/// The lookup of a name; the message of a refusal where there is none.
pub(super) fn find(name: &str) -> Result<Run, String> {
    let short = short_name(name);
    let full = match MOVED.contains(&short) {
        true => format!("community.general.{short}"),
        false => short.to_owned(),
    };
    if let Some((_, run)) = LOOKUPS.iter().find(|(known, _)| *known == full) {
        return Ok(*run);
    }
    let mut message = format!("The lookup plugin '{name}' was not found.");
    if let Some(instead) = super::filters::instead_of(short) {
        message.push_str(&format!(" Instead, {instead}."));
    } else if let Some(near) = nearest(short, LOOKUPS.iter().map(|(known, _)| *known)) {
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
    let request =
        Request { scope: environment.scope, terms: terms.collect(), options, looped: false };
    let found = match not_ahead(&name).and_then(|()| run(&request)) {
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

/// A task that is rendered before it is its turn does no lookup but those of values that it has:
/// others are done when it is.
fn not_ahead(name: &str) -> Outcome<()> {
    let pure = matches!(
        short_name(name),
        "vars"
            | "varnames"
            | "env"
            | "items"
            | "list"
            | "dict"
            | "together"
            | "nested"
            | "cartesian"
            | "flattened"
            | "indexed_items"
            | "inventory_hostnames"
            | "sequence"
            | "subelements"
    );
    if !pure && refuses_lookup() {
        return Err(Failure::failed("the lookup is done when it is the task's turn"));
    }
    Ok(())
}

/// The elements of `with_<name>`.
pub(super) fn run_loop(name: &str, terms: Vec<Value>, scope: &Scope) -> Outcome<Vec<Value>> {
    let run = find(name).map_err(Failure::refused)?;
    not_ahead(name)?;
    run(&Request { scope, terms, options: Vec::new(), looped: true })
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

    /// Refuses options that the lookup does not have.
    pub(super) fn only(&self, options: &[&str]) -> Outcome<()> {
        match self.options.iter().find(|(name, _)| !options.contains(&name.as_str())) {
            Some((name, _)) => Err(Failure::failed(format!("there is no option `{name}`"))),
            None => Ok(()),
        }
    }

    /// An option that the environment and `ansible.cfg` may set, too, as text.
    pub(super) fn setting(&self, name: &str, section: &str, default: &str) -> Outcome<String> {
        let settings = crate::settings::current();
        let family = section.trim_end_matches("_lookup");
        let variable = format!("ANSIBLE_{family}_{name}").to_uppercase();
        let set = settings.variable(&variable).or_else(|| settings.entry(section, name));
        self.text_option(name, set.unwrap_or(default))
    }

    /// What the filter of `ansible.utils` of this name gives for the terms and options.
    fn filtered(&self, name: &str, wants_list: bool) -> Outcome<Vec<Value>> {
        let environment = Environment::new(self.scope);
        let filter = environment.filter_named(&format!("ansible.utils.{name}").into())?;
        let mut options = self.options.clone();
        if wants_list {
            options.push(("wantlist".to_owned(), Value::from(true)));
        }
        let found = environment.filter(filter, self.terms.clone(), options)?;
        usable(&found)?;
        match class_of(&found) {
            Class::List => elements(&found),
            _ => Ok(vec![found]),
        }
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
