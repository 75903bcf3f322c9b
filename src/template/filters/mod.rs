//! Filters by family.

mod addresses;
mod collections;
mod comparison;
mod data_paths;
mod documents;
mod durations;
mod encoding;
mod encryption;
mod hashids;
mod jinja;
mod json_patches;
mod keys;
mod kinds;
mod links;
mod markup;
mod mathematics;
mod passwords;
mod paths;
mod regexes;
mod selection;
mod sequences;
mod serialisation;
mod strings;
mod tables;
mod times;
mod validation;

use std::collections::HashMap;
use std::sync::LazyLock;

use minijinja::Value;

use super::eval::{Bound, Parameters};
use super::failure::Outcome;
use super::syntax::{Range, SyntaxError};

pub(super) use collections::flatten;
pub(super) use encoding::{hash, hex, url_decode};
pub(super) use kinds::is_kind;
pub(super) use paths::{expand_user, normal};
pub(super) use selection::key_value;
pub(super) use serialisation::parse_yaml;
pub(super) use validation::validate;

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
        addresses::HARDWARE,
        addresses::QUERIES,
        addresses::SUBNETS,
        addresses::WITHIN,
        collections::FILTERS,
        comparison::FILTERS,
        data_paths::FILTERS,
        documents::FILTERS,
        durations::FILTERS,
        encoding::FILTERS,
        encryption::FILTERS,
        hashids::FILTERS,
        jinja::FILTERS,
        json_patches::FILTERS,
        keys::FILTERS,
        kinds::FILTERS,
        links::FILTERS,
        markup::FILTERS,
        mathematics::FILTERS,
        passwords::FILTERS,
        paths::FILTERS,
        regexes::FILTERS,
        selection::FILTERS,
        sequences::FILTERS,
        serialisation::FILTERS,
        strings::FILTERS,
        tables::FILTERS,
        times::FILTERS,
        validation::FILTERS,
    ]
    .into_iter()
    .flatten()
    .map(|filter| (filter.name, filter))
    .collect()
});

/// All filters, with their parameters.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Parameters)> {
    BY_NAME.values().map(|filter| (filter.name, filter.parameters))
}

/// A name that no filter, test or lookup has.
#[derive(Debug)]
pub(super) struct UnknownName {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl UnknownName {
    /// As a syntax error of the place where it is written.
    pub(super) fn at(self, range: Range) -> SyntaxError {
        SyntaxError { message: self.message, hint: self.hint, range }
    }
}

/// The filter of a name, plain or with its collection before it; the message of a refusal.
pub(super) fn find(name: &str) -> Result<&'static Filter, UnknownName> {
    let short = short_name(name);
    if let Some(filter) = BY_NAME.get(short).or_else(|| BY_NAME.get(moved(short)?.as_str())) {
        return Ok(filter);
    }
    let near = || nearest(short, BY_NAME.keys().copied());
    let hint = instead_of(short).or_else(|| near().map(|near| format!("did you mean `{near}`?")));
    Err(UnknownName { message: format!("No filter named '{name}'."), hint })
}

/// What does the work of a plugin of a collection that is not there.
pub(super) fn instead_of(name: &str) -> Option<String> {
    let instead = match name {
        "community.general.json_diff" => "compare with `ansible.utils.fact_diff`",
        "community.general.random_pet" => "use the lookup `community.general.random_string`",
        _ => return None,
    };
    Some(instead.to_owned())
}

/// Where a filter is now that was Ansible's own once, or another collection's.
fn moved(name: &str) -> Option<String> {
    let name = name.strip_prefix("ansible.netcommon.").unwrap_or(name);
    match name {
        "json_query" | "random_mac" => Some(format!("community.general.{name}")),
        "cidr_merge"
        | "hwaddr"
        | "ip4_hex"
        | "ipaddr"
        | "ipmath"
        | "ipsubnet"
        | "ipv4"
        | "ipv6"
        | "ipwrap"
        | "macaddr"
        | "network_in_network"
        | "network_in_usable"
        | "next_nth_usable"
        | "nthhost"
        | "previous_nth_usable"
        | "reduce_on_network"
        | "slaac" => Some(format!("ansible.utils.{name}")),
        _ => None,
    }
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
