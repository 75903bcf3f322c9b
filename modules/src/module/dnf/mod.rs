//! `ansible.builtin.dnf` and `ansible.builtin.dnf5`: packages of Fedora, Red Hat and their kin.
//!
//! Follow the modules of ansible-core 2.19, through the `dnf` command. Check mode: full; what would
//! happen is what dnf itself resolves. Diff: the packages.
//!
//! Differ from Ansible: no Python library is needed; `list` is told by `dnf repoquery`, in its order,
//! and unknown in a rehearsal that would have changed packages.
//!
//! ```yaml
//! - name: The web server
//!   ansible.builtin.dnf:
//!     name: [nginx, "@Development Tools"]
//!     state: present
//! ```
//!
//! Returns `results` (`Installed: NAME-VERSION.ARCH` …, with `list` what is listed), `msg`, `rc`, and `failures` where packages
//! are not to be had.

mod list;
mod params;
mod transaction;

use serde_json::Value as Json;

pub use params::{Params, State};

use self::params::Backend;
pub(crate) use self::transaction::Transaction;
use super::program;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, PackageChange, PackageStep};
use crate::host::{Host, HostError};

/// The module.
#[derive(Debug)]
pub struct Dnf;

/// What is known of the packages.
#[derive(Debug)]
pub struct Observed {
    /// What the program is called: `dnf` or `dnf5`.
    manager: &'static str,
    step: Option<Step>,
    /// What is listed, where that is asked for.
    listed: Option<Json>,
}

/// The call that does it.
#[derive(Debug)]
struct Step {
    command: Command,
    /// What will happen; `None` when only fresh lists tell, or nobody wants to know before.
    transaction: Option<Transaction>,
    names: Vec<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This is no system of dnf.
    #[error(
        "Could not detect which major revision of dnf is in use, which is required to determine module backend."
    )]
    NoDnf,
    /// Packages are not to be had.
    #[error("Failed to install some of the specified packages")]
    NotFound,
    /// Removing what nothing needs goes with removing.
    #[error("Autoremove should be used alone or with state=absent")]
    Autoremove,
}

impl Module for Dnf {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if params.autoremove && params.wanted() != State::Absent {
            return Err(Stop::failed(Error::Autoremove));
        }
        let manager = manager(params, host)?;
        if let Some(wanted) = params.list.as_deref().filter(|list| !list.is_empty()) {
            let listed = Some(list::results(params, manager, wanted, host)?);
            return Ok(Observed { manager, step: None, listed });
        }
        let names: Vec<String> = params
            .name
            .iter()
            .flatten()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        let mut asked = Vec::new();
        for name in &names {
            let there = is_installed(manager, name, host)?;
            let needed = match params.wanted() {
                State::Present => there != Some(true),
                State::Absent => there != Some(false),
                State::Latest => true,
            };
            if needed {
                asked.push(name.clone());
            }
        }
        let alone = names.is_empty() && params.autoremove;
        if asked.is_empty() && !alone {
            return Ok(Observed { manager, step: None, listed: None });
        }
        let command = command(params, manager, &asked);
        // dnf takes a second to look at its lists, and shows what it does when it does it
        let known = !params.update_cache && host.foresees();
        let transaction = if known { Some(simulate(params, &command, host)?) } else { None };
        let step = Some(Step { command, transaction, names: asked });
        Ok(Observed { manager, step, listed: None })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        if let Some(listed) = &observed.listed {
            plan.set("msg", "");
            plan.set("results", listed.clone());
            if observed.manager == "dnf5" {
                plan.set("rc", 0);
            }
            return Ok(plan);
        }
        plan.set("rc", 0);
        plan.set("results", Json::Array(Vec::new()));
        if params.update_cache {
            let refresh = Effect::RefreshPackageLists { manager: observed.manager.to_owned() };
            plan.push(refresh, "the package lists are to be fetched");
        }
        let Some(step) = &observed.step else {
            let only_lists = params.update_cache && params.name.is_none();
            plan.set("msg", if only_lists { "Cache updated" } else { "Nothing to do" });
            return Ok(plan);
        };
        let (transaction, reason) = match &step.transaction {
            Some(transaction) if transaction.is_empty() => {
                plan.set("msg", "Nothing to do");
                return Ok(plan);
            }
            Some(transaction) => (transaction.clone(), transaction.reason()),
            None => {
                let open = |name: &String| PackageStep { name: name.clone(), from: None, to: None };
                let asked: Vec<PackageStep> = step.names.iter().map(open).collect();
                let asked = match params.wanted() {
                    State::Absent => Transaction { remove: asked, ..Transaction::default() },
                    _ => Transaction { install: asked, ..Transaction::default() },
                };
                let words = step.command.argv.get(2..).unwrap_or_default().join(" ");
                (asked, if params.update_cache { words + " with fresh lists" } else { words })
            }
        };
        plan.set("msg", "");
        plan.set("results", transaction.results.clone());
        let change = PackageChange {
            manager: observed.manager.to_owned(),
            command: step.command.clone(),
            install: transaction.install,
            remove: transaction.remove,
        };
        plan.push(Effect::Packages(change), reason);
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let mut changed = false;
        for (planned, applied) in plan.effects.iter().zip(applied) {
            let Effect::Packages(_) = planned.effect else { continue };
            let Applied::Ran(output) = applied else {
                changed = true;
                continue;
            };
            if output.stdout_text().to_lowercase().contains("nothing to do") {
                returned.insert("msg".to_owned(), Json::from("Nothing to do"));
                continue;
            }
            changed = true;
            let done = Transaction::parse(&output.stdout_text());
            if !done.is_empty() {
                returned.insert("results".to_owned(), Json::from(done.results));
            }
        }
        Ok(Conclusion { changed, returned })
    }

    fn explain(_: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        match (&planned.effect, &error) {
            (Effect::Packages(change), HostError::CommandFailed { output, .. }) => {
                failed(&change.command, output)
            }
            _ => program::explain(error),
        }
    }
}

fn manager(params: &Params, host: &mut dyn Host) -> Result<&'static str, Stop> {
    let order: &[&str] = match params.use_backend {
        Backend::Auto => &["dnf5", "dnf"],
        Backend::Dnf => &["dnf"],
        Backend::Dnf5 => &["dnf5"],
    };
    for name in ["dnf5", "dnf"] {
        if order.contains(&name) && host.find_program(name)?.is_some() {
            return Ok(name);
        }
    }
    Err(Stop::failed(Error::NoDnf))
}

/// Whether a package is installed; `None` where only dnf knows (groups, files, patterns).
fn is_installed(manager: &str, name: &str, host: &mut dyn Host) -> Result<Option<bool>, HostError> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.+:~^".contains(letter);
    if name.starts_with('@') || name.contains("://") || !name.chars().all(plain) {
        return Ok(None);
    }
    let rehearsed = host.rehearsed_packages(manager);
    if let Some((_, version)) = rehearsed.iter().find(|(known, _)| known == name) {
        return Ok(Some(version.is_some()));
    }
    if host.package(manager, name)?.is_some() {
        return Ok(Some(true));
    }
    let provides = program::query(host, ["rpm", "-q", "--whatprovides", "--", name])?;
    Ok(Some(provides.success()))
}

/// Which packages and repositories there are.
fn options(params: &Params, manager: &str) -> Vec<String> {
    let five = manager == "dnf5";
    let mut argv = Vec::new();
    let mut lists = |flag: &str, values: &Option<Vec<String>>| {
        for value in values.iter().flatten().filter(|value| !value.is_empty()) {
            argv.push(format!("--{flag}={value}"));
        }
    };
    lists("disablerepo", &params.disablerepo);
    lists("enablerepo", &params.enablerepo);
    lists("exclude", &params.exclude);
    lists(if five { "disable-plugin" } else { "disableplugin" }, &params.disable_plugin);
    lists(if five { "enable-plugin" } else { "enableplugin" }, &params.enable_plugin);
    let path = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map(|path| path.to_string_lossy().into_owned())
    };
    for (flag, value) in [
        ("config", path(&params.conf_file)),
        ("installroot", path(&params.installroot)),
        ("releasever", params.releasever.clone()),
        ("disableexcludes", params.disable_excludes.clone()),
    ] {
        argv.extend(value.map(|value| format!("--{flag}={value}")));
    }
    let unchecked = !params.sslverify || !params.validate_certs;
    argv.extend(unchecked.then(|| "--setopt=sslverify=False".to_owned()));
    argv.extend(params.cacheonly.then(|| "--cacheonly".to_owned()));
    argv
}

/// The call that does it.
fn command(params: &Params, manager: &str, names: &[String]) -> Command {
    let five = manager == "dnf5";
    let mut argv = vec![manager.to_owned(), "-y".to_owned()];
    argv.extend(options(params, manager));
    if let Some(directory) = &params.download_dir {
        let flag = if five { "destdir" } else { "downloaddir" };
        argv.push(format!("--{flag}={}", directory.display()));
    }
    let absent = params.wanted() == State::Absent;
    let best = params.best.or(params.nobest.map(|nobest| !nobest));
    for (flag, given) in [
        (if five { "--no-gpgchecks" } else { "--nogpgcheck" }, params.disable_gpg_check),
        ("--setopt=install_weak_deps=False", !params.install_weak_deps),
        ("--skip-broken", params.skip_broken && !absent),
        ("--allowerasing", params.allowerasing && !absent),
        (if five { "--allow-downgrade" } else { "" }, params.allow_downgrade && five && !absent),
        ("--best", best == Some(true)),
        (if five { "--no-best" } else { "--nobest" }, best == Some(false)),
        ("--downloadonly", params.download_only),
        ("--security", params.security),
        (if five { "--bugfixes" } else { "--bugfix" }, params.bugfix),
        (if five { "--no-autoremove" } else { "--noautoremove" }, absent && !params.autoremove),
    ] {
        argv.extend((given && !flag.is_empty()).then(|| flag.to_owned()));
    }
    let all = names.iter().any(|name| name == "*");
    let action = match params.wanted() {
        State::Absent if names.is_empty() => "autoremove",
        State::Absent => "remove",
        State::Latest if all || params.update_only => "upgrade",
        State::Present if params.update_only => "upgrade",
        State::Latest | State::Present => "install",
    };
    argv.push(action.to_owned());
    argv.extend(names.iter().filter(|name| *name != "*").cloned());
    program::command(argv)
}

/// Asks dnf what the call would do.
fn simulate(params: &Params, command: &Command, host: &mut dyn Host) -> Result<Transaction, Stop> {
    let mut question = command.clone();
    if let Some(yes) = question.argv.get_mut(1) {
        "--assumeno".clone_into(yes);
    }
    let output = host.query(&question)?;
    let transaction = Transaction::parse(&output.stdout_text());
    let text = format!("{}{}", output.stdout_text(), output.stderr_text());
    let idle = text.to_lowercase().contains("nothing to do");
    let gone = params.wanted() == State::Absent && text.contains("No packages to remove");
    if transaction.is_empty() && !output.success() && !idle && !gone {
        return Err(failed(command, &output));
    }
    Ok(transaction)
}

fn failed(command: &Command, output: &crate::effect::Output) -> Stop {
    let (out, err) = (output.stdout_text(), output.stderr_text());
    let missing: Vec<String> = err
        .lines()
        .chain(out.lines())
        .filter_map(|line| line.trim().strip_prefix("No match for argument: "))
        .map(|name| format!("No package {} available.", name.trim()))
        .collect();
    let stop = if missing.is_empty() {
        let words = shell_words::join(&command.argv);
        program::failure(output).with("cmd", words)
    } else {
        Stop::failed(Error::NotFound).with("failures", missing)
    };
    stop.with("rc", 1).with("results", Json::Array(Vec::new()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Dnf, Params};
    use crate::contract::{Module as _, Plan, Stop};
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;
    use crate::recorded::run;
    use crate::wire::Status;

    const INSTALL: &str = "Dependencies resolved.\n\
        ====================\n Package  Architecture  Version  Repository  Size\n\
        ====================\nInstalling:\n at  x86_64  3.1.23-11.el9  baseos  61 k\n\
        Installing dependencies:\n a-very-long-name-of-a-package\n    noarch  1:2-3  appstream  1 M\n\
        \nTransaction Summary\n====================\nInstall  2 Packages\n\nOperation aborted.\n";

    fn plan(arguments: &Json, answer: Output) -> Result<Plan, Stop> {
        let argv = ["dnf", "--assumeno", "install", "at"];
        let none = Output { status: 1, ..Output::default() };
        let mut host = MemoryHost::new()
            .with_program("dnf")
            .with_package("dnf", "bash", "5.1-6.el9")
            .with_output(&["rpm", "-q", "--whatprovides", "--", "at"], none)
            .with_output(&argv, answer);
        let params = Params::parse("dnf", arguments.as_object().unwrap()).unwrap();
        let observed = Dnf::observe(&params, &mut host)?;
        Dnf::plan(&params, &observed)
    }

    fn told(status: i32, stdout: &str, stderr: &str) -> Output {
        Output { status, stdout: stdout.into(), stderr: stderr.into(), ..Output::default() }
    }

    #[test]
    fn what_dnf_resolves_is_planned() {
        let plan = plan(&json!({"name": ["at", "bash"]}), told(1, INSTALL, "")).unwrap();
        let Effect::Packages(change) = &plan.effects[0].effect else { panic!() };
        assert_eq!(change.command.argv, ["dnf", "-y", "install", "at"]);
        assert_eq!(change.install.len(), 2);
        assert_eq!(
            plan.returned["results"],
            json!([
                "Installed: at-3.1.23-11.el9.x86_64",
                "Installed: a-very-long-name-of-a-package-1:2-3.noarch"
            ])
        );
    }

    #[test]
    fn nothing_is_asked_of_dnf_when_all_is_there() {
        for arguments in [json!({"name": "bash"}), json!({"name": "at", "state": "absent"})] {
            let plan = plan(&arguments, Output::default()).unwrap();
            assert!(!plan.changes(), "{arguments}");
            assert_eq!(plan.returned["msg"], "Nothing to do");
        }
    }

    #[test]
    fn what_is_not_to_be_had_is_a_failure() {
        let stderr = "No match for argument: at\nError: Unable to find a match: at\n";
        let stop = plan(&json!({"name": "at"}), told(1, "", stderr)).unwrap_err();
        let Stop::Failed(failure) = stop else { panic!() };
        assert_eq!(failure.message, "Failed to install some of the specified packages");
        assert_eq!(failure.returned["failures"], json!(["No package at available."]));
    }

    #[test]
    fn packages_and_repositories_are_listed() {
        // what dnf 4.14 tells of the repositories of `tests/oracle/tasks/dnf.yml`
        let format = format!("--queryformat={}", super::list::FORMAT);
        let asked = |words: &[&str]| -> Vec<String> {
            let start = ["dnf", "-q", "repoquery", &format];
            start.iter().chain(words).map(|word| (*word).to_owned()).collect()
        };
        let first = "first|noarch|0|1|1|@System\n\n";
        let mut host = MemoryHost::new().with_program("dnf");
        for (words, text) in [
            (vec!["--installed"], first),
            (vec!["--installed", "--", "first"], first),
            (vec!["--available", "--", "first"], "first|noarch|0|1|1|old\n\n"),
            (vec!["--installed", "--", "FIRST"], first),
            (vec!["--available", "--", "FIRST"], ""),
            (vec!["--installed", "--whatprovides=FIRST"], ""),
            (vec!["--available", "--whatprovides=FIRST"], ""),
            (vec!["--upgrades"], "second|noarch|2|1|1.1|new\n\n"),
        ] {
            let argv = asked(&words);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            host = host.with_output(&argv, told(0, text, ""));
        }
        let repositories = "repo id           repo name\nold               old\n";
        let argv = ["dnf", "-q", "repolist", "--enabled"];
        let mut host = host.with_output(&argv, told(0, repositories, ""));
        let package = |repository: &str, state: &str| {
            json!({
                "name": "first", "arch": "noarch", "epoch": "0", "release": "1", "version": "1",
                "repo": repository, "envra": "0:first-1-1.noarch", "nevra": "0:first-1-1.noarch",
                "yumstate": state,
            })
        };
        let installed = package("@System", "installed");
        for (list, results) in [
            ("installed", json!([installed])),
            ("first", json!([installed, package("old", "available")])),
            ("FIRST", json!([])),
            ("repos", json!([{"repoid": "old", "state": "enabled"}])),
        ] {
            let ended = run::<Dnf>(&mut host, &json!({"list": list, "use_backend": "dnf4"}));
            assert_eq!(ended.status, Status::Ok, "{list}: {:?}", ended.returned);
            assert_eq!(
                ended.returned,
                *json!({"msg": "", "results": results}).as_object().unwrap()
            );
        }
        let ended = run::<Dnf>(&mut host, &json!({"list": "updates"}));
        assert_eq!(ended.returned["results"][0]["nevra"], "2:second-1.1-1.noarch");
    }

    #[test]
    fn nobody_asks_where_nobody_wants_to_know() {
        let none = Output { status: 1, ..Output::default() };
        let mut host = MemoryHost::new()
            .unforeseen()
            .with_program("dnf")
            .with_output(&["rpm", "-q", "--whatprovides", "--", "at"], none)
            .with_output(&["dnf", "-y", "install", "at"], told(0, INSTALL, ""));
        let ended = run::<Dnf>(&mut host, &json!({"name": "at"}));
        assert_eq!(ended.status, Status::Changed);
        assert_eq!(ended.returned["results"].as_array().unwrap().len(), 2);
        assert_eq!(ended.diffs.len(), 1);
        let argv = ["dnf", "-y", "--noautoremove", "remove", "a*"];
        let idle = told(0, "No match for argument: a*\nNothing to do.\n", "");
        let mut host = MemoryHost::new().unforeseen().with_program("dnf").with_output(&argv, idle);
        let ended = run::<Dnf>(&mut host, &json!({"name": "a*", "state": "absent"}));
        assert_eq!(ended.status, Status::Ok, "{:?}", ended.returned);
        assert_eq!(ended.returned["msg"], "Nothing to do");
    }
}
