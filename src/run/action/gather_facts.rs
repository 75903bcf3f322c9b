//! `ansible.builtin.gather_facts`: calls the modules that gather facts.

use canvass_modules::module::setup;
use canvass_modules::params::{OptionSpec, ParamValue as _, Params as _};
use canvass_modules::{params, registry};
use serde_json::{Map, Value as Json};

use crate::run::keyword::python_text;
use crate::template::{from_json, to_json};

use super::{ActionError, ActionInput, After, Finished, Prepared, RemoteCall};

params! {
    /// Parameters of `ansible.builtin.gather_facts` beside those of `setup`.
    pub struct GatherFactsParams {
        /// Whether several modules work at the same time; they do where nothing is said.
        parallel: Option<bool>,
        /// The kind of a network device.
        network_os: Option<String>,
    }
}

/// The options of the action: its own and those of `setup`.
pub(super) fn options() -> Vec<OptionSpec> {
    GatherFactsParams::options().into_iter().chain(setup::Params::options()).collect()
}

/// The module that gathers what others do not.
const SETUP: &str = "ansible.builtin.setup";

/// The name by which Ansible calls that module where nobody named one.
pub(crate) const SETUP_ITSELF: &str = "ansible.legacy.setup";

/// Several modules that gather facts, or one that was asked for.
pub(crate) struct FactCalls {
    /// The modules by the names that they were asked for, with their calls.
    pub(crate) calls: Vec<(String, RemoteCall)>,
    /// Whether they work at the same time.
    pub(crate) turns: Turns,
    /// What is to be said.
    pub(crate) warnings: Vec<String>,
}

/// How several modules work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turns {
    /// All at once.
    AtOnce,
    /// One after the other.
    InTurn,
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let parallel = arguments.shift_remove("parallel");
    let network_os = arguments.shift_remove("network_os");
    arguments.retain(|_, value| !value.is_null());
    let modules = match modules(input, network_os)? {
        Ok(modules) => modules,
        Err(message) => return Ok(Prepared::Done(Finished::failed(message))),
    };
    if modules == [SETUP_ITSELF] {
        let module = SETUP.to_owned();
        let call = RemoteCall { module, arguments, source: None, after: After::Nothing };
        return Ok(Prepared::Remote(call));
    }
    let unknown = modules.iter().find(|name| registry::find(&full_name(name)).is_none());
    if let Some(unknown) = unknown {
        return Ok(Prepared::Done(Finished::failed(format!(
            "The module {unknown} was not found in configured module paths."
        ))));
    }
    let parallel = match input.scope.value("ansible_facts_parallel")? {
        Some(value) => Some(to_json(&value)?),
        None => parallel.filter(|value| !value.is_null()),
    };
    let at_once = match parallel {
        Some(value) => bool::from_json(&value).unwrap_or_default(),
        None => modules.len() > 1,
    };
    let mut warnings = Vec::new();
    let calls = modules.into_iter().map(|name| {
        let module = full_name(&name);
        let mut arguments = arguments.clone();
        if module != SETUP {
            warnings.extend(left_out(&name, &mut arguments));
        }
        (name, RemoteCall { module, arguments, source: None, after: After::Nothing })
    });
    let calls = calls.collect();
    let turns = if at_once { Turns::AtOnce } else { Turns::InTurn };
    Ok(Prepared::Facts(Box::new(FactCalls { calls, turns, warnings })))
}

/// The modules to call, by the names that they were asked for; or why there is none.
fn modules(
    input: &ActionInput<'_>,
    network_os: Option<Json>,
) -> Result<Result<Vec<String>, String>, ActionError> {
    let list = |value: &Json| Vec::<String>::from_json(value).unwrap_or_default();
    let mut modules = match input.scope.value("ansible_facts_modules")? {
        Some(value) => list(&to_json(&value)?),
        None => crate::settings::current().list("FACTS_MODULES"),
    };
    let asked = modules.len();
    modules.retain(|name| name != "smart");
    if modules.len() == asked {
        return Ok(Ok(modules));
    }
    let network_os = match network_os.filter(|value| !value.is_null()) {
        Some(Json::String(name)) => Some(name),
        Some(other) => Some(other.to_string()),
        None => match input.scope.value("ansible_network_os")? {
            Some(value) => value.as_str().map(str::to_owned),
            None => None,
        },
    };
    let Some(network_os) = network_os.filter(|name| !name.is_empty()) else {
        if !modules.iter().any(|name| full_name(name) == SETUP) {
            modules.push(SETUP_ITSELF.to_owned());
        }
        return Ok(Ok(modules));
    };
    let known = match input.scope.value("ansible_connection_facts_modules")? {
        Some(value) => to_json(&value)?,
        None => crate::settings::current().mapping("CONNECTION_FACTS_MODULES"),
    };
    match known.get(&network_os).and_then(Json::as_str) {
        Some(module) => modules.push(module.to_owned()),
        None if modules.is_empty() => {
            return Ok(Err(format!(
                "No fact modules available and we could not find a fact module for your network \
                 OS ({network_os}), try setting one via the `FACTS_MODULES` configuration."
            )));
        }
        None => {}
    }
    Ok(Ok(modules))
}

/// Takes away what is for `setup` alone, and tells of it.
fn left_out(module: &str, arguments: &mut Map<String, Json>) -> Vec<String> {
    arguments.shift_remove("fact_path");
    let mut told = Vec::new();
    for (name, word) in
        [("gather_subset", "subset"), ("gather_timeout", "timeout"), ("filter", "filter")]
    {
        let Some(value) = arguments.shift_remove(name) else { continue };
        let everything =
            name == "gather_subset" && (value == "all" || value == Json::from(vec!["all"]));
        if !everything {
            let value = from_json(&value);
            told.push(format!("Not passing {word}({}) to {module}", python_text(&value)));
        }
    }
    told
}

/// The name with its collection.
pub(super) fn full_name(name: &str) -> String {
    let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
    if short.contains('.') { short.to_owned() } else { format!("ansible.builtin.{short}") }
}
