//! `ansible.builtin.setup`: gathers facts about the host, without Python.
//!
//! Follows the module of ansible-core 2.19: names and values are those of its Linux facts.
//! Check mode: full. Diff: none.
//!
//! Differs from Ansible: `ansible_python` tells of a Python that the host has, if it has one;
//! facter and ohai facts do not exist; `ansible_loadavg` has the two decimals of `/proc/loadavg`; facts of LVM volume groups are not gathered;
//! `ansible_env` is the environment in which the runner started; where `ip` is not installed,
//! the addresses are read from `/proc/net`.
//!
//! ```yaml
//! - name: Gather what the templates need
//!   ansible.builtin.setup:
//!     gather_subset: ["!all", network]
//!     filter: ["ansible_default_ipv4", "ansible_os_family"]
//! ```
//!
//! Returns `ansible_facts`.

mod devices;
mod distribution;
mod hardware;
mod local;
mod managers;
pub(crate) mod mounts;
mod network;
mod platform;
mod probe;
mod python;
mod session;
mod subset;
mod virtualization;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use self::probe::Probe;
use self::subset::{Collector, SubsetError};
use super::wildcard;
use crate::contract::{Module, Plan, Returned, Stop};
use crate::host::{Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.setup`.
    pub struct Params {
        /// What to gather: names of groups of facts, `all`, `min`, or with `!` what not; by default
        /// `all`.
        gather_subset: Option<Vec<String>>,
        /// Seconds after which a hanging mount is given up.
        gather_timeout: u64 = 10_u64,
        /// Only facts whose name matches one of these wildcards.
        filter: Option<Vec<String>>,
        /// The directory of local facts, `*.fact`; by default `/etc/ansible/facts.d`.
        fact_path: Option<PathBuf>,
    }
}

/// The module.
#[derive(Debug)]
pub struct Setup;

/// What was found.
#[derive(Debug)]
pub struct Observed {
    facts: Returned,
    warnings: Vec<String>,
    /// Facts that only acting would tell, as JSON pointers within the facts, and why.
    unknown: BTreeMap<String, String>,
}

/// Why nothing is gathered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `gather_subset` names what does not exist.
    #[error(transparent)]
    Subset(#[from] SubsetError),
}

impl Module for Setup {
    type Params = Params;
    type Observed = Observed;

    const RETURNS_FACTS: bool = true;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let subset = params.gather_subset.clone().unwrap_or_else(|| vec!["all".to_owned()]);
        let collectors =
            subset::select(&subset).map_err(|error| Stop::failed(Error::Subset(error)))?;
        let mut facts = Returned::new();
        let fact_path = params.fact_path.clone();
        let fact_path = fact_path.unwrap_or_else(|| PathBuf::from("/etc/ansible/facts.d"));
        let fact_path = super::expansion::path(&fact_path, host)?;
        let mut probe = Probe::new(host);
        let mut python = None;
        for collector in collectors {
            match collector {
                Collector::Platform => {
                    platform::collect(&mut probe, &mut facts);
                    let found = python.get_or_insert_with(|| python::find(&mut probe));
                    if let Some(python) = found {
                        python.tell_version(&mut facts);
                    }
                }
                Collector::Distribution => distribution::collect(&mut probe, &mut facts),
                Collector::Lsb => distribution::collect_lsb(&mut probe, &mut facts),
                Collector::Selinux => platform::collect_selinux(&mut probe, &mut facts),
                Collector::Apparmor => platform::collect_apparmor(&mut probe, &mut facts),
                Collector::Chroot => platform::collect_chroot(&mut probe, &mut facts),
                Collector::Fips => platform::collect_fips(&mut probe, &mut facts),
                Collector::Caps => platform::collect_capabilities(&mut probe, &mut facts),
                Collector::PackageManager => managers::collect_packages(&mut probe, &mut facts),
                Collector::ServiceManager => managers::collect_services(&mut probe, &mut facts),
                Collector::Systemd => managers::collect_systemd(&mut probe, &mut facts),
                Collector::CommandLine => session::collect_command_line(&mut probe, &mut facts),
                Collector::DateTime => session::collect_date_time(&mut probe, &mut facts),
                Collector::Environment => session::collect_environment(&mut probe, &mut facts),
                Collector::LoadAverage => session::collect_load(&mut probe, &mut facts),
                Collector::SshKeys => session::collect_ssh_keys(&mut probe, &mut facts),
                Collector::User => session::collect_user(&mut probe, &mut facts),
                Collector::Virtual => virtualization::collect(&mut probe, &mut facts),
                Collector::Hardware => {
                    hardware::collect(&mut probe, &mut facts);
                    mounts::collect(&mut probe, params.gather_timeout, &mut facts);
                    devices::collect(&mut probe, &mut facts);
                }
                Collector::Dns => network::collect_dns(&mut probe, &mut facts),
                Collector::Network => network::collect(&mut probe, &mut facts),
                Collector::FibreChannel => network::collect_fibre_channel(&mut probe, &mut facts),
                Collector::Iscsi => network::collect_iscsi(&mut probe, &mut facts),
                Collector::Nvme => network::collect_nvme(&mut probe, &mut facts),
                Collector::Local => local::collect(&mut probe, &fact_path, &mut facts),
                Collector::Python => {
                    let found = python.get_or_insert_with(|| python::find(&mut probe));
                    if let Some(python) = found {
                        python.tell(&mut facts);
                    }
                }
            }
        }
        let warnings = probe.take_warnings();
        let unknown = probe.take_unknown_facts();
        probe.finish()?;
        let mut named = Returned::new();
        for (name, value) in facts {
            named.insert(format!("ansible_{}", name.replace('-', "_")), value);
        }
        named.insert("gather_subset".to_owned(), Json::from(subset));
        named.insert("module_setup".to_owned(), Json::from(true));
        Ok(Observed { facts: named, warnings, unknown })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut facts = Returned::new();
        let filters = params.filter.as_deref().unwrap_or_default();
        for (name, value) in &observed.facts {
            if filters.is_empty() || filters.iter().any(|filter| wanted(filter, name)) {
                facts.insert(name.clone(), value.clone());
            }
        }
        let mut plan = Plan::nothing();
        let told = |pointer: &String| {
            pointer.split('/').next().is_some_and(|name| facts.contains_key(name))
        };
        let unknown = observed.unknown.iter().filter(|(pointer, _)| told(pointer));
        plan.unknown = unknown
            .map(|(pointer, reason)| (format!("/ansible_facts/{pointer}"), reason.clone()))
            .collect();
        plan.set("ansible_facts", facts);
        if !observed.warnings.is_empty() {
            plan.set("warnings", observed.warnings.clone());
        }
        Ok(plan)
    }
}

/// The host's service manager, as the fact `service_mgr` names it.
pub(super) fn service_manager_of(host: &mut dyn Host) -> Result<String, HostError> {
    let mut probe = Probe::new(host);
    let name = managers::service_manager(&mut probe);
    probe.finish().map(|()| name)
}

/// The host's package manager, as the fact `pkg_mgr` names it.
pub(super) fn package_manager_of(host: &mut dyn Host) -> Result<&'static str, HostError> {
    let mut probe = Probe::new(host);
    let name = managers::package_manager(&mut probe);
    probe.finish().map(|()| name)
}

/// The host's distribution, as the fact `distribution` names it.
pub(super) fn distribution_of(host: &mut dyn Host) -> Result<String, HostError> {
    let (mut probe, mut facts) = (Probe::new(host), Returned::new());
    distribution::collect(&mut probe, &mut facts);
    probe.finish()?;
    let name = facts.get("distribution").and_then(Json::as_str).unwrap_or_default();
    Ok(name.to_owned())
}

/// The host's name with its domain, as the fact `fqdn` has it.
pub fn full_name_of(host: &mut dyn Host) -> Result<String, HostError> {
    let (mut probe, mut facts) = (Probe::new(host), Returned::new());
    platform::collect(&mut probe, &mut facts);
    probe.finish()?;
    let name = facts.get("fqdn").and_then(Json::as_str).unwrap_or_default();
    Ok(name.to_owned())
}

fn wanted(filter: &str, name: &str) -> bool {
    filter.is_empty()
        || wildcard::matches(filter, name)
        || (!filter.starts_with("ansible_")
            && wildcard::matches(&format!("ansible_{filter}"), name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{Observed, Params, Setup, wanted};
    use crate::contract::Module as _;
    use crate::params::Params as _;

    #[test]
    fn filters_match_with_and_without_the_prefix() {
        let table = [
            ("ansible_kernel*", "ansible_kernel_version", true),
            ("kernel", "ansible_kernel", true),
            ("kernel", "ansible_kernel_version", false),
            ("*", "module_setup", true),
            ("", "ansible_kernel", true),
        ];
        for (filter, name, expected) in table {
            assert_eq!(wanted(filter, name), expected, "{filter} {name}");
        }
    }

    #[test]
    fn the_filter_drops_all_else() {
        let given = json!({"filter": "kernel,module*"});
        let params = Params::parse("setup", given.as_object().unwrap()).unwrap();
        let facts = json!({"ansible_kernel": "6.1", "ansible_lsb": {}, "module_setup": true});
        let facts = facts.as_object().unwrap().clone();
        let observed = Observed { facts, warnings: Vec::new(), unknown: BTreeMap::new() };
        let plan = Setup::plan(&params, &observed).unwrap();
        assert_eq!(
            plan.returned["ansible_facts"],
            json!({"ansible_kernel": "6.1", "module_setup": true})
        );
    }
}
