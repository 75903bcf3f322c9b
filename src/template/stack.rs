//! Stack for deep recursion: parsing and evaluating recurse on text that others wrote.

/// So much must be left before a step down.
const LEFT: usize = 256 * 1024;

/// So much is added where it is not.
const ADDED: usize = 2 * 1024 * 1024;

/// Runs on a stack with room for one more level.
pub(super) fn on_enough_stack<T>(run: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(LEFT, ADDED, run)
}
