//! The inventory of a run: `-i` over `ANSIBLE_INVENTORY` over `ansible.cfg`.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::inventory::{
    GroupNames, GroupVars, Inventory, InventorySettings, LiveInventory, Mappings, Pattern,
    PatternError, Plugin, ScriptErrors, Unparsed,
};
use crate::run::PatternMismatch;
use crate::settings::Settings;
use crate::vars::Layer;

use super::super::CommandError;
use super::options::Hosts;
use super::talk;

/// Names of this machine.
const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// Reads the inventory; folders are those of the playbooks.
pub(super) fn load(
    hosts: &Hosts,
    settings: &Settings,
    folders: &[PathBuf],
    extra_vars: &Layer,
) -> Result<Arc<LiveInventory>, CommandError> {
    let sources = match hosts.inventory.is_empty() {
        true => settings.list("DEFAULT_HOST_LIST"),
        false => hosts.inventory.clone(),
    };
    let how = of_inventories(settings, extra_vars);
    let inventory = LiveInventory::load(sources, folders.to_vec(), how)
        .map_err(|errors| CommandError::parse_all(&errors))?;
    inventory.now().warnings().iter().for_each(talk::diagnostic);
    for text in inventory.now().notices() {
        talk::verbose(3, text);
    }
    Ok(Arc::new(inventory))
}

/// How inventories are read.
fn of_inventories(settings: &Settings, extra_vars: &Layer) -> InventorySettings {
    let names = settings.text("TRANSFORM_INVALID_GROUP_CHARS");
    let names = names.as_deref().and_then(GroupNames::parse);
    let plugin = |plugin, name| settings.plugin("inventory", plugin, name).ok().flatten();
    let default = InventorySettings::default();
    let mut enabled = Vec::new();
    for name in settings.list("INVENTORY_ENABLED") {
        match Plugin::parse(&name) {
            Some(plugin) => enabled.push(plugin),
            None => talk::warning(&format!("Failed to load inventory plugin, skipping {name}")),
        }
    }
    let mut precedence = Vec::new();
    for word in settings.list("VARIABLE_PRECEDENCE") {
        match GroupVars::parse(&word) {
            Some(place) => precedence.push(place),
            None => {
                talk::warning(&format!("Ignoring unknown variable precedence entry: {word}"));
            }
        }
    }
    InventorySettings {
        enabled,
        unparsed: Unparsed::Warned {
            any_is_failed: settings.boolean("INVENTORY_ANY_UNPARSED_IS_FAILED"),
            all_are_failed: settings.boolean("INVENTORY_UNPARSED_IS_FAILED"),
            warned_of_all: settings.boolean("INVENTORY_UNPARSED_WARNING"),
        },
        group_names: names.unwrap_or_default(),
        ignored_endings: match settings.is_set("INVENTORY_IGNORE_EXTS") {
            true => settings.list("INVENTORY_IGNORE_EXTS"),
            false => default.ignored_endings,
        },
        ignored_patterns: settings.list("INVENTORY_IGNORE_PATTERNS"),
        yaml_endings: match plugin("yaml", "yaml_extensions") {
            Some(Json::Array(endings)) => {
                endings.iter().filter_map(|ending| ending.as_str().map(str::to_owned)).collect()
            }
            _ => default.yaml_endings,
        },
        precedence,
        reads_folders: settings
            .list("VARIABLE_PLUGINS_ENABLED")
            .iter()
            .any(|name| name.rsplit('.').next() == Some("host_group_vars")),
        mappings: match settings.text("DEFAULT_HASH_BEHAVIOUR").as_deref() {
            Some("merge") => Mappings::Merged,
            _ => Mappings::Replaced,
        },
        extra_vars: extra_vars.clone(),
        use_extra_vars: plugin("constructed", "use_extra_vars") == Some(Json::Bool(true)),
        script_errors: match plugin("script", "always_show_stderr") {
            Some(Json::Bool(false)) => ScriptErrors::Hidden,
            _ => ScriptErrors::Shown,
        },
    }
}

/// Who tells of patterns that meet no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// What selects here.
    Here,
    /// The run that follows, if one does.
    InTheRun,
}

/// The hosts of a pattern within the limit; that none is left is a mistake, except where the
/// inventory is empty.
pub(super) fn select(
    inventory: &Inventory,
    pattern: &str,
    limit: Option<&str>,
    settings: &Settings,
    told: Told,
) -> Result<Vec<String>, CommandError> {
    let wrong = |error: PatternError| CommandError::parse_all(&[error]);
    let empty = inventory.hosts().is_empty();
    if empty && settings.boolean("LOCALHOST_WARNING") && !LOCALHOST.contains(&pattern) {
        talk::warning(
            "provided hosts list is empty, only localhost is available. Note that the implicit \
             localhost does not match 'all'",
        );
    }
    let limit = limit.map(Pattern::limit).transpose().map_err(wrong)?;
    let parsed = Pattern::parse(pattern).map_err(wrong)?;
    let selection = inventory.select(&parsed, limit.as_ref()).map_err(wrong)?;
    match super::run::pattern_mismatch(settings) {
        PatternMismatch::Error => {
            if let Some(warning) = selection.warnings.first() {
                return Err(CommandError::other(warning.message.clone(), None));
            }
        }
        PatternMismatch::Warning if told == Told::Here || selection.hosts.is_empty() => {
            selection.warnings.iter().for_each(talk::diagnostic);
        }
        PatternMismatch::Warning => {}
        PatternMismatch::Ignore => {}
    }
    if selection.hosts.is_empty() && !empty {
        let text = "Specified inventory, host pattern and/or --limit leaves us with no hosts to \
                    target.";
        return Err(CommandError::other(text, None));
    }
    Ok(selection.hosts.iter().map(|host| host.as_str().to_owned()).collect())
}
