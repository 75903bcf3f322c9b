//! `ansible.builtin.package`: finds the module of the host's package manager.

use canvass_modules::registry;
use serde_json::{Map, Value as Json};

use crate::template::to_json;

use super::gather_facts::full_name;
use super::{ActionError, ActionInput, After, Finished, Prepared, RemoteCall};

/// Managers whose modules are those of `community.general`.
const OTHERS: [&str; 3] = ["zypper", "apk", "pacman"];

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let given = arguments.get("use").and_then(Json::as_str).unwrap_or("auto").to_owned();
    let text = |name: &str| -> Result<Option<String>, ActionError> {
        let Some(value) = input.scope.value(name)? else { return Ok(None) };
        Ok(to_json(&value)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    };
    let manager = match given.as_str() {
        "auto" => match text("ansible_package_use")? {
            Some(manager) => Some(manager),
            // facts of the host that acts are asked there
            None if input.step.task.keywords.delegate_to.is_some() => None,
            None => known_manager(input)?,
        },
        manager => Some(manager.to_owned()),
    };
    let call = |module: String, arguments| {
        Prepared::Remote(RemoteCall { module, arguments, source: None, after: After::Nothing })
    };
    let Some(manager) = manager.filter(|manager| manager != "auto") else {
        arguments.shift_remove("use");
        return Ok(call("ansible.builtin.package".to_owned(), arguments));
    };
    let module = full_name(&manager);
    if registry::find(&module).is_some() && module != "ansible.builtin.package" {
        arguments.shift_remove("use");
        return Ok(call(module, arguments));
    }
    let short = manager.rsplit('.').next().unwrap_or_default();
    if OTHERS.contains(&short) {
        arguments.shift_remove("use");
        return Ok(call(format!("community.general.{short}"), arguments));
    }
    Ok(Prepared::Done(Finished::failed(format!(
        "Could not find a matching action for the \"{manager}\" package manager."
    ))))
}

/// The manager by the facts of the host, where they are gathered.
fn known_manager(input: &ActionInput<'_>) -> Result<Option<String>, ActionError> {
    let Some(facts) = input.scope.value("ansible_facts")? else { return Ok(None) };
    let manager = facts.get_attr("pkg_mgr").ok();
    Ok(manager.and_then(|name| name.as_str().map(str::to_owned)).filter(|name| !name.is_empty()))
}
