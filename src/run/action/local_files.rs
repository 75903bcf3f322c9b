//! The controller's files that go to hosts: read and hashed once for all of them.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use canvass_modules::effect::Source;
use canvass_modules::wire::INLINE_SOURCE_LIMIT;
use sha1::{Digest as _, Sha1};

use crate::connection::TaskSource;
use crate::source::inputs;

use super::template::bytes_source;
use super::{ActionError, files};

/// Bytes of small files that are kept in memory, so that not each host reads them.
const KEPT: u64 = 16 * 1024 * 1024;

/// What is known of files that were sent in this run.
#[derive(Debug, Default)]
pub(crate) struct LocalFiles {
    known: Mutex<HashMap<(PathBuf, bool), Arc<Slot>>>,
    kept: Mutex<u64>,
}

/// A file; whoever comes second waits for the one who reads it.
type Slot = Mutex<Option<(Stamp, TaskSource)>>;

/// What shows that a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LocalFiles {
    /// A file as a source, decrypted if it is a vault's and that is wanted.
    ///
    /// # Errors
    ///
    /// It cannot be read or decrypted.
    pub(super) fn source(&self, path: &Path, decrypt: bool) -> Result<TaskSource, ActionError> {
        let unreadable = |source| ActionError::Read { path: path.to_owned(), source };
        let slot = Arc::clone(lock(&self.known).entry((path.to_owned(), decrypt)).or_default());
        let mut slot = lock(&slot);
        let stamp = Stamp::of(&std::fs::metadata(path).map_err(unreadable)?);
        if let Some((known, source)) = &*slot
            && *known == stamp
        {
            return Ok(source.clone());
        }
        let source = match files::decrypted(path, decrypt)? {
            Some(plain) => bytes_source(plain),
            None if self.keeps(stamp.size) => bytes_source(inputs::read(path).map_err(unreadable)?),
            None => hashed(path).map_err(unreadable)?,
        };
        *slot = Some((stamp, source.clone()));
        Ok(source)
    }

    /// Whether a file of this size is kept in memory, too.
    fn keeps(&self, size: u64) -> bool {
        let mut kept = lock(&self.kept);
        let keeps = size <= INLINE_SOURCE_LIMIT && *kept + size <= KEPT;
        *kept += if keeps { size } else { 0 };
        keeps
    }
}

/// A file that is read again when a host wants it.
fn hashed(path: &Path) -> io::Result<TaskSource> {
    // not more than there was, should it grow meanwhile
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hashes = Hashes(Sha1::new(), inputs::Stream::begin());
    let size = io::copy(&mut file.take(size), &mut hashes)?;
    hashes.1.end(path);
    let sha1 = files::hex(&hashes.0.finalize());
    Ok(TaskSource::File { source: Source { id: 0, size, sha1 }, path: path.to_owned() })
}

struct Hashes(Sha1, inputs::Stream);

impl Write for Hashes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        self.1.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha1(source: &TaskSource) -> &str {
        match source {
            TaskSource::Bytes { source, .. } | TaskSource::File { source, .. } => &source.sha1,
        }
    }

    #[test]
    fn a_file_that_changed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let files = LocalFiles::default();
        for (text, expected) in [
            ("one", "fe05bcdcdc4928012781a5f1a2a77cbb5398e106"),
            ("two", "ad782ecdac770fc6eb9a62e44f90873fb97fb26b"),
        ] {
            // as editors do: the name leads to another file
            let beside = folder.path().join("beside");
            std::fs::write(&beside, text).unwrap();
            std::fs::rename(&beside, &path).unwrap();
            for _ in 0..2 {
                assert_eq!(sha1(&files.source(&path, true).unwrap()), expected);
            }
        }
        std::fs::remove_file(&path).unwrap();
        assert!(files.source(&path, true).is_err());
    }

    #[test]
    fn large_files_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![0; 64 * 1024 + 1]).unwrap();
        let source = LocalFiles::default().source(&path, true).unwrap();
        assert!(matches!(source, TaskSource::File { .. }));
        assert_eq!(sha1(&source), "98cb09a876245bf113424e8114af2ba9ba9f2658");
    }
}
