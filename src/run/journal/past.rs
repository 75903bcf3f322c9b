//! What an earlier run has done.

use std::collections::HashMap;
use std::io;

use serde_json::Value as Json;

use super::line::{Entry, EntryKey, Line};
use crate::source::inputs::Inputs;

/// What an earlier run has done, by host.
#[derive(Debug, Default)]
pub struct Past {
    /// What the run was, as whoever began it said.
    pub header: Json,
    /// The files that it had read.
    pub inputs: Inputs,
    hosts: HashMap<String, HashMap<EntryKey, Entry>>,
}

/// The steps of a host in their order, while lines are read.
#[derive(Default)]
struct Reading {
    entries: Vec<(EntryKey, Entry)>,
    /// How many of them stand before a failure that nothing has caught so far.
    failed_at: Option<usize>,
}

impl Past {
    /// Reads a journal. A last line that was cut off does not count.
    ///
    /// # Errors
    ///
    /// When it does not begin as a journal does.
    pub fn read(text: &str) -> io::Result<Self> {
        let mut past = Self::default();
        let mut hosts: HashMap<String, Reading> = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let Ok(line) = serde_json::from_str(line) else {
                match number {
                    0 => return Err(io::Error::new(io::ErrorKind::InvalidData, "no journal")),
                    _ => break,
                }
            };
            match line {
                Line::Begin { header } => past.header = header,
                Line::Input { path, sha256 } => {
                    past.inputs.insert(path, sha256);
                }
                Line::Done { host, key, entry } => {
                    let reading = hosts.entry(host).or_default();
                    if entry.is_failure() {
                        reading.failed_at.get_or_insert(reading.entries.len());
                    }
                    reading.entries.push((*key, *entry));
                }
                Line::Failed { host } => {
                    let reading = hosts.entry(host).or_default();
                    reading.failed_at.get_or_insert(reading.entries.len());
                }
                Line::Rescued { host } => hosts.entry(host).or_default().failed_at = None,
            }
        }
        past.hosts = hosts.into_iter().map(|(host, reading)| (host, reading.done())).collect();
        Ok(past)
    }

    /// How many steps a host has done.
    pub fn steps_of(&self, host: &str) -> usize {
        self.hosts.get(host).map_or(0, HashMap::len)
    }

    /// The hosts that have done something, sorted.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = self.hosts.keys().map(String::as_str).collect();
        hosts.sort_unstable();
        hosts
    }

    /// All that was done, by host.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &EntryKey, &Entry)> {
        self.hosts.iter().flat_map(|(host, entries)| {
            entries.iter().map(move |(key, entry)| (host.as_str(), key, entry))
        })
    }

    pub(super) fn entry(&self, host: &str, key: &EntryKey) -> Option<&Entry> {
        self.hosts.get(host)?.get(key)
    }
}

impl Reading {
    /// What holds: not the failure, and nothing that came after it.
    fn done(mut self) -> HashMap<EntryKey, Entry> {
        self.entries.truncate(self.failed_at.unwrap_or(usize::MAX));
        self.entries.into_iter().collect()
    }
}
