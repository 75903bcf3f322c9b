//! The settings of this process, for those that look them up by name.

use std::sync::OnceLock;

use super::Settings;

static CURRENT: OnceLock<Settings> = OnceLock::new();

/// Settles what [`current`] gives; the first call counts.
pub fn settle(settings: &Settings) {
    let _ = CURRENT.set(settings.clone());
}

/// Whether a role shows its variables to the whole play, as `private_role_vars` says; `None` where
/// nobody set it.
pub fn public_roles() -> Option<bool> {
    let settings = current();
    settings
        .is_set("DEFAULT_PRIVATE_ROLE_VARS")
        .then(|| !settings.boolean("DEFAULT_PRIVATE_ROLE_VARS"))
}

/// The settings of this process; defaults where nobody settled them.
pub fn current() -> &'static Settings {
    CURRENT.get_or_init(Settings::default)
}
