//! Files of the user: their text, places in them, and YAML as Ansible reads it.

mod node;
mod span;

pub use node::{Kind, Node, Text};
pub use span::{Place, SourceFile, Span};
