//! Filters by family.

mod collections;
mod encoding;
mod jinja;
mod mathematics;
mod paths;
mod regexes;
mod selection;
mod serialisation;
mod strings;
mod times;

use std::collections::HashMap;
use std::sync::LazyLock;

use minijinja::Value;

use super::eval::{Bound, Parameters};
use super::failure::Outcome;

pub(super) use collections::{cartesian, element_pairs, flatten};
pub(super) use encoding::hash;
pub(super) use mathematics::random_below;
pub(super) use paths::expand_user;
pub(super) use selection::key_value;

/// A filter.
pub(super) struct Filter {
    pub(super) name: &'static str,
    pub(super) parameters: Parameters,
    /// Whether it handles undefined arguments itself; else the undefined one is what it gives.
    pub(super) takes_undefined: bool,
    pub(super) run: fn(&Bound<'_>) -> Outcome<Value>,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

const fn filter(
    name: &'static str,
    parameters: Parameters,
    run: fn(&Bound<'_>) -> Outcome<Value>,
) -> Filter {
    Filter { name, parameters, takes_undefined: false, run }
}

const fn lenient(
    name: &'static str,
    parameters: Parameters,
    run: fn(&Bound<'_>) -> Outcome<Value>,
) -> Filter {
    Filter { name, parameters, takes_undefined: true, run }
}

static BY_NAME: LazyLock<HashMap<&'static str, &'static Filter>> = LazyLock::new(|| {
    [
        collections::FILTERS,
        encoding::FILTERS,
        jinja::FILTERS,
        mathematics::FILTERS,
        paths::FILTERS,
        regexes::FILTERS,
        selection::FILTERS,
        serialisation::FILTERS,
        strings::FILTERS,
        times::FILTERS,
    ]
    .into_iter()
    .flatten()
    .map(|filter| (filter.name, filter))
    .collect()
});

/// Filters of Ansible that are refused by name, and why.
const REFUSED: [(&str, &str); 5] = [
    ("vault", "is not supported yet"),
    ("unvault", "is not supported yet"),
    ("password_hash", "is not supported yet"),
    ("urlize", "is not supported"),
    ("expandvars", "is not supported; use lookup('env', …)"),
];

/// The filter of a name, plain or with `ansible.builtin.` before it; the message of a refusal.
pub(super) fn find(name: &str) -> Result<&'static Filter, String> {
    let short = short_name(name);
    if let Some(filter) = BY_NAME.get(short) {
        return Ok(filter);
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == short) {
        return Err(format!("the filter '{name}' {reason}."));
    }
    let mut message = format!("No filter named '{name}'.");
    if let Some(near) = nearest(short, BY_NAME.keys().copied()) {
        message.push_str(&format!(" Did you mean '{near}'?"));
    }
    Err(message)
}

/// A name without the namespace of Ansible's own plugins.
pub(super) fn short_name(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name)
}

/// The known name that is most like a misspelt one.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2.min(candidate.len() / 2))
        .min()
        .map(|(_, candidate)| candidate)
}
