//! Where facts are kept from run to run: `fact_caching` and its kin, `--flush-cache`.

use std::sync::Arc;
use std::time::Duration;

use crate::inventory::LiveInventory;
use crate::run::{FactFiles, RunSettings};
use crate::settings::Settings;

use super::options::Hosts;
use super::talk;

/// The cache that the settings ask for; without a usable one facts live as long as the run.
pub(super) fn cache(settings: &Settings) -> Option<Arc<FactFiles>> {
    let word = settings.text("CACHE_PLUGIN").unwrap_or_default();
    match word.strip_prefix("ansible.builtin.").unwrap_or(&word) {
        "memory" | "" => return None,
        "jsonfile" => {}
        _ => {
            let text = format!(
                "Failed to load fact cache plugin '{word}': only `memory` and `jsonfile` are there; \
                 facts are kept in memory"
            );
            talk::warning(&text);
            return None;
        }
    }
    let option = |name| settings.plugin("cache", "jsonfile", name).ok().flatten();
    let directory = option("_uri").and_then(|uri| uri.as_str().map(Into::into));
    let prefix = option("_prefix").and_then(|prefix| prefix.as_str().map(str::to_owned));
    let seconds = option("_timeout").and_then(|seconds| seconds.as_u64()).unwrap_or(86_400);
    let timeout = (seconds > 0).then(|| Duration::from_secs(seconds));
    match FactFiles::open(directory, prefix.unwrap_or_default(), timeout) {
        Ok(files) => Some(Arc::new(files)),
        Err(error) => {
            talk::warning(&format!("Failed to load fact cache plugin: {error}"));
            None
        }
    }
}

/// Forgets the cached facts of every host where `--flush-cache` asks for it.
pub(super) fn flush(hosts: &Hosts, inventory: &LiveInventory, settings: &RunSettings) {
    let Some(cache) = settings.fact_cache.as_ref().filter(|_| hosts.flush_cache) else { return };
    cache.forget("localhost");
    for host in inventory.now().hosts() {
        cache.forget(host.as_str());
    }
}
