//! What this machine lacks for lab hosts.

use std::fs;
use std::path::Path;

/// Why namespaces or overlays may be refused here, each with what to do.
pub(super) fn missing() -> Vec<String> {
    let mut found = Vec::new();
    let setting = |path: &str| {
        fs::read_to_string(Path::new("/proc/sys").join(path))
            .ok()
            .map(|text| text.trim().to_owned())
    };
    let is = |path: &str, value: &str| setting(path).as_deref() == Some(value);
    let ordinary = !rustix::process::geteuid().is_root();
    if !Path::new("/proc/self/ns/user").exists() {
        found.push("the kernel has no user namespaces (CONFIG_USER_NS)".into());
    }
    if is("user/max_user_namespaces", "0") {
        found.push("user namespaces are off: `sysctl user.max_user_namespaces=1000`".into());
    }
    if ordinary && is("kernel/unprivileged_userns_clone", "0") {
        found.push(
            "user namespaces are off for ordinary users: `sysctl \
             kernel.unprivileged_userns_clone=1`"
                .into(),
        );
    }
    if ordinary && is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        found.push(
            "AppArmor keeps user namespaces from ordinary users: `sysctl \
             kernel.apparmor_restrict_unprivileged_userns=0`"
                .into(),
        );
    }
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !filesystems.lines().any(|line| line.trim_start_matches("nodev").trim() == "overlay") {
        found.push("the kernel has no overlay file system loaded: `modprobe overlay`".into());
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if mounts.lines().any(|line| line.split(' ').nth(4).is_some_and(|at| at.starts_with("/proc/")))
    {
        found.push(
            "parts of /proc are hidden here, as in a container or lab host; in a container, start it \
             with `--privileged` or `--security-opt systempaths=unconfined`"
                .into(),
        );
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    if field("Seccomp:").as_deref() == Some("2") {
        found.push(
            "a seccomp filter is on: in a container, start it with `--privileged` or `--security-opt \
             seccomp=unconfined`"
                .into(),
        );
    }
    let admin = field("CapEff:")
        .and_then(|bits| u64::from_str_radix(&bits, 16).ok())
        .is_some_and(|bits| bits & (1 << 21) != 0);
    if !ordinary && !admin {
        found.push(
            "this root has no CAP_SYS_ADMIN: in a container, start it with `--privileged`, or run \
             as an ordinary user"
                .into(),
        );
    }
    found
}
