//! The file system of a lab host that root brings up: one overlay over `/`.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;

use super::mounts::{self, Attributes, LayError};

/// Lays it below `dir` and gives its root.
pub(super) fn lay(dir: &Path) -> Result<PathBuf, LayError> {
    // in the order of the machine, before anything is added
    let machine = mounts::machine();
    mounts::memory(dir, MountFlags::empty(), c"mode=0755")?;
    let root = dir.join("root");
    mounts::folder(&root, 0o755)?;
    let store = dir.join("store");
    mounts::folder(&store, 0o700)?;
    mounts::overlay(Path::new("/"), &layer(&store, 0)?, &root, Attributes::Trusted)?;
    // an overlay does not show what is mounted below its lower folder
    for (mount, number) in machine.iter().zip(1..) {
        let Ok(below) = mount.at.strip_prefix("/") else { continue };
        let own = ["proc", "sys", "dev", "run", "tmp"].iter().any(|own| below.starts_with(own));
        if below.as_os_str().is_empty()
            || own
            || dir.starts_with(&mount.at) && below == Path::new("")
        {
            continue;
        }
        let at = root.join(below);
        if mount.at.is_file() {
            // as containers have `/etc/resolv.conf`: the content, so that it can be changed
            let _ = fs::copy(&mount.at, &at);
        } else if mount.is_stored() && at.is_dir() {
            // what the machine hides or forbids stays as empty as it looks from below
            let _ = mounts::overlay(&mount.at, &layer(&store, number)?, &at, Attributes::Trusted);
        }
    }
    Ok(root)
}

/// A place for what changes in one overlay.
fn layer(store: &Path, number: usize) -> Result<PathBuf, LayError> {
    let path = store.join(number.to_string());
    mounts::folder(&path, 0o700)?;
    Ok(path)
}
