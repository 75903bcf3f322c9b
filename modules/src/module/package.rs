//! `ansible.builtin.package`: installs packages by whatever manager the host has.
//!
//! Follows the module of ansible-core 2.19. On Debian and its kin it is [`apt`](super::apt),
//! on Fedora and its kin [`dnf`](super::dnf). zypper, apk and pacman are driven for `present`, `absent` and
//! `latest`; what exactly they would do is known only after they did it. Beside `name`, `state` and
//! `use` all options of the manager's own module are taken. Check mode: full for
//! `apt` and `dnf`, by package for the others. Diff: the packages.
//!
//! ```yaml
//! - name: A tool, on any distribution
//!   ansible.builtin.package:
//!     name: [git, curl]
//!     state: present
//! ```
//!
//! Returns what [`apt`](super::apt) or [`dnf`](super::dnf) returns, or `rc`, `stdout` and `stderr`.

use serde_json::{Map, Value as Json, json};

use super::apt::{self, Apt};
use super::dnf::{self, Dnf};
use super::setup::package_manager_of;
use super::text_lines::output_fields;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, PackageChange, PackageStep};
use crate::host::{Host, HostError};
use crate::params::{OptionSpec, ParamError, Reader, Rule};
use crate::{choices, params};

choices! {
    /// What shall be with the packages.
    pub enum State {
        /// Installed, in any version.
        Present = "present" | "installed",
        /// Not installed.
        Absent = "absent" | "removed",
        /// Installed in the newest version.
        Latest = "latest",
    }
}

/// Parameters of `ansible.builtin.package`: `use`, and those of the manager's own module.
#[derive(Debug, Clone)]
pub struct Params {
    /// The package manager; `auto` finds it.
    r#use: String,
    /// What the manager's own module is given.
    rest: Map<String, Json>,
}

params! {
    /// What every manager is given.
    pub struct Common {
        /// The packages.
        name: Vec<String>,
        /// What shall be with them.
        state: State,
        /// The package manager; `auto` finds it.
        r#use: String = "auto".to_owned(),
    }
}

impl params::Params for Params {
    fn options() -> Vec<OptionSpec> {
        Common::options()
    }

    fn rules() -> Vec<Rule> {
        Vec::new()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader
            .take("use", &[], Some("auto".to_owned()))
            .map(|r#use| Self { r#use, rest: Map::new() })
    }

    /// Takes any option: which there are is the manager's matter.
    fn parse(_module: &str, arguments: &Map<String, Json>) -> Result<Self, Vec<ParamError>> {
        let manager = arguments.get("use").filter(|value| !value.is_null()).map(params::plain);
        let mut rest = arguments.clone();
        rest.shift_remove("use");
        Ok(Self { r#use: manager.unwrap_or_else(|| "auto".to_owned()), rest })
    }
}

/// The module.
#[derive(Debug)]
pub struct Package;

/// What is known of the packages.
#[derive(Debug)]
pub enum Observed {
    /// `apt` does it.
    Apt(Box<(apt::Params, apt::Observed)>),
    /// `dnf` does it.
    Dnf(Box<(dnf::Params, dnf::Observed)>),
    /// Another manager does it.
    Other(Other),
}

/// What another manager knows.
#[derive(Debug, Clone)]
pub struct Other {
    manager: Manager,
    state: State,
    /// Each package with its version, where it is installed.
    packages: Vec<(String, Option<String>)>,
}

choices! {
    /// The managers beside `apt` and `dnf`.
    pub enum Manager {
        /// zypper.
        Zypper = "zypper",
        /// apk.
        Apk = "apk",
        /// pacman.
        Pacman = "pacman",
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No manager that is known here.
    #[error("Could not detect a supported package manager, or could not use `{0}`")]
    Manager(String),
    /// The parameters do not suit `apt`.
    #[error(transparent)]
    Params(#[from] ParamError),
}

impl Module for Package {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let manager = match params.r#use.as_str() {
            "auto" => package_manager_of(host)?.to_owned(),
            other => other.rsplit('.').next().unwrap_or_default().to_owned(),
        };
        if manager == "apt" {
            let params: apt::Params = parse("apt", &params.rest)?;
            let observed = Apt::observe(&params, host)?;
            return Ok(Observed::Apt(Box::new((params, observed))));
        }
        if matches!(manager.as_str(), "dnf" | "dnf4" | "dnf5" | "yum") {
            let params: dnf::Params = parse("dnf", &params.rest)?;
            let observed = Dnf::observe(&params, host)?;
            return Ok(Observed::Dnf(Box::new((params, observed))));
        }
        let manager = <Manager as params::ParamValue>::from_json(&json!(manager))
            .map_err(|_| Stop::failed(Error::Manager(manager)))?;
        let Common { name, state, .. } = parse(manager.word(), &params.rest)?;
        let mut packages = Vec::new();
        for name in name.iter().filter(|name| !name.is_empty()) {
            packages.push((name.clone(), host.package(manager.word(), name)?));
        }
        Ok(Observed::Other(Other { manager, state, packages }))
    }

    fn plan(_params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        match observed {
            Observed::Apt(apt) => Apt::plan(&apt.0, &apt.1),
            Observed::Dnf(dnf) => Dnf::plan(&dnf.0, &dnf.1),
            Observed::Other(other) => Ok(plan_other(other)),
        }
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        match observed {
            Observed::Apt(apt) => Apt::conclude(&apt.0, &apt.1, plan, applied),
            Observed::Dnf(dnf) => Dnf::conclude(&dnf.0, &dnf.1, plan, applied),
            Observed::Other(other) => {
                let Some(Applied::Ran(output)) = applied.first() else {
                    let returned = plan.returned.clone();
                    return Ok(Conclusion { changed: plan.changes(), returned });
                };
                let idle = says_nothing_to_do(other.manager, &output.stdout_text());
                Ok(Conclusion { changed: !idle, returned: output_fields(output) })
            }
        }
    }

    fn explain(_: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match observed {
            Observed::Apt(apt) => Apt::explain(&apt.0, &apt.1, planned, error),
            Observed::Dnf(dnf) => Dnf::explain(&dnf.0, &dnf.1, planned, error),
            Observed::Other(_) => Stop::Host(error),
        }
    }
}

/// Reads the options of a manager's module.
fn parse<P: params::Params>(module: &str, arguments: &Map<String, Json>) -> Result<P, Stop> {
    P::parse(module, arguments).map_err(|errors| match errors.into_iter().next() {
        Some(error) => Stop::failed(Error::Params(error)),
        None => Stop::failed(Error::Manager(module.to_owned())),
    })
}

fn plan_other(other: &Other) -> Plan {
    let state = other.state;
    let mut plan = Plan::nothing();
    let asked: Vec<&(String, Option<String>)> = other
        .packages
        .iter()
        .filter(|(_, version)| match state {
            State::Present => version.is_none(),
            State::Absent => version.is_some(),
            State::Latest => true,
        })
        .collect();
    if asked.is_empty() {
        return plan;
    }
    let words: &[&str] = match (other.manager, state) {
        (Manager::Zypper, State::Absent) => &["--non-interactive", "remove"],
        (Manager::Zypper, _) => &["--non-interactive", "install"],
        (Manager::Apk, State::Absent) => &["del"],
        (Manager::Apk, State::Present) => &["add"],
        (Manager::Apk, State::Latest) => &["add", "--upgrade"],
        (Manager::Pacman, State::Absent) => &["-R", "--noconfirm"],
        (Manager::Pacman, _) => &["-S", "--noconfirm", "--needed"],
    };
    let names = asked.iter().map(|(name, _)| name.clone());
    let mut argv = vec![other.manager.word().to_owned()];
    argv.extend(words.iter().map(ToString::to_string));
    argv.extend(names);
    let mut command = Command::new(argv);
    command.environment.insert("LC_ALL".to_owned(), "C".to_owned());
    let steps: Vec<PackageStep> = asked
        .iter()
        .map(|(name, version)| PackageStep { name: name.clone(), from: version.clone(), to: None })
        .collect();
    let (install, remove) =
        if state == State::Absent { (Vec::new(), steps) } else { (steps, Vec::new()) };
    let verb = if state == State::Absent { "remove" } else { "install" };
    let names: Vec<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
    let manager = other.manager.word().to_owned();
    plan.push(
        Effect::Packages(PackageChange { manager, command, install, remove }),
        format!("{verb} {}", names.join(" ")),
    );
    plan
}

fn says_nothing_to_do(manager: Manager, stdout: &str) -> bool {
    match manager {
        Manager::Zypper => stdout.to_lowercase().contains("nothing to do"),
        Manager::Apk => {
            !["Installing", "Upgrading", "Purging"].iter().any(|word| stdout.contains(word))
        }
        Manager::Pacman => stdout.contains("there is nothing to do"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Manager, Other, State, plan_other, says_nothing_to_do};
    use crate::effect::Effect;

    #[test]
    fn managers_are_asked_for_what_is_missing() {
        let table: &[(Manager, State, &[&str])] = &[
            (Manager::Zypper, State::Absent, &["zypper", "--non-interactive", "remove", "a"]),
            (Manager::Apk, State::Present, &["apk", "add", "b"]),
            (Manager::Pacman, State::Absent, &["pacman", "-R", "--noconfirm", "a"]),
        ];
        for (manager, state, expected) in table {
            let packages = vec![("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), None)];
            let plan = plan_other(&Other { manager: *manager, state: *state, packages });
            let Effect::Packages(change) = &plan.effects[0].effect else { panic!() };
            assert_eq!(change.command.argv, *expected);
        }
        let packages = vec![("a".to_owned(), Some("1".to_owned()))];
        assert!(
            !plan_other(&Other { manager: Manager::Apk, state: State::Present, packages })
                .changes()
        );
    }

    #[test]
    fn output_tells_whether_something_was_done() {
        assert!(says_nothing_to_do(Manager::Zypper, "Resolving...\nNothing to do.\n"));
        assert!(says_nothing_to_do(Manager::Apk, "OK: 8 MiB in 16 packages\n"));
        assert!(!says_nothing_to_do(Manager::Apk, "(1/1) Installing curl\nOK\n"));
    }
}
