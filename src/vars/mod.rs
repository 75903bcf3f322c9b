//! The variables of a host: many scopes, one ordered view.

mod from_node;
mod layer;
mod lazy;
mod merge;
mod scope;

pub use layer::{Layer, Var};
pub use merge::{HashBehaviour, merge, merged};
pub use scope::Scope;

pub(crate) use lazy::{LazyList, LazyMap, ScopeValue, UnknownResult};
