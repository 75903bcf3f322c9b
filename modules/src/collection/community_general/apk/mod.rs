//! `community.general.apk`: packages of Alpine Linux.
//!
//! Follows the module of community.general 11. Check mode: full, through apk's own simulation. Diff: the
//! packages.
//!
//! ```yaml
//! - name: A web server
//!   community.general.apk:
//!     name: nginx
//!     update_cache: true
//! ```
//!
//! Returns `packages`, `msg`, `stdout`, `stderr`.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value as Json;

use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, Output, PackageChange, PackageStep, SettingChange};
use crate::host::{Host, HostError, PACKAGE_LISTS};
use crate::module::program;
use crate::params::Rule;
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

params! {
    /// Parameters of `community.general.apk`.
    pub struct Params {
        /// The packages.
        name: Option<Vec<String>>,
        /// What shall be with them.
        state: State = State::Present,
        /// Whether no cache of packages is kept.
        no_cache: bool = false,
        /// The repositories that are used instead of the host's.
        repository: Option<Vec<String>>,
        /// Whether the package lists are fetched first.
        update_cache: bool = false,
        /// Whether all packages get their newest versions.
        upgrade: bool = false,
        /// Whether an upgrade takes the versions that the repositories have.
        available: bool = false,
        /// The file with the packages that were asked for.
        world: String = "/etc/apk/world".to_owned(),
    }
    rules [
        Rule::RequiredOneOf(&["name", "update_cache", "upgrade"]),
        Rule::MutuallyExclusive(&["name", "upgrade"]),
    ]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to do.
    #[error("one of the following is required: name, update_cache, upgrade")]
    Nothing,
    /// A name is none.
    #[error("Package name(s) cannot be empty or whitespace-only")]
    Empty,
    /// The lists cannot be fetched.
    #[error("could not update package db")]
    Update,
    /// The packages stay.
    #[error("failed to upgrade packages")]
    Upgrade,
    /// They cannot be installed.
    #[error("failed to install {0}")]
    Install(String),
    /// They cannot be removed.
    #[error("failed to remove {0} package(s)")]
    Remove(String),
}

/// What is to be done with packages.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Work {
    /// Nothing, and what is said of it.
    None(&'static str),
    Install(Vec<String>),
    Upgrade(Vec<String>),
    UpgradeAll,
    Remove(Vec<String>),
}

/// What is known.
#[derive(Debug)]
pub struct Observed {
    /// apk with the options that all commands have.
    apk: Vec<String>,
    work: Work,
    /// What apk would do.
    steps: Vec<PackageStep>,
    /// What it said.
    said: Output,
}

/// The module.
#[derive(Debug)]
pub struct Apk;

impl Module for Apk {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let names = params.name.as_deref().unwrap_or_default();
        if names.iter().any(|name| name.trim().is_empty()) {
            return Err(Stop::failed(Error::Empty));
        }
        let mut apk = vec![program::required(host, "apk")?];
        apk.extend(params.no_cache.then(|| "--no-cache".to_owned()));
        for repository in params.repository.iter().flatten() {
            let words = ["--repository", repository, "--repositories-file", "/dev/null"];
            apk.extend(words.map(str::to_owned));
        }
        let mut observed =
            Observed { apk, work: Work::None(""), steps: Vec::new(), said: Output::default() };
        observed.work = match params.state {
            _ if params.upgrade => Work::UpgradeAll,
            _ if names.is_empty() && !params.update_cache => {
                return Err(Stop::failed(Error::Nothing));
            }
            _ if names.is_empty() => Work::None("updated repository indexes"),
            State::Absent => {
                let mut there = Vec::new();
                for name in names {
                    if observed.is_installed(name, host)? {
                        there.push(name.clone());
                    }
                }
                match there.is_empty() {
                    true => Work::None("package(s) already removed"),
                    false => Work::Remove(there),
                }
            }
            State::Present | State::Latest => observed.missing(params, names, host)?,
        };
        observed.simulate(params, host)?;
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        if params.update_cache {
            let change = SettingChange {
                kind: PACKAGE_LISTS.to_owned(),
                name: "apk".to_owned(),
                commands: vec![observed.command(["update"])],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), "they are asked for");
        }
        let remove = match &observed.work {
            Work::None(message) => {
                plan.set("msg", *message);
                return Ok(plan);
            }
            Work::Remove(_) => true,
            Work::Install(_) | Work::Upgrade(_) | Work::UpgradeAll => false,
        };
        let (install, removed) = match remove {
            true => (Vec::new(), observed.steps.clone()),
            false => (observed.steps.clone(), Vec::new()),
        };
        let change = PackageChange {
            manager: "apk".to_owned(),
            command: observed.command(observed.words(params, None)),
            install,
            remove: removed,
        };
        if observed.work == Work::UpgradeAll && observed.steps.is_empty() {
            plan.set("msg", "packages already upgraded");
            plan.set("packages", Vec::<String>::new());
            plan.set("stdout", observed.said.stdout_text());
            plan.set("stderr", observed.said.stderr_text());
            return Ok(plan);
        }
        plan.push(Effect::Packages(change), if remove { "they are there" } else { "they are due" });
        plan.set("msg", observed.message());
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        if let Some(Applied::Ran(output)) = applied.last() {
            returned.insert("stdout".to_owned(), output.stdout_text().into());
            returned.insert("stderr".to_owned(), output.stderr_text().into());
            if plan.effects.iter().any(|it| matches!(it.effect, Effect::Packages(_))) {
                returned.insert("packages".to_owned(), packages(&output.stdout_text()));
            }
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(_: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match (error, &planned.effect) {
            (HostError::CommandFailed { output, .. }, Effect::Setting(_)) => {
                told(Error::Update, &output)
            }
            (HostError::CommandFailed { output, .. }, _) => observed.failure(&output),
            (error, _) => Stop::Host(error),
        }
    }
}

/// A failure with what apk said.
fn told(error: Error, output: &Output) -> Stop {
    Stop::failed(error).with("stdout", output.stdout_text()).with("stderr", output.stderr_text())
}

/// Names as Python prints a list of them.
fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", names.join(", "))
}

/// What `(1/2) Installing curl (8.1-r0)` says.
fn step(line: &str) -> Option<PackageStep> {
    let (count, rest) = line.strip_prefix('(')?.split_once(')')?;
    let (at, all) = count.split_once('/')?;
    at.parse::<u32>().ok().and(all.parse::<u32>().ok())?;
    let mut words = rest.split_whitespace();
    let verb = words.next()?;
    let name = words.next()?.to_owned();
    let versions: Vec<String> = words
        .map(|word| word.trim_matches(['(', ')']).to_owned())
        .filter(|it| it != "->")
        .collect();
    let (first, second) = (versions.first().cloned(), versions.get(1).cloned());
    let (from, to) = match verb {
        "Purging" => (first, None),
        "Installing" => (None, first),
        _ => (first, second),
    };
    Some(PackageStep { name, from, to })
}

fn steps(stdout: &str) -> Vec<PackageStep> {
    stdout.lines().filter_map(step).collect()
}

fn packages(stdout: &str) -> Json {
    steps(stdout).into_iter().map(|step| Json::from(step.name)).collect()
}

impl Observed {
    fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let words = words.into_iter().map(str::to_owned);
        program::command(self.apk.iter().cloned().chain(words))
    }

    fn ask(&self, words: &[&str], host: &mut dyn Host) -> Result<Output, Stop> {
        Ok(host.query(&self.command(words.iter().copied()))?)
    }

    /// The words of the command that does it, or that only simulates it.
    fn words<'a>(&'a self, params: &Params, simulate: Option<&'a str>) -> Vec<&'a str> {
        let (mut words, names): (Vec<&str>, &[String]) = match &self.work {
            Work::None(_) => (Vec::new(), &[]),
            Work::Install(names) => (vec!["add"], names),
            Work::Upgrade(names) => (vec!["add", "--upgrade"], names),
            Work::UpgradeAll => (vec!["upgrade"], &[]),
            Work::Remove(names) => (vec!["del", "--purge"], names),
        };
        words.extend(simulate);
        if self.work == Work::UpgradeAll && params.available {
            words.push("--available");
        }
        words.extend(names.iter().map(String::as_str));
        words
    }

    /// Asks apk what it would do; what its lists do not know yet is only named.
    fn simulate(&mut self, params: &Params, host: &mut dyn Host) -> Result<(), Stop> {
        if matches!(self.work, Work::None(_)) {
            return Ok(());
        }
        let said = self.ask(&self.words(params, Some("--simulate")), host)?;
        if said.success() {
            self.steps = steps(&said.stdout_text());
            self.said = said;
            return Ok(());
        }
        if !params.update_cache && host.rehearsed(PACKAGE_LISTS, "apk").is_none() {
            return Err(self.failure(&said));
        }
        if let Work::Install(names) | Work::Upgrade(names) | Work::Remove(names) = &self.work {
            let unknown = |name: &String| PackageStep { name: name.clone(), from: None, to: None };
            self.steps = names.iter().map(unknown).collect();
        }
        Ok(())
    }

    fn missing(
        &self,
        params: &Params,
        names: &[String],
        host: &mut dyn Host,
    ) -> Result<Work, Stop> {
        let world = host.read(Path::new(&params.world))?;
        let world = String::from_utf8_lossy(&world).into_owned();
        let (mut install, mut upgrade) = (Vec::new(), Vec::new());
        let latest = params.state == State::Latest;
        for name in names {
            let rehearsed = host.rehearsed_packages("apk").into_iter().find(|(it, _)| it == name);
            match rehearsed {
                Some((_, Some(_))) => continue,
                Some((_, None)) => {
                    install.push(name.clone());
                    continue;
                }
                None => {}
            }
            let said = self.ask(&["-v", "info", "--description", name], host)?.stdout_text();
            if said.lines().any(|line| line.starts_with(&format!("{name}: virtual meta package"))) {
                let said = self.ask(&["-v", "info", "--depends", name], host)?.stdout_text();
                for dependency in said.lines().skip(1).filter(|line| !line.is_empty()) {
                    if latest && !self.is_newest(dependency, host)? {
                        upgrade.push(dependency.to_owned());
                    }
                }
            } else if !world.split_whitespace().any(|entry| is_of(entry, name)) {
                install.push(name.clone());
            } else if latest && !self.is_newest(name, host)? {
                upgrade.push(name.clone());
            }
        }
        Ok(match (install.is_empty(), upgrade.is_empty()) {
            (true, true) => Work::None("package(s) already installed"),
            (_, true) => Work::Install(install),
            _ => Work::Upgrade([install, upgrade].concat()),
        })
    }

    fn is_installed(&self, name: &str, host: &mut dyn Host) -> Result<bool, Stop> {
        let rehearsed = host.rehearsed_packages("apk").into_iter().find(|(it, _)| it == name);
        match rehearsed {
            Some((_, version)) => Ok(version.is_some()),
            None => Ok(self.ask(&["-v", "info", "--installed", name], host)?.success()),
        }
    }

    fn is_newest(&self, name: &str, host: &mut dyn Host) -> Result<bool, Stop> {
        let said = self.ask(&["version", name], host)?.stdout_text();
        let older = said.lines().any(|line| {
            let mut words = line.split_whitespace();
            let known = words.next().is_some_and(|word| {
                word.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
            });
            known && words.next() == Some("<")
        });
        Ok(!older)
    }

    fn message(&self) -> String {
        match &self.work {
            Work::None(message) => (*message).to_owned(),
            Work::Install(names) | Work::Upgrade(names) => {
                format!("installed {} package(s)", listed(names))
            }
            Work::UpgradeAll => "upgraded packages".to_owned(),
            Work::Remove(names) => format!("removed {} package(s)", listed(names)),
        }
    }

    fn failure(&self, output: &Output) -> Stop {
        let error = match &self.work {
            Work::None(_) => Error::Update,
            Work::Install(names) | Work::Upgrade(names) => Error::Install(listed(names)),
            Work::UpgradeAll => Error::Upgrade,
            Work::Remove(names) => Error::Remove(listed(names)),
        };
        told(error, output).with("packages", packages(&output.stdout_text()))
    }
}

/// Whether an entry of the world file is of this package: its name, perhaps with a version or a
/// repository behind.
fn is_of(entry: &str, name: &str) -> bool {
    entry
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '=', '<', '>', '~']))
}
