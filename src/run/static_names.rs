//! Names of files and roles in static imports: rendered before any host is known.

use std::sync::Arc;

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

impl StaticNames for KnownNames {
    fn render(&self, name: &Node, around: &[Vec<(String, Node)>]) -> Result<String, String> {
        let mut layers = vec![Arc::clone(&self.extra_vars)];
        layers.extend(around.iter().rev().map(|entries| layer(entries)));
        layers.retain(|layer| !layer.is_empty());
        self.templar
            .node(name, &Scope::new(layers))
            .map(|value| value.to_string())
            .map_err(|error| error.to_string())
    }
}
