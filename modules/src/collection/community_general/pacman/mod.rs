//! `community.general.pacman`: packages of Arch Linux and its kin.
//!
//! Follows the module of community.general 11. Check mode: full, through what pacman lists before it acts.
//! Diff: the packages.
//!
//! ```yaml
//! - name: A web server
//!   community.general.pacman:
//!     name: nginx
//!     update_cache: true
//! ```
//!
//! Returns `packages`, `cache_updated`, `msg`, `stdout`, `stderr`.

mod inventory;
mod params;
#[cfg(test)]
mod tests;

use serde_json::{Value as Json, json};

pub use params::{Params, Reason, ReasonFor, State};

use self::inventory::Inventory;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, Output, PackageChange, PackageStep, SettingChange};
use crate::host::{Host, HostError, PACKAGE_LISTS};
use crate::module::{program, shell_words};

/// What pacman says when it is asked for what is there.
const IDLE: &str = "there is nothing to do";

/// What is known.
#[derive(Debug)]
pub struct Observed {
    pacman: String,
    refresh: Option<Refresh>,
    work: Work,
}

/// The package lists are fetched first.
#[derive(Debug)]
struct Refresh {
    command: Vec<String>,
    /// What they had; `None` where it does not count.
    before: Option<Vec<String>>,
}

/// What is to be done.
#[derive(Debug)]
enum Work {
    /// Nothing; what is said of it, and whether packages are told.
    None(Option<&'static str>, bool),
    Install {
        calls: Vec<Vec<String>>,
        steps: Vec<PackageStep>,
        /// Packages whose reason is set.
        reasoned: Vec<String>,
    },
    Remove {
        call: Vec<String>,
        steps: Vec<PackageStep>,
        told: Vec<String>,
    },
    Upgrade {
        call: Vec<String>,
        steps: Vec<PackageStep>,
    },
}

/// The module.
#[derive(Debug)]
pub struct Pacman;

impl Module for Pacman {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let asks = Asks { pacman: program::required(host, &params.executable)?, params };
        let refresh = match params.update_cache {
            Some(true) => Some(asks.refresh(host)?),
            _ => None,
        };
        let upgrade = params.upgrade == Some(true);
        let names = params.name.as_deref().unwrap_or_default();
        let work = match (&refresh, upgrade, names.is_empty()) {
            (Some(_), false, true) => Work::None(None, false),
            (_, true, _) => asks.upgrade(refresh.is_some(), host)?,
            (_, _, true) => Work::None(Some("Nothing to do"), false),
            (_, _, false) => asks.packages(names, refresh.is_some(), host)?,
        };
        Ok(Observed { pacman: asks.pacman, refresh, work })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        if let Some(refresh) = &observed.refresh {
            let lists = |argv: &[String]| SettingChange {
                kind: PACKAGE_LISTS.to_owned(),
                name: "pacman".to_owned(),
                commands: vec![english(argv)],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(lists(&refresh.command)), "they are asked for");
            if refresh.before.is_some() {
                let list = [observed.pacman.clone(), "--sync".to_owned(), "--list".to_owned()];
                plan.push(Effect::Setting(lists(&list)), "they tell whether they have changed");
            }
        }
        let change = |call: &[String], install: &[PackageStep], remove: &[PackageStep]| {
            Effect::Packages(PackageChange {
                manager: "pacman".to_owned(),
                command: english(call),
                install: install.to_vec(),
                remove: remove.to_vec(),
            })
        };
        match &observed.work {
            Work::None(..) => {}
            Work::Install { calls, steps, reasoned } => {
                for (at, call) in calls.iter().enumerate() {
                    let steps = if at == 0 { steps.as_slice() } else { &[] };
                    plan.push(change(call, steps, &[]), "they are due");
                }
                if let (Some(reason), false) = (params.reason, reasoned.is_empty()) {
                    let mut argv = vec![observed.pacman.clone()];
                    argv.extend(["--noconfirm", "--database", reason.flag()].map(str::to_owned));
                    argv.extend(reasoned.iter().cloned());
                    let setting = SettingChange {
                        kind: "install reason".to_owned(),
                        name: reasoned.join(" "),
                        after: Some(Json::from(reason.word())),
                        commands: vec![english(&argv)],
                        ..SettingChange::default()
                    };
                    plan.push(Effect::Setting(setting), "it is asked for");
                }
            }
            Work::Remove { call, steps, .. } => {
                plan.push(change(call, &[], steps), "they are there");
            }
            Work::Upgrade { call, steps } => plan.push(change(call, steps, &[]), "they are due"),
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut result = Conclusion { changed: false, returned: plan.returned.clone() };
        let mut applied = applied.iter();
        let (mut messages, mut outputs) = (Vec::new(), Vec::new());
        let output = |applied: Option<&Applied>| match applied {
            Some(Applied::Ran(output)) => Some(output.clone()),
            _ => None,
        };
        if let Some(refresh) = &observed.refresh {
            outputs.extend(output(applied.next()));
            let after = refresh.before.as_ref().and_then(|_| output(applied.next()));
            let updated = match (&refresh.before, after) {
                (Some(before), Some(after)) => *before != sorted_lines(&after.stdout_text()),
                // it counts always, or nobody can tell
                _ => true,
            };
            result.returned.insert("cache_updated".to_owned(), Json::from(updated));
            result.changed |= updated;
            messages.push("Updated package db".to_owned());
        }
        let done: Vec<Output> = applied.filter_map(|applied| output(Some(applied))).collect();
        // what fresh lists bring is known when it is done
        let idle = done.iter().any(|output| output.stdout_text().contains(IDLE));
        let packages: Option<Vec<String>>;
        match &observed.work {
            Work::None(message, told) => {
                messages.extend(message.map(str::to_owned));
                packages = told.then(Vec::new);
            }
            Work::Install { .. } | Work::Upgrade { .. } if idle => {
                messages.push("Nothing to do".to_owned());
                packages = Some(Vec::new());
            }
            Work::Install { steps, reasoned, .. } => {
                let mut names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
                names.extend(reasoned.iter().filter(|it| !is_among(it, steps)).cloned());
                names.sort();
                messages.push(format!("Installed {} package(s)", names.len()));
                packages = Some(names);
                result.changed = true;
            }
            Work::Remove { told, .. } => {
                messages.push(format!("Removed {} package(s)", told.len()));
                packages = Some(told.clone());
                result.changed = true;
            }
            Work::Upgrade { steps, .. } => {
                messages.push("System upgraded".to_owned());
                packages = Some(steps.iter().map(|step| step.name.clone()).collect());
                result.changed = true;
            }
        }
        outputs.extend(done);
        let joined = |texts: Vec<String>| {
            let texts: Vec<String> = texts.into_iter().filter(|it| !it.is_empty()).collect();
            (!texts.is_empty()).then(|| Json::from(texts.join("\n")))
        };
        let stdout = joined(outputs.iter().map(Output::stdout_text).collect());
        let stderr = joined(outputs.iter().map(Output::stderr_text).collect());
        let fields =
            [("stdout", stdout), ("stderr", stderr), ("packages", packages.map(Json::from))];
        let told = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        result.returned.extend(told);
        result.returned.insert("msg".to_owned(), Json::from(messages.join("\n")));
        Ok(result)
    }

    fn explain(_: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        let HostError::CommandFailed { output, .. } = error else { return Stop::Host(error) };
        let (message, command) = match &planned.effect {
            Effect::Packages(change) => {
                let message = match &observed.work {
                    Work::Remove { .. } => "failed to remove package(s)",
                    Work::Upgrade { .. } => "Could not upgrade",
                    _ => "Failed to install package(s)",
                };
                (message, Some(&change.command))
            }
            Effect::Setting(change) if change.kind == PACKAGE_LISTS => {
                return refused("could not update package db", change.commands.first(), &output);
            }
            Effect::Setting(change) => ("Failed to install package(s)", change.commands.first()),
            _ => return Stop::failed(output.stderr_text()),
        };
        match &observed.refresh {
            Some(_) => refused(&format!("Updated package db\n{message}"), command, &output),
            None => refused(message, command, &output),
        }
    }
}

fn english(argv: &[String]) -> Command {
    program::command(argv.iter().cloned())
}

fn is_among(name: &str, steps: &[PackageStep]) -> bool {
    steps.iter().any(|step| step.name == name)
}

fn sorted_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A failure with what pacman said.
fn refused(message: &str, command: Option<&Command>, output: &Output) -> Stop {
    Stop::failed(message)
        .with("cmd", json!(command.map(|command| command.argv.clone())))
        .with("stdout", output.stdout_text())
        .with("stderr", output.stderr_text())
}

/// Asks pacman.
struct Asks<'a> {
    pacman: String,
    params: &'a Params,
}

/// A package as it is asked for.
struct Wanted {
    name: String,
    source: String,
    /// It is a file or lies at an address.
    is_file: bool,
}

impl Asks<'_> {
    fn argv(&self, words: &[&str]) -> Vec<String> {
        [self.pacman.as_str()].iter().chain(words).map(|word| (*word).to_owned()).collect()
    }

    fn ask(&self, words: &[&str], host: &mut dyn Host) -> Result<Output, Stop> {
        Ok(host.query(&english(&self.argv(words)))?)
    }

    /// Asks for what must be told.
    fn told(&self, words: &[&str], host: &mut dyn Host) -> Result<String, Stop> {
        let output = self.ask(words, host)?;
        if output.success() { Ok(output.stdout_text()) } else { Err(program::failure(&output)) }
    }

    fn refresh(&self, host: &mut dyn Host) -> Result<Refresh, Stop> {
        let mut command = self.argv(&["--sync", "--refresh"]);
        command.extend(split(&self.params.update_cache_extra_args)?);
        if self.params.force {
            command.push("--refresh".to_owned());
            return Ok(Refresh { command, before: None });
        }
        let before = sorted_lines(&self.told(&["--sync", "--list"], host)?);
        Ok(Refresh { command, before: Some(before) })
    }

    fn upgrade(&self, refreshes: bool, host: &mut dyn Host) -> Result<Work, Stop> {
        let upgrades = inventory::upgrades(&self.ask(&["--query", "--upgrades"], host)?)?;
        if upgrades.is_empty() && !refreshes {
            return Ok(Work::None(Some("Nothing to upgrade"), false));
        }
        let mut call = self.argv(&["--sync", "--sysupgrade", "--quiet", "--noconfirm"]);
        call.extend(split(&self.params.upgrade_extra_args)?);
        Ok(Work::Upgrade { call, steps: upgrades })
    }

    fn packages(
        &self,
        names: &[String],
        refreshes: bool,
        host: &mut dyn Host,
    ) -> Result<Work, Stop> {
        let inventory = self.inventory(host)?;
        let mut wanted = Vec::new();
        for name in names.iter().filter(|name| !name.is_empty()) {
            self.expand(name, &inventory, refreshes, &mut wanted, host)?;
        }
        match self.params.state {
            State::Absent => self.removal(&wanted, &inventory, host),
            _ => self.installation(&wanted, &inventory, refreshes, host),
        }
    }

    fn inventory(&self, host: &mut dyn Host) -> Result<Inventory, Stop> {
        let mut found = Inventory::default();
        found.read_installed(&self.told(&["--query"], host)?);
        for (name, version) in host.rehearsed_packages("pacman") {
            match version {
                Some(version) => found.installed.insert(name, version),
                None => found.installed.remove(&name),
            };
        }
        found.read_available(&self.told(&["--sync", "--list"], host)?);
        found.read_groups(&self.told(&["--sync", "--groups", "--groups"], host)?);
        if self.params.state == State::Latest {
            found.upgrades = inventory::upgrades(&self.ask(&["--query", "--upgrades"], host)?)?;
        }
        if self.params.reason.is_some() {
            found.read_reasons(Reason::Explicit, &self.told(&["--query", "--explicit"], host)?);
            found.read_reasons(Reason::Dependency, &self.told(&["--query", "--deps"], host)?);
        }
        Ok(found)
    }

    /// Groups become their members; what no list has may be `REPOSITORY/NAME`, a file or an address.
    fn expand(
        &self,
        name: &str,
        inventory: &Inventory,
        refreshes: bool,
        wanted: &mut Vec<Wanted>,
        host: &mut dyn Host,
    ) -> Result<(), Stop> {
        let plain = |name: &str, source: &str, is_file| Wanted {
            name: name.trim().to_owned(),
            source: source.to_owned(),
            is_file,
        };
        if let Some(members) = inventory.groups.get(name) {
            wanted.extend(members.iter().map(|member| plain(member, member, false)));
            return Ok(());
        }
        if inventory.knows(name) {
            wanted.push(plain(name, name, false));
            return Ok(());
        }
        let said = self.ask(&["--sync", "--print-format", "%n", name], host)?;
        if said.success() {
            wanted.push(plain(&said.stdout_text(), name, false));
            return Ok(());
        }
        let words = ["--upgrade", "--print-format", "%n", name];
        let said = self.ask(&words, host)?;
        if said.success() {
            let text = said.stdout_text();
            wanted.push(plain(text.lines().last().unwrap_or_default(), name, true));
            return Ok(());
        }
        if self.params.state == State::Absent {
            return Ok(());
        }
        if refreshes || host.rehearsed(PACKAGE_LISTS, "pacman").is_some() {
            // fresh lists may have it
            wanted.push(plain(name.rsplit('/').next().unwrap_or_default(), name, false));
            return Ok(());
        }
        let command = english(&self.argv(&words));
        let stop = refused(&format!("Failed to list package {name}"), Some(&command), &said);
        Err(stop.with("rc", said.status))
    }

    fn installation(
        &self,
        wanted: &[Wanted],
        inventory: &Inventory,
        refreshes: bool,
        host: &mut dyn Host,
    ) -> Result<Work, Stop> {
        let latest = self.params.state == State::Latest;
        let due = |wanted: &&Wanted| {
            wanted.is_file
                || !inventory.installed.contains_key(&wanted.name)
                || latest && (refreshes || is_among(&wanted.name, &inventory.upgrades))
        };
        let reasoned: Vec<String> = match self.params.reason {
            None => Vec::new(),
            Some(reason) => wanted
                .iter()
                .filter(|wanted| match inventory.reasons.get(&wanted.name) {
                    None => true,
                    Some(now) => self.params.reason_for == ReasonFor::All && *now != reason,
                })
                .map(|wanted| wanted.name.clone())
                .collect(),
        };
        let mut base = self.argv(&["--noconfirm", "--noprogressbar", "--needed"]);
        base.extend(split(&self.params.extra_args)?);
        let (mut calls, mut steps) = (Vec::new(), Vec::new());
        for (verb, is_file) in [("--sync", false), ("--upgrade", true)] {
            let some: Vec<&Wanted> =
                wanted.iter().filter(due).filter(|wanted| wanted.is_file == is_file).collect();
            if some.is_empty() {
                continue;
            }
            let with = |words: &[&str]| -> Vec<String> {
                let words = words.iter().map(|word| (*word).to_owned());
                let sources = some.iter().map(|wanted| wanted.source.clone());
                base.iter().cloned().chain(words).chain(sources).collect()
            };
            let question = english(&with(&[verb, "--print-format", "%n %v"]));
            let said = host.query(&question)?;
            let unlisted = |wanted: &&Wanted| PackageStep {
                name: wanted.name.clone(),
                from: inventory.installed.get(&wanted.name).cloned(),
                to: None,
            };
            if refreshes || (!said.success() && host.rehearsed(PACKAGE_LISTS, "pacman").is_some()) {
                steps.extend(some.iter().map(unlisted));
            } else if said.success() {
                steps.extend(inventory.steps(&said.stdout_text()));
            } else {
                let message = "Failed to list package(s) to install";
                return Err(refused(message, Some(&question), &said));
            }
            calls.push(with(&[verb]));
        }
        if steps.is_empty() && reasoned.is_empty() {
            return Ok(Work::None(Some("package(s) already installed"), true));
        }
        if steps.is_empty() {
            calls.clear();
        }
        Ok(Work::Install { calls, steps, reasoned })
    }

    fn removal(
        &self,
        wanted: &[Wanted],
        inventory: &Inventory,
        host: &mut dyn Host,
    ) -> Result<Work, Stop> {
        let there: Vec<&str> = wanted
            .iter()
            .map(|wanted| wanted.name.as_str())
            .filter(|name| inventory.installed.contains_key(*name))
            .collect();
        if there.is_empty() {
            return Ok(Work::None(Some("package(s) already absent"), true));
        }
        let mut base = self.argv(&["--remove", "--noconfirm", "--noprogressbar"]);
        base.extend(split(&self.params.extra_args)?);
        if self.params.force {
            base.extend(["--nodeps", "--nodeps"].map(str::to_owned));
        }
        let with = |words: &[&str]| -> Vec<String> {
            let words = words.iter().chain(&there).map(|word| (*word).to_owned());
            base.iter().cloned().chain(words).collect()
        };
        let question = english(&with(&["--print-format", "%n-%v"]));
        let said = host.query(&question)?;
        let rehearsed = !host.rehearsed_packages("pacman").is_empty();
        let told: Vec<String> = match said.success() {
            true => said.stdout_text().split_whitespace().map(str::to_owned).collect(),
            // pacman cannot tell of what is only rehearsed
            false if rehearsed => there.iter().map(|name| (*name).to_owned()).collect(),
            false => {
                return Err(refused("failed to list package(s) to remove", Some(&question), &said));
            }
        };
        let steps = told.iter().map(|one| inventory.gone(one)).collect();
        let nosave: &[&str] = if self.params.remove_nosave { &["--nosave"] } else { &[] };
        Ok(Work::Remove { call: with(nosave), steps, told })
    }
}

/// Splits options as a shell would.
fn split(text: &str) -> Result<Vec<String>, Stop> {
    shell_words::split(text).map_err(Stop::failed)
}
