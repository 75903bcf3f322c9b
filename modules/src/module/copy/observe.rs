//! What `copy` must know of the host.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use sha1::{Digest as _, Sha1};

use super::tree::{self, Entry};
use super::{Error, Params};
use crate::contract::Stop;
use crate::effect::{Content, Principal};
use crate::host::{DigestAlgorithm, FileKind, FileStat, Follow, Host};
use crate::module::file_attributes::{self, FileAttributes, Wanted};
use crate::module::file_mode::FileMode;
use crate::module::host_path;
use crate::params::plain;

/// What must be known of the host.
#[derive(Debug)]
pub struct Observed {
    /// Where the file or tree goes.
    pub(super) dest: PathBuf,
    /// The same as results name it.
    pub(super) shown: PathBuf,
    /// What is there, not followed.
    pub(super) stat: Option<FileStat>,
    /// SHA-1 of the file that is there.
    pub(super) checksum: Option<String>,
    /// What is copied.
    pub(super) source: From,
    /// Directories to make first, outermost first.
    pub(super) missing: Vec<PathBuf>,
    /// What the nearest ancestor is.
    pub(super) ancestor: Option<FileKind>,
    /// Whether missing directories are to be made.
    pub(super) parents: Parents,
    /// Owner, group and mode of the file.
    pub(super) wanted: Wanted,
    /// The same of directories that are made.
    pub(super) directories: Wanted,
}

/// What happens to missing parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parents {
    Make,
    Refuse,
}

/// What is copied.
#[derive(Debug)]
pub(super) enum From {
    /// One file.
    File { content: Content, checksum: String },
    /// A tree of the host.
    Tree(Vec<Entry>),
}

impl From {
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }
}

impl Observed {
    /// Lets the file that is wanted hold these bytes.
    pub(crate) fn hold(&mut self, bytes: Vec<u8>) {
        let checksum = hexadecimal(&Sha1::digest(&bytes));
        self.source = From::File { content: Content::Bytes(bytes), checksum };
    }

    /// Whether a file with the wanted content is there, itself and not a link to it.
    /// The checksum of what is copied, where that is a file.
    pub(super) fn checksum(&self) -> Option<&str> {
        match &self.source {
            From::File { checksum, .. } => Some(checksum),
            _ => None,
        }
    }

    pub(super) fn is_same(&self) -> bool {
        match (&self.source, &self.stat) {
            (From::File { checksum, .. }, Some(stat)) => {
                stat.kind == FileKind::File && self.checksum.as_ref() == Some(checksum)
            }
            _ => false,
        }
    }

    /// Whether what is there stays because `force` is off.
    pub(super) fn is_kept(&self, params: &Params) -> bool {
        !params.force && self.source.is_file() && self.stat.is_some()
    }
}

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    if let Some(validate) = params.validate.as_ref().filter(|command| !command.contains("%s")) {
        let stop = Stop::failed(Error::Validate(validate.clone()));
        // what the engine sends has its sum told in any case
        return Err(match (params.remote_src, sent(params)) {
            (false, Ok(From::File { checksum, .. })) => stop.with("checksum", checksum),
            _ => stop,
        });
    }
    let written = host_path::expand(host, &params.dest)?;
    let source_path = match &params.src {
        Some(source) if params.remote_src => Some(host_path::expand(host, source)?),
        other => other.clone(),
    };
    let remote = match &source_path {
        Some(path) if params.remote_src => {
            let stat = host.stat(path, Follow::Yes)?;
            Some(stat.ok_or_else(|| Stop::failed(Error::NoSource(path.display().to_string())))?)
        }
        _ => None,
    };
    let mut dest = destination(params, &written, source_path.as_deref(), remote.as_ref(), host)?;
    if params.follow {
        dest = host_path::follow_links(host, &dest)?;
    }
    let mut stat = host.stat(&dest, Follow::No)?;
    let source = match (&source_path, &remote) {
        (Some(path), Some(remote)) if remote.kind == FileKind::Directory => {
            let links = if params.local_follow == Some(true) { Follow::Yes } else { Follow::No };
            From::Tree(tree::read(path, &dest, links, host)?)
        }
        (Some(path), Some(remote)) if remote.kind != FileKind::File => {
            return Err(Stop::failed(Error::Special(path.display().to_string())));
        }
        (Some(path), Some(_)) => From::File {
            content: Content::File(path.clone()),
            checksum: host.digest(path, DigestAlgorithm::Sha1)?,
        },
        _ => sent(params)?,
    };
    let is_file = stat.as_ref().is_some_and(|stat| stat.kind == FileKind::File);
    let checksum = if is_file && source.is_file() {
        Some(host.digest(&dest, DigestAlgorithm::Sha1)?)
    } else {
        None
    };
    let (missing, ancestor) =
        if stat.is_some() { (Vec::new(), None) } else { host_path::ancestors(host, &dest)? };
    let makes_parents = host_path::ends_with_slash(&written)
        || remote_tree(remote.as_ref())
        || params.engine.supposes_parents;
    let into = params.src.as_deref().is_some_and(host_path::ends_with_slash)
        && stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Directory);
    let slash = into || host_path::ends_with_slash(&written);
    let shown = if remote_tree(remote.as_ref()) && slash {
        let plain: PathBuf = written.components().collect();
        if plain == dest { plain.join("") } else { dest.clone() }
    } else {
        dest.clone()
    };
    let wanted = wanted(params, remote.as_ref(), &dest, host)?;
    if let Some(stat) = &mut stat {
        wanted.complete(&dest, stat, host);
    }
    Ok(Observed {
        shown,
        stat,
        checksum,
        source,
        missing,
        ancestor,
        parents: if makes_parents { Parents::Make } else { Parents::Refuse },
        wanted,
        directories: directories(params, host)?,
        dest,
    })
}

fn remote_tree(remote: Option<&FileStat>) -> bool {
    remote.is_some_and(|stat| stat.kind == FileKind::Directory)
}

/// The content that came with the task.
fn sent(params: &Params) -> Result<From, Stop> {
    if let Some(source) = &params.engine.source {
        let checksum = source.sha1.clone();
        return Ok(From::File { content: Content::Source(source.clone()), checksum });
    }
    match (&params.content, &params.src) {
        (Some(content), _) => {
            let bytes = text_of(content).into_bytes();
            let checksum = hexadecimal(&Sha1::digest(&bytes));
            Ok(From::File { content: Content::Bytes(bytes), checksum })
        }
        (None, Some(source)) => Err(Stop::failed(Error::NotSent(source.display().to_string()))),
        (None, None) => Err(Stop::failed(Error::NothingToCopy)),
    }
}

/// `content` may be data, which is written as JSON.
fn text_of(content: &Json) -> String {
    match content {
        Json::Array(_) | Json::Object(_) => python_json(content),
        scalar => plain(scalar),
    }
}

/// JSON with the spaces that Python puts in and its escapes of what is not ASCII.
pub(crate) fn python_json(value: &Json) -> String {
    match value {
        Json::Array(elements) => {
            let parts: Vec<String> = elements.iter().map(python_json).collect();
            format!("[{}]", parts.join(", "))
        }
        Json::Object(fields) => {
            let parts: Vec<String> = fields
                .iter()
                .map(|(key, value)| {
                    format!("{}: {}", python_json(&Json::from(key.as_str())), python_json(value))
                })
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Json::String(_) => {
            let mut escaped = String::new();
            for character in value.to_string().chars() {
                if character.is_ascii() {
                    escaped.push(character);
                } else {
                    let mut units = [0; 2];
                    for unit in character.encode_utf16(&mut units) {
                        let _ = write!(escaped, "\\u{unit:04x}");
                    }
                }
            }
            escaped
        }
        other => other.to_string(),
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The path that is written: a directory takes the name of the source.
fn destination(
    params: &Params,
    written: &Path,
    source: Option<&Path>,
    remote: Option<&FileStat>,
    host: &mut dyn Host,
) -> Result<PathBuf, Stop> {
    let plain: PathBuf = written.components().collect();
    let slash = host_path::ends_with_slash(written);
    let directory =
        host.stat(&plain, Follow::Yes)?.is_some_and(|stat| stat.kind == FileKind::Directory);
    let name = match (&params._original_basename, source) {
        (Some(name), _) => Path::new(name).file_name(),
        (None, Some(source)) => source.file_name(),
        (None, None) => None,
    };
    if remote_tree(remote) {
        let contents = source.is_some_and(host_path::ends_with_slash);
        return Ok(match name {
            Some(name) if !contents => plain.join(name),
            _ => plain,
        });
    }
    match name {
        _ if !slash && !directory => Ok(plain),
        Some(name) if params.content.is_none() => Ok(plain.join(name)),
        _ => Err(Stop::failed(Error::ContentToDirectory)),
    }
}

fn wanted(
    params: &Params,
    remote: Option<&FileStat>,
    dest: &Path,
    host: &mut dyn Host,
) -> Result<Wanted, Stop> {
    let mut attributes = params.attributes.clone();
    if let (Some(FileMode::Preserve), Some(remote)) = (&attributes.mode, remote) {
        attributes.mode = Some(FileMode::Bits(remote.mode));
    }
    let stat = host.stat(dest, Follow::No)?;
    attributes.resolve(host).map_err(|stop| {
        let mut stop = stop.with("path", dest.display().to_string());
        if let (Stop::Failed(failure), Some(stat)) = (&mut stop, &stat) {
            file_attributes::add_stat(stat, &mut failure.returned);
        }
        stop
    })
}

fn directories(params: &Params, host: &mut dyn Host) -> Result<Wanted, Stop> {
    let mode = params.directory_mode.clone().filter(|mode| *mode != FileMode::Preserve);
    FileAttributes { mode, ..params.attributes.clone() }.resolve(host)
}

/// Whether an owner that is asked for is the one that is there.
pub(super) fn differs(wanted: Option<&Principal>, there: &Principal) -> bool {
    wanted.is_some_and(|wanted| !wanted.is(there))
}
