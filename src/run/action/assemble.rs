//! `ansible.builtin.assemble`: fragments of the controller are put together here.

use std::path::Path;

use canvass_modules::module::assemble::{Params, join};
use canvass_modules::python_regex::{self, Flags};
use serde_json::{Map, Value as Json};

use super::template::bytes_source;
use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.builtin.assemble";

/// The options that remain once the fragments are together.
const COPIED: [&str; 13] = [
    "dest",
    "backup",
    "validate",
    "owner",
    "group",
    "mode",
    "attributes",
    "attr",
    "seuser",
    "serole",
    "setype",
    "selevel",
    "unsafe_writes",
];

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    files::require_src_and_dest(&arguments)?;
    let params: Params = parse(MODULE, &arguments)?;
    if params.remote_src {
        return Ok(Prepared::Remote(RemoteCall {
            module: MODULE.to_owned(),
            arguments,
            source: None,
            after: After::Nothing,
        }));
    }
    let name = params.src.to_string_lossy();
    let directory = files::find(input.directories, "files", &name)?;
    if !directory.is_dir() {
        let text = format!(
            "Source ({}) is not a directory",
            std::path::absolute(&directory).unwrap_or(directory).display()
        );
        return Err(ActionError::Include(text));
    }
    let content = join(&fragments(&params, &directory)?, params.delimiter.as_deref());
    let mut copied: Map<String, Json> =
        arguments.into_iter().filter(|(name, _)| COPIED.contains(&name.as_str())).collect();
    let basename = directory.file_name().map(|name| name.to_string_lossy().into_owned());
    copied.insert("_original_basename".to_owned(), Json::from(basename));
    Ok(Prepared::Remote(RemoteCall {
        module: "ansible.builtin.copy".to_owned(),
        arguments: copied,
        source: Some(bytes_source(content)),
        after: After::Nothing,
    }))
}

/// The files of the directory that are wanted, in order of their names.
fn fragments(params: &Params, directory: &Path) -> Result<Vec<Vec<u8>>, ActionError> {
    let unreadable = |source| ActionError::Read { path: directory.to_owned(), source };
    let wrong = |error: python_regex::Error| {
        let pattern = params.regexp.as_deref().unwrap_or_default();
        ActionError::Include(format!("Invalid Regexp ({error}) in \"{pattern}\""))
    };
    let regex = params.regexp.as_ref().map(|it| python_regex::compile(it, Flags::default()));
    let regex = regex.transpose().map_err(wrong)?;
    let mut paths = std::fs::read_dir(directory)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(unreadable))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    let mut fragments = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = match &regex {
            Some(regex) => regex.is_found(&name).map_err(wrong)?,
            None => true,
        };
        let hidden = params.ignore_hidden && name.starts_with('.');
        if wanted && !hidden && path.is_file() {
            fragments.push(match files::decrypted(&path, params.decrypt)? {
                Some(plain) => plain,
                None => files::read(&path)?,
            });
        }
    }
    Ok(fragments)
}
