//! Text that is HTML already: Python's `markupsafe.Markup`.
//!
//! It is text like any other to all that does not ask. That it is HTML is known by the place of
//! its letters, which no other text has as long as one holds it; a copy of the letters alone is
//! plain text again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use minijinja::Value;

use super::class::{Class, class_of};
use super::containers::{List, dict, list, tuple};
use super::text::text;
use super::{deeper, elements, entries};
use crate::template::failure::Outcome;

/// So many texts, or so many bytes of them, may be known before those are forgotten that nobody
/// holds any longer.
const TEXTS: usize = 1024;
const BYTES: usize = 4 << 20;

#[derive(Default)]
struct Known {
    texts: HashMap<usize, Weak<str>>,
    /// What is known since those that nobody holds were forgotten.
    bytes: usize,
    /// The number of texts at which that is done next.
    next: usize,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// How many are known, so that who never makes one pays nothing.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Text that is HTML already.
pub(in crate::template) fn markup(html: impl Into<Arc<str>>) -> Value {
    let html: Arc<str> = html.into();
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.bytes += html.len();
    if known.texts.len() >= known.next.max(TEXTS) || known.bytes >= BYTES {
        known.texts.retain(|_, text| text.strong_count() > 0);
        (known.bytes, known.next) = (0, known.texts.len() * 2);
    }
    known.texts.insert(html.as_ptr().addr(), Arc::downgrade(&html));
    COUNT.store(known.texts.len(), Ordering::Relaxed);
    Value::from(html)
}

/// Whether it is text that is HTML already.
pub(in crate::template) fn is_markup(value: &Value) -> bool {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let Some(html) = value.as_str() else { return false };
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.texts.get(&html.as_ptr().addr()).is_some_and(|text| text.strong_count() > 0)
}

/// The text made into HTML where what it comes from is HTML.
pub(in crate::template) fn like(origin: &Value, made: String) -> Value {
    if is_markup(origin) { markup(made) } else { Value::from(made) }
}

/// The text of a value as HTML: escaped, unless it is HTML already.
pub(in crate::template) fn escaped(value: &Value) -> Outcome<String> {
    let plain = text(value)?;
    Ok(if is_markup(value) { plain } else { escape(&plain) })
}

/// `markupsafe.escape` of plain text.
pub(in crate::template) fn escape(plain: &str) -> String {
    plain
        .replace('&', "&amp;")
        .replace('>', "&gt;")
        .replace('<', "&lt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;")
}

/// `Markup.unescape`
pub(in crate::template) fn unescape_html(html: &str) -> String {
    htmlize::unescape(html).into_owned()
}

/// `Markup.striptags`
pub(in crate::template) fn strip_tags(html: &str) -> String {
    let mut plain = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        let end = if tag.starts_with("<!--") { "-->" } else { ">" };
        // what does not end is no tag, and nothing behind it is
        let Some((_, after)) = tag.split_once(end) else { break };
        plain.push_str(before);
        rest = after;
    }
    plain.push_str(rest);
    unescape_html(&plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A value as it leaves the templates: HTML is text like any other there. `None` where none is in
/// it.
pub(in crate::template) fn without_markup(value: &Value) -> Outcome<Option<Value>> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return Ok(None);
    }
    plainly(value)
}

fn plainly(value: &Value) -> Outcome<Option<Value>> {
    let each = |values: &mut Vec<Value>| -> Outcome<bool> {
        let mut changed = false;
        for value in values {
            if let Some(plain) = deeper(|| plainly(value))? {
                (*value, changed) = (plain, true);
            }
        }
        Ok(changed)
    };
    Ok(match class_of(value) {
        Class::Text if is_markup(value) => Some(Value::from(text(value)?)),
        class @ (Class::List | Class::Tuple) => {
            let mut all = elements(value)?;
            each(&mut all)?.then(|| match class {
                Class::Tuple => tuple(all),
                _ if value.downcast_object_ref::<List>().is_some() => list(all),
                _ => Value::from(all),
            })
        }
        Class::Dict => {
            let (mut keys, mut all): (Vec<_>, Vec<_>) = entries(value)?.into_iter().unzip();
            let changed = each(&mut keys)? | each(&mut all)?;
            changed.then(|| dict(keys.into_iter().zip(all).collect()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of the letters is plain text, and so is text that takes the place of what is gone.
    #[test]
    fn only_the_text_itself_is_markup() {
        let html = markup("<b>");
        assert!(is_markup(&html) && is_markup(&html.clone()));
        assert!(!is_markup(&Value::from("<b>")));
        assert!(!is_markup(&Value::from(html.as_str().unwrap_or_default())));
        drop(html);
        for number in 0..TEXTS * 3 {
            let text: Arc<str> =
                format!("text {number} that is long enough for no short form").into();
            assert!(!is_markup(&Value::from(Arc::clone(&text))));
            assert!(is_markup(&markup(text)));
        }
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).texts.len();
        assert!(known <= TEXTS * 2, "{known}");
    }
}
