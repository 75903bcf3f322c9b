//! The one table of actions that the controller knows.

use canvass_modules::params::{OptionSpec, Params as _, Rule};
use serde_json::{Map, Value as Json};

use crate::playbook::Task;

use super::{ActionError, ActionInput, Prepared};

/// An action of the controller.
pub(crate) struct ActionEntry {
    /// Fully qualified name.
    pub name: &'static str,
    /// Whether it takes text that is no `key=value`.
    pub free_form: bool,
    /// Its options; `None` when any name is accepted.
    pub options: Option<fn() -> Vec<OptionSpec>>,
    /// Conditions between its options.
    pub rules: fn() -> Vec<Rule>,
    /// Arguments whose value is an expression and is not rendered as a template.
    pub expressions: &'static [&'static str],
    /// Prepares an item from rendered arguments.
    pub prepare: fn(&ActionInput<'_>, Map<String, Json>) -> Result<Prepared, ActionError>,
}

/// Finds an action by its fully qualified name.
pub(crate) fn find(name: &str) -> Option<&'static ActionEntry> {
    ACTIONS.iter().find(|entry| entry.name == name)
}

/// The names of all actions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|entry| entry.name)
}

/// Whether a task of this module is done once for all hosts of a batch, as Ansible does it.
pub(crate) fn bypasses_host_loop(task: &Task) -> bool {
    match task.action.module.as_str() {
        "ansible.builtin.add_host" | "ansible.builtin.pause" => true,
        "ansible.builtin.meta" => {
            task.action.arguments.iter().any(|(_, word)| word.as_str() == Some("refresh_inventory"))
        }
        _ => false,
    }
}

/// Whether hosts do a task of this module one after the other, so that the groups it makes have
/// their hosts in order.
pub(crate) fn keeps_host_order(task: &Task) -> bool {
    task.action.module == "ansible.builtin.group_by"
}

/// Whether a module returns facts, which become variables of its host.
pub(crate) fn returns_facts(module: &str) -> bool {
    // the first two return the results of other modules
    matches!(module, "ansible.builtin.async_status" | "ansible.builtin.gather_facts")
        || canvass_modules::registry::find(module).is_some_and(|entry| entry.returns_facts)
}

static ACTIONS: &[ActionEntry] = &[
    ActionEntry {
        name: "ansible.builtin.add_host",
        free_form: true,
        options: None,
        rules: Vec::new,
        expressions: &[],
        prepare: super::add_host::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.assemble",
        free_form: false,
        options: Some(canvass_modules::module::assemble::Params::options),
        rules: canvass_modules::module::assemble::Params::rules,
        expressions: &[],
        prepare: super::assemble::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.assert",
        free_form: false,
        options: Some(super::assert::AssertParams::options),
        rules: super::assert::AssertParams::rules,
        expressions: &["that"],
        prepare: super::assert::assert,
    },
    ActionEntry {
        name: "ansible.builtin.async_status",
        free_form: false,
        options: Some(canvass_modules::module::async_status::Params::options),
        rules: canvass_modules::module::async_status::Params::rules,
        expressions: &[],
        prepare: super::async_status::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.copy",
        free_form: false,
        options: Some(canvass_modules::module::copy::Params::options),
        rules: canvass_modules::module::copy::Params::rules,
        expressions: &[],
        prepare: super::copy::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.debug",
        free_form: false,
        options: Some(super::debug::DebugParams::options),
        rules: super::debug::DebugParams::rules,
        expressions: &["var"],
        prepare: super::debug::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.fail",
        free_form: false,
        options: Some(super::assert::FailParams::options),
        rules: super::assert::FailParams::rules,
        expressions: &[],
        prepare: super::assert::fail,
    },
    ActionEntry {
        name: "ansible.builtin.fetch",
        free_form: false,
        options: Some(canvass_modules::module::fetch::Params::options),
        rules: canvass_modules::module::fetch::Params::rules,
        expressions: &[],
        prepare: super::fetch::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.gather_facts",
        free_form: false,
        options: Some(super::gather_facts::options),
        rules: Vec::new,
        expressions: &[],
        prepare: super::gather_facts::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.group_by",
        free_form: false,
        options: Some(super::group_by::GroupByParams::options),
        rules: super::group_by::GroupByParams::rules,
        expressions: &[],
        prepare: super::group_by::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.include_role",
        free_form: false,
        options: Some(super::include::IncludeRoleParams::options),
        rules: super::include::IncludeRoleParams::rules,
        expressions: &[],
        prepare: super::include::role,
    },
    ActionEntry {
        name: "ansible.builtin.include_tasks",
        free_form: true,
        options: Some(super::include::IncludeTasksParams::options),
        rules: super::include::IncludeTasksParams::rules,
        expressions: &[],
        prepare: super::include::tasks,
    },
    ActionEntry {
        name: "ansible.builtin.include_vars",
        free_form: true,
        options: Some(super::include_vars::IncludeVarsParams::options),
        rules: super::include_vars::IncludeVarsParams::rules,
        expressions: &[],
        prepare: super::include_vars::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.meta",
        free_form: true,
        options: Some(super::meta::MetaParams::options),
        rules: super::meta::MetaParams::rules,
        expressions: &[],
        prepare: super::meta::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.package",
        free_form: false,
        options: None,
        rules: Vec::new,
        expressions: &[],
        prepare: super::package::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.pause",
        free_form: false,
        options: Some(super::pause::PauseParams::options),
        rules: super::pause::PauseParams::rules,
        expressions: &[],
        prepare: super::pause::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.pip",
        free_form: false,
        options: Some(canvass_modules::module::pip::Params::options),
        rules: canvass_modules::module::pip::Params::rules,
        expressions: &[],
        prepare: super::pip::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.raw",
        free_form: true,
        options: Some(super::raw::RawParams::options),
        rules: super::raw::RawParams::rules,
        expressions: &[],
        prepare: super::raw::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.reboot",
        free_form: false,
        options: Some(super::reboot::RebootParams::options),
        rules: super::reboot::RebootParams::rules,
        expressions: &[],
        prepare: super::reboot::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.script",
        free_form: true,
        options: Some(canvass_modules::module::script::Params::options),
        rules: canvass_modules::module::script::Params::rules,
        expressions: &[],
        prepare: super::script::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.set_fact",
        free_form: false,
        options: None,
        rules: Vec::new,
        expressions: &[],
        prepare: super::set_fact::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.set_stats",
        free_form: false,
        options: Some(super::set_stats::SetStatsParams::options),
        rules: super::set_stats::SetStatsParams::rules,
        expressions: &[],
        prepare: super::set_stats::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.template",
        free_form: false,
        options: Some(canvass_modules::module::template::Params::options),
        rules: canvass_modules::module::template::Params::rules,
        expressions: &[],
        prepare: super::template::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.unarchive",
        free_form: false,
        options: Some(canvass_modules::module::unarchive::Params::options),
        rules: canvass_modules::module::unarchive::Params::rules,
        expressions: &[],
        prepare: super::unarchive::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.uri",
        free_form: false,
        options: Some(canvass_modules::module::uri::Params::options),
        rules: canvass_modules::module::uri::Params::rules,
        expressions: &[],
        prepare: super::uri::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.validate_argument_spec",
        free_form: false,
        options: Some(super::validate_argument_spec::ValidateParams::options),
        rules: super::validate_argument_spec::ValidateParams::rules,
        expressions: &[],
        prepare: super::validate_argument_spec::prepare,
    },
    ActionEntry {
        name: "ansible.builtin.wait_for_connection",
        free_form: false,
        options: Some(super::wait_for_connection::WaitForConnectionParams::options),
        rules: super::wait_for_connection::WaitForConnectionParams::rules,
        expressions: &[],
        prepare: super::wait_for_connection::prepare,
    },
    ActionEntry {
        name: "ansible.posix.synchronize",
        free_form: false,
        options: Some(canvass_modules::collection::ansible_posix::synchronize::Params::options),
        rules: canvass_modules::collection::ansible_posix::synchronize::Params::rules,
        expressions: &[],
        prepare: super::synchronize::prepare,
    },
    ActionEntry {
        name: "ansible.posix.patch",
        free_form: false,
        options: Some(canvass_modules::collection::ansible_posix::patch::Params::options),
        rules: canvass_modules::collection::ansible_posix::patch::Params::rules,
        expressions: &[],
        prepare: super::patch::prepare,
    },
];
