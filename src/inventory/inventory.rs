//! The inventory after all sources were read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use indexmap::{IndexMap, IndexSet};
use minijinja::Value;

use super::error::{InventoryError, Problem};
use super::group_names::GroupNames;
use super::members::{ALL, GroupIndex, LOCALHOST, Members, Origin};
use super::name::{GroupName, HostName};
use super::settings::{GroupVars, InventorySettings, Mappings};
use super::vars_files::Beside;
use super::{address, load};
use crate::diagnostics::Diagnostic;
use crate::vars::{Layer, Var};

/// Hosts, groups and their variables.
///
/// Layers are shared, so that ten thousand hosts of one group cost little, and so does a copy.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub(super) members: Members,
    derived: OnceLock<Arc<Derived>>,
    /// What an implicit localhost has set.
    pub(super) implicit: Arc<Layer>,
    /// Beside the sources, in order.
    pub(super) beside_sources: Vec<Arc<Beside>>,
    /// Beside the playbooks.
    pub(super) beside_playbooks: IndexMap<PathBuf, Arc<Beside>>,
    /// Beside other files of tasks, read when they are asked for.
    pub(super) beside_tasks: Arc<Mutex<HashMap<PathBuf, Arc<Beside>>>>,
    /// Whether folders beside something are read at all, and how.
    pub(super) reads_folders: Option<Mappings>,
    /// The order in which variables of groups win, the weakest first.
    pub(super) precedence: Vec<GroupVars>,
}

/// What follows from the members; found once after each change.
#[derive(Debug)]
struct Derived {
    groups: IndexMap<GroupName, Vec<HostName>>,
    /// [`Self::groups`] as templates see it.
    groups_value: Value,
}

/// A host that a run adds.
#[derive(Debug, Clone, Default)]
pub struct NewHost {
    /// Its name.
    pub name: String,
    /// The groups that it joins; those that are not there are made.
    pub groups: Vec<String>,
    /// Its variables.
    pub vars: Layer,
}

impl Inventory {
    /// Reads the sources in order, and what stands beside them and in the folders of playbooks.
    ///
    /// A source is a file, a folder or a list of hosts with a comma in it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the sources. A broken file in `group_vars/` or `host_vars/`
    /// is told by [`Self::layers`] of a host that needs it.
    pub fn load(
        sources: &[String],
        playbook_dirs: &[PathBuf],
        settings: &InventorySettings,
    ) -> Result<Self, Vec<InventoryError>> {
        let mut members = Members::new(settings.group_names, settings.mappings);
        let dirs = load::read(sources, &mut members, settings)?;
        members.reconcile().map_err(|problem| vec![problem.into()])?;

        let mut warnings = std::mem::take(&mut members.warnings);
        let mut beside = |dir: &Path| {
            let hosts = members.hosts.keys().map(HostName::as_str);
            let implicit = LOCALHOST.into_iter().filter(|name| !members.hosts.contains_key(*name));
            let groups = members.groups.keys().map(GroupName::as_str);
            Arc::new(Beside::read(
                dir,
                groups,
                hosts.chain(implicit),
                settings.mappings,
                &mut warnings,
            ))
        };
        let (dirs, playbook_dirs) = match settings.reads_folders {
            true => (dirs, playbook_dirs),
            false => (Vec::new(), &[] as &[PathBuf]),
        };
        let dirs: IndexSet<PathBuf> = dirs.into_iter().collect();
        let beside_sources = dirs.iter().map(|dir| beside(dir)).collect();
        let beside_playbooks =
            playbook_dirs.iter().map(|dir| (full(dir), beside(&full(dir)))).collect();
        members.warnings = warnings;
        let mut implicit =
            Layer::from([("ansible_connection".to_owned(), Var::Data(Value::from("local")))]);
        if let Some(python) = python_of_path() {
            implicit
                .insert("ansible_python_interpreter".to_owned(), Var::Data(Value::from(python)));
        }
        Ok(Self {
            members,
            derived: OnceLock::new(),
            implicit: Arc::new(implicit),
            beside_sources,
            beside_playbooks,
            beside_tasks: Arc::default(),
            reads_folders: settings.reads_folders.then_some(settings.mappings),
            precedence: settings.precedence.clone(),
        })
    }

    /// Groups and hosts without variables.
    pub(super) fn of_groups(groups: &[(String, Vec<String>)]) -> Self {
        let settings = InventorySettings::default();
        let mut members = Members::new(GroupNames::KeepQuietly, settings.mappings);
        for (name, hosts) in groups {
            // what has no name is met by no pattern
            let Ok(group) = members.group(name, None) else { continue };
            for host in hosts {
                let _ = members.host(host, group, None, &Origin::default());
            }
        }
        Self {
            members,
            derived: OnceLock::new(),
            implicit: Arc::default(),
            beside_sources: Vec::new(),
            beside_playbooks: IndexMap::new(),
            beside_tasks: Arc::default(),
            reads_folders: None,
            precedence: settings.precedence,
        }
    }

    fn derived(&self) -> &Derived {
        self.derived.get_or_init(|| {
            let groups = groups_of(&self.members);
            let groups_value = Value::from_pairs(groups.iter().map(|(group, hosts)| {
                (group.as_str(), hosts.iter().map(HostName::as_str).collect::<Value>())
            }));
            Arc::new(Derived { groups, groups_value })
        })
    }

    /// All hosts in the order in which `all` has them.
    pub fn hosts(&self) -> &[HostName] {
        self.groups().get("all").map(Vec::as_slice).unwrap_or_default()
    }

    /// All groups with their hosts, those of child groups among them.
    pub fn groups(&self) -> &IndexMap<GroupName, Vec<HostName>> {
        &self.derived().groups
    }

    /// The groups that stand in a group, in order.
    pub fn children(&self, group: &str) -> Vec<&GroupName> {
        self.members
            .groups
            .get(group)
            .into_iter()
            .flat_map(|group| &group.children)
            .filter_map(|child| self.members.groups.get_index(*child))
            .map(|(name, _)| name)
            .collect()
    }

    /// The hosts that a group names itself, without those of its children.
    pub fn own_hosts(&self, group: &str) -> Vec<&HostName> {
        self.members
            .groups
            .get(group)
            .into_iter()
            .flat_map(|group| &group.hosts)
            .filter_map(|host| self.members.hosts.get_index(*host))
            .map(|(name, _)| name)
            .collect()
    }

    /// What is worth knowing about the sources.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.members.warnings
    }

    /// What is told only to those who want to know much (`-vvv`).
    pub fn notices(&self) -> &[String] {
        &self.members.notices
    }

    /// Whether a source lists this host; an implicit localhost is listed by none.
    pub fn is_listed(&self, host: &str) -> bool {
        self.members.hosts.contains_key(host)
    }

    /// The groups of a host without `all`, the weakest first.
    pub(super) fn groups_of_host(&self, host: &str) -> Vec<GroupIndex> {
        sorted_groups(&self.members, host).into_iter().filter(|group| *group != ALL).collect()
    }

    /// The magic variables that the inventory knows: `inventory_hostname`,
    /// `inventory_hostname_short`, `group_names` and `groups`.
    pub fn magic(&self, host: &str) -> Layer {
        let mut layer = names_of_host(&self.members, host);
        layer.insert("groups".to_owned(), Var::Data(self.derived().groups_value.clone()));
        layer
    }

    /// `group_names`: the groups of a host without `all`, sorted.
    pub fn group_names(&self, host: &str) -> Vec<&str> {
        group_names(&self.members, host)
    }

    /// Adds a host, or groups and variables to one that is there; whether that changed anything.
    ///
    /// # Errors
    ///
    /// A name that is empty.
    pub fn add_host(&mut self, new: &NewHost) -> Result<bool, Problem> {
        let known = self.members.hosts.get_index_of(new.name.as_str());
        let host = match known {
            Some(host) => host,
            None => self.members.host(&new.name, ALL, None, &Origin::default())?,
        };
        let mut changed = known.is_none();
        for (name, value) in &new.vars {
            changed |= self.members.change_host_var(host, name, value);
        }
        for name in &new.groups {
            let group = match self.members.groups.get_index_of(name.as_str()) {
                Some(group) => group,
                None => {
                    changed = true;
                    self.members.group(name, None)?
                }
            };
            changed |= self.members.join(host, group);
        }
        if changed {
            self.changed()?;
        }
        Ok(changed)
    }

    /// Puts a host into a group and the group below its parents, all made where they are not
    /// there; whether that changed anything.
    ///
    /// # Errors
    ///
    /// An empty name, or a group that would be its own descendant.
    pub fn group_host(
        &mut self,
        host: &str,
        group: &str,
        parents: &[String],
    ) -> Result<bool, Problem> {
        let group = self.members.group(group, None)?;
        let mut changed = false;
        for name in parents {
            changed |= !self.members.groups.contains_key(name.as_str());
            let parent = self.members.group(name, None)?;
            changed |= self.members.add_child(parent, group)?;
        }
        let host = match self.members.hosts.get_index_of(host) {
            None if LOCALHOST.contains(&host) => {
                Some(self.members.listed(host, Arc::clone(&self.implicit)))
            }
            known => known,
        };
        if let Some(host) = host
            && !self.members.hosts_of(group).contains(&host)
        {
            changed |= self.members.join(host, group);
        }
        if changed {
            self.changed()?;
        }
        Ok(changed)
    }

    fn changed(&mut self) -> Result<(), Problem> {
        self.derived = OnceLock::new();
        self.members.reconcile()
    }
}

/// The groups of a host, the weakest first; `all` is among them where something stands in it.
pub(super) fn sorted_groups(members: &Members, host: &str) -> Vec<GroupIndex> {
    let Some(host) = members.hosts.get(host) else { return Vec::new() };
    let direct: Vec<GroupIndex> = host.groups.iter().copied().collect();
    let mut groups: Vec<GroupIndex> = members.ancestors(&direct).into_iter().collect();
    groups.sort_by_key(|index| {
        let group = members.at(*index);
        (group.map(|group| group.depth), group.map(|group| group.priority), members.name(*index))
    });
    groups
}

fn group_names<'m>(members: &'m Members, host: &str) -> Vec<&'m str> {
    let groups = sorted_groups(members, host).into_iter().filter(|group| *group != ALL);
    let mut names: Vec<&str> = groups.map(|group| members.name(group)).collect();
    names.sort_unstable();
    names
}

/// `inventory_hostname`, `inventory_hostname_short` and `group_names` of a host.
pub(super) fn names_of_host(members: &Members, host: &str) -> Layer {
    let short =
        if address::is_address(host) { host } else { host.split('.').next().unwrap_or(host) };
    let names: Value = group_names(members, host).into_iter().collect();
    [
        ("inventory_hostname", Value::from(host)),
        ("inventory_hostname_short", Value::from(short)),
        ("group_names", names),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Var::Data(value)))
    .collect()
}

fn groups_of(members: &Members) -> IndexMap<GroupName, Vec<HostName>> {
    let hosts = |group| {
        members
            .hosts_of(group)
            .into_iter()
            .filter_map(|host| members.hosts.get_index(host))
            .filter(|(_, host)| group != ALL || !host.is_implicit)
            .map(|(name, _)| name.clone())
            .collect()
    };
    members.groups.keys().enumerate().map(|(index, name)| (name.clone(), hosts(index))).collect()
}

pub(super) fn full(dir: &Path) -> PathBuf {
    load::absolute(&dir.to_string_lossy())
}

/// The Python of this machine, which Ansible runs under; tasks on it may name it.
fn python_of_path() -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let candidates = ["python", "python3"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = candidates.into_iter().find(|path| path.is_file())?;
    Some(found.to_string_lossy().into_owned())
}
