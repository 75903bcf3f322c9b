//! The variables of a host: many scopes, one ordered view.

mod from_node;
mod layer;
mod lazy;
mod merge;
mod scope;
mod watch;

pub use layer::{Layer, Var};
pub use merge::{HashBehaviour, merge, merged};
pub(crate) use scope::Implied;
pub use scope::Scope;

pub(crate) use lazy::{LazyList, LazyMap, ScopeValue, UnknownResult, unknown};
pub(crate) use watch::{Reads, note_look, refuses_lookup, watched};
