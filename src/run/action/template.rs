//! `ansible.builtin.template`: renders here, writes there.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use canvass_modules::effect::Source;
use canvass_modules::{choices, params};
use minijinja::Value;
use serde_json::{Map, Value as Json};
use sha1::{Digest as _, Sha1};

use crate::connection::TaskSource;
use crate::template::FileOptions;
use crate::vars::{Layer, Var};

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse, take_text};

choices! {
    /// How lines end in the file that is written.
    pub enum Newline {
        /// Line feed.
        Unix = "\n" | "\\n",
        /// Carriage return.
        Mac = "\r" | "\\r",
        /// Both.
        Windows = "\r\n" | "\\r\\n",
    }
}

params! {
    /// Parameters of `ansible.builtin.template`.
    pub struct TemplateParams {
        /// The template on the controller.
        src: String,
        /// The file on the host, or a directory there.
        dest: String,
        /// Owner of the file.
        owner: Option<String>,
        /// Group of the file.
        group: Option<String>,
        /// Mode of the file.
        mode: Option<Json>,
        /// Keeps a copy of the old file.
        backup: bool = false,
        /// Replaces a file that is there.
        force: bool = true,
        /// Follows a symbolic link at `dest`.
        follow: bool = false,
        /// A command that must accept the new file (`%s`).
        validate: Option<String>,
        /// Writes in place where a rename is not possible.
        unsafe_writes: bool = false,
        /// How lines end.
        newline_sequence: Newline = Newline::Unix,
        /// Removes the newline behind a block.
        trim_blocks: bool = true,
        /// Removes white space before a block.
        lstrip_blocks: bool = false,
        /// Start of an expression.
        variable_start_string: Option<String>,
        /// End of an expression.
        variable_end_string: Option<String>,
        /// Start of a block.
        block_start_string: Option<String>,
        /// End of a block.
        block_end_string: Option<String>,
        /// Start of a comment.
        comment_start_string: Option<String>,
        /// End of a comment.
        comment_end_string: Option<String>,
    }
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: TemplateParams = parse("ansible.builtin.template", &arguments)?;
    let path = files::find(input.directories, "templates", &params.src)?;
    let text = String::from_utf8(files::read(&path)?).map_err(|_| {
        ActionError::Include(format!("template `{}` is not UTF-8", path.display()))
    })?;
    let scope = input.scope.over(Arc::new(template_variables(&path, &params.dest)));
    let options = file_options(&params);
    let rendered = input.templar.file(&path, &text, &options, &scope)?;
    for name in [
        "src", "newline_sequence", "trim_blocks", "lstrip_blocks", "variable_start_string",
        "variable_end_string", "block_start_string", "block_end_string", "comment_start_string",
        "comment_end_string",
    ] {
        take_text(&mut arguments, name);
    }
    let basename = path.file_name().map(|name| name.to_string_lossy().into_owned());
    arguments.insert("_canvass_basename".to_owned(), Json::from(basename));
    Ok(Prepared::Remote(RemoteCall {
        module: "ansible.builtin.template".to_owned(),
        arguments,
        source: Some(bytes_source(rendered.into_bytes())),
        after: After::Nothing,
    }))
}

/// Content in memory as a source; its number is set when it is sent.
pub(super) fn bytes_source(bytes: Vec<u8>) -> TaskSource {
    let digest = Sha1::digest(&bytes);
    let sha1 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    TaskSource::Bytes {
        source: Source { id: 0, size: bytes.len() as u64, sha1 },
        bytes: Arc::from(bytes),
    }
}

fn file_options(params: &TemplateParams) -> FileOptions {
    let given = [
        (&params.variable_start_string, "{{"),
        (&params.variable_end_string, "}}"),
        (&params.block_start_string, "{%"),
        (&params.block_end_string, "%}"),
        (&params.comment_start_string, "{#"),
        (&params.comment_end_string, "#}"),
    ];
    let markers = given
        .iter()
        .any(|(marker, _)| marker.is_some())
        .then(|| given.map(|(marker, usual)| marker.clone().unwrap_or_else(|| usual.to_owned())));
    FileOptions {
        trim_blocks: params.trim_blocks,
        lstrip_blocks: params.lstrip_blocks,
        newline: match params.newline_sequence {
            Newline::Unix => "\n",
            Newline::Mac => "\r",
            Newline::Windows => "\r\n",
        }
        .to_owned(),
        markers,
    }
}

/// The variables that only template files see.
fn template_variables(path: &Path, dest: &str) -> Layer {
    let mut layer = Layer::new();
    let mut set = |name: &str, value: Value| {
        layer.insert(name.to_owned(), Var::Data(value));
    };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let full = absolute.to_string_lossy().into_owned();
    set("template_path", Value::from(path.to_string_lossy().into_owned()));
    set("template_fullpath", Value::from(full));
    set("template_destpath", Value::from(dest));
    set("template_host", Value::from(node_name()));
    set("template_uid", Value::from(rustix::process::getuid().as_raw()));
    let modified = std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map(|since| since.as_secs());
    if let Some(seconds) = modified {
        set("template_mtime", Value::from(seconds));
    }
    if let Some(directory) = absolute.parent() {
        set("ansible_search_path", Value::from(vec![directory.to_string_lossy().into_owned()]));
    }
    set("ansible_managed", Value::from("Ansible managed"));
    layer
}

fn node_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
