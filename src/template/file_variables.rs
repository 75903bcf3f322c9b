//! Variables that only template files see.

use std::path::Path;
use std::time::UNIX_EPOCH;

use minijinja::Value;

use crate::vars::{Layer, Var};

/// The variables that only template files see.
pub(crate) fn file_variables(path: &Path, dest: &str) -> Layer {
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
    set("ansible_managed", Value::from("Ansible managed"));
    layer
}

fn node_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
