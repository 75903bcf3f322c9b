//! The inventory of a run: `-i` over `ANSIBLE_INVENTORY` over `ansible.cfg`.

use std::path::PathBuf;
use std::sync::Arc;

use crate::inventory::{
    GroupNames, Inventory, InventorySettings, LiveInventory, Pattern, PatternError,
};
use crate::settings::Settings;

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
) -> Result<Arc<LiveInventory>, CommandError> {
    let sources = match hosts.inventory.is_empty() {
        true => settings.list("DEFAULT_HOST_LIST"),
        false => hosts.inventory.clone(),
    };
    let inventory = LiveInventory::load(sources, folders.to_vec(), of_inventories(settings))
        .map_err(|errors| CommandError::parse_all(&errors))?;
    let now = inventory.now();
    now.warnings().iter().for_each(talk::diagnostic);
    if now.hosts().is_empty() && settings.boolean("INVENTORY_UNPARSED_WARNING") {
        talk::warning("No inventory was parsed, only implicit localhost is available");
    }
    Ok(Arc::new(inventory))
}

/// How inventories are read.
fn of_inventories(settings: &Settings) -> InventorySettings {
    let names = settings.text("TRANSFORM_INVALID_GROUP_CHARS");
    let names = names.as_deref().and_then(GroupNames::parse);
    InventorySettings { group_names: names.unwrap_or_default() }
}

/// The hosts of a pattern within the limit; that none is left is a mistake, except where the
/// inventory is empty.
pub(super) fn select(
    inventory: &Inventory,
    pattern: &str,
    limit: Option<&str>,
    settings: &Settings,
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
    selection.warnings.iter().for_each(talk::diagnostic);
    if selection.hosts.is_empty() && !empty {
        let text = "Specified inventory, host pattern and/or --limit leaves us with no hosts to \
                    target.";
        return Err(CommandError::other(text, None));
    }
    Ok(selection.hosts.iter().map(|host| host.as_str().to_owned()).collect())
}
