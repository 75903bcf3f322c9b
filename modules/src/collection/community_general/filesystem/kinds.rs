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
    Btrfs,
    F2fs,
    Vfat,
    Bcachefs,
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
                grows: Some(Grows::Bcachefs),
                ..plain("bcachefs", "Bcachefs", "mkfs.bcachefs", &["--force"])
            },
            Self::Btrfs => Table {
                grows: Some(Grows::Btrfs),
                ..plain("btrfs", "Btrfs", "mkfs.btrfs", &["-f"])
            },
            Self::F2fs => {
                Table { grows: Some(Grows::F2fs), ..plain("f2fs", "F2fs", "mkfs.f2fs", &["-f"]) }
            }
            Self::Ocfs2 => plain("ocfs2", "Ocfs2", "mkfs.ocfs2", &["-Fx"]),
            Self::Reiserfs => plain("reiserfs", "Reiserfs", "mkfs.reiserfs", &["-q"]),
            Self::Swap => plain("swap", "Swap", "mkswap", &["-f"]),
            Self::Vfat => {
                Table { grows: Some(Grows::Vfat), ..plain("vfat", "VFAT", "mkfs.vfat", &[]) }
            }
        }
    }
}

impl Grows {
    /// What tells its size; the device or the mount point stands behind it.
    pub(super) fn question(self) -> &'static [&'static str] {
        match self {
            Self::Ext => &["tune2fs", "-l"],
            Self::Xfs => &["xfs_info"],
            Self::Lvm => &["pvs", "--noheadings", "-o", "pv_size", "--units", "b", "--nosuffix"],
            Self::Btrfs => &["btrfs", "filesystem", "usage", "-b"],
            Self::F2fs => &["dump.f2fs"],
            Self::Vfat => &["fatresize", "--info"],
            Self::Bcachefs => &["bcachefs", "show-super"],
        }
    }

    /// What makes it as large as its device; the device or the mount point stands behind it.
    pub(super) fn command(self) -> &'static [&'static str] {
        match self {
            Self::Ext => &["resize2fs"],
            Self::Xfs => &["xfs_growfs"],
            Self::Lvm => &["pvresize"],
            Self::Btrfs => &["btrfs", "filesystem", "resize", "max"],
            Self::F2fs => &["resize.f2fs"],
            Self::Vfat => &["fatresize", "-s", "max"],
            Self::Bcachefs => &["bcachefs", "device", "resize"],
        }
    }

    /// Bytes that it needs to grow at all.
    pub(super) fn slack(self) -> u64 {
        match self {
            Self::Xfs => 64 * 4096 - 1,
            _ => 0,
        }
    }

    /// The size in bytes, from what its program says.
    pub(super) fn size(self, text: &str) -> Option<u64> {
        match self {
            Self::Lvm => text.trim().parse().ok(),
            Self::Btrfs => {
                let line = text.lines().find(|line| line.contains("Device size"))?;
                line.split_whitespace().last()?.parse().ok()
            }
            Self::F2fs => {
                let field = |name: &str| {
                    let line = text.lines().find(|line| line.contains(name))?;
                    line.split_once(" = ")?.1.split_whitespace().next()?.parse::<u64>().ok()
                };
                field("Info: sector size")?.checked_mul(field("Info: total FS sectors")?)
            }
            Self::Vfat => text.lines().skip(1).find_map(|line| {
                let (name, size) = line.split_once(':')?;
                matches!(name.trim(), "Size" | "Cur size").then(|| size.trim().parse().ok())?
            }),
            Self::Bcachefs => {
                let line = text.lines().find(|line| line.contains("Size: "))?;
                let mut words = line.split_whitespace().skip(1);
                bytes(words.next()?, words.next()?)
            }
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

/// A size with its unit: `1.5 GiB` in powers of 1024, `1.5 GB` in powers of 1000.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of disks")]
fn bytes(number: &str, unit: &str) -> Option<u64> {
    let prefix = unit.strip_suffix('B')?;
    let (letter, base) = match prefix.strip_suffix('i') {
        Some(letter) => (letter, 1024_f64),
        None => (prefix, 1000_f64),
    };
    let letters = ["", "k", "m", "g", "t", "p", "e"];
    let power = letters.iter().position(|known| letter.eq_ignore_ascii_case(known))?;
    let size = number.parse::<f64>().ok()? * base.powi(i32::try_from(power).ok()?);
    (size.is_finite() && size >= 0.0).then_some(size as u64)
}

#[cfg(test)]
mod tests {
    use super::Grows;

    #[test]
    fn sizes_are_read_from_what_programs_say() {
        for (grows, text, expected) in [
            (Grows::Btrfs, "Overall:\n    Device size:\t\t    125829120\n", Some(125_829_120)),
            (
                Grows::F2fs,
                "Info: sector size = 512\nInfo: total FS sectors = 204800 (100 MB)\n",
                Some(104_857_600),
            ),
            (Grows::Vfat, "FAT\nSize: 67108864\nMin size: 1\n", Some(67_108_864)),
            (Grows::Vfat, "Cur size: 1\n", None),
            (Grows::Bcachefs, "Size:   1.50 GiB\n", Some(1_610_612_736)),
            (Grows::Bcachefs, "Size: 100 kB\n", Some(100_000)),
            (Grows::Bcachefs, "Size: 12 B\n", Some(12)),
            (Grows::Ext, "Block count:  10\nBlock size: 4096\n", Some(40_960)),
            (Grows::Lvm, "  4096\n", Some(4096)),
            (Grows::Xfs, "data     =   bsize=4096   blocks=1, imaxpct=25\n", Some(4096)),
        ] {
            assert_eq!(grows.size(text), expected, "{grows:?}");
        }
    }
}
