//! What rendering tells beside its value: warnings, and uses of what goes away.

use std::sync::OnceLock;

use crate::source::Span;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'t> {
    /// Something is amiss.
    Warning(&'t str),
    /// Something in the user's files is amiss.
    Discouraged {
        /// What.
        text: &'t str,
        /// Where.
        span: Option<&'t Span>,
        /// What helps.
        help: Option<&'t str>,
    },
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

/// Tells of a template inside of a constant of a template.
pub(super) fn embedded(span: Option<&Span>, text: &'static str) {
    let help = match text {
        "expression" => {
            "Use inline expressions, for example: `when: \"{{ a_var }}\" == 42` becomes \
             `when: a_var == 42`"
        }
        _ => {
            "Use inline expressions, for example: `msg: \"{{ lookup('env', '{{ a_var }}') }}\"` \
             becomes `msg: \"{{ lookup('env', a_var) }}\"`"
        }
    };
    let text = "Jinja constant strings should not contain embedded templates. This feature will be \
                disabled by default in ansible-core 2.23.";
    tell(Told::Discouraged { text, span, help: Some(help) });
}

/// Tells of something in the user's files that nothing helps with.
pub(super) fn discouraged(text: &str, span: Option<&Span>) {
    tell(Told::Discouraged { text, span, help: None });
}

/// Tells of a use of what goes away.
pub(super) fn deprecated(text: &str, span: &Span, help: Option<&str>) {
    tell(Told::Deprecation { text, span: Some(span), help });
}
