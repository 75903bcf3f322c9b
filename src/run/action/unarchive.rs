//! `ansible.builtin.unarchive`: finds the archive here; the runner unpacks it there.

use canvass_modules::module::unarchive::Params;
use serde_json::{Map, Value as Json};

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.builtin.unarchive";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let refused = |text: &str| Err(ActionError::Include(text.to_owned()));
    let given = |name: &str| arguments.get(name).is_some_and(|value| !value.is_null());
    if given("copy") && given("remote_src") {
        return refused("parameters are mutually exclusive: ('copy', 'remote_src')");
    }
    if !given("src") || !given("dest") {
        return refused("src (or content) and dest are required");
    }
    let params: Params = parse(MODULE, &arguments)?;
    let remote = if given("copy") { !params.copy } else { params.remote_src };
    if arguments.shift_remove("copy").is_some() {
        arguments.insert("remote_src".to_owned(), Json::from(remote));
    }
    let name = params.src.to_string_lossy();
    let source = if remote {
        None
    } else if name.contains("://") {
        return refused(&format!(
            "Unsupported option, an URI src ({name}) is only supported when remote_src is True"
        ));
    } else {
        match files::find(input.directories, "files", &name) {
            Ok(path) => Some(input.files.source(&path, params.decrypt)?),
            // it is not needed where `creates` is there
            Err(ActionError::NotFound { .. }) if params.creates.is_some() => None,
            Err(error) => return Err(error),
        }
    };
    Ok(Prepared::Remote(RemoteCall {
        module: MODULE.to_owned(),
        arguments,
        source,
        after: After::Nothing,
    }))
}
