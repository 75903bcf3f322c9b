//! The kernel, the machine, and what restricts it.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::probe::Probe;
use crate::contract::Returned;
use crate::host::Follow;

/// `system`, `kernel*`, `machine`, names, `architecture`, `userspace_*`, `machine_id`.
pub(super) fn collect(probe: &mut Probe<'_>, facts: &mut Returned) {
    let kernel = |probe: &mut Probe<'_>, name: &str| {
        probe.content(Path::new("/proc/sys/kernel").join(name)).unwrap_or_default()
    };
    let system = kernel(probe, "ostype");
    facts
        .insert("system".to_owned(), Json::from(if system.is_empty() { "Linux" } else { &system }));
    facts.insert("kernel".to_owned(), Json::from(kernel(probe, "osrelease")));
    facts.insert("kernel_version".to_owned(), Json::from(kernel(probe, "version")));
    let machine = machine(probe);
    let nodename = kernel(probe, "hostname");
    let fqdn = full_name(probe, &nodename);
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let domain = fqdn.split_once('.').map_or("", |(_, domain)| domain);
    facts.insert("domain".to_owned(), Json::from(domain));
    facts.insert("hostname".to_owned(), Json::from(short(&nodename)));
    facts.insert("nodename".to_owned(), Json::from(nodename.clone()));
    let bits = userspace_bits(probe, &machine);
    if machine == "x86_64" || is_i386(&machine) {
        let userspace = if bits == "64" { "x86_64" } else { "i386" };
        facts.insert("userspace_architecture".to_owned(), Json::from(userspace));
    }
    let architecture = if is_i386(&machine) { "i386" } else { machine.as_str() };
    facts.insert("architecture".to_owned(), Json::from(architecture));
    facts.insert("machine".to_owned(), Json::from(machine.clone()));
    facts.insert("userspace_bits".to_owned(), Json::from(bits));
    facts.insert("fqdn".to_owned(), Json::from(fqdn));
    let id = probe.content("/var/lib/dbus/machine-id").or_else(|| probe.content("/etc/machine-id"));
    if let Some(id) = id {
        facts.insert("machine_id".to_owned(), Json::from(id.lines().next().unwrap_or_default()));
    }
}

/// The machine's name; `/proc/sys/kernel/arch` is there since Linux 6.1.
pub(super) fn machine(probe: &mut Probe<'_>) -> String {
    probe
        .content("/proc/sys/kernel/arch")
        .or_else(|| probe.output(&["uname", "-m"]).map(|text| text.trim().to_owned()))
        .unwrap_or_default()
}

fn is_i386(machine: &str) -> bool {
    matches!(machine, "i386" | "i486" | "i586" | "i686" | "i86pc")
}

/// The width of programs: a 64-bit kernel may carry a 32-bit system.
fn userspace_bits(probe: &mut Probe<'_>, machine: &str) -> &'static str {
    let getconf = probe.output(&["getconf", "LONG_BIT"]);
    match getconf.as_deref().map(str::trim) {
        Some("32") => "32",
        Some("64") => "64",
        _ if machine.contains("64") || machine == "s390x" => "64",
        _ => "32",
    }
}

/// The name with its domain, as the resolver gives it for the host's own name.
fn full_name(probe: &mut Probe<'_>, nodename: &str) -> String {
    if let Some(hosts) = probe.text("/etc/hosts")
        && let Some(name) = name_in_hosts(&hosts, nodename)
    {
        return name;
    }
    probe
        .output(&["getent", "hosts", nodename])
        .and_then(|answer| {
            let names: Vec<&str> = answer.split_whitespace().skip(1).collect();
            let dotted = names.iter().find(|name| name.contains('.'));
            dotted.or_else(|| names.first()).map(ToString::to_string)
        })
        .unwrap_or_else(|| nodename.to_owned())
}

/// The address of the name is looked up, then the first dotted name of that address.
fn name_in_hosts(hosts: &str, nodename: &str) -> Option<String> {
    let entries = || {
        hosts.lines().filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            Some((words.next()?, words.collect::<Vec<_>>()))
        })
    };
    let names_it = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(nodename));
    let found = |v6: bool| {
        entries().find(|(address, names)| address.contains(':') == v6 && names_it(names))
    };
    let (address, _) = found(false).or_else(|| found(true))?;
    let (_, names) = entries().find(|(other, _)| *other == address)?;
    let dotted = names.iter().find(|name| name.contains('.'));
    dotted.or_else(|| names.first()).map(ToString::to_string)
}

/// `selinux`.
pub(super) fn collect_selinux(probe: &mut Probe<'_>, facts: &mut Returned) {
    let word = |value: Option<String>| match value.as_deref() {
        Some("1") => "enforcing",
        Some("0") => "permissive",
        _ => "unknown",
    };
    let mut selinux = json!({"status": "disabled"});
    if probe.exists("/sys/fs/selinux/enforce") {
        let config = probe.text("/etc/selinux/config").unwrap_or_default();
        let setting = |name: &str| {
            config
                .lines()
                .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
                .next_back()
                .map_or("unknown", str::trim)
                .to_owned()
        };
        let version = probe.content("/sys/fs/selinux/policyvers");
        let version = version.and_then(|text| text.parse::<u64>().ok());
        selinux = json!({
            "status": "enabled",
            "policyvers": version.map_or_else(|| Json::from("unknown"), Json::from),
            "config_mode": setting("SELINUX"),
            "mode": word(probe.content("/sys/fs/selinux/enforce")),
            "type": setting("SELINUXTYPE"),
        });
    }
    facts.insert("selinux".to_owned(), selinux);
    facts.insert("selinux_python_present".to_owned(), Json::from(true));
}

/// `apparmor`.
pub(super) fn collect_apparmor(probe: &mut Probe<'_>, facts: &mut Returned) {
    let enabled = probe.exists("/sys/kernel/security/apparmor");
    let status = if enabled { "enabled" } else { "disabled" };
    facts.insert("apparmor".to_owned(), json!({"status": status}));
}

/// `is_chroot`.
pub(super) fn collect_chroot(probe: &mut Probe<'_>, facts: &mut Returned) {
    let named = probe.host().environment("debian_chroot").is_some_and(|name| !name.is_empty());
    let chrooted = named || {
        let here = probe.stat("/", Follow::Yes);
        match (here, probe.stat("/proc/1/root/.", Follow::Yes)) {
            (Some(here), Some(first)) => here.inode != first.inode || here.device != first.device,
            // who may not look at process 1 goes by the usual inode of a root directory
            (Some(here), None) => {
                let kind = probe.output(&["stat", "-f", "-c", "%T", "/"]).unwrap_or_default();
                let root = match kind.trim() {
                    "btrfs" => 256,
                    "xfs" => 128,
                    _ => 2,
                };
                here.inode != root
            }
            (None, _) => false,
        }
    };
    facts.insert("is_chroot".to_owned(), Json::from(chrooted));
}

/// `fips`.
pub(super) fn collect_fips(probe: &mut Probe<'_>, facts: &mut Returned) {
    let enabled = probe.content("/proc/sys/crypto/fips_enabled").as_deref() == Some("1");
    facts.insert("fips".to_owned(), Json::from(enabled));
}

/// `system_capabilities` and whether they are restricted, from `capsh`.
pub(super) fn collect_capabilities(probe: &mut Probe<'_>, facts: &mut Returned) {
    let (mut enforced, mut capabilities) = (Json::from("N/A"), Json::from("N/A"));
    if let Some(output) = probe.output(&["capsh", "--print"]) {
        enforced = Json::from("NA");
        capabilities = json!([]);
        let current = output.lines().find_map(|line| line.strip_prefix("Current:"));
        if let Some(current) = current {
            let all = current.trim() == "=ep";
            enforced = Json::from(if all { "False" } else { "True" });
            if !all {
                let list = current.split('=').nth(1).unwrap_or_default();
                capabilities = list.split(',').map(|name| Json::from(name.trim())).collect();
            }
        }
    }
    facts.insert("system_capabilities_enforced".to_owned(), enforced);
    facts.insert("system_capabilities".to_owned(), capabilities);
}

#[cfg(test)]
mod tests {
    use super::name_in_hosts;

    #[test]
    fn the_first_dotted_name_of_the_address_is_the_full_name() {
        let table = [
            ("127.0.0.1 localhost\n127.0.1.1 web1.example.org web1\n", Some("web1.example.org")),
            ("127.0.0.1 localhost web1\n", Some("localhost")),
            ("127.0.1.1 web1 web1.example.org\n", Some("web1.example.org")),
            ("127.0.0.1 localhost # web1\n", None),
            ("::1 localhost web1\n10.0.0.1 web1.lan web1", Some("web1.lan")),
        ];
        for (hosts, expected) in table {
            assert_eq!(name_in_hosts(hosts, "web1").as_deref(), expected, "{hosts}");
        }
    }
}
