//! The kinds of sources, by the names of Ansible's inventory plugins.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::error::{InventoryError, Problem};
use super::load::{self, Source};
use super::members::{Members, UNGROUPED};
use super::range::RangeError;
use super::settings::InventorySettings;
use super::{address, constructed, generator, ini, script, toml, yaml};
use crate::source::{Node, SourceFile, yaml as document};

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// `a,b`
    HostList,
    /// `a[1:9],b`
    AdvancedHostList,
    /// A program that answers `--list`.
    Script,
    /// A YAML file that names its plugin.
    Auto,
    /// Groups in YAML.
    Yaml,
    /// Groups in INI form.
    Ini,
    /// Groups in TOML.
    Toml,
    /// Variables and groups by expressions.
    Constructed,
    /// Hosts by all combinations of values.
    Generator,
}

const NAMES: [(&str, Plugin); 9] = [
    ("host_list", Plugin::HostList),
    ("advanced_host_list", Plugin::AdvancedHostList),
    ("script", Plugin::Script),
    ("auto", Plugin::Auto),
    ("yaml", Plugin::Yaml),
    ("ini", Plugin::Ini),
    ("toml", Plugin::Toml),
    ("constructed", Plugin::Constructed),
    ("generator", Plugin::Generator),
];

/// What a plugin reads with.
pub(super) struct Reading<'a> {
    /// What was read so far, and what is read now.
    pub(super) members: &'a mut Members,
    /// The configuration.
    pub(super) settings: &'a InventorySettings,
    /// The sources that were read before this one.
    pub(super) processed: &'a [String],
}

impl Plugin {
    /// The plugins that are tried by default, in order.
    pub const DEFAULT: [Self; 6] =
        [Self::HostList, Self::Script, Self::Auto, Self::Yaml, Self::Ini, Self::Toml];

    /// The plugin of a name, with or without `ansible.builtin.`.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name
            .strip_prefix("ansible.builtin.")
            .or_else(|| name.strip_prefix("ansible.legacy."))
            .unwrap_or(name);
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, plugin)| *plugin)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, plugin)| *plugin == self).map_or("", |(name, _)| name)
    }

    /// Whether it tries to read a source at all.
    pub(super) fn wants(self, source: &Source, settings: &InventorySettings) -> bool {
        let path = &source.path;
        let ending = load::ending(&source.text);
        match self {
            Self::HostList | Self::AdvancedHostList => !path.exists() && source.text.contains(','),
            _ if !path.exists() => false,
            Self::Script => is_executable(path),
            Self::Auto => source.text.ends_with(".yml") || source.text.ends_with(".yaml"),
            Self::Yaml => ending.is_empty() || settings.yaml_endings.iter().any(|e| e == ending),
            Self::Ini => ending != ".toml",
            Self::Toml => ending == ".toml",
            Self::Constructed | Self::Generator => {
                matches!(ending, "" | ".config" | ".yml" | ".yaml" | ".json")
            }
        }
    }

    /// Reads a source; what is wrong with it, if anything is. What was read before the first
    /// error stays.
    pub(super) fn read(self, source: &Source, reading: &mut Reading<'_>) -> Vec<InventoryError> {
        match self {
            Self::HostList => hosts(source, reading.members, |text, notices| {
                let (name, port) = address::host_and_port(text);
                if name == text && !address::is_known(text) {
                    notices.push(unparsed(text, None));
                }
                Ok((vec![name.to_owned()], port))
            }),
            Self::AdvancedHostList => hosts(source, reading.members, |text, notices| {
                match ini::expand(text) {
                    // Ansible stumbles over these; of other mistakes it takes the text as a name
                    Err(Problem::Range {
                        source: source @ (RangeError::Bound(_) | RangeError::Step(_)),
                        pattern,
                    }) => Err(Problem::Range { pattern, source }),
                    Err(problem) => {
                        notices.push(unparsed(text, Some(&problem)));
                        Ok((vec![text.to_owned()], None))
                    }
                    Ok(found) => Ok(found),
                }
            }),
            Self::Script => script::read(source, reading).err().into_iter().collect(),
            Self::Auto => auto(source, reading),
            Self::Yaml => match groups_document(source, reading.members) {
                Ok(node) => yaml::read(&node, reading.members, &source.origin()),
                Err(error) => vec![error],
            },
            Self::Ini => match load::text(&source.path) {
                Ok(file) => ini::read(&Arc::new(file), reading.members, &source.origin()),
                Err(error) => vec![error],
            },
            Self::Toml => toml::read(source, reading.members),
            Self::Constructed => configured(self, source, reading, constructed::read),
            Self::Generator => configured(self, source, reading, generator::read),
        }
    }
}

/// Hosts with commas between them.
fn hosts(
    source: &Source,
    members: &mut Members,
    expand: impl Fn(&str, &mut Vec<String>) -> Result<(Vec<String>, Option<u16>), Problem>,
) -> Vec<InventoryError> {
    let origin = source.origin();
    for text in source.text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let (names, port) = match expand(text, &mut members.notices) {
            Ok(found) => found,
            Err(problem) => return vec![problem.into()],
        };
        for name in names {
            if members.hosts.contains_key(name.as_str()) {
                continue;
            }
            if let Err(problem) = members.host(&name, UNGROUPED, port, &origin) {
                return vec![problem.into()];
            }
        }
    }
    Vec::new()
}

/// What is said of a name that is no host name or address, and is taken as it is.
fn unparsed(text: &str, problem: Option<&Problem>) -> String {
    let reason = match problem {
        Some(Problem::Range { source, .. }) => source.to_string(),
        _ => format!("Not a valid network hostname: {text}"),
    };
    format!("Unable to parse address from hostname, leaving unchanged: {reason}")
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
}

/// The document of a YAML file.
fn document_of(source: &Source, members: &mut Members) -> Result<Option<Node>, InventoryError> {
    let wrong = |error| InventoryError::from(Problem::Yaml(Box::new(error)));
    let file = SourceFile::read(&load::shown(&source.path)).map_err(wrong)?;
    let loaded = document::load(&file).map_err(wrong)?;
    for warning in loaded.warnings {
        if !members.warnings.contains(&warning) {
            members.warnings.push(warning);
        }
    }
    Ok(loaded.node)
}

fn groups_document(source: &Source, members: &mut Members) -> Result<Node, InventoryError> {
    let Some(node) = document_of(source, members)?.filter(|node| !yaml::is_nothing(node)) else {
        return Err(Problem::Empty("YAML").into());
    };
    if let Some(plugin) = node.get("plugin").filter(|plugin| !yaml::is_nothing(plugin)) {
        return Err(Problem::Configuration.at(plugin.span.clone()));
    }
    Ok(node)
}

/// A YAML file that names its plugin.
fn auto(source: &Source, reading: &mut Reading<'_>) -> Vec<InventoryError> {
    let node = match document_of(source, reading.members) {
        Ok(node) => node,
        Err(error) => return vec![error],
    };
    let named = node.as_ref().and_then(|node| node.get("plugin"));
    let Some(named) = named.filter(|name| !yaml::is_nothing(name)) else {
        return vec![Problem::NoPlugin(source.path.clone()).into()];
    };
    let name = named.as_str().unwrap_or_default();
    match Plugin::parse(name) {
        None => {
            let problem = Problem::Plugin { path: source.path.clone(), name: name.to_owned() };
            vec![problem.at(named.span.clone())]
        }
        // a file that names this one says nothing
        Some(Plugin::Auto) => vec![Problem::NoPlugin(source.path.clone()).into()],
        Some(plugin) if !plugin.wants(source, reading.settings) => {
            let problem = Problem::NotVerified { path: source.path.clone(), name: name.to_owned() };
            vec![problem.at(named.span.clone())]
        }
        Some(plugin) => plugin.read(source, reading),
    }
}

/// A plugin with a YAML file as its configuration.
fn configured(
    plugin: Plugin,
    source: &Source,
    reading: &mut Reading<'_>,
    read: fn(&Node, &Source, &mut Reading<'_>) -> Result<(), InventoryError>,
) -> Vec<InventoryError> {
    let node = match document_of(source, reading.members) {
        Ok(Some(node)) if !yaml::is_nothing(&node) => node,
        Ok(_) => return vec![Problem::EmptyConfiguration(source.path.clone()).into()],
        Err(error) => return vec![error],
    };
    let named = node.get("plugin").and_then(Node::as_str);
    if named.and_then(Plugin::parse) != Some(plugin) {
        let named = named.unwrap_or("none found").to_owned();
        return vec![Problem::WrongPlugin(named).at(node.span.clone())];
    }
    read(&node, source, reading).err().into_iter().collect()
}
