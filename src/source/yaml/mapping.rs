//! Mappings as Python keeps them: equal keys once, merge keys unfolded.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::source::{Kind, Node};

/// What makes keys equal in a Python `dict`: `1`, `1.0` and `true` are one key.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Null,
    Whole(i128),
    Float(u64),
    Text(String),
    Timestamp(String),
    Binary(Vec<u8>),
    Vault(String),
}

/// A list or a mapping stands where a key is needed.
#[derive(Debug)]
pub(super) struct Unhashable;

fn identity(key: &Node) -> Result<Identity, Unhashable> {
    Ok(match &key.kind {
        Kind::Null => Identity::Null,
        Kind::Bool(value) => Identity::Whole(i128::from(*value)),
        Kind::Int(value) => Identity::Whole(*value),
        Kind::Float(value) => {
            whole(*value).map_or(Identity::Float(value.to_bits()), Identity::Whole)
        }
        Kind::Str(text) => Identity::Text(text.value.clone()),
        Kind::Timestamp(text) => Identity::Timestamp(text.clone()),
        Kind::Binary(bytes) => Identity::Binary(bytes.clone()),
        Kind::Vault(text) => Identity::Vault(text.clone()),
        Kind::Unsafe(inner) => identity(inner)?,
        Kind::Seq(_) | Kind::Map(_) => return Err(Unhashable),
    })
}

/// The whole number that a floating-point number is, if it is one.
fn whole(value: f64) -> Option<i128> {
    let limit = 9_007_199_254_740_992.0; // 2^53: beyond it the text decides poorly anyway
    (value.fract() == 0.0 && value.abs() <= limit).then(|| format!("{value:.0}").parse().ok())?
}

/// Gathers entries; the first of equal keys keeps its place, the last its value.
#[derive(Debug, Default)]
pub(super) struct Entries {
    entries: Vec<(Node, Node)>,
    places: HashMap<Identity, usize>,
}

impl Entries {
    /// Sets a key; gives whether it was there.
    pub(super) fn set(&mut self, key: Node, value: Node) -> Result<Was, Unhashable> {
        match self.places.entry(identity(&key)?) {
            Entry::Vacant(vacant) => {
                vacant.insert(self.entries.len());
                self.entries.push((key, value));
                Ok(Was::New)
            }
            Entry::Occupied(occupied) => {
                if let Some((_, old)) = self.entries.get_mut(*occupied.get()) {
                    *old = value;
                }
                Ok(Was::There)
            }
        }
    }

    /// The entries in order.
    pub(super) fn into_vec(self) -> Vec<(Node, Node)> {
        self.entries
    }
}

/// Whether a key was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Was {
    /// It was not.
    New,
    /// It was.
    There,
}
