//! Hosts, groups, patterns and the variables that belong to them.
//!
//! Sources are INI, YAML and TOML files, programs, lists of hosts (`a,b,`), configurations of
//! plugins ([`Plugin`]) and folders of all these, read as Ansible reads them: [`Inventory::load`]
//! takes what stands behind `-i` and the folders of the playbooks, and keeps everything that can
//! be known without a host. [`Pattern`] picks hosts; [`Inventory::layers`] gives the variables of
//! one, the strongest first. [`LiveInventory`] is one that a run changes.
//!
//! Unlike Ansible, which warns and goes on with what it had read so far, a source that does not
//! parse or does not exist is an error, unless [`Unparsed`] says otherwise: a run against half of
//! the hosts is no run.

mod address;
mod constructed;
mod error;
mod generator;
mod given;
mod group_names;
mod ini;
mod inventory;
mod keyed_groups;
mod layers;
mod listing;
mod literal;
mod live;
mod load;
mod members;
mod name;
mod pattern;
mod plugin;
mod range;
mod result;
mod script;
mod select;
mod settings;
mod toml;
mod vars_files;
mod words;
mod yaml;

#[cfg(test)]
mod tests;

pub use address::host_and_port;
pub use error::{InventoryError, Problem};
pub use group_names::GroupNames;
pub use inventory::{Inventory, NewHost};
pub use listing::{Format, GraphVars, Listing, Share};
pub use live::{ListedHost, LiveInventory};
pub(crate) use load::absolute;
pub use name::{GroupName, HostName};
pub use pattern::{Pattern, PatternError};
pub use plugin::Plugin;
pub use range::RangeError;
pub use select::{Selection, hosts_of_pattern};
pub use settings::{GroupVars, InventorySettings, Mappings, ScriptErrors, Unparsed};
