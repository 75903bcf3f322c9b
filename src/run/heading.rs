//! What a play is called and which hosts it names: rendered before any of them takes part.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::diagnostics::Diagnostic;
use crate::inventory::Inventory;
use crate::playbook::Play;
use crate::source::Node;
use crate::template::Templar;
use crate::vars::{Layer, Scope};

use super::context::layer;
use super::vars_files;

/// A play's number, name and patterns, without templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its number in the run or in its playbook, from 0.
    pub number: usize,
    /// Its name; its patterns where it has none.
    pub name: String,
    /// What it names in `hosts`.
    pub patterns: Vec<String>,
}

impl Heading {
    /// Renders with the variables of the command line (`outside`, the strongest first), those of
    /// the play and `groups`; no host has a say.
    ///
    /// # Errors
    ///
    /// The keyword that cannot be rendered, with its place.
    pub fn render(
        templar: &Templar,
        play: &Play,
        number: usize,
        inventory: &Inventory,
        outside: &[Arc<Layer>],
    ) -> Result<Self, Box<Diagnostic>> {
        let mut layers = outside.to_vec();
        layers.extend(vars_files::without_hosts(templar, play, outside));
        layers.push(layer(&play.keywords.vars));
        let mut groups = inventory.magic("");
        groups.retain(|name, _| name == "groups");
        layers.push(Arc::new(groups));
        let scope = Scope::new(layers);
        let value = |keyword: &str, node: &Node| {
            templar.node(node, &scope).map_err(|error| {
                let mut diagnostic = Diagnostic::error(&error);
                let why = diagnostic.message;
                diagnostic.message = format!("Error processing keyword '{keyword}': {why}");
                diagnostic.span = Some(node.span.clone());
                Box::new(diagnostic)
            })
        };
        let hosts = value("hosts", &play.hosts)?;
        let patterns = match hosts.kind() {
            ValueKind::Seq => texts(&hosts),
            _ => vec![hosts.to_string()],
        };
        let name = match &play.name {
            Some(name) => value("name", name)?.to_string(),
            None => patterns.join(","),
        };
        Ok(Self { number, name, patterns })
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.try_iter().into_iter().flatten().map(|part| part.to_string()).collect()
}
