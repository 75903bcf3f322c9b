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

/// A setting as a rehearsal left it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its value; `None` where it would be gone.
    pub value: Option<serde_json::Value>,
}
