//! Ansible's settings: `ansible.cfg` and `ANSIBLE_*` variables.
//!
//! [`Table`] names every setting of ansible-core with its type, default, environment variables and
//! keys; [`Settings`] looks their values up: the environment wins over the file, the file over the
//! default (<https://docs.ansible.com/ansible/latest/reference_appendices/config.html>).

mod current;
mod error;
mod file;
mod ini;
mod lookup;
mod table;
mod value;

pub use current::{current, public_roles, settle};
pub use error::SettingsError;
pub use file::{ConfigFile, Found};
pub use ini::{Ini, IniError};
pub use lookup::{Environment, Origin, Setting, Settings};
pub use table::{Definition, Kind, Plugin, Table};
