//! What paths look like.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, FileFlags};
use crate::effect::{Principal, Timestamp};

/// Whether a symbolic link is looked at or looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// The link's target.
    Yes,
    /// The link itself.
    No,
}

/// The digests that modules compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// MD5.
    Md5,
    /// SHA-1, the one that Ansible compares files by.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// What a path looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub owner: Principal,
    /// Group.
    pub group: Principal,
    /// Length in bytes.
    pub size: u64,
    /// Target of a symbolic link as written in it.
    pub link_target: Option<PathBuf>,
    /// Access time.
    pub accessed: Timestamp,
    /// Modification time.
    pub modified: Timestamp,
    /// Time of the last status change.
    pub status_changed: Timestamp,
    /// Inode number; 0 where a rehearsal made it.
    pub inode: u64,
    /// Device number.
    pub device: u64,
    /// Device number of a device file.
    pub special_device: u64,
    /// Number of hard links.
    pub links: u64,
    /// Size of a block for input and output.
    pub block_size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// Its flags where someone asked [`Host::flags`](super::Host::flags) for them; a look at the
    /// path does not tell them.
    pub flags: Option<FileFlags>,
    /// Its SELinux context, where someone asked [`Host::context`](super::Host::context) for it.
    pub context: Option<Context>,
}

/// Permission bits from `rwxr-sr-t`.
pub(crate) fn mode_from_letters(text: &str) -> Option<u32> {
    let mut mode = 0;
    for (index, letter) in text.chars().enumerate() {
        let bit = 0o400_u32 >> index;
        let special = match index {
            2 => 0o4000,
            5 => 0o2000,
            _ => 0o1000,
        };
        mode |= match letter {
            '-' => 0,
            'r' | 'w' | 'x' => bit,
            's' | 't' => bit | special,
            'S' | 'T' => special,
            _ => return None,
        };
    }
    Some(mode)
}
