//! Variables that only template files see.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use ::time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};
use minijinja::Value;

use super::time::DateTime;
use super::{holds_template, lookups};
use crate::vars::{Layer, Scope, Var};

/// The variables that only template files see: of the file at this path, which is written so.
/// `ansible_managed` is the setting's text, where nobody set a variable of that name.
pub(crate) fn file_variables(written: &str, path: &Path, dest: &str, scope: &Scope) -> Layer {
    let mut layer = Layer::new();
    let mut set = |name: &str, value: Value| {
        layer.insert(name.to_owned(), Var::Data(value));
    };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let full = absolute.to_string_lossy().into_owned();
    set("template_path", Value::from(written));
    set("template_fullpath", Value::from(full));
    set("template_destpath", Value::from(dest));
    set("template_host", Value::from(node_name()));
    let metadata = std::fs::metadata(path).ok();
    if let Some(metadata) = &metadata {
        let owner = metadata.uid();
        let name = lookups::name_in("/etc/passwd", owner);
        set("template_uid", name.map_or_else(|| Value::from(owner), Value::from));
    }
    let modified = metadata.and_then(|metadata| metadata.modified().ok()).map(here);
    if let Some(modified) = &modified {
        set("template_mtime", Value::from_object(*modified));
    }
    set("template_run_date", Value::from_object(here(SystemTime::now())));
    if scope.find("ansible_managed").is_none() {
        layer.insert("ansible_managed".to_owned(), managed(modified.as_ref()));
    }
    layer
}

/// The text that says who manages a file (`ansible_managed`): a format of Python with `{host}`,
/// `{uid}` and `{file}`, then one of `strftime` for the time of the template.
fn managed(modified: Option<&DateTime>) -> Var {
    let setting = crate::settings::current().text("DEFAULT_MANAGED_STR");
    let format = setting.unwrap_or_else(|| "Ansible managed".to_owned());
    let mut text = String::new();
    let mut rest = format.as_str();
    while let Some(letter) = rest.chars().next() {
        let known = [
            ("{{", "{"),
            ("}}", "}"),
            ("{host}", "{{ template_host }}"),
            ("{uid}", "{{ template_uid }}"),
            ("{file}", "{{ template_path }}"),
        ];
        let found = known.iter().find_map(|(mark, value)| Some((rest.strip_prefix(mark)?, value)));
        match found {
            Some((behind, value)) => {
                text.push_str(value);
                rest = behind;
            }
            None => {
                text.push(letter);
                rest = rest.strip_prefix(letter).unwrap_or_default();
            }
        }
    }
    if let Some(modified) = modified.filter(|_| text.contains('%')) {
        text = modified.strftime(&text);
    }
    match holds_template(&text) {
        true => Var::Template(text.into(), None),
        false => Var::Data(Value::from(text)),
    }
}

/// A moment in the time of this machine, as Python's `datetime` without a zone.
fn here(moment: SystemTime) -> DateTime {
    let moment = OffsetDateTime::from(moment);
    let offset = UtcOffset::local_offset_at(moment).unwrap_or(UtcOffset::UTC);
    let local = moment.to_offset(offset);
    DateTime(PrimitiveDateTime::new(local.date(), local.time()), None)
}

fn node_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
