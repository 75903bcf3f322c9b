//! `community.general.lmdb_kv`: what a database of LMDB holds, read as its file has it.
//!
//! The form is that of `lmdb.h` and `mdb.c` of `OpenLDAP`, version 1 of the format, with words of 64
//! bits and little endian: two pages of `meta`, then B-trees of pages. Only the main database is
//! read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{text, tuple};
use crate::template::work::spend;

const MAGIC: u32 = 0xbeef_c0de;
const VERSION: u32 = 1;
/// Bytes of a page's header, and of a node's.
const HEADER: usize = 16;
const NODE: usize = 8;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
/// The value lies in pages of its own.
const BIG: u16 = 0x01;
/// What is no plain value: a database, or several values of a key.
const NO_VALUE: u16 = 0x06;
/// The root of a database that is empty.
const NONE: u64 = u64::MAX;
/// Trees are not as deep as this.
const DEEPEST: usize = 32;
/// Keys are not longer than this.
const LONGEST_KEY: usize = 511;
/// So many bytes of keys and values are read at most.
const MOST: usize = 256 << 20;

/// A database that is open.
struct Database {
    file: File,
    page_size: usize,
    pages: u64,
    root: u64,
}

type Pair = (Vec<u8>, Vec<u8>);

/// What was read so far.
#[derive(Default)]
struct Found {
    pairs: Vec<Pair>,
    bytes: usize,
    pages: u64,
}

/// `lmdb_kv`
pub(super) fn lmdb_kv(request: &Request<'_>) -> Outcome<Vec<Value>> {
    request.only(&["db"])?;
    let name = match (request.option("db"), request.scope.lookup("lmdb_kv_db")?) {
        (Some(name), _) => text(name)?,
        (None, Some(name)) => text(&name)?,
        (None, None) => "ansible.mdb".to_owned(),
    };
    let terms = request.texts()?;
    let pairs = Database::open(Path::new(&name)).and_then(|database| database.pairs()).map_err(
        |error| {
            let words = error.to_string();
            let words = words.split(" (os error").next().unwrap_or_default();
            let words = match error.raw_os_error() {
                Some(_) => format!("{name}: {words}"),
                None => words.to_owned(),
            };
            Failure::failed(format!("LMDB cannot open database {name}: {words}"))
        },
    )?;
    spend(pairs.len())?;
    let word = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let pair = |(key, value): &Pair| tuple(vec![word(key), word(value)]);
    if terms.is_empty() {
        return Ok(pairs.iter().map(pair).collect());
    }
    let mut found = Vec::new();
    for term in &terms {
        match term.strip_suffix('*') {
            // all from the first key that is not before the term, as Ansible's goes on to the end
            Some(prefix) => {
                let start = pairs.partition_point(|(key, _)| key.as_slice() < term.as_bytes());
                let rest = pairs.get(start..).unwrap_or_default();
                if rest.first().is_some_and(|(key, _)| key.starts_with(prefix.as_bytes())) {
                    found.extend(rest.iter().map(pair));
                }
            }
            None if term.is_empty() || term.len() > LONGEST_KEY => {
                return Err(Failure::failed(
                    "mdb_get: MDB_BAD_VALSIZE: Unsupported size of key/DB name/data, or wrong \
                     DUPFIXED size",
                ));
            }
            None => {
                let at = pairs.binary_search_by(|(key, _)| key.as_slice().cmp(term.as_bytes()));
                found.extend(at.ok().and_then(|at| pairs.get(at)).map(|(_, value)| word(value)));
            }
        }
    }
    Ok(found)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "MDB_INVALID: File is not an LMDB file")
}

/// A number of so many bytes at a place.
fn number<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    let found = bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok());
    found.ok_or_else(broken)
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    number(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    number(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    number(bytes, at).map(u64::from_le_bytes)
}

impl Database {
    /// Opens the database in a folder: its last state.
    fn open(folder: &Path) -> io::Result<Self> {
        let file = File::open(folder.join("data.mdb"))?;
        let mut first = vec![0; HEADER + 144];
        file.read_exact_at(&mut first, 0).map_err(|_| broken())?;
        let page_size = usize::try_from(meta(&first)?.page_size).map_err(|_| broken())?;
        if !page_size.is_power_of_two() || !(256..=65536).contains(&page_size) {
            return Err(broken());
        }
        let mut second = vec![0; HEADER + 144];
        file.read_exact_at(&mut second, page_size as u64).map_err(|_| broken())?;
        let (first, second) = (meta(&first)?, meta(&second)?);
        let last = if second.transaction > first.transaction { second } else { first };
        let pages = file.metadata()?.len() / page_size as u64;
        Ok(Self { file, page_size, pages, root: last.root })
    }

    /// All keys and values, in the order of the keys.
    fn pairs(&self) -> io::Result<Vec<Pair>> {
        let mut found = Found::default();
        if self.root != NONE {
            self.walk(self.root, DEEPEST, &mut found)?;
        }
        Ok(found.pairs)
    }

    fn read(&self, page: u64, skipped: usize, length: usize) -> io::Result<Vec<u8>> {
        let start = page.checked_mul(self.page_size as u64).ok_or_else(broken)?;
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, start + skipped as u64)
            .map_err(|_| io::Error::other("MDB_CORRUPTED: Located page was wrong type"))?;
        Ok(bytes)
    }

    fn walk(&self, page: u64, levels: usize, found: &mut Found) -> io::Result<()> {
        let levels = levels.checked_sub(1).ok_or_else(broken)?;
        found.pages += 1;
        // a page that several lead to would be read without end
        if found.pages > self.pages {
            return Err(broken());
        }
        let bytes = self.read(page, 0, self.page_size)?;
        let (flags, end) = (u16_at(&bytes, 10)?, usize::from(u16_at(&bytes, 12)?));
        for slot in (HEADER..end).step_by(2) {
            let node = usize::from(u16_at(&bytes, slot)?);
            let (low, high) = (u16_at(&bytes, node)?, u16_at(&bytes, node + 2)?);
            let (kind, length) = (u16_at(&bytes, node + 4)?, u16_at(&bytes, node + 6)?);
            if flags & BRANCH != 0 {
                let child = u64::from(low) | u64::from(high) << 16 | u64::from(kind) << 32;
                self.walk(child, levels, found)?;
                continue;
            }
            if flags & LEAF == 0 {
                return Err(broken());
            }
            let key_end = node + NODE + usize::from(length);
            let key = bytes.get(node + NODE..key_end).ok_or_else(broken)?;
            let size = (usize::from(high) << 16) | usize::from(low);
            if kind & NO_VALUE != 0 {
                return Err(io::Error::other(
                    "it holds databases of its own, or several values of a key, which are not read",
                ));
            }
            found.bytes += key.len() + size;
            if found.bytes > MOST {
                return Err(io::Error::other("it holds more than is read, 256 MiB"));
            }
            let value = match kind & BIG {
                0 => bytes.get(key_end..key_end + size).ok_or_else(broken)?.to_vec(),
                _ => self.read(u64_at(&bytes, key_end)?, HEADER, size)?,
            };
            found.pairs.push((key.to_vec(), value));
        }
        Ok(())
    }
}

struct Meta {
    page_size: u32,
    root: u64,
    transaction: u64,
}

/// What a page of `meta` says.
fn meta(page: &[u8]) -> io::Result<Meta> {
    if u32_at(page, HEADER)? != MAGIC || u32_at(page, HEADER + 4)? != VERSION {
        return Err(broken());
    }
    // the databases of free pages and of the content, of 48 bytes each
    let (free, main) = (HEADER + 24, HEADER + 72);
    Ok(Meta {
        page_size: u32_at(page, free)?,
        root: u64_at(page, main + 40)?,
        transaction: u64_at(page, main + 56)?,
    })
}
