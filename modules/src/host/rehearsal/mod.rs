//! A dry run: the host as it would be after the effects so far.
//!
//! [`RehearsalHost`] answers from an [`Overlay`] first and from the host below it where the
//! overlay is silent. Nothing of the host below is ever changed.
//!
//! - [`paths`] follows links through both; [`changes`] lays file effects over the host, [`flags`]
//!   flags of files, [`context`] their contexts; [`permissions`] tells what the user may not do;
//! - [`accounts`], [`units`] and [`packages`] do so for users, groups, services and packages, [`settings`]
//!   for what programs keep;
//! - [`archives`] lays over the host what an archive holds;
//! - [`conditions`] tells whether a unit would be started at all;
//! - [`validation`] asks the programs that would look at a file before it takes its place;
//! - [`lists`] fetches what a package manager would know by then;
//! - [`contents`] reads what packages would bring, [`scripts`] what their scripts plainly do, as far
//!   as [`shell`] can be read, and [`deeds`] does it.

mod accounts;
mod archives;
mod changes;
mod conditions;
mod contents;
mod context;
mod deeds;
mod flags;
mod lists;
mod overlay;
mod packages;
mod paths;
mod permissions;
mod scripts;
mod settings;
mod shell;
#[cfg(test)]
mod tests;
mod units;
mod validation;

use std::collections::HashMap;
use std::io::{self, Cursor};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use overlay::Overlay;

use self::overlay::{Body, Sight};
use self::paths::io_error;
use crate::archive::{self, Members};
use crate::contract::Planned;
use crate::effect::{
    Applied, Command, Content, Effect, Output, PackFormat, Principal, Source, Timestamp,
};
use crate::host::digest::Digester;
use crate::host::{
    AccountKey, Context, DigestAlgorithm, FileFlags, FileKind, FileStat, Follow, Group, Host,
    HostError, HttpRequest, HttpResponse, Kept, KeptUnit, Patience, UnitState, User,
};

/// The largest content that the overlay keeps in memory, in bytes.
const KEPT_CONTENT: u64 = 1024 * 1024;

/// Whether the content of packages that would be installed is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageContents {
    /// They are fetched into a private place, listed and removed.
    Fetch,
    /// What they would bring stays unknown.
    Leave,
}

/// Whether programs that validate a file are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// Those that change nothing are; what another would say stays a doubt.
    Foresee,
    /// It is taken for granted that they accept it.
    Leave,
}

/// A host as it would be.
#[derive(Debug)]
pub struct RehearsalHost<B> {
    base: B,
    overlay: Overlay,
    contents: PackageContents,
    validation: Validation,
    /// What could not be foreseen of the current task, in words.
    doubts: Vec<String>,
    /// Sources of the current request that were read.
    sources: HashMap<u64, Arc<Vec<u8>>>,
    /// Time that nobody really waited.
    skipped: Duration,
}

impl<B: Host> RehearsalHost<B> {
    /// The host as it is, with nothing rehearsed; package contents stay unknown.
    pub fn new(base: B) -> Self {
        Self::with_overlay(base, Overlay::default(), PackageContents::Leave)
    }

    /// The host with what was rehearsed before.
    pub fn with_overlay(base: B, overlay: Overlay, contents: PackageContents) -> Self {
        let (validation, sources, skipped) = (Validation::Leave, HashMap::new(), Duration::ZERO);
        Self { base, overlay, contents, validation, doubts: Vec::new(), sources, skipped }
    }

    /// What could not be foreseen since this was asked before.
    pub fn take_doubts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.doubts)
    }

    /// The same host, which asks the programs that validate files.
    #[must_use]
    pub fn foreseeing_validation(self) -> Self {
        Self { validation: Validation::Foresee, ..self }
    }

    /// Only this is rehearsed.
    pub fn reset(&mut self, overlay: Overlay) {
        self.overlay = overlay;
        self.skipped = Duration::ZERO;
    }

    /// What was rehearsed so far.
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// What was rehearsed.
    pub fn into_overlay(self) -> Overlay {
        self.overlay
    }

    /// The host below.
    pub fn base(&self) -> &B {
        &self.base
    }

    /// The host below, to prepare it in tests.
    pub fn base_mut(&mut self) -> &mut B {
        &mut self.base
    }

    /// Lays effects over the host that were rehearsed elsewhere.
    ///
    /// What does not fit here (its effect was seen with other rights) is left out.
    pub fn replay(&mut self, effects: &[Effect]) {
        for effect in effects {
            // whoever rehearsed it asked already
            let asked = std::mem::replace(&mut self.validation, Validation::Leave);
            let _ = self.rehearse(effect);
            self.validation = asked;
        }
    }

    /// The content of a source that was read for an effect.
    pub fn source_content(&self, source: &Source) -> Option<&[u8]> {
        self.sources.get(&source.id).map(|content| content.as_slice())
    }

    /// Lays an effect over the host as one that really happened: nothing stays unknown.
    pub(super) fn forget_pending(&mut self, planned: &Planned) -> Result<(), HostError> {
        self.rehearse(&planned.effect)?;
        self.overlay.opaque_packages.clear();
        self.overlay.acted = None;
        Ok(())
    }

    fn rehearse(&mut self, effect: &Effect) -> Result<Applied, HostError> {
        let applied = self.lay_over(effect)?;
        self.overlay.touched = true;
        Ok(applied)
    }

    fn lay_over(&mut self, effect: &Effect) -> Result<Applied, HostError> {
        self.require_permission(effect)?;
        match effect {
            Effect::WriteFile(write) => {
                let refusal = self.foresee_validation(write)?;
                self.write_file(write)?;
                if let Some(reason) = refusal {
                    return Ok(Applied::Unknown(reason));
                }
            }
            Effect::MakeDirectory { path, mode } => self.make_directory(path, *mode)?,
            Effect::MakeSymlink { path, target } => self.make_symlink(path, target)?,
            Effect::MakeHardLink { path, target } => self.make_hard_link(path, target)?,
            Effect::SetAttributes { path, attributes } => self.set_attributes(path, attributes)?,
            Effect::SetTimes { path, accessed, modified, .. } => {
                self.set_times(path, *accessed, *modified)?;
            }
            Effect::Remove { path } => self.remove(path)?,
            Effect::CopyFile { from, to } => self.copy_file(from, to)?,
            Effect::Run(command) => {
                let program = command.argv.first().map(String::as_str).unwrap_or_default();
                let reason = format!("command `{program}` is not run in a dry run");
                self.overlay.acted = Some(reason.clone());
                return Ok(Applied::Unknown(reason));
            }
            Effect::Packages(change) => self.change_packages(change),
            Effect::RefreshPackageLists { manager } => return Ok(self.refresh_lists(manager)),
            Effect::User(change) => self.change_user(change)?,
            Effect::Group(change) => self.change_group(change)?,
            Effect::Unit(change) => self.change_unit(change),
            Effect::Setting(change) => self.change_setting(change)?,
            Effect::Request(request) => {
                let reason = format!("{} is not sent in a dry run", request.method);
                self.overlay.acted = Some(reason.clone());
                return Ok(Applied::Unknown(reason));
            }
            Effect::Unpack(unpack) => self.unpack_archive(unpack)?,
        }
        Ok(Applied::Done)
    }

    /// Where the content of a file is.
    fn body(&mut self, path: &Path) -> Result<Body, HostError> {
        let located = self.locate(path, Follow::Yes)?;
        match self.entry(&located)? {
            None => Err(io_error("read", path, io::ErrorKind::NotFound)),
            Some(entry) if entry.stat.kind == FileKind::Directory => {
                Err(io_error("read", path, io::ErrorKind::IsADirectory))
            }
            Some(entry) => Ok(entry.body),
        }
    }
}

impl<B: Host> Host for RehearsalHost<B> {
    fn stat(&mut self, path: &Path, follow: Follow) -> Result<Option<FileStat>, HostError> {
        match self.locate(path, follow) {
            Ok(located) => match self.overlay.doubtful.get(&located) {
                Some(package) => Err(HostError::Unknown(format!(
                    "who owns `{}` is settled by the installation of `{package}`",
                    located.display()
                ))),
                None => self.entry_stat(&located),
            },
            // links that lead to themselves lead nowhere
            Err(HostError::Io { source, .. })
                if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError> {
        let located = self.locate(path, Follow::No)?;
        self.entry_flags(&located)
    }

    fn context(&mut self, path: &Path) -> Result<Option<Context>, HostError> {
        let located = self.locate(path, Follow::No)?;
        self.entry_context(&located)
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError> {
        match self.body(path)? {
            Body::Bytes(bytes) => Ok(bytes.to_vec()),
            Body::Host(path) => self.base.read(&path),
            Body::Source(source) => self.base.read_source(&source),
            Body::Packaged { archive, name } => self.take_out(&archive, &name),
            Body::Unknown(reason) => Err(HostError::Unknown(reason)),
            Body::None => Ok(Vec::new()),
        }
    }

    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
        match self.body(path)? {
            Body::Bytes(bytes) => Ok(Digester::of(algorithm, &bytes)),
            Body::Host(path) => self.base.digest(&path, algorithm),
            Body::Packaged { archive, name } => {
                Ok(Digester::of(algorithm, &self.take_out(&archive, &name)?))
            }
            Body::Source(source) if algorithm == DigestAlgorithm::Sha1 => Ok(source.sha1),
            Body::Source(_) => {
                Err(HostError::Unknown(format!("`{}` would be copied first", path.display())))
            }
            Body::Unknown(reason) => Err(HostError::Unknown(reason)),
            Body::None => Ok(Digester::of(algorithm, &[])),
        }
    }

    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError> {
        self.base.read_source(source)
    }

    fn members(&mut self, path: &Path, format: PackFormat) -> Result<Members, HostError> {
        match self.body(path)? {
            Body::Host(path) => self.base.members(&path, format),
            _ => Ok(archive::members(&mut Cursor::new(self.read(path)?), format)),
        }
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, HostError> {
        let located = self.locate(path, Follow::Yes)?;
        let stat = self
            .entry_stat(&located)?
            .ok_or_else(|| io_error("list", path, io::ErrorKind::NotFound))?;
        if stat.kind != FileKind::Directory {
            return Err(io_error("list", path, io::ErrorKind::NotADirectory));
        }
        let mut names = match self.overlay.see(&located) {
            Sight::Entry(entry) if entry.below == overlay::Below::Unknown => {
                return Err(settings::filled(&located));
            }
            Sight::Unknown(filled) => return Err(settings::filled(filled)),
            Sight::Entry(entry) if entry.below == overlay::Below::Nothing => Vec::new(),
            Sight::Absent => Vec::new(),
            // a directory that a package brings is not on the host
            Sight::Entry(_) if self.base.stat(&located, Follow::No)?.is_none() => Vec::new(),
            Sight::Entry(_) | Sight::Host => self.base.list(&located)?,
        };
        self.overlay.amend_names(&located, &mut names);
        Ok(names)
    }

    fn user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError> {
        self.find_user(key)
    }

    fn group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError> {
        self.find_group(key)
    }

    fn groups(&mut self) -> Result<Vec<Group>, HostError> {
        self.all_groups()
    }

    fn find_program(&mut self, name: &str) -> Result<Option<PathBuf>, HostError> {
        if let Some(found) = self.base.find_program(name)?
            && self.stat(&found, Follow::Yes)?.is_some()
        {
            return Ok(Some(found));
        }
        if name.contains('/') {
            let path = PathBuf::from(name);
            let stat = self.stat(&path, Follow::Yes)?;
            return Ok(stat.filter(is_program).map(|_| path));
        }
        let path = self.environment("PATH").unwrap_or_default();
        let always = ["/usr/bin", "/bin", "/sbin", "/usr/sbin", "/usr/local/sbin"];
        for directory in path.split(':').chain(always).map(Path::new) {
            let candidate = directory.join(name);
            let Ok(located) = self.locate(&candidate, Follow::Yes) else { continue };
            if self.overlay.named(name).contains(&located)
                || matches!(self.overlay.see(&located), Sight::Entry(_))
            {
                let found = self.entry_stat(&located)?.filter(is_program);
                if found.is_some() {
                    return Ok(Some(candidate));
                }
            }
        }
        self.unless_pending()
    }

    fn query(&mut self, command: &Command) -> Result<Output, HostError> {
        if let Some(program) = command.argv.first().filter(|program| program.starts_with('/'))
            && let Ok(located) = self.locate(Path::new(program), Follow::Yes)
            && matches!(self.overlay.see(&located), Sight::Entry(entry) if !matches!(entry.body, Body::Host(_)))
        {
            return Err(HostError::Unknown(format!("`{program}` would be written first")));
        }
        match self.base.query(&self.of_fetched_lists(command)) {
            Err(HostError::Spawn { program, source })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                // a program that would be there by then cannot be asked now
                match self.find_program(&program)? {
                    Some(_) => {
                        Err(HostError::Unknown(format!("`{program}` would be installed first")))
                    }
                    None => Err(HostError::Spawn { program, source }),
                }
            }
            answered => answered,
        }
    }

    fn unit(&mut self, name: &str) -> Result<UnitState, HostError> {
        self.unit_state(name)
    }

    fn package(&mut self, manager: &str, name: &str) -> Result<Option<String>, HostError> {
        match self.overlay.packages.get(&packages::key(manager, name)) {
            Some(version) => Ok(version.clone()),
            None => self.base.package(manager, name),
        }
    }

    fn foresees(&mut self) -> bool {
        true
    }

    fn fetch_lists_ahead(&mut self, manager: &str) -> bool {
        self.fetch_ahead(manager)
    }

    fn rehearsed(&mut self, kind: &str, name: &str) -> Option<Kept> {
        self.kept(kind, name)
    }

    fn rehearsed_packages(&mut self, manager: &str) -> Vec<(String, Option<String>)> {
        let packages = self.overlay.packages.iter();
        packages
            .filter(|((other, _), _)| other == manager)
            .map(|((_, name), version)| (name.clone(), version.clone()))
            .collect()
    }

    fn rehearsed_unit(&mut self, name: &str) -> Option<KeptUnit> {
        self.kept_unit(name)
    }

    fn rehearsed_units(&mut self) -> Vec<String> {
        self.overlay.units.keys().cloned().collect()
    }

    fn fetch(&mut self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        match self.base.fetch(request) {
            Err(HostError::Http { .. })
                if self.overlay.acted.is_some() && is_local(&request.url) =>
            {
                Err(HostError::Unknown(self.overlay.acted.clone().unwrap_or_default()))
            }
            answered => answered,
        }
    }

    fn connects(&mut self, host: &str, port: u16, timeout: Duration) -> Result<bool, HostError> {
        let connects = self.base.connects(host, port, timeout)?;
        match &self.overlay.acted {
            Some(reason) if !connects => Err(HostError::Unknown(reason.clone())),
            _ => Ok(connects),
        }
    }

    fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, HostError> {
        self.base.addresses(name)
    }

    fn hears(
        &mut self,
        host: &str,
        port: u16,
        patience: Patience,
        enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, HostError> {
        let heard = self.base.hears(host, port, patience, enough)?;
        match &self.overlay.acted {
            Some(reason) if !heard => Err(HostError::Unknown(reason.clone())),
            _ => Ok(heard),
        }
    }

    /// Waits for nothing: the clock is put forward.
    fn sleep(&mut self, duration: Duration) {
        self.skipped += duration;
    }

    fn now(&mut self) -> Timestamp {
        let now = self.base.now();
        let nanoseconds = now.nanoseconds + self.skipped.subsec_nanos();
        let whole = i64::try_from(self.skipped.as_secs()).unwrap_or_default();
        Timestamp {
            seconds: now.seconds + whole + i64::from(nanoseconds / 1_000_000_000),
            nanoseconds: nanoseconds % 1_000_000_000,
        }
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        self.base.environment(name)
    }

    fn task_environment(&mut self) -> Vec<String> {
        self.base.task_environment()
    }

    fn identity(&mut self) -> Result<Principal, HostError> {
        self.base.identity()
    }

    fn scratch(&mut self) -> Result<PathBuf, HostError> {
        self.base.scratch()
    }

    fn discard(&mut self, scratch: &Path) {
        self.base.discard(scratch);
    }

    fn lay_out(&mut self, content: &Content) -> Result<PathBuf, HostError> {
        let Content::File(path) = content else { return self.base.lay_out(content) };
        match self.body(path)? {
            Body::Host(path) => Ok(path),
            Body::Bytes(bytes) => self.base.lay_out(&Content::Bytes(bytes.to_vec())),
            Body::None => self.base.lay_out(&Content::Bytes(Vec::new())),
            Body::Packaged { archive, name } => {
                let bytes = self.take_out(&archive, &name)?;
                self.base.lay_out(&Content::Bytes(bytes))
            }
            Body::Source(_) => {
                Err(HostError::Unknown(format!("`{}` would be copied first", path.display())))
            }
            Body::Unknown(reason) => Err(HostError::Unknown(reason)),
        }
    }

    fn apply(&mut self, planned: &Planned) -> Result<Applied, HostError> {
        self.rehearse(&planned.effect)
    }
}

fn is_program(stat: &FileStat) -> bool {
    stat.kind == FileKind::File && stat.mode & 0o111 != 0
}

fn is_local(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    ["localhost", "127.", "[::1]"].iter().any(|local| rest.starts_with(local))
}
