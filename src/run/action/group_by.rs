//! `ansible.builtin.group_by`: puts the host into a group that is named by its variables.

use canvass_modules::params;
use serde_json::{Map, Value as Json, json};

use super::{ActionError, ActionInput, Finished, Prepared, parse};

params! {
    /// Parameters of `ansible.builtin.group_by`.
    pub struct GroupByParams {
        /// The name of the group; spaces become `-`.
        key: Option<String>,
        /// The groups that it stands in.
        parents: Json = Json::from("all"),
    }
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: GroupByParams = parse("ansible.builtin.group_by", &arguments)?;
    let Some(key) = params.key else {
        let message = "the 'key' param is required when using group_by";
        return Ok(Prepared::Done(Finished::failed(message)));
    };
    let group = key.replace(' ', "-");
    // text is one name, with commas or without
    let parents = match &params.parents {
        Json::Array(names) => names.as_slice(),
        name => std::slice::from_ref(name),
    };
    let parents: Vec<String> =
        parents.iter().map(|name| params::plain(name).replace(' ', "-")).collect();
    let host = input.host.to_owned();
    let changed = match input.inventory.group_host(host, group.clone(), parents.clone()) {
        Ok(changed) => changed,
        Err(problem) => return Ok(Prepared::Done(Finished::failed(problem))),
    };
    let mut returned = Map::new();
    returned.insert("add_group".to_owned(), Json::from(group));
    returned.insert("parent_groups".to_owned(), json!(parents));
    Ok(Prepared::Done(Finished { changed, ..Finished::ok(returned) }))
}
