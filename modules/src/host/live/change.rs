//! Effects on files, made to happen.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};

use super::LiveHost;
use super::files::{self, io_error};
use super::stage::{Staged, fresh_name, sync_directory_of};
use super::transfer;
use super::{context, flags};
use crate::effect::{
    Applied, Attributes, Command, Content, Output, Principal, Timestamp, WriteFile,
};
use crate::host::{AccountKey, Follow, Host as _, HostError, validation};

/// Numbers to set with `chown`; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, Default)]
struct Owners {
    user: Option<u32>,
    group: Option<u32>,
}

impl LiveHost {
    pub(super) fn write_file(&mut self, write: &WriteFile) -> Result<Applied, HostError> {
        let interrupt = self.interrupt.clone();
        let owners = self.owners(&write.attributes)?;
        let existing =
            files::metadata(&write.path, Follow::Yes)?.is_some_and(|meta| meta.is_file());
        let directory = parent_of(&write.path);
        let (mut staged, beside) = match Staged::create(directory, &interrupt) {
            Ok(staged) => (staged, true),
            // the directory takes no new file: stage elsewhere, write in place
            Err(_) if write.unsafe_writes => {
                (Staged::create(&std::env::temp_dir(), &interrupt)?, false)
            }
            Err(error) => return Err(error),
        };
        let filled = self.fill(&mut staged, write, existing, owners);
        let mut validation = filled.map_err(|error| error.about(staged.path(), &write.path))?;
        if let Some(output) = &mut validation {
            output.rename(staged.path(), &write.path);
        }
        interrupt.check()?;
        let backup = if write.backup && existing { Some(self.backup(&write.path)?) } else { None };
        transfer::forget_part(&write.path);
        if beside {
            match staged.place(&write.path) {
                Ok(()) => {}
                Err((staged, _)) if write.unsafe_writes => {
                    write_in_place(staged, write, owners)?;
                }
                Err((staged, error)) => return Err(error.about(staged.path(), &write.path)),
            }
        } else {
            write_in_place(staged, write, owners)?;
        }
        if let Some(wanted) = &write.attributes.context {
            context::change(self, &write.path, wanted)?;
        }
        // where it is: what may not be changed cannot be renamed
        if let Some(change) = &write.attributes.flags {
            flags::change(&write.path, change)?;
        }
        Ok(match (backup, validation) {
            (None, None) => Applied::Done,
            (backup, validation) => Applied::Written { backup, validation },
        })
    }

    /// Makes a staged file what is to take its place, and lets it be validated; gives what the
    /// program said.
    fn fill(
        &mut self,
        staged: &mut Staged<'_>,
        write: &WriteFile,
        existing: bool,
        owners: Owners,
    ) -> Result<Option<Output>, HostError> {
        match &write.content {
            Content::Bytes(bytes) => staged.write(bytes)?,
            Content::File(from) => staged.copy_from(from)?,
            Content::Packed(packed) => self.pack(packed, &write.path, staged)?,
            Content::Source(source) => {
                transfer::receive(self.sources.as_mut(), source, &write.path, staged)?;
            }
        }
        if existing {
            staged.resemble(&write.path)?;
        } else {
            staged.set_mode(0o666 & !self.umask)?;
        }
        change(staged.path(), owners, write.attributes.mode)?;
        let validate = write.validate.as_ref();
        validate.map(|validate| self.validate(validate, staged.path())).transpose()
    }

    fn validate(&mut self, template: &str, file: &Path) -> Result<Output, HostError> {
        let command = validation(template, file)?;
        let output = self.run(&command)?;
        if output.success() {
            return Ok(output);
        }
        let command = template.replace("%s", &file.to_string_lossy());
        Err(HostError::Validation { command, output: Box::new(output) })
    }

    /// Copies a file beside, with all that it is, under Ansible's name for backups.
    fn backup(&mut self, path: &Path) -> Result<PathBuf, HostError> {
        // the host knows its time zone
        let stamp = self.run(&Command::new(["date", "+%Y-%m-%d@%H:%M:%S~"]))?;
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.{}", std::process::id(), stamp.stdout_text().trim()));
        let backup = PathBuf::from(name);
        self.copy_file(path, &backup)?;
        flags::copy(path, &backup);
        Ok(backup)
    }

    /// Copies a file with owner, mode, times, context and xattrs.
    pub(super) fn copy_file(&mut self, from: &Path, to: &Path) -> Result<(), HostError> {
        let interrupt = self.interrupt.clone();
        let meta = fs::metadata(from).map_err(|error| io_error("look at", from, error))?;
        let mut staged = Staged::create(parent_of(to), &interrupt)?;
        staged.copy_from(from)?;
        staged.resemble(from)?;
        let time = |seconds, nanoseconds: i64| Timestamp {
            seconds,
            nanoseconds: u32::try_from(nanoseconds).unwrap_or_default(),
        };
        let accessed = time(meta.atime(), meta.atime_nsec());
        let modified = time(meta.mtime(), meta.mtime_nsec());
        set_times(staged.path(), Some(accessed), Some(modified))?;
        staged.place(to).map_err(|(_, error)| error)
    }

    pub(super) fn set_attributes(
        &mut self,
        path: &Path,
        attributes: &Attributes,
    ) -> Result<(), HostError> {
        let owners = self.owners(attributes)?;
        if let Some(wanted) = &attributes.context {
            context::change(self, path, wanted)?;
        }
        change(path, owners, attributes.mode)?;
        match &attributes.flags {
            Some(change) => flags::change(path, change),
            None => Ok(()),
        }
    }

    fn owners(&mut self, attributes: &Attributes) -> Result<Owners, HostError> {
        let user = match &attributes.owner {
            None => None,
            Some(Principal { id: Some(id), .. }) => Some(*id),
            Some(owner) => {
                let found = self.user(&AccountKey::Name(owner.label()))?;
                Some(found.and_then(|user| user.uid).ok_or_else(|| no_such("user", owner))?)
            }
        };
        let group = match &attributes.group {
            None => None,
            Some(Principal { id: Some(id), .. }) => Some(*id),
            Some(group) => {
                let found = self.group(&AccountKey::Name(group.label()))?;
                Some(found.and_then(|found| found.gid).ok_or_else(|| no_such("group", group))?)
            }
        };
        Ok(Owners { user, group })
    }
}

fn write_in_place(staged: Staged<'_>, write: &WriteFile, owners: Owners) -> Result<(), HostError> {
    staged.pour_into(&write.path)?;
    change(&write.path, owners, write.attributes.mode)
}

pub(super) fn make_directory(path: &Path, mode: Option<u32>) -> Result<(), HostError> {
    fs::create_dir(path).map_err(|error| io_error("create directory", path, error))?;
    match mode {
        Some(mode) => set_mode(path, mode),
        None => Ok(()),
    }
}

fn no_such(kind: &'static str, principal: &Principal) -> HostError {
    HostError::NoSuchAccount { kind, name: principal.label() }
}

/// Sets owner and group, then the mode (a change of owner clears setuid).
fn change(path: &Path, owners: Owners, mode: Option<u32>) -> Result<(), HostError> {
    if owners.user.is_some() || owners.group.is_some() {
        lchown(path, owners.user, owners.group)
            .map_err(|error| io_error("set the owner of", path, error))?;
    }
    match mode {
        Some(mode) => set_mode(path, mode),
        None => Ok(()),
    }
}

/// Sets permission bits; a symbolic link has none of its own on Linux.
fn set_mode(path: &Path, mode: u32) -> Result<(), HostError> {
    let failed = |error| io_error("set the mode of", path, error);
    if fs::symlink_metadata(path).map_err(failed)?.is_symlink() {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)
}

/// Sets times of what a path leads to.
pub(super) fn set_times(
    path: &Path,
    accessed: Option<Timestamp>,
    modified: Option<Timestamp>,
) -> Result<(), HostError> {
    let time = |time: Option<Timestamp>| match time {
        Some(time) => Timespec { tv_sec: time.seconds, tv_nsec: i64::from(time.nanoseconds) },
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    };
    put_times(path, &Timestamps { last_access: time(accessed), last_modification: time(modified) })
}

/// Sets both times of what a path leads to to the present.
pub(super) fn set_present(path: &Path) -> Result<(), HostError> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    put_times(path, &Timestamps { last_access: now, last_modification: now })
}

fn put_times(path: &Path, times: &Timestamps) -> Result<(), HostError> {
    utimensat(CWD, path, times, AtFlags::empty())
        .map_err(|error| io_error("set the times of", path, error))
}

/// Makes a link under a name beside and renames it into place.
pub(super) fn place_link(
    path: &Path,
    make: impl Fn(&Path) -> io::Result<()>,
) -> Result<(), HostError> {
    let beside = fresh_name(parent_of(path));
    make(&beside).map_err(|error| io_error("create link", path, error))?;
    let renamed = fs::rename(&beside, path);
    // when both names are the same file already, the rename does nothing and leaves ours
    let _ = fs::remove_file(&beside);
    renamed.map_err(|error| io_error("replace", path, error))?;
    sync_directory_of(path);
    Ok(())
}

/// Removes whatever is there.
pub(super) fn remove(path: &Path) -> Result<(), HostError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path, error))
        }
        _ => Ok(()),
    }
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
