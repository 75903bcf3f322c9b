//! The package manager and the service manager.

use serde_json::{Value as Json, json};

use super::distribution;
use super::probe::Probe;
use crate::contract::Returned;

/// Programs by which package managers are known; the last one there counts.
const PACKAGE_MANAGERS: &[(&str, &str)] = &[
    ("/usr/bin/rpm-ostree", "atomic_container"),
    ("/usr/bin/dnf", "dnf"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/sbin/urpmi", "urpmi"),
    ("/usr/bin/pacman", "pacman"),
    ("/bin/opkg", "opkg"),
    ("/usr/pkg/bin/pkgin", "pkgin"),
    ("/usr/bin/xbps-install", "xbps"),
    ("/usr/local/sbin/pkg", "pkgng"),
    ("/usr/bin/swupd", "swupd"),
    ("/usr/sbin/sorcery", "sorcery"),
    ("/usr/bin/emerge", "portage"),
    ("/sbin/apk", "apk"),
    ("/usr/sbin/slackpkg", "slackpkg"),
];

/// `pkg_mgr`.
pub(super) fn collect_packages(probe: &mut Probe<'_>, facts: &mut Returned) {
    let name = package_manager(probe);
    facts.insert("pkg_mgr".to_owned(), Json::from(name));
}

/// The package manager that the distribution is made for.
pub(super) fn package_manager(probe: &mut Probe<'_>) -> &'static str {
    let family = distribution::family(probe);
    match family.as_str() {
        "RedHat" => {
            if probe.exists("/run/ostree-booted") {
                return "atomic_container";
            }
            for path in ["/usr/bin/dnf", "/usr/bin/microdnf"] {
                if probe.exists(path) {
                    let five = probe.link_name(path).is_some_and(|name| name == "dnf5");
                    return if five { "dnf5" } else { "dnf" };
                }
            }
            "unknown"
        }
        "Debian" => "apt",
        _ => {
            let mut found = "unknown";
            for (path, name) in PACKAGE_MANAGERS {
                if probe.exists(path) {
                    found = name;
                }
            }
            match (family.as_str(), found) {
                ("Altlinux", "apt") => "apt_rpm",
                (_, found) => found,
            }
        }
    }
}

/// `service_mgr`.
pub(super) fn collect_services(probe: &mut Probe<'_>, facts: &mut Returned) {
    let name = service_manager(probe);
    facts.insert("service_mgr".to_owned(), Json::from(name));
}

/// What process 1 is, or else what there are traces of.
pub(super) fn service_manager(probe: &mut Probe<'_>) -> String {
    let first = probe.content("/proc/1/comm");
    let first = first.filter(|name| name != "init" && !name.ends_with("sh") && name != "COMMAND");
    if let Some(name) = first {
        return match name.as_str() {
            "procd" => "openwrt_init".to_owned(),
            "runit-init" => "runit".to_owned(),
            "svscan" => "svc".to_owned(),
            "openrc-init" => "openrc".to_owned(),
            _ => name,
        };
    }
    let name = if systemd_runs(probe) {
        "systemd"
    } else if probe.has_program("initctl") && probe.exists("/etc/init/") {
        "upstart"
    } else if probe.exists("/sbin/openrc") {
        "openrc"
    } else if probe.has_program("systemctl")
        && probe.link_name("/sbin/init").is_some_and(|name| name == "systemd")
    {
        "systemd"
    } else if probe.exists("/etc/init.d/") {
        "sysvinit"
    } else if probe.exists("/etc/dinit.d/") {
        "dinit"
    } else {
        "service"
    };
    name.to_owned()
}

fn systemd_runs(probe: &mut Probe<'_>) -> bool {
    probe.has_program("systemctl")
        && ["/run/systemd/system/", "/dev/.run/systemd/", "/dev/.systemd/"]
            .iter()
            .any(|path| probe.exists(path))
}

/// `systemd`: version and features, where it runs.
pub(super) fn collect_systemd(probe: &mut Probe<'_>, facts: &mut Returned) {
    if !systemd_runs(probe) {
        return;
    }
    if let Some(fields) =
        probe.output(&["systemctl", "--version"]).and_then(|output| systemd_version(&output))
    {
        facts.insert("systemd".to_owned(), fields);
    }
}

fn systemd_version(output: &str) -> Option<Json> {
    let mut lines = output.lines();
    let version: u64 = lines.next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(json!({"version": version, "features": lines.next().unwrap_or_default()}))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::systemd_version;

    #[test]
    fn systemd_tells_its_version() {
        let output = "systemd 252 (252.39-1~deb12u1)\n+PAM +AUDIT\n";
        assert_eq!(
            systemd_version(output),
            Some(json!({"version": 252, "features": "+PAM +AUDIT"}))
        );
        assert_eq!(systemd_version("offline"), None);
    }
}
