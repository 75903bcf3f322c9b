//! Hosts, groups, patterns and the variables that belong to them.
//!
//! Sources are INI files, YAML files, folders of them and lists of hosts (`a,b,`), read as
//! Ansible reads them: [`Inventory::load`] takes what stands behind `-i` and the folders of the
//! playbooks, and keeps everything that can be known without a host. [`Pattern`] picks hosts;
//! [`Inventory::layers`] gives the variables of one, the strongest first.
//!
//! Unlike Ansible, which warns and goes on with what it had read so far, a source that does not
//! parse or does not exist is an error: a run against half of the hosts is no run.

mod address;
mod error;
mod group_names;
mod ini;
mod inventory;
mod layers;
mod literal;
mod live;
mod load;
mod members;
mod name;
mod pattern;
mod range;
mod select;
mod settings;
mod vars_files;
mod words;
mod yaml;

#[cfg(test)]
mod tests;

pub use address::host_and_port;
pub use error::{InventoryError, Problem};
pub use group_names::GroupNames;
pub use inventory::{Inventory, NewHost};
pub use live::{ListedHost, LiveInventory};
pub use name::{GroupName, HostName};
pub use pattern::{Pattern, PatternError};
pub use range::RangeError;
pub use select::Selection;
pub use settings::InventorySettings;
