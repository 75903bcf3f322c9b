//! What pacman lists.

use std::collections::{BTreeMap, BTreeSet};

use super::{Reason, refused};
use crate::contract::Stop;
use crate::effect::{Output, PackageStep};

/// What is installed and what could be.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Versions by name.
    pub(super) installed: BTreeMap<String, String>,
    available: BTreeSet<String>,
    /// Members of groups.
    pub(super) groups: BTreeMap<String, BTreeSet<String>>,
    pub(super) upgrades: Vec<PackageStep>,
    pub(super) reasons: BTreeMap<String, Reason>,
}

impl Inventory {
    /// `pacman 6.0.1-2`
    pub(super) fn read_installed(&mut self, text: &str) {
        self.installed.extend(pairs(text));
    }

    /// `core pacman 6.0.1-2 [installed]`
    pub(super) fn read_available(&mut self, text: &str) {
        let names = text.lines().filter_map(|line| line.split_whitespace().nth(1));
        self.available.extend(names.map(str::to_owned));
    }

    /// `vim-plugins vim-ale`
    pub(super) fn read_groups(&mut self, text: &str) {
        for (group, package) in pairs(text) {
            self.groups.entry(group).or_default().insert(package);
        }
    }

    pub(super) fn read_reasons(&mut self, reason: Reason, text: &str) {
        let names = text.lines().filter_map(|line| line.split_whitespace().next());
        self.reasons.extend(names.map(|name| (name.to_owned(), reason)));
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.available.contains(name) || self.installed.contains_key(name)
    }

    /// What a list of names and versions would bring.
    pub(super) fn steps(&self, text: &str) -> Vec<PackageStep> {
        let words = |(name, version): &(String, String)| {
            (name.as_str(), version.as_str()) != ("loading", "packages...")
        };
        pairs(text)
            .filter(words)
            .map(|(name, version)| PackageStep {
                from: self.installed.get(&name).cloned(),
                name,
                to: Some(version),
            })
            .collect()
    }

    /// What goes, from `NAME-VERSION-RELEASE`.
    pub(super) fn gone(&self, told: &str) -> PackageStep {
        let known = self.installed.iter().find(|(name, version)| {
            told == name.as_str()
                || told.strip_prefix(name.as_str()).is_some_and(|rest| {
                    rest.strip_prefix('-').is_some_and(|rest| rest == version.as_str())
                })
        });
        match known {
            Some((name, version)) => {
                PackageStep { name: name.clone(), from: Some(version.clone()), to: None }
            }
            None => PackageStep { name: told.to_owned(), from: None, to: None },
        }
    }
}

/// Lines of two words.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(first), Some(second), None) => Some((first.to_owned(), second.to_owned())),
            _ => None,
        }
    })
}

/// `strace 5.14-1 -> 5.15-1`; what is ignored has a word more.
pub(super) fn upgrades(output: &Output) -> Result<Vec<PackageStep>, Stop> {
    let text = output.stdout_text();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains("Avoid running"))
        .collect();
    match output.status {
        0 => {}
        // nothing is to be upgraded
        1 if lines.is_empty() => return Ok(Vec::new()),
        status => {
            let message = "Couldn't get list of packages available for upgrade";
            return Err(refused(message, None, output).with("rc", status));
        }
    }
    let mut found = Vec::new();
    for line in lines.into_iter().filter(|line| !line.contains("[ignored]")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, from, _, to] = words.as_slice() else {
            return Err(Stop::failed(format!("Invalid line: {line}")));
        };
        found.push(PackageStep {
            name: (*name).to_owned(),
            from: Some((*from).to_owned()),
            to: Some((*to).to_owned()),
        });
    }
    Ok(found)
}
