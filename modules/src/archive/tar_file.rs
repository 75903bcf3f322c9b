//! Tar files.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use tar::{Builder, EntryType};

use super::Members;
use crate::host::{FileKind, FileStat};

/// The longest name that a header holds.
const LONGEST: usize = 100;

/// What the length of a tar file is a multiple of.
const RECORD: usize = 10_240;

/// The header of a member, and what does not fit into it.
#[derive(Debug)]
pub struct Header {
    bytes: tar::Header,
    records: Vec<(&'static str, String)>,
    name: String,
    /// Whether content follows.
    pub has_content: bool,
}

/// Gives members their headers, in order: of several names of one file those after the first are
/// links to it.
#[derive(Debug, Default)]
pub struct Headers {
    seen: HashMap<(u64, u64), String>,
}

impl Headers {
    /// The header of a member; `None` for what tar files do not hold (sockets).
    pub fn next(&mut self, name: &str, stat: &FileStat) -> Option<Header> {
        let mut link = None;
        let (kind, suffix) = match stat.kind {
            FileKind::File => (EntryType::Regular, ""),
            FileKind::Directory => (EntryType::Directory, "/"),
            FileKind::Link => (EntryType::Symlink, ""),
            FileKind::CharacterDevice => (EntryType::Char, ""),
            FileKind::BlockDevice => (EntryType::Block, ""),
            FileKind::Fifo => (EntryType::Fifo, ""),
            FileKind::Socket => return None,
        };
        let mut kind = kind;
        if stat.kind == FileKind::File && stat.links > 1 && stat.inode != 0 {
            let first = self.seen.entry((stat.device, stat.inode)).or_insert_with(|| name.into());
            if first != name {
                kind = EntryType::Link;
                link = Some(first.clone());
            }
        }
        if let Some(target) = &stat.link_target {
            link = Some(target.to_string_lossy().into_owned());
        }
        Some(Header::new(&format!("{name}{suffix}"), kind, link.as_deref(), stat))
    }
}

impl Header {
    fn new(name: &str, kind: EntryType, link: Option<&str>, stat: &FileStat) -> Self {
        let mut header = tar::Header::new_ustar();
        let mut records = Vec::new();
        header.set_entry_type(kind);
        header.set_mode(stat.mode & 0o7777);
        header.set_uid(stat.owner.id.unwrap_or_default().into());
        header.set_gid(stat.group.id.unwrap_or_default().into());
        let has_content = kind == EntryType::Regular;
        header.set_size(if has_content { stat.size } else { 0 });
        let (seconds, nanoseconds) = (stat.modified.seconds, stat.modified.nanoseconds);
        let rounded = seconds.saturating_add(i64::from(nanoseconds >= 500_000_000));
        header.set_mtime(u64::try_from(rounded).unwrap_or_default());
        if nanoseconds != 0 {
            let text = format!("{seconds}.{nanoseconds:09}");
            records.push(("mtime", text.trim_end_matches('0').to_owned()));
        }
        let name = name.trim_start_matches('/');
        if let Some(long) = put(name, &mut header.as_old_mut().name) {
            records.push(("path", long));
        }
        if let Some(long) = link.and_then(|link| put(link, &mut header.as_old_mut().linkname)) {
            records.push(("linkpath", long));
        }
        let owner = stat.owner.name.as_deref().unwrap_or_default();
        let group = stat.group.name.as_deref().unwrap_or_default();
        // names that do not fit are left out; the numbers are there
        let _ = header.set_username(owner);
        let _ = header.set_groupname(group);
        header.set_cksum();
        Self { bytes: header, records, name: name.trim_end_matches('/').to_owned(), has_content }
    }

    /// What tells it from others: its name and the sum of its bytes.
    pub fn sum(&self) -> (String, u64) {
        (self.name.clone(), self.bytes.cksum().unwrap_or_default().into())
    }
}

/// Puts a text into a field; gives it back where it does not fit.
fn put(text: &str, field: &mut [u8; LONGEST]) -> Option<String> {
    let characters = text.chars().map(|it| if it.is_ascii() { it as u8 } else { b'?' });
    for (slot, byte) in field.iter_mut().zip(characters) {
        *slot = byte;
    }
    (text.len() > LONGEST || !text.is_ascii()).then(|| text.to_owned())
}

/// Writes a tar file.
pub struct TarWriter<W: Write> {
    builder: Builder<Counted<W>>,
    headers: Headers,
}

impl<W: Write> std::fmt::Debug for TarWriter<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TarWriter")
    }
}

impl<W: Write> TarWriter<W> {
    /// An empty one.
    pub fn new(writer: W) -> Self {
        let counted = Counted { writer, written: 0 };
        Self { builder: Builder::new(counted), headers: Headers::default() }
    }

    /// Adds a member; `content` is asked for only where it has one.
    pub fn add(
        &mut self,
        name: &str,
        stat: &FileStat,
        content: &mut dyn FnMut() -> io::Result<Box<dyn Read>>,
    ) -> io::Result<()> {
        let Some(entry) = self.headers.next(name, stat) else { return Ok(()) };
        if !entry.records.is_empty() {
            let records = entry.records.iter().map(|(key, value)| (*key, value.as_bytes()));
            self.builder.append_pax_extensions(records)?;
        }
        if entry.has_content {
            // a file that has grown meanwhile must not spoil what follows
            self.builder.append(&entry.bytes, content()?.take(stat.size))
        } else {
            self.builder.append(&entry.bytes, io::empty())
        }
    }

    /// Ends it.
    pub fn finish(self) -> io::Result<()> {
        let mut counted = self.builder.into_inner()?;
        let rest = counted.written.next_multiple_of(RECORD) - counted.written;
        counted.writer.write_all(&vec![0; rest])
    }
}

/// Counts what is written.
struct Counted<W: Write> {
    writer: W,
    written: usize,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.written += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

pub(super) fn members(reader: impl Read) -> io::Result<Members> {
    let mut found = Members::new();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.to_string_lossy().trim_end_matches('/').to_owned();
        found.insert((name, entry.header().cksum()?.into()));
    }
    Ok(found)
}
