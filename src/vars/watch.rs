//! What a rendering reads: which variables, and whether it looks at this machine.
//!
//! A thread that renders [`watched`] notes the names that are read, those inside other variables
//! among them, and does none of the lookups that run or read something.

use std::cell::RefCell;
use std::collections::HashSet;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Names of variables, whether they are set or not.
    pub names: HashSet<String>,
    /// Whether files of this machine were looked at.
    pub looks_here: bool,
    /// Whether a lookup was asked for that was not done: then nothing that was rendered holds.
    pub refused: bool,
}

thread_local! {
    static READS: RefCell<Option<Reads>> = const { RefCell::new(None) };
}

/// Ends the watch, also when what is watched panics.
struct Watch;

impl Drop for Watch {
    fn drop(&mut self) {
        READS.with_borrow_mut(Option::take);
    }
}

/// Does what renders, and tells what it read.
pub(crate) fn watched<T>(work: impl FnOnce() -> T) -> (T, Reads) {
    READS.with_borrow_mut(|reads| *reads = Some(Reads::default()));
    let watch = Watch;
    let done = work();
    let reads = READS.with_borrow_mut(Option::take).unwrap_or_default();
    drop(watch);
    (done, reads)
}

/// A variable is read.
pub(crate) fn note(name: &str) {
    note_with(|reads| {
        if !reads.names.contains(name) {
            reads.names.insert(name.to_owned());
        }
    });
}

/// A file of this machine is looked at.
pub(crate) fn note_look() {
    note_with(|reads| reads.looks_here = true);
}

/// Whether a lookup that runs or reads something is not done now.
pub(crate) fn refuses_lookup() -> bool {
    let mut watched = false;
    note_with(|reads| {
        reads.refused = true;
        watched = true;
    });
    watched
}

fn note_with(note: impl FnOnce(&mut Reads)) {
    READS.with_borrow_mut(|reads| {
        if let Some(reads) = reads {
            note(reads);
        }
    });
}
