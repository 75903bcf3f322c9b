//! `ansible.builtin.dpkg_selections`: what dpkg shall do with a package (`hold`, `install` …).
//!
//! Follows the module of ansible-core 2.19, through `dpkg`. Check mode: full. Diff: the selection.
//!
//! ```yaml
//! - name: Keep the kernel as it is
//!   ansible.builtin.dpkg_selections:
//!     name: linux-image-amd64
//!     selection: hold
//! ```
//!
//! Returns `before` and `after`.

use serde_json::Value as Json;

use super::program;
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::params::plain;
use crate::{choices, params};

choices! {
    /// A selection.
    pub enum Selection {
        /// It is installed and upgraded.
        Install = "install",
        /// It stays as it is.
        Hold = "hold",
        /// It is removed.
        Deinstall = "deinstall",
        /// It is removed with its configuration.
        Purge = "purge",
    }
}

params! {
    /// Parameters of `ansible.builtin.dpkg_selections`.
    pub struct Params {
        /// The package.
        name: String,
        /// What dpkg shall do with it.
        selection: Selection,
    }
}

/// The module.
#[derive(Debug)]
pub struct DpkgSelections;

/// What is selected now.
#[derive(Debug)]
pub struct Observed {
    dpkg: String,
    current: String,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// dpkg does not know the package.
    #[error("Failed to find package '{0}' to perform selection '{1}'.")]
    NoPackage(String, Selection),
}

impl Module for DpkgSelections {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let dpkg = program::required(host, "dpkg")?;
        if let Some(kept) = host.rehearsed("dpkg selection", &params.name) {
            let current = kept.value.as_ref().map(plain).unwrap_or_default();
            return Ok(Observed { dpkg, current });
        }
        let output = program::query(host, [dpkg.as_str(), "--get-selections", &params.name])?;
        if output.stderr_text().contains("no packages found matching") {
            if host.rehearsed_packages("apt").iter().any(|(name, _)| *name == params.name) {
                return Ok(Observed { dpkg, current: "install".to_owned() });
            }
            let error = Error::NoPackage(params.name.clone(), params.selection);
            return Err(Stop::failed(error));
        }
        if !output.success() {
            return Err(program::failure(&output));
        }
        let text = output.stdout_text();
        let current = text.split_whitespace().nth(1).unwrap_or("not present").to_owned();
        Ok(Observed { dpkg, current })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let wanted = params.selection.word();
        plan.set("before", observed.current.clone());
        plan.set("after", wanted);
        if observed.current != wanted {
            let mut command = program::command([observed.dpkg.as_str(), "--set-selections"]);
            command.stdin = Some(format!("{} {wanted}", params.name));
            let change = SettingChange {
                kind: "dpkg selection".to_owned(),
                name: params.name.clone(),
                before: Some(Json::from(observed.current.clone())),
                after: Some(Json::from(wanted)),
                commands: vec![command],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), format!("it is {}", observed.current));
        }
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DpkgSelections, Params};
    use crate::contract::Module as _;
    use crate::effect::Output;
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    #[test]
    fn a_selection_is_set_when_it_differs() {
        for (selection, changes) in [("hold", false), ("install", true)] {
            let given = json!({"name": "vim", "selection": selection});
            let params = Params::parse("x", given.as_object().unwrap()).unwrap();
            let output = Output { stdout: b"vim\t\t\thold\n".to_vec(), ..Output::default() };
            let mut host = MemoryHost::new()
                .with_program("dpkg")
                .with_output(&["/usr/bin/dpkg", "--get-selections", "vim"], output);
            let observed = DpkgSelections::observe(&params, &mut host).unwrap();
            let plan = DpkgSelections::plan(&params, &observed).unwrap();
            assert_eq!((plan.changes(), &plan.returned["before"]), (changes, &json!("hold")));
        }
    }

    #[test]
    fn an_unknown_package_is_refused() {
        let given = json!({"name": "nope", "selection": "hold"});
        let params = Params::parse("x", given.as_object().unwrap()).unwrap();
        let stderr = b"dpkg: no packages found matching nope\n".to_vec();
        let output = Output { stderr, ..Output::default() };
        let mut host = MemoryHost::new()
            .with_program("dpkg")
            .with_output(&["/usr/bin/dpkg", "--get-selections", "nope"], output);
        let stop = DpkgSelections::observe(&params, &mut host).unwrap_err();
        assert_eq!(stop.to_string(), "Failed to find package 'nope' to perform selection 'hold'.");
    }
}
