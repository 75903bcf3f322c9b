//! What modules may ask of a host and do to it.

use std::io::Cursor;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    AccountKey, Context, DigestAlgorithm, FileFlags, FileStat, Follow, Group, HostError,
    HttpRequest, HttpResponse, Kept, KeptUnit, Patience, UnitState, User,
};
use crate::archive::{self, Members};
use crate::contract::Planned;
use crate::effect::{Applied, Command, Content, Output, PackFormat, Principal, Source, Timestamp};

/// What modules may ask of a host and do to it.
///
/// Questions never change the host. In a rehearsal they answer as if the effects before had
/// happened, and give [`HostError::Unknown`] where nobody can know.
pub trait Host {
    /// Looks at a path; `None` when there is nothing.
    fn stat(&mut self, path: &Path, follow: Follow) -> Result<Option<FileStat>, HostError>;

    /// The flags of a file or directory, itself and not what it leads to; `None` where there is
    /// nothing, or nothing that has flags.
    fn flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError>;

    /// The SELinux context of a path, itself and not what it leads to; `None` where it has none.
    fn context(&mut self, path: &Path) -> Result<Option<Context>, HostError>;

    /// Reads a whole file.
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError>;

    /// A digest of a file in hexadecimal, without holding it in memory.
    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError>;

    /// The content of a file that the engine holds for this task.
    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError>;

    /// What an archive holds; nothing where it is none of this kind.
    fn members(&mut self, path: &Path, format: PackFormat) -> Result<Members, HostError> {
        Ok(archive::members(&mut Cursor::new(self.read(path)?), format))
    }

    /// The names in a directory, sorted.
    fn list(&mut self, path: &Path) -> Result<Vec<String>, HostError>;

    /// A user by name or number, from the host's databases.
    fn user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError>;

    /// A group by name or number.
    fn group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError>;

    /// All local groups, for memberships.
    fn groups(&mut self) -> Result<Vec<Group>, HostError>;

    /// Finds a program in the usual places (`PATH`, then `/sbin`, `/usr/sbin`, `/usr/local/sbin`).
    fn find_program(&mut self, name: &str) -> Result<Option<PathBuf>, HostError>;

    /// Runs a command that only reads (`dpkg-query`, `systemctl show`). The module vouches that
    /// it changes nothing; a rehearsal runs it too, so what depends on earlier effects must be
    /// asked by a method of its own.
    fn query(&mut self, command: &Command) -> Result<Output, HostError>;

    /// The state of a service unit.
    fn unit(&mut self, name: &str) -> Result<UnitState, HostError>;

    /// The installed version of a package by its manager, `None` when it is not installed.
    fn package(&mut self, manager: &str, name: &str) -> Result<Option<String>, HostError>;

    /// Whether what effects would do is to be known before: in a rehearsal, and where someone is to
    /// agree with them. Elsewhere a program that tells what it did need not be asked twice.
    fn foresees(&mut self) -> bool;

    /// Fetches package lists before the effect that would, so that the questions that follow know
    /// them; whether they do. Always `false` on a live host: there only the effect fetches.
    fn fetch_lists_ahead(&mut self, _manager: &str) -> bool {
        false
    }

    /// What an earlier effect of a rehearsal would have made of a setting (see
    /// [`SettingChange`](crate::effect::SettingChange)); `None` where none touched it, and always on
    /// a live host: there the program that keeps it is asked.
    fn rehearsed(&mut self, _kind: &str, _name: &str) -> Option<Kept> {
        None
    }

    /// The packages that earlier effects of a rehearsal would have installed, with their version,
    /// or removed; none on a live host.
    fn rehearsed_packages(&mut self, _manager: &str) -> Vec<(String, Option<String>)> {
        Vec::new()
    }

    /// The units that earlier effects of a rehearsal would have acted on; none on a live host.
    fn rehearsed_units(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What earlier effects of a rehearsal have made of a unit; nothing on a live host.
    fn rehearsed_unit(&mut self, _name: &str) -> Option<KeptUnit> {
        None
    }

    /// Fetches a URL into memory, as a question (GET or HEAD).
    fn fetch(&mut self, request: &HttpRequest) -> Result<HttpResponse, HostError>;

    /// Whether something accepts connections there, now.
    fn connects(&mut self, host: &str, port: u16, timeout: Duration) -> Result<bool, HostError>;

    /// The addresses of a name.
    fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, HostError> {
        Ok(name.parse().into_iter().collect())
    }

    /// Connects, and reads until `enough` says so; `false` when the other end stops before, or
    /// when the time is over.
    fn hears(
        &mut self,
        _host: &str,
        _port: u16,
        _patience: Patience,
        _enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, HostError> {
        Ok(false)
    }

    /// Waits without blocking the host's own clock for tests.
    fn sleep(&mut self, duration: Duration);

    /// The time now.
    fn now(&mut self) -> Timestamp;

    /// A variable of the runner's environment, with the task's own laid over it.
    fn environment(&mut self, name: &str) -> Option<String>;

    /// The names of the variables that the task lays over the runner's environment.
    fn task_environment(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// The user that the runner acts as.
    fn identity(&mut self) -> Result<Principal, HostError>;

    /// Whether that user may write what is at a path (of a directory: give and take away names),
    /// where the kernel tells.
    fn may_write(&mut self, _path: &Path) -> Option<bool> {
        None
    }

    /// Makes a private empty directory outside of what modules see, for things to look into.
    fn scratch(&mut self) -> Result<PathBuf, HostError> {
        Err(HostError::Unknown("this host has no place to look into things".to_owned()))
    }

    /// Removes a directory of [`Host::scratch`] with all below.
    fn discard(&mut self, _scratch: &Path) {}

    /// A path at which programs of the host find this content; a file made for it is gone when
    /// the task ends.
    fn lay_out(&mut self, content: &Content) -> Result<PathBuf, HostError> {
        match content {
            Content::File(path) => Ok(path.clone()),
            Content::Bytes(_) | Content::Source(_) | Content::Packed(_) => {
                Err(HostError::Unknown("this host has no place to lay things out".to_owned()))
            }
        }
    }

    /// Makes one effect happen.
    fn apply(&mut self, planned: &Planned) -> Result<Applied, HostError>;
}

impl<H: Host + ?Sized> Host for &mut H {
    fn stat(&mut self, path: &Path, follow: Follow) -> Result<Option<FileStat>, HostError> {
        (**self).stat(path, follow)
    }
    fn flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError> {
        (**self).flags(path)
    }
    fn context(&mut self, path: &Path) -> Result<Option<Context>, HostError> {
        (**self).context(path)
    }
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError> {
        (**self).read(path)
    }
    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
        (**self).digest(path, algorithm)
    }
    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError> {
        (**self).read_source(source)
    }
    fn members(&mut self, path: &Path, format: PackFormat) -> Result<Members, HostError> {
        (**self).members(path, format)
    }
    fn list(&mut self, path: &Path) -> Result<Vec<String>, HostError> {
        (**self).list(path)
    }
    fn user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError> {
        (**self).user(key)
    }
    fn group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError> {
        (**self).group(key)
    }
    fn groups(&mut self) -> Result<Vec<Group>, HostError> {
        (**self).groups()
    }
    fn find_program(&mut self, name: &str) -> Result<Option<PathBuf>, HostError> {
        (**self).find_program(name)
    }
    fn query(&mut self, command: &Command) -> Result<Output, HostError> {
        (**self).query(command)
    }
    fn unit(&mut self, name: &str) -> Result<UnitState, HostError> {
        (**self).unit(name)
    }
    fn package(&mut self, manager: &str, name: &str) -> Result<Option<String>, HostError> {
        (**self).package(manager, name)
    }
    fn foresees(&mut self) -> bool {
        (**self).foresees()
    }
    fn fetch_lists_ahead(&mut self, manager: &str) -> bool {
        (**self).fetch_lists_ahead(manager)
    }
    fn rehearsed(&mut self, kind: &str, name: &str) -> Option<Kept> {
        (**self).rehearsed(kind, name)
    }
    fn rehearsed_packages(&mut self, manager: &str) -> Vec<(String, Option<String>)> {
        (**self).rehearsed_packages(manager)
    }
    fn rehearsed_unit(&mut self, name: &str) -> Option<KeptUnit> {
        (**self).rehearsed_unit(name)
    }
    fn rehearsed_units(&mut self) -> Vec<String> {
        (**self).rehearsed_units()
    }
    fn fetch(&mut self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        (**self).fetch(request)
    }
    fn connects(&mut self, host: &str, port: u16, timeout: Duration) -> Result<bool, HostError> {
        (**self).connects(host, port, timeout)
    }
    fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, HostError> {
        (**self).addresses(name)
    }
    fn hears(
        &mut self,
        host: &str,
        port: u16,
        patience: Patience,
        enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, HostError> {
        (**self).hears(host, port, patience, enough)
    }
    fn sleep(&mut self, duration: Duration) {
        (**self).sleep(duration);
    }
    fn now(&mut self) -> Timestamp {
        (**self).now()
    }
    fn environment(&mut self, name: &str) -> Option<String> {
        (**self).environment(name)
    }
    fn task_environment(&mut self) -> Vec<String> {
        (**self).task_environment()
    }
    fn identity(&mut self) -> Result<Principal, HostError> {
        (**self).identity()
    }
    fn may_write(&mut self, path: &Path) -> Option<bool> {
        (**self).may_write(path)
    }
    fn scratch(&mut self) -> Result<PathBuf, HostError> {
        (**self).scratch()
    }
    fn discard(&mut self, scratch: &Path) {
        (**self).discard(scratch);
    }
    fn lay_out(&mut self, content: &Content) -> Result<PathBuf, HostError> {
        (**self).lay_out(content)
    }
    fn apply(&mut self, planned: &Planned) -> Result<Applied, HostError> {
        (**self).apply(planned)
    }
}
