//! Compression of one stream, at the levels that Python's libraries use.

use std::io::{self, BufReader, Read, Write};

use bzip2::read::MultiBzDecoder;
use bzip2::write::BzEncoder;
use flate2::GzBuilder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::{XzOptions, XzReader, XzWriter};

use crate::effect::Compression;

/// Writes what `body` writes, compressed; gzip keeps the name of what it holds.
pub fn compress<E: From<io::Error>>(
    writer: &mut dyn Write,
    compression: Compression,
    name: &str,
    body: &mut dyn FnMut(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    match compression {
        Compression::None => body(writer)?,
        Compression::Gzip => {
            let named = GzBuilder::new().filename(name.replace('\0', ""));
            let mut encoder = named.write(writer, flate2::Compression::best());
            body(&mut encoder)?;
            encoder.finish()?;
        }
        Compression::Bzip2 => {
            let mut encoder = BzEncoder::new(writer, bzip2::Compression::best());
            body(&mut encoder)?;
            encoder.finish()?;
        }
        Compression::Xz => {
            let mut encoder = XzWriter::new(writer, XzOptions::with_preset(6))?;
            body(&mut encoder)?;
            encoder.finish()?;
        }
    }
    Ok(())
}

/// Reads what is compressed.
pub fn decompress<'a>(reader: impl Read + 'a, compression: Compression) -> Box<dyn Read + 'a> {
    let reader = BufReader::new(reader);
    match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(reader)),
        Compression::Xz => Box::new(XzReader::new(reader, true)),
    }
}
