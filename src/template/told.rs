//! What rendering tells beside its value: warnings, and uses of what goes away.

use std::sync::OnceLock;

use crate::source::Span;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'t> {
    /// Something is amiss.
    Warning(&'t str),
    /// Something is used that goes away.
    Deprecation {
        /// What.
        text: &'t str,
        /// Where.
        span: Option<&'t Span>,
        /// What helps.
        help: Option<&'t str>,
    },
}

static LISTENER: OnceLock<fn(Told<'_>)> = OnceLock::new();

/// From now on what rendering tells is heard.
pub fn listen(listener: fn(Told<'_>)) {
    // the first one stays
    let _ = LISTENER.set(listener);
}

/// Tells.
pub(super) fn tell(told: Told<'_>) {
    if let Some(listener) = LISTENER.get() {
        listener(told);
    }
}

/// Tells of a use of what goes away.
pub(super) fn deprecated(text: &str, span: &Span, help: Option<&str>) {
    tell(Told::Deprecation { text, span: Some(span), help });
}
