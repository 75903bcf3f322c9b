//! Looking at files.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::effect::{Principal, Timestamp};
use crate::host::digest::Digester;
use crate::host::{DigestAlgorithm, FileKind, FileStat, Follow, HostError};

/// An operating system error on a path.
pub(super) fn io_error(
    action: &'static str,
    path: &Path,
    source: impl Into<io::Error>,
) -> HostError {
    HostError::Io { action, path: path.to_owned(), source: source.into() }
}

/// The raw attributes of a path; `None` when there is nothing.
pub(super) fn metadata(path: &Path, follow: Follow) -> Result<Option<Metadata>, HostError> {
    let found = match follow {
        Follow::Yes => fs::metadata(path),
        Follow::No => fs::symlink_metadata(path),
    };
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        // a link that leads to itself leads to nothing
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Ok(None)
        }
        Err(error) => Err(io_error("look at", path, error)),
    }
}

/// What a path looks like, with its owner and group as the account databases name them.
pub(super) fn describe(
    path: &Path,
    meta: &Metadata,
    owner: Principal,
    group: Principal,
) -> Result<FileStat, HostError> {
    let kind = kind(meta);
    let link_target = match kind {
        FileKind::Link => {
            Some(fs::read_link(path).map_err(|error| io_error("read link", path, error))?)
        }
        _ => None,
    };
    let time = |seconds, nanoseconds: i64| Timestamp {
        seconds,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or_default(),
    };
    Ok(FileStat {
        kind,
        mode: meta.mode() & 0o7777,
        owner,
        group,
        size: meta.size(),
        link_target,
        accessed: time(meta.atime(), meta.atime_nsec()),
        modified: time(meta.mtime(), meta.mtime_nsec()),
        status_changed: time(meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
        device: meta.dev(),
        special_device: meta.rdev(),
        links: meta.nlink(),
        block_size: meta.blksize(),
        blocks: meta.blocks(),
        flags: None,
        context: None,
    })
}

pub(super) fn kind(meta: &Metadata) -> FileKind {
    let kind = meta.file_type();
    if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_symlink() {
        FileKind::Link
    } else if kind.is_char_device() {
        FileKind::CharacterDevice
    } else if kind.is_block_device() {
        FileKind::BlockDevice
    } else if kind.is_fifo() {
        FileKind::Fifo
    } else if kind.is_socket() {
        FileKind::Socket
    } else {
        FileKind::File
    }
}

/// The names in a directory, sorted.
pub(super) fn list(path: &Path) -> Result<Vec<String>, HostError> {
    let failed = |error| io_error("list", path, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A digest of a file, read in pieces.
pub(super) fn digest(path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
    let failed = |error| io_error("read", path, error);
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut digest = Digester::new(algorithm);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(digest.finish()),
            Ok(count) => digest.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Finds an executable file in directories.
pub(super) fn find_in(directories: impl Iterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    directories
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
}

/// Whether a path is a file that may be run.
pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file())
        && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
