//! What would be packed, and what is packed already.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::paths::{below, expand, is_archive, root, with_slash};
use super::{Error, Format, Params};
use crate::archive::{Members, TarHeaders, crc};
use crate::contract::Stop;
use crate::effect::{Compression, PackFormat};
use crate::host::{FileKind, FileStat, Follow, Host};
use crate::module::file_attributes::Wanted;
use crate::module::{host_path, wildcard};

/// What is known.
#[derive(Debug)]
pub struct Observed {
    pub(super) dest: PathBuf,
    pub(super) format: PackFormat,
    pub(super) wanted: Wanted,
    /// The archive that is there, with its members.
    pub(super) there: Option<(FileStat, Members)>,
    /// The paths of the task that are there.
    pub(super) sources: Vec<String>,
    /// What is packed.
    pub(super) packed: Vec<Source>,
    pub(super) members: Members,
    /// What goes, where it is to go.
    pub(super) removed: Vec<PathBuf>,
    missing: Vec<String>,
    root: String,
    expanded: Vec<String>,
    excluded: Vec<String>,
}

/// A file or directory that is packed.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) stat: FileStat,
}

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    let (expanded, patterns) = expand(&params.path, host)?;
    let (excluded, _) = expand(params.exclude_path.as_deref().unwrap_or_default(), host)?;
    let mut paths: Vec<String> =
        expanded.iter().filter(|path| !excluded.contains(path)).cloned().collect();
    paths.sort();
    paths.dedup();
    let given = params.path.iter().map(|path| path.display().to_string());
    let given: Vec<String> = given.collect();
    let Some(first) = paths.first().cloned() else {
        return Err(Stop::failed(Error::NoSource)
            .with("path", given.join(", "))
            .with("expanded_paths", expanded.join(", "))
            .with("expanded_exclude_paths", excluded.join(", ")));
    };
    let root = root(&paths);
    let is_directory = |path: &str, host: &mut dyn Host| -> Result<bool, Stop> {
        let stat = host.stat(Path::new(path), Follow::Yes)?;
        Ok(stat.is_some_and(|stat| stat.kind == FileKind::Directory))
    };
    let many =
        params.force_archive || patterns || paths.len() > 1 || is_directory(first.as_str(), host)?;
    let dest = params.dest.as_ref().filter(|dest| !dest.as_os_str().is_empty());
    let dest = match dest {
        Some(dest) => host_path::expand(host, dest)?,
        None if many => {
            let stop = Stop::failed(Error::NoDest).with("dest", "None");
            return Err(stop.with("path", given.join(", ")));
        }
        None => PathBuf::from(format!("{first}.{}", params.format)),
    };
    if params.remove {
        for path in &paths {
            let inside = dest.to_string_lossy().starts_with(&with_slash(path));
            if inside && is_directory(path.as_str(), host)? {
                return Err(Stop::failed(Error::Inside).with("path", paths.join(", ")));
            }
        }
    }
    let compression = params.format.compression();
    let format = match (params.format, many) {
        (Format::Zip, _) => PackFormat::Zip,
        (Format::Tar, _) | (_, true) => PackFormat::Tar(compression),
        (_, false) => PackFormat::Single(compression),
    };
    let mut walk = Walk { params, root: &root, dest: &dest, format, packed: Vec::new() };
    let (mut sources, mut missing) = (Vec::new(), Vec::new());
    for path in &paths {
        match host.stat(Path::new(path), Follow::No)? {
            None => missing.push(path.clone()),
            Some(stat) => {
                sources.push(path.clone());
                if many && is_directory(path.as_str(), host)? {
                    walk.descend(path, host)?;
                } else if many || path == &first {
                    walk.add(path, stat, host)?;
                }
            }
        }
    }
    let packed = walk.packed;
    let members = members(&packed, format, host)?;
    let mut there = match host.stat(&dest, Follow::Yes)? {
        Some(stat) => Some((stat, host.members(&dest, format)?)),
        None => None,
    };
    let mut removed: Vec<PathBuf> = Vec::new();
    for path in &sources {
        if is_directory(path.as_str(), host)? {
            removed.push(PathBuf::from(path));
        }
    }
    for source in &packed {
        if !removed.iter().any(|folder| source.path.starts_with(folder)) {
            removed.push(source.path.clone());
        }
    }
    let wanted = params.attributes.resolve(host)?;
    if let Some((stat, _)) = &mut there {
        wanted.complete(&dest, stat, host);
    }
    Ok(Observed {
        dest,
        format,
        wanted,
        there,
        sources,
        packed,
        members,
        removed,
        missing,
        root,
        expanded,
        excluded,
    })
}

/// A walk through what is named.
struct Walk<'a> {
    params: &'a Params,
    root: &'a str,
    dest: &'a Path,
    format: PackFormat,
    packed: Vec<Source>,
}

impl Walk<'_> {
    fn descend(&mut self, folder: &str, host: &mut dyn Host) -> Result<(), Stop> {
        let mut deeper = Vec::new();
        let mut files = Vec::new();
        for name in host.list(Path::new(folder))? {
            let path = format!("{}{name}", with_slash(folder));
            let Some(stat) = host.stat(Path::new(&path), Follow::No)? else { continue };
            let is_folder = match stat.kind {
                FileKind::Directory => true,
                FileKind::Link => host
                    .stat(Path::new(&path), Follow::Yes)?
                    .is_some_and(|stat| stat.kind == FileKind::Directory),
                _ => false,
            };
            if is_folder {
                deeper.push((path, stat));
            } else {
                files.push((path, stat));
            }
        }
        // links to directories are packed and not followed
        let folders: Vec<String> = deeper
            .iter()
            .filter(|(_, stat)| stat.kind == FileKind::Directory)
            .map(|(path, _)| path.clone())
            .collect();
        for (path, stat) in deeper.into_iter().chain(files) {
            self.add(&path, stat, host)?;
        }
        folders.iter().try_for_each(|folder| self.descend(folder, host))
    }

    fn add(&mut self, path: &str, stat: FileStat, host: &mut dyn Host) -> Result<(), Stop> {
        let name = below(self.root, path);
        let excluded = |text: &str| {
            let patterns = self.params.exclusion_patterns.iter().flatten();
            patterns.into_iter().any(|it| wildcard::matches(&it.to_string_lossy(), text))
        };
        let by = if self.format == PackFormat::Zip { path } else { name };
        let single = matches!(self.format, PackFormat::Single(_));
        if Path::new(path) == self.dest || (!single && excluded(by)) {
            return Ok(());
        }
        let stat = match self.format {
            // links are packed as what they lead to
            PackFormat::Zip | PackFormat::Single(_) => {
                host.stat(Path::new(path), Follow::Yes)?.unwrap_or(stat)
            }
            PackFormat::Tar(_) => stat,
        };
        self.packed.push(Source { path: PathBuf::from(path), name: name.to_owned(), stat });
        Ok(())
    }
}

/// The members that the archive shall have.
fn members(packed: &[Source], format: PackFormat, host: &mut dyn Host) -> Result<Members, Stop> {
    let mut all = Members::new();
    let mut headers = TarHeaders::default();
    let mut content = |path: &Path| -> Result<u64, Stop> {
        let bytes = host.read(path)?;
        Ok(crc(&mut bytes.as_slice()).unwrap_or_default().into())
    };
    for Source { path, name, stat } in packed {
        match format {
            PackFormat::Tar(_) => all.extend(headers.next(name, stat).map(|header| header.sum())),
            PackFormat::Zip if stat.kind == FileKind::Directory => {
                all.insert((format!("{}/", name.trim_end_matches('/')), 0));
            }
            PackFormat::Zip => {
                all.insert((name.trim_start_matches('/').to_owned(), content(path)?));
            }
            PackFormat::Single(_) => {
                all.insert((String::new(), content(path)?));
            }
        }
    }
    Ok(all)
}

impl Observed {
    /// The fields of the result.
    pub(super) fn returned(&self) -> Vec<(&'static str, Json)> {
        let single = matches!(
            self.format,
            PackFormat::Single(Compression::Gzip | Compression::Bzip2 | Compression::Xz)
        );
        let state = match (self.sources.is_empty(), single) {
            (true, _) if self.there.is_none() => "absent",
            (true, _) if is_archive(&self.dest) => "archive",
            (true, _) | (false, true) => "compress",
            (false, false) if self.missing.is_empty() => "archive",
            (false, false) => "incomplete",
        };
        // directories of zip files have another name there
        let told = |source: &&Source| {
            self.format != PackFormat::Zip || source.stat.kind != FileKind::Directory
        };
        let archived = self.packed.iter().filter(told).map(|it| it.path.display().to_string());
        vec![
            ("archived", archived.collect::<Vec<_>>().into()),
            ("dest", self.dest.display().to_string().into()),
            ("dest_state", state.into()),
            ("arcroot", self.root.clone().into()),
            ("missing", json!(self.missing)),
            ("expanded_paths", json!(self.expanded)),
            ("expanded_exclude_paths", json!(self.excluded)),
        ]
    }
}
