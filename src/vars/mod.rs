//! The variables of a host: many scopes, one ordered view.

mod layer;

pub use layer::{Layer, Scope, Var};
