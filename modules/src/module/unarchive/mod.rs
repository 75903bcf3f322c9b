//! `ansible.builtin.unarchive`: unpacks an archive, the part on the host.
//!
//! Follows the module of ansible-core 2.19: `unzip` and `zipinfo` read zip files, GNU tar the
//! others. Check mode: full, tar files too. Diff: what differs, a line each.
//!
//! ```yaml
//! - name: Unpack a release
//!   ansible.builtin.unarchive:
//!     src: tool-1.2.tar.gz
//!     dest: /opt
//!     owner: root
//!     group: root
//! ```
//!
//! Returns `dest`, `src`, `handler`, `extract_results`, `files` with `list_files`, and owner, group
//! and mode of the directory.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/unarchive_module.html>

mod tar;
#[cfg(test)]
mod tests;
mod zip;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::copy::EngineSource;
use super::file_attributes::{self, FileAttributes, Wanted};
use super::uri::fetched;
use super::{expansion, host_path};
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, Attributes, Command, Content, Effect, Output, Unpack};
use crate::host::{FileKind, FileStat, Follow, Host, HostError, HttpRequest};
use crate::params;
use crate::params::Rule;

params! {
    /// Parameters of `ansible.builtin.unarchive`.
    pub struct Params {
        /// The archive: a file of the controller, or of the host with `remote_src`, where it may
        /// be an address, too.
        src: PathBuf,
        /// The directory that it is unpacked in.
        dest: PathBuf,
        /// Whether `src` is on the host.
        remote_src: bool = false,
        /// The opposite of `remote_src`, by its name of old.
        copy: bool = true,
        /// Nothing is done when this is there.
        creates: Option<PathBuf>,
        /// Whether the names in the archive are returned.
        list_files: bool = false,
        /// Whether files that are newer than those of the archive stay.
        keep_newer: bool = false,
        /// Names that are left out.
        exclude: Option<Vec<String>>,
        /// Names that alone are unpacked.
        include: Option<Vec<String>>,
        /// More options of the program that unpacks.
        extra_opts: Option<Vec<String>>,
        /// Whether the server's certificate is checked.
        validate_certs: bool = true,
        /// No effect: files are read in steps of a fixed size.
        io_buffer_size: i64 = 65536_i64,
        /// Whether a vaulted archive is decrypted; the engine does it.
        decrypt: bool = true,
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
        /// The archive, sent by the engine.
        @flatten engine: EngineSource,
    }
    rules [Rule::MutuallyExclusive(&["include", "exclude"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine sent no archive.
    #[error("Source '{0}' failed to transfer")]
    NotSent(String),
    /// It is not there.
    #[error("Source '{0}' does not exist")]
    NoSource(String),
    /// It is empty.
    #[error("Invalid archive '{0}', the file is 0 bytes")]
    Empty(String),
    /// The place is no directory.
    #[error("dest '{0}' must be an existing dir")]
    NoDirectory(String),
    /// No program understands it.
    #[error(
        "Failed to find handler for \"{src}\". Make sure the required command to extract the file \
         is installed.\n{}", .reasons.join("\n")
    )]
    NoHandler {
        /// The archive.
        src: String,
        /// Why not, for each way.
        reasons: Vec<String>,
    },
    /// It cannot be fetched.
    #[error("Failure downloading {url}, {reason}")]
    Download {
        /// The address.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The program failed.
    #[error("failed to unpack {src} to {dest}")]
    Failed {
        /// The archive.
        src: String,
        /// The directory.
        dest: String,
    },
    /// A list of the archive that is no list.
    #[error("ZIP info perm format incorrect, {0}")]
    Permissions(String),
}

/// The module.
#[derive(Debug)]
pub struct Unarchive;

/// What is known of the archive and the host.
#[derive(Debug)]
pub enum Observed {
    /// Nothing is to be done.
    Created(String),
    /// It was read.
    Read(Box<Archive>),
}

/// An archive and what differs from it.
#[derive(Debug)]
pub struct Archive {
    content: Content,
    src: String,
    dest: PathBuf,
    shown: PathBuf,
    wanted: Wanted,
    contents: Contents,
    /// What is there of the members, and of the directories they are in at the top.
    members: Vec<(PathBuf, Option<FileStat>)>,
}

/// What a program tells of an archive.
#[derive(Debug, Default)]
struct Contents {
    handler: &'static str,
    /// The command that unpacks it.
    command: Command,
    /// Names, in order.
    files: Vec<String>,
    /// Permissions of the members as they will be unpacked, where they are told.
    kinds: Vec<(FileKind, u32)>,
    size: u64,
    changes: Vec<String>,
    /// Whether all is there as in the archive.
    unarchived: bool,
}

/// The names of a list that may be missing.
fn listed(names: Option<&Vec<String>>) -> &[String] {
    names.map(Vec::as_slice).unwrap_or_default()
}

/// What the readers of archives are given.
struct Asked<'a> {
    params: &'a Params,
    /// The archive as programs find it.
    archive: &'a Path,
    dest: &'a Path,
    wanted: &'a Wanted,
}

impl Module for Unarchive {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if let Some(creates) = &params.creates {
            let path = expansion::path(creates, host)?;
            if host.stat(&path, Follow::Yes)?.is_some() {
                return Ok(Observed::Created(path.display().to_string()));
            }
        }
        let shown = expansion::path(&params.dest, host)?;
        let is_directory = |stat: &FileStat| stat.kind == FileKind::Directory;
        if !host.stat(&shown, Follow::Yes)?.as_ref().is_some_and(is_directory) {
            return Err(Stop::failed(Error::NoDirectory(shown.display().to_string())));
        }
        let dest = host_path::normal(&absolute(&shown, host)?);
        let content = content(params, host)?;
        let archive = host.lay_out(&content)?;
        let src = match &content {
            Content::File(path) => path.display().to_string(),
            Content::Bytes(_) | Content::Source(_) | Content::Packed(_) => {
                archive.display().to_string()
            }
        };
        let wanted = params.attributes.resolve(host)?;
        let asked = Asked { params, archive: &archive, dest: &dest, wanted: &wanted };
        let contents = read(&asked, &src, host)?;
        let mut members = Vec::new();
        if !wanted.is_empty() {
            for name in with_top_folders(&contents.files) {
                let path = dest.join(name);
                let mut stat = host.stat(&path, Follow::No)?;
                if let Some(stat) = &mut stat {
                    wanted.complete(&path, stat, host);
                }
                members.push((path, stat));
            }
        }
        let archive = Archive { content, src, dest, shown, wanted, contents, members };
        Ok(Observed::Read(Box::new(archive)))
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let archive = match observed {
            Observed::Created(path) => {
                plan.set("skipped", true);
                plan.set("msg", format!("skipped, since {path} exists"));
                return Ok(plan);
            }
            Observed::Read(archive) => archive,
        };
        let contents = &archive.contents;
        plan.set("handler", contents.handler);
        plan.set("dest", archive.shown.to_string_lossy().into_owned());
        plan.set("src", archive.src.clone());
        if !archive.shown.is_absolute() {
            plan.set(
                "warnings",
                json!([format!(
                    "Relative destination path '{}' was resolved to absolute path '{}'.",
                    archive.shown.display(),
                    archive.dest.display()
                )]),
            );
        }
        if params.list_files {
            plan.set("files", contents.files.clone());
        }
        if !contents.unarchived {
            let unpack = Unpack {
                archive: archive.content.clone(),
                into: archive.dest.clone(),
                command: contents.command.clone(),
                size: contents.size,
                keep_newer: params.keep_newer,
                changes: contents.changes.clone(),
            };
            plan.push(Effect::Unpack(unpack), "what is there differs from the archive");
        }
        archive.plan_attributes(&mut plan);
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        if let (Some(Applied::Ran(output)), Observed::Read(archive)) = (applied.first(), observed) {
            returned.insert("extract_results".to_owned(), archive.results(output));
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn revisit(
        _params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        if let Observed::Read(archive) = observed {
            file_attributes::describe(host, &archive.dest, returned)?;
        }
        Ok(())
    }

    fn explain(_: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match (error, &planned.effect, observed) {
            (
                HostError::CommandFailed { output, .. },
                Effect::Unpack(_),
                Observed::Read(archive),
            ) => {
                let (src, dest) = (archive.src.clone(), archive.shown.display().to_string());
                Stop::failed(Error::Failed { src: src.clone(), dest: dest.clone() })
                    .with("handler", archive.contents.handler)
                    .with("src", src)
                    .with("dest", dest)
                    .with("extract_results", archive.results(&output))
            }
            (error, ..) => Stop::Host(error),
        }
    }
}

impl Archive {
    fn results(&self, output: &Output) -> Json {
        let unpack = Unpack {
            archive: self.content.clone(),
            into: self.dest.clone(),
            command: self.contents.command.clone(),
            size: 0,
            keep_newer: false,
            changes: Vec::new(),
        };
        let command = unpack.command_for(Path::new(&self.src), &self.dest);
        json!({
            "cmd": command.argv, "rc": output.status,
            "out": output.stdout_text(), "err": output.stderr_text(),
        })
    }

    /// Owner, group and mode of all that the archive holds.
    fn plan_attributes(&self, plan: &mut Plan) {
        for (path, stat) in &self.members {
            let name = path.strip_prefix(&self.dest).unwrap_or(path);
            let listed = self.contents.files.iter().position(|file| Path::new(file) == name);
            match (stat, listed.and_then(|index| self.contents.kinds.get(index))) {
                (Some(stat), _) if self.contents.unarchived => self.wanted.plan(path, stat, plan),
                (_, Some((kind, bits))) => {
                    let mode = self.wanted.mode.as_ref().filter(|_| *kind != FileKind::Link);
                    let mode = mode.and_then(|wanted| wanted.of(*bits, *kind, self.wanted.umask));
                    self.set(path, mode, plan);
                }
                // a directory that the archive only implies
                (stat, _) => {
                    let before = stat.as_ref().map_or(0o777 & !self.wanted.umask, |stat| stat.mode);
                    let mode = self.wanted.mode.as_ref();
                    let kind = FileKind::Directory;
                    let mode = mode.and_then(|wanted| wanted.of(before, kind, self.wanted.umask));
                    self.set(path, mode, plan);
                }
            }
        }
    }

    fn set(&self, path: &Path, mode: Option<u32>, plan: &mut Plan) {
        let (owner, group) = (self.wanted.owner.clone(), self.wanted.group.clone());
        let (flags, context) = (self.wanted.flags.clone(), self.wanted.context.clone());
        let attributes = Attributes { owner, group, mode, flags, context };
        if !attributes.is_empty() {
            let effect = Effect::SetAttributes { path: path.to_owned(), attributes };
            plan.push(effect, "it is unpacked and has given attributes");
        }
    }
}

/// The archive itself.
fn content(params: &Params, host: &mut dyn Host) -> Result<Content, Stop> {
    let given = params.src.to_string_lossy().into_owned();
    if let Some(source) = &params.engine.source {
        return if source.size == 0 {
            Err(Stop::failed(Error::Empty(given)))
        } else {
            Ok(Content::Source(source.clone()))
        };
    }
    if !params.remote_src {
        return Err(Stop::failed(Error::NotSent(given)));
    }
    let written = expansion::path(&params.src, host)?;
    let path = absolute(&written, host)?;
    match host.stat(&path, Follow::Yes)? {
        Some(stat) if stat.size == 0 => Err(Stop::failed(Error::Empty(path.display().to_string()))),
        Some(_) => Ok(Content::File(path)),
        None if given.contains("://") => download(params, &given, host).map(Content::Bytes),
        None => Err(Stop::failed(Error::NoSource(written.display().to_string()))),
    }
}

fn download(params: &Params, url: &str, host: &mut dyn Host) -> Result<Vec<u8>, Stop> {
    let failed = |reason: String| Stop::failed(Error::Download { url: url.to_owned(), reason });
    let request = HttpRequest {
        url: url.to_owned(),
        insecure: !params.validate_certs,
        use_proxy: true,
        ..HttpRequest::default()
    };
    fetched(host.fetch(&request))?.map_err(failed)
}

fn absolute(path: &Path, host: &mut dyn Host) -> Result<PathBuf, HostError> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let directory = host.stat(Path::new("/proc/self/cwd"), Follow::No)?;
    let directory = directory.and_then(|stat| stat.link_target).unwrap_or_else(|| "/".into());
    Ok(directory.join(path))
}

/// Asks the programs in Ansible's order.
fn read(asked: &Asked<'_>, src: &str, host: &mut dyn Host) -> Result<Contents, Stop> {
    let mut reasons: Vec<String> = Vec::new();
    match zip::read(asked, host)? {
        Ok(contents) => return Ok(contents),
        Err(found) => reasons.extend(found),
    }
    match tar::read(asked, host)? {
        Ok(contents) => return Ok(contents),
        Err(found) => reasons.extend(found),
    }
    let mut told: Vec<String> = Vec::new();
    for reason in reasons {
        if !told.contains(&reason) {
            told.push(reason);
        }
    }
    Err(Stop::failed(Error::NoHandler { src: src.to_owned(), reasons: told }))
}

/// The names, and those of the directories at the top.
fn with_top_folders(files: &[String]) -> Vec<String> {
    let mut all: Vec<String> = files.iter().map(|file| file.trim_end_matches('/').into()).collect();
    for file in files {
        if let Some((top, _)) = file.split_once('/')
            && !all.iter().any(|known| known == top)
        {
            all.push(top.to_owned());
        }
    }
    all.retain(|name| !name.is_empty());
    all
}

/// A line as rsync itemizes it; flags are a place and a letter.
fn itemized(kind: char, flags: &[(usize, char)], name: &str) -> String {
    let mut item: Vec<char> = format!(".{kind}.......??").chars().collect();
    for (place, letter) in flags {
        if let Some(slot) = item.get_mut(*place) {
            *slot = *letter;
        }
    }
    format!("{} {name}", item.into_iter().collect::<String>())
}
