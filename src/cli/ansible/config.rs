//! `ansible-config`: settings, where their values come from, and whether they are known.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value as Json, json};

use crate::report::python_json::{Ascii, Layout, dumps};
use crate::settings::{ConfigFile, Definition, Kind, Origin, Settings, Table};
use crate::template::{from_json, python_text, yaml_text};

use super::super::CommandError;
use super::options::Base;
use super::{Invocation, talk};

/// Shows settings.
#[derive(Debug, Parser)]
#[command(name = "ansible-config", disable_version_flag = true, infer_long_args = true)]
struct Arguments {
    #[command(flatten)]
    base: Base,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Names all settings
    List {
        #[command(flatten)]
        common: Common,
        /// The form
        #[arg(long, short, value_enum, default_value_t = ListForm::Yaml)]
        format: ListForm,
    },
    /// Shows the values of settings
    Dump {
        #[command(flatten)]
        common: Common,
        /// Only those that are not the default
        #[arg(long, visible_alias = "changed-only")]
        only_changed: bool,
        /// The form
        #[arg(long, short, value_enum, default_value_t = DumpForm::Display)]
        format: DumpForm,
    },
    /// Shows the file
    View {
        #[command(flatten)]
        common: Common,
    },
    /// Writes a file with all settings to begin with
    Init {
        #[command(flatten)]
        common: Common,
        /// The form
        #[arg(long, short, value_enum, default_value_t = InitForm::Ini)]
        format: InitForm,
        /// Put a comment character before each setting
        #[arg(long)]
        disabled: bool,
    },
    /// Looks for unknown settings in the file or the environment
    Validate {
        #[command(flatten)]
        common: Common,
        /// Where
        #[arg(long, short, value_enum, default_value_t = ValidateForm::Ini)]
        format: ValidateForm,
    },
}

/// Options of every action.
#[derive(Debug, Args)]
struct Common {
    /// The file, instead of the first one that is found
    #[arg(short, long, value_name = "CONFIG_FILE")]
    config: Option<String>,
    /// Settings of the program (`base`), of a kind of plugin, or all
    #[arg(short, long, default_value = "base", value_parser = [
        "all", "base", "become", "cache", "callback", "cliconf", "connection", "httpapi",
        "inventory", "lookup", "netconf", "shell", "vars",
    ])]
    r#type: String,
    /// Only these plugins
    args: Vec<String>,
    /// Tell more
    #[arg(short, long = "verbose", action = ArgAction::Count)]
    verbosity: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListForm {
    Json,
    Yaml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DumpForm {
    Json,
    Yaml,
    Display,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InitForm {
    Ini,
    Env,
    Vars,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ValidateForm {
    Ini,
    Env,
}

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let arguments: Arguments = match invocation.parse("ansible-config") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    let _ = arguments.base.verbosity;
    let settings = invocation.settings;
    match arguments.action {
        Action::List { common, format } => {
            let listed = common.list();
            let text = match format {
                ListForm::Json => formatted(&listed),
                ListForm::Yaml => yaml(&listed)?,
            };
            super::super::print(&text);
        }
        Action::Dump { common, only_changed, format } => {
            let settings = common.settings(settings)?;
            let changed = if only_changed { Shown::Changed } else { Shown::All };
            let text = common.dump(&settings, changed, format)?;
            super::super::print(&text);
        }
        Action::View { common } => {
            let settings = common.settings(settings)?;
            let Some(file) = settings.file() else {
                let text = "Invalid or no config file was supplied";
                return Err(CommandError::other(text, None));
            };
            super::super::print(&ended(file.text.clone()));
        }
        Action::Init { common, format, disabled } => {
            let settings = common.settings(settings)?;
            super::super::print(&common.init(&settings, format, disabled)?);
        }
        Action::Validate { common, format } => {
            let settings = common.settings(settings)?;
            let unknown = match format {
                ValidateForm::Ini => common.unknown_keys(&settings),
                ValidateForm::Env => common.unknown_variables(),
            };
            if !unknown.is_empty() {
                for text in &unknown {
                    talk::error(text);
                }
                return Ok(ExitCode::FAILURE);
            }
            super::super::print("All configurations seem valid!\n");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Which settings a dump shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    Changed,
}

impl Common {
    fn settings(&self, settings: Settings) -> Result<Settings, CommandError> {
        let settings = self.chosen(settings)?;
        super::talk::header("ansible-config", &settings, self.verbosity);
        Ok(settings)
    }

    fn chosen(&self, settings: Settings) -> Result<Settings, CommandError> {
        let Some(path) = &self.config else { return Ok(settings) };
        let path = crate::inventory::absolute(path);
        if !Path::new(&path).exists() {
            return Err(CommandError::options(
                format!(
                    "The provided configuration file is missing or not accessible: {}",
                    path.display()
                ),
                None,
            ));
        }
        let file = ConfigFile::read(&path).map_err(super::run::wrong_setting)?;
        Ok(settings.with_file(Some(file)))
    }

    /// The settings of the program, by name.
    fn base(&self) -> Vec<&'static Definition> {
        let rows = Table::get().rows().iter();
        let mut rows: Vec<_> = rows
            .filter(|row| row.plugin.is_none())
            .filter(|_| matches!(self.r#type.as_str(), "base" | "all"))
            .collect();
        rows.sort_by_key(|row| row.name);
        rows
    }

    /// The settings of plugins, by kind, plugin and name.
    fn plugins(&self) -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static Definition>>> {
        let mut kinds: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for row in Table::get().rows() {
            let Some(plugin) = row.plugin else { continue };
            let chosen = self.args.is_empty()
                || self.args.iter().any(|name| name.rsplit('.').next() == Some(plugin.name));
            if (self.r#type == "all" || self.r#type == plugin.kind) && chosen {
                kinds.entry(plugin.kind).or_default().entry(plugin.name).or_default().push(row);
            }
        }
        for rows in kinds.values_mut().flat_map(BTreeMap::values_mut) {
            rows.sort_by_key(|row| row.name);
        }
        kinds
    }

    fn all(&self) -> Vec<&'static Definition> {
        let plugins = self.plugins().into_values().flat_map(BTreeMap::into_values).flatten();
        self.base().into_iter().chain(plugins).collect()
    }

    fn list(&self) -> Json {
        let described = |rows: &[&Definition]| -> Map<String, Json> {
            rows.iter().map(|row| (row.name.to_owned(), described(row))).collect()
        };
        let mut listed = described(&self.base());
        if matches!(self.r#type.as_str(), "base" | "all") {
            listed.insert("GALAXY_SERVERS".to_owned(), json!({}));
        }
        if self.r#type != "base" {
            let mut kinds = Map::new();
            for (kind, plugins) in self.plugins() {
                let plugins = plugins
                    .iter()
                    .map(|(name, rows)| ((*name).to_owned(), Json::Object(described(rows))));
                let name = if self.r#type == "all" { kind.to_uppercase() } else { kind.to_owned() };
                kinds.insert(name, Json::Object(plugins.collect()));
            }
            listed.insert("PLUGINS".to_owned(), Json::Object(kinds));
        }
        listed.sort_keys();
        Json::Object(listed)
    }

    fn dump(
        &self,
        settings: &Settings,
        shown: Shown,
        format: DumpForm,
    ) -> Result<String, CommandError> {
        let mut lines = Vec::new();
        let mut data = Vec::new();
        let base = matches!(self.r#type.as_str(), "base" | "all");
        let file = settings.file().map(|file| file.path.display().to_string());
        let mut told = entries(&self.base(), settings, shown)?;
        if base {
            let name = "CONFIG_FILE";
            let entry = Entry { name, origin: String::new(), value: Json::from(file) };
            let place = told.iter().position(|other| other.name > name).unwrap_or(told.len());
            told.insert(place, entry);
        }
        for entry in told {
            lines.push(entry.line()?);
            data.push(entry.json());
        }
        if base {
            lines.push("\nGALAXY_SERVERS:\n".to_owned());
            let mut servers_data = Map::new();
            for server in servers(settings) {
                lines.push(format!("\n{server}\n{}", "=".repeat(server.len())));
                let entries = of_server(&server, settings);
                for entry in &entries {
                    lines.push(entry.line()?);
                }
                servers_data.insert(server, entries.iter().map(Entry::json).collect());
            }
            data.push(json!({ "GALAXY_SERVERS": servers_data }));
        }
        for (kind, plugins) in self.plugins() {
            let mut of_kind = Vec::new();
            let mut told = Vec::new();
            for (name, rows) in plugins {
                let entries = entries(&rows, settings, shown)?;
                if entries.is_empty() {
                    continue;
                }
                told.push(format!("\n{name}:\n{}", "_".repeat(name.len())));
                for entry in &entries {
                    told.push(entry.line()?);
                }
                let entries: Vec<Json> = entries.iter().map(Entry::json).collect();
                of_kind.push(json!({ name: entries }));
            }
            if self.r#type == "all" {
                if shown == Shown::All || !told.is_empty() {
                    lines.push(format!("\n{}:\n{}", kind.to_uppercase(), "=".repeat(kind.len())));
                }
                data.push(json!({ format!("{}_PLUGINS", kind.to_uppercase()): of_kind }));
            } else {
                data.extend(of_kind);
            }
            lines.extend(told);
        }
        match format {
            DumpForm::Display => Ok(ended(lines.join("\n"))),
            DumpForm::Json => Ok(formatted(&Json::Array(data))),
            DumpForm::Yaml => yaml(&Json::Array(data)),
        }
    }

    fn init(
        &self,
        settings: &Settings,
        format: InitForm,
        disabled: bool,
    ) -> Result<String, CommandError> {
        let defaults = Settings::new(
            None,
            crate::settings::Environment::new(),
            settings.home().map(Path::to_owned),
        );
        let mut sections: Vec<(&str, Vec<(&str, String)>)> = Vec::new();
        let mut text = String::new();
        for row in self.all() {
            let default = defaults.resolve(row).map_err(super::run::wrong_setting)?.value;
            let head = format!("# ({}) {}", row.kind.word(), row.name);
            match format {
                InitForm::Ini => {
                    let Some((section, key)) = row.keys.last() else { continue };
                    let mark = if disabled { ";" } else { "" };
                    let line = format!("{head}\n{mark}{key}={}\n\n", plain(&default)?);
                    let index = sections.iter().position(|(name, _)| name == section);
                    let index = index.unwrap_or_else(|| {
                        sections.push((section, Vec::new()));
                        sections.len() - 1
                    });
                    if let Some((_, lines)) = sections.get_mut(index)
                        && !lines.iter().any(|(known, _)| known == key)
                    {
                        lines.push((key, line));
                    }
                }
                InitForm::Env => {
                    let Some(name) = row.environment.last() else { continue };
                    if name.starts_with("_ANSIBLE_") {
                        continue;
                    }
                    let mark = if disabled { "#" } else { "" };
                    let value = match &default {
                        Json::Bool(flag) => if *flag { "1" } else { "0" }.to_owned(),
                        other => plain(other)?,
                    };
                    let value = match value.is_empty() || default.is_boolean() {
                        true => value,
                        false => shell_words::quote(&value).into_owned(),
                    };
                    text.push_str(&format!("{head}\n{mark}{name}={value}\n\n"));
                }
                InitForm::Vars => {
                    let Some(name) = row.variables.last() else { continue };
                    if name.starts_with("_ansible_") {
                        continue;
                    }
                    let mark = if disabled { "#" } else { "" };
                    text.push_str(&format!("{head}\n{mark}{name}: {default}\n\n"));
                }
            }
        }
        for (section, lines) in sections {
            text.push_str(&format!("[{section}]\n"));
            text.extend(lines.into_iter().map(|(_, line)| line));
            text.push('\n');
        }
        Ok(text)
    }

    fn unknown_keys(&self, settings: &Settings) -> Vec<String> {
        let Some(file) = settings.file() else { return Vec::new() };
        let path = file.path.display();
        let rows = self.all();
        let known = |wanted: &str, key: Option<&str>| {
            let mut keys = rows.iter().flat_map(|row| &row.keys);
            keys.any(|(section, known)| {
                *section == wanted && key.is_none_or(|key| key == known.to_lowercase())
            })
        };
        let servers = servers(settings);
        let mut unknown: Vec<String> = Vec::new();
        for (section, key, _) in file.ini.entries() {
            let server = section.strip_prefix("galaxy_server.");
            let text = if server.is_some_and(|server| servers.iter().any(|name| name == server)) {
                if OF_SERVERS.contains(&key) {
                    continue;
                }
                format!("Found unknown key '{key}' in section '{section}' in '{path}.")
            } else if !known(section, None) {
                format!("Found unknown section '{section}' in '{path}.")
            } else if !known(section, Some(key)) {
                format!("Found unknown key '{key}' in section '{section}' in '{path}.")
            } else {
                continue;
            };
            if !unknown.contains(&text) {
                unknown.push(text);
            }
        }
        unknown
    }

    fn unknown_variables(&self) -> Vec<String> {
        let rows = self.all();
        let known = |name: &str| rows.iter().any(|row| row.environment.contains(&name));
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| name.starts_with("ANSIBLE_"))
            .filter(|name| !name.starts_with("ANSIBLE_TEST_") && !name.starts_with("ANSIBLE_LINT_"))
            .filter(|name| !matches!(name.as_str(), "ANSIBLE_CONFIG" | "ANSIBLE_DEV_HOME"))
            .filter(|name| !known(name))
            .map(|name| format!("Found unknown environment variable '{name}'."))
            .collect()
    }
}

/// The settings of a Galaxy server.
const OF_SERVERS: [&str; 9] = [
    "api_version",
    "auth_url",
    "client_id",
    "password",
    "timeout",
    "token",
    "url",
    "username",
    "validate_certs",
];

/// The names of the Galaxy servers.
pub(super) fn servers(settings: &Settings) -> Vec<String> {
    let names = settings.list("GALAXY_SERVER_LIST").into_iter();
    names.filter(|name| !name.is_empty()).collect()
}

/// The settings of a server.
fn of_server(server: &str, settings: &Settings) -> Vec<Entry> {
    OF_SERVERS.map(|name| server_entry(server, name, settings)).into()
}

/// A setting of a server, where somebody says something.
pub(super) fn server_value(
    server: &str,
    name: &'static str,
    settings: &Settings,
) -> Option<String> {
    let entry = server_entry(server, name, settings);
    if entry.origin == "default" { None } else { entry.value.as_str().map(str::to_owned) }
}

/// A setting of a server: the environment wins over the file.
fn server_entry(server: &str, name: &'static str, settings: &Settings) -> Entry {
    let section = format!("galaxy_server.{server}");
    let variable = format!("ANSIBLE_GALAXY_SERVER_{server}_{name}").to_uppercase();
    if let Ok(value) = std::env::var(&variable) {
        return Entry { name, origin: format!("env: {variable}"), value: Json::from(value) };
    }
    let file = settings.file();
    if let Some((file, value)) = file.and_then(|file| Some((file, file.ini.get(&section, name)?))) {
        let origin = file.path.display().to_string();
        return Entry { name, origin, value: Json::from(value) };
    }
    let value = if name == "timeout" { Json::from(60) } else { Json::Null };
    Entry { name, origin: "default".to_owned(), value }
}

/// A setting of a dump.
struct Entry {
    name: &'static str,
    origin: String,
    value: Json,
}

impl Entry {
    fn line(&self) -> Result<String, CommandError> {
        let value = python_text(&from_json(&self.value))
            .map_err(|error| CommandError::other(error.to_string(), None))?;
        Ok(format!("{}({}) = {value}", self.name, self.origin))
    }

    fn json(&self) -> Json {
        json!({ "name": self.name, "origin": self.origin, "value": self.value })
    }
}

fn entries(
    rows: &[&'static Definition],
    settings: &Settings,
    shown: Shown,
) -> Result<Vec<Entry>, CommandError> {
    let mut entries = Vec::new();
    for row in rows {
        let setting = settings.resolve(row).map_err(super::run::wrong_setting)?;
        if shown == Shown::Changed && setting.origin == Origin::Default {
            continue;
        }
        let origin = setting.origin.to_string();
        entries.push(Entry { name: row.name, origin, value: setting.value });
    }
    Ok(entries)
}

/// What is known of a setting.
fn described(row: &Definition) -> Json {
    let mut known = Map::new();
    let default: Json = serde_json::from_str(row.default).unwrap_or_default();
    known.insert("default".to_owned(), default);
    if !row.choices.is_empty() {
        known.insert("choices".to_owned(), json!(row.choices));
    }
    let named =
        |names: &[&str]| -> Json { names.iter().map(|name| json!({"name": name})).collect() };
    if !row.environment.is_empty() {
        known.insert("env".to_owned(), named(&row.environment));
    }
    if !row.keys.is_empty() {
        let keys = row.keys.iter().map(|(section, key)| json!({"key": key, "section": section}));
        known.insert("ini".to_owned(), keys.collect());
    }
    if !row.variables.is_empty() {
        known.insert("vars".to_owned(), named(&row.variables));
    }
    if row.kind != Kind::Raw {
        known.insert("type".to_owned(), Json::from(row.kind.word()));
    }
    known.sort_keys();
    Json::Object(known)
}

/// A value as a file or variable holds it.
fn plain(value: &Json) -> Result<String, CommandError> {
    match value {
        Json::Null => Ok(String::new()),
        Json::Array(items) => {
            let items = items.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
            Ok(items.join(", "))
        }
        other => python_text(&from_json(other))
            .map_err(|error| CommandError::other(error.to_string(), None)),
    }
}

fn formatted(value: &Json) -> String {
    ended(dumps(value, Layout::Indented(4), Ascii::Escaped))
}

fn yaml(value: &Json) -> Result<String, CommandError> {
    yaml_text(&from_json(value)).map_err(|error| CommandError::other(error.to_string(), None))
}

fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
