//! What the files and arguments say about one host.

use std::path::PathBuf;
use std::time::Duration;

use crate::connection::target::HostKeys;

/// The settings for one host, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSettings {
    /// The name as it was given.
    pub alias: String,
    /// The name or address to connect to.
    pub host_name: String,
    /// The port.
    pub port: u16,
    /// The remote user.
    pub user: String,
    /// Key files, in order, missing ones included.
    pub identity_files: Vec<PathBuf>,
    /// Whether the key files were asked for, so that a missing one is worth a word.
    pub identities: Identities,
    /// Whether the agent may offer further keys.
    pub agent_keys: AgentKeys,
    /// The agent.
    pub agent: Agent,
    /// Certificate files.
    pub certificate_files: Vec<PathBuf>,
    /// How to get there.
    pub proxy: Proxy,
    /// Known host keys, in order.
    pub user_known_hosts: Vec<PathBuf>,
    /// Known host keys of the machine.
    pub global_known_hosts: Vec<PathBuf>,
    /// `StrictHostKeyChecking`.
    pub host_keys: Option<HostKeys>,
    /// Whether new names in `known_hosts` are hashed.
    pub known_names: KnownNames,
    /// `ConnectTimeout`.
    pub connect_timeout: Option<Duration>,
    /// `ServerAliveInterval`; zero turns it off.
    pub alive_interval: Option<Duration>,
    /// `ServerAliveCountMax`.
    pub alive_count: Option<usize>,
    /// The name under which the host's key is known.
    pub host_key_alias: Option<String>,
    /// Which addresses may be used.
    pub family: Family,
    /// Ways of authentication that are off.
    pub refused_methods: Vec<RefusedMethod>,
}

/// Where the key files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identities {
    /// Somebody named them.
    Configured,
    /// They are the usual ones.
    Default,
}

/// Which keys of the agent are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentKeys {
    /// All.
    All,
    /// Those of the key files (`IdentitiesOnly`).
    OnlyConfigured,
}

/// Where the agent listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agent {
    /// Nowhere.
    None,
    /// At this socket.
    Socket(PathBuf),
}

/// How to get to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// Straight.
    None,
    /// Through the input and output of a command.
    Command(String),
    /// Over these hosts, one after the other.
    Jump(Vec<Hop>),
}

/// A host that is jumped over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Its name, which `ssh_config` may say more about.
    pub host: String,
    /// The port, if it was given.
    pub port: Option<u16>,
    /// The user, if it was given.
    pub user: Option<String>,
}

/// How names are written into `known_hosts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownNames {
    /// As they are.
    Plain,
    /// Hashed (`HashKnownHosts`).
    Hashed,
}

/// Which addresses may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Any.
    Any,
    /// Only IPv4.
    V4,
    /// Only IPv6.
    V6,
}

/// A way of authentication that can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedMethod {
    /// `PubkeyAuthentication no`.
    PublicKey,
    /// `PasswordAuthentication no`.
    Password,
    /// `KbdInteractiveAuthentication no`.
    KeyboardInteractive,
}
