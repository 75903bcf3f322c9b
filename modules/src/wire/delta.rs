//! Files as differences from what the other side has: rsync's idea.
//!
//! The runner tells two sums of each block of the file that it has ([`Basis`]); the engine looks
//! for these blocks at every place of its own file ([`compare`]) and sends the rest, and the
//! runner puts the file together. Both read in pieces and hold neither file. Whoever puts
//! a file together compares its digest in the end, so sums that are alike by accident cost time
//! and nothing else.
//!
//! The sums are those of Tridgell and Mackerras, *The rsync algorithm* (1996): one that is cheap
//! to move on by a byte, and a strong one where that is alike. The crates for it
//! hold both files in memory.

use std::collections::HashMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

/// The shortest file that is worth it, in bytes.
pub const SHORTEST: u64 = 64 * 1024;

/// The most blocks that a file is cut into.
const MOST_BLOCKS: u64 = 65_536;

/// The shortest block, in bytes.
const SHORTEST_BLOCK: u64 = 1024;

/// Bytes of the strong sum that are told.
const STRONG: usize = 12;

/// Bytes that are told of a block.
const TOLD: usize = 4 + STRONG;

/// Bytes that are sent in one piece at most.
const PIECE: usize = super::frame::BLOB_CHUNK;

/// What is told of the file that the other side has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Bytes of a block.
    pub block: u32,
    /// Of each whole block in order: the rolling sum (`u32`, big-endian), then 12 bytes of SHA-1.
    #[serde(with = "super::base64")]
    pub sums: Vec<u8>,
}

impl Basis {
    /// Reads a file of this size.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn of(file: &mut impl Read, size: u64) -> io::Result<Self> {
        let block = size.isqrt().max(size / MOST_BLOCKS).max(SHORTEST_BLOCK);
        let block = u32::try_from(block).unwrap_or(u32::MAX);
        let mut bytes = vec![0; block as usize];
        let mut sums = Vec::new();
        for _ in 0..size / u64::from(block) {
            match file.read_exact(&mut bytes) {
                Ok(()) => {}
                // it was cut short meanwhile
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
            sums.extend_from_slice(&Rolling::of(&bytes).sum().to_be_bytes());
            sums.extend_from_slice(&strong(&bytes));
        }
        Ok(Self { block, sums })
    }

    /// Where a block lies in the file.
    pub fn offset(&self, block: u32) -> u64 {
        u64::from(block) * u64::from(self.block)
    }
}

fn strong(bytes: &[u8]) -> [u8; STRONG] {
    let digest = Sha1::digest(bytes);
    std::array::from_fn(|index| digest.get(index).copied().unwrap_or_default())
}

/// A part of the new file.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Content.
    Content(&'a [u8]),
    /// Blocks of the basis, one behind the other.
    Blocks {
        /// The first.
        first: u32,
        /// How many.
        count: u32,
    },
}

/// Tells a new file in parts; a sink that says no ends it. Gives whether all was told.
///
/// # Errors
///
/// The file cannot be read.
pub fn compare(
    file: &mut impl Read,
    basis: &Basis,
    sink: &mut dyn FnMut(Part<'_>) -> bool,
) -> io::Result<bool> {
    let blocks = Blocks::of(basis);
    let block = (basis.block as usize).max(1);
    let mut out = Out { sink, blocks: None };
    // what is told next, then the window that is looked at, then what was read beyond
    let mut buffer: Vec<u8> = Vec::new();
    let (mut told, mut at) = (0, 0);
    let mut rolling = None;
    loop {
        if buffer.len() < at + block + 1 {
            if !out.content(buffer.get(told..at).unwrap_or_default()) {
                return Ok(false);
            }
            buffer.drain(..at);
            (told, at) = (0, 0);
            let room = (block + PIECE).saturating_sub(buffer.len());
            file.by_ref().take(room as u64).read_to_end(&mut buffer)?;
        }
        let Some(window) = buffer.get(at..at + block) else { break };
        let sums: &mut Rolling = rolling.get_or_insert_with(|| Rolling::of(window));
        if let Some(found) = blocks.find(sums.sum(), window, out.expected()) {
            if !out.content(buffer.get(told..at).unwrap_or_default()) || !out.block(found) {
                return Ok(false);
            }
            at += block;
            told = at;
            rolling = None;
            continue;
        }
        match (buffer.get(at), buffer.get(at + block)) {
            (Some(old), Some(new)) => sums.roll(*old, *new, basis.block),
            _ => break,
        }
        at += 1;
        if at - told >= PIECE {
            if !out.content(buffer.get(told..at).unwrap_or_default()) {
                return Ok(false);
            }
            told = at;
        }
    }
    Ok(out.content(buffer.get(told..).unwrap_or_default()) && out.end())
}

/// Parts on their way; blocks that follow each other are one part.
struct Out<'s> {
    sink: &'s mut dyn FnMut(Part<'_>) -> bool,
    blocks: Option<(u32, u32)>,
}

impl Out<'_> {
    /// The block that continues those before.
    fn expected(&self) -> Option<u32> {
        self.blocks.and_then(|(first, count)| first.checked_add(count))
    }

    fn content(&mut self, bytes: &[u8]) -> bool {
        bytes.is_empty() || (self.end() && (self.sink)(Part::Content(bytes)))
    }

    fn block(&mut self, found: u32) -> bool {
        match &mut self.blocks {
            Some((first, count)) if first.checked_add(*count) == Some(found) => *count += 1,
            _ => {
                if !self.end() {
                    return false;
                }
                self.blocks = Some((found, 1));
            }
        }
        true
    }

    fn end(&mut self) -> bool {
        let blocks = self.blocks.take();
        blocks.is_none_or(|(first, count)| (self.sink)(Part::Blocks { first, count }))
    }
}

/// The blocks of a basis by their sums.
struct Blocks {
    /// A bit for each value of [`slot`]: most places of a file end here.
    filter: Vec<u64>,
    rolling: HashMap<u32, Vec<u32>>,
    strong: Vec<[u8; STRONG]>,
    sums: Vec<u32>,
}

/// Bits of a slot of the filter.
const SLOT_BITS: u32 = 20;

/// Where a rolling sum is in the filter: word and bit.
fn slot(sum: u32) -> (usize, u32) {
    let slot = sum.wrapping_mul(0x9e37_79b1) >> (32 - SLOT_BITS);
    ((slot / 64) as usize, slot % 64)
}

impl Blocks {
    fn of(basis: &Basis) -> Self {
        let mut this = Self {
            filter: vec![0; 1 << (SLOT_BITS - 6)],
            rolling: HashMap::new(),
            strong: Vec::new(),
            sums: Vec::new(),
        };
        for (index, told) in (0_u32..).zip(basis.sums.chunks_exact(TOLD)) {
            let Some((sum, strong)) = told.split_first_chunk::<4>() else { continue };
            let sum = u32::from_be_bytes(*sum);
            let (word, bit) = slot(sum);
            if let Some(word) = this.filter.get_mut(word) {
                *word |= 1 << bit;
            }
            this.rolling.entry(sum).or_default().push(index);
            this.sums.push(sum);
            this.strong.push(strong.try_into().unwrap_or_default());
        }
        this
    }

    /// The block with this content; the one that continues what came before, if it is the same.
    fn find(&self, sum: u32, window: &[u8], expected: Option<u32>) -> Option<u32> {
        let (word, bit) = slot(sum);
        if self.filter.get(word)? & (1 << bit) == 0 {
            return None;
        }
        let candidates = self.rolling.get(&sum)?;
        let strong = strong(window);
        let is_same = |index: u32| {
            self.sums.get(index as usize) == Some(&sum)
                && self.strong.get(index as usize) == Some(&strong)
        };
        let all = expected.into_iter().chain(candidates.iter().copied());
        all.into_iter().find(|index| is_same(*index))
    }
}

/// The sum that moves on by a byte.
#[derive(Debug, Clone, Copy)]
struct Rolling {
    plain: u32,
    weighted: u32,
}

impl Rolling {
    fn of(bytes: &[u8]) -> Self {
        let (mut plain, mut weighted) = (0_u32, 0_u32);
        for byte in bytes {
            plain = plain.wrapping_add(u32::from(*byte));
            weighted = weighted.wrapping_add(plain);
        }
        Self { plain, weighted }
    }

    fn roll(&mut self, old: u8, new: u8, block: u32) {
        let (old, new) = (u32::from(old), u32::from(new));
        self.plain = self.plain.wrapping_sub(old).wrapping_add(new);
        self.weighted =
            self.weighted.wrapping_sub(block.wrapping_mul(old)).wrapping_add(self.plain);
    }

    fn sum(self) -> u32 {
        (self.weighted << 16) | (self.plain & 0xffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that do not repeat.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        (0..length).map(|_| next().to_be_bytes()[0]).collect()
    }

    /// Puts a file together; gives it with the bytes that were sent.
    fn put_together(old: &[u8], new: &[u8]) -> (Vec<u8>, usize) {
        let basis = Basis::of(&mut &*old, old.len() as u64).unwrap();
        let (mut made, mut sent) = (Vec::new(), 0);
        let mut take = |part: Part<'_>| {
            match part {
                Part::Content(bytes) => {
                    assert!(bytes.len() <= PIECE + basis.block as usize);
                    sent += bytes.len();
                    made.extend_from_slice(bytes);
                }
                Part::Blocks { first, count } => {
                    let from = usize::try_from(basis.offset(first)).unwrap();
                    made.extend_from_slice(&old[from..][..(basis.block * count) as usize]);
                }
            }
            true
        };
        assert!(compare(&mut &*new, &basis, &mut take).unwrap());
        (made, sent)
    }

    #[test]
    fn what_is_there_is_not_sent() {
        let old = noise(7, 3_000_001);
        let block = old.len().isqrt();
        let with = |edit: &dyn Fn(&mut Vec<u8>)| {
            let mut new = old.clone();
            edit(&mut new);
            new
        };
        for (what, new, most) in [
            ("the same", old.clone(), block),
            ("a byte in the middle", with(&|new| new[1_500_000] ^= 1), 2 * block),
            ("more before", with(&|new| drop(new.splice(0..0, noise(9, 777)))), 777 + block),
            ("more behind", with(&|new| new.extend(noise(9, 5000))), 5000 + block),
            ("less in the middle", with(&|new| drop(new.drain(9..100_009))), 2 * block),
            ("halves that changed places", with(&|new| new.rotate_left(1_234_567)), 3 * block),
            ("nothing alike", noise(8, 2_000_000), 2_000_000),
            ("much shorter", old[..100].to_vec(), 100),
            ("empty", Vec::new(), 0),
        ] {
            let (made, sent) = put_together(&old, &new);
            assert!(made == new, "{what}");
            assert!(sent <= most, "{what}: {sent} of {}", new.len());
        }
    }

    #[test]
    fn blocks_that_repeat_stay_in_order() {
        let old = vec![0; 1 << 20];
        let mut parts = Vec::new();
        let basis = Basis::of(&mut &*old, old.len() as u64).unwrap();
        let mut take = |part: Part<'_>| {
            parts.push(format!("{part:?}"));
            true
        };
        assert!(compare(&mut &*old, &basis, &mut take).unwrap());
        assert_eq!(parts, ["Blocks { first: 0, count: 1024 }"]);
    }

    #[test]
    fn files_of_all_lengths_around_a_block() {
        for length in [0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 70_000] {
            let old = noise(3, length);
            for new in
                [old.clone(), noise(4, length), [&*old, b"x"].concat(), [b"x", &*old].concat()]
            {
                assert!(put_together(&old, &new).0 == new, "{length}");
                assert!(put_together(&new, &old).0 == old, "{length}");
            }
        }
    }

    #[test]
    fn the_sum_rolls_to_that_of_the_next_window() {
        let bytes = noise(5, 5000);
        let mut rolling = Rolling::of(&bytes[..1024]);
        for at in 0..bytes.len() - 1024 {
            assert_eq!(rolling.sum(), Rolling::of(&bytes[at..at + 1024]).sum());
            rolling.roll(bytes[at], bytes[at + 1024], 1024);
        }
    }
}
