//! Archives: what is in them, and packing files into them.
//!
//! Tar files are as Python's `tarfile` writes them: ustar headers, with records of PAX for what
//! does not fit.

mod compression;
mod tar_file;
mod zip_file;

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

pub use self::compression::{compress, decompress};
pub use self::tar_file::{Header, Headers as TarHeaders, TarWriter};
pub use self::zip_file::ZipWriter;
use crate::effect::{Compression, PackFormat};

/// The members of an archive: name, and a number that differs where they do. Of tar files that is
/// the sum of the header, of others the CRC-32 of the content; a file that is only compressed is
/// one member without a name.
pub type Members = BTreeSet<(String, u64)>;

/// A file that is read from any place.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// The members of what is there; none where it is no archive of this kind.
pub fn members(file: &mut dyn ReadSeek, format: PackFormat) -> Members {
    let found = match format {
        PackFormat::Zip => zip_file::members(&mut *file),
        PackFormat::Tar(compression) => tar_file::members(decompress(&mut *file, compression)),
        PackFormat::Single(_) => Err(io::ErrorKind::InvalidData.into()),
    };
    let single = match format {
        PackFormat::Zip => None,
        PackFormat::Tar(compression) | PackFormat::Single(compression) => Some(compression),
    };
    match (found, single) {
        (Ok(found), _) => found,
        (Err(_), Some(compression)) => content(file, compression).unwrap_or_default(),
        (Err(_), None) => Members::new(),
    }
}

fn content(file: &mut dyn ReadSeek, compression: Compression) -> io::Result<Members> {
    if compression == Compression::None {
        return Ok(Members::new());
    }
    file.seek(SeekFrom::Start(0))?;
    Ok([(String::new(), u64::from(crc(&mut decompress(file, compression))?))].into())
}

/// CRC-32 of all that can be read.
pub fn crc(reader: &mut dyn Read) -> io::Result<u32> {
    let mut sum = flate2::Crc::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(sum.sum()),
            Ok(count) => sum.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{Members, compress, members};
    use crate::effect::{Compression, PackFormat};

    #[test]
    fn what_was_compressed_is_read_again() {
        for compression in [Compression::Gzip, Compression::Bzip2, Compression::Xz] {
            let mut packed = Vec::new();
            compress(&mut packed, compression, "f", &mut |writer| writer.write_all(b"hello"))
                .unwrap();
            let found = members(&mut Cursor::new(packed), PackFormat::Single(compression));
            assert_eq!(found, Members::from([(String::new(), 0x3610_a686)]), "{compression:?}");
            let none = members(&mut Cursor::new(b"hello"), PackFormat::Tar(compression));
            assert_eq!(none, Members::new());
        }
    }
}
