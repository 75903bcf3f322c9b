//! Settings that change what a run means and are not honoured: told by name when they are set.

use crate::settings::{Environment, Origin, Settings, Table};

use super::talk;

/// Settings that are not honoured. Those that only concern Python, its workers or files that this
/// program does not make (`pipelining`, `remote_tmp`, `control_path` …) mean nothing here, and what
/// folders of plugins would bring is refused by name where it is used; they are not among them.
const NOT_HONOURED: &[&str] = &[
    "DEFAULT_JINJA2_EXTENSIONS",
    "MAX_FILE_SIZE_FOR_DIFF",
    "PLAYBOOK_VARS_ROOT",
    "_TEMPLAR_SANDBOX_MODE",
    "_TEMPLAR_UNKNOWN_TYPE_CONVERSION",
    "_TEMPLAR_UNKNOWN_TYPE_ENCOUNTERED",
];

/// Warns of each that is set to something else than its default.
pub(super) fn warn(settings: &Settings) {
    let plain = Settings::new(None, Environment::new(), settings.home().map(Into::into));
    for name in NOT_HONOURED.iter().copied() {
        let Some(row) = Table::get().base(name) else { continue };
        let (Ok(found), Ok(default)) = (settings.resolve(row), plain.resolve(row)) else {
            continue;
        };
        if found.origin == Origin::Default || found.value == default.value {
            continue;
        }
        let key = row.keys.first().map_or(name, |(_, key)| key);
        talk::warning(&format!("the setting `{key}` ({}) is not supported yet", found.origin));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_settings_that_there_are() {
        for name in NOT_HONOURED {
            assert!(Table::get().base(name).is_some(), "{name}");
        }
    }
}
