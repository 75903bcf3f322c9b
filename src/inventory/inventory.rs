//! The inventory after all sources were read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use minijinja::Value;

use super::error::InventoryError;
use super::members::{ALL, GroupIndex, HostIndex, LOCALHOST, Members};
use super::name::{GroupName, HostName};
use super::pattern::{Matcher, Part, Pattern, PatternError, Sign};
use super::vars_files::{Beside, Files};
use super::{address, load};
use crate::diagnostics::Diagnostic;
use crate::vars::{Layer, Var};

/// Hosts, groups and their variables.
///
/// Layers of groups are shared, so that ten thousand hosts of one group cost little.
#[derive(Debug)]
pub struct Inventory {
    members: Members,
    hosts: Vec<HostName>,
    groups: IndexMap<GroupName, Vec<HostName>>,
    /// [`Self::groups`] as templates see it.
    groups_value: Value,
    host_layers: Vec<Arc<Layer>>,
    group_layers: Vec<Arc<Layer>>,
    /// What an implicit localhost has set.
    implicit: Arc<Layer>,
    /// Beside the sources, in order.
    beside_sources: Vec<Beside>,
    /// Beside the playbooks.
    beside_playbooks: IndexMap<PathBuf, Beside>,
    warnings: Vec<Diagnostic>,
}

/// The hosts that a pattern picks.
#[derive(Debug, Default)]
pub struct Selection {
    /// In Ansible's order, each once.
    pub hosts: Vec<HostName>,
    /// Patterns that match nothing, in Ansible's words.
    pub warnings: Vec<Diagnostic>,
}

/// A host that a pattern met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Met<'a> {
    Listed(HostIndex),
    /// A name of this machine that no source lists.
    Implicit(&'a str),
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
    ) -> Result<Self, Vec<InventoryError>> {
        let mut members = Members::new();
        let dirs = load::read(sources, &mut members)?;
        members.reconcile().map_err(|problem| vec![problem.into()])?;
        let mut warnings = std::mem::take(&mut members.warnings);

        let mut beside = |dir: &Path| {
            let hosts = members.hosts.keys().map(HostName::as_str);
            let implicit = LOCALHOST.into_iter().filter(|name| !members.hosts.contains_key(*name));
            let groups = members.groups.keys().map(GroupName::as_str);
            Beside::read(dir, groups, hosts.chain(implicit), &mut warnings)
        };
        let dirs: IndexSet<PathBuf> = dirs.into_iter().collect();
        let beside_sources = dirs.iter().map(|dir| beside(dir)).collect();
        let beside_playbooks =
            playbook_dirs.iter().map(|dir| (full(dir), beside(&full(dir)))).collect();

        let take = |vars: &mut Layer| Arc::new(std::mem::take(vars));
        let host_layers = members.hosts.values_mut().map(|host| take(&mut host.vars)).collect();
        let group_layers = members.groups.values_mut().map(|group| take(&mut group.vars)).collect();
        let groups = groups_of(&members);
        let hosts = groups.get("all").cloned().unwrap_or_default();
        let groups_value = Value::from_pairs(groups.iter().map(|(group, hosts)| {
            (group.as_str(), hosts.iter().map(HostName::as_str).collect::<Value>())
        }));
        let implicit =
            Layer::from([("ansible_connection".to_owned(), Var::Data(Value::from("local")))]);
        Ok(Self {
            members,
            hosts,
            groups,
            groups_value,
            host_layers,
            group_layers,
            implicit: Arc::new(implicit),
            beside_sources,
            beside_playbooks,
            warnings,
        })
    }

    /// All hosts in the order in which `all` has them.
    pub fn hosts(&self) -> &[HostName] {
        &self.hosts
    }

    /// All groups with their hosts, those of child groups among them.
    pub fn groups(&self) -> &IndexMap<GroupName, Vec<HostName>> {
        &self.groups
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
        &self.warnings
    }

    /// Whether a source lists this host; an implicit localhost is listed by none.
    pub fn is_listed(&self, host: &str) -> bool {
        self.members.hosts.contains_key(host)
    }

    /// The hosts of a pattern, within those of a limit.
    ///
    /// `localhost`, `127.0.0.1` and `::1` are there even where no source lists them, unless one
    /// of the others is listed, which then stands for them.
    pub fn select(
        &self,
        pattern: &Pattern,
        limit: Option<&Pattern>,
    ) -> Result<Selection, PatternError> {
        let mut warnings = Vec::new();
        let mut met = self.evaluate(pattern, &mut warnings)?;
        if let Some(limit) = limit {
            let within = self.evaluate(limit, &mut warnings)?;
            met.retain(|host| within.contains(host));
        }
        let hosts = met
            .into_iter()
            .filter_map(|met| match met {
                Met::Listed(host) => {
                    self.members.hosts.get_index(host).map(|(name, _)| name.clone())
                }
                Met::Implicit(name) => Some(HostName::new(name)),
            })
            .collect();
        Ok(Selection { hosts, warnings })
    }

    fn evaluate<'a>(
        &'a self,
        pattern: &'a Pattern,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<IndexSet<Met<'a>>, PatternError> {
        let mut hosts = IndexSet::new();
        for part in &pattern.parts {
            let found = self.matched(part, warnings)?;
            match part.sign {
                Sign::Unite => hosts.extend(found),
                Sign::Intersect => {
                    let found: IndexSet<Met<'_>> = found.into_iter().collect();
                    hosts.retain(|host| found.contains(host));
                }
                Sign::Exclude => {
                    let found: IndexSet<Met<'_>> = found.into_iter().collect();
                    hosts.retain(|host| !found.contains(host));
                }
            }
        }
        Ok(hosts)
    }

    /// The hosts of one pattern: those of the groups it matches, then those it matches itself.
    fn matched<'a>(
        &'a self,
        part: &'a Part,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Vec<Met<'a>>, PatternError> {
        if part.sign == Sign::Unite
            && let Some(host) = self.members.hosts.get_index_of(part.text.as_str())
        {
            return Ok(vec![Met::Listed(host)]);
        }
        let groups = matching(part, &self.members.groups);
        let mut found: Vec<Met<'a>> = groups
            .iter()
            .flat_map(|group| self.members.hosts_of(*group))
            .map(Met::Listed)
            .collect();
        if groups.is_empty() || part.always_asks_hosts() {
            found.extend(matching(part, &self.members.hosts).into_iter().map(Met::Listed));
        }
        if found.is_empty() && LOCALHOST.contains(&part.expression.as_str()) {
            found.push(match self.members.localhost() {
                Some(listed) => {
                    let index = self.members.hosts.get_index_of(listed);
                    index.map_or(Met::Implicit(&part.expression), Met::Listed)
                }
                None => Met::Implicit(&part.expression),
            });
        }
        if found.is_empty() && groups.is_empty() && part.expression != "all" {
            let message =
                format!("Could not match supplied host pattern, ignoring: {}", part.expression);
            warnings.push(Diagnostic::warning(message, None));
        }
        part.pick(found)
    }

    /// The variables of a host, the strongest layer first: `host_vars/` beside the playbook and
    /// beside the sources, the host's own, then the same of its groups, the deepest first, and of
    /// `all`. Layers without variables are left out.
    ///
    /// # Errors
    ///
    /// A file in `group_vars/` or `host_vars/` that is broken.
    pub fn layers(
        &self,
        host: &str,
        playbook_dir: &Path,
    ) -> Result<Vec<Arc<Layer>>, Arc<InventoryError>> {
        let playbook = self.beside_playbooks.get(&full(playbook_dir));
        let mut layers = Layers::default();
        layers.files(playbook.map(|beside| &beside.hosts), host)?;
        for beside in self.beside_sources.iter().rev() {
            layers.files(Some(&beside.hosts), host)?;
        }
        layers.push(match self.members.hosts.get_index_of(host) {
            Some(index) => self.host_layers.get(index),
            // any other name (`delegate_to` an unlisted host) is reached as usual
            None => LOCALHOST.contains(&host).then_some(&self.implicit),
        });
        let mut groups = self.groups_of_host(host);
        groups.reverse();
        self.group_files(playbook, &groups, &mut layers)?;
        self.group_files(playbook, &[ALL], &mut layers)?;
        for group in groups.into_iter().chain([ALL]) {
            layers.push(self.group_layers.get(group));
        }
        Ok(layers.0)
    }

    /// `group_vars/` of these groups, the strongest first.
    fn group_files(
        &self,
        playbook: Option<&Beside>,
        groups: &[GroupIndex],
        layers: &mut Layers,
    ) -> Result<(), Arc<InventoryError>> {
        for beside in playbook.into_iter().chain(self.beside_sources.iter().rev()) {
            for group in groups {
                layers.files(Some(&beside.groups), self.members.name(*group))?;
            }
        }
        Ok(())
    }

    /// The groups of a host without `all`, the weakest first.
    fn groups_of_host(&self, host: &str) -> Vec<GroupIndex> {
        let Some(host) = self.members.hosts.get(host) else { return Vec::new() };
        let direct: Vec<GroupIndex> = host.groups.iter().copied().collect();
        let mut groups: Vec<GroupIndex> =
            self.members.ancestors(&direct).into_iter().filter(|group| *group != ALL).collect();
        groups.sort_by_key(|index| {
            let group = self.members.at(*index);
            (
                group.map(|group| group.depth),
                group.map(|group| group.priority),
                self.members.name(*index),
            )
        });
        groups
    }

    /// `group_names`: the groups of a host without `all`, sorted.
    pub fn group_names(&self, host: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.groups_of_host(host).into_iter().map(|group| self.members.name(group)).collect();
        names.sort_unstable();
        names
    }

    /// The magic variables that the inventory knows: `inventory_hostname`,
    /// `inventory_hostname_short`, `group_names` and `groups`.
    pub fn magic(&self, host: &str) -> Layer {
        let short =
            if address::is_address(host) { host } else { host.split('.').next().unwrap_or(host) };
        let names: Value = self.group_names(host).into_iter().collect();
        [
            ("inventory_hostname", Value::from(host)),
            ("inventory_hostname_short", Value::from(short)),
            ("group_names", names),
            ("groups", self.groups_value.clone()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Var::Data(value)))
        .collect()
    }
}

/// Layers, the strongest first.
#[derive(Default)]
struct Layers(Vec<Arc<Layer>>);

impl Layers {
    fn push(&mut self, layer: Option<&Arc<Layer>>) {
        self.0.extend(layer.filter(|layer| !layer.is_empty()).cloned());
    }

    fn files(&mut self, files: Option<&Files>, name: &str) -> Result<(), Arc<InventoryError>> {
        match files.and_then(|files| files.get(name)) {
            Some(Ok(layer)) => self.0.push(Arc::clone(layer)),
            Some(Err(error)) => return Err(Arc::clone(error)),
            None => {}
        }
        Ok(())
    }
}

fn groups_of(members: &Members) -> IndexMap<GroupName, Vec<HostName>> {
    let hosts = |group| {
        members
            .hosts_of(group)
            .into_iter()
            .filter_map(|host| members.hosts.get_index(host))
            .map(|(name, _)| name.clone())
            .collect()
    };
    members.groups.keys().enumerate().map(|(index, name)| (name.clone(), hosts(index))).collect()
}

/// The places of the names that match.
fn matching<N: AsRef<str> + std::hash::Hash + Eq + std::borrow::Borrow<str>, T>(
    part: &Part,
    names: &IndexMap<N, T>,
) -> Vec<usize> {
    match part.matcher {
        Matcher::Exact => names.get_index_of(part.expression.as_str()).into_iter().collect(),
        Matcher::Glob(_) | Matcher::Regex(_) => names
            .keys()
            .enumerate()
            .filter(|(_, name)| part.matches(name.as_ref()))
            .map(|(index, _)| index)
            .collect(),
    }
}

fn full(dir: &Path) -> PathBuf {
    load::absolute(&dir.to_string_lossy())
}
