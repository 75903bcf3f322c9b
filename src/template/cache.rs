//! Parsed templates, kept for the next time that their text comes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::render::holds_template;
use super::syntax::{
    Backslashes, Embedded, Expression, Node, Options, SyntaxError, Template, parse_expression,
    parse_template,
};

/// So many texts are kept; then all are forgotten and it starts anew.
const CAPACITY: usize = 8192;

type Cache<K, V> = LazyLock<Mutex<HashMap<K, Arc<V>>>>;

static INLINE: Cache<String, Template> = LazyLock::new(Mutex::default);
static FILES: Cache<(String, Options), Template> = LazyLock::new(Mutex::default);
static EXPRESSIONS: Cache<(String, Embedded), Node<Expression>> = LazyLock::new(Mutex::default);

fn cached<K: std::hash::Hash + Eq, V>(
    cache: &Cache<K, V>,
    key: K,
    parse: impl FnOnce(&K) -> Result<V, SyntaxError>,
) -> Result<Arc<V>, SyntaxError> {
    let known = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let parsed = Arc::new(parse(&key)?);
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CAPACITY {
        cache.clear();
    }
    cache.insert(key, Arc::clone(&parsed));
    Ok(parsed)
}

/// A template file's text, parsed.
pub(super) fn template(source: &str, options: &Options) -> Result<Arc<Template>, SyntaxError> {
    cached(&FILES, (source.to_owned(), options.clone()), |(source, options)| {
        parse_template(source, options).map_err(in_template)
    })
}

fn in_template(mut error: SyntaxError) -> SyntaxError {
    error.message.insert_str(0, "Syntax error in template: ");
    error
}

/// The text of a template in YAML, parsed.
pub(super) fn inline(source: &str) -> Result<Arc<Template>, SyntaxError> {
    cached(&INLINE, source.to_owned(), |source| {
        let options = Options { backslashes: Backslashes::Literal, ..Options::default() };
        parse_template(source, &options).map_err(in_template)
    })
}

/// A bare expression, parsed.
pub(super) fn expression(
    source: &str,
    embedded: Embedded,
) -> Result<Arc<Node<Expression>>, SyntaxError> {
    cached(&EXPRESSIONS, (source.to_owned(), embedded), |(source, embedded)| {
        parse_expression(source, *embedded).map_err(|mut error| {
            let hint = if holds_template(source) {
                " Template delimiters are not supported in expressions"
            } else {
                ""
            };
            let stop = if hint.is_empty() { "" } else { "." };
            error.message.insert_str(0, &format!("Syntax error in expression{stop}{hint}: "));
            error
        })
    })
}
