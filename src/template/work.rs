//! How much one rendering may do: evaluations, and what they make. No text that others wrote
//! takes a processor or the memory for itself.

use std::cell::Cell;

use minijinja::Value;

use super::failure::{Failure, Outcome};
use super::python::{Class, class_of};

/// What one rendering may spend where nothing else is said: half a minute of work, and most of a gigabyte of text.
pub(crate) const USUAL: u64 = 100_000_000;

/// So many bytes of text cost as much as one evaluation.
const BYTES: usize = 8;

/// What an element of a list costs.
const ELEMENT: usize = 3;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(USUAL) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a rendering within its bounds; one that another needs shares the other's.
pub(crate) fn bounded<T>(most: u64, run: impl FnOnce() -> T) -> T {
    struct Done;
    impl Drop for Done {
        fn drop(&mut self) {
            INSIDE.set(false);
        }
    }
    if INSIDE.get() {
        return run();
    }
    LEFT.set(most);
    INSIDE.set(true);
    let _done = Done;
    run()
}

/// Takes so much from what is left; outside of [`bounded`] nothing is counted.
pub(super) fn spend(amount: usize) -> Outcome<()> {
    if !INSIDE.get() {
        return Ok(());
    }
    let amount = u64::try_from(amount).unwrap_or(u64::MAX);
    match LEFT.get().checked_sub(amount) {
        Some(left) => {
            LEFT.set(left);
            Ok(())
        }
        None => {
            Err(Failure::fatal("the template takes too long or makes too much: it was stopped"))
        }
    }
}

/// Takes what a value that was made costs.
pub(super) fn made(value: Value) -> Outcome<Value> {
    let cost = match class_of(&value) {
        Class::Text => value.as_str().unwrap_or_default().len() / BYTES,
        Class::List | Class::Tuple | Class::Dict => {
            value.len().unwrap_or_default().saturating_mul(ELEMENT)
        }
        _ => 0,
    };
    spend(cost)?;
    Ok(value)
}
