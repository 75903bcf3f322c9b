//! Modules of the user's own: the runner gets the program and what it reads.

use canvass_modules::diff::Diff;
use canvass_modules::module::own_module::Params;
use canvass_modules::registry::OWN_MODULE;
use canvass_modules::wire::{ItemReply, Mode};
use serde_json::{Map, Value as Json, json};

use crate::connection::quoting::quote;
use crate::playbook::{OwnForm, OwnModule};
use crate::run::keyword::KeywordReader;
use crate::run::magic::ANSIBLE_VERSION;
use crate::template::{TemplateError, json_dumps, json_text, to_json};

use super::{ActionError, ActionInput, After, Prepared, RemoteCall};

/// File systems that have no labels (`special_filesystems`).
const SPECIAL: [&str; 6] = ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"];

pub(crate) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
    own: &OwnModule,
) -> Result<Prepared, ActionError> {
    let name = own.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (interpreter, any_python) = interpreter(input, own)?;
    let mut all = arguments;
    all.extend(internal(input));
    let handed = match own.form {
        OwnForm::Json => json_dumps(&Json::Object(all)),
        OwnForm::Words => words(&all),
    };
    Ok(Prepared::Remote(RemoteCall {
        module: OWN_MODULE.name.to_owned(),
        arguments: Params::call(name, interpreter, any_python, handed),
        source: Some(input.files.source(&own.path, false)?),
        after: After::OwnDiff,
    }))
}

/// What runs it on this host, and whether any Python does.
fn interpreter(
    input: &ActionInput<'_>,
    own: &OwnModule,
) -> Result<(Vec<String>, bool), TemplateError> {
    let Some(name) = own.interpreter_name() else { return Ok((Vec::new(), false)) };
    let is_python = name.starts_with("python");
    let variable = format!("ansible_{}_interpreter", if is_python { "python" } else { name });
    let given = input.scope.value(&variable)?.map(|value| to_json(&value)).transpose()?;
    let given = given.as_ref().and_then(Json::as_str).filter(|text| {
        // `auto` and its kin ask for the one that is there
        !text.is_empty() && !(is_python && text.starts_with("auto"))
    });
    let Some(given) = given else { return Ok((own.interpreter.clone(), is_python)) };
    let own_arguments = own.interpreter.iter().skip_while(|word| !word.ends_with(name)).skip(1);
    let words = given.split_whitespace().map(str::to_owned);
    Ok((words.chain(own_arguments.cloned()).collect(), false))
}

/// What Ansible tells modules beside their own arguments.
fn internal(input: &ActionInput<'_>) -> Map<String, Json> {
    let reader = KeywordReader::of(input.templar, input.scope, input.step);
    let hidden = reader.boolean("no_log", |level| level.no_log.as_ref()).ok().flatten();
    let name = input.step.task.action.written.rsplit('.').next().unwrap_or_default();
    let entries = json!({
        "_ansible_check_mode": input.mode == Mode::Check,
        "_ansible_no_log": hidden.unwrap_or_default(),
        "_ansible_debug": false,
        "_ansible_diff": true,
        "_ansible_verbosity": input.verbosity,
        "_ansible_version": ANSIBLE_VERSION.0,
        "_ansible_module_name": name,
        "_ansible_syslog_facility": "LOG_USER",
        "_ansible_selinux_special_fs": SPECIAL,
        "_ansible_socket": null,
        "_ansible_shell_executable": "/bin/sh",
        "_ansible_keep_remote_files": false,
        "_ansible_remote_tmp": "~/.ansible/tmp",
        "_ansible_ignore_unknown_opts": false,
        "_ansible_target_log_info": null,
        "_ansible_tracebacks_for": [],
    });
    match entries {
        Json::Object(entries) => entries,
        _ => Map::new(),
    }
}

/// Arguments as a shell reads them.
fn words(arguments: &Map<String, Json>) -> String {
    let word = |(name, value): (&String, &Json)| format!("{name}={} ", quote(&json_text(value)));
    arguments.iter().map(word).collect()
}

/// Draws the diff that a module returned, as the report has diffs.
pub(super) fn draw_diff(reply: &mut ItemReply) {
    let Some(returned) = reply.returned.get("diff") else { return };
    let all = returned.as_array().map_or(std::slice::from_ref(returned), Vec::as_slice);
    reply.diffs = all.iter().filter_map(diff).collect();
}

fn diff(returned: &Json) -> Option<Diff> {
    let text = |name: &str| returned.get(name).cloned().unwrap_or_else(|| Json::from(""));
    let header = |name: &str, usual: &str| match returned.get(name).and_then(Json::as_str) {
        Some(header) => header.to_owned(),
        None => usual.to_owned(),
    };
    let has_any = ["before", "after"].iter().any(|name| returned.get(name).is_some());
    has_any.then(|| Diff {
        before_header: header("before_header", "before"),
        after_header: header("after_header", "after"),
        before: text("before"),
        after: text("after"),
        note: None,
    })
}
