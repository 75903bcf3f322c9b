//! Large files on their way here: what the host has already need not travel, and what came before
//! the connection was cut need not travel again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::interrupt::Stopped;
use super::sources::{Sources, deliver_checked};
use super::stage::Staged;
use crate::effect::Source;
use crate::host::HostError;
use crate::wire::delta::SHORTEST;

/// Receives the content of the file at `path`.
pub(super) fn receive(
    sources: &mut dyn Sources,
    source: &Source,
    path: &Path,
    staged: &mut Staged<'_>,
) -> Result<(), HostError> {
    let part = part_of(path);
    let basis = [&*part, path].into_iter().find(|candidate| is_worth_it(candidate));
    let interrupt = staged.interrupt();
    let mut deliver = |basis, staged: &mut Staged<'_>| {
        deliver_checked(sources, source, basis, &mut |bytes| {
            interrupt.check()?;
            staged.write(bytes)
        })
    };
    let mut received = deliver(basis, staged);
    let misled = basis.is_some() && matches!(received, Err(HostError::SourceMissing(_)));
    if misled && interrupt.stopped().is_none() {
        // the basis changed while it was read, or two blocks of it had the same sums
        staged.empty()?;
        received = deliver(None, staged);
    }
    match &received {
        Err(_)
            if interrupt.stopped() == Some(Stopped::Disconnected) && staged.len() >= SHORTEST =>
        {
            staged.keep_as(&part);
        }
        Ok(()) | Err(_) => {}
    }
    received
}

/// Removes what came of a file before its connection was cut: another content is there now.
pub(super) fn forget_part(path: &Path) {
    // mostly there is none
    let _ = fs::remove_file(part_of(path));
}

/// Where the part of a file lies that came before the connection was cut.
fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".canvass.");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    path.with_file_name(name)
}

/// Whether a file is there that may save something.
fn is_worth_it(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() >= SHORTEST)
}
