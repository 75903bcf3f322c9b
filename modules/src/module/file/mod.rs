//! `ansible.builtin.file`: directories, links, empty files, attributes, removal.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: full.
//!
//! Differs: an unknown owner or group is refused before anything is made; times know the formats `%Y %m %d %H %M %S
//! %y %j`.
//!
//! ```yaml
//! - name: Keep the releases of the site
//!   ansible.builtin.file:
//!     path: /srv/site/releases
//!     state: directory
//!     owner: www-data
//!     mode: u=rwx,go=rx
//! ```
//!
//! Returns `path` (`dest` for links and `touch`), `src` for links, and of what is there `state`,
//! `mode`, `owner`, `group`, `uid`, `gid`, `size`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/file_module.html>

mod plan;
#[cfg(test)]
mod tests;
mod times;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use self::times::Times;
use super::file_attributes::{self, FileAttributes, Wanted};
use super::host_path;
use crate::contract::{Module, Plan, Returned, Stop};
use crate::host::{FileKind, FileStat, Follow, Host, HostError};
use crate::{choices, params};

choices! {
    /// What shall be there.
    pub enum State {
        /// Nothing.
        Absent = "absent",
        /// A directory, with its parents.
        Directory = "directory",
        /// What is there already.
        File = "file",
        /// A hard link.
        Hard = "hard",
        /// A symbolic link.
        Link = "link",
        /// A file, made empty when missing, with new times.
        Touch = "touch",
    }
}

params! {
    /// Parameters of `ansible.builtin.file`.
    pub struct Params {
        /// What it is about.
        path ("dest", "name"): PathBuf,
        /// What shall be there; by default what is there, else `file`, with `recurse` `directory`.
        state: Option<State>,
        /// What a link points to.
        src: Option<PathBuf>,
        /// Only tells whether the file looks binary; asked for by other modules.
        _diff_peek: Option<bool>,
        /// Name that `src` has for `path` being a directory; set by other modules.
        _original_basename: Option<String>,
        /// Whether attributes of a directory go to all below it.
        recurse: bool = false,
        /// Whether a link replaces a file or an empty directory and may point to nothing.
        force: bool = false,
        /// Whether links are followed.
        follow: bool = true,
        /// Modification time: `preserve`, `now` or a time; by default `now` for `touch`.
        modification_time: Option<String>,
        /// Form of `modification_time`.
        modification_time_format: String = "%Y%m%d%H%M.%S".to_owned(),
        /// Access time: `preserve`, `now` or a time; by default `now` for `touch`.
        access_time: Option<String>,
        /// Form of `access_time`.
        access_time_format: String = "%Y%m%d%H%M.%S".to_owned(),
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
    }
}

/// What must be known of the host.
#[derive(Debug)]
pub struct Observed {
    /// The state that is meant.
    state: State,
    /// The path as results name it, expanded.
    named: PathBuf,
    /// The path that is worked on: with `follow` the end of the links.
    path: PathBuf,
    /// What `path` is.
    stat: Option<FileStat>,
    /// Ancestors that are missing, outermost first.
    missing: Vec<PathBuf>,
    /// What the nearest ancestor is.
    ancestor: Option<FileKind>,
    /// Whether the directory has entries.
    filled: bool,
    /// What of a tree takes attributes.
    tree: Vec<(PathBuf, FileStat)>,
    /// The source of a link.
    source: Option<LinkSource>,
    /// Owner, group and mode.
    wanted: Wanted,
    /// Times.
    times: Times,
    /// Whether the file looks binary, where that alone is asked for.
    binary: Option<bool>,
}

/// What a link shall point to.
#[derive(Debug)]
struct LinkSource {
    /// As written into the link.
    written: PathBuf,
    /// Where that is.
    path: PathBuf,
    /// The end of the links there.
    resolved: PathBuf,
    /// What is there, through links.
    stat: Option<FileStat>,
    /// Whether it and the path are already names of the same file.
    same: bool,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there.
    #[error("file ({0}) is absent, cannot continue")]
    Absent(String),
    /// Something else is there.
    #[error("file ({0}) is {1}, cannot continue")]
    NotFile(String, &'static str),
    /// Something else is there where a directory is wanted.
    #[error("{0} already exists as a {1}")]
    NotDirectory(String, &'static str),
    /// An ancestor is no directory, or missing.
    #[error("There was an issue creating {0} as requested: an ancestor is not a directory")]
    AncestorNotDirectory(String),
    /// The parent is missing.
    #[error("Error, could not touch target: the directory of {0} does not exist")]
    NoParent(String),
    /// The parent of a link is missing.
    #[error("Error while linking: the directory of {0} does not exist")]
    NoParentOfLink(String),
    /// The option only fits a directory.
    #[error("recurse option requires state to be 'directory'")]
    RecurseWithout,
    /// The option only fits links.
    #[error("src option requires state to be 'link' or 'hard'")]
    SourceWithout,
    /// A new symbolic link needs it.
    #[error("src is required for creating new symlinks")]
    SymlinkNeedsSource,
    /// A new hard link needs it.
    #[error("src is required for creating new hardlinks")]
    HardLinkNeedsSource,
    /// It would point to nothing.
    #[error("src file does not exist, use 'force=yes' if you really want to create the link: {0}")]
    Dangling(String),
    /// A hard link cannot point to nothing.
    #[error("src does not exist")]
    NoSource,
    /// It would replace something.
    #[error("refusing to convert from {1} to symlink for {0}")]
    Convert(String, &'static str),
    /// It would replace a directory with entries.
    #[error("the directory {0} is not empty, refusing to convert it")]
    NotEmpty(String),
    /// Another hard link is there.
    #[error("Cannot link, different hard link exists at destination")]
    OtherHardLink,
    /// Something is there.
    #[error("Cannot link, {0} exists at destination")]
    Exists(&'static str),
    /// The end of the links is missing.
    #[error("Error while updating modification or access time: No such file or directory: {0}")]
    TouchDangling(String),
    /// The mode of what is not there.
    #[error("[Errno 2] No such file or directory: b'{0}'")]
    ModeDangling(String),
    /// A time has not its form.
    #[error(
        "Error while obtaining timestamp for time {time} using format {format}: time data '{time}' does not match format '{format}'"
    )]
    Time {
        /// What was given.
        time: String,
        /// Its form.
        format: String,
    },
    /// A form has something that is not known.
    #[error(
        "time format `{0}` has a directive that is not supported: only %Y %m %d %H %M %S %y %j are"
    )]
    TimeFormat(String),
}

/// The module.
#[derive(Debug)]
pub struct File;

impl Module for File {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let named = named_path(params, host)?;
        let mut path = without_slash(&named);
        let mut stat = host.stat(&path, Follow::No)?;
        let state = meant_state(params, stat.as_ref());
        let follows = matches!(state, State::File | State::Directory | State::Touch);
        if params.follow && follows && is_link(stat.as_ref()) {
            path = host_path::follow_links(host, &path)?;
            stat = host.stat(&path, Follow::No)?;
        }
        let mut source = observe_source(params, state, &path, stat.as_ref(), host)?;
        let wanted = match (state, &stat) {
            // nothing will have an owner
            (State::Absent, _) | (State::File, None) => Wanted::default(),
            _ => params
                .attributes
                .resolve(host)
                .map_err(|stop| located(stop, &path, stat.as_ref()))?,
        };
        if let Some(stat) = &mut stat {
            wanted.complete(&path, stat, host);
        }
        if let Some(LinkSource { resolved, stat: Some(stat), .. }) = &mut source {
            wanted.complete(resolved, stat, host);
        }
        let times = Times::read(params, state, host)?;
        let (missing, ancestor) = host_path::ancestors(host, &path)?;
        let is_directory = stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Directory);
        let filled = state == State::Link && is_directory && !host.list(&path)?.is_empty();
        let mut tree = Vec::new();
        let recurses = state == State::Directory && params.recurse && is_directory;
        if recurses && (!wanted.is_empty() || !times.is_empty()) {
            let mut seen = HashSet::from([path.clone()]);
            walk(host, &path, follow_of(params), &mut seen, &mut tree)?;
            for (path, stat) in &mut tree {
                wanted.complete(path, stat, host);
            }
        }
        let binary = match params._diff_peek {
            Some(_) => Some(looks_binary(&path, stat.as_ref(), host)?),
            None => None,
        };
        let observed = Observed {
            state,
            named,
            path,
            stat,
            missing,
            ancestor,
            filled,
            tree,
            source,
            wanted,
            times,
            binary,
        };
        Ok(observed)
    }

    fn foresee(params: &Params, host: &mut dyn Host) -> Result<Vec<String>, Stop> {
        if params.state == Some(State::Absent) {
            return Ok(Vec::new());
        }
        params.attributes.foresee(host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        if let Some(binary) = observed.binary {
            let mut plan = Plan::nothing();
            plan.set("path", observed.named.display().to_string());
            plan.set("appears_binary", binary);
            return Ok(plan);
        }
        plan::plan(params, observed).map_err(|error| {
            let source = params.src.as_ref().map(|source| source.display().to_string());
            let dangling = matches!(error, Error::Dangling(_));
            let absent = matches!(error, Error::Absent(_));
            let mut stop = Stop::failed(error);
            if observed.state == State::Hard && source.is_some() {
                stop = stop.with("src", source).with("dest", observed.named.display().to_string());
                return with_stat(stop, observed.stat.as_ref());
            }
            if dangling {
                stop = stop.with("src", source);
            }
            if absent {
                stop = stop.with("state", "absent");
            }
            located(stop, &observed.path, observed.stat.as_ref())
        })
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        let path = match observed.state {
            State::Absent => return Ok(()),
            State::Directory | State::File if params.follow => &observed.path,
            State::Directory | State::File | State::Hard | State::Link | State::Touch => {
                &without_slash(&observed.named)
            }
        };
        // of a link to nothing nothing is told
        if host.stat(path, Follow::Yes)?.is_some() {
            file_attributes::describe(host, path, returned)?;
        }
        Ok(())
    }
}

/// The path that results name: a link into a directory takes the name of its source.
fn named_path(params: &Params, host: &mut dyn Host) -> Result<PathBuf, HostError> {
    let path = host_path::expand(host, &params.path)?;
    if matches!(params.state, Some(State::Link | State::Absent)) {
        return Ok(path);
    }
    let name = match (&params._original_basename, &params.src) {
        (Some(name), _) => Some(PathBuf::from(name)),
        (None, Some(source)) => source.file_name().map(PathBuf::from),
        (None, None) => None,
    };
    let Some(name) = name else { return Ok(path) };
    let directory =
        host.stat(&path, Follow::Yes)?.is_some_and(|stat| stat.kind == FileKind::Directory);
    Ok(if directory { path.join(name) } else { path })
}

fn meant_state(params: &Params, stat: Option<&FileStat>) -> State {
    match (params.state, stat) {
        (Some(state), _) => state,
        (None, None) if params.recurse => State::Directory,
        (None, None) => State::File,
        (None, Some(stat)) => match file_attributes::state_word(stat) {
            "link" => State::Link,
            "directory" => State::Directory,
            "hard" => State::Hard,
            _ => State::File,
        },
    }
}

fn observe_source(
    params: &Params,
    state: State,
    path: &Path,
    stat: Option<&FileStat>,
    host: &mut dyn Host,
) -> Result<Option<LinkSource>, HostError> {
    let written = match (&params.src, state, stat) {
        (Some(source), State::Link | State::Hard, _) => host_path::expand(host, source)?,
        // the link that is there stays
        (None, State::Link, Some(FileStat { link_target: Some(target), .. })) => target.clone(),
        (None, State::Hard, Some(stat)) if file_attributes::state_word(stat) == "hard" => {
            path.to_owned()
        }
        _ => return Ok(None),
    };
    let directory = stat.is_some_and(|stat| stat.kind == FileKind::Directory);
    let base = if directory { path.to_owned() } else { host_path::parent(path) };
    let absolute = if state == State::Link { base.join(&written) } else { written.clone() };
    let resolved = host_path::follow_links(host, &absolute)?;
    let source = host.stat(&absolute, Follow::Yes)?;
    let same = match (&source, stat) {
        (Some(source), Some(stat)) => {
            absolute == path
                || (source.inode != 0 && (source.device, source.inode) == (stat.device, stat.inode))
        }
        _ => false,
    };
    Ok(Some(LinkSource { written, path: absolute, resolved, stat: source, same }))
}

/// Whether there is a zero among the first bytes.
fn looks_binary(
    path: &Path,
    stat: Option<&FileStat>,
    host: &mut dyn Host,
) -> Result<bool, HostError> {
    if stat.is_none_or(|stat| stat.kind != FileKind::File) {
        return Ok(false);
    }
    Ok(host.read(path)?.iter().take(8192).any(|byte| *byte == 0))
}

fn follow_of(params: &Params) -> Follow {
    if params.follow { Follow::Yes } else { Follow::No }
}

/// All below a directory; with [`Follow::Yes`] also what links lead to.
fn walk(
    host: &mut dyn Host,
    directory: &Path,
    follow: Follow,
    seen: &mut HashSet<PathBuf>,
    found: &mut Vec<(PathBuf, FileStat)>,
) -> Result<(), HostError> {
    for name in host.list(directory)? {
        let path = directory.join(name);
        let Some(stat) = host.stat(&path, Follow::No)? else { continue };
        let kind = stat.kind;
        found.push((path.clone(), stat));
        let mut below = path;
        let mut kind_below = kind;
        if kind == FileKind::Link {
            if follow == Follow::No {
                continue;
            }
            below = host_path::follow_links(host, &below)?;
            let Some(stat) = host.stat(&below, Follow::No)? else { continue };
            kind_below = stat.kind;
            if !seen.contains(&below) && !found.iter().any(|(path, _)| *path == below) {
                found.push((below.clone(), stat));
            }
        }
        if kind_below == FileKind::Directory && seen.insert(below.clone()) {
            walk(host, &below, follow, seen, found)?;
        }
    }
    Ok(())
}

fn is_link(stat: Option<&FileStat>) -> bool {
    stat.is_some_and(|stat| stat.kind == FileKind::Link)
}

fn without_slash(path: &Path) -> PathBuf {
    path.components().collect()
}

/// Adds to a failure the path and what is there.
fn located(stop: Stop, path: &Path, stat: Option<&FileStat>) -> Stop {
    with_stat(stop.with("path", path.display().to_string()), stat)
}

fn with_stat(mut stop: Stop, stat: Option<&FileStat>) -> Stop {
    if let (Stop::Failed(failure), Some(stat)) = (&mut stop, stat) {
        file_attributes::add_stat(stat, &mut failure.returned);
    }
    stop
}
