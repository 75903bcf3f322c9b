//! Frames: length, kind, body.

use std::io::{self, Read, Write};

/// The longest body that is accepted, in bytes.
pub const MAX_BODY: u32 = 256 * 1024 * 1024;

/// Bytes of a file's content in one blob frame.
pub const BLOB_CHUNK: usize = 256 * 1024;

/// What the body of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// JSON of [`super::ToRunner`] or [`super::FromRunner`].
    Message = 0,
    /// A part of a source: `u64` source id, then content.
    Blob = 1,
    /// The end of a source: `u64` source id, then a byte: 1 when whole, 0 when it broke off.
    BlobEnd = 2,
    /// A part of a source that the host has: `u64` source id, `u32` first block of the
    /// [`Basis`](super::delta::Basis), `u32` how many.
    Blocks = 3,
}

impl Kind {
    /// The kind of this byte.
    pub fn of(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Message),
            1 => Some(Self::Blob),
            2 => Some(Self::BlobEnd),
            3 => Some(Self::Blocks),
            _ => None,
        }
    }
}

/// The five bytes before a body.
pub fn header(kind: Kind, length: usize) -> io::Result<[u8; 5]> {
    let length = u32::try_from(length)
        .ok()
        .filter(|length| *length <= MAX_BODY)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "frame is too long"))?;
    let [a, b, c, d] = length.to_be_bytes();
    Ok([a, b, c, d, kind as u8])
}

/// Reads the five bytes before a body.
pub fn parse_header(bytes: [u8; 5]) -> io::Result<(Kind, usize)> {
    let [a, b, c, d, kind] = bytes;
    let length = u32::from_be_bytes([a, b, c, d]);
    let kind = Kind::of(kind)
        .filter(|_| length <= MAX_BODY)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a frame"))?;
    Ok((kind, length as usize))
}

/// Writes a frame and flushes.
pub fn write(output: &mut impl Write, kind: Kind, body: &[u8]) -> io::Result<()> {
    output.write_all(&header(kind, body.len())?)?;
    output.write_all(body)?;
    output.flush()
}

/// Reads a frame; `None` at the end of the stream.
pub fn read(input: &mut impl Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; 5];
    let mut filled = 0;
    while filled < head.len() {
        match input.read(head.get_mut(filled..).unwrap_or_default())? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    let (kind, length) = parse_header(head)?;
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some((kind, body)))
}
