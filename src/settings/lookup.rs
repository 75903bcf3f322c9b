//! The value of a setting, and where it comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::value::{convert, unquote};
use super::{ConfigFile, Definition, SettingsError, Table, file};

/// Endings that are never inventories or modules, as templates of defaults call them.
const REJECT_EXTS: [&str; 9] = [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst"];

/// The variables of the environment.
pub type Environment = BTreeMap<String, String>;

/// The settings of a run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    file: Option<ConfigFile>,
    environment: Environment,
    home: Option<PathBuf>,
    warnings: Vec<String>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The value, of the setting's type.
    pub value: Json,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// This variable of the environment.
    Environment(&'static str),
    /// This file.
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Environment(name) => write!(formatter, "env: {name}"),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

impl Settings {
    /// Those of this process; every value is looked at once, so that a wrong one is told early.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a value that is not of its setting's type.
    pub fn of_process() -> Result<Self, SettingsError> {
        let environment: Environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = environment.get("HOME").map(PathBuf::from);
        let working = std::env::current_dir().ok();
        let named = environment.get("ANSIBLE_CONFIG").map(String::as_str);
        let found = file::find(named, working.as_deref(), home.as_deref());
        let file = found.path.as_deref().map(ConfigFile::read).transpose()?;
        let settings = Self { warnings: found.warnings, ..Self::new(file, environment, home) };
        settings.check()?;
        Ok(settings)
    }

    /// From a file and an environment.
    pub fn new(file: Option<ConfigFile>, environment: Environment, home: Option<PathBuf>) -> Self {
        Self { file, environment, home, warnings: Vec::new() }
    }

    /// The same with another file (`ansible-config -c`).
    #[must_use]
    pub fn with_file(self, file: Option<ConfigFile>) -> Self {
        Self { file, ..self }
    }

    /// The file that was read.
    pub fn file(&self) -> Option<&ConfigFile> {
        self.file.as_ref()
    }

    /// What is worth knowing of the search for the file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Looks at every setting of the program.
    fn check(&self) -> Result<(), SettingsError> {
        let mut base = Table::get().rows().iter().filter(|row| row.plugin.is_none());
        base.try_for_each(|row| self.resolve(row).map(|_| ()))
    }

    /// The value of a setting.
    ///
    /// # Errors
    ///
    /// When it is not of its type, or none of those that the setting knows.
    pub fn resolve(&self, row: &Definition) -> Result<Setting, SettingsError> {
        let home = self.home.as_deref();
        let set = row.environment.iter().rev().find_map(|name| {
            self.environment.get(*name).map(|text| (text.as_str(), Origin::Environment(name), None))
        });
        let in_file = || {
            let file = self.file.as_ref()?;
            let text =
                row.keys.iter().rev().find_map(|(section, key)| file.ini.get(section, key))?;
            Some((text, Origin::File(file.path.clone()), file.path.parent()))
        };
        let Some((text, origin, beside)) = set.or_else(in_file) else {
            return Ok(Setting { value: self.default(row), origin: Origin::Default });
        };
        let Some(mut value) = convert(text, row.kind, beside, home) else {
            // an empty variable of the environment sets nothing but text
            if text.is_empty() && matches!(origin, Origin::Environment(_)) {
                return Ok(Setting { value: self.default(row), origin: Origin::Default });
            }
            return Err(SettingsError::Type {
                name: label(row),
                origin: origin.to_string(),
                kind: row.kind.word(),
                value: text.to_owned(),
            });
        };
        if let (Json::String(text), Origin::File(_)) = (&value, &origin) {
            value = Json::from(unquote(text));
        }
        self.known(row, &value)?;
        Ok(Setting { value, origin })
    }

    /// Whether a setting knows this value.
    fn known(&self, row: &Definition, value: &Json) -> Result<(), SettingsError> {
        if row.choices.is_empty() {
            return Ok(());
        }
        let words: Vec<&str> = match value {
            Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
        match words.iter().find(|word| !row.choices.contains(word)) {
            Some(word) => Err(SettingsError::Choice {
                name: label(row),
                value: (*word).to_owned(),
                choices: row.choices.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The default, its template rendered.
    fn default(&self, row: &Definition) -> Json {
        let home = self.home.as_deref();
        let value: Json = serde_json::from_str(row.default).unwrap_or_default();
        let Json::String(text) = &value else {
            let Json::Array(items) = &value else { return value };
            return match row.kind {
                super::Kind::PathList => items
                    .iter()
                    .filter_map(Json::as_str)
                    .filter_map(|item| convert(item, super::Kind::Path, None, home))
                    .collect(),
                _ => value,
            };
        };
        let rendered = self.rendered(text);
        match rendered {
            Rendered::Text(text) => convert(&text, row.kind, None, home).unwrap_or(value),
            Rendered::List(items) => Json::from(items),
        }
    }

    /// The few forms that templates in defaults have.
    fn rendered(&self, text: &str) -> Rendered {
        let Some(inner) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) else {
            return Rendered::Text(text.to_owned());
        };
        let inner = inner.trim();
        if let Some(rest) = inner.strip_prefix("REJECT_EXTS + ") {
            let more = rest.trim_matches(['[', ']']).split(',').map(|item| unquote(item.trim()));
            return Rendered::List(
                REJECT_EXTS.into_iter().chain(more).map(str::to_owned).collect(),
            );
        }
        let rest = inner.strip_prefix("ANSIBLE_HOME").unwrap_or(inner).trim();
        let tail = unquote(rest.strip_prefix('~').unwrap_or(rest).trim());
        Rendered::Text(format!("{}{tail}", self.text("ANSIBLE_HOME").unwrap_or_default()))
    }

    /// A value that a variable gives, as one of the setting's type.
    pub fn converted(&self, row: &Definition, text: &str) -> Option<Json> {
        convert(text, row.kind, None, self.home.as_deref())
    }

    /// A setting of the program; one of a wrong type was refused when the settings were read.
    fn base(&self, name: &str) -> Option<Json> {
        let row = Table::get().base(name)?;
        let value = self.resolve(row).map(|setting| setting.value).ok()?;
        (!value.is_null()).then_some(value)
    }

    /// Whether somebody said something of a setting of the program.
    pub fn is_set(&self, name: &str) -> bool {
        let row = Table::get().base(name);
        let resolved = row.and_then(|row| self.resolve(row).ok());
        resolved.is_some_and(|setting| setting.origin != Origin::Default)
    }

    /// A setting that is true or false.
    pub fn boolean(&self, name: &str) -> bool {
        self.base(name).is_some_and(|value| value == Json::Bool(true))
    }

    /// A setting that is a whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.base(name)?.as_i64()
    }

    /// A setting that is text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.base(name)? {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// A setting that is a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// A setting that is a mapping.
    pub fn mapping(&self, name: &str) -> Json {
        self.base(name).filter(Json::is_object).unwrap_or_default()
    }

    /// A setting that is a list.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.base(name) {
            Some(Json::Array(items)) => {
                items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A setting of a plugin.
    ///
    /// # Errors
    ///
    /// When it is not of its type, or none of those that the setting knows.
    pub fn plugin(
        &self,
        kind: &str,
        plugin: &str,
        name: &str,
    ) -> Result<Option<Json>, SettingsError> {
        let Some(row) = Table::get().plugin(kind, plugin, name) else { return Ok(None) };
        let value = self.resolve(row)?.value;
        Ok((!value.is_null()).then_some(value))
    }

    /// A variable of the environment that no setting names.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// An entry of the file that no setting names.
    pub fn entry(&self, section: &str, key: &str) -> Option<&str> {
        self.file.as_ref()?.ini.get(section, key)
    }

    /// The home of the user.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }
}

enum Rendered {
    Text(String),
    List(Vec<String>),
}

fn label(row: &Definition) -> String {
    match row.plugin {
        Some(plugin) => format!("{}:{}:{}", plugin.kind, plugin.name, row.name),
        None => row.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Ini;
    use super::*;

    fn settings(ini: &str, environment: &[(&str, &str)]) -> Settings {
        let file = ConfigFile {
            path: PathBuf::from("/etc/a/ansible.cfg"),
            ini: Ini::parse(ini).unwrap(),
            text: ini.to_owned(),
        };
        let environment =
            environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Settings::new(Some(file), environment, Some(PathBuf::from("/home/u")))
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let both = settings("[defaults]\nforks = 7\n", &[("ANSIBLE_FORKS", "9")]);
        assert_eq!(both.integer("DEFAULT_FORKS"), Some(9));
        let file = settings("[defaults]\nforks = 7\n", &[]);
        assert_eq!(file.integer("DEFAULT_FORKS"), Some(7));
        assert_eq!(settings("", &[]).integer("DEFAULT_FORKS"), Some(5));
        assert_eq!(settings("", &[("ANSIBLE_FORKS", "")]).integer("DEFAULT_FORKS"), Some(5));
    }

    #[test]
    fn renders_defaults() {
        let settings = settings("", &[("ANSIBLE_HOME", "/x")]);
        assert_eq!(
            settings.list("DEFAULT_ROLES_PATH"),
            ["/x/roles", "/usr/share/ansible/roles", "/etc/ansible/roles"]
        );
        assert_eq!(settings.list("DEFAULT_HOST_LIST"), ["/etc/ansible/hosts"]);
        assert_eq!(settings.list("INVENTORY_IGNORE_EXTS").last().unwrap(), ".retry");
        assert_eq!(settings.text("DEFAULT_LOCAL_TMP").unwrap(), "/x/tmp");
    }

    #[test]
    fn paths_of_a_file_are_seen_from_it() {
        let settings = settings("[defaults]\nroles_path = roles:~/r\nremote_user = \"me\"\n", &[]);
        assert_eq!(settings.list("DEFAULT_ROLES_PATH"), ["/etc/a/roles", "/home/u/r"]);
        assert_eq!(settings.text("DEFAULT_REMOTE_USER").unwrap(), "me");
    }

    #[test]
    fn refuses_values_of_another_type_and_unknown_choices() {
        let refused =
            |variable, value| settings("", &[(variable, value)]).check().unwrap_err().to_string();
        assert_eq!(
            refused("ANSIBLE_FORKS", "abc"),
            "Config 'DEFAULT_FORKS' from 'env: ANSIBLE_FORKS' has an invalid value: Invalid value \
             provided for 'integer': 'abc'"
        );
        assert_eq!(
            refused("ANSIBLE_GATHERING", "abc"),
            "Invalid value 'abc' for config 'DEFAULT_GATHERING'. Valid values are: implicit, \
             explicit, smart"
        );
    }

    #[test]
    fn plugins_have_settings_of_their_own() {
        let settings = settings("", &[("ANSIBLE_CALLBACK_RESULT_FORMAT", "yaml")]);
        let format = settings.plugin("callback", "default", "result_format").unwrap();
        assert_eq!(format, Some(json!("yaml")));
    }
}
