//! The tree of groups, as YAML and TOML show it.

use std::collections::HashSet;

use super::encode;
use super::{Listing, Share, Shown};
use crate::inventory::given::nowhere;
use crate::source::{Kind, Node};

/// A mapping while it is put together.
#[derive(Default)]
pub(super) struct Entries(Vec<(Node, Node)>);

impl Entries {
    pub(super) fn insert(&mut self, key: &str, value: Node) {
        match self.0.iter_mut().find(|(known, _)| known.as_str() == Some(key)) {
            Some((_, known)) => *known = value,
            None => self.0.push((Node::text(key, nowhere("<listing>")), value)),
        }
    }

    /// Puts in what is not empty.
    pub(super) fn insert_filled(&mut self, key: &str, value: Node) {
        let empty = match &value.kind {
            Kind::Map(entries) => entries.is_empty(),
            Kind::Seq(elements) => elements.is_empty(),
            _ => false,
        };
        if !empty {
            self.insert(key, value);
        }
    }

    fn extend(&mut self, others: Self) {
        for (key, value) in others.0 {
            self.insert(key.as_str().unwrap_or_default(), value);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn node(self) -> Node {
        Node { kind: Kind::Map(self.0), span: nowhere("<listing>") }
    }
}

impl Listing<'_> {
    /// Groups within each other.
    pub(super) fn tree(&self) -> Shown<Node> {
        let mut seen = Seen::default();
        let shown = self.is_shown();
        Ok(self.branch(self.all_group(), &shown, &mut seen)?.node())
    }

    fn branch<'g>(
        &'g self,
        name: &'g str,
        shown: &HashSet<&str>,
        seen: &mut Seen<'g>,
    ) -> Shown<Entries> {
        let mut children = Entries::default();
        for child in self.children(name) {
            if child == "all" {
                continue;
            }
            if seen.groups.contains(child) {
                children.insert(child, Entries::default().node());
            } else {
                children.extend(self.branch(child, shown, seen)?);
                seen.groups.insert(child);
            }
        }
        let mut body = Entries::default();
        body.insert_filled("children", children.node());
        if name != "all" {
            body.insert_filled("hosts", self.hosts_of(name, shown, seen)?.node());
        }
        if self.share == Share::Own {
            body.insert_filled("vars", encode::mapping(&self.group_vars(name)?));
        }
        let mut branch = Entries::default();
        branch.insert_filled(name, body.node());
        Ok(branch)
    }

    /// The hosts of a group; their variables stand with them once.
    fn hosts_of<'g>(
        &'g self,
        name: &str,
        shown: &HashSet<&str>,
        seen: &mut Seen<'g>,
    ) -> Shown<Entries> {
        let mut hosts = Entries::default();
        for host in self.inventory.own_hosts(name).into_iter().map(super::super::HostName::as_str) {
            if !shown.contains(host) {
                continue;
            }
            let vars = match seen.hosts.insert(host) {
                true => encode::mapping(&self.host_vars(host)?),
                false => Entries::default().node(),
            };
            hosts.insert(host, vars);
        }
        Ok(hosts)
    }

    /// Groups beside each other, for TOML.
    pub(super) fn tables(&self) -> Shown<Node> {
        let mut seen = Seen::default();
        let shown = self.is_shown();
        Ok(self.table(self.all_group(), &shown, &mut seen)?.node())
    }

    fn table<'g>(
        &'g self,
        name: &'g str,
        shown: &HashSet<&str>,
        seen: &mut Seen<'g>,
    ) -> Shown<Entries> {
        let mut tables = Entries::default();
        let mut body = Entries::default();
        // the place of a group is before its children
        tables.insert(name, Entries::default().node());
        let mut children = Vec::new();
        for child in self.children(name) {
            if child == "ungrouped" && self.inventory.own_hosts(child).is_empty() {
                continue;
            }
            if name != "all" {
                children.push(Node::text(child, nowhere("<listing>")));
            }
            tables.extend(self.table(child, shown, seen)?);
        }
        let children = Node { kind: Kind::Seq(children), span: nowhere("<listing>") };
        body.insert_filled("children", children);
        if name != "all" {
            body.insert_filled("hosts", self.hosts_of(name, shown, seen)?.node());
        }
        if self.share == Share::Own {
            body.insert_filled("vars", encode::mapping(&self.group_vars(name)?));
        }
        if body.is_empty() {
            tables.0.retain(|(key, _)| key.as_str() != Some(name));
        } else {
            tables.insert(name, body.node());
        }
        Ok(tables)
    }
}

/// What the tree has shown already.
#[derive(Default)]
struct Seen<'g> {
    groups: HashSet<&'g str>,
    hosts: HashSet<&'g str>,
}
