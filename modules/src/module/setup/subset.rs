//! Which groups of facts are gathered.

/// A group of facts that is gathered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Collector {
    Platform,
    Distribution,
    Lsb,
    Selinux,
    Apparmor,
    Chroot,
    Fips,
    Python,
    Caps,
    PackageManager,
    ServiceManager,
    CommandLine,
    DateTime,
    Environment,
    LoadAverage,
    SshKeys,
    User,
    Systemd,
    Virtual,
    Hardware,
    Dns,
    FibreChannel,
    Network,
    Iscsi,
    Nvme,
    Local,
}

use Collector::{
    Apparmor, Caps, Chroot, CommandLine, DateTime, Distribution, Dns, Environment, FibreChannel,
    Fips, Hardware, Iscsi, LoadAverage, Local, Lsb, Network, Nvme, PackageManager, Platform,
    Python, Selinux, ServiceManager, SshKeys, Systemd, User, Virtual,
};

/// What is gathered even for `!all`.
const MINIMAL: &[Collector] = &[
    Apparmor,
    Caps,
    CommandLine,
    DateTime,
    Distribution,
    Dns,
    Environment,
    Fips,
    Local,
    Lsb,
    PackageManager,
    Platform,
    Python,
    Selinux,
    ServiceManager,
    SshKeys,
    User,
];

/// The names that `gather_subset` takes, and what each stands for.
const NAMES: &[(&str, &[Collector])] = &[
    ("all_ipv4_addresses", &[Network]),
    ("all_ipv6_addresses", &[Network]),
    ("apparmor", &[Apparmor]),
    ("architecture", &[Platform]),
    ("caps", &[Caps]),
    ("chroot", &[Chroot]),
    ("cmdline", &[CommandLine]),
    ("date_time", &[DateTime]),
    ("default_ipv4", &[Network]),
    ("default_ipv6", &[Network]),
    ("devices", &[Hardware]),
    ("distribution", &[Distribution]),
    ("distribution_major_version", &[Distribution]),
    ("distribution_release", &[Distribution]),
    ("distribution_version", &[Distribution]),
    ("dns", &[Dns]),
    ("effective_group_ids", &[User]),
    ("effective_user_id", &[User]),
    ("env", &[Environment]),
    ("facter", &[]),
    ("fibre_channel_wwn", &[FibreChannel]),
    ("fips", &[Fips]),
    ("hardware", &[Hardware]),
    ("interfaces", &[Network]),
    ("is_chroot", &[Chroot]),
    ("iscsi", &[Iscsi]),
    ("kernel", &[Platform]),
    ("kernel_version", &[Platform]),
    ("loadavg", &[LoadAverage]),
    ("local", &[Local]),
    ("lsb", &[Lsb]),
    ("machine", &[Platform]),
    ("machine_id", &[Platform]),
    ("mounts", &[Hardware]),
    ("network", &[Network]),
    ("nvme", &[Nvme]),
    ("ohai", &[]),
    ("os_family", &[Distribution]),
    ("pkg_mgr", &[PackageManager]),
    ("platform", &[Platform]),
    ("processor", &[Hardware]),
    ("processor_cores", &[Hardware]),
    ("processor_count", &[Hardware]),
    ("python", &[Python]),
    ("python_version", &[Platform]),
    ("real_user_id", &[User]),
    ("selinux", &[Selinux]),
    ("service_mgr", &[ServiceManager]),
    ("ssh_host_key_dsa_public", &[SshKeys]),
    ("ssh_host_key_ecdsa_public", &[SshKeys]),
    ("ssh_host_key_ed25519_public", &[SshKeys]),
    ("ssh_host_key_rsa_public", &[SshKeys]),
    ("ssh_host_pub_keys", &[SshKeys]),
    ("ssh_pub_keys", &[SshKeys]),
    ("system", &[Platform]),
    ("system_capabilities", &[Caps]),
    ("system_capabilities_enforced", &[Caps]),
    ("systemd", &[Systemd]),
    ("user", &[User]),
    ("user_dir", &[User]),
    ("user_gecos", &[User]),
    ("user_gid", &[User]),
    ("user_id", &[User]),
    ("user_shell", &[User]),
    ("user_uid", &[User]),
    ("virtual", &[Virtual]),
    ("virtualization_role", &[Virtual]),
    ("virtualization_tech_guest", &[Virtual]),
    ("virtualization_tech_host", &[Virtual]),
    ("virtualization_type", &[Virtual]),
];

/// A name that is no subset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Bad subset '{name}' given to Ansible. gather_subset options allowed: all, {allowed}")]
pub struct SubsetError {
    name: String,
    allowed: String,
}

/// The collectors that a `gather_subset` asks for, in the order in which they run.
pub(super) fn select(subset: &[String]) -> Result<Vec<Collector>, SubsetError> {
    let all = || NAMES.iter().flat_map(|(_, collectors)| collectors.iter().copied());
    let mut added: Vec<Collector> = MINIMAL.to_vec();
    let mut excluded: Vec<Collector> = Vec::new();
    let mut explicit: Vec<Collector> = Vec::new();
    if subset.is_empty() {
        added.extend(all());
    }
    for name in subset {
        match name.as_str() {
            "min" => {}
            "all" => added.extend(all()),
            "!min" => excluded.extend(MINIMAL),
            "!all" => excluded.extend(all().filter(|collector| !MINIMAL.contains(collector))),
            name => match name.strip_prefix('!') {
                // Ansible ignores unknown names here
                Some(name) => excluded.extend(named(name).unwrap_or_default()),
                None => {
                    let collectors = named(name).ok_or_else(|| SubsetError {
                        name: name.to_owned(),
                        allowed: NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
                    })?;
                    explicit.extend(collectors);
                    added.extend(collectors);
                }
            },
        }
    }
    added.sort_unstable();
    added.dedup();
    added.retain(|collector| !excluded.contains(collector) || explicit.contains(collector));
    // also where they are excluded
    let needed: Vec<Collector> = added.iter().flat_map(|it| needs(*it)).copied().collect();
    added.extend(needed);
    added.sort_unstable();
    added.dedup();
    Ok(added)
}

/// The collectors whose facts another works on; they come along.
fn needs(collector: Collector) -> &'static [Collector] {
    match collector {
        Hardware => &[Platform],
        PackageManager => &[Distribution],
        Network | ServiceManager => &[Platform, Distribution],
        _ => &[],
    }
}

fn named(name: &str) -> Option<&'static [Collector]> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, collectors)| *collectors)
}

#[cfg(test)]
mod tests {
    use super::{Collector, MINIMAL, select};

    fn selected(names: &[&str]) -> Vec<Collector> {
        select(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn subsets_add_and_exclude() {
        let all = selected(&["all"]);
        assert!(MINIMAL.iter().all(|collector| all.contains(collector)));
        assert!(all.contains(&Collector::Hardware));
        assert_eq!(selected(&["!all"]).len(), MINIMAL.len());
        assert_eq!(selected(&["!all", "!min"]), []);
        assert_eq!(selected(&["!all", "!min", "lsb"]), [Collector::Lsb]);
        let network = [Collector::Platform, Collector::Distribution, Collector::Network];
        assert!(network.iter().all(|it| selected(&["!all", "!min", "network"]).contains(it)));
        assert!(!selected(&["all", "!hardware"]).contains(&Collector::Hardware));
        assert!(!selected(&["!hardware"]).contains(&Collector::Network));
    }

    #[test]
    fn an_unknown_subset_is_refused_and_an_unknown_exclusion_is_not() {
        let error = select(&["nope".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("Bad subset 'nope' given to Ansible."), "{error}");
        assert!(select(&["!nope".to_owned()]).is_ok());
    }
}
