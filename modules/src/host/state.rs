//! What service managers and programs keep.

/// The state of a service unit, from `systemctl show`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UnitState {
    /// Whether the service manager knows it.
    pub exists: bool,
    /// `ActiveState` is `active` or `activating`.
    pub active: bool,
    /// `UnitFileState`: `enabled`, `disabled`, `static`, `masked` …; empty when there is none.
    pub enablement: String,
    /// All properties as `systemctl show` prints them.
    pub properties: std::collections::BTreeMap<String, String>,
}

/// What a rehearsal has made of a unit; `None` where it was left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptUnit {
    /// Whether it runs.
    pub active: Option<bool>,
    /// Whether it starts at boot.
    pub enabled: Option<bool>,
}

/// A setting as a rehearsal left it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its value; `None` where it would be gone.
    pub value: Option<serde_json::Value>,
}
