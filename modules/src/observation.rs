//! What effects meet: the state of what they touch, before any of them is applied.
//!
//! A plan keeps it, so that a host which has changed since is told from one that has not. Only
//! what an effect replaces, changes or removes is looked at, and only what stays the same as long
//! as nobody touches it: no times, no inodes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::effect::{Attributes, Effect, PackageStep};
use crate::host::{AccountKey, DigestAlgorithm, FileKind, FileStat, Follow, Host};
use crate::wire::EffectRecord;

/// So many entries of a directory that is removed are looked at.
const MAX_TREE: usize = 1000;

/// One thing that an effect met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Observation {
    /// A path; all fields but the path are empty where nothing is there.
    Path(PathState),
    /// A package.
    Package {
        /// Its manager (`apt`, `dnf` …).
        manager: String,
        /// Its name.
        name: String,
        /// The version that is there; `None` where it is not installed.
        version: Option<String>,
    },
    /// A service unit.
    Unit {
        /// Its name.
        name: String,
        /// Whether it is known.
        exists: bool,
        /// Whether it runs.
        active: bool,
        /// Whether it starts at boot, in the words of its manager.
        enablement: String,
    },
    /// A user; the fields are empty where there is none.
    User {
        /// The name.
        name: String,
        /// Its number.
        uid: Option<u32>,
        /// The number of its group.
        gid: Option<u32>,
        /// Its home.
        home: Option<PathBuf>,
        /// Its shell.
        shell: Option<String>,
    },
    /// A group; the fields are empty where there is none.
    Group {
        /// The name.
        name: String,
        /// Its number.
        gid: Option<u32>,
        /// Its members, sorted.
        members: Vec<String>,
    },
    /// A setting that a program keeps.
    Setting {
        /// What keeps it.
        kind: String,
        /// Its name there.
        name: String,
        /// What it is; `None` where it is not there.
        value: Option<Json>,
    },
    /// Something that could not be looked at.
    Unknown {
        /// What.
        about: String,
    },
}

/// What a path is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PathState {
    /// Where.
    pub path: PathBuf,
    /// What it is; `None` where nothing is there.
    pub kind: Option<FileKind>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// The owner's name, or number.
    pub owner: Option<String>,
    /// The group's name, or number.
    pub group: Option<String>,
    /// Where a link leads.
    pub target: Option<PathBuf>,
    /// SHA-256 of a file's content, or of all that is below a directory that is removed.
    pub content: Option<String>,
    /// The letters of its flags, where an effect changes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
}

/// Looks at all that effects touch, each thing once.
pub fn observe(effects: &[EffectRecord], host: &mut dyn Host) -> Vec<Observation> {
    let mut seen = Vec::new();
    for record in effects {
        for observation in of_effect(&record.effect, host) {
            if !seen.contains(&observation) {
                seen.push(observation);
            }
        }
    }
    seen
}

fn of_effect(effect: &Effect, host: &mut dyn Host) -> Vec<Observation> {
    match effect {
        Effect::WriteFile(write) => vec![path(&write.path, Look::Content, host)],
        Effect::SetAttributes { path: at, attributes: Attributes { flags: Some(_), .. } } => {
            vec![flags(at, host)]
        }
        Effect::CopyFile { from, to } => {
            vec![path(from, Look::Content, host), path(to, Look::Content, host)]
        }
        Effect::MakeSymlink { path: at, .. } | Effect::MakeHardLink { path: at, .. } => {
            vec![path(at, Look::Content, host)]
        }
        Effect::MakeDirectory { path: at, .. }
        | Effect::SetAttributes { path: at, .. }
        | Effect::SetTimes { path: at, .. } => vec![path(at, Look::Attributes, host)],
        Effect::Remove { path: at } => vec![path(at, Look::Tree, host)],
        Effect::Unpack(unpack) => vec![path(&unpack.into, Look::Attributes, host)],
        Effect::Packages(change) => {
            let steps = change.install.iter().chain(&change.remove);
            steps.map(|step| package(&change.manager, step)).collect()
        }
        Effect::User(change) => vec![user(&change.name, host)],
        Effect::Group(change) => vec![group(&change.name, host)],
        Effect::Unit(change) if change.name.is_empty() => Vec::new(),
        Effect::Unit(change) => vec![unit(&change.name, host)],
        Effect::Setting(change) => vec![Observation::Setting {
            kind: change.kind.clone(),
            name: change.name.clone(),
            value: change.before.clone(),
        }],
        // what these act on cannot be told
        Effect::Run(_) | Effect::RefreshPackageLists { .. } | Effect::Request(_) => Vec::new(),
    }
}

/// How closely a path is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Attributes,
    Content,
    Tree,
}

fn path(at: &Path, look: Look, host: &mut dyn Host) -> Observation {
    let Ok(stat) = host.stat(at, Follow::No) else { return unknown(at.display()) };
    let Some(stat) = stat else {
        return Observation::Path(PathState { path: at.to_owned(), ..PathState::default() });
    };
    let content = match (stat.kind, look) {
        (FileKind::File, Look::Content | Look::Tree) => {
            match host.digest(at, DigestAlgorithm::Sha256) {
                Ok(digest) => Some(digest),
                Err(_) => return unknown(at.display()),
            }
        }
        (FileKind::Directory, Look::Tree) => Some(tree(at, host)),
        _ => None,
    };
    let FileStat { kind, mode, owner, group, link_target, .. } = stat;
    Observation::Path(PathState {
        path: at.to_owned(),
        kind: Some(kind),
        mode: Some(mode),
        owner: Some(owner.label()),
        group: Some(group.label()),
        target: link_target,
        content,
        flags: None,
    })
}

/// A path with its flags.
fn flags(at: &Path, host: &mut dyn Host) -> Observation {
    match (path(at, Look::Attributes, host), host.flags(at)) {
        (Observation::Path(state), Ok(Some(flags))) => {
            Observation::Path(PathState { flags: Some(flags.letters()), ..state })
        }
        (other, _) => other,
    }
}

/// A digest of the names below a directory, and of the content of its files.
fn tree(at: &Path, host: &mut dyn Host) -> String {
    let mut lines = String::new();
    let mut folders = vec![at.to_owned()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for name in host.list(&folder).unwrap_or_default() {
            count += 1;
            if count > MAX_TREE {
                lines.push_str("…\n");
                break;
            }
            let path = folder.join(name);
            let kind = host.stat(&path, Follow::No).ok().flatten().map(|stat| stat.kind);
            let digest = match kind {
                Some(FileKind::File) => host.digest(&path, DigestAlgorithm::Sha256).ok(),
                _ => None,
            };
            let digest = digest.unwrap_or_default();
            lines.push_str(&format!("{kind:?} {digest} {}\n", path.display()));
            if kind == Some(FileKind::Directory) {
                folders.push(path);
            }
        }
    }
    crate::host::sha256(lines.as_bytes())
}

fn package(manager: &str, step: &PackageStep) -> Observation {
    Observation::Package {
        manager: manager.to_owned(),
        name: step.name.clone(),
        version: step.from.clone(),
    }
}

fn user(name: &str, host: &mut dyn Host) -> Observation {
    let Ok(found) = host.user(&AccountKey::Name(name.to_owned())) else { return unknown(name) };
    let name = name.to_owned();
    match found {
        None => Observation::User { name, uid: None, gid: None, home: None, shell: None },
        Some(user) => Observation::User {
            name,
            uid: user.uid,
            gid: user.gid,
            home: Some(user.home),
            shell: Some(user.shell),
        },
    }
}

fn group(name: &str, host: &mut dyn Host) -> Observation {
    let Ok(found) = host.group(&AccountKey::Name(name.to_owned())) else { return unknown(name) };
    let (gid, mut members) = found.map_or((None, Vec::new()), |group| (group.gid, group.members));
    members.sort();
    Observation::Group { name: name.to_owned(), gid, members }
}

fn unit(name: &str, host: &mut dyn Host) -> Observation {
    match host.unit(name) {
        Ok(state) => Observation::Unit {
            name: name.to_owned(),
            exists: state.exists,
            active: state.active,
            enablement: state.enablement,
        },
        Err(_) => unknown(name),
    }
}

fn unknown(about: impl ToString) -> Observation {
    Observation::Unknown { about: about.to_string() }
}

impl Observation {
    /// What it is of, in a few words: `/etc/motd`, `package nginx`.
    pub fn subject(&self) -> String {
        match self {
            Self::Path(state) => state.path.display().to_string(),
            Self::Package { name, .. } => format!("package {name}"),
            Self::Unit { name, .. } => format!("unit {name}"),
            Self::User { name, .. } => format!("user {name}"),
            Self::Group { name, .. } => format!("group {name}"),
            Self::Setting { kind, name, .. } => format!("{kind} {name}"),
            Self::Unknown { about } => about.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Attributes, Content, WriteFile};
    use crate::host::memory::MemoryHost;

    fn record(effect: Effect) -> EffectRecord {
        EffectRecord { effect, reason: String::new() }
    }

    fn write(path: &str) -> EffectRecord {
        record(Effect::WriteFile(WriteFile {
            path: path.into(),
            content: Content::Bytes(b"new".to_vec()),
            attributes: Attributes::default(),
            validate: None,
            backup: false,
            unsafe_writes: false,
        }))
    }

    #[test]
    fn tells_a_host_that_has_changed_from_one_that_has_not() {
        let host = || MemoryHost::new().with_directory("/d").with_file("/d/a", "old");
        let effects = [write("/d/a"), write("/d/b"), record(Effect::Remove { path: "/d".into() })];
        let first = observe(&effects, &mut host());
        assert_eq!(first, observe(&effects, &mut host()));
        assert_eq!(first.len(), 3);
        let Observation::Path(there) = &first[0] else { panic!("{first:?}") };
        assert_eq!(there.kind, Some(FileKind::File));
        assert_eq!(there.content.as_deref(), Some(crate::host::sha256(b"old").as_str()));
        let missing = PathState { path: "/d/b".into(), ..PathState::default() };
        assert_eq!(first[1], Observation::Path(missing));
        for other in [
            host().with_file("/d/a", "edited"),
            host().with_file("/d/c", "one more"),
            host().with_stat("/d/a", |stat| stat.mode = 0o600),
        ] {
            let mut other = other;
            assert_ne!(first, observe(&effects, &mut other));
        }
    }
}
