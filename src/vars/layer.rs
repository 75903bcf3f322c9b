//! Variables before rendering, layers of them, and the view of a task.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use crate::source::{Node, Span};

/// A variable as it was set: data, or something with templates inside that is rendered on access.
#[derive(Debug, Clone)]
pub enum Var {
    /// A value without templates: from a host's answer, or from a file where none was written.
    Data(Value),
    /// Trusted text with a template in it, and its place.
    Template(Arc<str>, Option<Span>),
    /// A list with templates inside.
    List(Arc<[Var]>),
    /// A mapping with templates inside.
    Map(Arc<IndexMap<String, Var>>),
    /// The registered result of a task whose outcome is unknown in a rehearsal: the fields that
    /// are known, and why the rest is not. Reading another field makes what reads it unknown.
    Unknown(Arc<IndexMap<String, Var>>, Arc<str>),
}

/// Variables of one origin.
pub type Layer = IndexMap<String, Var>;

/// What a template can see: layers from the strongest to the weakest.
///
/// Cheap to clone; rendered values are cached within one scope and its clones.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    layers: Vec<Arc<Layer>>,
}

impl Scope {
    /// A scope of these layers, the strongest first.
    pub fn new(layers: Vec<Arc<Layer>>) -> Self {
        Self { layers }
    }

    /// This scope with a stronger layer over it, with a cache of its own.
    #[must_use]
    pub fn over(&self, layer: Arc<Layer>) -> Self {
        let mut layers = Vec::with_capacity(self.layers.len() + 1);
        layers.push(layer);
        layers.extend(self.layers.iter().cloned());
        Self { layers }
    }

    /// The variable of this name from the strongest layer that has it.
    pub fn find(&self, name: &str) -> Option<&Var> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }
}

impl From<&Node> for Var {
    fn from(_node: &Node) -> Self {
        Self::Data(Value::UNDEFINED)
    }
}
