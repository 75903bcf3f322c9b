//! What expressions of inventories give.

use minijinja::Value;

use super::error::{InventoryError, Problem};
use super::given::{Trust, from_json};
use crate::source::{Node, Span};
use crate::template::{TemplateError, to_json};

/// A template or expression that cannot be evaluated.
pub(super) fn failed(error: TemplateError) -> InventoryError {
    let span = error.span.clone();
    InventoryError { problem: Problem::Template(Box::new(error)), span }
}

/// The result of a template or expression as a value of the inventory.
///
/// What an expression makes is no template; what it only names stays what it was.
pub(super) fn rendered(value: &Value, written: &str, span: &Span) -> Result<Node, InventoryError> {
    let inner = written.trim();
    let inner =
        inner.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(inner).trim();
    let names_only = inner.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let trust = if names_only { Trust::Templates } else { Trust::Plain };
    Ok(from_json(&to_json(value).map_err(failed)?, trust, span))
}
