//! Which runs are still on.
//!
//! Whoever works on a run holds a lock that is free again when the process ends, however it ends.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{RecordError, RunId};

/// A run that this process works on, until this is dropped.
#[derive(Debug)]
pub struct Ongoing {
    file: File,
    path: PathBuf,
}

impl Ongoing {
    /// From now on this process works on a run; `None` where another one does. `records` is the
    /// file of the records.
    pub(super) fn begin(records: &Path, run: RunId) -> Result<Option<Self>, RecordError> {
        let path = path(records, run);
        let made = |source| RecordError::Make { path: path.clone(), source };
        let folder = path.parent().unwrap_or(records);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(made)?;
        loop {
            let mut how = File::options();
            let file = how.write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = file.map_err(made)?;
            if !locked(&file).map_err(made)? {
                return Ok(None);
            }
            // it may have been taken away before it was locked
            if is_at(&file, &path) {
                sweep(folder, &path);
                return Ok(Some(Self { file, path }));
            }
        }
    }

    /// Whether a process works on a run.
    pub(super) fn is(records: &Path, run: RunId) -> bool {
        File::open(path(records, run)).is_ok_and(|file| {
            // at once free again; one that asks to work on it in this moment is told that it is on
            matches!(flock(&file, FlockOperation::NonBlockingLockShared), Err(error) if
                error == rustix::io::Errno::WOULDBLOCK)
        })
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn path(records: &Path, run: RunId) -> PathBuf {
    records.with_file_name("ongoing").join(run.to_string())
}

/// Locks a file; whether it was free.
fn locked(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the file is the one that is at a path.
fn is_at(file: &File, path: &Path) -> bool {
    let here = file.metadata().map(|file| (file.dev(), file.ino())).ok();
    here.is_some() && here == fs::metadata(path).map(|file| (file.dev(), file.ino())).ok()
}

/// Takes away what runs left behind that were killed.
fn sweep(folder: &Path, own: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| path != own) {
        if let Ok(file) = File::open(&path)
            && locked(&file).is_ok_and(|free| free)
            && is_at(&file, &path)
        {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_on_until_whoever_works_on_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join("records.db");
        let begin = |run| Ongoing::begin(&records, RunId(run)).unwrap();
        assert!(!Ongoing::is(&records, RunId(7)));
        let first = begin(7).unwrap();
        assert!(Ongoing::is(&records, RunId(7)));
        assert!(begin(7).is_none());
        // one that was killed has left its file
        fs::write(folder.path().join("ongoing/6"), "").unwrap();
        assert!(!Ongoing::is(&records, RunId(6)));
        let second = begin(8).unwrap();
        let left = || fs::read_dir(folder.path().join("ongoing")).unwrap().count();
        assert!(Ongoing::is(&records, RunId(7)) && left() == 2);
        drop((first, second));
        assert!(!Ongoing::is(&records, RunId(7)) && left() == 0);
        assert!(begin(7).is_some());
    }
}
