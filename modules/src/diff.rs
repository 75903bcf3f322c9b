//! Diffs, drawn from effects.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

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
    /// Why a content is not shown (`binary`, too large); both sides are empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Gathers the diff of one task from its effects as they are applied.
#[derive(Debug, Default)]
pub struct DiffCollector {}

impl DiffCollector {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the state of what an effect will touch, before it is applied.
    pub fn before(&mut self, _effect: &crate::effect::Effect, _host: &mut dyn crate::host::Host) {}

    /// Draws the diff, after all effects are applied.
    pub fn finish(self, _host: &mut dyn crate::host::Host) -> Vec<Diff> {
        Vec::new()
    }
}
