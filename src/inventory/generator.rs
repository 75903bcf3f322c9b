//! `generator`: hosts by all combinations of the values of its layers.

use std::sync::Arc;

use minijinja::Value;

use super::error::{InventoryError, Problem};
use super::load::Source;
use super::members::{GroupIndex, Members};
use super::plugin::Reading;
use super::result::{self, rendered};
use crate::source::{Kind, Node};
use crate::template::Templar;
use crate::vars::{Layer, Scope, Var};

/// Makes the hosts of a configuration, and their groups.
pub(super) fn read(
    node: &Node,
    source: &Source,
    reading: &mut Reading<'_>,
) -> Result<(), InventoryError> {
    let missing = |what| Problem::Option(format!("the option `{what}` is missing"));
    let layers = node.get("layers").ok_or_else(|| missing("layers").at(node.span.clone()))?;
    let hosts = node.get("hosts").ok_or_else(|| missing("hosts").at(node.span.clone()))?;
    let pattern = hosts.get("name").ok_or_else(|| missing("name").at(hosts.span.clone()))?;
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (name, list) in layers.as_map().unwrap_or_default() {
        let Some(list) = list.as_seq() else {
            let problem = Problem::Option("a layer is a list of values".to_owned());
            return Err(problem.at(list.span.clone()));
        };
        names.push(name.as_str().unwrap_or_default());
        values.push(list);
    }
    let templar = Templar::new();
    let mut generator = Generator { members: reading.members, templar: &templar };
    let origin = source.origin();
    let mut chosen = vec![0; values.len()];
    // a layer without values leaves no combination
    while values.iter().zip(&chosen).all(|(list, index)| *index < list.len()) {
        let layer: Layer = names
            .iter()
            .zip(&values)
            .zip(&chosen)
            .filter_map(|((name, list), index)| {
                Some(((*name).to_owned(), Var::from(list.get(*index)?)))
            })
            .collect();
        let scope = Scope::new(vec![Arc::new(layer)]);
        let name = generator.name(pattern, &scope)?;
        let host = generator
            .members
            .listed_host(&name, &origin)
            .map_err(|problem| problem.at(pattern.span.clone()))?;
        if let Some(parents) = hosts.get("parents") {
            generator.parents(Child::Host(host), &name, parents, &scope)?;
        }
        if !next(&mut chosen, &values) {
            break;
        }
    }
    Ok(())
}

/// Goes on to the next combination; the last layer changes first.
fn next(chosen: &mut [usize], values: &[&[Node]]) -> bool {
    for (index, list) in chosen.iter_mut().zip(values).rev() {
        *index += 1;
        if *index < list.len() {
            return true;
        }
        *index = 0;
    }
    false
}

enum Child {
    Host(usize),
    Group(GroupIndex),
}

struct Generator<'a> {
    members: &'a mut Members,
    templar: &'a Templar,
}

impl Generator<'_> {
    fn name(&self, pattern: &Node, scope: &Scope) -> Result<String, InventoryError> {
        let value = self.templar.node(pattern, scope).map_err(result::failed)?;
        Ok(if value.is_none() { String::new() } else { value.to_string() })
    }

    fn parents(
        &mut self,
        child: Child,
        name: &str,
        parents: &Node,
        scope: &Scope,
    ) -> Result<(), InventoryError> {
        for parent in parents.as_seq().unwrap_or_default() {
            let group = match parent.get("name") {
                Some(pattern) => self.name(pattern, scope)?,
                None => String::new(),
            };
            if group.is_empty() {
                return Err(Problem::UnnamedParent(name.to_owned()).at(parent.span.clone()));
            }
            let index = self
                .members
                .group(&group, Some(&parent.span))
                .map_err(|problem| problem.at(parent.span.clone()))?;
            let vars = parent.get("vars").and_then(Node::as_map).unwrap_or_default();
            for (name, value) in vars {
                let value = self.value(value, scope)?;
                self.members.set_group_var(
                    index,
                    name.as_str().unwrap_or_default(),
                    &value.into(),
                )?;
            }
            match child {
                Child::Host(host) => {
                    self.members.join(host, index);
                }
                Child::Group(child) => {
                    self.members
                        .add_child(index, child)
                        .map_err(|problem| problem.at(parent.span.clone()))?;
                }
            }
            if let Some(parents) = parent.get("parents") {
                self.parents(Child::Group(index), &group, parents, scope)?;
            }
        }
        Ok(())
    }

    /// Text is rendered; lists and mappings are left for the hosts that read them.
    fn value(&self, value: &Node, scope: &Scope) -> Result<Node, InventoryError> {
        let Kind::Str(text) = &value.kind else { return Ok(value.clone()) };
        let found: Value = self.templar.node(value, scope).map_err(result::failed)?;
        rendered(&found, &text.value, &value.span)
    }
}
