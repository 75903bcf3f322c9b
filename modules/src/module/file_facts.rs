//! What `stat` and `find` tell of a path.

use serde_json::{Map, Value as Json, json};

use super::file_mode::octal;
use crate::choices;
use crate::effect::Timestamp;
use crate::host::{DigestAlgorithm, FileKind, FileStat};

choices! {
    /// The digest that tells a content.
    pub enum ChecksumAlgorithm {
        /// MD5.
        Md5 = "md5",
        /// SHA-1.
        Sha1 = "sha1",
        /// SHA-224.
        Sha224 = "sha224",
        /// SHA-256.
        Sha256 = "sha256",
        /// SHA-384.
        Sha384 = "sha384",
        /// SHA-512.
        Sha512 = "sha512",
    }
}

impl From<ChecksumAlgorithm> for DigestAlgorithm {
    fn from(algorithm: ChecksumAlgorithm) -> Self {
        match algorithm {
            ChecksumAlgorithm::Md5 => Self::Md5,
            ChecksumAlgorithm::Sha1 => Self::Sha1,
            ChecksumAlgorithm::Sha224 => Self::Sha224,
            ChecksumAlgorithm::Sha256 => Self::Sha256,
            ChecksumAlgorithm::Sha384 => Self::Sha384,
            ChecksumAlgorithm::Sha512 => Self::Sha512,
        }
    }
}

/// The fields that both modules give.
pub(crate) fn facts(path: &str, stat: &FileStat) -> Map<String, Json> {
    let bit = |bits: u32| stat.mode & bits != 0;
    let is = |kind: FileKind| stat.kind == kind;
    let facts = json!({
        "path": path,
        "mode": octal(stat.mode),
        "isdir": is(FileKind::Directory),
        "ischr": is(FileKind::CharacterDevice),
        "isblk": is(FileKind::BlockDevice),
        "isreg": is(FileKind::File),
        "isfifo": is(FileKind::Fifo),
        "islnk": is(FileKind::Link),
        "issock": is(FileKind::Socket),
        "uid": stat.owner.id,
        "gid": stat.group.id,
        "size": stat.size,
        "inode": stat.inode,
        "dev": stat.device,
        "nlink": stat.links,
        "atime": seconds(stat.accessed),
        "mtime": seconds(stat.modified),
        "ctime": seconds(stat.status_changed),
        "wusr": bit(0o200),
        "rusr": bit(0o400),
        "xusr": bit(0o100),
        "wgrp": bit(0o020),
        "rgrp": bit(0o040),
        "xgrp": bit(0o010),
        "woth": bit(0o002),
        "roth": bit(0o004),
        "xoth": bit(0o001),
        "isuid": bit(0o4000),
        "isgid": bit(0o2000),
    });
    let mut facts = match facts {
        Json::Object(facts) => facts,
        _ => Map::new(),
    };
    for (field, name) in [("pw_name", &stat.owner.name), ("gr_name", &stat.group.name)] {
        if let Some(name) = name {
            facts.insert(field.to_owned(), name.as_str().into());
        }
    }
    facts
}

/// A time in seconds with its fraction, as Python gives it.
#[expect(clippy::cast_precision_loss, reason = "Python loses the same digits")]
pub(crate) fn seconds(time: Timestamp) -> f64 {
    time.seconds as f64 + f64::from(time.nanoseconds) * 1e-9
}
