//! `ansible.builtin.package`: installs packages by whatever manager the host has.
//!
//! Follows the module of ansible-core 2.19. What does it is the manager's own module: [`apt`](super::apt),
//! [`dnf`](super::dnf), `apk`, `pacman` or `zypper`, with all of its options. Check mode: full. Diff:
//! the packages.
//!
//! ```yaml
//! - name: A tool, on any distribution
//!   ansible.builtin.package:
//!     name: [git, curl]
//!     state: present
//! ```
//!
//! Returns what that module returns.

use serde_json::{Map, Value as Json};

use super::apt::Apt;
use super::dnf::Dnf;
use super::setup::package_manager_of;
use crate::collection::community_general::{apk::Apk, pacman::Pacman, zypper::Zypper};
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::Applied;
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

/// What is known of the packages, by the module that does it.
#[derive(Debug)]
pub enum Observed {
    /// `apt`.
    Apt(Box<Of<Apt>>),
    /// `dnf`.
    Dnf(Box<Of<Dnf>>),
    /// `apk`.
    Apk(Box<Of<Apk>>),
    /// `pacman`.
    Pacman(Box<Of<Pacman>>),
    /// `zypper`.
    Zypper(Box<Of<Zypper>>),
}

/// A module with its parameters and what it knows.
#[derive(Debug)]
pub struct Of<M: Module> {
    params: M::Params,
    observed: M::Observed,
}

impl<M: Module> Of<M> {
    fn observe(
        name: &str,
        rest: &Map<String, Json>,
        host: &mut dyn Host,
    ) -> Result<Box<Self>, Stop> {
        let params = parse::<M::Params>(name, rest)?;
        let observed = M::observe(&params, host)?;
        Ok(Box::new(Self { params, observed }))
    }

    fn plan(&self) -> Result<Plan, Stop> {
        M::plan(&self.params, &self.observed)
    }

    fn conclude(&self, plan: &Plan, applied: &[Applied]) -> Result<Conclusion, Stop> {
        M::conclude(&self.params, &self.observed, plan, applied)
    }

    fn explain(&self, planned: &Planned, error: HostError) -> Stop {
        M::explain(&self.params, &self.observed, planned, error)
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
        let (name, rest) = (manager.as_str(), &params.rest);
        Ok(match name {
            "apt" => Observed::Apt(Of::observe(name, rest, host)?),
            "dnf" | "dnf4" | "dnf5" | "yum" => Observed::Dnf(Of::observe("dnf", rest, host)?),
            "apk" => Observed::Apk(Of::observe(name, rest, host)?),
            "pacman" => Observed::Pacman(Of::observe(name, rest, host)?),
            "zypper" => Observed::Zypper(Of::observe(name, rest, host)?),
            _ => return Err(Stop::failed(Error::Manager(manager))),
        })
    }

    fn plan(_params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        match observed {
            Observed::Apt(of) => of.plan(),
            Observed::Dnf(of) => of.plan(),
            Observed::Apk(of) => of.plan(),
            Observed::Pacman(of) => of.plan(),
            Observed::Zypper(of) => of.plan(),
        }
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        match observed {
            Observed::Apt(of) => of.conclude(plan, applied),
            Observed::Dnf(of) => of.conclude(plan, applied),
            Observed::Apk(of) => of.conclude(plan, applied),
            Observed::Pacman(of) => of.conclude(plan, applied),
            Observed::Zypper(of) => of.conclude(plan, applied),
        }
    }

    fn explain(_: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match observed {
            Observed::Apt(of) => of.explain(planned, error),
            Observed::Dnf(of) => of.explain(planned, error),
            Observed::Apk(of) => of.explain(planned, error),
            Observed::Pacman(of) => of.explain(planned, error),
            Observed::Zypper(of) => of.explain(planned, error),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Package;
    use crate::effect::Output;
    use crate::host::memory::MemoryHost;
    use crate::recorded::{commands, run};
    use crate::wire::Status;

    #[test]
    fn the_module_of_the_manager_does_it() {
        let said = |text: &str| Output { stdout: text.as_bytes().to_vec(), ..Output::default() };
        let start = ["/usr/bin/pacman", "--noconfirm", "--noprogressbar", "--needed", "--sync"];
        let list = [start.as_slice(), &["--print-format", "%n %v", "tree"]].concat();
        let mut host = MemoryHost::new()
            .with_program("pacman")
            .with_output(&["/usr/bin/pacman", "--query"], said("bash 5-1\n"))
            .with_output(&["/usr/bin/pacman", "--sync", "--list"], said("extra tree 2-1\n"))
            .with_output(&["/usr/bin/pacman", "--sync", "--groups", "--groups"], said(""))
            .with_output(&list, said("tree 2-1\n"));
        let arguments = json!({"name": ["bash", "tree"], "state": "present", "use": "pacman"});
        let ended = run::<Package>(&mut host, &arguments);
        assert_eq!(ended.status, Status::Changed, "{:?}", ended.returned);
        assert_eq!(ended.returned["packages"], json!(["tree"]));
        let call = ["pacman", "--noconfirm", "--noprogressbar", "--needed", "--sync", "tree"];
        assert_eq!(commands(&host), [call]);
        let unknown = run::<Package>(&mut host, &json!({"name": "a", "use": "brew"}));
        assert_eq!(unknown.status, Status::Failed);
    }
}
