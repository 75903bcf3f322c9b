//! Whether the host is a guest, and of what.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::probe::Probe;
use crate::contract::Returned;

/// What the traces say: the first one that is found names the type.
#[derive(Debug, Default)]
struct Verdict {
    kind: Option<(String, &'static str)>,
    guest: BTreeSet<String>,
    host: BTreeSet<String>,
}

impl Verdict {
    fn guest(&mut self, technology: &str) {
        self.guest.insert(technology.to_owned());
        self.kind.get_or_insert_with(|| (technology.to_owned(), "guest"));
    }

    fn host(&mut self, technology: &str) {
        self.host.insert(technology.to_owned());
        self.kind.get_or_insert_with(|| (technology.to_owned(), "host"));
    }
}

/// The firmware's own words, of which some betray a hypervisor.
#[derive(Debug, Default)]
struct Firmware {
    product: String,
    vendor: String,
    family: String,
    bios: String,
}

/// `virtualization_*`.
pub(super) fn collect(probe: &mut Probe<'_>, facts: &mut Returned) {
    let mut verdict = Verdict::default();
    containers(probe, &mut verdict);
    if probe.exists("/proc/xen") {
        let capabilities = probe.text("/proc/xen/capabilities").unwrap_or_default();
        if capabilities.contains("control_d") {
            verdict.host("xen");
        } else {
            verdict.kind.get_or_insert_with(|| ("xen".to_owned(), "guest"));
        }
    }
    let mut word = |name: &str| {
        probe.content(format!("/sys/devices/virtual/dmi/id/{name}")).unwrap_or_default()
    };
    let firmware = Firmware {
        product: word("product_name"),
        vendor: word("sys_vendor"),
        family: word("product_family"),
        bios: word("bios_vendor"),
    };
    for technology in firmware_guests(&firmware) {
        verdict.guest(technology);
    }
    let processors = probe.text("/proc/cpuinfo").unwrap_or_default();
    for technology in processor_guests(&processors) {
        verdict.guest(technology);
    }
    let modules = probe.text("/proc/modules").unwrap_or_default();
    let loaded = |name: &str| modules.lines().any(|line| line.split(' ').next() == Some(name));
    if loaded("kvm") {
        verdict.host("kvm");
    }
    if loaded("vboxdrv") {
        verdict.host("virtualbox");
    }
    if loaded("virtio") {
        verdict.host.insert("kvm".to_owned());
        verdict.kind.get_or_insert_with(|| ("kvm".to_owned(), "guest"));
    }
    if probe.exists("/dev/kvm") {
        verdict.host("kvm");
    }
    let (kind, role) = verdict.kind.unwrap_or_else(|| ("NA".to_owned(), "NA"));
    facts.insert("virtualization_type".to_owned(), Json::from(kind));
    facts.insert("virtualization_role".to_owned(), Json::from(role));
    facts.insert("virtualization_tech_guest".to_owned(), json!(verdict.guest));
    facts.insert("virtualization_tech_host".to_owned(), json!(verdict.host));
}

fn containers(probe: &mut Probe<'_>, verdict: &mut Verdict) {
    let groups = probe.text("/proc/1/cgroup").unwrap_or_default();
    for line in groups.lines() {
        if is_docker_group(line) {
            verdict.guest("docker");
        }
        if line.contains("/lxc/") || line.contains("/machine.slice/machine-lxc") {
            verdict.guest("lxc");
        }
        if line.contains("/system.slice/containerd.service") {
            verdict.guest("containerd");
        }
    }
    let environment = probe.text("/proc/1/environ").unwrap_or_default();
    for variable in environment.split('\0') {
        if variable.contains("container=lxc") {
            verdict.guest("lxc");
        }
        if variable.contains("container=podman") {
            verdict.guest("podman");
        }
        if variable.strip_prefix("container=").is_some_and(|name| !name.is_empty()) {
            verdict.guest("container");
        }
    }
    if probe.exists("/proc/vz") && !probe.exists("/proc/lve") {
        if probe.exists("/proc/bc") {
            verdict.host("openvz");
        } else {
            verdict.guest("openvz");
        }
    }
    let named = probe.content("/run/systemd/container");
    if let Some(name) = &named {
        verdict.guest(name);
    }
    if probe.exists("/.dockerenv") || probe.exists("/.dockerinit") {
        verdict.guest("docker");
    }
    let engines = ["docker", "lxc", "podman", "openvz", "containerd"];
    if named.is_some() || engines.iter().any(|name| verdict.guest.contains(*name)) {
        verdict.guest.insert("container".to_owned());
    }
}

/// `/docker/` or `/docker-<hex>.scope` in the path of a control group.
fn is_docker_group(line: &str) -> bool {
    line.split_once("/docker").is_some_and(|(_, after)| {
        after.starts_with('/')
            || after.strip_prefix('-').and_then(|rest| rest.split_once(".scope")).is_some_and(
                |(id, _)| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            )
    })
}

fn firmware_guests(firmware: &Firmware) -> Vec<&'static str> {
    let Firmware { product, vendor, family, bios } = firmware;
    let mut found = Vec::new();
    if matches!(
        product.as_str(),
        "KVM" | "KVM Server" | "Bochs" | "AHV" | "CloudStack KVM Hypervisor"
    ) {
        found.push("kvm");
    }
    match (vendor.as_str(), family.as_str(), product.as_str()) {
        ("oVirt", _, _) => found.push("oVirt"),
        ("Red Hat", "RHV", _) => found.push("RHV"),
        ("Red Hat", _, "RHEV Hypervisor") => found.push("RHEV"),
        _ => {}
    }
    if product.starts_with("VMware") {
        found.push("VMware");
    }
    if matches!(product.as_str(), "OpenStack Compute" | "OpenStack Nova") {
        found.push("openstack");
    }
    match bios.as_str() {
        "Xen" => found.push("xen"),
        "innotek GmbH" => found.push("virtualbox"),
        "Amazon EC2" | "DigitalOcean" | "Hetzner" | "Linode" => found.push("kvm"),
        _ => {}
    }
    match vendor.as_str() {
        "QEMU" | "Amazon EC2" | "DigitalOcean" | "Google" | "Scaleway" | "Nutanix" => {
            found.push("kvm");
        }
        "KubeVirt" => found.push("KubeVirt"),
        "Microsoft Corporation" => found.push("VirtualPC"),
        "Parallels Software International Inc." => found.push("parallels"),
        "OpenStack Foundation" => found.push("openstack"),
        _ => {}
    }
    found
}

fn processor_guests(text: &str) -> Vec<&'static str> {
    const MARKS: [(&str, &str, &str); 6] = [
        ("model name", "QEMU Virtual CPU", "kvm"),
        ("vendor_id", "User Mode Linux", "uml"),
        ("model name", "UML", "uml"),
        ("machine", "CHRP IBM pSeries (emulated by qemu)", "kvm"),
        ("vendor_id", "PowerVM Lx86", "powervm_lx86"),
        ("vendor_id", "IBM/S390", "PR/SM"),
    ];
    text.lines()
        .filter_map(|line| {
            MARKS
                .iter()
                .find(|(field, mark, _)| line.starts_with(field) && line.contains(mark))
                .map(|(_, _, technology)| *technology)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Firmware, firmware_guests, is_docker_group, processor_guests};

    #[test]
    fn firmware_betrays_the_hypervisor() {
        let firmware = |product: &str, vendor: &str, bios: &str| Firmware {
            product: product.to_owned(),
            vendor: vendor.to_owned(),
            family: String::new(),
            bios: bios.to_owned(),
        };
        let table: &[(Firmware, &[&str])] = &[
            (firmware("Standard PC (Q35)", "QEMU", "SeaBIOS"), &["kvm"]),
            (firmware("VMware Virtual Platform", "VMware, Inc.", "Phoenix"), &["VMware"]),
            (firmware("VirtualBox", "innotek GmbH", "innotek GmbH"), &["virtualbox"]),
            (firmware("t3.micro", "Amazon EC2", "Amazon EC2"), &["kvm", "kvm"]),
            (firmware("PowerEdge", "Dell Inc.", "Dell Inc."), &[]),
        ];
        for (given, expected) in table {
            assert_eq!(firmware_guests(given), *expected, "{given:?}");
        }
    }

    #[test]
    fn control_groups_and_processors() {
        assert!(is_docker_group("0::/docker/abc"));
        assert!(is_docker_group("1:name=systemd:/system.slice/docker-0af3.scope"));
        assert!(!is_docker_group("0::/system.slice/docker.service"));
        assert_eq!(processor_guests("model name\t: QEMU Virtual CPU version 2\n"), ["kvm"]);
    }
}
