//! `ansible.builtin.set_stats`: numbers and words for the end of the run.

use canvass_modules::params;
use canvass_modules::params::{ParamValue as _, plain};
use serde_json::{Map, Value as Json, json};

use crate::template::mapping;

use super::set_fact::is_variable_name;
use super::{ActionError, ActionInput, Finished, Prepared};

params! {
    /// Parameters of `ansible.builtin.set_stats`.
    pub struct SetStatsParams {
        /// The values by name.
        data: Option<Json>,
        /// Whether they are kept for each host, not for the run.
        per_host: Option<Json>,
        /// Whether a value is added to the one that is kept, not put in its place.
        aggregate: Option<Json>,
    }
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let known = ["aggregate", "data", "per_host"];
    if let Some(name) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
        let message = format!("Invalid options for ansible.builtin.set_stats: {name}");
        return Err(ActionError::Include(message));
    }
    // words that are no booleans are taken for false
    let flag = |name: &str, usual: bool| match arguments.get(name) {
        None | Some(Json::Null) => usual,
        Some(value) => bool::from_json(value).unwrap_or(false),
    };
    let (per_host, aggregate) = (flag("per_host", false), flag("aggregate", true));
    let data = match arguments.get("data") {
        None => Map::new(),
        Some(Json::Object(data)) => data.clone(),
        Some(_) => {
            let message = "The 'data' option needs to be a dictionary/hash";
            return Ok(Prepared::Done(Finished::failed(message)));
        }
    };
    if let Some(name) = data.keys().find(|name| !is_variable_name(name)) {
        let message = format!("Task failed: Invalid variable name {}.", quoted(name));
        return Ok(Prepared::Done(Finished::failed(message)));
    }
    let mut returned = Map::new();
    let stats = json!({"data": data, "per_host": per_host, "aggregate": aggregate});
    returned.insert("ansible_stats".to_owned(), stats);
    let known = input.values.get("data").map(|data| {
        let stats = [
            ("data".to_owned(), crate::template::kept(data)),
            ("per_host".to_owned(), per_host.into()),
            ("aggregate".to_owned(), aggregate.into()),
        ];
        ("ansible_stats", mapping(stats.iter().map(|(name, value)| (name.as_str(), value))))
    });
    Ok(Prepared::Done(Finished::ok(returned).telling(known)))
}

fn quoted(name: &str) -> String {
    format!("'{}'", plain(&Json::from(name)))
}
