//! Flags of files, asked of the file system and set there; no program is needed.

use std::fs;
use std::path::Path;

use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags, open};
use rustix::io::Errno;

use super::files::io_error;
use crate::host::{FileFlags, FileKind, FlagChange, HostError};

/// The flags of a file or directory; `None` where there is nothing that has flags.
pub(super) fn read(path: &Path) -> Result<Option<FileFlags>, HostError> {
    match look(path) {
        Ok((flags, _)) => Ok(Some(flags)),
        Err(Errno::NOTSUP | Errno::NOTTY | Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(io_error("read the flags of", path, error)),
    }
}

/// Makes a change.
pub(super) fn change(path: &Path, change: &FlagChange) -> Result<(), HostError> {
    let failed = |error, doing| HostError::flags(path, error, doing);
    let (now, kind) = look(path).map_err(|error| failed(error, "reading"))?;
    let after = change.of(now, kind).map_err(|letter| HostError::no_flag(path, letter))?;
    let file = file(path).map_err(|error| failed(error, "reading"))?;
    ioctl_setflags(&file, IFlags::from_bits_retain(after.bits()))
        .map_err(|error| failed(error, "setting"))
}

/// Gives a file the flags of another, as far as both have such.
pub(super) fn copy(from: &Path, to: &Path) {
    if let (Ok((wanted, _)), Ok((there, _))) = (look(from), look(to))
        && wanted != there
        && let Ok(file) = file(to)
    {
        let _ = ioctl_setflags(&file, IFlags::from_bits_retain(wanted.bits()));
    }
}

fn look(path: &Path) -> Result<(FileFlags, FileKind), Errno> {
    let meta = fs::symlink_metadata(path)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let kind = super::files::kind(&meta);
    // to open a device may do something to it
    if !matches!(kind, FileKind::File | FileKind::Directory) {
        return Err(Errno::NOTSUP);
    }
    let flags = ioctl_getflags(file(path)?).map_err(|error| match error {
        Errno::NOTTY => Errno::NOTSUP,
        other => other,
    })?;
    Ok((FileFlags::from_bits(flags.bits()), kind))
}

fn file(path: &Path) -> Result<std::os::fd::OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    open(path, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::print_stderr, reason = "what cannot be tested here is said")]
    fn flags_are_set_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "x").unwrap();
        let add = FlagChange::parse("+dA").unwrap();
        let before = read(&path).unwrap();
        let (Some(before), true) = (before, change(&path, &add).is_ok()) else {
            eprintln!("skipped: flags of files: the file system of {} has none", path.display());
            return;
        };
        let letters = read(&path).unwrap().unwrap().letters();
        assert!(letters.contains("dA"), "{letters}");
        let copy = folder.path().join("copy");
        fs::write(&copy, "x").unwrap();
        super::copy(&path, &copy);
        assert_eq!(read(&copy).unwrap(), read(&path).unwrap());
        change(&path, &FlagChange::parse("-dA").unwrap()).unwrap();
        assert_eq!(read(&path).unwrap(), Some(before));
    }

    #[test]
    fn links_and_devices_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("l");
        std::os::unix::fs::symlink("f", &link).unwrap();
        for path in [link.as_path(), Path::new("/dev/null"), Path::new("/proc/self/nothing")] {
            assert_eq!(read(path).unwrap(), None, "{}", path.display());
        }
        let refused = change(&link, &FlagChange::parse("A").unwrap()).unwrap_err();
        let HostError::Flags { reason, .. } = refused else { unreachable!("{refused}") };
        let link = link.display();
        assert_eq!(reason, format!("Operation not supported while reading flags on {link}"));
    }
}
