//! `ansible.builtin.template`: renders here, writes there.

use std::sync::Arc;

use canvass_modules::effect::Source;
use canvass_modules::module::template::{NewlineSequence, Params};
use canvass_modules::params::ParamValue as _;
use serde_json::{Map, Value as Json};
use sha1::{Digest as _, Sha1};

use crate::connection::TaskSource;
use crate::template::{FileOptions, file_variables};

use super::copy::preserve_mode;
use super::{ActionError, ActionInput, After, Prepared, RemoteCall, encoding, files, parse};

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    files::require_src_and_dest(&arguments)?;
    if let Some(Json::String(given)) = arguments.get("newline_sequence")
        && !NewlineSequence::choices().contains(&given.as_str())
    {
        // as Ansible tells it, without the blanks at the end
        let text = "newline_sequence needs to be one of: \n, \r or";
        return Err(ActionError::Include(text.to_owned()));
    }
    let params: Params = parse("ansible.builtin.template", &arguments)?;
    let path = files::find(input.directories, "templates", &params.src.to_string_lossy())?;
    let bytes = match files::decrypted(&path, true)? {
        Some(plain) => plain,
        None => files::read(&path)?,
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| ActionError::Include(format!("template `{}` is not UTF-8", path.display())))?;
    let (written, dest) = (params.src.to_string_lossy(), params.dest.to_string_lossy());
    let scope = input.scope.over(Arc::new(file_variables(&written, &path, &dest, input.scope)));
    let options = file_options(&params);
    let rendered = input.templar.file(&path, &text, &options, &scope)?;
    let bytes =
        encoding::encoded(rendered, &params.output_encoding).map_err(ActionError::Include)?;
    preserve_mode(&path, &mut arguments)?;
    let basename = path.file_name().map(|name| name.to_string_lossy().into_owned());
    arguments.insert("_original_basename".to_owned(), Json::from(basename));
    Ok(Prepared::Remote(RemoteCall {
        module: "ansible.builtin.template".to_owned(),
        arguments,
        source: Some(bytes_source(bytes)),
        after: After::Nothing,
    }))
}

/// Content in memory as a source; its number is set when it is sent.
pub(super) fn bytes_source(bytes: Vec<u8>) -> TaskSource {
    let sha1 = files::hex(&Sha1::digest(&bytes));
    TaskSource::Bytes {
        source: Source { id: 0, size: bytes.len() as u64, sha1 },
        bytes: Arc::from(bytes),
    }
}

fn file_options(params: &Params) -> FileOptions {
    let markers = [
        params.variable_start_string.clone(),
        params.variable_end_string.clone(),
        params.block_start_string.clone(),
        params.block_end_string.clone(),
        params.comment_start_string.clone().unwrap_or_else(|| "{#".to_owned()),
        params.comment_end_string.clone().unwrap_or_else(|| "#}".to_owned()),
    ];
    let usual = ["{{", "}}", "{%", "%}", "{#", "#}"];
    FileOptions {
        trim_blocks: params.trim_blocks,
        lstrip_blocks: params.lstrip_blocks,
        newline: match params.newline_sequence {
            NewlineSequence::LineFeed => "\n",
            NewlineSequence::CarriageReturn => "\r",
            NewlineSequence::Both => "\r\n",
        }
        .to_owned(),
        markers: (markers != usual).then_some(markers),
    }
}
