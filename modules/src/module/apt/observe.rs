//! What is installed, what could be, and what `apt-get` would do.

use std::path::{Path, PathBuf};

use super::params::{State, Upgrade};
use super::transaction::{Policy, Transaction, policies, providers};
use super::{Error, Observed, Params, Step, failed, marks};
use crate::contract::Stop;
use crate::effect::{Command, Output};
use crate::host::{Follow, Host, HostError, HttpRequest, PACKAGE_LISTS, fetched_at};
use crate::module::program::LOCALE;
use crate::module::uri::fetched;
use crate::module::{expansion, wildcard};

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    if host.find_program("apt-get")?.is_none() {
        return Err(Stop::failed(Error::NoApt));
    }
    let cache_time = fetched_at(host)?;
    let now = host.now().seconds;
    let valid = i64::try_from(params.cache_valid_time).unwrap_or(i64::MAX);
    let wants = params.update_cache.unwrap_or(params.cache_valid_time > 0);
    let refresh = wants && cache_time.saturating_add(valid) <= now;
    let known = refresh && host.fetch_lists_ahead("apt");
    let mut observed =
        Observed { cache_time, refresh, known, steps: Vec::new(), automatic: Vec::new() };
    if let Some(file) = &params.deb {
        observed.steps.extend(package_file(params, file, host)?);
    }
    match params.upgrade {
        Upgrade::No => {}
        Upgrade::Safe => upgrade(params, &["upgrade", "--with-new-pkgs"], host, &mut observed)?,
        Upgrade::Full | Upgrade::Dist => upgrade(params, &["dist-upgrade"], host, &mut observed)?,
    }
    let names = params.package.clone().unwrap_or_default();
    let names: Vec<String> =
        names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    if params.state == State::Absent {
        if !names.is_empty() {
            removal(params, &names, host, &mut observed)?;
        }
    } else if !names.is_empty() || params.state == State::Fixed {
        installation(params, &names, host, &mut observed)?;
        if params.state != State::BuildDep {
            observed.automatic = marks::automatic(&names, host)?;
        }
    }
    if names.is_empty() && params.autoremove && params.upgrade == Upgrade::No {
        let purge = params.purge.then_some("--purge");
        let words: Vec<&str> = ["autoremove"].into_iter().chain(purge).collect();
        push(params, &words, &[], host, &mut observed)?;
    }
    if params.autoclean {
        push(params, &["autoclean"], &[], host, &mut observed)?;
    }
    if params.clean {
        let files = wildcard::glob(Path::new("/var/cache/apt/archives/*.deb"), host)?;
        let transaction = Transaction { deleted: files.len(), ..Transaction::default() };
        observed.steps.push(Step {
            command: command(params, &["clean"], &[]),
            transaction: Some(transaction),
            names: Vec::new(),
            file: None,
        });
    }
    Ok(observed)
}

/// The call that does it.
fn command(params: &Params, action: &[&str], packages: &[String]) -> Command {
    let mut argv: Vec<String> = vec!["apt-get".to_owned(), "-y".to_owned()];
    for option in params.dpkg_options.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        argv.extend(["-o".to_owned(), format!("Dpkg::Options::=--{option}")]);
    }
    argv.extend(["-o".to_owned(), format!("DPkg::Lock::Timeout={}", params.lock_timeout)]);
    for (flag, given) in [
        ("--only-upgrade", params.only_upgrade),
        ("--fix-broken", params.state == State::Fixed),
        ("--force-yes", params.force),
        ("--no-remove", params.fail_on_autoremove),
        ("--allow-unauthenticated", params.allow_unauthenticated),
        ("--allow-downgrades", params.allow_downgrade),
        ("--allow-change-held-packages", params.allow_change_held_packages),
    ] {
        argv.extend(given.then(|| flag.to_owned()));
    }
    let removes =
        matches!(action.first(), Some(&("install" | "remove" | "upgrade" | "dist-upgrade")));
    argv.extend((removes && params.autoremove).then(|| "--auto-remove".to_owned()));
    if let Some(release) = &params.default_release {
        argv.extend(["-t".to_owned(), release.clone()]);
    }
    if let Some(recommends) = params.install_recommends {
        let word = if recommends { "yes" } else { "no" };
        argv.extend(["-o".to_owned(), format!("APT::Install-Recommends={word}")]);
    }
    argv.extend(action.iter().map(ToString::to_string));
    argv.extend(packages.iter().cloned());
    quiet(Command::new(argv))
}

/// Nobody is asked, and the words are English.
fn quiet(mut command: Command) -> Command {
    for (name, value) in [
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBIAN_PRIORITY", "critical"),
        ("APT_LISTCHANGES_FRONTEND", "none"),
        ("LC_ALL", LOCALE),
        ("LANGUAGE", "C"),
    ] {
        command.environment.insert(name.to_owned(), value.to_owned());
    }
    command
}

/// With a `policy-rc.d` for the time of the call; one that is there is put back.
fn with_policy(params: &Params, command: Command) -> Command {
    const SCRIPT: &str = "p=/usr/sbin/policy-rc.d; \
        trap 'rm -f $p; [ ! -e $p.canvass ] || mv $p.canvass $p' EXIT; \
        [ ! -e $p ] || mv $p $p.canvass; \
        printf '#!/bin/sh\\nexit %d\\n' \"$1\" > $p && chmod 0755 $p && shift && \"$@\"";
    let Some(status) = params.policy_rc_d else { return command };
    let mut argv: Vec<String> =
        ["/bin/sh", "-c", SCRIPT, "sh"].into_iter().map(str::to_owned).collect();
    argv.push(status.to_string());
    argv.extend(command.argv);
    Command { argv, ..command }
}

/// What a call would do. `--simulate` goes over all packages twice, `--print-uris` once, which is
/// most of what a small install takes; where its answer does not add up, the simulation is asked.
fn simulate(command: &Command, host: &mut dyn Host) -> Result<Transaction, Stop> {
    let lists = |word: &String| matches!(word.as_str(), "autoclean" | "build-dep");
    let told = if command.argv.iter().any(lists) {
        None
    } else {
        let output = asked(command, &["--print-uris", "-V"], host)?;
        Transaction::parse_summary(&output.stdout_text())
    };
    let mut transaction = match told {
        Some(transaction) => transaction,
        None => Transaction::parse(&asked(command, &["--simulate"], host)?.stdout_text()),
    };
    // what a rehearsal would have installed by then is not installed again
    let rehearsed = host.rehearsed_packages("apt");
    transaction.install.retain(|step| {
        !rehearsed.iter().any(|(name, version)| *name == step.name && *version == step.to)
    });
    Ok(transaction)
}

/// What a call says with options that keep it from acting.
fn asked(command: &Command, options: &[&str], host: &mut dyn Host) -> Result<Output, Stop> {
    let mut question = command.clone();
    question.argv.splice(1..1, options.iter().map(|option| (*option).to_owned()));
    let output = host.query(&question)?;
    if output.success() {
        return Ok(output);
    }
    Err(failed(command, output.stderr_text())
        .with("rc", output.status)
        .with("stdout", output.stdout_text())
        .with("stderr", output.stderr_text()))
}

/// Adds a call, with what it would do where that can be known.
fn push(
    params: &Params,
    action: &[&str],
    packages: &[String],
    host: &mut dyn Host,
    observed: &mut Observed,
) -> Result<(), Stop> {
    let call = command(params, action, packages);
    let reads_lists = !matches!(action.first(), Some(&("remove" | "autoremove" | "autoclean")));
    let transaction = if observed.refresh && !observed.known && reads_lists {
        None
    } else {
        match simulate(&call, host) {
            Ok(transaction) => Some(transaction),
            Err(_) if reads_lists && refreshed_before(host) => None,
            Err(stop) => return Err(stop),
        }
    };
    observed.steps.push(Step {
        command: with_policy(params, call),
        transaction,
        names: packages.to_vec(),
        file: None,
    });
    Ok(())
}

/// Whether an earlier task of a rehearsal would have fetched the lists: what the present ones
/// lack may be in those.
fn refreshed_before(host: &mut dyn Host) -> bool {
    host.rehearsed(PACKAGE_LISTS, "apt").is_some()
}

fn upgrade(
    params: &Params,
    action: &[&str],
    host: &mut dyn Host,
    observed: &mut Observed,
) -> Result<(), Stop> {
    push(params, action, &[], host, observed)
}

fn query(words: &[&str], host: &mut dyn Host) -> Result<Output, HostError> {
    host.query(&quiet(Command::new(words.iter().copied())))
}

fn package_file(params: &Params, file: &Path, host: &mut dyn Host) -> Result<Option<Step>, Stop> {
    if file.to_string_lossy().contains("://") {
        return fetched_file(params, &file.to_string_lossy(), host);
    }
    let path = expansion::path(file, host)?;
    let path = if path.is_absolute() { path } else { Path::new(".").join(path) };
    look_into(params, &path, host)
}

/// A package file at an address, looked at in a private place.
fn fetched_file(params: &Params, url: &str, host: &mut dyn Host) -> Result<Option<Step>, Stop> {
    let reason = |reason: String| Stop::failed(format!("Failure downloading {url}, {reason}"));
    let request = HttpRequest { url: url.to_owned(), use_proxy: true, ..HttpRequest::default() };
    let bytes = fetched(host.fetch(&request))?.map_err(reason)?;
    let scratch = host.scratch()?;
    let looked = look_at_bytes(params, &bytes, &scratch, host);
    host.discard(&scratch);
    let Some(mut step) = looked? else { return Ok(None) };
    let name = step.names.first().map(String::as_str).unwrap_or_default();
    let place = PathBuf::from(format!("/tmp/canvass-{name}.deb"));
    if let Some(last) = step.command.argv.last_mut() {
        *last = place.to_string_lossy().into_owned();
    }
    step.file = Some((place, bytes));
    Ok(Some(step))
}

fn look_at_bytes(
    params: &Params,
    bytes: &[u8],
    scratch: &Path,
    host: &mut dyn Host,
) -> Result<Option<Step>, Stop> {
    let path = scratch.join("package.deb");
    let shown = path.to_string_lossy().into_owned();
    let keep = ["/bin/sh", "-c", "cat > \"$1\"", "sh", &shown];
    let kept = host.query(&crate::module::rpm_key::piped(bytes, &keep))?;
    if !kept.success() {
        return Err(crate::module::program::failure(&kept));
    }
    look_into(params, &path, host)
}

fn look_into(params: &Params, path: &Path, host: &mut dyn Host) -> Result<Option<Step>, Stop> {
    let shown = path.to_string_lossy().into_owned();
    let format = "--showformat=${Package} ${Version}";
    let output = query(&["dpkg-deb", "--show", format, &shown], host)?;
    let text = output.stdout_text();
    let Some((name, version)) = text.trim().split_once(' ').filter(|_| output.success()) else {
        let reason = match host.stat(path, Follow::Yes)? {
            // in the words of `apt`
            None => format!("E:Could not open file {shown} - open (2: No such file or directory)"),
            Some(_) => format!("{shown}: {}", output.stderr_text().trim()),
        };
        return Err(Stop::failed(Error::Deb(reason)));
    };
    if host.package("apt", name)?.as_deref() == Some(version) {
        return Ok(None);
    }
    let call = command(params, &["install"], &[shown]);
    let transaction = Some(simulate(&call, host)?);
    Ok(Some(Step {
        command: with_policy(params, call),
        transaction,
        names: vec![name.to_owned()],
        file: None,
    }))
}

/// A package as the task names it.
struct Wanted<'a> {
    given: &'a str,
    name: &'a str,
    /// `=` or `>=` and a version, which may have wildcards.
    version: Option<(&'a str, &'a str)>,
}

fn wanted(given: &str) -> Wanted<'_> {
    for operator in [">=", "="] {
        if let Some((name, version)) = given.split_once(operator) {
            let version = Some((operator, version.trim()));
            return Wanted { given, name: name.trim(), version };
        }
    }
    Wanted { given, name: given, version: None }
}

fn installation(
    params: &Params,
    names: &[String],
    host: &mut dyn Host,
    observed: &mut Observed,
) -> Result<(), Stop> {
    if params.state == State::BuildDep {
        return push(params, &["build-dep"], names, host, observed);
    }
    let names = expand(names, host)?;
    let mut asked: Vec<Wanted<'_>> = Vec::new();
    for wanted in names.iter().map(|name| wanted(name)) {
        if !is_settled(params, &wanted, host)? {
            asked.push(wanted);
        }
    }
    let mut words = vec!["apt-cache", "policy"];
    words.extend(asked.iter().map(|wanted| wanted.name));
    let known = if asked.is_empty() {
        std::collections::BTreeMap::new()
    } else {
        policies(&query(&words, host)?.stdout_text())
    };
    let mut specs = Vec::new();
    for wanted in &asked {
        let policy = known.get(wanted.name.split(':').next().unwrap_or_default());
        let policy = known.get(wanted.name).or(policy).cloned().unwrap_or_default();
        if let Some(spec) =
            needed(params, wanted, &policy, observed.refresh && !observed.known, host)?
        {
            specs.push(spec);
        }
    }
    if specs.is_empty() && params.state != State::Fixed {
        return Ok(());
    }
    push(params, &["install"], &specs, host, observed)
}

/// Whether what is installed is enough, so that apt's lists need not be read (which takes most of
/// a second where they are long).
fn is_settled(
    params: &Params,
    wanted: &Wanted<'_>,
    host: &mut dyn Host,
) -> Result<bool, HostError> {
    if params.state != State::Present {
        return Ok(false);
    }
    let Some(have) = host.package("apt", wanted.name)? else { return Ok(false) };
    Ok(match wanted.version {
        None => true,
        Some(("=", version)) => wildcard::matches(version, &have),
        Some(_) => false,
    })
}

/// What `apt-get install` must be told of a package; `None` when all is well.
fn needed(
    params: &Params,
    wanted: &Wanted<'_>,
    policy: &Policy,
    refresh: bool,
    host: &mut dyn Host,
) -> Result<Option<String>, Stop> {
    let installed = host.package("apt", wanted.name)?;
    if installed.is_none() && params.only_upgrade {
        return Ok(None);
    }
    let name = wanted.name;
    if let Some((operator, version)) = wanted.version {
        let fits = |have: &str, host: &mut dyn Host| -> Result<bool, HostError> {
            if operator == "=" {
                return Ok(wildcard::matches(version, have));
            }
            let words = ["dpkg", "--compare-versions", have, "ge", version];
            query(&words, host).map(|output| output.success())
        };
        if let Some(have) = &installed
            && fits(have, host)?
            && params.state != State::Latest
        {
            return Ok(None);
        }
        for have in &policy.versions {
            if fits(have, host)? {
                let same = installed.as_ref() == Some(have);
                return Ok((!same).then(|| format!("{name}={have}")));
            }
        }
        return match (refresh || refreshed_before(host), operator) {
            (true, "=") => Ok(Some(format!("{name}={version}"))),
            (true, _) => Ok(Some(name.to_owned())),
            (false, _) if policy.versions.is_empty() && installed.is_none() => {
                Err(Stop::failed(Error::NoPackage(name.to_owned())))
            }
            (false, _) => Err(Stop::failed(Error::NoCandidate(wanted.given.to_owned()))),
        };
    }
    if let Some(have) = &installed {
        let newer = match &policy.candidate {
            _ if params.state != State::Latest => false,
            _ if refresh => true,
            Some(candidate) => candidate != have,
            None => false,
        };
        return Ok(newer.then(|| name.to_owned()));
    }
    if policy.candidate.is_some() || name.contains('/') {
        return Ok(Some(name.to_owned()));
    }
    // a virtual package is there when one that provides it is
    let providers = providers(&query(&["apt-cache", "showpkg", name], host)?.stdout_text());
    for provider in &providers {
        if host.package("apt", provider)?.is_some() {
            return Ok(None);
        }
    }
    if providers.is_empty() && !refresh && !refreshed_before(host) {
        return Err(Stop::failed(Error::NoPackage(name.to_owned())));
    }
    Ok(Some(name.to_owned()))
}

/// Replaces wildcards in names by the packages that match.
fn expand(names: &[String], host: &mut dyn Host) -> Result<Vec<String>, Stop> {
    let mut all = None;
    let mut found = Vec::new();
    for given in names {
        let Wanted { name, version, .. } = wanted(given);
        if !wildcard::has_wildcards(name) {
            found.push(given.clone());
            continue;
        }
        if all.is_none() {
            let output = query(&["apt-cache", "pkgnames"], host)?.stdout_text();
            let mut known: Vec<String> = output.lines().map(str::to_owned).collect();
            known.sort();
            all = Some(known);
        }
        let known = all.as_deref().unwrap_or_default();
        let matching: Vec<&String> =
            known.iter().filter(|known| wildcard::matches(name, known)).collect();
        if matching.is_empty() {
            return Err(Stop::failed(format!("No package(s) matching '{name}' available")));
        }
        let version = version.map(|(operator, version)| format!("{operator}{version}"));
        let version = version.unwrap_or_default();
        found.extend(matching.into_iter().map(|name| format!("{name}{version}")));
    }
    Ok(found)
}

fn removal(
    params: &Params,
    names: &[String],
    host: &mut dyn Host,
    observed: &mut Observed,
) -> Result<(), Stop> {
    let mut there = Vec::new();
    for given in names {
        let name = wanted(given).name;
        if wildcard::has_wildcards(name) {
            let format = "--showformat=${db:Status-Status} ${Package}\n";
            let output = query(&["dpkg-query", "--show", format], host)?.stdout_text();
            let matching = output
                .lines()
                .filter_map(|line| line.strip_prefix("installed "))
                .filter(|known| wildcard::matches(name, known));
            there.extend(matching.map(str::to_owned));
        } else if host.package("apt", name)?.is_some() || (params.purge && leftovers(name, host)?) {
            there.push(name.to_owned());
        }
    }
    if there.is_empty() {
        return Ok(());
    }
    let purge = params.purge.then_some("--purge");
    let words: Vec<&str> = ["remove"].into_iter().chain(purge).collect();
    push(params, &words, &there, host, observed)
}

/// Whether configuration files of a removed package are left.
fn leftovers(name: &str, host: &mut dyn Host) -> Result<bool, HostError> {
    let words = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name];
    query(&words, host).map(|output| output.stdout_text() == "config-files")
}
