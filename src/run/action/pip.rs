//! `ansible.builtin.pip`: tells the runner which Python the host's variables name.

use canvass_modules::module::pip::Params;
use canvass_modules::wire::PYTHON_ARGUMENT;
use serde_json::{Map, Value as Json};

use crate::template::to_json;

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, parse};

const MODULE: &str = "ansible.builtin.pip";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let _: Params = parse(MODULE, &arguments)?;
    // the variables are those of the host that the task is for, not of one that acts for it
    if input.step.task.keywords.delegate_to.is_none()
        && let Some(value) = input.scope.value("ansible_python_interpreter")?
        && let Json::String(python) = to_json(&value)?
        // `auto` and its kin ask for the one that is there
        && !python.starts_with("auto")
        && !python.is_empty()
    {
        arguments.insert(PYTHON_ARGUMENT.to_owned(), Json::from(python));
    }
    Ok(Prepared::Remote(RemoteCall {
        module: MODULE.to_owned(),
        arguments,
        source: None,
        after: After::Nothing,
    }))
}
