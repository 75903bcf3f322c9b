//! What the configuration says of inventories.

use crate::vars::Layer;

use super::group_names::GroupNames;
use super::plugin::Plugin;

/// How sources are read.
#[derive(Debug, Clone)]
pub struct InventorySettings {
    /// The plugins that are tried, in order (`enable_plugins`).
    pub enabled: Vec<Plugin>,
    /// What is done about sources that no plugin can read.
    pub unparsed: Unparsed,
    /// What is done with names of groups that could be no variables.
    pub group_names: GroupNames,
    /// Endings of files in an inventory folder that are no inventories (`ignore_extensions`).
    pub ignored_endings: Vec<String>,
    /// Regular expressions of such names (`ignore_patterns`).
    pub ignored_patterns: Vec<String>,
    /// Endings of YAML inventories; files without an ending are tried, too.
    pub yaml_endings: Vec<String>,
    /// The order in which variables of groups win, the weakest first (`precedence`).
    pub precedence: Vec<GroupVars>,
    /// Whether `group_vars/` and `host_vars/` are read (`vars_plugins_enabled`).
    pub reads_folders: bool,
    /// What becomes of mappings that several sources give for one name.
    pub mappings: Mappings,
    /// `--extra-vars`, for the sources that ask for them (`use_extra_vars`).
    pub extra_vars: Layer,
    /// Whether `constructed` sees them even where its file does not say so.
    pub use_extra_vars: bool,
    /// Whether what scripts say on standard error shows.
    pub script_errors: ScriptErrors,
}

/// What is done about sources that no plugin can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unparsed {
    /// They are errors.
    Refused,
    /// They are warned of, as in Ansible.
    Warned {
        /// One is an error (`any_unparsed_is_failed`).
        any_is_failed: bool,
        /// It is an error when all are such (`unparsed_is_failed`).
        all_are_failed: bool,
        /// It is warned of when all are such (`inventory_unparsed_warning`).
        warned_of_all: bool,
    },
}

/// Where variables of groups stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupVars {
    /// Of `all`, in the sources.
    AllInventory,
    /// Of the other groups, in the sources.
    GroupsInventory,
    /// Of `all`, in `group_vars/` beside the sources.
    AllBesideSources,
    /// Of `all`, in `group_vars/` beside the playbook.
    AllBesidePlaybook,
    /// Of the other groups, in `group_vars/` beside the sources.
    GroupsBesideSources,
    /// Of the other groups, in `group_vars/` beside the playbook.
    GroupsBesidePlaybook,
}

/// What becomes of mappings that several places give for one name (`hash_behaviour`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mappings {
    /// The strongest replaces the others.
    #[default]
    Replaced,
    /// They are merged, key by key.
    Merged,
}

/// Whether what inventory scripts say on standard error shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScriptErrors {
    /// It does, even when all is well (`always_show_stderr`).
    #[default]
    Shown,
    /// It does when something is wrong.
    Hidden,
}

impl GroupVars {
    /// Ansible's order.
    pub const DEFAULT: [Self; 6] = [
        Self::AllInventory,
        Self::GroupsInventory,
        Self::AllBesideSources,
        Self::AllBesidePlaybook,
        Self::GroupsBesideSources,
        Self::GroupsBesidePlaybook,
    ];

    /// The place of a word in `precedence`.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "all_inventory" => Self::AllInventory,
            "groups_inventory" => Self::GroupsInventory,
            "all_plugins_inventory" => Self::AllBesideSources,
            "all_plugins_play" => Self::AllBesidePlaybook,
            "groups_plugins_inventory" => Self::GroupsBesideSources,
            "groups_plugins_play" => Self::GroupsBesidePlaybook,
            _ => return None,
        })
    }
}

impl Default for InventorySettings {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            enabled: Plugin::DEFAULT.to_vec(),
            unparsed: Unparsed::Refused,
            group_names: GroupNames::default(),
            ignored_endings: words(&[
                ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig",
                ".cfg", ".retry",
            ]),
            ignored_patterns: Vec::new(),
            yaml_endings: words(&[".yaml", ".yml", ".json"]),
            precedence: GroupVars::DEFAULT.to_vec(),
            reads_folders: true,
            mappings: Mappings::default(),
            extra_vars: Layer::new(),
            use_extra_vars: false,
            script_errors: ScriptErrors::default(),
        }
    }
}
