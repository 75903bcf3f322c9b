//! A host in memory, for tests of modules and of the engine.
//!
//! ```
//! use canvass_modules::host::memory::MemoryHost;
//! use canvass_modules::host::Host as _;
//!
//! let mut host = MemoryHost::new().with_file("/etc/motd", "hello\n").with_user("ann", 1000);
//! assert_eq!(host.read("/etc/motd".as_ref()).unwrap(), b"hello\n");
//! ```
//!
//! File, account, unit and package effects take hold as in a rehearsal; commands give the
//! outputs that the test prepared. [`MemoryHost::applied`] tells what was done.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::digest::Digester;
use super::rehearsal::RehearsalHost;
use super::{
    AccountKey, Context, DigestAlgorithm, FileFlags, FileKind, FileStat, Follow, Group, Host,
    HostError, HttpRequest, HttpResponse, Kept, KeptUnit, UnitState, User,
};
use crate::contract::Planned;
use crate::effect::{Applied, Command, Effect, Output, Principal, Source, Timestamp};

/// The directory that [`Host::scratch`] names on a host in memory.
pub const SCRATCH: &str = "/scratch";

/// A host that is nowhere but here.
#[derive(Debug)]
pub struct MemoryHost {
    inner: RehearsalHost<Fixture>,
    applied: Vec<Effect>,
    foresees: bool,
}

/// What was there before the first effect.
#[derive(Debug)]
struct Fixture {
    files: BTreeMap<PathBuf, (FileStat, Vec<u8>)>,
    users: Vec<User>,
    groups: Vec<Group>,
    packages: BTreeMap<(String, String), String>,
    units: BTreeMap<String, UnitState>,
    outputs: Vec<(Vec<String>, Output)>,
    sources: BTreeMap<u64, Vec<u8>>,
    responses: BTreeMap<String, HttpResponse>,
    open_ports: Vec<(String, u16)>,
    environment: BTreeMap<String, String>,
    identity: Principal,
    now: Timestamp,
}

impl Default for MemoryHost {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryHost {
    /// A host with `/`, `/etc`, `/tmp`, root's home and root.
    pub fn new() -> Self {
        let fixture = Fixture {
            files: BTreeMap::new(),
            users: Vec::new(),
            groups: Vec::new(),
            packages: BTreeMap::new(),
            units: BTreeMap::new(),
            outputs: Vec::new(),
            sources: BTreeMap::new(),
            responses: BTreeMap::new(),
            open_ports: Vec::new(),
            environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            identity: Principal { name: Some("root".to_owned()), id: Some(0) },
            now: Timestamp { seconds: 1_700_000_000, nanoseconds: 0 },
        };
        Self { inner: RehearsalHost::new(fixture), applied: Vec::new(), foresees: true }
            .with_user("root", 0)
            .with_directory("/")
            .with_directory("/etc")
            .with_directory("/root")
            .with_directory("/tmp")
    }

    /// Adds a file of root with mode 0644, and its parents.
    #[must_use]
    pub fn with_file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, FileKind::File, 0o644, content.as_ref())
    }

    /// Adds a directory of root with mode 0755, and its parents.
    #[must_use]
    pub fn with_directory(self, path: &str) -> Self {
        self.put(path, FileKind::Directory, 0o755, b"")
    }

    /// Adds a symbolic link, and its parents.
    #[must_use]
    pub fn with_link(self, path: &str, target: &str) -> Self {
        let mut host = self.put(path, FileKind::Link, 0o777, b"");
        if let Some((stat, _)) = host.fixture().files.get_mut(Path::new(path)) {
            stat.link_target = Some(PathBuf::from(target));
        }
        host
    }

    /// Makes somebody else than root its user.
    #[must_use]
    pub fn with_identity(mut self, identity: Principal) -> Self {
        self.fixture().identity = identity;
        self
    }

    /// Makes it answer as a live host does of which nobody wants to know what effects would do.
    #[must_use]
    pub fn unforeseen(mut self) -> Self {
        self.foresees = false;
        self
    }

    /// Adds a program to `/usr/bin`.
    #[must_use]
    pub fn with_program(self, name: &str) -> Self {
        self.put(&format!("/usr/bin/{name}"), FileKind::File, 0o755, b"")
    }

    /// Changes what a path looks like.
    #[must_use]
    pub fn with_stat(mut self, path: &str, change: impl FnOnce(&mut FileStat)) -> Self {
        if let Some((stat, _)) = self.fixture().files.get_mut(Path::new(path)) {
            change(stat);
        }
        self
    }

    /// Adds a user and a group of the same name and number.
    #[must_use]
    pub fn with_user(mut self, name: &str, id: u32) -> Self {
        let home = if id == 0 { "/root".to_owned() } else { format!("/home/{name}") };
        self.fixture().users.push(User {
            name: name.to_owned(),
            uid: Some(id),
            gid: Some(id),
            comment: String::new(),
            home: PathBuf::from(home),
            shell: "/bin/sh".to_owned(),
            password_hash: Some("!".to_owned()),
            expires: None,
        });
        self.with_group(name, id, &[])
    }

    /// Adds a group.
    #[must_use]
    pub fn with_group(mut self, name: &str, id: u32, members: &[&str]) -> Self {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.fixture().groups.push(Group { name: name.to_owned(), gid: Some(id), members });
        self
    }

    /// Adds an installed package.
    #[must_use]
    pub fn with_package(mut self, manager: &str, name: &str, version: &str) -> Self {
        let key = (manager.to_owned(), name.to_owned());
        self.fixture().packages.insert(key, version.to_owned());
        self
    }

    /// Adds a unit.
    #[must_use]
    pub fn with_unit(mut self, name: &str, state: UnitState) -> Self {
        self.fixture().units.insert(name.to_owned(), state);
        self
    }

    /// Prepares what a command gives, by its arguments; the last preparation counts.
    #[must_use]
    pub fn with_output(mut self, argv: &[&str], output: Output) -> Self {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        self.fixture().outputs.push((argv, output));
        self
    }

    /// Prepares a source of the engine.
    #[must_use]
    pub fn with_source(mut self, id: u64, content: &[u8]) -> Self {
        self.fixture().sources.insert(id, content.to_vec());
        self
    }

    /// Prepares the answer to a URL.
    #[must_use]
    pub fn with_response(mut self, url: &str, response: HttpResponse) -> Self {
        self.fixture().responses.insert(url.to_owned(), response);
        self
    }

    /// Lets something listen.
    #[must_use]
    pub fn with_listening(mut self, host: &str, port: u16) -> Self {
        self.fixture().open_ports.push((host.to_owned(), port));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.fixture().environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The effects that were applied, in order.
    pub fn applied(&self) -> &[Effect] {
        &self.applied
    }

    fn fixture(&mut self) -> &mut Fixture {
        self.inner.base_mut()
    }

    fn put(mut self, path: &str, kind: FileKind, mode: u32, content: &[u8]) -> Self {
        let path = Path::new(path);
        let missing: Vec<PathBuf> = path
            .ancestors()
            .skip(1)
            .filter(|parent| !self.inner.base().files.contains_key(*parent))
            .map(Path::to_owned)
            .collect();
        for parent in missing {
            let stat = plain_stat(FileKind::Directory, 0o755, 4096);
            self.fixture().files.insert(parent, (stat, Vec::new()));
        }
        let stat = plain_stat(kind, mode, content.len() as u64);
        self.fixture().files.insert(path.to_owned(), (stat, content.to_vec()));
        self
    }
}

fn plain_stat(kind: FileKind, mode: u32, size: u64) -> FileStat {
    let root = Principal { name: Some("root".to_owned()), id: Some(0) };
    let time = Timestamp { seconds: 1_600_000_000, nanoseconds: 0 };
    FileStat {
        kind,
        mode,
        owner: root.clone(),
        group: root,
        size,
        link_target: None,
        accessed: time,
        modified: time,
        status_changed: time,
        inode: 1,
        device: 1,
        special_device: 0,
        links: 1,
        block_size: 4096,
        blocks: size.div_ceil(512),
        flags: None,
        context: None,
    }
}

impl Fixture {
    /// Links are followed by the rehearsal; here only the path itself counts.
    fn find(&self, path: &Path) -> Result<&(FileStat, Vec<u8>), HostError> {
        self.files.get(path).ok_or_else(|| HostError::Io {
            action: "read",
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    fn prepared(&self, command: &Command) -> Result<Output, HostError> {
        let found = self.outputs.iter().rev().find(|(argv, _)| *argv == command.argv);
        found.map(|(_, output)| output.clone()).ok_or_else(|| HostError::Spawn {
            program: command.argv.join(" "),
            source: io::ErrorKind::NotFound.into(),
        })
    }
}

impl Host for Fixture {
    fn stat(&mut self, path: &Path, _follow: Follow) -> Result<Option<FileStat>, HostError> {
        Ok(self.files.get(path).map(|(stat, _)| FileStat {
            flags: None,
            context: None,
            ..stat.clone()
        }))
    }

    fn flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError> {
        Ok(self.files.get(path).and_then(|(stat, _)| stat.flags))
    }

    fn context(&mut self, path: &Path) -> Result<Option<Context>, HostError> {
        Ok(self.files.get(path).and_then(|(stat, _)| stat.context.clone()))
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError> {
        self.find(path).map(|(_, content)| content.clone())
    }

    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
        self.find(path).map(|(_, content)| Digester::of(algorithm, content))
    }

    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError> {
        self.sources.get(&source.id).cloned().ok_or(HostError::SourceMissing(source.id))
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, HostError> {
        let children = self.files.keys().filter(|child| child.parent() == Some(path));
        Ok(children
            .filter_map(|child| Some(child.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError> {
        Ok(self
            .users
            .iter()
            .find(|user| match key {
                AccountKey::Name(name) => user.name == *name,
                AccountKey::Id(id) => user.uid == Some(*id),
            })
            .cloned())
    }

    fn group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError> {
        Ok(self
            .groups
            .iter()
            .find(|group| match key {
                AccountKey::Name(name) => group.name == *name,
                AccountKey::Id(id) => group.gid == Some(*id),
            })
            .cloned())
    }

    fn groups(&mut self) -> Result<Vec<Group>, HostError> {
        Ok(self.groups.clone())
    }

    fn find_program(&mut self, name: &str) -> Result<Option<PathBuf>, HostError> {
        let executable =
            |path: &PathBuf| self.files.get(path).is_some_and(|(stat, _)| stat.mode & 0o111 != 0);
        let directories = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
        Ok(directories.iter().map(|dir| Path::new(dir).join(name)).find(executable))
    }

    fn query(&mut self, command: &Command) -> Result<Output, HostError> {
        self.prepared(command)
    }

    fn unit(&mut self, name: &str) -> Result<UnitState, HostError> {
        Ok(self.units.get(name).cloned().unwrap_or_default())
    }

    fn foresees(&mut self) -> bool {
        true
    }

    fn package(&mut self, manager: &str, name: &str) -> Result<Option<String>, HostError> {
        Ok(self.packages.get(&(manager.to_owned(), name.to_owned())).cloned())
    }

    fn fetch(&mut self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        self.responses.get(&request.url).cloned().ok_or_else(|| HostError::Http {
            url: request.url.clone(),
            reason: "nothing is prepared for it".to_owned(),
        })
    }

    fn connects(&mut self, host: &str, port: u16, _timeout: Duration) -> Result<bool, HostError> {
        Ok(self.open_ports.iter().any(|(open, number)| open == host && *number == port))
    }

    fn sleep(&mut self, _duration: Duration) {}

    fn now(&mut self) -> Timestamp {
        self.now
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn identity(&mut self) -> Result<Principal, HostError> {
        Ok(self.identity.clone())
    }

    fn apply(&mut self, planned: &Planned) -> Result<Applied, HostError> {
        Err(HostError::BadCommand(format!("{:?}", planned.effect)))
    }
}

impl Host for MemoryHost {
    fn stat(&mut self, path: &Path, follow: Follow) -> Result<Option<FileStat>, HostError> {
        self.inner.stat(path, follow)
    }

    fn flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError> {
        self.inner.flags(path)
    }

    fn context(&mut self, path: &Path) -> Result<Option<Context>, HostError> {
        self.inner.context(path)
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError> {
        self.inner.read(path)
    }

    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
        self.inner.digest(path, algorithm)
    }

    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError> {
        self.inner.read_source(source)
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, HostError> {
        self.inner.list(path)
    }

    fn user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError> {
        self.inner.user(key)
    }

    fn group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError> {
        self.inner.group(key)
    }

    fn groups(&mut self) -> Result<Vec<Group>, HostError> {
        self.inner.groups()
    }

    fn find_program(&mut self, name: &str) -> Result<Option<PathBuf>, HostError> {
        self.inner.find_program(name)
    }

    fn query(&mut self, command: &Command) -> Result<Output, HostError> {
        self.inner.query(command)
    }

    fn unit(&mut self, name: &str) -> Result<UnitState, HostError> {
        self.inner.unit(name)
    }

    fn package(&mut self, manager: &str, name: &str) -> Result<Option<String>, HostError> {
        self.inner.package(manager, name)
    }

    fn rehearsed(&mut self, kind: &str, name: &str) -> Option<Kept> {
        self.foresees.then(|| self.inner.rehearsed(kind, name)).flatten()
    }

    fn foresees(&mut self) -> bool {
        self.foresees
    }

    fn rehearsed_packages(&mut self, manager: &str) -> Vec<(String, Option<String>)> {
        self.inner.rehearsed_packages(manager)
    }

    fn rehearsed_unit(&mut self, name: &str) -> Option<KeptUnit> {
        self.foresees.then(|| self.inner.rehearsed_unit(name)).flatten()
    }

    fn rehearsed_units(&mut self) -> Vec<String> {
        self.inner.rehearsed_units()
    }

    fn fetch(&mut self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        self.inner.fetch(request)
    }

    fn connects(&mut self, host: &str, port: u16, timeout: Duration) -> Result<bool, HostError> {
        self.inner.base_mut().connects(host, port, timeout)
    }

    fn sleep(&mut self, duration: Duration) {
        self.inner.sleep(duration);
    }

    fn now(&mut self) -> Timestamp {
        self.inner.now()
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        self.inner.environment(name)
    }

    fn identity(&mut self) -> Result<Principal, HostError> {
        self.inner.identity()
    }

    fn scratch(&mut self) -> Result<PathBuf, HostError> {
        Ok(PathBuf::from(SCRATCH))
    }

    /// Commands give their prepared output, or end with 0 and say nothing where none is.
    fn apply(&mut self, planned: &Planned) -> Result<Applied, HostError> {
        self.applied.push(planned.effect.clone());
        let commands = match &planned.effect {
            Effect::Run(command) => {
                return self.inner.base().prepared(command).map(Applied::Ran);
            }
            Effect::Request(request) => {
                return self.fetch(&request.request).map(Applied::Answered);
            }
            Effect::Packages(change) => std::slice::from_ref(&change.command),
            Effect::Unit(change) => std::slice::from_ref(&change.command),
            Effect::User(change) => change.commands.as_slice(),
            Effect::Group(change) => change.commands.as_slice(),
            Effect::Setting(change) => change.commands.as_slice(),
            Effect::Unpack(unpack) => std::slice::from_ref(&unpack.command),
            _ => return self.inner.apply(planned),
        };
        let mut last = Output::default();
        for command in commands {
            last = self.inner.base().prepared(command).unwrap_or_default();
            if !command.is_done(&last) {
                return Err(HostError::CommandFailed {
                    command: shell_words::join(&command.argv),
                    output: Box::new(last),
                });
            }
        }
        self.inner.forget_pending(planned)?;
        Ok(Applied::Ran(last))
    }
}
