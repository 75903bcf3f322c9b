//! What the effects of a rehearsal would have left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lists::Lists;
use crate::effect::{Applied, Source};
use crate::host::{FileKind, FileStat, Group, User};

/// The differences between the host as it is and as it would be.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    nodes: BTreeMap<PathBuf, Node>,
    /// Names that would be hard links to one file.
    twins: Vec<Vec<PathBuf>>,
    /// Files of the host with several names whose attributes would differ, by device and inode.
    pub(super) inodes: BTreeMap<(u64, u64), FileStat>,
    pub(super) users: BTreeMap<String, Option<User>>,
    pub(super) groups: BTreeMap<String, Option<Group>>,
    pub(super) units: BTreeMap<String, UnitChanges>,
    /// What programs would keep, by kind and name; `None` where it would be gone.
    pub(super) settings: BTreeMap<(String, String), Option<serde_json::Value>>,
    /// Installed versions by manager and name; `None` where a package would be gone.
    pub(super) packages: BTreeMap<(String, String), Option<String>>,
    /// Packages that would be installed and whose content nobody knows.
    pub(super) opaque_packages: Vec<String>,
    /// Package lists that were fetched into a directory of their own.
    pub(super) lists: Option<Lists>,
    /// What the effect will give that lists could not be fetched ahead of.
    pub(super) untold: Option<Applied>,
    /// Bytes of packages that are kept.
    pub(super) kept: u64,
    /// What maintainer scripts of packages with known content would run.
    pub(super) scripts: Vec<PackageScript>,
    /// Directories of packages whose owner and mode only the installation would tell, by package.
    pub(super) doubtful: BTreeMap<PathBuf, String>,
    /// Whether anything would have happened.
    pub(super) touched: bool,
    /// What would have happened that may open ports.
    pub(super) acted: Option<String>,
}

/// A path that would be different.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// It would be there like this.
    Present(Box<Entry>),
    /// It and all below would be gone.
    Removed,
}

/// A file, directory or link as it would be.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) stat: FileStat,
    pub(super) body: Body,
    /// For a directory: what the host has below it shows through.
    pub(super) below: Below,
}

/// What is seen below a directory of the overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    /// What the host has there.
    Host,
    /// Only what the overlay has.
    Nothing,
    /// What the overlay has, and what nobody knows.
    Unknown,
}

/// Where the content of a file is.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// There is none (directories, links).
    None,
    /// In memory.
    Bytes(Arc<Vec<u8>>),
    /// In a file of the host as it is.
    Host(PathBuf),
    /// With the engine, too large to keep.
    Source(Source),
    /// In a package that was fetched.
    Packaged {
        /// The package.
        archive: PathBuf,
        /// The file in it.
        name: PathBuf,
    },
    /// Nobody knows, and why.
    Unknown(String),
}

/// How a unit would differ.
#[derive(Debug, Clone, Default)]
pub(super) struct UnitChanges {
    pub(super) active: Option<bool>,
    pub(super) enablement: Option<&'static str>,
}

/// A maintainer script.
#[derive(Debug, Clone)]
pub(super) struct PackageScript {
    pub(super) package: String,
    pub(super) text: String,
    /// The units that the package brings.
    pub(super) units: Vec<String>,
    /// Its directories that the script may give to somebody, with the package's name.
    pub(super) doubtful: Vec<(PathBuf, String)>,
}

/// What the overlay says about a path.
#[derive(Debug)]
pub(super) enum Sight<'a> {
    /// It is there like this.
    Entry(&'a Entry),
    /// It is not there.
    Absent,
    /// This directory would be filled with what nobody knows.
    Unknown(&'a Path),
    /// As the host has it.
    Host,
}

impl Overlay {
    /// Looks at a path without links in it.
    pub(super) fn see(&self, path: &Path) -> Sight<'_> {
        match self.nodes.get(path) {
            Some(Node::Present(entry)) => return Sight::Entry(entry),
            Some(Node::Removed) => return Sight::Absent,
            None => {}
        }
        let nearest = path.ancestors().skip(1).find_map(|at| self.nodes.get_key_value(at));
        match nearest {
            None => Sight::Host,
            Some((at, Node::Present(entry))) if entry.below == Below::Unknown => Sight::Unknown(at),
            Some((_, Node::Present(entry)))
                if entry.stat.kind == FileKind::Directory && entry.below == Below::Host =>
            {
                Sight::Host
            }
            Some(_) => Sight::Absent,
        }
    }

    /// Puts an entry at a path, in place of what was there.
    pub(super) fn put(&mut self, path: &Path, entry: Entry) {
        self.leave(path);
        self.nodes.insert(path.to_owned(), Node::Present(Box::new(entry)));
    }

    /// Puts what an entry is now; its other names show it too.
    pub(super) fn amend(&mut self, path: &Path, entry: Entry) {
        if entry.stat.inode != 0 && entry.stat.links > 1 {
            self.inodes.insert((entry.stat.device, entry.stat.inode), entry.stat.clone());
        }
        let twins = self.twins.iter().find(|names| names.iter().any(|name| name == path));
        for name in twins.cloned().unwrap_or_default() {
            self.nodes.insert(name, Node::Present(Box::new(entry.clone())));
        }
        self.nodes.insert(path.to_owned(), Node::Present(Box::new(entry)));
    }

    /// Gives a file that the overlay has one more name.
    pub(super) fn link(&mut self, target: &Path, path: &Path, entry: Entry) {
        self.put(path, entry.clone());
        match self.twins.iter_mut().find(|names| names.iter().any(|name| name == target)) {
            Some(names) => names.push(path.to_owned()),
            None => self.twins.push(vec![target.to_owned(), path.to_owned()]),
        }
        self.amend(target, entry);
    }

    /// A path and all below it are no names of files any more.
    fn leave(&mut self, path: &Path) {
        for names in &mut self.twins {
            let before = names.len();
            names.retain(|name| !name.starts_with(path));
            let gone = u64::try_from(before - names.len()).unwrap_or_default();
            for name in names.iter().filter(|_| gone > 0) {
                if let Some(Node::Present(entry)) = self.nodes.get_mut(name) {
                    entry.stat.links = entry.stat.links.saturating_sub(gone);
                }
            }
        }
        self.twins.retain(|names| names.len() > 1);
    }

    /// Removes a path and all below.
    pub(super) fn remove(&mut self, path: &Path) {
        self.leave(path);
        self.nodes.retain(|other, _| !other.starts_with(path));
        self.nodes.insert(path.to_owned(), Node::Removed);
    }

    /// A file of the host as its other names would have made it.
    pub(super) fn as_amended(&self, stat: FileStat) -> FileStat {
        match self.inodes.get(&(stat.device, stat.inode)) {
            Some(amended) if stat.links > 1 && stat.inode != 0 => amended.clone(),
            _ => stat,
        }
    }

    /// Takes the names of a directory that the host has and makes them those it would have.
    pub(super) fn amend_names(&self, directory: &Path, names: &mut Vec<String>) {
        let children = self.nodes.range(directory.to_owned()..).take_while(|(path, _)| {
            // `a/b` sorts before `a-c`: look only at those below
            path.starts_with(directory)
        });
        for (path, node) in children {
            if path.parent() != Some(directory) {
                continue;
            }
            let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned())
            else {
                continue;
            };
            names.retain(|other| *other != name);
            if matches!(node, Node::Present(_)) {
                names.push(name);
            }
        }
        names.sort();
    }

    /// The files of the overlay with this name.
    pub(super) fn named(&self, name: &str) -> Vec<PathBuf> {
        self.nodes
            .iter()
            .filter(|(path, node)| {
                matches!(node, Node::Present(_))
                    && path.file_name().is_some_and(|last| last == name)
            })
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// What would have happened on the host that nobody can foresee all of, where there was such.
    pub fn acted(&self) -> Option<&str> {
        self.acted.as_deref()
    }

    /// Why it cannot be known that something is missing, when packages would come first.
    pub(super) fn pending(&self) -> Option<String> {
        let first = self.opaque_packages.first()?;
        Some(match self.opaque_packages.len() {
            1 => format!("package `{first}` would be installed first"),
            count => format!("package `{first}` and {} more would be installed first", count - 1),
        })
    }
}
