//! Inventories in YAML form.

use super::error::{InventoryError, Problem};
use super::given::{Given, key_text};
use super::ini::expand;
use super::members::{GroupIndex, Members, Origin};
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node};

/// Adds what a YAML document of groups says.
pub(super) fn read(node: &Node, members: &mut Members, origin: &Origin) -> Vec<InventoryError> {
    let mut reader = Reader { members, origin, errors: Vec::new() };
    let Some(groups) = node.as_map() else {
        return vec![Problem::NotGroups(node.describe()).at(node.span.clone())];
    };
    for (name, body) in groups {
        reader.group(name, body);
    }
    reader.errors
}

struct Reader<'a> {
    members: &'a mut Members,
    origin: &'a Origin,
    errors: Vec<InventoryError>,
}

impl Reader<'_> {
    fn kept<T>(&mut self, result: Result<T, InventoryError>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    fn name<'n>(&mut self, what: &'static str, name: &'n Node) -> Option<&'n str> {
        let wrong = || match what {
            "host" => Problem::HostNotText(key_text(name)),
            _ => Problem::NotText { what, found: name.describe() },
        };
        let text = name.as_str().ok_or_else(|| wrong().at(name.span.clone()));
        self.kept(text)
    }

    /// The name of a variable, which should be one.
    fn variable(&mut self, name: &Node) -> String {
        let text = key_text(name);
        if name.as_str().is_none() {
            self.warn(format!("Accepting inventory variable with invalid name {text}."), name);
        }
        text
    }

    fn warn(&mut self, message: String, node: &Node) {
        self.members.warnings.push(Diagnostic::warning(message, Some(node.span.clone())));
    }

    fn group(&mut self, name: &Node, body: &Node) -> Option<GroupIndex> {
        let text = self.name("group", name)?;
        if !body.is_null() && body.as_map().is_none() {
            let message = format!("Skipping '{text}' as this is not a valid group definition");
            self.warn(message, name);
            return None;
        }
        let index = self.members.group(text, Some(&name.span));
        let index = self.kept(index.map_err(|problem| problem.at(name.span.clone())))?;
        for (key, value) in body.as_map().unwrap_or_default() {
            match key.as_str() {
                Some("vars") => self.vars(text, index, value),
                Some("children") => self.children(text, index, value),
                Some("hosts") => self.hosts(text, index, value),
                _ if value.is_null() => {}
                _ => {
                    let shown = key.as_str().unwrap_or(key.describe());
                    let message = if value.as_map().is_some() {
                        format!(
                            "Skipping unexpected key ({shown}) in group ({text}), only \"vars\", \
                             \"children\" and \"hosts\" are valid"
                        )
                    } else {
                        format!(
                            "Skipping key ({shown}) in group ({text}) as it is not a mapping, \
                             it is {}",
                            value.describe()
                        )
                    };
                    self.warn(message, key);
                }
            }
        }
        Some(index)
    }

    /// The entries of a section; text alone is a key without a value.
    fn entries(
        &mut self,
        section: &'static str,
        group: &str,
        value: &Node,
    ) -> Vec<(Node, Option<Node>)> {
        match &value.kind {
            Kind::Map(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
            }
            Kind::Str(_) => vec![(value.clone(), None)],
            Kind::Null => Vec::new(),
            _ => {
                let found = value.describe();
                let problem = Problem::GroupSection { section, group: group.to_owned(), found };
                self.errors.push(problem.at(value.span.clone()));
                Vec::new()
            }
        }
    }

    fn vars(&mut self, group: &str, index: GroupIndex, value: &Node) {
        for (key, value) in self.entries("vars", group, value) {
            let name = self.variable(&key);
            let null = Node { kind: Kind::Null, span: key.span.clone() };
            let value = value.unwrap_or(null).into();
            let set = self.members.set_group_var(index, &name, &value);
            self.kept(set);
        }
    }

    fn children(&mut self, group: &str, index: GroupIndex, value: &Node) {
        for (key, body) in self.entries("children", group, value) {
            let null = Node { kind: Kind::Null, span: key.span.clone() };
            if let Some(child) = self.group(&key, body.as_ref().unwrap_or(&null)) {
                let added = self.members.add_child(index, child);
                self.kept(added.map_err(|problem| problem.at(key.span.clone())));
            } else if let Some(body) = body {
                let problem = Problem::GroupSection {
                    section: "children",
                    group: group.to_owned(),
                    found: body.describe(),
                };
                self.errors.push(problem.at(body.span.clone()));
            }
        }
    }

    fn hosts(&mut self, group: &str, index: GroupIndex, value: &Node) {
        for (key, body) in self.entries("hosts", group, value) {
            let Some(pattern) = self.name("host", &key) else { continue };
            let expanded = expand(pattern).map_err(|problem| problem.at(key.span.clone()));
            let Some((names, port)) = self.kept(expanded) else { continue };
            let vars = match &body {
                None => &[],
                Some(body) if is_nothing(body) => &[],
                Some(body) => match body.as_map() {
                    Some(entries) => entries,
                    None => {
                        let found = body.describe();
                        let problem = Problem::HostVars { host: pattern.to_owned(), found };
                        self.errors.push(problem.at(body.span.clone()));
                        continue;
                    }
                },
            };
            let vars: Vec<(String, Given)> = vars
                .iter()
                .map(|(name, value)| (self.variable(name), Given::from(value.clone())))
                .collect();
            for name in names {
                let host = self
                    .members
                    .host(&name, index, port, self.origin)
                    .map_err(|problem| problem.at(key.span.clone()));
                let Some(host) = self.kept(host) else { continue };
                for (name, value) in &vars {
                    self.members.set_host_var(host, name, value);
                }
            }
        }
    }
}

/// What Python takes as false, which stands for no variables.
pub(super) fn is_nothing(node: &Node) -> bool {
    match &node.kind {
        Kind::Null | Kind::Bool(false) | Kind::Int(0) => true,
        Kind::Str(text) => text.value.is_empty(),
        Kind::Seq(elements) => elements.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        _ => false,
    }
}
