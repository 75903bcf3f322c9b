//! The real host.
//!
//! - [`stage`] and [`change`] write files; [`files`], [`flags`] and [`context`] look at them;
//! - [`process`] runs commands, [`interrupt`] ends them;
//! - [`accounts`] reads users and groups; [`services`] asks service and package managers,
//!   [`dpkg`] reads what dpkg has;
//! - [`resolve`] and [`http`] reach the network without the C library's resolver;
//! - [`sources`] delivers the files that the engine holds.

mod accounts;
mod change;
mod clock;
mod context;
mod dpkg;
mod files;
mod flags;
mod handed;
pub(crate) mod http;
mod interrupt;
mod pack;
mod process;
mod resolve;
mod services;
mod sources;
mod stage;
pub mod terminal;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{IpAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use interrupt::{Interrupt, Stopped};
pub use process::Listener;
pub use sources::{NoSources, RequestSources, Sink, Sources};

use crate::archive::{self, Members};
use crate::contract::Planned;
use crate::effect::{
    Applied, COMMAND_FILE, Command, Content, Effect, HANDED_FILE, Output, PackFormat, Principal,
    Source, Timestamp,
};
use crate::host::{
    AccountKey, Context, DigestAlgorithm, FileFlags, FileStat, Follow, Group, Host, HostError,
    HttpRequest, HttpResponse, Patience, UnitState, User,
};

/// The largest content that is laid out in memory, in bytes.
const MEMORY_BOUND: usize = 1024 * 1024;

/// The name of a file that is laid out, in a directory of its own.
const LAID_OUT: &str = "source";

/// The host that this process runs on.
pub struct LiveHost {
    interrupt: Arc<Interrupt>,
    sources: Box<dyn Sources>,
    environment: BTreeMap<String, String>,
    accounts: accounts::Accounts,
    umask: u32,
    /// What was laid out for this task, and where.
    laid_out: Vec<(Content, PathBuf)>,
    /// Hears what commands of effects print.
    listener: Option<Listener>,
    /// Whether an effect is being applied.
    acting: bool,
    /// Whether what effects would do is to be known before.
    foresees: bool,
}

impl LiveHost {
    /// This host; `interrupt` ends its commands.
    pub fn new(interrupt: Arc<Interrupt>) -> Self {
        Self {
            interrupt,
            sources: Box::new(NoSources),
            environment: BTreeMap::new(),
            accounts: accounts::Accounts::default(),
            umask: umask(),
            laid_out: Vec::new(),
            listener: None,
            acting: false,
            foresees: false,
        }
    }

    /// Makes ready for a task: its environment and the files that the engine holds for it.
    pub fn begin(&mut self, environment: BTreeMap<String, String>, sources: Box<dyn Sources>) {
        self.environment = environment;
        self.sources = sources;
        self.accounts.forget();
        self.listener = None;
        self.foresees = false;
        self.clear();
    }

    /// Has modules find out what their effects would do, until the next task begins: someone is to
    /// agree with it.
    pub fn foresee(&mut self) {
        self.foresees = true;
    }

    /// Lets someone hear what commands print that effects run, until the next task begins.
    pub fn listen(&mut self, listener: Listener) {
        self.listener = Some(listener);
    }

    /// Removes what was laid out.
    fn clear(&mut self) {
        for (_, directory) in std::mem::take(&mut self.laid_out) {
            self.discard(&directory);
        }
    }

    fn run(&mut self, command: &Command) -> Result<Output, HostError> {
        if let Some(text) = &command.handed {
            let handed = handed::Text::new(text)?;
            let path = handed.path();
            let argv = command.argv.iter().map(|word| word.replace(HANDED_FILE, &path)).collect();
            return self.run(&Command { argv, handed: None, ..command.clone() });
        }
        let Some(file) = &command.file else { return self.run_now(command) };
        let directory = self.scratch()?;
        let path = directory.join(&file.name);
        let output = self.put_program(&file.source, &path).and_then(|()| {
            let argv = command.argv.iter();
            let argv = argv.map(|word| word.replace(COMMAND_FILE, &path.to_string_lossy()));
            self.run_now(&Command { argv: argv.collect(), ..command.clone() })
        });
        self.discard(&directory);
        output
    }

    fn run_now(&mut self, command: &Command) -> Result<Output, HostError> {
        match &command.dialogue {
            Some(dialogue) => terminal::run(command, dialogue, &self.environment, &self.interrupt),
            None => {
                let listener = self.listener.as_mut().filter(|_| self.acting);
                process::run(command, &self.environment, &self.interrupt, listener)
            }
        }
    }

    /// Writes a file of the engine that its owner may run.
    fn put_program(&mut self, source: &Source, path: &Path) -> Result<(), HostError> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let failed = |error| files::io_error("write", path, error);
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(path);
        let mut file = file.map_err(failed)?;
        sources::deliver_checked(self.sources.as_mut(), source, None, &mut |bytes| {
            file.write_all(bytes).map_err(failed)
        })
    }

    /// Runs commands in order until one fails.
    fn run_all(&mut self, commands: &[Command]) -> Result<Applied, HostError> {
        self.accounts.forget();
        let mut last = None;
        for command in commands {
            last = Some(self.must(command)?);
        }
        Ok(last.map_or(Applied::Done, Applied::Ran))
    }

    fn principal(&mut self, uid: u32) -> Principal {
        let name = self.lookup_user(&AccountKey::Id(uid)).map(|user| user.name);
        Principal { name, id: Some(uid) }
    }

    fn group_principal(&mut self, gid: u32) -> Result<Principal, HostError> {
        let name = self.group(&AccountKey::Id(gid))?.map(|group| group.name);
        Ok(Principal { name, id: Some(gid) })
    }

    fn lookup_user(&mut self, key: &AccountKey) -> Option<User> {
        let (environment, interrupt) = (&self.environment, &self.interrupt);
        let ask = |database: &str, key: &str| getent(&[database, key], environment, interrupt);
        self.accounts.user(key, ask)
    }
}

impl Drop for LiveHost {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Host for LiveHost {
    fn stat(&mut self, path: &Path, follow: Follow) -> Result<Option<FileStat>, HostError> {
        use std::os::unix::fs::MetadataExt as _;
        let Some(meta) = files::metadata(path, follow)? else { return Ok(None) };
        let owner = self.principal(meta.uid());
        let group = self.group_principal(meta.gid())?;
        files::describe(path, &meta, owner, group).map(Some)
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError> {
        std::fs::read(path).map_err(|error| files::io_error("read", path, error))
    }

    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
        files::digest(path, algorithm)
    }

    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError> {
        let mut content = Vec::new();
        sources::deliver_checked(self.sources.as_mut(), source, None, &mut |bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(content)
    }

    fn members(&mut self, path: &Path, format: PackFormat) -> Result<Members, HostError> {
        let mut file =
            std::fs::File::open(path).map_err(|error| files::io_error("read", path, error))?;
        Ok(archive::members(&mut file, format))
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, HostError> {
        files::list(path)
    }

    fn user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError> {
        let mut found = self.lookup_user(key);
        if let Some(user) = &mut found {
            // only root may read it; without, the hash stays unknown
            let shadow = std::fs::read("/etc/shadow").unwrap_or_default();
            accounts::add_shadow(user, &String::from_utf8_lossy(&shadow));
        }
        Ok(found)
    }

    fn group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError> {
        let (environment, interrupt) = (&self.environment, &self.interrupt);
        let ask = |database: &str, key: &str| getent(&[database, key], environment, interrupt);
        Ok(self.accounts.group(key, ask))
    }

    fn groups(&mut self) -> Result<Vec<Group>, HostError> {
        Ok(self.accounts.all_groups())
    }

    fn find_program(&mut self, name: &str) -> Result<Option<PathBuf>, HostError> {
        if name.contains('/') {
            let path = PathBuf::from(name);
            return Ok(files::is_executable(&path).then_some(path));
        }
        Ok(files::find_in(self.search_path().into_iter(), name))
    }

    fn flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError> {
        flags::read(path)
    }

    fn context(&mut self, path: &Path) -> Result<Option<Context>, HostError> {
        context::read(path)
    }

    fn query(&mut self, command: &Command) -> Result<Output, HostError> {
        self.run(command)
    }

    fn unit(&mut self, name: &str) -> Result<UnitState, HostError> {
        self.show_unit(name)
    }

    fn foresees(&mut self) -> bool {
        self.foresees
    }

    fn package(&mut self, manager: &str, name: &str) -> Result<Option<String>, HostError> {
        self.installed(manager, name)
    }

    fn fetch(&mut self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        self.interrupt.check()?;
        http::fetch(request, &self.environment, &self.interrupt)
    }

    fn connects(&mut self, host: &str, port: u16, timeout: Duration) -> Result<bool, HostError> {
        self.interrupt.check()?;
        let timeout = self.interrupt.remaining().map_or(timeout, |left| left.min(timeout));
        if timeout.is_zero() {
            return Ok(false);
        }
        let resolver = resolve::Resolver::new(self.environment.clone(), self.interrupt.clone());
        Ok(resolver
            .resolve(host)
            .into_iter()
            .any(|address| TcpStream::connect_timeout(&(address, port).into(), timeout).is_ok()))
    }

    fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, HostError> {
        let resolver = resolve::Resolver::new(self.environment.clone(), self.interrupt.clone());
        Ok(resolver.resolve(name))
    }

    fn hears(
        &mut self,
        host: &str,
        port: u16,
        patience: Patience,
        enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, HostError> {
        let end = Instant::now() + patience.whole;
        let connect = patience.connect.min(patience.whole).max(Duration::from_millis(1));
        let stream = self
            .addresses(host)?
            .into_iter()
            .find_map(|address| TcpStream::connect_timeout(&(address, port).into(), connect).ok());
        let Some(mut stream) = stream else { return Ok(false) };
        let mut heard = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            self.interrupt.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // a stop is looked for while the other end is silent
            let tick = left.min(Duration::from_millis(100));
            if stream.set_read_timeout(Some(tick)).is_err() {
                return Ok(false);
            }
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => heard.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if is_timeout(&error) => continue,
                Err(_) => return Ok(false),
            }
            if enough(&heard) {
                return Ok(true);
            }
        }
    }

    fn sleep(&mut self, duration: Duration) {
        self.interrupt.sleep(duration);
    }

    fn now(&mut self) -> Timestamp {
        clock::now()
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        self.environment.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    fn task_environment(&mut self) -> Vec<String> {
        self.environment.keys().cloned().collect()
    }

    fn identity(&mut self) -> Result<Principal, HostError> {
        Ok(self.principal(rustix::process::geteuid().as_raw()))
    }

    fn may_write(&mut self, path: &Path) -> Option<bool> {
        match rustix::fs::access(path, rustix::fs::Access::WRITE_OK) {
            Ok(()) => Some(true),
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM | rustix::io::Errno::ROFS) => {
                Some(false)
            }
            Err(_) => None,
        }
    }

    fn scratch(&mut self) -> Result<PathBuf, HostError> {
        stage::private_directory(stage::Place::Disk, &self.interrupt)
    }

    fn discard(&mut self, scratch: &Path) {
        let _ = std::fs::remove_dir_all(scratch);
        self.interrupt.unstage(scratch);
    }

    fn lay_out(&mut self, content: &Content) -> Result<PathBuf, HostError> {
        if let Content::File(path) = content {
            return Ok(path.clone());
        }
        if let Some((_, directory)) = self.laid_out.iter().find(|(known, _)| known == content) {
            return Ok(directory.join(LAID_OUT));
        }
        // what is small may be secret: it comes on no disk
        let place = match content {
            Content::Bytes(bytes) if bytes.len() <= MEMORY_BOUND => stage::Place::Memory,
            _ => stage::Place::Disk,
        };
        let directory = stage::private_directory(place, &self.interrupt)?;
        let path = directory.join(LAID_OUT);
        self.laid_out.push((content.clone(), directory));
        match content {
            Content::Source(source) => self.put_program(source, &path)?,
            Content::Bytes(bytes) => {
                let failed = |error| files::io_error("write", &path, error);
                std::fs::write(&path, bytes).map_err(failed)?;
            }
            Content::File(_) | Content::Packed(_) => {}
        }
        Ok(path)
    }

    fn apply(&mut self, planned: &Planned) -> Result<Applied, HostError> {
        self.interrupt.check()?;
        self.acting = true;
        let applied = self.act(planned);
        self.acting = false;
        applied
    }
}

impl LiveHost {
    fn act(&mut self, planned: &Planned) -> Result<Applied, HostError> {
        match &planned.effect {
            Effect::WriteFile(write) => return self.write_file(write),
            Effect::MakeDirectory { path, mode } => change::make_directory(path, *mode)?,
            Effect::MakeSymlink { path, target } => {
                change::place_link(path, |beside| std::os::unix::fs::symlink(target, beside))?;
            }
            Effect::MakeHardLink { path, target } => {
                change::place_link(path, |beside| std::fs::hard_link(target, beside))?;
            }
            Effect::SetAttributes { path, attributes } => self.set_attributes(path, attributes)?,
            Effect::SetTimes { path, present: true, .. } => change::set_present(path)?,
            Effect::SetTimes { path, accessed, modified, present: false } => {
                change::set_times(path, *accessed, *modified)?;
            }
            Effect::Remove { path } => change::remove(path)?,
            Effect::CopyFile { from, to } => self.copy_file(from, to)?,
            Effect::Run(command) => {
                self.accounts.forget();
                return self.run(command).map(Applied::Ran);
            }
            Effect::Packages(change) => {
                return self.run_all(std::slice::from_ref(&change.command));
            }
            Effect::RefreshPackageLists { manager } => {
                return self.refresh_lists(manager);
            }
            Effect::User(change) => return self.run_all(&change.commands),
            Effect::Group(change) => return self.run_all(&change.commands),
            Effect::Unit(change) => return self.run_all(std::slice::from_ref(&change.command)),
            Effect::Setting(change) => return self.run_all(&change.commands),
            Effect::Request(request) => return self.fetch(&request.request).map(Applied::Answered),
            Effect::Unpack(unpack) => {
                let archive = self.lay_out(&unpack.archive)?;
                return self.run_all(&[unpack.command_for(&archive, &unpack.into)]);
            }
        }
        Ok(Applied::Done)
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// Asks the host's `getent`; `None` when it knows nothing or is not there.
fn getent(
    arguments: &[&str],
    environment: &BTreeMap<String, String>,
    interrupt: &Interrupt,
) -> Option<String> {
    let argv = std::iter::once("getent").chain(arguments.iter().copied());
    let output = process::run(&Command::new(argv), environment, interrupt, None).ok()?;
    output.success().then(|| output.stdout_text())
}

/// The umask that the runner was started with.
fn umask() -> u32 {
    let told = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?.trim().to_owned();
        u32::from_str_radix(&line, 8).ok()
    });
    told.unwrap_or_else(|| {
        // /proc is not there: ask by setting, then set it back
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        rustix::process::umask(mask);
        mask.as_raw_mode()
    })
}
