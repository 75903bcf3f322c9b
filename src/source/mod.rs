//! Files of the user: their text, places in them, and YAML as Ansible reads it.

mod error;
pub mod inputs;
mod node;
mod read;
mod replace;
mod span;
pub mod yaml;

pub use error::{Problem, SourceError, YamlError};
pub use node::{Kind, Node, Text};
pub use replace::replace;
pub use span::{Place, SourceFile, Span};
