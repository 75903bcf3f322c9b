//! The port through which modules see and change a host.
//!
//! [`Host`] is implemented by the live host and by the rehearsal (an overlay over the live
//! host). Tests have a host in memory.

pub(crate) mod digest;
#[cfg(test)]
pub(crate) mod fake;
pub mod live;
pub mod memory;
pub mod rehearsal;

pub use digest::sha256;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::Planned;
use crate::effect::{Applied, Command, Content, Output, Principal, Source, Timestamp};

/// What [`Host::rehearsed`] is asked whether a package manager's lists (the name) would have been
/// fetched.
pub const PACKAGE_LISTS: &str = "package lists";

/// What modules may ask of a host and do to it.
///
/// Questions never change the host. In a rehearsal they answer as if the effects before had
/// happened, and give [`HostError::Unknown`] where nobody can know.
pub trait Host {
    /// Looks at a path; `None` when there is nothing.
    fn stat(&mut self, path: &Path, follow: Follow) -> Result<Option<FileStat>, HostError>;

    /// Reads a whole file.
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError>;

    /// A digest of a file in hexadecimal, without holding it in memory.
    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError>;

    /// The content of a file that the engine holds for this task.
    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError>;

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
            Content::Bytes(_) | Content::Source(_) => {
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
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError> {
        (**self).read(path)
    }
    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
        (**self).digest(path, algorithm)
    }
    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError> {
        (**self).read_source(source)
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
    fn rehearsed(&mut self, kind: &str, name: &str) -> Option<Kept> {
        (**self).rehearsed(kind, name)
    }
    fn rehearsed_packages(&mut self, manager: &str) -> Vec<(String, Option<String>)> {
        (**self).rehearsed_packages(manager)
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

/// Permission bits from `rwxr-sr-t`.
pub(crate) fn mode_from_letters(text: &str) -> Option<u32> {
    let mut mode = 0;
    for (index, letter) in text.chars().enumerate() {
        let bit = 0o400_u32 >> index;
        let special = match index {
            2 => 0o4000,
            5 => 0o2000,
            _ => 0o1000,
        };
        mode |= match letter {
            '-' => 0,
            'r' | 'w' | 'x' => bit,
            's' | 't' => bit | special,
            'S' | 'T' => special,
            _ => return None,
        };
    }
    Some(mode)
}

/// How long to wait for a connection, and for all that comes over it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For all of it.
    pub whole: Duration,
}

/// Whether a symbolic link is looked at or looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// The link's target.
    Yes,
    /// The link itself.
    No,
}

/// The digests that modules compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// MD5.
    Md5,
    /// SHA-1, the one that Ansible compares files by.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// What a path looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub owner: Principal,
    /// Group.
    pub group: Principal,
    /// Length in bytes.
    pub size: u64,
    /// Target of a symbolic link as written in it.
    pub link_target: Option<PathBuf>,
    /// Access time.
    pub accessed: Timestamp,
    /// Modification time.
    pub modified: Timestamp,
    /// Time of the last status change.
    pub status_changed: Timestamp,
    /// Inode number; 0 where a rehearsal made it.
    pub inode: u64,
    /// Device number.
    pub device: u64,
    /// Device number of a device file.
    pub special_device: u64,
    /// Number of hard links.
    pub links: u64,
    /// Size of a block for input and output.
    pub block_size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
}

/// How a user or group is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountKey {
    /// By name; a name that is all digits is tried as a number after.
    Name(String),
    /// By number.
    Id(u32),
}

/// A user of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Number; `None` for one that a rehearsal made without a number.
    pub uid: Option<u32>,
    /// Number of the primary group.
    pub gid: Option<u32>,
    /// The comment (GECOS) field.
    pub comment: String,
    /// Home directory.
    pub home: PathBuf,
    /// Login shell.
    pub shell: String,
    /// The hash from the shadow file, where the runner may read it.
    pub password_hash: Option<String>,
    /// Day of expiry since 1970 from the shadow file.
    pub expires: Option<i64>,
}

/// A group of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Number; `None` for one that a rehearsal made without a number.
    pub gid: Option<u32>,
    /// Members beyond those whose primary group it is.
    pub members: Vec<String>,
}

/// The state of a service unit, from `systemctl show`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UnitState {
    /// Whether the service manager knows it.
    pub exists: bool,
    /// `ActiveState` is `active` or `activating`.
    pub active: bool,
    /// `UnitFileState`: `enabled`, `disabled`, `static`, `masked` …; empty when there is none.
    pub enablement: String,
    /// All properties as `systemctl show` prints them.
    pub properties: std::collections::BTreeMap<String, String>,
}

/// A setting as a rehearsal left it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its value; `None` where it would be gone.
    pub value: Option<serde_json::Value>,
}

/// A question over HTTP.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpRequest {
    /// `http://` or `https://`, or `file://`.
    pub url: String,
    /// Method; `GET` when empty.
    pub method: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Whole-request bound; `None` is ten seconds.
    pub timeout: Option<Duration>,
    /// Accept any certificate.
    pub insecure: bool,
    /// Use the proxy variables of the environment.
    pub use_proxy: bool,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// Which redirects are followed.
    pub redirects: Redirects,
    /// Who asks, told when the server wants to know it.
    pub credentials: Option<(String, String)>,
    /// Whether who asks is told at once.
    pub force_credentials: bool,
    /// Whether a password is looked for in `~/.netrc` where there are no credentials.
    pub use_netrc: bool,
    /// The socket that is asked instead of the host of the address.
    pub unix_socket: Option<PathBuf>,
    /// Certificates to trust instead of those of the host: a file, or a directory of files.
    pub ca_path: Option<PathBuf>,
    /// The certificate to show, and its key where it is in a file of its own.
    pub client_certificate: Option<(PathBuf, Option<PathBuf>)>,
    /// Headers that are not sent to where a redirect leads.
    pub unredirected: Vec<String>,
    /// Unpack an answer that comes compressed.
    pub compressed: bool,
}

/// Which redirects are followed, by Ansible's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// Those of questions.
    Safe,
    /// Those of questions, and of a POST as a question.
    Urllib2,
}

/// An answer over HTTP.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Headers with lower-case names.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// The address after redirects.
    pub url: String,
    /// Cookies that were set on the way.
    pub cookies: Vec<(String, String)>,
}

/// Why the host could not answer or be changed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Only acting would tell (rehearsal).
    #[error("unknown before the run: {0}")]
    Unknown(String),
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was being done (`read`, `rename` …).
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A command of an effect ended with an error.
    #[error("`{command}` failed with status {}: {}", .output.status, .output.stderr_text().trim())]
    CommandFailed {
        /// The command, quoted for people.
        command: String,
        /// What it gave.
        output: Box<Output>,
    },
    /// A validation command refused the new file.
    #[error("failed to validate: rc:{} error:{}", .output.status, .output.stderr_text().trim())]
    Validation {
        /// The command with the file's name in it.
        command: String,
        /// What it gave.
        output: Box<Output>,
    },
    /// The HTTP request failed.
    #[error("cannot fetch `{url}`: {reason}")]
    Http {
        /// The address.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The user or group does not exist.
    #[error("failed to look up {kind} {name}")]
    NoSuchAccount {
        /// `user` or `group`.
        kind: &'static str,
        /// What was looked up.
        name: String,
    },
    /// The item took longer than it may.
    #[error("Timed out after {} second(s).", .0.as_secs())]
    TimedOut(Duration),
    /// The engine cancelled the task or went away.
    #[error("the task was cancelled")]
    Cancelled,
    /// The `validate` option names no place for the file.
    #[error("validate must contain %s: {0}")]
    ValidateWithoutFile(String),
    /// A program asked more often than there are answers.
    #[error("No remaining responses for '{question}', output was '{output}'")]
    Unanswered {
        /// The pattern that found the question.
        question: String,
        /// What the program wrote since the last answer.
        output: String,
    },
    /// A command has no program, or one that is no command line.
    #[error("cannot split `{0}` into words")]
    BadCommand(String),
    /// The engine went away in the middle of a file.
    #[error("the engine did not send the content of source {0}")]
    SourceMissing(u64),
}
