//! Actions: what a task does on the controller before, after or instead of the runner.

mod add_host;
mod assemble;
mod assert;
mod async_status;
mod copy;
mod debug;
mod encoding;
mod fetch;
mod files;
mod gather_facts;
mod group_by;
mod include;
mod include_vars;
mod local_files;
mod meta;
mod own_module;
mod package;
mod patch;
mod pause;
mod pip;
mod raw;
mod reboot;
mod registry;
mod script;
mod set_fact;
mod set_stats;
mod synchronize;
mod template;
mod unarchive;
mod uri;
mod validate_argument_spec;
mod wait_for_connection;

use std::path::PathBuf;
use std::sync::Arc;

use canvass_modules::wire::{ItemReply, Mode};
use indexmap::IndexMap;
use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::connection::TaskSource;
use crate::graph::StepTask;
use crate::inventory::LiveInventory;
use crate::template::{Directories, Templar, TemplateError};
use crate::vars::Scope;

use super::host_vars::Learnt;

pub(crate) use fetch::Fetched;
pub(crate) use gather_facts::{FactCalls, SETUP_ITSELF, Turns};
pub(crate) use include::{Include, IncludeCall, as_written as written_include};
pub(crate) use local_files::LocalFiles;
pub(crate) use meta::Meta;
pub(crate) use own_module::prepare as prepare_own;
pub(crate) use pause::{Pause, now as pause_clock};
pub(crate) use reboot::Reboot;
pub(crate) use registry::{bypasses_host_loop, find, keeps_host_order, names, returns_facts};
pub(crate) use synchronize::{Runs, Synchronize};
pub(crate) use wait_for_connection::Reconnect;

/// What an action is given.
pub(crate) struct ActionInput<'a> {
    /// Renders.
    pub templar: &'a Templar,
    /// The variables that the item sees.
    pub scope: &'a Scope,
    /// The task.
    pub step: &'a StepTask,
    /// Where files are looked for.
    pub directories: &'a Directories,
    /// The host that the task is for.
    pub host: &'a str,
    /// Number of `-v`.
    pub verbosity: u8,
    /// What may happen.
    pub mode: Mode,
    /// The controller's files that go to hosts.
    pub files: &'a LocalFiles,
    /// The inventory of the run.
    pub inventory: &'a LiveInventory,
    /// The arguments as values, with what JSON does not tell; those of a template for all of
    /// them, and of `module_defaults`, are not among them.
    pub values: &'a IndexMap<String, Value>,
}

impl ActionInput<'_> {
    /// The value of one of these arguments, as it is kept, under the name of a field.
    fn kept(&self, names: &[&str], field: &'static str) -> Option<(&'static str, Value)> {
        let value = names.iter().find_map(|name| self.values.get(*name))?;
        Some((field, crate::template::kept(value)))
    }
}

/// What comes next for an item.
pub(crate) enum Prepared {
    /// It is done on the controller.
    Done(Finished),
    /// The runner does it.
    Remote(RemoteCall),
    /// The runner does these in order; the first failure ends them.
    Several {
        /// What it does.
        calls: Vec<RemoteCall>,
        /// The fields of the result.
        returned: Map<String, Json>,
        /// The call whose fields are those of the result instead, unless it left all as it was.
        told: Option<usize>,
    },
    /// The runners call modules that gather facts.
    Facts(Box<FactCalls>),
    /// A script for `/bin/sh` on the host, without a runner.
    Raw(String),
    /// The host is connected anew until it answers.
    Reconnect(Reconnect),
    /// rsync makes trees equal, here or there.
    Synchronize(Box<Synchronize>),
    /// The host is started anew.
    Reboot(Box<Reboot>),
    /// Someone is asked, or some time passes.
    Pause(Pause),
    /// It acts on the run itself.
    Meta(Meta),
    /// It brings more tasks.
    Include(IncludeCall),
}

/// A call of a module on the host.
#[derive(Clone)]
pub(crate) struct RemoteCall {
    /// Fully qualified name.
    pub module: String,
    /// Arguments.
    pub arguments: Map<String, Json>,
    /// Files that go along; [`canvass_modules::effect::Source::id`] is set when it is sent.
    pub source: Option<TaskSource>,
    /// What is done with the reply on the controller.
    pub after: After,
}

/// What is done with a reply on the controller.
#[derive(Clone)]
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// The content is written to a file here.
    Fetch(Arc<Fetched>),
    /// The diff says that the content comes from this file of the controller.
    From(PathBuf),
    /// The diff is what the module returned.
    OwnDiff,
}

impl After {
    /// Works on the reply; may block on files.
    pub(crate) fn work(&self, reply: &mut ItemReply) {
        match self {
            Self::Nothing | Self::From(_) => {}
            Self::Fetch(fetched) => fetched.store(reply),
            Self::OwnDiff => own_module::draw_diff(reply),
        }
    }
}

/// How an item ended on the controller.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// Whether it failed.
    pub failed: bool,
    /// Whether it changed something.
    pub changed: bool,
    /// Fields of the result.
    pub returned: Map<String, Json>,
    /// What it taught about the host.
    pub learnt: Learnt,
    /// Whether its result is shown without `-v`.
    pub verbose_always: bool,
    /// Whether a condition of its own skipped it.
    pub skipped: bool,
    /// Whether its result must not show, as with `no_log`.
    pub censored: bool,
    /// Fields of the result with what JSON does not tell.
    pub values: Box<IndexMap<String, Value>>,
}

impl Finished {
    /// Done, with these fields.
    pub(crate) fn ok(returned: Map<String, Json>) -> Self {
        Self { returned, ..Self::default() }
    }

    /// The same, where some fields tell more than JSON does.
    pub(crate) fn telling(self, values: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self { values: Box::new(values.collect()), ..self }
    }

    /// Failed with a message.
    pub(crate) fn failed(message: impl ToString) -> Self {
        let mut returned = Map::new();
        returned.insert("msg".to_owned(), Json::from(message.to_string()));
        Self { failed: true, returned, ..Self::default() }
    }
}

/// Why an action could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    /// A template cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A file of the controller was not found.
    #[error(
        "Could not find or access '{name}'{} on the Ansible Controller.\nIf you are using a module \
         and expect the file to exist on the remote, see the remote_src option",
        paths(name, .searched)
    )]
    NotFound {
        /// As written.
        name: String,
        /// The places that were looked at.
        searched: Vec<PathBuf>,
    },
    /// A file of the controller cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// An encrypted file of the controller is needed and no password is given.
    #[error("A vault password or secret must be specified to decrypt {}", .0.display())]
    NoVaultSecrets(PathBuf),
    /// An encrypted file of the controller stays locked.
    #[error("{source}")]
    Vault {
        /// Why.
        #[source]
        source: crate::vault::VaultError,
    },
    /// A file that is included cannot be understood.
    #[error("{0}")]
    Include(String),
    /// A name, quoted, that can be no variable.
    #[error("Task failed: Invalid variable name {0}.")]
    VariableName(String),
    /// Parameters are wrong.
    #[error("{}", canvass_modules::params::message(.0))]
    Parameters(Vec<canvass_modules::params::ParamError>),
}

/// Whether a module's refusals are errors that end its task, and not results of its own: then the
/// message of the result says so, too.
pub(crate) fn raises(module: &str) -> bool {
    matches!(
        module,
        "ansible.builtin.include_vars"
            | "ansible.builtin.unarchive"
            | "ansible.builtin.uri"
            | "ansible.posix.patch"
    )
}

/// The places that were looked at, in full, where they were not what was given.
fn paths(name: &str, searched: &[PathBuf]) -> String {
    if matches!(searched, [only] if only.as_os_str() == name) {
        return String::new();
    }
    let in_full = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let places = searched.iter().map(|path| format!("\n\t{}", in_full(path).display()));
    format!("\nSearched in:{}", places.collect::<String>())
}

/// Refuses names that an action has not, with the action's own words for it.
fn refuse_others(
    input: &ActionInput<'_>,
    arguments: &Map<String, Json>,
    known: &[&str],
) -> Result<(), ActionError> {
    let mut others: Vec<&str> =
        arguments.keys().map(String::as_str).filter(|name| !known.contains(name)).collect();
    others.sort_unstable();
    match others.is_empty() {
        true => Ok(()),
        false => Err(ActionError::Include(format!(
            "Invalid options for {}: {}",
            input.step.task.action.written,
            others.join(",")
        ))),
    }
}

/// Parses arguments into a parameter struct.
fn parse<P: canvass_modules::params::Params>(
    module: &str,
    arguments: &Map<String, Json>,
) -> Result<P, ActionError> {
    P::parse(module, arguments).map_err(ActionError::Parameters)
}
