//! `ansible.builtin.apt`: installs, upgrades and removes packages of Debian and its kin.
//!
//! Follows the module of ansible-core 2.19, through `apt-get`, `apt-cache` and `dpkg`. Check
//! mode: full; what would happen is what `apt-get` says when it is kept from acting. Diff: the packages.
//!
//! The package lists are only fetched when `update_cache` or `cache_valid_time` asks for it.
//! Where they are due and something is to be installed, what exactly will be installed is known
//! only after they are fetched; the result is then read from what `apt-get` did.
//!
//! Differs from Ansible: `upgrade` uses `apt-get`, never `aptitude`.
//!
//! ```yaml
//! - name: The web server, with lists not older than an hour
//!   ansible.builtin.apt:
//!     name: [nginx, "openssl=3.*"]
//!     state: present
//!     update_cache: true
//!     cache_valid_time: 3600
//! ```
//!
//! Returns `cache_updated`, `cache_update_time`, `stdout`, `stderr` and, after `upgrade`, `msg`.

mod marks;
mod observe;
mod params;
mod transaction;

use std::path::PathBuf;

use serde_json::Value as Json;

pub use params::{Params, State, Upgrade};

use self::transaction::Transaction;
use super::text_lines::set_streams;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{
    Applied, Attributes, Command, Content, Effect, PackageChange, PackageStep, WriteFile,
};
use crate::host::{Host, HostError, fetched_at};

/// The module.
#[derive(Debug)]
pub struct Apt;

/// What is known of the packages.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// When the lists were fetched, in seconds since 1970.
    cache_time: i64,
    /// Whether they are to be fetched first.
    refresh: bool,
    /// Whether fresh ones were asked already.
    known: bool,
    /// What is to be done after that, in order.
    steps: Vec<Step>,
    /// Packages that are asked for, and came along with others.
    automatic: Vec<String>,
}

/// One call of `apt-get`.
#[derive(Debug, Clone)]
struct Step {
    command: Command,
    /// What will happen; `None` when only fresh lists tell.
    transaction: Option<Transaction>,
    /// What is asked for.
    names: Vec<String>,
    /// A package file that is put there for the call.
    file: Option<(PathBuf, Vec<u8>)>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This is no Debian.
    #[error("Failed to find required executable \"apt-get\"")]
    NoApt,
    /// Nobody has the package.
    #[error("No package matching '{0}' is available")]
    NoPackage(String),
    /// Nobody has this version.
    #[error("no available installation candidate for {0}")]
    NoCandidate(String),
    /// `apt-get` refuses.
    #[error("'{command}' failed: {stderr}")]
    Failed {
        /// The command.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// There is no such package file.
    #[error("Unable to install package: {0}")]
    Deb(String),
}

impl Module for Apt {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host).map_err(|stop| {
            let time = fetched_at(host).unwrap_or_default();
            with_cache(params, time, stop)
        })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let only_cleans = (params.clean || params.autoclean || params.autoremove)
            && params.package.is_none()
            && params.deb.is_none()
            && params.upgrade == Upgrade::No;
        if only_cleans && params.clean {
            plan.set("msg", "");
        }
        if !only_cleans && (params.state != State::Absent || observed.refresh) {
            plan.set("cache_updated", false);
            plan.set("cache_update_time", observed.cache_time);
        }
        if observed.refresh {
            let refresh = Effect::RefreshPackageLists { manager: "apt".to_owned() };
            plan.push(refresh, "the package lists are to be fetched");
        }
        for step in &observed.steps {
            let (transaction, reason) = match &step.transaction {
                Some(transaction) if transaction.is_empty() => continue,
                Some(transaction) => (transaction.clone(), transaction.reason()),
                None => {
                    let asked = step.names.iter().map(|name| PackageStep {
                        name: name.clone(),
                        from: None,
                        to: None,
                    });
                    let asked = Transaction { install: asked.collect(), ..Transaction::default() };
                    (asked, format!("install {} from fresh lists", step.names.join(" ")))
                }
            };
            let change = PackageChange {
                manager: "apt".to_owned(),
                command: step.command.clone(),
                install: transaction.install,
                remove: transaction.remove,
            };
            if let Some((path, bytes)) = &step.file {
                let write = WriteFile {
                    path: path.clone(),
                    content: Content::Bytes(bytes.clone()),
                    attributes: Attributes { mode: Some(0o644), ..Attributes::default() },
                    validate: None,
                    backup: false,
                    unsafe_writes: false,
                };
                plan.push(Effect::WriteFile(write), "the package file was fetched");
            }
            plan.push(Effect::Packages(change), reason);
            if let Some((path, _)) = &step.file {
                plan.push(Effect::Remove { path: path.clone() }, "it is installed");
            }
        }
        marks::plan(&observed.automatic, &mut plan);
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let (mut changed, mut updated) = (false, false);
        for (planned, applied) in plan.effects.iter().zip(applied) {
            let is_refresh = matches!(planned.effect, Effect::RefreshPackageLists { .. });
            if let Applied::Lists { changed, time } = applied {
                updated |= changed;
                returned.insert("cache_update_time".to_owned(), Json::from(*time));
                continue;
            }
            if matches!(planned.effect, Effect::Setting(_)) {
                continue;
            }
            let Applied::Ran(output) = applied else {
                updated |= is_refresh;
                changed |= !is_refresh;
                continue;
            };
            let text = output.stdout_text();
            changed |= !text.contains("0 upgraded, 0 newly installed, 0 to remove")
                || text.lines().any(|line| line.starts_with("Del "));
            set_streams(&mut returned, &text, &output.stderr_text());
            if params.upgrade != Upgrade::No {
                returned.insert("msg".to_owned(), Json::from(text));
            }
        }
        if updated {
            returned.insert("cache_updated".to_owned(), Json::from(true));
        }
        // fetching the lists is a change only when it is all that was asked for
        let only_lists = observed.steps.is_empty()
            && params.package.is_none()
            && params.deb.is_none()
            && params.upgrade == Upgrade::No;
        Ok(Conclusion { changed: changed || (updated && only_lists), returned })
    }

    fn explain(params: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        let HostError::CommandFailed { output, .. } = &error else { return Stop::Host(error) };
        let stderr = output.stderr_text();
        let stop = match &planned.effect {
            Effect::RefreshPackageLists { .. } => {
                Stop::failed(format!("Failed to update apt cache: {}", stderr.trim()))
            }
            Effect::Packages(change) => {
                let unknown =
                    params.package.iter().flatten().find(|name| {
                        stderr.contains(&format!("Unable to locate package {name}\n"))
                    });
                match unknown {
                    Some(name) => Stop::failed(Error::NoPackage(name.clone())),
                    None => failed(&change.command, stderr.clone()).with("rc", output.status),
                }
            }
            _ => return Stop::Host(error),
        };
        let stop = with_cache(params, observed.cache_time, stop);
        let stop = stop.with("rc", output.status).with("stdout", output.stdout_text());
        stop.with("stderr", stderr)
    }
}

/// What of the lists a failed installation tells, where it was begun.
fn with_cache(params: &Params, time: i64, stop: Stop) -> Stop {
    let Stop::Failed(failure) = &stop else { return stop };
    let begun = failure.returned.contains_key("rc")
        || failure.message.starts_with("no available installation candidate");
    if begun && params.package.is_some() && params.state != State::Absent {
        stop.with("cache_updated", false).with("cache_update_time", time)
    } else {
        stop
    }
}

fn failed(command: &Command, stderr: String) -> Stop {
    let words: Vec<String> = command.argv.iter().map(|word| super::command::quote(word)).collect();
    Stop::failed(Error::Failed { command: words.join(" "), stderr })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Apt, Observed, Params, Step};
    use crate::contract::{Module as _, Planned};
    use crate::effect::{Applied, Command, Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::host::{Host as _, HostError};
    use crate::module::apt::transaction::Transaction;
    use crate::params::Params as _;

    fn params(arguments: Json) -> Params {
        Params::parse("apt", arguments.as_object().unwrap()).unwrap()
    }

    fn step(simulated: Option<&str>) -> Step {
        Step {
            command: Command::new(["apt-get", "-y", "install", "sl"]),
            transaction: simulated.map(Transaction::parse),
            names: vec!["sl".to_owned()],
            file: None,
        }
    }

    fn ran(stdout: &str) -> Applied {
        Applied::Ran(Output { stdout: stdout.as_bytes().to_vec(), ..Output::default() })
    }

    fn lists(changed: bool, time: i64) -> Applied {
        Applied::Lists { changed, time }
    }

    #[test]
    fn only_what_changes_is_planned() {
        let table = [
            (false, Some("Inst sl (5.02-1 Debian)\n"), 1),
            (false, Some(""), 0),
            (true, Some(""), 1),
            (true, None, 2),
        ];
        for (refresh, simulated, effects) in table {
            let observed = Observed {
                cache_time: 7,
                refresh,
                steps: vec![step(simulated)],
                ..Observed::default()
            };
            let plan = Apt::plan(&params(json!({"name": "sl"})), &observed).unwrap();
            assert_eq!(plan.effects.len(), effects, "{refresh} {simulated:?}");
            assert_eq!(plan.returned["cache_update_time"], json!(7));
        }
    }

    #[test]
    fn results_come_from_the_evidence() {
        let zero = "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n";
        let table: &[(Json, Vec<Step>, Vec<Applied>, bool, Json)] = &[
            (
                json!({"update_cache": true}),
                vec![],
                vec![lists(false, 7)],
                false,
                json!([false, 7]),
            ),
            (json!({"update_cache": true}), vec![], vec![lists(true, 99)], true, json!([true, 99])),
            (
                json!({"name": "sl"}),
                vec![step(None)],
                vec![lists(true, 99), ran(zero)],
                false,
                json!([true, 99]),
            ),
            (
                json!({"name": "sl"}),
                vec![step(None)],
                vec![lists(false, 7), ran("1 newly installed")],
                true,
                json!([false, 7]),
            ),
        ];
        for (arguments, steps, applied, changed, cache) in table {
            let observed = Observed {
                cache_time: 7,
                refresh: true,
                steps: steps.clone(),
                ..Observed::default()
            };
            let given = params(arguments.clone());
            let plan = Apt::plan(&given, &observed).unwrap();
            let conclusion = Apt::conclude(&given, &observed, &plan, applied).unwrap();
            assert_eq!(conclusion.changed, *changed, "{arguments}");
            let returned = conclusion.returned;
            assert_eq!(json!([returned["cache_updated"], returned["cache_update_time"]]), *cache);
        }
    }

    #[test]
    fn failures_are_worded_as_ansible_words_them() {
        let given = params(json!({"name": "sl"}));
        let observed = Observed { cache_time: 7, steps: vec![step(None)], ..Observed::default() };
        let plan = Apt::plan(&given, &observed).unwrap();
        assert!(matches!(plan.effects[0].effect, Effect::Packages(_)));
        for (stderr, message) in [
            ("E: Unable to locate package sl\n", "No package matching 'sl' is available"),
            ("E: broken\n", "'apt-get -y install sl' failed: E: broken\n"),
        ] {
            let output =
                Output { status: 100, stderr: stderr.as_bytes().to_vec(), ..Output::default() };
            let error =
                HostError::CommandFailed { command: String::new(), output: Box::new(output) };
            let stop = Apt::explain(&given, &observed, &plan.effects[0], error);
            assert_eq!(stop.to_string(), message);
        }
    }

    #[test]
    fn lists_that_a_rehearsal_would_have_fetched_may_have_the_package() {
        let simulation = [
            "apt-get",
            "--print-uris",
            "-V",
            "-y",
            "-o",
            "Dpkg::Options::=--force-confdef",
            "-o",
            "Dpkg::Options::=--force-confold",
            "-o",
            "DPkg::Lock::Timeout=60",
            "install",
            "sl",
        ];
        let refused = Output { status: 100, ..Output::default() };
        let base = MemoryHost::new()
            .with_program("apt-get")
            .with_output(&["apt-cache", "policy", "sl"], Output::default())
            .with_output(&["apt-cache", "showpkg", "sl"], Output::default())
            .with_output(&simulation, refused);
        let mut host = RehearsalHost::new(base);
        let install = params(json!({"name": "sl"}));
        assert!(Apt::observe(&install, &mut host).is_err(), "no list has it");
        let effect = Effect::RefreshPackageLists { manager: "apt".to_owned() };
        host.apply(&Planned { effect, reason: String::new() }).unwrap();
        let observed = Apt::observe(&install, &mut host).unwrap();
        let plan = Apt::plan(&install, &observed).unwrap();
        let [Planned { effect: Effect::Packages(change), .. }] = plan.effects.as_slice() else {
            panic!("{:?}", plan.effects);
        };
        assert_eq!(change.install[0].name, "sl");
    }
}
