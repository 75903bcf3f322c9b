//! Names of files and roles in static imports: rendered before any host is known.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::playbook::StaticNames;
use crate::source::Node;
use crate::template::Templar;
use crate::vars::{Layer, Scope};

use super::context::layer;

/// Renders with the variables of the command line over those of the places around an import.
#[derive(Clone)]
pub struct KnownNames {
    /// Renders.
    pub templar: Arc<Templar>,
    /// `--extra-vars`
    pub extra_vars: Arc<Layer>,
}

impl KnownNames {
    fn value(&self, name: &Node, around: &[Vec<(String, Node)>]) -> Result<Value, String> {
        let mut layers = vec![Arc::clone(&self.extra_vars)];
        layers.extend(around.iter().rev().map(|entries| layer(entries)));
        layers.retain(|layer| !layer.is_empty());
        self.templar.node(name, &Scope::new(layers)).map_err(|error| error.to_string())
    }
}

impl StaticNames for KnownNames {
    fn render(&self, name: &Node, around: &[Vec<(String, Node)>]) -> Result<String, String> {
        self.value(name, around).map(|value| value.to_string())
    }

    fn render_list(
        &self,
        name: &Node,
        around: &[Vec<(String, Node)>],
    ) -> Result<Vec<String>, String> {
        let value = self.value(name, around)?;
        Ok(match value.kind() {
            ValueKind::Seq => {
                value.try_iter().into_iter().flatten().map(|word| word.to_string()).collect()
            }
            _ => vec![value.to_string()],
        })
    }
}
