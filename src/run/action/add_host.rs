//! `ansible.builtin.add_host`: adds a host to the inventory of the run.
//!
//! Done once for all hosts of a batch, in a dry run too: nothing but this run knows of it.

use serde_json::{Map, Value as Json, json};

use crate::inventory::{NewHost, host_and_port};
use crate::template::from_json;
use crate::vars::Var;

use super::{ActionError, ActionInput, Finished, Prepared};

/// Arguments that are no variables of the host.
const OWN: [&str; 4] = ["name", "hostname", "groupname", "groups"];

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    match arguments.shift_remove("_raw_params") {
        None | Some(Json::Null) => {}
        Some(Json::Object(mut raw)) => {
            raw.extend(arguments);
            arguments = raw;
        }
        Some(raw) => {
            let message = "Invalid raw parameters passed, requires a dictionary/mapping got a ";
            return failed(&format!("{message} {raw}"));
        }
    }
    let given = ["name", "hostname", "host"].iter().find_map(|name| arguments.get(*name));
    let Some(given) = given.filter(|given| !given.is_null()) else {
        return failed("name, host or hostname needs to be provided");
    };
    let given = canvass_modules::params::plain(given);
    let (name, port) = host_and_port(&given);
    let name = name.to_owned();
    if let Some(port) = port {
        arguments.insert("ansible_ssh_port".to_owned(), port.into());
    }
    let groups = ["groupname", "groups", "group"].iter().find_map(|name| arguments.get(*name));
    let groups: Vec<String> = match groups {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::String(text)) if text.is_empty() => Vec::new(),
        Some(Json::String(text)) => names(text.split(',')),
        Some(Json::Array(list)) => {
            let list: Vec<String> = list.iter().map(canvass_modules::params::plain).collect();
            names(list.iter().map(String::as_str))
        }
        Some(_) => return failed("Groups must be specified as a list."),
    };
    arguments.retain(|name, _| !OWN.contains(&name.as_str()));
    let vars =
        arguments.iter().map(|(name, value)| (name.clone(), Var::Data(from_json(value)))).collect();
    let new = NewHost { name: name.clone(), groups: groups.clone(), vars };
    let changed = match input.inventory.add_host(new) {
        Ok(changed) => changed,
        Err(problem) => return failed(&problem.to_string()),
    };
    let mut returned = Map::new();
    let added = json!({ "host_name": name, "groups": groups, "host_vars": arguments });
    returned.insert("add_host".to_owned(), added);
    Ok(Prepared::Done(Finished { changed, ..Finished::ok(returned) }))
}

fn failed(message: &str) -> Result<Prepared, ActionError> {
    Ok(Prepared::Done(Finished::failed(message)))
}

/// The names without the space around them, each once.
fn names<'a>(written: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in written {
        if !names.iter().any(|known| known == name) {
            names.push(name.trim().to_owned());
        }
    }
    names
}
