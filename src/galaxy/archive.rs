//! Tarballs in memory: what is in them, before anything is written.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::GalaxyError;

/// A member of a tarball.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name as it stands there, without slashes at the end.
    pub(super) name: String,
    pub(super) content: Content,
    /// Its permission bits.
    pub(super) mode: u32,
    /// When it was changed last, in seconds since 1970.
    pub(super) changed: u64,
}

/// What a member is.
#[derive(Debug)]
pub(super) enum Content {
    File(Vec<u8>),
    Folder,
    /// A symbolic link to there.
    Link(String),
    /// A hard link, a device …
    Other,
}

/// The members of a tarball, plain or compressed by gzip; none where it is no tarball.
pub(super) fn read(path: &Path) -> Result<Option<Vec<Member>>, GalaxyError> {
    let bytes = fs::read(path).map_err(GalaxyError::file("read", path))?;
    for (magic, name) in [(&b"BZh"[..], "bzip2"), (&b"\xfd7zXZ"[..], "xz")] {
        if bytes.starts_with(magic) {
            return Err(GalaxyError::refused(format!(
                "`{}` is compressed by {name}, which is not supported; gzip is",
                path.display()
            )));
        }
    }
    Ok(match bytes.starts_with(&[0x1f, 0x8b]) {
        true => members(MultiGzDecoder::new(bytes.as_slice())),
        false => members(bytes.as_slice()),
    }
    .ok()
    .filter(|members| !members.is_empty()))
}

fn members(reader: impl Read) -> std::io::Result<Vec<Member>> {
    let mut all = Vec::new();
    for entry in Archive::new(reader).entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            continue;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = text(&entry.path_bytes()).trim_end_matches('/').to_owned();
        let (mode, changed) = (entry.header().mode()?, entry.header().mtime()?);
        let content = match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                Content::File(bytes)
            }
            EntryType::Directory => Content::Folder,
            EntryType::Symlink => {
                Content::Link(entry.link_name_bytes().map(|bytes| text(&bytes)).unwrap_or_default())
            }
            _ => Content::Other,
        };
        all.push(Member { name, content, mode, changed });
    }
    Ok(all)
}
