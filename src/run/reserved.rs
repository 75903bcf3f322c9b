//! Variables with names that belong to the language, set while a run goes on: they are warned of,
//! each once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::playbook::reserved::{is_reserved, words};
use crate::source::Place;

use super::context::RunContext;

/// What was warned of in a run.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<HashSet<String>>);

impl Warned {
    /// Warns of reserved names among these, at the places where they were set.
    pub(crate) fn of<'n>(
        &self,
        run: &RunContext,
        names: impl IntoIterator<Item = (&'n str, Option<Place>)>,
    ) {
        for (name, place) in names.into_iter().filter(|(name, _)| is_reserved(name)) {
            let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
            if new {
                run.remark(words(name), place);
            }
        }
    }
}
