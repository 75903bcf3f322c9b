//! What the parser must know of modules, and the names that they go by.

use canvass_modules::params::{OptionSpec, ParamError, Rule, check};
use canvass_modules::registry;
use serde_json::Value as Json;

use super::keywords::nearest;

/// The modules that tasks can name.
pub trait Modules {
    /// The module of a fully qualified name.
    fn find(&self, name: &str) -> Option<ModuleFace>;

    /// The name that a module of `ansible.builtin` of old goes by now, if it has moved to a
    /// collection and is there.
    fn redirect(&self, short: &str) -> Option<String> {
        let _ = short;
        None
    }

    /// Whether the user has forbidden a module of this fully qualified name.
    fn is_rejected(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Whether what is wrong with the value of a keyword is left to the task, as Ansible does.
    fn is_late(&self) -> bool {
        false
    }

    /// All fully qualified names, for suggestions.
    fn names(&self) -> Vec<&'static str>;
}

/// What is known of a module without running it.
#[derive(Debug, Clone)]
pub struct ModuleFace {
    /// Whether it takes text that is no `key=value`, as `_raw_params`.
    pub free_form: bool,
    /// Its options.
    pub options: Options,
}

/// The options of a module.
#[derive(Debug, Clone)]
pub enum Options {
    /// These, with conditions between them.
    Known(Vec<OptionSpec>, Vec<Rule>),
    /// Any (`set_fact`, `add_host`).
    Any,
}

impl ModuleFace {
    /// What is wrong with arguments; values that are templates are `None`.
    pub fn check(&self, module: &str, arguments: &[(&str, Option<&Json>)]) -> Vec<ParamError> {
        let Options::Known(options, rules) = &self.options else { return Vec::new() };
        let raw_is_option = options.iter().any(|option| option.answers_to("_raw_params"));
        let arguments: Vec<_> = arguments
            .iter()
            .filter(|(name, _)| *name != "_raw_params" || raw_is_option || !self.free_form)
            .copied()
            .collect();
        check(module, options, rules, &arguments)
    }
}

impl From<&registry::Entry> for ModuleFace {
    fn from(entry: &registry::Entry) -> Self {
        Self {
            free_form: entry.free_form,
            options: Options::Known((entry.options)(), (entry.rules)()),
        }
    }
}

/// The modules that the runner has.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunnerModules;

impl Modules for RunnerModules {
    fn find(&self, name: &str) -> Option<ModuleFace> {
        registry::find(name).map(ModuleFace::from)
    }

    fn redirect(&self, short: &str) -> Option<String> {
        moved(short)
    }

    fn names(&self) -> Vec<&'static str> {
        registry::MODULES.iter().map(|entry| entry.name).collect()
    }
}

/// Modules of collections that were never modules of Ansible itself.
const NEWCOMERS: &[&str] = &["dpkg_divert", "sudoers"];

/// The collection's module that one of `ansible.builtin` has become.
pub(crate) fn moved(short: &str) -> Option<String> {
    if NEWCOMERS.contains(&short) {
        return None;
    }
    let collections = ["ansible.posix", "community.general"];
    let names = collections.iter().map(|collection| format!("{collection}.{short}"));
    names.into_iter().find(|name| registry::find(name).is_some())
}

/// Old names of modules of `ansible.builtin`.
const RENAMED: &[(&str, &str)] = &[("systemd", "systemd_service"), ("yum", "dnf")];

/// Actions whose text is the command itself: only some keys are split off it.
const COMMANDS: &[&str] = &[
    "ansible.builtin.command",
    "ansible.builtin.shell",
    "ansible.builtin.raw",
    "ansible.builtin.script",
    "ansible.builtin.win_command",
    "ansible.builtin.win_shell",
    "ansible.windows.win_command",
    "ansible.windows.win_shell",
];

/// The modules of `ansible.builtin` in ansible-core 2.19.
const BUILTIN: &[&str] = &[
    "add_host",
    "apt",
    "apt_key",
    "apt_repository",
    "assemble",
    "assert",
    "async_status",
    "blockinfile",
    "command",
    "copy",
    "cron",
    "deb822_repository",
    "debconf",
    "debug",
    "dnf",
    "dnf5",
    "dpkg_selections",
    "expect",
    "fail",
    "fetch",
    "file",
    "find",
    "gather_facts",
    "get_url",
    "getent",
    "git",
    "group",
    "group_by",
    "hostname",
    "import_playbook",
    "import_role",
    "import_tasks",
    "include_role",
    "include_tasks",
    "include_vars",
    "iptables",
    "known_hosts",
    "lineinfile",
    "meta",
    "mount_facts",
    "package",
    "package_facts",
    "pause",
    "ping",
    "pip",
    "raw",
    "reboot",
    "replace",
    "rpm_key",
    "script",
    "service",
    "service_facts",
    "set_fact",
    "set_stats",
    "setup",
    "shell",
    "slurp",
    "stat",
    "subversion",
    "systemd_service",
    "sysvinit",
    "tempfile",
    "template",
    "unarchive",
    "uri",
    "user",
    "validate_argument_spec",
    "wait_for",
    "wait_for_connection",
    "yum_repository",
];

/// The fully qualified name that a name as written stands for.
pub fn qualify(written: &str) -> String {
    let short = written
        .strip_prefix("ansible.builtin.")
        .or_else(|| written.strip_prefix("ansible.legacy."))
        .unwrap_or(written);
    if short.contains('.') {
        return written.to_owned();
    }
    let short =
        RENAMED.iter().find(|(old, _)| *old == short).map_or(short, |(_, renamed)| *renamed);
    format!("ansible.builtin.{short}")
}

/// Modules that are done while a playbook is read.
const IMPORTS: &[&str] = &[
    "ansible.builtin.import_playbook",
    "ansible.builtin.import_role",
    "ansible.builtin.import_tasks",
];

/// The fully qualified names of what tasks and plays can name beside the modules of the tables:
/// imports, and old names.
pub fn further_names() -> impl Iterator<Item = String> {
    let old = RENAMED.iter().map(|(old, _)| format!("ansible.builtin.{old}"));
    IMPORTS.iter().map(|name| (*name).to_owned()).chain(old)
}

/// Whether ansible-core has a module of this fully qualified name.
pub fn is_builtin(name: &str) -> bool {
    name.strip_prefix("ansible.builtin.").is_some_and(|short| BUILTIN.contains(&short))
}

/// Whether an action includes tasks while the play runs.
pub fn is_include(name: &str) -> bool {
    matches!(name, "ansible.builtin.include_tasks" | "ansible.builtin.include_role")
}

/// Whether the text of this action is a command.
pub(super) fn is_command(name: &str) -> bool {
    COMMANDS.contains(&name)
}

/// The module that was probably meant; short where a short name was written.
pub(super) fn suggest(written: &str, modules: &dyn Modules) -> Option<String> {
    let names = modules.names();
    if written.contains('.') {
        return nearest(written, names.iter().copied()).map(str::to_owned);
    }
    let short = names.iter().filter_map(|name| name.strip_prefix("ansible.builtin."));
    nearest(written, short).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_qualified_as_ansible_resolves_them() {
        for (written, qualified) in [
            ("copy", "ansible.builtin.copy"),
            ("ansible.builtin.copy", "ansible.builtin.copy"),
            ("ansible.legacy.command", "ansible.builtin.command"),
            ("systemd", "ansible.builtin.systemd_service"),
            ("ansible.builtin.systemd", "ansible.builtin.systemd_service"),
            ("yum", "ansible.builtin.dnf"),
            ("community.general.ufw", "community.general.ufw"),
        ] {
            assert_eq!(qualify(written), qualified);
        }
    }
}
