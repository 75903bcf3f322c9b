//! Python's regular expressions, compiled once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use canvass_modules::python_regex::{self, Regex};
pub(super) use canvass_modules::python_regex::{Captures, Flags};

use super::failure::{Failure, Outcome};

type Key = (String, bool, bool, bool);

static COMPILED: LazyLock<Mutex<HashMap<Key, Arc<Regex>>>> = LazyLock::new(Mutex::default);

/// So many patterns are kept; then all are forgotten.
const CAPACITY: usize = 1024;

/// The pattern, compiled now or before.
pub(super) fn compiled(pattern: &str, flags: Flags) -> Outcome<Arc<Regex>> {
    let key = (pattern.to_owned(), flags.ignore_case, flags.multi_line, flags.dot_all);
    let known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let made = Arc::new(python_regex::compile(pattern, flags)?);
    let mut cache = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CAPACITY {
        cache.clear();
    }
    cache.insert(key, Arc::clone(&made));
    Ok(made)
}

impl From<python_regex::Error> for Box<Failure> {
    fn from(error: python_regex::Error) -> Self {
        Failure::failed(error.to_string())
    }
}
