//! Zip files.

use std::io::{self, Read, Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive};

use super::Members;
use crate::host::{FileKind, FileStat};

/// Writes a zip file.
pub struct ZipWriter<W: Write + Seek> {
    writer: zip::ZipWriter<W>,
}

impl<W: Write + Seek> std::fmt::Debug for ZipWriter<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ZipWriter")
    }
}

impl<W: Write + Seek> ZipWriter<W> {
    /// An empty one.
    pub fn new(writer: W) -> Self {
        Self { writer: zip::ZipWriter::new(writer) }
    }

    /// Adds a file or a directory; links are files here. `modified` is the local time.
    pub fn add(
        &mut self,
        name: &str,
        stat: &FileStat,
        modified: Option<jiff::civil::DateTime>,
        content: &mut dyn FnMut() -> io::Result<Box<dyn Read>>,
    ) -> io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(stat.mode & 0o7777)
            .large_file(stat.size > u64::from(u32::MAX) / 2)
            .last_modified_time(modified.and_then(date).unwrap_or_default());
        let name = name.trim_start_matches('/');
        if stat.kind == FileKind::Directory {
            return Ok(self.writer.add_directory(name, options)?);
        }
        self.writer.start_file(name, options)?;
        io::copy(&mut content()?, &mut self.writer)?;
        Ok(())
    }

    /// Ends it.
    pub fn finish(self) -> io::Result<()> {
        self.writer.finish()?;
        Ok(())
    }
}

fn date(time: jiff::civil::DateTime) -> Option<DateTime> {
    let part = |number: i8| u8::try_from(number).ok();
    DateTime::from_date_and_time(
        u16::try_from(time.year()).ok()?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
    )
    .ok()
}

pub(super) fn members(reader: impl Read + Seek) -> io::Result<Members> {
    let mut archive = ZipArchive::new(reader)?;
    let mut found = Members::new();
    for number in 0..archive.len() {
        let entry = archive.by_index_raw(number)?;
        found.insert((entry.name()?.into_owned(), entry.crc32().into()));
    }
    Ok(found)
}
