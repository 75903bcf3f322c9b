//! Effects: the changes that modules decide on, as data.
//!
//! Effects are what the runner applies, what a rehearsal lays over the host, what the diff is
//! drawn from, what a plan saves and what the report counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{ContextChange, FlagChange, HttpRequest, HttpResponse};

/// One change of a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Replaces or creates a regular file atomically.
    WriteFile(WriteFile),
    /// Creates one directory; its parent exists.
    MakeDirectory {
        /// Where.
        path: PathBuf,
        /// Permission bits; by default `0777` less the umask.
        mode: Option<u32>,
    },
    /// Creates or replaces a symbolic link.
    MakeSymlink {
        /// The link.
        path: PathBuf,
        /// What it holds.
        target: PathBuf,
    },
    /// Creates or replaces a hard link.
    MakeHardLink {
        /// The new name.
        path: PathBuf,
        /// The existing file.
        target: PathBuf,
    },
    /// Changes owner, group, mode, flags or context of what is there.
    SetAttributes {
        /// The file, directory or link.
        path: PathBuf,
        /// Only what is to change.
        attributes: Attributes,
    },
    /// Sets access and modification time, in seconds since 1970 with nanoseconds.
    SetTimes {
        /// The file.
        path: PathBuf,
        /// Access time; `None` leaves it.
        accessed: Option<Timestamp>,
        /// Modification time; `None` leaves it.
        modified: Option<Timestamp>,
        /// Whether both are the present: whoever may write the file may set that, where other
        /// times take its owner. The host then takes the time at which it sets them.
        #[serde(default)]
        present: bool,
    },
    /// Removes a file, link or a directory with all below it.
    Remove {
        /// What to remove.
        path: PathBuf,
    },
    /// Copies a file on the host, with owner, mode, times, context and xattrs.
    CopyFile {
        /// From.
        from: PathBuf,
        /// To; replaced when there.
        to: PathBuf,
    },
    /// Runs a command whose outcome nobody can know before.
    Run(Command),
    /// Installs, upgrades or removes packages.
    Packages(PackageChange),
    /// Fetches the package lists anew.
    RefreshPackageLists {
        /// The package manager (`apt`, `dnf` …).
        manager: String,
    },
    /// Creates, changes or removes a user.
    User(UserChange),
    /// Creates, changes or removes a group.
    Group(GroupChange),
    /// Acts on a service unit.
    Unit(UnitChange),
    /// Changes what a program keeps and none of the others describes.
    Setting(SettingChange),
    /// Unpacks an archive.
    Unpack(Unpack),
    /// Sends a request that is more than a question.
    Request(Request),
}

/// Replaces or creates a regular file: write beside, sync, rename.
///
/// Owner, mode, ACL, SELinux context and xattrs of a file that is replaced are kept unless
/// `attributes` says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteFile {
    /// Where; its parent directory exists.
    pub path: PathBuf,
    /// The new content.
    pub content: Content,
    /// Owner, group and mode that the new file gets before it is renamed into place, and flags
    /// that it gets there.
    #[serde(default)]
    pub attributes: Attributes,
    /// Run with `%s` replaced by the new file beside the old one; the file is only replaced when
    /// it ends with 0.
    #[serde(default)]
    pub validate: Option<String>,
    /// Keeps the old file beside, under a name with process id and time.
    #[serde(default)]
    pub backup: bool,
    /// Writes in place when the directory forbids a rename.
    #[serde(default)]
    pub unsafe_writes: bool,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// In memory.
    Bytes(#[serde(with = "crate::wire::base64")] Vec<u8>),
    /// Held by the engine, streamed when it is needed.
    Source(Source),
    /// Another file of the host.
    File(PathBuf),
    /// Files of the host, packed into one.
    Packed(Packed),
}

/// Files of the host, packed into one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// How.
    pub format: PackFormat,
    /// The files, in order.
    pub members: Vec<Member>,
}

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackFormat {
    /// One file, compressed.
    Single(Compression),
    /// A tar file.
    Tar(Compression),
    /// A zip file.
    Zip,
}

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// As gzip does.
    Gzip,
    /// As bzip2 does.
    Bzip2,
    /// As xz does.
    Xz,
}

/// A file that is packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it is.
    pub path: PathBuf,
    /// Its name in the archive.
    pub name: String,
}

/// A file that the engine holds for a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its number within the request.
    pub id: u64,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-1 of its content, in hexadecimal.
    pub sha1: String,
}

/// Owner, group, mode, flags and context, each only where it is to be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// The owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Principal>,
    /// The group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Principal>,
    /// Permission bits with setuid, setgid and sticky (`0o7777`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// Flags, set after all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<FlagChange>,
    /// Parts of the SELinux context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextChange>,
}

impl Attributes {
    /// Whether nothing is to be set.
    pub fn is_empty(&self) -> bool {
        self.owner.is_none()
            && self.group.is_none()
            && self.mode.is_none()
            && self.flags.is_none()
            && self.context.is_none()
    }
}

/// A user or a group: by name, by number, or both.
///
/// In a rehearsal a user that the same play would create has a name and no number yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name, where there is one.
    pub name: Option<String>,
    /// The number, where it is known.
    pub id: Option<u32>,
}

impl Principal {
    /// Whether both mean the same: equal numbers, or equal names where a number is missing.
    pub fn is(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (Some(a), Some(b)) => a == b,
            _ => self.name.is_some() && self.name == other.name,
        }
    }

    /// The name, or the number as text.
    pub fn label(&self) -> String {
        match (&self.name, self.id) {
            (Some(name), _) => name.clone(),
            (None, Some(id)) => id.to_string(),
            (None, None) => String::new(),
        }
    }
}

/// A point in time: seconds since 1970 and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp {
    /// Whole seconds since 1970-01-01 UTC.
    pub seconds: i64,
    /// Nanoseconds of the second.
    pub nanoseconds: u32,
}

/// A command as typed arguments; never a shell line, unless a shell is what the user asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// What is written to its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Variables added to the runner's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// A file that is there while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<CommandFile>,
    /// A text that it reads as a file, which is on no disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed: Option<String>,
    /// Runs it on a terminal of its own and answers what it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialogue: Option<Dialogue>,
    /// Statuses beside 0 with which an effect's command has done what it should.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepts: Vec<i32>,
}

/// A program that the engine holds, put into a private directory while a command runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandFile {
    /// Its content.
    pub source: Source,
    /// Its name.
    pub name: String,
}

/// What stands in the arguments of a [`Command`] for the path of its [`CommandFile`].
pub const COMMAND_FILE: &str = "\u{0}file\u{0}";

/// What stands in the arguments of a [`Command`] for the path of the text that it is
/// [`handed`](Command::handed).
pub const HANDED_FILE: &str = "\u{0}handed\u{0}";

/// Questions of a program and what they are answered with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dialogue {
    /// The answers.
    pub answers: Vec<Answer>,
    /// Seconds without a question or an end after which the program is ended; its status is then
    /// [`ENDED`].
    pub patience: Option<u64>,
    /// Whether the terminal shows what is typed.
    pub echo: bool,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// A pattern of Python that finds the question in the output.
    pub question: String,
    /// What is typed, in order; without [`Answer::repeats`], each once.
    pub lines: Vec<String>,
    /// Whether the first line answers again and again.
    pub repeats: bool,
}

/// The status of a program on a terminal that did not end by itself.
pub const ENDED: i32 = -1;

impl Command {
    /// Whether it has done what it should.
    pub fn is_done(&self, output: &Output) -> bool {
        output.success() || self.accepts.contains(&output.status)
    }

    /// A command with these arguments.
    pub fn new<I: IntoIterator<Item = S>, S: Into<String>>(argv: I) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

/// What a command gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Exit status; `-n` when signal n ended it, as Ansible tells it.
    pub status: i32,
    /// Standard output.
    #[serde(with = "crate::wire::base64")]
    pub stdout: Vec<u8>,
    /// Standard error.
    #[serde(with = "crate::wire::base64")]
    pub stderr: Vec<u8>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl Output {
    /// Whether it ended with 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Lets it speak of a file under another name.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) {
        let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
        for text in [&mut self.stdout, &mut self.stderr] {
            if let Some(said) = std::str::from_utf8(text).ok().filter(|said| said.contains(&*from))
            {
                *text = said.replace(&*from, &to).into_bytes();
            }
        }
    }

    /// Standard output as text; bytes that are no UTF-8 are replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are no UTF-8 are replaced.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Installs, upgrades and removes packages in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PackageChange {
    /// The package manager (`apt`, `dnf` …).
    pub manager: String,
    /// The command that does it.
    pub command: Command,
    /// What the manager's own simulation says will be installed or upgraded: name, old version
    /// (`None` when new), new version.
    pub install: Vec<PackageStep>,
    /// What will be removed.
    pub remove: Vec<PackageStep>,
}

/// One package of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageStep {
    /// The package.
    pub name: String,
    /// The version that is there.
    pub from: Option<String>,
    /// The version that will be there.
    pub to: Option<String>,
}

/// Creates, changes or removes a user; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UserChange {
    /// Whether it is made, changed or removed.
    pub action: AccountAction,
    /// The login name.
    pub name: String,
    /// The commands that do it, in order (`useradd`, `usermod`, `chage` …).
    pub commands: Vec<Command>,
    /// Numeric id.
    pub uid: Option<u32>,
    /// Primary group, name or number.
    pub group: Option<String>,
    /// All supplementary groups that it will have.
    pub groups: Option<Vec<String>>,
    /// Home directory.
    pub home: Option<PathBuf>,
    /// Whether the home directory is created.
    pub creates_home: bool,
    /// Login shell.
    pub shell: Option<String>,
    /// The comment (GECOS) field.
    pub comment: Option<String>,
    /// What else changes, before and after, where it is shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, (Option<String>, String)>,
}

/// Creates, changes or removes a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupChange {
    /// Whether it is made, changed or removed.
    pub action: AccountAction,
    /// The name.
    pub name: String,
    /// The commands that do it, in order.
    pub commands: Vec<Command>,
    /// Numeric id.
    pub gid: Option<u32>,
}

/// What happens to an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountAction {
    /// It is made.
    #[default]
    Create,
    /// It is changed.
    Modify,
    /// It is removed.
    Remove,
}

/// Acts on a service unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitChange {
    /// The unit with its suffix (`nginx.service`); empty for a daemon reload.
    pub name: String,
    /// What happens to it.
    pub action: UnitAction,
    /// The command that does it.
    pub command: Command,
}

/// What happens to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitAction {
    /// Starts it.
    Start,
    /// Stops it.
    Stop,
    /// Restarts it.
    Restart,
    /// Reloads its configuration.
    Reload,
    /// Starts it at boot.
    Enable,
    /// No longer starts it at boot.
    Disable,
    /// Forbids starting it.
    Mask,
    /// Allows starting it.
    Unmask,
    /// The service manager reads its unit files again.
    DaemonReload,
}

/// Changes what a program keeps and what is no file, account, unit or package: the host's name, an
/// answer of debconf, a firewall rule, the revision of a checkout.
///
/// What it will be is known before the commands ran, so a rehearsal can answer for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SettingChange {
    /// What keeps it (`hostname`, `debconf`, `iptables filter` …).
    pub kind: String,
    /// Its name there.
    pub name: String,
    /// What it is; `None` where it is not there.
    #[serde(default)]
    pub before: Option<serde_json::Value>,
    /// What it will be; `None` where it will be gone.
    #[serde(default)]
    pub after: Option<serde_json::Value>,
    /// What is done to it though it stays what it is (`remounted`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deed: Option<String>,
    /// Whether its values are left out of diffs.
    #[serde(default)]
    pub secret: bool,
    /// The commands that do it, in order; each must end with 0.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Directories that the commands make or fill, and nobody knows with what.
    #[serde(default)]
    pub fills: Vec<PathBuf>,
    /// Files that the commands move, from and to, where there is one.
    #[serde(default)]
    pub moves: Vec<(PathBuf, PathBuf)>,
    /// The kind of settings that all are gone after it.
    #[serde(default)]
    pub clears: Option<String>,
}

/// Sends a request over HTTP whose outcome nobody can know before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The address, without a password.
    pub url: String,
    /// All of it; reports are not told.
    #[serde(skip)]
    pub request: HttpRequest,
}

/// Unpacks an archive with a program of the host.
///
/// What it brings is known before: a rehearsal unpacks it in a private place and lays that over
/// the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unpack {
    /// The archive.
    pub archive: Content,
    /// The directory that it is unpacked in; it exists.
    pub into: PathBuf,
    /// The command that does it, with [`ARCHIVE`] and [`UNPACK_PLACE`] for both.
    pub command: Command,
    /// The bytes that all files of it have together.
    pub size: u64,
    /// Whether files that are newer than those of the archive stay.
    pub keep_newer: bool,
    /// What differs, a line each, as rsync itemizes it.
    pub changes: Vec<String>,
}

/// What stands in the arguments of an [`Unpack`] for the archive.
pub const ARCHIVE: &str = "\u{0}archive\u{0}";

/// What stands in the arguments of an [`Unpack`] for the directory that it is unpacked in.
pub const UNPACK_PLACE: &str = "\u{0}place\u{0}";

impl Unpack {
    /// The command for an archive and a directory.
    pub fn command_for(&self, archive: &Path, place: &Path) -> Command {
        let fill = |word: &String| {
            word.replace(ARCHIVE, &archive.to_string_lossy())
                .replace(UNPACK_PLACE, &place.to_string_lossy())
        };
        Command {
            argv: self.command.argv.iter().map(fill).collect(),
            directory: Some(place.to_owned()),
            ..self.command.clone()
        }
    }
}

/// What applying one effect gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// It is done; there is nothing more to say.
    Done,
    /// A command ran (also those of package, account, unit and setting changes; the last one
    /// counts).
    Ran(Output),
    /// apt's package lists were fetched (by a rehearsal into a directory of its own).
    Lists {
        /// Whether they are others than before.
        changed: bool,
        /// When they were fetched, in seconds since 1970.
        time: i64,
    },
    /// A file was written, and there is something to say of it.
    Written {
        /// Where the old one is kept.
        backup: Option<PathBuf>,
        /// What the program said that validated it.
        validation: Option<Output>,
    },
    /// A request was answered.
    Answered(HttpResponse),
    /// In a rehearsal: what it would give cannot be known, and why.
    Unknown(String),
}
