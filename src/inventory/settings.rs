//! What the configuration says of inventories.

use super::group_names::GroupNames;

/// How sources are read.
#[derive(Debug, Clone, Default)]
pub struct InventorySettings {
    /// What is done with names of groups that could be no variables.
    pub group_names: GroupNames,
}
