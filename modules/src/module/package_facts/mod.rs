//! `ansible.builtin.package_facts`: the packages that are installed, as facts.
//!
//! Follows the module of ansible-core 2.19 for the managers of Linux: `apt`, `rpm` (also by the
//! names `dnf`, `dnf5`, `yum`, `zypper`), `apk`, `pacman` and `portage`; other names are accepted
//! and never usable. Check mode: full; a rehearsal counts packages that earlier tasks install or
//! remove. Diff: none.
//!
//! Differs from Ansible: the programs of the managers are asked, so no Python library is needed.
//!
//! ```yaml
//! - name: What is installed
//!   ansible.builtin.package_facts:
//! - ansible.builtin.debug:
//!     msg: "{{ ansible_facts.packages.openssl[0].version }}"
//! ```
//!
//! Returns `ansible_facts.packages`: for each name a list of `name`, `version`, `source` and what
//! else the manager tells; `warnings`.

mod listing;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use self::listing::Listed;
use super::program;
use crate::contract::{Module, Plan, Stop};
use crate::host::{Host, HostError};
use crate::{choices, params};

choices! {
    /// How many managers are asked.
    pub enum Strategy {
        /// Up to the first that has packages.
        First = "first",
        /// All.
        All = "all",
    }
}

params! {
    /// Parameters of `ansible.builtin.package_facts`.
    pub struct Params {
        /// The managers in order; `auto`, the default, is all that are known.
        manager: Option<Vec<String>>,
        /// How many of them are asked.
        strategy: Strategy = Strategy::First,
    }
}

/// The module.
#[derive(Debug)]
pub struct PackageFacts;

/// What was found.
#[derive(Debug)]
pub struct Observed {
    packages: BTreeMap<String, Vec<Json>>,
    warnings: Vec<String>,
    /// The managers that were asked for, when none had packages.
    without: Option<Vec<String>>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody knows the manager.
    #[error("Unsupported package managers requested: {0}")]
    Unsupported(String),
    /// None of them has packages.
    #[error(
        "Could not detect a supported package manager from the following list: [{0}], or the \
         required Python library is not installed. Check warnings for details."
    )]
    None(String),
}

/// The managers by name, in the order of `auto`.
const NAMES: [&str; 14] = [
    "apk",
    "apt",
    "pacman",
    "pkg",
    "pkg_info",
    "portage",
    "rpm",
    "dnf",
    "dnf5",
    "yum",
    "zypper",
    "pkg5",
    "pkgng",
    "openbsd_pkg",
];

impl Module for PackageFacts {
    type Params = Params;
    type Observed = Observed;

    const RETURNS_FACTS: bool = true;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let known = || NAMES.iter().map(ToString::to_string);
        let given = params.manager.clone().unwrap_or_else(|| vec!["auto".to_owned()]);
        let asked: Vec<String> = given.iter().map(|name| name.to_lowercase()).collect();
        let mut managers: Vec<String> =
            asked.iter().filter(|name| *name != "auto").cloned().collect();
        let unsupported: Vec<String> =
            managers.iter().filter(|name| !known().any(|other| other == **name)).cloned().collect();
        if !unsupported.is_empty() {
            return Err(Stop::failed(Error::Unsupported(unsupported.join(", "))));
        }
        if asked.iter().any(|name| name == "auto") {
            managers.extend(known());
        }
        let mut observed =
            Observed { packages: BTreeMap::new(), warnings: Vec::new(), without: None };
        let mut seen: Vec<&str> = Vec::new();
        let mut found = false;
        for name in &managers {
            if found && params.strategy == Strategy::First {
                break;
            }
            let manager = match name.as_str() {
                "dnf" | "dnf5" | "yum" | "zypper" => "rpm",
                "pkg5" | "pkgng" => "pkg",
                "openbsd_pkg" => "pkg_info",
                other => other,
            };
            if !seen.contains(&manager) {
                seen.push(manager);
                let named = given.iter().any(|given| given == manager);
                found |= ask(manager, named, &mut observed, host)?;
            }
        }
        if !found {
            observed.without = Some(managers);
        }
        Ok(observed)
    }

    fn plan(_params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        if let Some(managers) = &observed.without {
            let names: Vec<String> = managers.iter().map(|name| format!("'{name}'")).collect();
            let stop = Stop::failed(Error::None(names.join(", ")));
            return Err(match observed.warnings.is_empty() {
                true => stop,
                false => stop.with("warnings", observed.warnings.clone()),
            });
        }
        let mut plan = Plan::nothing();
        plan.set("ansible_facts", json!({"packages": observed.packages}));
        if !observed.warnings.is_empty() {
            plan.set("warnings", observed.warnings.clone());
        }
        Ok(plan)
    }
}

/// Asks one manager; whether it has packages.
fn ask(
    manager: &str,
    named: bool,
    observed: &mut Observed,
    host: &mut dyn Host,
) -> Result<bool, Stop> {
    let listed = match listing::list(manager, host) {
        Ok(listed) => listed,
        Err(Stop::Host(error @ HostError::Unknown(_))) => return Err(Stop::Host(error)),
        Err(stop) => {
            // nobody wonders that one of all managers is not there
            if named {
                observed.warnings.push(format!(
                    "Requested package manager {manager} was not usable by this module: {stop}"
                ));
            }
            return Ok(false);
        }
    };
    let mut packages = match listed {
        Listed::Packages(packages) => packages,
        Listed::Failed(reason) => {
            observed.warnings.push(format!("Failed to retrieve packages with {manager}: {reason}"));
            Vec::new()
        }
    };
    let kin: &[&str] = match manager {
        "rpm" => &["rpm", "dnf", "dnf5", "yum", "zypper"],
        other => &[other],
    };
    let rehearsed: Vec<_> = kin.iter().flat_map(|name| host.rehearsed_packages(name)).collect();
    for (name, version) in rehearsed {
        packages.retain(|package| package.get("name").and_then(Json::as_str) != Some(&name));
        if let Some(version) = version {
            packages.push(json!({"name": name, "version": version, "source": manager}));
        }
    }
    if packages.is_empty() {
        observed.warnings.push(format!("Found \"{manager}\" but no associated packages"));
        return Ok(false);
    }
    for package in packages {
        let name = package.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        observed.packages.entry(name).or_default().push(package);
    }
    Ok(true)
}

/// The path of the first program that is there, in the search path or beside.
fn program_of(names: &[&str], host: &mut dyn Host) -> Result<String, Stop> {
    for name in names {
        for candidate in [(*name).to_owned(), format!("/usr/bin/{name}")] {
            if let Some(path) = host.find_program(&candidate)? {
                return Ok(path.to_string_lossy().into_owned());
            }
        }
    }
    program::required(host, names.first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{PackageFacts, Params};
    use crate::contract::Module as _;
    use crate::effect::Output;
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn params(arguments: &Json) -> Params {
        Params::parse("package_facts", arguments.as_object().unwrap()).unwrap()
    }

    fn apk(status: i32, stdout: &str) -> MemoryHost {
        let output = Output { status, stdout: stdout.into(), ..Output::default() };
        MemoryHost::new().with_program("apk").with_output(&["/usr/bin/apk", "info", "-v"], output)
    }

    #[test]
    fn packages_become_facts() {
        let given = params(&json!({}));
        let mut host = apk(0, "busybox-extras-1.36.1-r5\nmusl-1.2.4-r2\n");
        let observed = PackageFacts::observe(&given, &mut host).unwrap();
        let plan = PackageFacts::plan(&given, &observed).unwrap();
        assert_eq!(
            plan.returned["ansible_facts"]["packages"]["busybox-extras"],
            json!([{"name": "busybox-extras", "version": "1.36.1", "release": "r5", "source": "apk"}])
        );
        assert!(!plan.returned.contains_key("warnings"));
    }

    #[test]
    fn what_cannot_be_used_is_warned_of() {
        let given = params(&json!({"manager": "apk"}));
        for (mut host, warning) in [
            (apk(1, ""), "Failed to retrieve packages with apk: Unable to list packages rc=1 : "),
            (
                MemoryHost::new(),
                "Requested package manager apk was not usable by this module: Failed to find \
                 required executable \"apk\" in paths: /usr/bin:/bin:/sbin:/usr/sbin:/usr/local/sbin",
            ),
        ] {
            let observed = PackageFacts::observe(&given, &mut host).unwrap();
            assert_eq!(observed.warnings[0], warning);
            let stop = PackageFacts::plan(&given, &observed).unwrap_err().to_string();
            assert!(stop.starts_with(
                "Could not detect a supported package manager from the following list: ['apk'],"
            ));
        }
        let unknown = PackageFacts::observe(&params(&json!({"manager": "x"})), &mut apk(0, ""));
        assert_eq!(unknown.unwrap_err().to_string(), "Unsupported package managers requested: x");
    }
}
