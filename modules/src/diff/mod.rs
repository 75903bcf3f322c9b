//! Diffs, drawn from effects.
//!
//! The collector looks at what an effect touches before it is applied and again when all are
//! done, on the live host as in a rehearsal. What differs is the diff; several effects on one
//! path give one.

mod accounts;
mod files;
mod services;
mod settings;

pub use files::show_up_to;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use self::accounts::{GroupSubject, UserSubject};
use self::files::PathSubject;
use self::services::UnitSubject;
use crate::effect::Effect;
use crate::host::Host;

/// What one thing was and will be, in the shape of Ansible's `diff` result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// What it is about, before (`/etc/hosts`).
    pub before_header: String,
    /// What it is about, after.
    pub after_header: String,
    /// The state before: text, or attributes as an object.
    pub before: Json,
    /// The state after.
    pub after: Json,
    /// Why a content is not shown (`binary`, too large); the side that is to blame is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Diff {
    fn new(header: impl Into<String>, before: Json, after: Json) -> Self {
        let header = header.into();
        Self { before_header: header.clone(), after_header: header, before, after, note: None }
    }

    /// Whether a content is not shown because it is no text.
    pub fn is_binary(&self) -> bool {
        self.note.as_deref() == Some(files::BINARY)
    }

    /// The bound in bytes that a content was too large for, where that is why it is not shown.
    pub fn exceeded(&self) -> Option<u64> {
        let note = self.note.as_deref()?;
        note.strip_prefix(files::LARGER_THAN)?.split(' ').next()?.parse().ok()
    }

    /// Shows texts as `shown` gives them; where they are one then, says that they are not.
    pub(crate) fn conceal(&mut self, shown: impl Fn(&str) -> Option<String>) {
        let (Json::String(before), Json::String(after)) = (&self.before, &self.after) else {
            return;
        };
        let (Some(before), Some(after)) = (shown(before), shown(after)) else { return };
        if before == after {
            self.note.get_or_insert_with(|| "what differs is secret".to_owned());
            (self.before, self.after) = (Json::from(""), Json::from(""));
        } else {
            (self.before, self.after) = (Json::from(before), Json::from(after));
        }
    }

    /// Two objects that have only what differs, with a field that says what they are about.
    fn of_fields(about: &str, name: &str, before: Fields, after: Fields) -> Option<Self> {
        let (mut old, mut new) = (Map::new(), Map::new());
        for (key, value) in &before.0 {
            if after.0.get(key).is_some_and(|other| other != value) {
                old.insert(key.clone(), value.clone());
            }
        }
        for (key, value) in &after.0 {
            if before.0.get(key) != Some(value) {
                new.insert(key.clone(), value.clone());
            }
        }
        if old.is_empty() && new.is_empty() {
            return None;
        }
        old.insert(about.to_owned(), Json::from(name));
        new.insert(about.to_owned(), Json::from(name));
        Some(Self::new(name, Json::Object(old), Json::Object(new)))
    }
}

/// Named values of one side.
#[derive(Debug, Clone, Default, PartialEq)]
struct Fields(Map<String, Json>);

impl Fields {
    fn set(&mut self, key: &str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }
}

/// Gathers the diff of one task from its effects as they are applied.
#[derive(Debug, Default)]
pub struct DiffCollector {
    paths: IndexMap<PathBuf, PathSubject>,
    users: IndexMap<String, UserSubject>,
    groups: IndexMap<String, GroupSubject>,
    units: IndexMap<String, UnitSubject>,
    /// What no look at the host tells: drawn from the effect alone.
    packages: Vec<Diff>,
    settings: Vec<Diff>,
    lists: Vec<Diff>,
}

impl DiffCollector {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the state of what an effect will touch, before it is applied.
    pub fn before(&mut self, effect: &Effect, host: &mut dyn Host) {
        match effect {
            Effect::WriteFile(write) => {
                let path = self.path(&write.path, host);
                path.shows_content = true;
                path.keep_content(host);
                path.set_attributes(&write.attributes, host);
            }
            Effect::CopyFile { to, .. } => {
                let path = self.path(to, host);
                path.shows_content = true;
                path.keep_content(host);
            }
            Effect::MakeDirectory { path, mode } => {
                let path = self.path(path, host);
                path.sets_mode |= mode.is_some();
            }
            Effect::SetAttributes { path, attributes } => {
                self.path(path, host).set_attributes(attributes, host);
            }
            Effect::MakeHardLink { path, target } => {
                self.path(path, host).hard_link_to = Some(target.clone());
            }
            Effect::SetTimes { path, .. } => self.path(path, host).sets_times = true,
            Effect::MakeSymlink { path, .. } => self.path(path, host).keep_content(host),
            Effect::Remove { path } => {
                let path = self.path(path, host);
                path.keep_content(host);
                path.keep_tree(host);
            }
            Effect::User(change) => {
                let subject = || UserSubject::before(change, host);
                self.users.entry(change.name.clone()).or_insert_with(subject).add(change);
            }
            Effect::Group(change) => {
                let subject = || GroupSubject::before(change, host);
                self.groups.entry(change.name.clone()).or_insert_with(subject);
            }
            Effect::Unit(change) if change.name.is_empty() => {}
            Effect::Unit(change) => {
                let subject = || UnitSubject::before(change, host);
                self.units.entry(change.name.clone()).or_insert_with(subject).add(change);
            }
            Effect::Setting(change) => self.settings.extend(settings::diff(change)),
            Effect::Unpack(unpack) => self.settings.extend(settings::unpack_diff(unpack)),
            // what these change cannot be told from the host
            Effect::Run(_) | Effect::Request(_) => {}
            Effect::RefreshPackageLists { manager } => {
                self.lists.push(services::list_diff(manager));
            }
            // which they are may be known only after it
            Effect::Packages(_) => {}
        }
    }

    /// Notes what an effect was, after it is applied.
    pub fn after(&mut self, effect: &Effect) {
        if let Effect::Packages(change) = effect {
            self.packages.extend(services::package_diff(change));
        }
    }

    /// Draws the diff, after all effects are applied.
    pub fn finish(self, host: &mut dyn Host) -> Vec<Diff> {
        let mut diffs = self.packages;
        diffs.extend(self.groups.into_values().filter_map(|group| group.diff(host)));
        diffs.extend(self.users.into_values().filter_map(|user| user.diff(host)));
        for path in self.paths.into_values() {
            diffs.extend(path.diffs(host));
        }
        diffs.extend(self.units.into_values().filter_map(|unit| unit.diff(host)));
        diffs.extend(self.settings);
        // lists that are fetched for something else are no news
        if diffs.is_empty() {
            diffs = self.lists;
        }
        diffs
    }

    fn path(&mut self, path: &Path, host: &mut dyn Host) -> &mut PathSubject {
        let subject = || PathSubject::before(path, host);
        self.paths.entry(path.to_owned()).or_insert_with(subject)
    }
}
