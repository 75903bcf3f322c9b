//! `constructed`: variables and groups of the hosts so far, by expressions.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::{InventoryError, Problem};
use super::keyed_groups::KeyedGroup;
use super::load::{self, Source};
use super::members::{GroupIndex, HostIndex, Members};
use super::plugin::Reading;
use super::result::rendered;
use super::vars_files::Beside;
use super::{group_names, inventory};
use crate::source::{Kind, Node};
use crate::template::Templar;
use crate::vars::{Layer, Scope};

/// Adds what the expressions of a configuration say.
pub(super) fn read(
    node: &Node,
    source: &Source,
    reading: &mut Reading<'_>,
) -> Result<(), InventoryError> {
    let options = Options::of(node, reading)?;
    let mut beside = Vec::new();
    if options.use_vars_plugins {
        let mut dirs: HashMap<PathBuf, Arc<Beside>> = HashMap::new();
        for source in reading.processed {
            let Some(dir) = load::folder_of(source) else { continue };
            let read = dirs.entry(dir.clone()).or_insert_with(|| {
                let (mut warnings, none) = (Vec::new(), std::iter::empty::<&str>);
                let mappings = reading.settings.mappings;
                Arc::new(Beside::read(&dir, none(), none(), mappings, &mut warnings))
            });
            beside.push(Arc::clone(read));
        }
    }
    reading.members.measure_depths();
    let extra_vars = Arc::new(reading.settings.extra_vars.clone());
    let mut constructor = Constructor {
        members: reading.members,
        templar: Templar::new(),
        options: &options,
        beside,
        extra_vars,
    };
    for host in 0..constructor.members.hosts.len() {
        constructor.host(host).map_err(|error| InventoryError {
            span: error.span.clone(),
            problem: Problem::Constructed(source.path.clone(), Box::new(error)),
        })?;
    }
    Ok(())
}

/// The options of a configuration.
struct Options<'n> {
    strict: bool,
    use_vars_plugins: bool,
    use_extra_vars: bool,
    /// Whether a keyed group without a prefix begins with the separator.
    leading_separator: bool,
    compose: &'n [(Node, Node)],
    groups: &'n [(Node, Node)],
    keyed_groups: &'n [Node],
}

impl<'n> Options<'n> {
    fn of(node: &'n Node, reading: &Reading<'_>) -> Result<Self, InventoryError> {
        let mut options = Self {
            strict: false,
            use_vars_plugins: false,
            use_extra_vars: reading.settings.use_extra_vars,
            leading_separator: true,
            compose: &[],
            groups: &[],
            keyed_groups: &[],
        };
        for (key, value) in node.as_map().unwrap_or_default() {
            if value.is_null() {
                continue;
            }
            match key.as_str().unwrap_or_default() {
                "strict" => options.strict = flag("strict", value)?,
                "use_vars_plugins" => {
                    options.use_vars_plugins = flag("use_vars_plugins", value)?;
                }
                "use_extra_vars" => options.use_extra_vars = flag("use_extra_vars", value)?,
                "leading_separator" => {
                    options.leading_separator = flag("leading_separator", value)?;
                }
                "compose" => options.compose = mapping("compose", value)?,
                "groups" => options.groups = mapping("groups", value)?,
                "keyed_groups" => {
                    options.keyed_groups =
                        value.as_seq().ok_or_else(|| wrong("keyed_groups", "a list", value))?;
                }
                // Ansible takes no notice of other keys
                _ => {}
            }
        }
        Ok(options)
    }
}

fn wrong(option: &str, wanted: &str, found: &Node) -> InventoryError {
    let found_words = found.describe();
    Problem::Option(format!("the option `{option}` must be {wanted}, found {found_words}"))
        .at(found.span.clone())
}

/// The boolean of an option.
pub(super) fn flag(option: &str, value: &Node) -> Result<bool, InventoryError> {
    let word = match &value.kind {
        Kind::Bool(flag) => return Ok(*flag),
        Kind::Int(number) => number.to_string(),
        Kind::Str(text) => text.value.to_lowercase(),
        _ => String::new(),
    };
    match word.as_str() {
        "yes" | "on" | "1" | "true" | "t" | "y" => Ok(true),
        "no" | "off" | "0" | "false" | "f" | "n" => Ok(false),
        _ => Err(wrong(option, "a boolean", value)),
    }
}

fn mapping<'n>(option: &str, value: &'n Node) -> Result<&'n [(Node, Node)], InventoryError> {
    value.as_map().ok_or_else(|| wrong(option, "a mapping", value))
}

struct Constructor<'a> {
    members: &'a mut Members,
    templar: Arc<Templar>,
    options: &'a Options<'a>,
    /// Variables files that are seen, in order.
    beside: Vec<Arc<Beside>>,
    extra_vars: Arc<Layer>,
}

impl Constructor<'_> {
    fn host(&mut self, host: HostIndex) -> Result<(), InventoryError> {
        let scope = self.scope(host)?;
        let composing = match self.options.use_extra_vars {
            true => scope.over(Arc::clone(&self.extra_vars)),
            false => scope,
        };
        for (name, expression) in self.options.compose {
            self.compose(host, name, expression, &composing)?;
        }
        let scope = self.scope(host)?;
        for (name, condition) in self.options.groups {
            self.group(host, name, condition, &scope)?;
        }
        let scope = match self.options.use_extra_vars {
            true => scope.over(Arc::clone(&self.extra_vars)),
            false => scope,
        };
        for entry in self.options.keyed_groups {
            self.keyed(host, entry, &scope)?;
        }
        Ok(())
    }

    fn name_of(&self, host: HostIndex) -> String {
        self.members.hosts.get_index(host).map(|(name, _)| name.to_string()).unwrap_or_default()
    }

    /// The variables of a host as the sources so far have them.
    fn scope(&self, host: HostIndex) -> Result<Scope, InventoryError> {
        let name = self.name_of(host);
        let mut groups = inventory::sorted_groups(self.members, &name);
        groups.reverse();
        let mut layers = vec![Arc::new(inventory::names_of_host(self.members, &name))];
        let broken = |error: Arc<InventoryError>| InventoryError::from(Problem::VarsFile(error));
        for beside in self.beside.iter().rev() {
            if let Some(layer) = beside.hosts.of(&name) {
                layers.push(layer.map_err(broken)?.layer);
            }
        }
        layers.extend(
            self.members.hosts.get_index(host).map(|(_, host)| Arc::clone(&host.vars.layer)),
        );
        for beside in self.beside.iter().rev() {
            for group in &groups {
                if let Some(layer) = beside.groups.of(self.members.name(*group)) {
                    layers.push(layer.map_err(broken)?.layer);
                }
            }
        }
        layers.extend(
            groups
                .iter()
                .filter_map(|group| self.members.at(*group))
                .map(|g| Arc::clone(&g.vars.layer)),
        );
        Ok(Scope::new(layers))
    }

    fn compose(
        &mut self,
        host: HostIndex,
        name: &Node,
        expression: &Node,
        scope: &Scope,
    ) -> Result<(), InventoryError> {
        let variable = name.as_str().unwrap_or_default();
        let composed = match expression.as_str() {
            Some(text) => self
                .templar
                .expression(text, Some(&expression.span), scope)
                .map_err(super::result::failed)
                .and_then(|value| rendered(&value, text, &expression.span)),
            None => Err(wrong("compose", "an expression", expression)),
        };
        match composed {
            Ok(value) => self.members.set_host_var(host, variable, &value.into()),
            Err(error) if self.options.strict => {
                let host = self.name_of(host);
                let what = format!("Could not set {variable} for host {host}");
                return Err(because(what, error));
            }
            // it may need what is not known yet
            Err(_) => {}
        }
        Ok(())
    }

    fn group(
        &mut self,
        host: HostIndex,
        name: &Node,
        condition: &Node,
        scope: &Scope,
    ) -> Result<(), InventoryError> {
        let group = group_names::safe(name.as_str().unwrap_or_default());
        match self.templar.condition(condition, scope).map_err(super::result::failed) {
            Ok(true) => {
                let group = self
                    .members
                    .group(&group, Some(&name.span))
                    .map_err(|problem| problem.at(name.span.clone()))?;
                self.members.join(host, group);
            }
            Ok(false) => {}
            Err(error) if self.options.strict => {
                let host = self.name_of(host);
                let what = format!("Could not add host {host} to group {group}");
                return Err(because(what, error));
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn keyed(
        &mut self,
        host: HostIndex,
        entry: &Node,
        scope: &Scope,
    ) -> Result<(), InventoryError> {
        let keyed = KeyedGroup::of(entry)?;
        let found = match keyed.names(&self.templar, scope, self.options.leading_separator) {
            Ok(found) => found,
            Err(error) if error.always || self.options.strict => {
                let host = self.name_of(host);
                let key = keyed.key.as_str().unwrap_or_default();
                let what = format!("Could not generate group for host {host} from {key} entry");
                return Err(because(what, error.error));
            }
            Err(_) => return Ok(()),
        };
        if found.is_empty && self.options.strict {
            let key = keyed.key.as_str().unwrap_or_default();
            let host = self.name_of(host);
            let text =
                format!("No key or key resulted empty for {key} in host {host}, invalid entry");
            return Err(Problem::Option(text).at(entry.span.clone()));
        }
        let place = |problem: Problem| problem.at(entry.span.clone());
        for name in found.names {
            let group = self.members.group(&name, Some(&entry.span)).map_err(place)?;
            self.members.join(host, group);
            if let Some(parent) = &found.parent {
                let parent = self.members.group(parent, Some(&entry.span)).map_err(place)?;
                self.child(parent, group).map_err(place)?;
            }
        }
        Ok(())
    }

    fn child(&mut self, parent: GroupIndex, group: GroupIndex) -> Result<(), Problem> {
        self.members.add_child(parent, group)?;
        self.members.measure_depths();
        Ok(())
    }
}

fn because(what: String, error: InventoryError) -> InventoryError {
    InventoryError { span: error.span.clone(), problem: Problem::Because(what, Box::new(error)) }
}
