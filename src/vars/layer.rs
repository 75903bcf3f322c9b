//! Variables before rendering, and layers of them.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use crate::source::Span;

/// A variable as it was set: data, or something with templates inside that is rendered on access.
#[derive(Debug, Clone)]
pub enum Var {
    /// A value without templates: from a host's answer, or from a file where none was written.
    Data(Value),
    /// Trusted text with a template in it, and its place.
    Template(Arc<str>, Option<Span>),
    /// The ciphertext of a `!vault` value, opened when it is read, and its place.
    Vault(Arc<str>, Option<Span>),
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
