//! `ansible.builtin.gather_facts`: calls the modules that gather facts.

use canvass_modules::module::setup;
use canvass_modules::params::{OptionSpec, ParamValue as _, Params as _};
use canvass_modules::{params, registry};
use serde_json::{Map, Value as Json};

use crate::template::to_json;

use super::{ActionError, ActionInput, After, Finished, Prepared, RemoteCall};

params! {
    /// Parameters of `ansible.builtin.gather_facts` beside those of `setup`.
    pub struct GatherFactsParams {
        /// Whether several modules run at once; they always run one after the other here.
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

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    arguments.shift_remove("parallel");
    arguments.shift_remove("network_os");
    arguments.retain(|_, value| !value.is_null());
    let wanted = match input.scope.value("ansible_facts_modules")? {
        Some(value) => Vec::<String>::from_json(&to_json(&value)?).unwrap_or_default(),
        None => vec!["smart".to_owned()],
    };
    let mut modules: Vec<String> =
        wanted.iter().filter(|name| *name != "smart").map(|name| full_name(name)).collect();
    if modules.len() < wanted.len() && !modules.iter().any(|name| name == SETUP) {
        modules.push(SETUP.to_owned());
    }
    if let Some(unknown) = modules.iter().find(|name| registry::find(name).is_none()) {
        return Ok(Prepared::Done(Finished::failed(format!(
            "The module {unknown} was not found in configured module paths."
        ))));
    }
    let calls: Vec<RemoteCall> = modules
        .into_iter()
        .map(|module| {
            let mut arguments = arguments.clone();
            if module != SETUP {
                for own in ["gather_subset", "gather_timeout", "filter", "fact_path"] {
                    arguments.shift_remove(own);
                }
            }
            RemoteCall { module, arguments, source: None, after: After::Nothing }
        })
        .collect();
    match <[RemoteCall; 1]>::try_from(calls) {
        Ok([call]) => Ok(Prepared::Remote(call)),
        Err(calls) => Ok(Prepared::Several(calls, Map::new())),
    }
}

/// The name with its collection.
pub(super) fn full_name(name: &str) -> String {
    let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
    if short.contains('.') { short.to_owned() } else { format!("ansible.builtin.{short}") }
}
