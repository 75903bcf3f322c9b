//! Looks at a tree of the host that is copied to another place of it.

use std::path::{Path, PathBuf};

use super::Error;
use crate::contract::Stop;
use crate::host::{DigestAlgorithm, FileKind, FileStat, Follow, Host, HostError};

/// A part of a tree and its place.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    /// What is copied; of a link that is followed what it leads to.
    pub(super) source: FileStat,
    pub(super) there: Option<FileStat>,
    /// Whether both are files with the same content.
    pub(super) same: bool,
    /// Whether it has the mode of its source where it is new; a file that a link beside things that were
    /// there leads to takes the mode of every new file.
    pub(super) keeps_mode: bool,
}

/// All below a directory, each directory before what it holds; with [`Follow::Yes`] what links
/// lead to in the place of the links.
///
/// # Errors
/// Something is neither file, directory nor link; a link that is followed leads to nothing or
/// around in a circle.
pub(super) fn read(
    from: &Path,
    to: &Path,
    links: Follow,
    host: &mut dyn Host,
) -> Result<Vec<Entry>, Stop> {
    let mut reading = Reading { links, host, above: Vec::new(), entries: Vec::new() };
    reading.directory(from, to)?;
    Ok(reading.entries)
}

struct Reading<'a> {
    links: Follow,
    host: &'a mut dyn Host,
    /// Device and inode of the directories that are being read.
    above: Vec<(u64, u64)>,
    entries: Vec<Entry>,
}

impl Reading<'_> {
    fn directory(&mut self, from: &Path, to: &Path) -> Result<(), Stop> {
        if let Some(stat) = self.host.stat(from, Follow::Yes)?.filter(|stat| stat.inode != 0) {
            let itself = (stat.device, stat.inode);
            if self.above.contains(&itself) {
                return Err(Stop::failed(Error::CircularLink(from.display().to_string())));
            }
            self.above.push(itself);
            self.parts(from, to)?;
            self.above.pop();
            return Ok(());
        }
        self.parts(from, to)
    }

    fn parts(&mut self, from: &Path, to: &Path) -> Result<(), Stop> {
        let beside = self.host.stat(to, Follow::Yes)?.is_some();
        for name in self.host.list(from)? {
            let from = from.join(&name);
            let to = to.join(&name);
            let Some(itself) = self.host.stat(&from, Follow::No)? else { continue };
            let followed = itself.kind == FileKind::Link && self.links == Follow::Yes;
            let source = match followed {
                false => itself,
                true => match self.host.stat(&from, Follow::Yes)? {
                    Some(stat) => stat,
                    None if beside => continue,
                    None => {
                        return Err(Stop::failed(Error::DanglingLink(from.display().to_string())));
                    }
                },
            };
            let kind = source.kind;
            if !matches!(kind, FileKind::File | FileKind::Directory | FileKind::Link) {
                return Err(Stop::failed(Error::Special(from.display().to_string())));
            }
            let there = self.host.stat(&to, self.links)?;
            let same = equal_files(self.host, &from, &source, &to, there.as_ref())?;
            let keeps_mode = !(followed && beside);
            let entry =
                Entry { from: from.clone(), to: to.clone(), source, there, same, keeps_mode };
            self.entries.push(entry);
            if kind == FileKind::Directory {
                self.directory(&from, &to)?;
            }
        }
        Ok(())
    }
}

fn equal_files(
    host: &mut dyn Host,
    from: &Path,
    source: &FileStat,
    to: &Path,
    there: Option<&FileStat>,
) -> Result<bool, HostError> {
    let Some(there) = there else { return Ok(false) };
    let files = source.kind == FileKind::File && there.kind == FileKind::File;
    if !files || source.size != there.size {
        return Ok(false);
    }
    let algorithm = DigestAlgorithm::Sha1;
    Ok(host.digest(from, algorithm)? == host.digest(to, algorithm)?)
}
