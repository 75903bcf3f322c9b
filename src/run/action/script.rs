//! `ansible.builtin.script`: finds the program here; the runner runs it there.

use canvass_modules::module::script::Params;
use canvass_modules::wire::MISSING_ARGUMENT;
use serde_json::{Map, Value as Json};

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.builtin.script";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: Params = parse(MODULE, &arguments)?;
    let program = params.program().map_err(|error| ActionError::Include(error.to_string()))?;
    let source = match files::find(input.directories, "files", &program) {
        Ok(path) => Some(input.files.source(&path, params.decrypt)?),
        // what holds the program back comes first
        Err(error) => {
            arguments.insert(MISSING_ARGUMENT.to_owned(), Json::from(error.to_string()));
            None
        }
    };
    Ok(Prepared::Remote(RemoteCall {
        module: MODULE.to_owned(),
        arguments,
        source,
        after: After::Nothing,
    }))
}
