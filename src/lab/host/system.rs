//! What every lab host has of its own: `/proc`, `/sys`, `/dev`, `/run`, `/tmp`, its name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::mount::{MountFlags, mount};

use super::mounts::{self, LayError};

/// Whether this is the machine's root, not one of a user namespace.
pub(super) fn is_true_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let whole = map.split_whitespace().eq(["0", "0", "4294967295"]);
    whole && rustix::process::geteuid().is_root()
}

/// Lays it below the root of a host.
pub(super) fn lay(root: &Path, name: &str) -> Result<(), LayError> {
    for dir in ["proc", "sys", "dev", "run", "tmp"] {
        mounts::folder(&root.join(dir), 0o755)?;
    }
    processes(&root.join("proc"))?;
    let sys = root.join("sys");
    mounts::bind_all(Path::new("/sys"), &sys)?;
    // in a user namespace root cannot write there anyway
    let _ = mounts::read_only(&sys);
    devices(&root.join("dev"))?;
    let run = root.join("run");
    mounts::memory(&run, MountFlags::NOSUID | MountFlags::NODEV, c"mode=0755")?;
    mounts::folder(&run.join("lock"), 0o1777)?;
    mounts::memory(&root.join("tmp"), MountFlags::NOSUID | MountFlags::NODEV, c"mode=1777")?;
    resolver(root);
    let _ = fs::write(root.join("etc/hostname"), format!("{name}\n"));
    let hosts = root.join("etc/hosts");
    let known = fs::read_to_string(&hosts).unwrap_or_default();
    let _ = fs::write(&hosts, format!("{known}127.0.1.1 {name}\n"));
    Ok(())
}

fn processes(at: &Path) -> Result<(), LayError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", at, "proc", flags, None).map_err(LayError::of("mount proc at", at))?;
    // the settings of the kernel are those of the machine
    for shared in ["sys", "sysrq-trigger", "irq", "bus"] {
        let path = at.join(shared);
        if path.exists() && mounts::bind(&path, &path).is_ok() {
            let _ = mounts::read_only(&path);
        }
    }
    Ok(())
}

/// The devices that programs need, and none of the machine's disks.
fn devices(at: &Path) -> Result<(), LayError> {
    mounts::memory(at, MountFlags::NOSUID, c"mode=0755")?;
    for device in ["null", "zero", "full", "random", "urandom", "tty"] {
        let path = at.join(device);
        fs::write(&path, "").map_err(LayError::io("create", &path))?;
        mounts::bind(&Path::new("/dev").join(device), &path)?;
    }
    let pts = at.join("pts");
    mounts::folder(&pts, 0o755)?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", &pts, "devpts", flags, Some(c"newinstance,ptmxmode=0666,mode=0620"))
        .map_err(LayError::of("mount devpts at", &pts))?;
    let links = [
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ];
    for (to, name) in links {
        let path = at.join(name);
        symlink(to, &path).map_err(LayError::io("link", &path))?;
    }
    let shared = at.join("shm");
    mounts::folder(&shared, 0o1777)?;
    mounts::memory(&shared, MountFlags::NOSUID | MountFlags::NODEV, c"mode=1777")
}

/// Name resolution, where its file points into `/run`, which is empty here.
fn resolver(root: &Path) {
    let path = root.join("etc/resolv.conf");
    let linked = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
    if linked && let Ok(text) = fs::read("/etc/resolv.conf") {
        let _ = fs::remove_file(&path).and_then(|()| fs::write(&path, text));
    }
}
