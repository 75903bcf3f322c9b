//! `ansible.posix.patch`: finds the patch here; the runner applies it there.

use canvass_modules::collection::ansible_posix::patch::Params;
use serde_json::{Map, Value};

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.posix.patch";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Value>,
) -> Result<Prepared, ActionError> {
    if arguments.get("src").or_else(|| arguments.get("patchfile")).is_none_or(Value::is_null) {
        return Err(ActionError::Include("src is required".to_owned()));
    }
    let params: Params = parse(MODULE, &arguments)?;
    let source = if params.remote_src {
        None
    } else {
        let path = files::find(input.directories, "files", &params.src.to_string_lossy())?;
        Some(input.files.source(&path, true)?)
    };
    Ok(Prepared::Remote(RemoteCall {
        module: MODULE.to_owned(),
        arguments,
        source,
        after: After::Nothing,
    }))
}
