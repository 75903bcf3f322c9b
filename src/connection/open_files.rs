//! How many files this process may have open: each connection takes one.
//!
//! The usual bound of a login (1,024, on some systems 256) is one that programs of the eighties
//! need, which wait with `select`; a process may raise its own up to what the administrator set.

use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// More is of no use, and slows down programs that close all files which could be open.
const MOST: u64 = 65_536;

/// The bounds that this process was started with.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Lets this process have as many files open as it may, up to 65,536.
pub(crate) fn raise() {
    BEFORE.get_or_init(|| {
        let before = getrlimit(Resource::Nofile);
        let wanted = before.maximum.map_or(MOST, |maximum| maximum.min(MOST));
        if before.current.is_some_and(|current| current < wanted) {
            // without it fewer connections are possible, which those that fail will tell
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..before });
        }
        before
    });
}

/// Gives a child the bounds that this process was started with: commands of a playbook on this
/// machine are to see those of the user.
pub(super) fn lower(child: Option<u32>) {
    let pid = child.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let (Some(pid), Some(before)) = (pid, BEFORE.get()) {
        // it may have ended
        let _ = prlimit(Some(pid), Resource::Nofile, *before);
    }
}

/// How many files may be open now.
pub(super) fn bound() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
