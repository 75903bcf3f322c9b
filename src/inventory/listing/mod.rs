//! An inventory as `ansible-inventory` shows it.
//!
//! Values are shown as sources gave them: templates are not rendered, vault values stay
//! encrypted, and text that must not be a template says so where JSON is written.

mod encode;
mod graph;
mod groups;
mod tables;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::error::InventoryError;
use super::given::{Vars, Written, extend};
use super::inventory::{Inventory, full};
use super::members::ALL;
use crate::report::python_json::{Ascii, Layout, dumps};
use crate::source::{Kind, Node};
use crate::vars::Layer;

use encode::Unsafe;

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As an inventory script answers.
    Json,
    /// `--yaml`
    Yaml,
    /// `--toml`
    Toml,
}

/// Which variables belong to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All that it sees.
    All,
    /// Its own; those of groups stand with the groups (`--export`).
    Own,
}

/// Whether a graph has variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphVars {
    /// It has (`--vars`).
    Shown,
    /// It has none.
    Hidden,
}

/// What is shown of an inventory.
pub struct Listing<'a> {
    /// The inventory.
    pub inventory: &'a Inventory,
    /// Which variables belong to a host.
    pub share: Share,
    /// The folder of a playbook, whose `group_vars/` count.
    pub playbook_dir: Option<PathBuf>,
    /// `--extra-vars`, which every host sees.
    pub extra_vars: Layer,
    /// The hosts within the limit.
    pub hosts: Vec<String>,
}

type Shown<T> = Result<T, Arc<InventoryError>>;

fn refused(problem: super::error::Problem) -> Arc<InventoryError> {
    Arc::new(problem.into())
}

/// Variables that Ansible sets itself and a listing leaves out.
const INTERNAL: [&str; 4] =
    ["inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short"];

impl Listing<'_> {
    /// The whole inventory.
    ///
    /// # Errors
    ///
    /// A broken file in `group_vars/` or `host_vars/`.
    pub fn all(&self, format: Format) -> Shown<String> {
        Ok(match format {
            Format::Json => dumps(&self.json()?, Layout::BLOCK, Ascii::Kept),
            Format::Yaml => encode::yaml(&self.tree()?),
            Format::Toml => tables::toml(&self.tables()?).map_err(refused)?,
        })
    }

    /// The variables of a host.
    ///
    /// # Errors
    ///
    /// A broken file in `group_vars/` or `host_vars/`.
    pub fn host(&self, host: &str, format: Format) -> Shown<String> {
        let vars = encode::mapping(&self.host_vars(host)?);
        Ok(match format {
            Format::Json => dumps(&encode::json(&vars, Unsafe::Plain), Layout::BLOCK, Ascii::Kept),
            Format::Yaml => encode::yaml(&vars),
            Format::Toml => tables::toml(&vars).map_err(refused)?,
        })
    }

    /// The variables that belong to a host.
    fn host_vars(&self, host: &str) -> Shown<Written> {
        let inventory = self.inventory;
        let mut vars = Written::new();
        match self.share {
            Share::All => {
                let dir = self.playbook_dir.clone().unwrap_or_default();
                for part in inventory.vars(host, &[&dir])?.iter().rev() {
                    extend(inventory.members.mappings, &mut vars, &part.written);
                }
                for (name, value) in &self.extra_vars {
                    vars.insert(name.clone(), Arc::new(encode::of_var(value)));
                }
            }
            Share::Own => {
                if let Some(host) = inventory.members.hosts.get(host) {
                    vars.clone_from(&host.vars.written);
                }
                let files = |beside: &super::vars_files::Beside| beside.hosts.of(host);
                self.add_files(&mut vars, files)?;
            }
        }
        vars.retain(|name, _| !INTERNAL.contains(&name.as_str()));
        Ok(vars)
    }

    /// The variables that belong to a group.
    fn group_vars(&self, name: &str) -> Shown<Written> {
        let mut vars = Written::new();
        let Some(group) = self.inventory.members.groups.get(name) else { return Ok(vars) };
        vars.clone_from(&group.vars.written);
        self.add_files(&mut vars, |beside| beside.groups.of(name))?;
        if group.priority != 1 {
            let span = super::given::nowhere("<priority>");
            let node = Node { kind: Kind::Int(group.priority), span };
            vars.insert("ansible_group_priority".to_owned(), Arc::new(node));
        }
        Ok(vars)
    }

    /// Adds what stands in variables files, those beside the playbook last.
    fn add_files(
        &self,
        vars: &mut Written,
        files: impl Fn(&super::vars_files::Beside) -> Option<Shown<Vars>>,
    ) -> Shown<()> {
        let inventory = self.inventory;
        let playbook = self.playbook_dir.as_ref();
        let playbook = playbook.and_then(|dir| inventory.beside_playbooks.get(&full(dir)));
        for beside in inventory.beside_sources.iter().chain(playbook) {
            if let Some(found) = files(beside) {
                extend(inventory.members.mappings, vars, &found?.written);
            }
        }
        Ok(())
    }

    fn is_shown(&self) -> HashSet<&str> {
        self.hosts.iter().map(String::as_str).collect()
    }

    /// The groups in a group, by name.
    fn children(&self, group: &str) -> Vec<&str> {
        self.inventory.children(group).into_iter().map(super::GroupName::as_str).collect()
    }

    fn all_group(&self) -> &str {
        self.inventory.members.name(ALL)
    }

    /// As a program answers `--list`.
    fn json(&self) -> Shown<Json> {
        let mut groups = serde_json::Map::new();
        let mut seen = HashSet::new();
        let shown = self.is_shown();
        self.json_group(self.all_group(), &shown, &mut seen, &mut groups)?;
        let mut hosts = serde_json::Map::new();
        for host in &self.hosts {
            let vars = self.host_vars(host)?;
            if !vars.is_empty() {
                let vars = encode::json(&encode::mapping(&vars), Unsafe::Marked);
                hosts.insert(host.clone(), vars);
            }
        }
        let meta = serde_json::json!({ "hostvars": hosts, "profile": "inventory_legacy" });
        groups.insert("_meta".to_owned(), meta);
        Ok(Json::Object(groups))
    }

    fn json_group<'g>(
        &'g self,
        name: &'g str,
        shown: &HashSet<&str>,
        seen: &mut HashSet<&'g str>,
        groups: &mut serde_json::Map<String, Json>,
    ) -> Shown<()> {
        let mut body = IndexMap::new();
        if name != "all" {
            let hosts = self.inventory.own_hosts(name).into_iter().map(super::HostName::as_str);
            let hosts: Vec<Json> =
                hosts.filter(|host| shown.contains(host)).map(Json::from).collect();
            body.insert("hosts", Json::Array(hosts));
        }
        let children = self.children(name);
        for child in &children {
            if seen.insert(child) {
                self.json_group(child, shown, seen, groups)?;
            }
        }
        let children = children.into_iter().map(Json::from).collect();
        body.insert("children", Json::Array(children));
        if self.share == Share::Own {
            let vars = encode::mapping(&self.group_vars(name)?);
            body.insert("vars", encode::json(&vars, Unsafe::Marked));
        }
        body.retain(|_, part| {
            !part.as_array().is_some_and(Vec::is_empty)
                && !part.as_object().is_some_and(serde_json::Map::is_empty)
        });
        if !body.is_empty() {
            let body = body.into_iter().map(|(key, part)| (key.to_owned(), part)).collect();
            groups.insert(name.to_owned(), Json::Object(body));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Listing<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Listing").field("share", &self.share).finish_non_exhaustive()
    }
}
