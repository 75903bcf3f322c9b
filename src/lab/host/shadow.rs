//! The file system of a lab host that an ordinary user brings up: `/etc` copied, one overlay for
//! each other folder of `/`.
//!
//! In a user namespace an overlay over `/` itself is refused, and so is one over a folder with
//! mounts below it: such a folder is made anew, with an overlay for each of its folders. Files of
//! ids that the namespace does not have cannot be changed in place; so that they can at least be
//! replaced, their folders stand in the upper layer from the beginning.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, setxattr};
use rustix::mount::MountFlags;

use super::mounts::{self, Attributes, LayError, Mount};

/// How deep the folders of the machine stand in the upper layers from the beginning.
const DEPTH: usize = 4;

/// Folders whose files programs change in place, link or lock: their files are copied up to a size, larger
/// ones are emptied; with the largest size only those that cannot be read are.
const COPIED: [(&str, u64); 8] = [
    ("/var/lib/dpkg", 32 << 20),
    ("/var/lib/dpkg/triggers", 1 << 20),
    ("/var/lib/apt", 1 << 20),
    ("/var/cache/debconf", 32 << 20),
    ("/var/log", 0),
    ("/var/log/apt", 0),
    // package lists and packages stay where they are; their locks cannot be read
    ("/var/lib/apt/lists", u64::MAX),
    ("/var/cache/apt/archives", u64::MAX),
];

/// Lays it below `dir` and gives its root.
pub(super) fn lay(dir: &Path) -> Result<PathBuf, LayError> {
    let machine = mounts::machine();
    mounts::memory(dir, MountFlags::empty(), c"mode=0755")?;
    let root = dir.join("root");
    mounts::folder(&root, 0o755)?;
    // the root of a host is a mount
    mounts::bind(&root, &root)?;
    let mut builder = Builder { machine, store: dir.join("store"), layers: 0 };
    mounts::folder(&builder.store, 0o700)?;
    let entries = fs::read_dir("/").map_err(LayError::io("list", "/"))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let at = root.join(entry.file_name());
        match entry.file_name().to_str() {
            // of its own, or nothing that a host has
            Some("proc" | "sys" | "dev" | "run" | "tmp" | "lost+found") => {}
            Some("etc") => copy(&path, &at)?,
            Some("root") => mounts::folder(&at, 0o700)?,
            Some("mnt" | "media") => mounts::folder(&at, 0o755)?,
            _ => builder.show(&path, &at)?,
        }
    }
    passwords(&root);
    sudoers(&root);
    Ok(root)
}

struct Builder {
    machine: Vec<Mount>,
    store: PathBuf,
    layers: usize,
}

impl Builder {
    /// Shows a file, link or folder of the machine.
    fn show(&mut self, path: &Path, at: &Path) -> Result<(), LayError> {
        let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
        if metadata.is_symlink() {
            return link(path, at);
        }
        if !metadata.is_dir() {
            // a copy, so that the machine's file is never written to
            let _ = fs::copy(path, at);
            return Ok(());
        }
        mounts::folder(at, 0o755)?;
        if self.machine.iter().any(|mount| mount.at != path && mount.at.starts_with(path)) {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                self.show(&entry.path(), &at.join(entry.file_name()))?;
            }
            return Ok(());
        }
        self.layers += 1;
        let store = self.store.join(self.layers.to_string());
        mounts::folder(&store, 0o700)?;
        skeleton(path, &store.join("upper"), &metadata, DEPTH)?;
        for (folder, largest) in COPIED {
            if let Ok(below) = Path::new(folder).strip_prefix(path) {
                copy_files(Path::new(folder), &store.join("upper").join(below), largest);
            }
        }
        // what cannot be shown (another user's folder, a strange file system) stays empty
        let _ = mounts::overlay(path, &store, at, Attributes::User);
        Ok(())
    }
}

/// The folders of the machine, as folders of this host's root.
fn skeleton(
    path: &Path,
    upper: &Path,
    metadata: &fs::Metadata,
    depth: usize,
) -> Result<(), LayError> {
    mounts::folder(upper, 0o755)?;
    let mode = fs::Permissions::from_mode(metadata.mode() & 0o7777 | 0o700);
    fs::set_permissions(upper, mode).map_err(LayError::io("set the mode of", upper))?;
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if !metadata.is_dir() {
            continue;
        }
        let above = upper.join(entry.file_name());
        if fs::read_dir(entry.path()).is_ok() {
            skeleton(&entry.path(), &above, &metadata, depth - 1)?;
        } else {
            hide(&above, &metadata)?;
        }
    }
    Ok(())
}

/// An empty folder in place of one that this user cannot enter, where the kernel can keep the note
/// that says so (Linux 6.6 for memory).
fn hide(above: &Path, metadata: &fs::Metadata) -> Result<(), LayError> {
    mounts::folder(above, metadata.mode() & 0o7777 | 0o700)?;
    if setxattr(above, "user.overlay.opaque", b"y", XattrFlags::empty()).is_err() {
        fs::remove_dir(above).map_err(LayError::io("remove", above))?;
    }
    Ok(())
}

/// Copies what can be read; it becomes this host's root's.
fn copy(path: &Path, at: &Path) -> Result<(), LayError> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if metadata.is_symlink() {
        return link(path, at);
    }
    if metadata.is_dir() {
        mounts::folder(at, 0o755)?;
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            copy(&entry.path(), &at.join(entry.file_name()))?;
        }
        let mode = fs::Permissions::from_mode(metadata.mode() & 0o7777 | 0o700);
        return fs::set_permissions(at, mode).map_err(LayError::io("set the mode of", at));
    }
    if metadata.is_file() {
        let _ = fs::copy(path, at);
    }
    Ok(())
}

/// Copies the files of a folder, or empties them.
fn copy_files(path: &Path, above: &Path, largest: u64) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let file = entry.metadata().ok().filter(fs::Metadata::is_file);
        let Some(size) = file.map(|metadata| metadata.len()) else { continue };
        let at = above.join(entry.file_name());
        let kept = if largest == u64::MAX {
            fs::File::open(entry.path()).is_ok()
        } else {
            size <= largest && fs::copy(entry.path(), &at).is_ok()
        };
        if !kept {
            let _ = fs::write(&at, "");
        }
    }
}

fn link(path: &Path, at: &Path) -> Result<(), LayError> {
    fs::read_link(path).and_then(|to| symlink(to, at)).map_err(LayError::io("link", at))
}

/// Rules for `sudo`, where the machine's cannot be read.
fn sudoers(root: &Path) {
    let at = root.join("etc/sudoers");
    if root.join("usr/bin/sudo").exists() && !at.exists() {
        let _ = fs::write(&at, "root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n");
        let _ = fs::set_permissions(&at, fs::Permissions::from_mode(0o440));
    }
}

/// Password files for the accounts, all locked, where the machine's cannot be read.
fn passwords(root: &Path) {
    for (accounts, passwords, rest) in
        [("passwd", "shadow", ":*:19000:0:99999:7:::\n"), ("group", "gshadow", ":*::\n")]
    {
        let at = root.join("etc").join(passwords);
        if at.exists() {
            continue;
        }
        let names = fs::read_to_string(root.join("etc").join(accounts)).unwrap_or_default();
        let text: String = names
            .lines()
            .filter_map(|line| line.split(':').next().filter(|name| !name.is_empty()))
            .flat_map(|name| [name, rest])
            .collect();
        let _ = fs::write(&at, text);
        let _ = fs::set_permissions(&at, fs::Permissions::from_mode(0o640));
    }
}
