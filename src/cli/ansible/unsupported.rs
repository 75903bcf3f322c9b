//! Settings that change what a run means and are not honoured: refused by name when they are set.

use crate::settings::{Environment, Origin, Settings, Table};

/// Settings that are not honoured. Those that only concern Python, its workers or files that this
/// program does not make (`pipelining`, `remote_tmp`, `control_path` …) mean nothing here, and what
/// folders of plugins would bring is refused by name where it is used; they are not among them.
const NOT_HONOURED: &[&str] = &[
    "_TEMPLAR_SANDBOX_MODE",
    "_TEMPLAR_UNKNOWN_TYPE_CONVERSION",
    "_TEMPLAR_UNKNOWN_TYPE_ENCOUNTERED",
];

/// The extensions of Jinja that templates can have.
const EXTENSIONS: [&str; 2] = ["jinja2.ext.do", "jinja2.ext.loopcontrols"];

/// Why the settings cannot be honoured, where one is set to something else than its default.
pub(super) fn refusal(settings: &Settings) -> Option<String> {
    let plain = Settings::new(None, Environment::new(), settings.home().map(Into::into));
    for name in NOT_HONOURED.iter().copied() {
        let Some(row) = Table::get().base(name) else { continue };
        let (Ok(found), Ok(default)) = (settings.resolve(row), plain.resolve(row)) else {
            continue;
        };
        if found.origin != Origin::Default && found.value != default.value {
            return Some(format!("the setting {name} ({}) is not supported", found.origin));
        }
    }
    let extensions = settings.list("DEFAULT_JINJA2_EXTENSIONS");
    let unknown = extensions.iter().find(|name| !EXTENSIONS.contains(&name.as_str()))?;
    let known = EXTENSIONS.join(", ");
    Some(format!("the extension `{unknown}` of `jinja2_extensions` is not supported: use {known}"))
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

    #[test]
    fn what_is_not_honoured_is_refused_by_name() {
        let set = |name: &str, value: &str| {
            let environment = Environment::from([(name.to_owned(), value.to_owned())]);
            refusal(&Settings::new(None, environment, None))
        };
        assert_eq!(set("ANSIBLE_JINJA2_EXTENSIONS", "jinja2.ext.do"), None);
        let refused = set("ANSIBLE_JINJA2_EXTENSIONS", "jinja2.ext.do,jinja2.ext.i18n");
        assert!(refused.is_some_and(|text| text.contains("`jinja2.ext.i18n`")));
        let refused = set("_ANSIBLE_TEMPLAR_SANDBOX_MODE", "allow_unsafe_attributes");
        assert!(refused.is_some_and(|text| text.contains("_TEMPLAR_SANDBOX_MODE")));
        assert_eq!(set("_ANSIBLE_TEMPLAR_SANDBOX_MODE", "default"), None);
    }
}
