//! `ansible.builtin.script`: finds the program here; the runner runs it there.

use canvass_modules::module::script::Params;
use serde_json::{Map, Value as Json};

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.builtin.script";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: Params = parse(MODULE, &arguments)?;
    let program = params.program().map_err(|error| ActionError::Include(error.to_string()))?;
    let path = files::find(input.directories, "files", &program)?;
    Ok(Prepared::Remote(RemoteCall {
        module: MODULE.to_owned(),
        arguments,
        source: Some(input.files.source(&path, params.decrypt)?),
        after: After::Nothing,
    }))
}
