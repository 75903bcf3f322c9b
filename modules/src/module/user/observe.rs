//! What must be known of a user.

use std::path::{Path, PathBuf};

use super::{Error, Params};
use crate::contract::Stop;
use crate::effect::Command;
use crate::host::{AccountKey, Follow, Group, Host, User};
use crate::module::group::{State, Tools};
use crate::module::{expansion, program};

/// What is known of the user and what belongs to it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The user, where it is there.
    pub(super) found: Option<User>,
    /// The group that `group` names.
    pub(super) primary: Option<Group>,
    /// The groups that `groups` name, by name.
    pub(super) wanted: Vec<String>,
    /// The first group of `group` and `groups` that is not there.
    pub(super) missing_group: Option<String>,
    /// The groups that it is in, beyond the primary one.
    pub(super) memberships: Vec<String>,
    /// Whether there is a group with the user's name.
    pub(super) namesake: bool,
    /// The home directory that it has or will have, as far as that is known.
    pub(super) home: Option<PathBuf>,
    /// The shell that it shall have.
    pub(super) shell: Option<String>,
    /// Whether that home is there, and the directory above it.
    pub(super) home_exists: bool,
    /// Whether the one that it has until now is there, to be moved.
    pub(super) old_home_exists: bool,
    pub(super) parent_exists: bool,
    /// The mode of a new home directory.
    pub(super) home_mode: u32,
    /// The fields of the shadow file after the hash: last change, minimum, maximum, warning,
    /// inactivity.
    pub(super) aging: Vec<Option<i64>>,
    /// The key that is there already.
    pub(super) key: Key,
    /// The name of the host, for the comment of a key.
    pub(super) host_name: String,
    pub(super) tools: Tools,
}

/// A key for SSH.
#[derive(Debug, Clone, Default)]
pub(super) struct Key {
    /// Whether its private and its public file are there.
    pub(super) private_exists: bool,
    pub(super) public_exists: bool,
    pub(super) fingerprint: String,
    pub(super) public: String,
}

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    for (name, given) in [
        ("umask", params.umask.is_some()),
        ("uid_min", params.uid_min.is_some()),
        ("uid_max", params.uid_max.is_some()),
    ] {
        if params.local && given {
            return Err(Stop::failed(Error::Local(name)));
        }
    }
    let found = host.user(&AccountKey::Name(params.name.clone()))?;
    if params.local && params.state == State::Present {
        for name in ["lgroupmod", "lchage"] {
            program::required(host, name)?;
        }
    }
    let tools = match (params.local, params.state) {
        (true, State::Absent) if found.is_none() => Tools::Libuser,
        (true, State::Absent) => Tools::find(host, "userdel", true)?,
        _ => Tools::find(host, "useradd", params.local)?,
    };
    let mut missing_group = None;
    let mut primary = None;
    if let Some(name) = &params.group {
        primary = host.group(&AccountKey::Name(name.clone()))?;
        if primary.is_none() {
            missing_group = Some(name.clone());
        }
    }
    let mut wanted = Vec::new();
    for name in params.group_names().unwrap_or_default() {
        match host.group(&AccountKey::Name(name.clone()))? {
            Some(group) => wanted.push(group.name),
            None => missing_group = missing_group.or(Some(name)),
        }
    }
    let groups = host.groups()?;
    let memberships = groups
        .iter()
        .filter(|group| group.members.contains(&params.name))
        .map(|group| group.name.clone())
        .collect();
    let home = match (&params.home, &found) {
        (Some(home), _) => Some(expansion::path(home, host)?),
        (None, Some(found)) => Some(found.home.clone()),
        (None, None) => None,
    };
    let shell = match &params.shell {
        Some(shell) => Some(expansion::path(shell, host)?.to_string_lossy().into_owned()),
        None => None,
    };
    let exists = |path: Option<&Path>, host: &mut dyn Host| match path {
        Some(path) => host.stat(path, Follow::Yes).map(|stat| stat.is_some()),
        None => Ok(true),
    };
    let home_exists = exists(home.as_deref(), host)?;
    let old_home = found.as_ref().map(|found| found.home.clone());
    let old_home_exists = exists(old_home.as_deref(), host)?;
    let parent_exists = exists(home.as_deref().and_then(Path::parent), host)?;
    let home_mode = home_mode(params, &text(Path::new("/etc/login.defs"), host)?);
    let ages = [
        params.password_expire_max,
        params.password_expire_min,
        params.password_expire_warn,
        params.password_expire_account_disable,
    ];
    let aging = if ages.iter().all(Option::is_none) {
        Vec::new()
    } else {
        aging(&text(Path::new("/etc/shadow"), host)?, &params.name)
    };
    let mut observed = Observed {
        namesake: groups.iter().any(|group| group.name == params.name),
        found,
        primary,
        wanted,
        missing_group,
        memberships,
        home,
        shell,
        home_exists,
        old_home_exists,
        parent_exists,
        home_mode,
        aging,
        key: Key::default(),
        host_name: text(Path::new("/proc/sys/kernel/hostname"), host)?.trim().to_owned(),
        tools,
    };
    if params.generate_ssh_key == Some(true) && params.state == State::Present {
        observed.key = key(params, &observed, host)?;
    }
    Ok(observed)
}

impl Observed {
    /// Where the key for SSH is or will be.
    pub(super) fn key_file(&self, params: &Params) -> PathBuf {
        let home = self.home.clone().unwrap_or_else(|| Path::new("/home").join(&params.name));
        match &params.ssh_key_file {
            Some(file) => home.join(file),
            None => home.join(format!(".ssh/id_{}", params.ssh_key_type)),
        }
    }
}

fn key(params: &Params, observed: &Observed, host: &mut dyn Host) -> Result<Key, Stop> {
    let file = observed.key_file(params);
    let mut public = file.clone().into_os_string();
    public.push(".pub");
    let public = Path::new(&public);
    let mut key = Key {
        private_exists: host.stat(&file, Follow::Yes)?.is_some(),
        public_exists: host.stat(public, Follow::Yes)?.is_some(),
        ..Key::default()
    };
    if key.private_exists {
        let shown = file.to_string_lossy().into_owned();
        let output = host.query(&Command::new(["ssh-keygen", "-l", "-f", &shown]))?;
        let said = if output.success() { output.stdout_text() } else { output.stderr_text() };
        said.trim().clone_into(&mut key.fingerprint);
    } else {
        key.fingerprint = format!("SSH Key file {} does not exist", file.display());
    }
    text(public, host)?.trim().clone_into(&mut key.public);
    Ok(key)
}

/// The text of a file; empty where it is missing or may not be read.
fn text(path: &Path, host: &mut dyn Host) -> Result<String, Stop> {
    use crate::host::HostError;
    if host.stat(path, Follow::Yes)?.is_none() {
        return Ok(String::new());
    }
    match host.read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(HostError::Io { .. }) => Ok(String::new()),
        Err(error) => Err(Stop::Host(error)),
    }
}

/// `HOME_MODE`, or what `UMASK` leaves, from `login.defs`.
fn home_mode(params: &Params, definitions: &str) -> u32 {
    let setting = |name: &str| {
        definitions.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            let found = words.next() == Some(name);
            words.next().filter(|_| found).and_then(|text| u32::from_str_radix(text, 8).ok())
        })
    };
    let given = params.umask.as_ref().and_then(|umask| u32::from_str_radix(umask, 8).ok());
    let from_umask = |umask: u32| 0o777 & !umask;
    given
        .map(from_umask)
        .or_else(|| setting("HOME_MODE"))
        .or_else(|| setting("UMASK").map(from_umask))
        .unwrap_or(0o755)
}

fn aging(shadow: &str, name: &str) -> Vec<Option<i64>> {
    shadow
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .map(|fields| fields.into_iter().skip(2).map(|field| field.parse().ok()).collect())
        .unwrap_or_default()
}
