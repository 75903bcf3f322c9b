//! Text that may be a template: what stands in the user's own files, not what hosts or lookups say.
//!
//! A literal of a file is marked as such by its value, and stays so where a template hands it on as
//! it is; what a template makes is not. The mark only tells: data is never rendered, whatever it is
//! marked as.

use std::sync::OnceLock;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::vault;

/// Text of the user's.
pub(crate) fn trusted(text: &str) -> Value {
    Value::from_safe_string(text.to_owned())
}

/// Whether it is text of the user's.
pub(crate) fn is_trusted(value: &Value) -> bool {
    value.is_safe() && vault::ciphertext_of(value).is_none()
}

/// Hears of data that looks like a template, where the user asks for it.
static LISTENER: OnceLock<fn(Option<&str>)> = OnceLock::new();

/// From now on data that looks like a template is told when it is read.
pub fn tell_of_untrusted(tell: fn(Option<&str>)) {
    // the first one stays
    let _ = LISTENER.set(tell);
}

/// Tells of texts in the data of a variable that look like a template; not what they say.
pub(crate) fn look_at(value: &Value, name: Option<&str>) {
    if let Some(tell) = LISTENER.get()
        && looks_like_template(value)
    {
        tell(name);
    }
}

fn looks_like_template(value: &Value) -> bool {
    let mut parts = value.try_iter().into_iter().flatten();
    match value.kind() {
        ValueKind::String => !value.is_safe() && value.as_str().is_some_and(super::holds_template),
        ValueKind::Seq => parts.any(|element| looks_like_template(&element)),
        ValueKind::Map => {
            parts.any(|key| value.get_item(&key).is_ok_and(|entry| looks_like_template(&entry)))
        }
        _ => false,
    }
}
