//! Mounts of a lab host, and those of the machine.

use std::ffi::{CString, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive, mount_remount};
use thiserror::Error;

/// A step of laying the file system that the kernel refused.
#[derive(Debug, Error)]
#[error("cannot {action} `{}`: {source}", path.display())]
pub(super) struct LayError {
    action: &'static str,
    path: PathBuf,
    source: Errno,
}

impl LayError {
    /// What was being done to what.
    pub(super) fn of(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(Errno) -> Self {
        let path = path.into();
        move |source| Self { action, path, source }
    }

    /// The same for the standard library's errors.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self {
            action,
            path,
            source: Errno::from_io_error(&error).unwrap_or(Errno::IO),
        }
    }
}

/// A mount of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) at: PathBuf,
    pub(super) kind: String,
}

/// File systems that hold files of people, not of the kernel.
const STORED: [&str; 14] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "overlay", "jfs",
    "reiserfs", "nfs", "nfs4", "virtiofs",
];

impl Mount {
    /// Whether it holds files of people.
    pub(super) fn is_stored(&self) -> bool {
        STORED.contains(&self.kind.as_str())
    }
}

/// The mounts of this namespace in their order.
pub(super) fn machine() -> Vec<Mount> {
    parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

/// Mounts from the text of `mountinfo` (`proc_pid_mountinfo(5)`).
fn parse(text: &str) -> Vec<Mount> {
    text.lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let at = unescape(left.split(' ').nth(4)?);
            let kind = right.split(' ').next()?.to_owned();
            Some(Mount { at, kind })
        })
        .collect()
}

/// Undoes `\040` and its like.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = (*first == b'\\')
            .then(|| behind.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = behind.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// Whether overlays keep their notes in `user.*` attributes, as ordinary users must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attributes {
    Trusted,
    User,
}

/// Lays a writable view of `lower` at `at`, with what changes kept in `store`.
pub(super) fn overlay(
    lower: &Path,
    store: &Path,
    at: &Path,
    attributes: Attributes,
) -> Result<(), LayError> {
    let (upper, work) = (store.join("upper"), store.join("work"));
    for dir in [&upper, &work] {
        folder(dir, 0o755)?;
    }
    let mut options = Vec::new();
    for (name, path) in [("lowerdir", lower), ("upperdir", &upper), ("workdir", &work)] {
        options.extend_from_slice(name.as_bytes());
        options.push(b'=');
        for byte in path.as_os_str().as_bytes() {
            if matches!(byte, b'\\' | b':' | b',') {
                options.push(b'\\');
            }
            options.push(*byte);
        }
        options.push(b',');
    }
    options.extend_from_slice(match attributes {
        Attributes::Trusted => b"xino=off",
        Attributes::User => b"userxattr",
    });
    let options = CString::new(options)
        .map_err(|_| Errno::INVAL)
        .map_err(LayError::of("name a layer of", lower))?;
    mount("overlay", at, "overlay", MountFlags::empty(), Some(options.as_c_str()))
        .map_err(LayError::of("lay an overlay over", lower))
}

/// A file system in memory.
pub(super) fn memory(at: &Path, flags: MountFlags, mode: &std::ffi::CStr) -> Result<(), LayError> {
    mount("tmpfs", at, "tmpfs", flags, Some(mode)).map_err(LayError::of("mount a tmpfs at", at))
}

/// Shows a file or folder of the machine as it is.
pub(super) fn bind(source: &Path, at: &Path) -> Result<(), LayError> {
    mount_bind(source, at).map_err(LayError::of("bind", source))
}

/// Shows a folder of the machine with all that is mounted below it.
pub(super) fn bind_all(source: &Path, at: &Path) -> Result<(), LayError> {
    mount_bind_recursive(source, at).map_err(LayError::of("bind", source))
}

/// Makes a mount read-only for this host.
pub(super) fn read_only(at: &Path) -> Result<(), LayError> {
    let flags = MountFlags::BIND
        | MountFlags::RDONLY
        | MountFlags::NOSUID
        | MountFlags::NODEV
        | MountFlags::NOEXEC;
    mount_remount(at, flags, c"").map_err(LayError::of("make read-only", at))
}

/// Makes a folder where there is none.
pub(super) fn folder(path: &Path, mode: u32) -> Result<(), LayError> {
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(LayError::io("create", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_with_spaces_in_their_names() {
        let text = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
                    30 22 0:20 / /srv/a\\040b rw - tmpfs tmpfs rw\nbroken\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[1].at, PathBuf::from("/srv/a b"));
        assert!(mounts[0].is_stored() && !mounts[1].is_stored());
    }
}
