//! What JSON says of its texts: `{"__ansible_unsafe": …}` and `{"__ansible_vault": …}`.

use super::super::{Kind, Node};

/// Whether a text can have such marks: it is JSON, and names one.
pub(super) fn may_have(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && (text.contains("\"__ansible_unsafe\"") || text.contains("\"__ansible_vault\""))
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Reads the marks in a document.
pub(super) fn read(node: &mut Node) {
    let marked = match &mut node.kind {
        Kind::Seq(elements) => {
            elements.iter_mut().for_each(read);
            None
        }
        Kind::Map(entries) => match entries.as_slice() {
            [(key, value)] if value.as_str().is_some() => match key.as_str() {
                Some("__ansible_unsafe") => Some(Kind::Unsafe(Box::new(value.clone()))),
                Some("__ansible_vault") => value.as_str().map(|text| Kind::Vault(text.to_owned())),
                _ => None,
            },
            _ => {
                for (_, value) in entries.iter_mut() {
                    read(value);
                }
                None
            }
        },
        _ => None,
    };
    if let Some(kind) = marked {
        node.kind = kind;
    }
}
