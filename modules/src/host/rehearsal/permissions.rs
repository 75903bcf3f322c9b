//! What the runner's user may not do, as far as that is certain before.
//!
//! Root may do everything. Of others the kernel knows what they may write; of what a rehearsal made
//! its owner and mode tell. Which groups someone is in is not asked: what a group may write counts
//! as allowed.

use std::path::Path;

use rustix::io::Errno;

use super::RehearsalHost;
use super::overlay::Sight;
use crate::effect::{Attributes, Effect, Principal};
use crate::host::{FileStat, Follow, Host, HostError};

/// Settings of a rehearsal that may let somebody in, and are not looked through.
const LETS_IN: [&str; 2] = ["acl", "mount"];

/// Package managers that change the system; others keep packages where their user has a place.
const OF_THE_SYSTEM: [&str; 6] = ["apk", "apt", "dnf", "pacman", "yum", "zypper"];

impl<B: Host> RehearsalHost<B> {
    /// Fails where the user is not allowed what an effect does.
    pub(super) fn require_permission(&mut self, effect: &Effect) -> Result<(), HostError> {
        let user = self.base.identity()?;
        let is_root = user.id.is_none_or(|id| id == 0);
        if is_root || self.overlay.settings.keys().any(|(kind, _)| LETS_IN.contains(&&**kind)) {
            return Ok(());
        }
        let only_root = |what| Err(HostError::Unprivileged { user: user.label(), what });
        match effect {
            Effect::WriteFile(write) => {
                let path = self.locate(&write.path, Follow::No)?;
                if !(write.unsafe_writes && self.may_write(&path, &user)?) {
                    self.require_name("create a file in", &path, &user)?;
                }
                own(&user, &path, &write.attributes)
            }
            Effect::CopyFile { to, .. } => {
                let path = self.locate(to, Follow::No)?;
                self.require_name("create a file in", &path, &user)
            }
            Effect::MakeDirectory { path, .. } => {
                let path = self.locate(path, Follow::No)?;
                self.require_name("create directory", &path, &user)
            }
            Effect::MakeSymlink { path, .. } | Effect::MakeHardLink { path, .. } => {
                let path = self.locate(path, Follow::No)?;
                self.require_name("create link", &path, &user)
            }
            Effect::Remove { path } => {
                let path = self.locate(path, Follow::No)?;
                self.require_name("remove", &path, &user)
            }
            Effect::SetAttributes { path, attributes } => {
                let path = self.locate(path, Follow::No)?;
                own(&user, &path, attributes)?;
                let Some(stat) = self.entry_stat(&path)? else { return Ok(()) };
                let action = match attributes {
                    _ if stat.owner.is(&user) => return Ok(()),
                    Attributes { owner: Some(_), .. } | Attributes { group: Some(_), .. } => {
                        "set the owner of"
                    }
                    Attributes { mode: Some(_), .. } => "set the mode of",
                    _ => return Ok(()),
                };
                Err(denied(action, &path, Errno::PERM))
            }
            Effect::Packages(change) if OF_THE_SYSTEM.contains(&change.manager.as_str()) => {
                only_root("packages of the system")
            }
            Effect::RefreshPackageLists { .. } => only_root("package lists"),
            Effect::User(_) => only_root("users"),
            Effect::Group(_) => only_root("groups"),
            // the service manager asks others
            Effect::Unit(change) if !change.command.argv.iter().any(|word| word == "--user") => {
                let user = user.label();
                let reason = format!("whether `{user}` may act on units is told by the run alone");
                Err(HostError::Unknown(reason))
            }
            _ => Ok(()),
        }
    }

    /// Fails where a directory lets the user neither give nor take away a name.
    fn require_name(
        &mut self,
        action: &'static str,
        path: &Path,
        user: &Principal,
    ) -> Result<(), HostError> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        // what is not there is told by the effect
        let Some(stat) = self.stat(directory, Follow::No)? else { return Ok(()) };
        if !self.may_write(directory, user)? {
            let shown = if action == "create a file in" { directory } else { path };
            return Err(denied(action, shown, Errno::ACCESS));
        }
        let there = self.entry_stat(path)?;
        let is_kept = stat.mode & 0o1000 != 0 && !stat.owner.is(user);
        match there {
            Some(there) if is_kept && !there.owner.is(user) => {
                Err(denied(action, path, Errno::PERM))
            }
            _ => Ok(()),
        }
    }

    /// Whether the user may write what is there; nothing may be written where nothing is.
    fn may_write(&mut self, path: &Path, user: &Principal) -> Result<bool, HostError> {
        let Some(stat) = self.entry_stat(path)? else { return Ok(false) };
        let is_of_host = matches!(self.overlay.see(path), Sight::Host);
        let known = if is_of_host { self.base.may_write(path) } else { None };
        Ok(known.unwrap_or_else(|| allows(&stat, user)))
    }
}

fn allows(stat: &FileStat, user: &Principal) -> bool {
    let bits = if stat.owner.is(user) { 0o200 } else { 0o022 };
    stat.mode & bits != 0
}

/// Only root gives files away.
fn own(user: &Principal, path: &Path, attributes: &Attributes) -> Result<(), HostError> {
    match &attributes.owner {
        Some(owner) if !owner.is(user) => Err(denied("set the owner of", path, Errno::PERM)),
        _ => Ok(()),
    }
}

fn denied(action: &'static str, path: &Path, reason: Errno) -> HostError {
    HostError::Io { action, path: path.to_owned(), source: reason.into() }
}

#[cfg(test)]
mod tests {
    use crate::contract::Planned;
    use crate::effect::{
        Attributes, Command, Content, Effect, GroupChange, PackageChange, Principal, SettingChange,
        UnitAction, UnitChange, WriteFile,
    };
    use crate::host::memory::MemoryHost;
    use crate::host::{FileStat, Host as _};

    fn ann() -> Principal {
        Principal { name: Some("ann".to_owned()), id: Some(1000) }
    }

    fn host() -> MemoryHost {
        let of_ann = |stat: &mut FileStat| stat.owner = ann();
        MemoryHost::new()
            .with_identity(ann())
            .with_file("/etc/motd", "x")
            .with_directory("/home/ann")
            .with_stat("/home/ann", of_ann)
            .with_file("/home/ann/f", "x")
            .with_directory("/tmp")
            .with_stat("/tmp", |stat| stat.mode = 0o1777)
            .with_file("/tmp/of-root", "x")
            .with_file("/srv/open", "x")
            .with_stat("/srv/open", |stat| stat.mode = 0o666)
    }

    fn write(path: &str, unsafe_writes: bool) -> Effect {
        Effect::WriteFile(WriteFile {
            path: path.into(),
            content: Content::Bytes(Vec::new()),
            attributes: Attributes::default(),
            validate: None,
            backup: false,
            unsafe_writes,
        })
    }

    fn unit(argv: &[&str]) -> Effect {
        Effect::Unit(UnitChange {
            name: "x.service".to_owned(),
            action: UnitAction::Restart,
            command: Command::new(argv.iter().copied()),
        })
    }

    fn set(path: &str, attributes: Attributes) -> Effect {
        Effect::SetAttributes { path: path.into(), attributes }
    }

    #[test]
    fn what_is_not_allowed_fails_in_a_dry_run() {
        let mode = Attributes { mode: Some(0o600), ..Attributes::default() };
        let root = Principal { name: Some("root".to_owned()), id: Some(0) };
        let owner = Attributes { owner: Some(root), ..Attributes::default() };
        let denied = "Permission denied (os error 13)";
        let not_permitted = "Operation not permitted (os error 1)";
        let packages = PackageChange {
            manager: "apt".to_owned(),
            command: Command::new(["apt-get"]),
            install: Vec::new(),
            remove: Vec::new(),
        };
        let group = GroupChange { name: "g".to_owned(), ..GroupChange::default() };
        for (effect, expected) in [
            (write("/etc/motd", false), Some(format!("cannot create a file in `/etc`: {denied}"))),
            (write("/home/ann/new", false), None),
            (write("/home/ann/f", false), None),
            (write("/tmp/new", false), None),
            (
                write("/tmp/of-root", false),
                Some(format!("cannot create a file in `/tmp/of-root`: {not_permitted}")),
            ),
            (write("/srv/open", false), Some(format!("cannot create a file in `/srv`: {denied}"))),
            (write("/srv/open", true), None),
            (
                Effect::MakeDirectory { path: "/etc/d".into(), mode: None },
                Some(format!("cannot create directory `/etc/d`: {denied}")),
            ),
            (
                Effect::Remove { path: "/etc/motd".into() },
                Some(format!("cannot remove `/etc/motd`: {denied}")),
            ),
            (
                set("/etc/motd", mode.clone()),
                Some(format!("cannot set the mode of `/etc/motd`: {not_permitted}")),
            ),
            (set("/home/ann", mode), None),
            (
                set("/home/ann", owner),
                Some(format!("cannot set the owner of `/home/ann`: {not_permitted}")),
            ),
            (
                Effect::Packages(packages),
                Some(
                    "`ann` may not change packages of the system: only root may (is `become: \
                     true` missing?)"
                        .to_owned(),
                ),
            ),
            (
                Effect::Group(group),
                Some(
                    "`ann` may not change groups: only root may (is `become: true` missing?)"
                        .to_owned(),
                ),
            ),
            (
                unit(&["systemctl", "restart", "x"]),
                Some(
                    "unknown before the run: whether `ann` may act on units is told by the run alone"
                        .to_owned(),
                ),
            ),
            (unit(&["systemctl", "--user", "restart", "x"]), None),
        ] {
            let planned = Planned { effect: effect.clone(), reason: String::new() };
            let refused = host().apply(&planned).err().map(|error| error.to_string());
            assert_eq!(refused, expected, "{effect:?}");
        }
    }

    #[test]
    fn access_lists_of_a_dry_run_may_let_somebody_in() {
        let mut host = host();
        let list = SettingChange {
            kind: "acl".to_owned(),
            name: "/etc user:ann:rwx".to_owned(),
            after: Some("user:ann:rwx".into()),
            ..SettingChange::default()
        };
        for effect in [Effect::Setting(list), write("/etc/motd", false)] {
            host.apply(&Planned { effect, reason: String::new() }).unwrap();
        }
    }

    #[test]
    fn what_a_dry_run_made_belongs_to_its_user() {
        let mut host = host();
        for effect in [
            Effect::MakeDirectory { path: "/home/ann/d".into(), mode: None },
            write("/home/ann/d/f", false),
            Effect::Remove { path: "/home/ann/d".into() },
        ] {
            host.apply(&Planned { effect, reason: String::new() }).unwrap();
        }
    }
}
