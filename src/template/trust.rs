//! Text that may be a template: what stands in the user's own files, not what hosts or lookups say.
//!
//! A literal of a file is marked as such by its value; what a template makes is not. The mark only
//! tells: data is never rendered, whatever it is marked as.

use minijinja::Value;

use crate::vault;

/// Text of the user's.
pub(crate) fn trusted(text: &str) -> Value {
    Value::from_safe_string(text.to_owned())
}

/// Whether it is text of the user's.
pub(crate) fn is_trusted(value: &Value) -> bool {
    value.is_safe() && vault::ciphertext_of(value).is_none()
}

/// What a template gives, which is no longer text of the user's.
pub(super) fn untrusted(value: Value) -> Value {
    match value.as_str() {
        Some(text) if is_trusted(&value) => Value::from(text),
        _ => value,
    }
}
