//! The kinds of file systems and their programs.

use crate::choices;

choices! {
    /// A kind of file system.
    pub enum Kind {
        /// bcachefs.
        Bcachefs = "bcachefs",
        /// btrfs.
        Btrfs = "btrfs",
        /// ext2.
        Ext2 = "ext2",
        /// ext3.
        Ext3 = "ext3",
        /// ext4.
        Ext4 = "ext4",
        /// ext4, by its old name.
        Ext4dev = "ext4dev",
        /// f2fs.
        F2fs = "f2fs",
        /// A physical volume of LVM.
        Lvm = "lvm",
        /// OCFS2.
        Ocfs2 = "ocfs2",
        /// Reiser's.
        Reiserfs = "reiserfs",
        /// Swap.
        Swap = "swap",
        /// FAT.
        Vfat = "vfat",
        /// XFS.
        Xfs = "xfs",
    }
}

/// How a kind of file system is made, grown and named.
pub(super) struct Table {
    /// What `blkid` calls it.
    pub(super) blkid: &'static str,
    /// What is said of it.
    pub(super) class: &'static str,
    pub(super) make: &'static str,
    /// Words that keep the program from asking.
    pub(super) force: &'static [&'static str],
    /// The option of a UUID, where it is given when it is made.
    pub(super) uuid_option: Option<&'static str>,
    /// The program and option that change a UUID.
    pub(super) change_uuid: Option<(&'static str, &'static str)>,
    pub(super) grows: Option<Grows>,
}

/// How a file system grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grows {
    Ext,
    Xfs,
    Lvm,
}

impl Kind {
    pub(super) fn table(self) -> Table {
        let ext = |blkid, class, make| Table {
            blkid,
            class,
            make,
            force: &["-F"],
            uuid_option: Some("-U"),
            change_uuid: Some(("tune2fs", "-U")),
            grows: Some(Grows::Ext),
        };
        let plain = |blkid, class, make, force| Table {
            blkid,
            class,
            make,
            force,
            uuid_option: None,
            change_uuid: None,
            grows: None,
        };
        match self {
            Self::Ext2 => ext("ext2", "Ext2", "mkfs.ext2"),
            Self::Ext3 => ext("ext3", "Ext3", "mkfs.ext3"),
            Self::Ext4 | Self::Ext4dev => ext("ext4", "Ext4", "mkfs.ext4"),
            Self::Xfs => Table {
                change_uuid: Some(("xfs_admin", "-U")),
                grows: Some(Grows::Xfs),
                ..plain("xfs", "XFS", "mkfs.xfs", &["-f"])
            },
            Self::Lvm => Table {
                uuid_option: Some("-u"),
                change_uuid: Some(("pvchange", "-u")),
                grows: Some(Grows::Lvm),
                ..plain("LVM2_member", "LVM", "pvcreate", &["-f"])
            },
            Self::Bcachefs => Table {
                uuid_option: Some("-U"),
                ..plain("bcachefs", "Bcachefs", "mkfs.bcachefs", &["--force"])
            },
            Self::Btrfs => plain("btrfs", "Btrfs", "mkfs.btrfs", &["-f"]),
            Self::F2fs => plain("f2fs", "F2fs", "mkfs.f2fs", &["-f"]),
            Self::Ocfs2 => plain("ocfs2", "Ocfs2", "mkfs.ocfs2", &["-Fx"]),
            Self::Reiserfs => plain("reiserfs", "Reiserfs", "mkfs.reiserfs", &["-q"]),
            Self::Swap => plain("swap", "Swap", "mkswap", &["-f"]),
            Self::Vfat => plain("vfat", "VFAT", "mkfs.vfat", &[]),
        }
    }
}

impl Grows {
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Ext => "resize2fs",
            Self::Xfs => "xfs_growfs",
            Self::Lvm => "pvresize",
        }
    }

    /// Bytes that it needs to grow at all.
    pub(super) fn slack(self) -> u64 {
        match self {
            Self::Xfs => 64 * 4096 - 1,
            Self::Ext | Self::Lvm => 0,
        }
    }

    /// The size in bytes, from what its program says.
    pub(super) fn size(self, text: &str) -> Option<u64> {
        match self {
            Self::Lvm => text.trim().parse().ok(),
            Self::Ext => {
                let field = |name: &str| {
                    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
                    line.trim().parse::<u64>().ok()
                };
                Some(field("Block count:")? * field("Block size:")?)
            }
            Self::Xfs => {
                let line = text.lines().find(|line| line.starts_with("data "))?;
                let after = |name: &str| {
                    let (_, rest) = line.split_once(name)?;
                    rest.split([' ', ',']).next()?.parse::<u64>().ok()
                };
                Some(after("bsize=")? * after("blocks=")?)
            }
        }
    }
}
