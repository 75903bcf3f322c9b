//! Variables that nobody sets: `inventory_hostname`, `groups`, `hostvars` and their like.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::{Arc, Weak};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::graph::StepTask;
use crate::playbook::{Play, Role};
use crate::report::event::RunMode;
use crate::vars::{Layer, Var};

use super::context::{PlayContext, data};
use super::settings::{DiffMode, RunSettings};

/// The version of ansible-core whose behaviour is followed.
pub(super) const ANSIBLE_VERSION: (&str, u32, u32, u32) = ("2.19.14", 2, 19, 14);

/// The names of this machine, which are there even where no inventory lists them.
const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The hosts that a play's variables name.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlayHosts {
    /// All hosts of the play's pattern.
    pub all: Vec<String>,
    /// Those of this batch.
    pub batch: Vec<String>,
}

/// Variables of the run.
pub(crate) fn of_run(settings: &RunSettings, sources: &[String]) -> Layer {
    let mut layer = Layer::new();
    let sources = Value::from_iter(sources.iter().map(String::as_str));
    layer.insert("ansible_inventory_sources".to_owned(), data(sources));
    layer.insert("ansible_playbook_python".to_owned(), data(python()));
    let file = crate::settings::current().file();
    let file = file.map_or_else(|| Value::from(()), |file| absolute(&file.path).into());
    layer.insert("ansible_config_file".to_owned(), data(file));
    let (full, major, minor, revision) = ANSIBLE_VERSION;
    let version = Value::from_pairs([
        ("full", Value::from(full)),
        ("major", Value::from(major)),
        ("minor", Value::from(minor)),
        ("revision", Value::from(revision)),
        ("string", Value::from(full)),
    ]);
    layer.insert("ansible_version".to_owned(), data(version));
    layer.insert("ansible_check_mode".to_owned(), data(settings.mode == RunMode::Rehearsal));
    layer.insert("ansible_diff_mode".to_owned(), data(settings.diff == DiffMode::On));
    layer.insert("ansible_forks".to_owned(), data(settings.forks.get()));
    layer.insert("ansible_verbosity".to_owned(), data(settings.verbosity));
    let only: Vec<&str> = match settings.tags.only.is_empty() {
        true => vec!["all"],
        false => settings.tags.only.iter().map(String::as_str).collect(),
    };
    layer.insert("ansible_run_tags".to_owned(), data(Value::from_iter(only)));
    let skip = settings.tags.skip.iter().map(String::as_str);
    layer.insert("ansible_skip_tags".to_owned(), data(Value::from_iter(skip)));
    if let Some(limit) = &settings.limit {
        layer.insert("ansible_limit".to_owned(), data(limit.as_str()));
    }
    layer
}

/// Variables that stand for options of connections: the login password that was given. They are
/// weaker than all others.
pub(crate) fn of_connection(settings: &RunSettings) -> Layer {
    let password = settings.connection.password.as_ref();
    let password = password.map(|password| data(password.expose()));
    password.map(|password| ("ansible_password".to_owned(), password)).into_iter().collect()
}

/// The Python of this machine, for plays that name it; nothing here needs one.
fn python() -> String {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .map(|folder| folder.join("python3"))
        .find(|program| program.is_file());
    found.map_or_else(|| "/usr/bin/python3".to_owned(), |path| path.to_string_lossy().into_owned())
}

/// The hosts that are in a play.
pub(crate) fn of_hosts(hosts: &PlayHosts) -> Layer {
    let list = |hosts: &[String]| data(Value::from_iter(hosts.iter().map(String::as_str)));
    Layer::from([
        ("ansible_play_hosts".to_owned(), list(&hosts.all)),
        ("ansible_play_batch".to_owned(), list(&hosts.batch)),
        ("play_hosts".to_owned(), list(&hosts.batch)),
    ])
}

/// Variables of a play.
pub(crate) fn of_play(play: &Play, name: &str, hosts: &PlayHosts, roles: &[Arc<Role>]) -> Layer {
    let mut layer = Layer::new();
    layer.insert("ansible_play_name".to_owned(), data(name));
    let all = Value::from_iter(hosts.all.iter().map(String::as_str));
    layer.insert("ansible_play_hosts_all".to_owned(), data(all));
    layer.extend(of_hosts(hosts));
    // those of the play itself, then those that tasks import
    let is_depended_on = |role: &Arc<Role>| {
        roles.iter().any(|other| other.dependencies.iter().any(|it| Arc::ptr_eq(it, role)))
    };
    let is_listed = |role: &Arc<Role>| play.roles.iter().any(|other| Arc::ptr_eq(other, role));
    let imported = roles.iter().filter(|role| !is_listed(role) && !is_depended_on(role));
    let direct = play.roles.iter().chain(imported);
    let direct: Vec<&str> = direct.map(|role| role.name.as_str()).collect();
    let mut outer = Vec::new();
    for role in play.roles.iter().chain(roles) {
        dependencies(role, &mut outer);
    }
    let mut seen = std::collections::HashSet::new();
    let mut names: Vec<&str> = outer.iter().chain(&direct).copied().collect();
    names.retain(|name| seen.insert(*name));
    for (variable, names) in [
        ("ansible_role_names", &names),
        ("ansible_play_role_names", &direct),
        ("role_names", &direct),
        ("ansible_dependent_role_names", &outer),
    ] {
        layer.insert(variable.to_owned(), data(Value::from_iter(names.iter().copied())));
    }
    layer.extend(of_folder(play));
    layer
}

/// Where the playbook of a play stands.
pub(crate) fn of_folder(play: &Play) -> Layer {
    let directory = absolute(play.path.parent().unwrap_or(Path::new(".")));
    Layer::from([("playbook_dir".to_owned(), data(directory))])
}

/// The names of the roles that a role depends on, each once.
fn dependencies<'r>(role: &'r Role, names: &mut Vec<&'r str>) {
    for dependency in &role.dependencies {
        dependencies(dependency, names);
        if !names.contains(&dependency.name.as_str()) {
            names.push(&dependency.name);
        }
    }
}

/// Variables of a task.
pub(crate) fn of_step(step: &StepTask) -> Layer {
    let mut layer = Layer::new();
    if let Some(role) = &step.role {
        let collection = role.collection();
        let short = collection.as_ref().and_then(|it| role.name.strip_prefix(it.as_str()));
        let short = short.and_then(|name| name.strip_prefix('.')).unwrap_or(&role.name);
        let collection = collection.as_ref().map_or_else(|| Value::from(()), Value::from);
        layer.insert("role_name".to_owned(), data(short));
        layer.insert("ansible_collection_name".to_owned(), data(collection));
        layer.insert("role_uuid".to_owned(), data(uuid(role)));
        layer.insert("ansible_role_name".to_owned(), data(role.name.as_str()));
        layer.insert("role_path".to_owned(), data(absolute(&role.path)));
        if !step.dependents.is_empty() {
            let outer = || step.dependents.iter().rev();
            let names = Value::from_iter(outer().map(|role| role.name.as_str()));
            layer.insert("ansible_parent_role_names".to_owned(), data(names));
            let paths = Value::from_iter(outer().map(|role| absolute(&role.path)));
            layer.insert("ansible_parent_role_paths".to_owned(), data(paths));
        }
    }
    let environment = step.keywords.iter().rev().flat_map(|level| &level.environment);
    let environment = environment.map(Var::from).collect();
    layer.insert("environment".to_owned(), Var::List(environment));
    layer
}

/// A name of a role's use that no other use has.
fn uuid(role: &Role) -> String {
    let half = |number: u8| {
        let mut hasher = DefaultHasher::new();
        (number, &role.path, role.span.line, role.span.column, &role.name).hash(&mut hasher);
        hasher.finish()
    };
    let digits = format!("{:016x}{:016x}", half(0), half(1));
    let groups = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let groups = groups.iter().filter_map(|(from, to)| digits.get(*from..*to));
    groups.collect::<Vec<_>>().join("-")
}

fn absolute(path: &Path) -> String {
    // nothing is here
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

/// `hostvars`: the variables of every host, rendered when they are read.
pub(crate) struct AllHosts {
    play: Weak<PlayContext>,
}

impl AllHosts {
    /// The variables of the hosts, for the templates of a play.
    pub(crate) fn value(play: &Weak<PlayContext>) -> Value {
        Value::from_object(Self { play: Weak::clone(play) })
    }
}

impl fmt::Debug for AllHosts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("hostvars")
    }
}

impl Object for AllHosts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let play = self.play.upgrade()?;
        let host = key.as_str()?;
        let known = play.run.inventory.now().is_listed(host) || LOCALHOST.contains(&host);
        known.then(|| play.hostvars_scope(host).to_value())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let hosts = self.play.upgrade().map(|play| {
            play.run.inventory.now().hosts().iter().map(|host| Value::from(host.as_str())).collect()
        });
        Enumerator::Values(hosts.unwrap_or_default())
    }
}
