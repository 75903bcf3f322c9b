//! Collections: where they lie, and what names without dots mean where some are searched.

use std::path::{Path, PathBuf};

use super::load::SearchPaths;
use super::modules::{is_builtin, qualify};
use super::parser::{Parser, Place};
use super::plugins::COLLECTIONS;
use crate::source::Node;

impl Parser<'_> {
    /// The fully qualified name of a module: the first of the collections that are searched here
    /// that has it, else `ansible.builtin`.
    pub(super) fn qualified(&self, written: &str) -> String {
        if written.contains('.') {
            return qualify(written);
        }
        let in_collection = self
            .collections
            .iter()
            .filter(|name| !matches!(name.as_str(), "ansible.builtin" | "ansible.legacy"))
            .map(|name| format!("{name}.{written}"))
            .find(|name| self.find_module(name).is_some());
        let builtin = || {
            let name = qualify(written);
            let known = self.modules.find(&name).is_some() || is_builtin(&name);
            // what was a builtin once lies in a collection now
            match self.modules.redirect(written) {
                Some(moved) if !known => moved,
                _ => name,
            }
        };
        in_collection.unwrap_or_else(builtin)
    }

    /// The folder of a collection.
    pub(super) fn collection_folder(&self, name: &str, place: &Place) -> Option<PathBuf> {
        let beside = place.playbook.join("collections");
        folder(std::iter::once(&beside).chain(&self.search.collections), name)
    }

    /// A role of a collection, by its fully qualified name or within the collections that are
    /// searched here: its folder, and its name with that of the collection.
    pub(super) fn collection_role(&self, name: &str, place: &Place) -> Option<(PathBuf, String)> {
        let role = |collection: &str, role: &str| {
            let folder = self.collection_folder(collection, place)?;
            let path = folder.join("roles").join(role.replace('.', "/"));
            // a role below another folder goes by its last name
            let short = role.rsplit('.').next().unwrap_or(role);
            path.is_dir().then(|| (path, format!("{collection}.{short}")))
        };
        if let Some((collection, short)) = split(name)
            && let Some(found) = role(collection, short)
        {
            return Some(found);
        }
        if name.contains('.') || name.contains('/') {
            return None;
        }
        self.collections.iter().find_map(|collection| role(collection, name))
    }

    /// A playbook of a collection by its fully qualified name.
    pub(super) fn collection_playbook(&self, name: &str, place: &Place) -> Option<PathBuf> {
        let beside = place.playbook.join("collections");
        playbook(std::iter::once(&beside).chain(&self.search.collections), name)
    }

    /// Searches the collection that a file lies in first.
    pub(super) fn within_collection_of(&mut self, path: &Path) {
        if let Some(name) = collection_of(path)
            && !self.collections.contains(&name)
        {
            self.collections.insert(0, name);
        }
    }

    /// The names of `collections` ahead of their check, for the action beside them.
    pub(super) fn collections_ahead(entries: &[(Node, Node)]) -> Vec<String> {
        let value = entries.iter().find(|(key, _)| key.as_str() == Some("collections"));
        let Some((_, value)) = value else { return Vec::new() };
        let all = value.as_seq().unwrap_or(std::slice::from_ref(value));
        all.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }
}

impl SearchPaths {
    /// A playbook of a collection by its fully qualified name, with or without an ending.
    pub fn collection_playbook(&self, name: &str) -> Option<PathBuf> {
        playbook(self.collections.iter(), name)
    }
}

/// The folder of a collection below the first folder of a search path that has it.
fn folder<'p>(paths: impl Iterator<Item = &'p PathBuf>, name: &str) -> Option<PathBuf> {
    let (namespace, name) = name.split_once('.')?;
    paths
        .map(|folder| folder.join(COLLECTIONS).join(namespace).join(name))
        .find(|folder| folder.is_dir())
}

fn playbook<'p>(paths: impl Iterator<Item = &'p PathBuf>, name: &str) -> Option<PathBuf> {
    let (collection, written) = split(name)?;
    let endings = [".yml", ".yaml"];
    let short = endings.iter().find_map(|ending| written.strip_suffix(ending)).unwrap_or(written);
    let base = folder(paths, collection)?.join("playbooks").join(short.replace('.', "/"));
    [written.strip_prefix(short).unwrap_or_default(), ".yml", ".yaml"]
        .iter()
        .map(|suffix| PathBuf::from(format!("{}{suffix}", base.display())))
        .find(|path| path.is_file())
}

/// A fully qualified name in its collection and the name there.
fn split(name: &str) -> Option<(&str, &str)> {
    let mut dots = name.match_indices('.');
    dots.next()?;
    let (at, _) = dots.next()?;
    let fits = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    let (collection, short) = (name.get(..at)?, name.get(at + 1..)?);
    name.split('.').all(fits).then_some((collection, short))
}

/// The collection that a file lies in.
pub(super) fn collection_of(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.find(|part| part == COLLECTIONS)?;
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_collections_are_split_at_their_second_dot() {
        for (name, expected) in [
            ("a.b.c", Some(("a.b", "c"))),
            ("a.b.c.d", Some(("a.b", "c.d"))),
            ("a.b", None),
            ("c", None),
            ("a.b./c", None),
            ("../a.b.c", None),
        ] {
            assert_eq!(split(name), expected, "{name}");
        }
        let path = Path::new("/x/ansible_collections/a/b/playbooks/site.yml");
        assert_eq!(collection_of(path).as_deref(), Some("a.b"));
        assert_eq!(collection_of(Path::new("/x/a/b/site.yml")), None);
    }
}
