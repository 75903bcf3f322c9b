//! Hosts and groups: who belongs to whom, and the variables that sources and the run set.

use std::collections::VecDeque;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use minijinja::Value;

use super::error::{InventoryError, Problem};
use super::given::{Given, Vars, nowhere};
use super::group_names::GroupNames;
use super::name::{GroupName, HostName};
use super::settings::Mappings;
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node, Span};
use crate::vars::{Layer, Var};

/// The names that mean this machine.
pub(super) const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// The place of a group in [`Members::groups`].
pub(super) type GroupIndex = usize;
/// The place of a host in [`Members::hosts`].
pub(super) type HostIndex = usize;

/// The group that all hosts are in.
pub(super) const ALL: GroupIndex = 0;
/// The group of hosts that are in no other.
pub(super) const UNGROUPED: GroupIndex = 1;

/// A group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Its own hosts.
    pub(super) hosts: IndexSet<HostIndex>,
    /// The groups in it.
    pub(super) children: IndexSet<GroupIndex>,
    /// The groups that it is in.
    pub(super) parents: IndexSet<GroupIndex>,
    /// Its variables from inventory sources.
    pub(super) vars: Vars,
    /// `ansible_group_priority`.
    pub(super) priority: i128,
    /// The longest way down from a group without parents.
    pub(super) depth: usize,
}

/// A host.
#[derive(Debug, Default, Clone)]
pub(super) struct Host {
    /// The groups that name it.
    pub(super) groups: IndexSet<GroupIndex>,
    /// Its variables from inventory sources.
    pub(super) vars: Vars,
    /// Whether no source names it: `all` is without it.
    pub(super) is_implicit: bool,
}

/// Where a host was first seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// `inventory_file`; none for hosts that a run adds.
    pub(super) file: Option<Arc<str>>,
    /// `inventory_dir`.
    pub(super) dir: Option<Arc<str>>,
}

/// All hosts and groups.
#[derive(Debug, Clone)]
pub(super) struct Members {
    /// Groups in the order in which they were seen.
    pub(super) groups: IndexMap<GroupName, Group>,
    /// Hosts in the order in which they were seen.
    pub(super) hosts: IndexMap<HostName, Host>,
    /// What is worth knowing.
    pub(super) warnings: Vec<Diagnostic>,
    /// What is told only to those who want to know much.
    pub(super) notices: Vec<String>,
    /// What is done with names of groups that could be no variables.
    group_names: GroupNames,
    pub(super) mappings: Mappings,
}

impl Members {
    /// The groups `all` and `ungrouped`, without hosts.
    pub(super) fn new(group_names: GroupNames, mappings: Mappings) -> Self {
        let mut members = Self {
            groups: IndexMap::new(),
            hosts: IndexMap::new(),
            warnings: Vec::new(),
            notices: Vec::new(),
            group_names,
            mappings,
        };
        for name in ["all", "ungrouped"] {
            members.groups.insert(GroupName::new(name), Group::new());
        }
        members.link(ALL, UNGROUPED);
        members
    }

    /// The group of this name, made where it is not there; its name may be changed for that.
    pub(super) fn group(&mut self, name: &str, span: Option<&Span>) -> Result<GroupIndex, Problem> {
        if let Some(index) = self.groups.get_index_of(name) {
            return Ok(index);
        }
        if name.is_empty() {
            return Err(Problem::EmptyGroup);
        }
        let (name, message) = self.group_names.of(name);
        if let Some(message) = message
            && !self.warnings.iter().any(|warning| warning.message == message)
        {
            self.warnings.push(Diagnostic::warning(message, span.cloned()));
        }
        Ok(match self.groups.get_index_of(name.as_ref()) {
            Some(index) => index,
            None => self.groups.insert_full(GroupName::new(name), Group::new()).0,
        })
    }

    /// Puts a host into a group, made where it is not there.
    pub(super) fn host(
        &mut self,
        name: &str,
        group: GroupIndex,
        port: Option<u16>,
        origin: &Origin,
    ) -> Result<HostIndex, Problem> {
        if name.is_empty() {
            return Err(Problem::EmptyHost);
        }
        let host = match self.hosts.get_index_of(name) {
            Some(host) => host,
            None => self.new_host(name, port, origin),
        };
        self.join(host, group);
        Ok(host)
    }

    /// Makes a group name a host; whether it did not before.
    pub(super) fn join(&mut self, host: HostIndex, group: GroupIndex) -> bool {
        let mut new = false;
        if let Some((_, group)) = self.groups.get_index_mut(group) {
            new = group.hosts.insert(host);
        }
        if let Some((_, entry)) = self.hosts.get_index_mut(host) {
            entry.groups.insert(group);
        }
        new
    }

    /// The host of this name, made in no group where it is not there.
    pub(super) fn listed_host(
        &mut self,
        name: &str,
        origin: &Origin,
    ) -> Result<HostIndex, Problem> {
        match self.hosts.get_index_of(name) {
            _ if name.is_empty() => Err(Problem::EmptyHost),
            Some(host) => Ok(host),
            None => Ok(self.new_host(name, None, origin)),
        }
    }

    fn new_host(&mut self, name: &str, port: Option<u16>, origin: &Origin) -> HostIndex {
        let mut vars = Vars::default();
        if let Some(port) = port {
            let kind = Kind::Int(i128::from(port));
            let port = Node { kind, span: nowhere("<port>") };
            vars.set(Mappings::Replaced, "ansible_port", &port.into());
        }
        let layer = Arc::make_mut(&mut vars.layer);
        layer.insert("inventory_file".into(), Var::Data(Value::from(origin.file.as_deref())));
        layer.insert("inventory_dir".into(), Var::Data(Value::from(origin.dir.as_deref())));
        if LOCALHOST.contains(&name)
            && let Some(first) = self.localhost()
        {
            let message = format!(
                "A duplicate localhost-like entry was found ({name}). First found localhost was \
                 {first}"
            );
            self.warnings.push(Diagnostic::warning(message, None));
        }
        self.hosts.insert_full(HostName::new(name), Host { vars, ..Host::default() }).0
    }

    /// Lists an implicit localhost with its variables.
    pub(super) fn listed(&mut self, name: &str, vars: Arc<Layer>) -> HostIndex {
        self.hosts
            .insert_full(
                HostName::new(name),
                Host {
                    vars: Vars { layer: vars, ..Vars::default() },
                    is_implicit: true,
                    ..Host::default()
                },
            )
            .0
    }

    /// The first host that means this machine.
    pub(super) fn localhost(&self) -> Option<&HostName> {
        self.hosts.keys().find(|name| LOCALHOST.contains(&name.as_str()))
    }

    /// Makes a group the child of another; whether it was none before.
    pub(super) fn add_child(
        &mut self,
        parent: GroupIndex,
        child: GroupIndex,
    ) -> Result<bool, Problem> {
        let known = self.at(parent).is_some_and(|group| group.children.contains(&child));
        if known {
            return Ok(false);
        }
        if parent == child || self.ancestors(&[parent]).contains(&child) {
            return Err(Problem::Loop {
                parent: self.name(parent).to_string(),
                child: self.name(child).to_string(),
            });
        }
        self.link(parent, child);
        Ok(true)
    }

    fn link(&mut self, parent: GroupIndex, child: GroupIndex) {
        if let Some((_, group)) = self.groups.get_index_mut(parent) {
            group.children.insert(child);
        }
        if let Some((_, group)) = self.groups.get_index_mut(child) {
            group.parents.insert(parent);
        }
    }

    /// Sets a variable of a group.
    pub(super) fn set_group_var(
        &mut self,
        group: GroupIndex,
        name: &str,
        value: &Given,
    ) -> Result<(), InventoryError> {
        let mappings = self.mappings;
        let Some((group_name, group)) = self.groups.get_index_mut(group) else { return Ok(()) };
        if name != "ansible_group_priority" {
            group.vars.set(mappings, name, value);
            return Ok(());
        }
        let node = &value.node;
        let number = match &node.kind {
            Kind::Int(number) => Some(*number),
            Kind::Str(text) => text.value.trim().parse().ok(),
            Kind::Bool(yes) => Some(i128::from(*yes)),
            _ => None,
        };
        group.priority = number.ok_or_else(|| {
            Problem::Priority {
                group: group_name.to_string(),
                found: node.as_str().map_or(node.describe().into(), |text| format!("`{text}`")),
            }
            .at(node.span.clone())
        })?;
        Ok(())
    }

    /// Sets a variable of a host.
    pub(super) fn set_host_var(&mut self, host: HostIndex, name: &str, value: &Given) {
        let mappings = self.mappings;
        if let Some((_, host)) = self.hosts.get_index_mut(host) {
            host.vars.set(mappings, name, value);
        }
    }

    /// Sets a variable of a host to data; whether it was another before.
    pub(super) fn change_host_var(&mut self, host: HostIndex, name: &str, value: &Var) -> bool {
        let Some((_, host)) = self.hosts.get_index_mut(host) else { return false };
        if let (Some(Var::Data(known)), Var::Data(value)) = (host.vars.layer.get(name), value)
            && known == value
        {
            return false;
        }
        Arc::make_mut(&mut host.vars.layer).insert(name.to_owned(), value.clone());
        true
    }

    /// Ends the reading, or a change: every group is below `all`, hosts without a group are in
    /// `ungrouped`.
    pub(super) fn reconcile(&mut self) -> Result<(), Problem> {
        for index in 1..self.groups.len() {
            if self.at(index).is_some_and(|group| group.parents.is_empty()) {
                if self.ancestors(&[ALL]).contains(&index) {
                    return Err(Problem::Loop {
                        parent: "all".into(),
                        child: self.name(index).to_string(),
                    });
                }
                self.link(ALL, index);
            }
        }
        self.sort_out_ungrouped();
        self.measure_depths();
        for name in self.groups.keys() {
            if self.hosts.contains_key(name.as_str()) {
                let message = format!("Found both group and host with same name: {name}");
                if !self.warnings.iter().any(|warning| warning.message == message) {
                    self.warnings.push(Diagnostic::warning(message, None));
                }
            }
        }
        Ok(())
    }

    fn sort_out_ungrouped(&mut self) {
        let mut ungrouped = self.at(UNGROUPED).map(|g| g.hosts.clone()).unwrap_or_default();
        for (index, host) in self.hosts.values_mut().enumerate() {
            if host.groups.iter().any(|group| !matches!(*group, ALL | UNGROUPED)) {
                if host.groups.shift_remove(&UNGROUPED) {
                    ungrouped.shift_remove(&index);
                }
            } else {
                ungrouped.insert(index);
                host.groups.insert(UNGROUPED);
            }
        }
        if let Some((_, group)) = self.groups.get_index_mut(UNGROUPED) {
            group.hosts = ungrouped;
        }
    }

    /// Longest ways, parents before children (there are no loops).
    pub(super) fn measure_depths(&mut self) {
        let mut missing: Vec<usize> = self.groups.values().map(|g| g.parents.len()).collect();
        let mut ready: VecDeque<GroupIndex> =
            (0..self.groups.len()).filter(|index| missing.get(*index) == Some(&0)).collect();
        while let Some(index) = ready.pop_front() {
            let Some(group) = self.at(index) else { continue };
            let (depth, children) = (group.depth + 1, group.children.clone());
            for child in children {
                if let Some((_, group)) = self.groups.get_index_mut(child) {
                    group.depth = group.depth.max(depth);
                }
                if let Some(count) = missing.get_mut(child) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push_back(child);
                    }
                }
            }
        }
    }

    /// The group at a place.
    pub(super) fn at(&self, index: GroupIndex) -> Option<&Group> {
        self.groups.get_index(index).map(|(_, group)| group)
    }

    /// The name of the group at a place.
    pub(super) fn name(&self, index: GroupIndex) -> &str {
        self.groups.get_index(index).map_or("", |(name, _)| name.as_str())
    }

    /// These groups and all that they are in.
    pub(super) fn ancestors(&self, groups: &[GroupIndex]) -> IndexSet<GroupIndex> {
        self.walk(groups, |group| &group.parents)
    }

    /// The hosts of a group and of the groups in it, in Ansible's order.
    pub(super) fn hosts_of(&self, group: GroupIndex) -> IndexSet<HostIndex> {
        self.walk(&[group], |group| &group.children)
            .into_iter()
            .filter_map(|index| self.at(index))
            .flat_map(|group| group.hosts.iter().copied())
            .collect()
    }

    /// Level by level, each group once.
    fn walk(
        &self,
        from: &[GroupIndex],
        next: fn(&Group) -> &IndexSet<GroupIndex>,
    ) -> IndexSet<GroupIndex> {
        let mut seen: IndexSet<GroupIndex> = from.iter().copied().collect();
        let mut position = 0;
        while let Some(index) = seen.get_index(position).copied() {
            if let Some(group) = self.at(index) {
                seen.extend(next(group).iter().copied());
            }
            position += 1;
        }
        seen
    }
}

impl Group {
    fn new() -> Self {
        Self {
            hosts: IndexSet::new(),
            children: IndexSet::new(),
            parents: IndexSet::new(),
            vars: Vars::default(),
            priority: 1,
            depth: 0,
        }
    }
}
