//! `ansible.builtin.add_host`: adds a host to the inventory of the run.
//!
//! Done once for all hosts of a batch, in a dry run too: nothing but this run knows of it.

use minijinja::Value;
use serde_json::{Map, Value as Json, json};

use crate::inventory::{NewHost, host_and_port};
use crate::template::{from_json, kept, mapping};
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
    let given_as =
        ["name", "hostname", "host"].into_iter().find(|name| arguments.contains_key(*name));
    let written = given_as.and_then(|name| input.values.get(name)).map(kept).unwrap_or_default();
    let given = given_as.and_then(|name| arguments.get(name));
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
    let value = |(name, json): (&String, &Json)| {
        let value = input.values.get(name).map(kept);
        (name.clone(), value.unwrap_or_else(|| from_json(json)))
    };
    let vars: Vec<(String, Value)> = arguments.iter().map(value).collect();
    let layer = vars.iter().map(|(name, value)| (name.clone(), Var::Data(value.clone())));
    let new = NewHost { name: name.clone(), groups: groups.clone(), vars: layer.collect() };
    let changed = match input.inventory.add_host(new) {
        Ok(changed) => changed,
        Err(problem) => return failed(&problem.to_string()),
    };
    let mut returned = Map::new();
    let added = json!({ "host_name": name, "groups": groups, "host_vars": arguments });
    returned.insert("add_host".to_owned(), added);
    let vars = mapping(vars.iter().map(|(name, value)| (name.as_str(), value)));
    let known = [
        ("host_name", if name == given { written } else { name.into() }),
        ("groups", groups.into()),
        ("host_vars", vars),
    ];
    let known = mapping(known.iter().map(|(name, value)| (*name, value)));
    let finished = Finished::ok(returned).telling([("add_host", known)]);
    Ok(Prepared::Done(Finished { changed, ..finished }))
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
