//! `community.general.zypper`: packages of openSUSE and SUSE Linux Enterprise.
//!
//! Follows the module of community.general 11. Check mode: full, through zypper's own `--dry-run`. Diff: the
//! packages.
//!
//! Differs from Ansible: after an update of zypper itself (status 103) the command is not run again by
//! itself.
//!
//! ```yaml
//! - name: A web server
//!   community.general.zypper:
//!     name: "nginx>=1.20"
//!     update_cache: true
//! ```
//!
//! Returns `name`, `state`, `update_cache`, `rc`, `cmd`, and `stdout` and `stderr` of what changed.

mod answer;
mod params;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Value as Json, json};

pub use params::{Kind, Params, State};

use self::answer::{Answer, NOT_FOUND, told};
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Effect, PackageChange, PackageStep, SettingChange};
use crate::host::{Follow, Host, HostError, PACKAGE_LISTS};
use crate::module::program;

/// Statuses with which zypper has done what it was asked for: a reboot is due, zypper itself was
/// updated, a signature is wrong, a script of a package failed.
const DONE: [i32; 4] = [102, 103, 106, 107];

/// A script of a package failed.
const SCRIPT_FAILED: i32 = 107;

/// What is known.
#[derive(Debug)]
pub struct Observed {
    refresh: Option<Vec<String>>,
    change: Option<Change>,
}

/// A call of zypper and what comes of it.
#[derive(Debug)]
struct Change {
    call: Vec<String>,
    install: Vec<PackageStep>,
    remove: Vec<PackageStep>,
}

/// The module.
#[derive(Debug)]
pub struct Zypper;

impl Module for Zypper {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let names: Vec<String> =
            params.name.iter().filter(|name| !name.is_empty()).cloned().collect();
        let asks = Asks { start: start(params, host)?, params, names };
        let refresh = params.update_cache.then(|| asks.command("refresh", Run::Real, false));
        Ok(Observed { refresh, change: asks.change(host)? })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let names: Vec<&String> = params.name.iter().filter(|name| !name.is_empty()).collect();
        plan.set("name", json!(names));
        plan.set("state", params.state.word());
        plan.set("update_cache", params.update_cache);
        plan.set("rc", 0);
        if let Some(refresh) = &observed.refresh {
            let change = SettingChange {
                kind: PACKAGE_LISTS.to_owned(),
                name: "zypper".to_owned(),
                commands: vec![program::command(refresh.iter().cloned())],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), "they are asked for");
        }
        let Some(change) = &observed.change else { return Ok(plan) };
        plan.set("cmd", json!(change.call));
        if change.install.is_empty() && change.remove.is_empty() {
            return Ok(plan);
        }
        let mut command = program::command(change.call.iter().cloned());
        command.accepts = DONE.to_vec();
        let packages = PackageChange {
            manager: "zypper".to_owned(),
            command,
            install: change.install.clone(),
            remove: change.remove.clone(),
        };
        plan.push(Effect::Packages(packages), "they are due");
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut result = Conclusion { changed: false, returned: plan.returned.clone() };
        let last = plan.effects.iter().zip(applied).next_back();
        let Some((Planned { effect: Effect::Packages(_), .. }, applied)) = last else {
            return Ok(result);
        };
        result.changed = true;
        let Applied::Ran(output) = applied else { return Ok(result) };
        let answer = Answer::parse(output)?;
        // it did what it should, and whoever asks does not mind the scripts
        let excused = params.skip_post_errors && output.status == SCRIPT_FAILED;
        let stdout = answer.stdout(params.simple_errors, output);
        if !matches!(output.status, 0 | 102) && !excused {
            let stop = told("Zypper run failed.".to_owned(), output).with("stdout", stdout);
            return Err(stop.with("cmd", plan.returned.get("cmd").cloned().unwrap_or_default()));
        }
        result.changed = !answer.names.is_empty();
        if !excused {
            result.returned.insert("rc".to_owned(), Json::from(output.status));
        }
        if result.changed {
            result.returned.insert("stdout".to_owned(), Json::from(stdout));
            result.returned.insert("stderr".to_owned(), Json::from(output.stderr_text()));
        }
        Ok(result)
    }

    fn explain(params: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        let HostError::CommandFailed { output, .. } = error else { return Stop::Host(error) };
        let command = match &planned.effect {
            Effect::Packages(change) => Some(&change.command),
            Effect::Setting(change) => change.commands.first(),
            _ => None,
        };
        let stop = match Answer::parse(&output) {
            Ok(answer) => answer.failure(params.simple_errors, &output),
            Err(stop) => stop,
        };
        stop.with("cmd", json!(command.map(|command| command.argv.clone())))
    }
}

/// The words that each call begins with.
fn start(params: &Params, host: &mut dyn Host) -> Result<Vec<String>, Stop> {
    let mut words = Vec::new();
    if is_transactional(host)? {
        words.push(program::required(host, "transactional-update")?);
        words.extend(["--continue", "--drop-if-no-change", "--quiet", "run"].map(str::to_owned));
    }
    words.push(program::required(host, "zypper")?);
    words.extend(["--non-interactive", "--xmlout"].map(str::to_owned));
    words.extend(params.quiet.then(|| "--quiet".to_owned()));
    let more = params.extra_args_precommand.as_deref().unwrap_or_default();
    words.extend(more.split_whitespace().map(str::to_owned));
    Ok(words)
}

/// Whether the root is changed by snapshots: btrfs, mounted to be read.
fn is_transactional(host: &mut dyn Host) -> Result<bool, Stop> {
    if host.stat(Path::new("/usr/sbin/transactional-update"), Follow::Yes)?.is_none() {
        return Ok(false);
    }
    let mounts = host.read(Path::new("/proc/mounts"))?;
    let mounts = String::from_utf8_lossy(&mounts).into_owned();
    let root = mounts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    Ok(root.into_iter().find(|fields| fields.get(1) == Some(&"/")).is_some_and(|fields| {
        let readable = fields.get(3).is_some_and(|options| options.split(',').any(|it| it == "ro"));
        fields.get(2) == Some(&"btrfs") && readable
    }))
}

/// Whether a call acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Real,
    /// It only tells what it would do, from the lists that are there.
    Dry,
    /// It may fetch the lists before.
    DryWithFreshLists,
}

/// Asks zypper.
struct Asks<'a> {
    start: Vec<String>,
    params: &'a Params,
    names: Vec<String>,
}

/// A package as it is asked for.
struct Wanted {
    /// `+` or `-`.
    prefix: char,
    name: String,
    version: String,
}

impl Asks<'_> {
    fn command(&self, subcommand: &str, run: Run, oldpackage: bool) -> Vec<String> {
        let params = self.params;
        let installs = matches!(subcommand, "install" | "update" | "patch" | "dist-upgrade");
        let mut words = self.start.clone();
        let mut add = |given: bool, word: &str| words.extend(given.then(|| word.to_owned()));
        add((installs || subcommand == "refresh") && params.disable_gpg_check, "--no-gpg-checks");
        add(installs && params.auto_import_keys, "--gpg-auto-import-keys");
        add(run == Run::Dry, "--no-refresh");
        add(subcommand == "search", "--disable-repositories");
        add(true, subcommand);
        if !matches!(subcommand, "patch" | "dist-upgrade" | "refresh") {
            add(true, "--type");
            add(true, params.r#type.word());
        }
        add(run != Run::Real, "--dry-run");
        for (given, word) in [
            (true, "--auto-agree-with-licenses"),
            (params.disable_recommends, "--no-recommends"),
            (params.force, "--force"),
            (params.force_resolution, "--force-resolution"),
            (params.oldpackage || oldpackage, "--oldpackage"),
            (params.replacefiles, "--replacefiles"),
        ] {
            add(installs && given, word);
        }
        add(subcommand == "remove" && params.clean_deps, "--clean-deps");
        add(subcommand == "dist-upgrade" && params.allow_vendor_change, "--allow-vendor-change");
        if let Some(more) = params.extra_args.as_deref().filter(|more| !more.is_empty()) {
            words.extend(more.split(' ').map(str::to_owned));
        }
        words
    }

    fn change(&self, host: &mut dyn Host) -> Result<Option<Change>, Stop> {
        let all = self.names == ["*"];
        match self.params.state {
            State::Latest | State::DistUpgrade if all => {
                let subcommand = match (self.params.r#type, self.params.state) {
                    (Kind::Patch, _) => "patch",
                    (_, State::DistUpgrade) => "dist-upgrade",
                    _ => "update",
                };
                self.foreseen(|run| self.command(subcommand, run, false), &[], host).map(Some)
            }
            State::DistUpgrade => Err(Stop::failed("Can not dist-upgrade specific packages.")),
            State::Absent | State::Removed => self.removal(host),
            State::Present | State::Installed | State::Latest => self.installation(host),
        }
    }

    fn installation(&self, host: &mut dyn Host) -> Result<Option<Change>, Stop> {
        let (mut wanted, urls) = self.wanted('+');
        let versioned = wanted.iter().any(|wanted| !wanted.version.is_empty());
        if self.params.state != State::Latest {
            let there = self.installed(|wanted| wanted.version.is_empty(), &wanted, host)?;
            wanted.retain(|wanted| (wanted.prefix == '+') != there.contains(&wanted.name));
        }
        if wanted.is_empty() && urls.is_empty() {
            return Ok(None);
        }
        let names: Vec<&Wanted> = wanted.iter().collect();
        let call = |run| {
            let mut words = self.command("install", run, versioned);
            words.push("--".to_owned());
            words.extend(urls.iter().map(|url| (*url).clone()));
            let each = wanted.iter().map(|it| format!("{}{}{}", it.prefix, it.name, it.version));
            words.extend(each);
            words
        };
        self.foreseen(call, &names, host).map(Some)
    }

    fn removal(&self, host: &mut dyn Host) -> Result<Option<Change>, Stop> {
        let (mut wanted, urls) = self.wanted('-');
        for (wrong, message) in [
            (
                wanted.iter().any(|wanted| wanted.prefix == '+'),
                "Can not combine '+' prefix with state=remove/absent.",
            ),
            (!urls.is_empty(), "Can not remove via URL."),
            (self.params.r#type == Kind::Patch, "Can not remove patches."),
        ] {
            if wrong {
                return Err(Stop::failed(message));
            }
        }
        let there = self.installed(|_| true, &wanted, host)?;
        wanted.retain(|wanted| there.contains(&wanted.name));
        if wanted.is_empty() {
            return Ok(None);
        }
        let names: Vec<&Wanted> = wanted.iter().collect();
        let call = |run| {
            let mut words = self.command("remove", run, false);
            words.extend(wanted.iter().map(|it| format!("{}{}", it.name, it.version)));
            words
        };
        self.foreseen(call, &names, host).map(Some)
    }

    /// Packages, and files and addresses.
    fn wanted(&self, usual: char) -> (Vec<Wanted>, Vec<&String>) {
        let is_file = |name: &&String| {
            let extension = Path::new(name.as_str()).extension();
            name.contains("://") || extension.is_some_and(|extension| extension == "rpm")
        };
        let (urls, names): (Vec<&String>, Vec<&String>) = self.names.iter().partition(is_file);
        (names.into_iter().map(|name| wanted(name, usual)).collect(), urls)
    }

    /// Which of the packages are installed.
    fn installed(
        &self,
        which: impl Fn(&Wanted) -> bool,
        wanted: &[Wanted],
        host: &mut dyn Host,
    ) -> Result<Vec<String>, Stop> {
        let names: Vec<&String> =
            wanted.iter().filter(|wanted| which(wanted)).map(|wanted| &wanted.name).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut words = self.command("search", Run::Real, false);
        words.extend(["--match-exact", "--details", "--installed-only"].map(str::to_owned));
        words.extend(names.iter().map(|name| (*name).clone()));
        let output = program::query(host, words.clone())?;
        let answer = Answer::parse(&output)?;
        let mut found = match output.status {
            NOT_FOUND => Vec::new(),
            status if status == 0 || DONE.contains(&status) => answer.names,
            _ => {
                let stop = answer.failure(self.params.simple_errors, &output);
                return Err(stop.with("cmd", json!(words)));
            }
        };
        for (name, version) in host.rehearsed_packages("zypper") {
            found.retain(|other| *other != name);
            found.extend(version.map(|_| name));
        }
        Ok(found)
    }

    /// What a call would do. It is asked with the lists that are there, and with fresh ones where
    /// those do not know enough.
    fn foreseen(
        &self,
        call: impl Fn(Run) -> Vec<String>,
        wanted: &[&Wanted],
        host: &mut dyn Host,
    ) -> Result<Change, Stop> {
        let real = call(Run::Real);
        for run in [Run::Dry, Run::DryWithFreshLists] {
            let output = program::query(host, call(run))?;
            let answer = Answer::parse(&output)?;
            if output.success() || DONE.contains(&output.status) {
                if answer.is_empty() && self.params.update_cache {
                    break;
                }
                let Answer { install, remove, .. } = answer;
                return Ok(Change { call: real, install, remove });
            }
            let later = self.params.update_cache || is_pending(host);
            if run == Run::DryWithFreshLists && !later {
                let stop = answer.failure(self.params.simple_errors, &output);
                return Err(stop.with("cmd", json!(real)));
            }
        }
        // fresh lists tell it when they are there
        let step =
            |wanted: &&&Wanted| PackageStep { name: wanted.name.clone(), from: None, to: None };
        let of = |prefix| wanted.iter().filter(move |wanted| wanted.prefix == prefix);
        let (install, remove) = (of('+').map(|it| step(&it)), of('-').map(|it| step(&it)));
        Ok(Change { call: real, install: install.collect(), remove: remove.collect() })
    }
}

fn is_pending(host: &mut dyn Host) -> bool {
    host.rehearsed(PACKAGE_LISTS, "zypper").is_some()
        || !host.rehearsed_packages("zypper").is_empty()
}

/// `+name>=1`
fn wanted(given: &str, usual: char) -> Wanted {
    let (prefix, rest) = match given.strip_prefix(['-', '~', '+']) {
        Some(rest) if given.starts_with('+') => ('+', rest),
        Some(rest) => ('-', rest),
        None => (usual, given),
    };
    let is_version = |at: &usize| {
        let tail = rest.get(*at..).unwrap_or_default();
        let version = ["<=", ">=", "<", ">", "="].iter().find_map(|it| tail.strip_prefix(it));
        version.is_some_and(|version| {
            version.chars().all(|letter| letter.is_ascii_digit() || ".-".contains(letter))
        })
    };
    let at = rest.char_indices().map(|(at, _)| at).find(is_version).unwrap_or(rest.len());
    let (name, version) = rest.split_at(at);
    Wanted { prefix, name: name.to_owned(), version: version.to_owned() }
}
