//! `ansible.builtin.uri`: files of the controller that are sent go along.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use canvass_modules::module::uri::{BodyFormat, PART_CONTENT, Params};
use serde_json::{Map, Value as Json};

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.builtin.uri";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: Params = parse(MODULE, &arguments)?;
    let mut source = None;
    if params.remote_src {
        // all files are those of the host
    } else if let Some(src) = &params.src {
        let path = files::find(input.directories, "files", &src.to_string_lossy())?;
        source = Some(input.files.source(&path, false)?);
    } else if params.body_format == BodyFormat::FormMultipart {
        let Some(Json::Object(fields)) = arguments.get_mut("body") else {
            return Err(ActionError::Include("body must be mapping".to_owned()));
        };
        for field in fields.values_mut().filter_map(Json::as_object_mut) {
            send_file(input, field)?;
        }
    }
    Ok(Prepared::Remote(RemoteCall {
        module: MODULE.to_owned(),
        arguments,
        source,
        after: After::Nothing,
    }))
}

/// Puts the content of a part's file into the part.
fn send_file(input: &ActionInput<'_>, field: &mut Map<String, Json>) -> Result<(), ActionError> {
    let text = |name: &str| {
        field.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    if let (Some(name), None) = (text("filename"), text("content")) {
        let path = files::find(input.directories, "files", &name)?;
        let content = BASE64.encode(files::read(&path)?);
        field.insert(PART_CONTENT.to_owned(), Json::from(content));
    }
    Ok(())
}
