//! What to reach, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;

/// A host and how it is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of the host in the inventory, for messages.
    pub name: String,
    /// By which way.
    pub transport: Transport,
    /// `ansible_host`: an address, a name, or an alias of `ssh_config`.
    pub address: String,
    /// `ansible_port`; wins over `ssh_config`.
    pub port: Option<u16>,
    /// `ansible_user`; wins over `ssh_config`.
    pub user: Option<String>,
    /// `ansible_ssh_private_key_file`; tried before the other keys.
    pub private_key: Option<PathBuf>,
    /// `ansible_password`.
    pub password: Option<Secret>,
    /// The words of `ansible_ssh_common_args` and `ansible_ssh_extra_args`.
    pub ssh_arguments: Vec<String>,
    /// Bound on the way to an authenticated connection; `ConnectTimeout` of `ssh_config` wins.
    pub connect_timeout: Duration,
    /// What to do with host keys; with [`HostKeys::Strict`] `StrictHostKeyChecking` of
    /// `ssh_config` may relax it.
    pub host_keys: HostKeys,
}

impl Target {
    /// A target with nothing but a name that is its address too.
    pub fn new(name: impl Into<String>, transport: Transport) -> Self {
        let name = name.into();
        Self {
            address: name.clone(),
            name,
            transport,
            port: None,
            user: None,
            private_key: None,
            password: None,
            ssh_arguments: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            host_keys: HostKeys::Strict,
        }
    }
}

/// The way to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// SSH in this process.
    Ssh,
    /// SSH by the system's `ssh`.
    OpenSsh,
    /// This machine.
    Local,
}

/// What to do with the key that a host shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostKeys {
    /// Only keys in `known_hosts` are taken.
    Strict,
    /// Keys of hosts never seen before are taken and written down; changed ones are refused.
    AcceptNew,
    /// Any key is taken.
    Off,
}
