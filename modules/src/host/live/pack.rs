//! Packing files of the host into one.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::LiveHost;
use super::files::io_error;
use super::interrupt::Interrupt;
use super::stage::Staged;
use crate::archive::{TarWriter, ZipWriter, compress};
use crate::effect::{Member, PackFormat, Packed};
use crate::host::{Follow, Host as _, HostError};
use crate::module::local_time::LocalTime;

/// Why packing stops: a file cannot be read or written, or the task is cancelled.
enum Failure {
    Io(io::Error),
    Host(HostError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A file that is read as long as nobody interrupts.
struct Watched {
    file: BufReader<File>,
    interrupt: Arc<Interrupt>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupt.check().map_err(io::Error::other)?;
        self.file.read(buffer)
    }
}

impl LiveHost {
    /// Packs into a file in the making.
    pub(super) fn pack(
        &mut self,
        packed: &Packed,
        place: &Path,
        into: &Staged<'_>,
    ) -> Result<(), HostError> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let packing = match packed.format {
            PackFormat::Single(compression) => {
                let mut writer = BufWriter::new(into.file());
                let pack =
                    compress(&mut writer, compression, name, &mut |out| -> Result<(), Failure> {
                        for member in &packed.members {
                            io::copy(&mut self.open(&member.path)?, out)?;
                        }
                        Ok(())
                    });
                pack.and_then(|()| Ok(writer.flush()?))
            }
            PackFormat::Tar(compression) => {
                let mut writer = BufWriter::new(into.file());
                let pack = compress(&mut writer, compression, name, &mut |out| {
                    let mut tar = TarWriter::new(out);
                    for member in &packed.members {
                        self.add_to_tar(&mut tar, member)?;
                    }
                    Ok(tar.finish()?)
                });
                pack.and_then(|()| Ok(writer.flush()?))
            }
            PackFormat::Zip => self.pack_zip(packed, into),
        };
        packing.map_err(|failure| match failure {
            Failure::Host(error) => error,
            Failure::Io(error) => io_error("pack into", into.path(), error),
        })
    }

    fn add_to_tar(
        &mut self,
        tar: &mut TarWriter<&mut dyn Write>,
        member: &Member,
    ) -> Result<(), Failure> {
        let stat = self.stat(&member.path, Follow::No).map_err(Failure::Host)?;
        let stat = stat.ok_or_else(|| gone(&member.path))?;
        Ok(tar.add(&member.name, &stat, &mut || self.open(&member.path))?)
    }

    fn pack_zip(&mut self, packed: &Packed, into: &Staged<'_>) -> Result<(), Failure> {
        let time = LocalTime::of(self);
        let mut zip = ZipWriter::new(BufWriter::new(into.file()));
        for member in &packed.members {
            let stat = self.stat(&member.path, Follow::Yes).map_err(Failure::Host)?;
            let stat = stat.ok_or_else(|| gone(&member.path))?;
            let modified = time.zoned(stat.modified).map(|zoned| zoned.datetime());
            zip.add(&member.name, &stat, modified, &mut || self.open(&member.path))?;
        }
        Ok(zip.finish()?)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        let file = BufReader::new(File::open(path)?);
        Ok(Box::new(Watched { file, interrupt: self.interrupt.clone() }))
    }
}

fn gone(path: &Path) -> Failure {
    Failure::Host(io_error("read", path, io::Error::from(io::ErrorKind::NotFound)))
}
