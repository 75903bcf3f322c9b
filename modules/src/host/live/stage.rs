//! New files: written beside under a name of their own, then renamed into place.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

use super::files::io_error;
use super::interrupt::Interrupt;
use crate::host::HostError;

/// A file in the making; it is removed unless it reaches its place.
pub(super) struct Staged<'a> {
    file: File,
    path: PathBuf,
    interrupt: &'a Interrupt,
    placed: bool,
}

impl<'a> Staged<'a> {
    /// A new file in a directory, for the runner's user only.
    pub(super) fn create(directory: &Path, interrupt: &'a Interrupt) -> Result<Self, HostError> {
        loop {
            let path = fresh_name(directory);
            interrupt.stage(&path);
            let opened =
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
            match opened {
                Ok(file) => return Ok(Self { file, path, interrupt, placed: false }),
                Err(error) => {
                    interrupt.unstage(&path);
                    if error.kind() != io::ErrorKind::AlreadyExists {
                        return Err(io_error("create a file in", directory, error));
                    }
                }
            }
        }
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What ends the work on it.
    pub(super) fn interrupt(&self) -> &'a Interrupt {
        self.interrupt
    }

    /// How much is in it, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    /// Begins anew.
    pub(super) fn empty(&mut self) -> Result<(), HostError> {
        use std::io::Seek as _;
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| io_error("write", &self.path, error))
    }

    /// Lets what is in it lie there under another name, if that is possible.
    pub(super) fn keep_as(&mut self, path: &Path) {
        self.placed = fs::rename(&self.path, path).is_ok();
    }

    /// The file itself, for whoever writes it otherwise.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Appends content.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        self.file.write_all(bytes).map_err(|error| io_error("write", &self.path, error))
    }

    /// Appends the content of another file.
    pub(super) fn copy_from(&mut self, from: &Path) -> Result<(), HostError> {
        let mut source = File::open(from).map_err(|error| io_error("read", from, error))?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            self.interrupt.check()?;
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => self.write(buffer.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error("read", from, error)),
            }
        }
    }

    /// Takes over owner, ACL, `SELinux` context, other xattrs and mode of a file.
    pub(super) fn resemble(&self, model: &Path) -> Result<(), HostError> {
        let original = File::open(model).ok();
        let meta = fs::metadata(model).map_err(|error| io_error("look at", model, error))?;
        self.own(meta.uid(), meta.gid())?;
        if let Some(original) = original {
            self.copy_xattrs(&original)?;
        }
        self.set_mode(meta.mode() & 0o7777)
    }

    /// Sets permission bits.
    pub(super) fn set_mode(&self, mode: u32) -> Result<(), HostError> {
        self.file
            .set_permissions(fs::Permissions::from_mode(mode))
            .map_err(|error| io_error("set the mode of", &self.path, error))
    }

    /// Keeps owner and group as far as the runner's user may.
    fn own(&self, uid: u32, gid: u32) -> Result<(), HostError> {
        let mine = self.file.metadata().map_err(|error| io_error("look at", &self.path, error))?;
        if (mine.uid(), mine.gid()) == (uid, gid) {
            return Ok(());
        }
        let both = std::os::unix::fs::fchown(&self.file, Some(uid), Some(gid));
        match both {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // the group alone may be one of ours
                let _ = std::os::unix::fs::fchown(&self.file, None, Some(gid));
                Ok(())
            }
            Err(error) => Err(io_error("set the owner of", &self.path, error)),
        }
    }

    fn copy_xattrs(&self, original: &File) -> Result<(), HostError> {
        let failed = |error: Errno| io_error("copy the extended attributes to", &self.path, error);
        let names = match grown(|buffer| flistxattr(original, buffer)) {
            Ok(names) => names,
            Err(Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let value = match grown(|buffer| fgetxattr(original, name, buffer)) {
                Ok(value) => value,
                Err(Errno::NODATA | Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => continue,
                Err(error) => return Err(failed(error)),
            };
            match fsetxattr(&self.file, name, &value, XattrFlags::empty()) {
                // what the kernel manages itself, or only root may set
                Ok(()) | Err(Errno::NOTSUP | Errno::PERM | Errno::ACCESS | Errno::INVAL) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// Makes it the file at `path`: atomically, on the disk when this returns.
    pub(super) fn place(mut self, path: &Path) -> Result<(), (Self, HostError)> {
        if let Err(error) = self.file.sync_all() {
            let error = io_error("write", &self.path, error);
            return Err((self, error));
        }
        match fs::rename(&self.path, path) {
            Ok(()) => {
                self.placed = true;
                sync_directory_of(path);
                Ok(())
            }
            Err(error) => {
                let error = io_error("replace", path, error);
                Err((self, error))
            }
        }
    }

    /// Writes its content into an existing file, where a rename is impossible.
    pub(super) fn pour_into(mut self, path: &Path) -> Result<(), HostError> {
        use std::io::Seek as _;
        let failed = |error| io_error("write", path, error);
        self.file.rewind().map_err(failed)?;
        let mut target = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .map_err(failed)?;
        io::copy(&mut self.file, &mut target).map_err(failed)?;
        target.sync_all().map_err(failed)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.path);
        }
        self.interrupt.unstage(&self.path);
    }
}

/// A name in a directory that nobody has; dots keep it out of `sudoers.d`, `cron.d` and the like.
pub(super) fn fresh_name(directory: &Path) -> PathBuf {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    directory.join(format!(".canvass.{:016x}.tmp", hasher.finish()))
}

/// Where private directories are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In memory where that can be.
    Memory,
    /// Where there is room.
    Disk,
}

/// A directory for the runner's user only, which does not outlive the runner.
pub(super) fn private_directory(place: Place, interrupt: &Interrupt) -> Result<PathBuf, HostError> {
    let memory = (place == Place::Memory).then(|| PathBuf::from("/dev/shm"));
    let mut refused = None;
    for place in memory.into_iter().chain([PathBuf::from("/var/tmp"), std::env::temp_dir()]) {
        let path = fresh_name(&place);
        interrupt.stage(&path);
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) => {
                interrupt.unstage(&path);
                refused = Some(io_error("create a directory in", &place, error));
            }
        }
    }
    Err(refused.unwrap_or(HostError::Cancelled))
}

/// Lets a rename reach the disk; file systems that cannot do without.
pub(super) fn sync_directory_of(path: &Path) {
    if let Some(directory) = path.parent().and_then(|parent| File::open(parent).ok()) {
        let _ = directory.sync_all();
    }
}

/// Calls with a buffer that grows until the answer fits.
fn grown(mut call: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 1024];
    loop {
        match call(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 4, 0),
            Err(error) => return Err(error),
        }
    }
}
