//! Variables that only template files see.

use std::path::Path;
use std::time::SystemTime;

use ::time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};
use minijinja::Value;

use super::time::DateTime;
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
    if let Ok(modified) = std::fs::metadata(path).and_then(|metadata| metadata.modified()) {
        set("template_mtime", here(modified));
    }
    set("template_run_date", here(SystemTime::now()));
    set("ansible_managed", Value::from("Ansible managed"));
    layer
}

/// A moment in the time of this machine, as Python's `datetime` without a zone.
fn here(moment: SystemTime) -> Value {
    let moment = OffsetDateTime::from(moment);
    let offset = UtcOffset::local_offset_at(moment).unwrap_or(UtcOffset::UTC);
    let local = moment.to_offset(offset);
    Value::from_object(DateTime(PrimitiveDateTime::new(local.date(), local.time()), None))
}

fn node_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
