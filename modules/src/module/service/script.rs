//! Services that `OpenRC` or init scripts drive.

use std::path::{Path, PathBuf};

use super::Params;
use crate::contract::{Plan, Planned, Stop};
use crate::effect::{Command, Effect, Output, UnitAction, UnitChange};
use crate::host::{Follow, Host, HostError};
use crate::module::systemd_service::State;
use crate::module::{program, shell_words, sysvinit, wildcard};

/// What is known of the service.
#[derive(Debug, Clone)]
pub struct Script {
    /// What drives it: `rc-service`, `service`, or its own script.
    driver: Driver,
    /// Whether it runs; `None` where that cannot be told, or is not asked.
    runs: Option<bool>,
    /// It has ended on its own, as `OpenRC` tells.
    crashed: bool,
    /// The calls after which it starts at boot, or not, as is wanted.
    boot: Vec<Command>,
    words: Vec<String>,
}

/// What starts and stops it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Driver {
    OpenRc(PathBuf),
    Service(PathBuf),
    Own(PathBuf),
}

/// The program that decides what starts at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BootTool {
    OpenRc(PathBuf),
    UpdateRc(PathBuf),
    Chkconfig(PathBuf),
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no such service, or nothing that drives it.
    #[error("Could not find the requested service {0}: host")]
    Missing(String),
    /// Neither of both is given.
    #[error("one of the following is required: state, enabled")]
    NothingAsked,
    /// Nobody can tell whether it runs.
    #[error("failed determining service state, possible typo of service name?")]
    Untold,
    /// Its script cannot be led by `chkconfig`.
    #[error("service {0} does not support chkconfig")]
    NotOfChkconfig(String),
    /// Words with open quotation marks.
    #[error(transparent)]
    Words(#[from] shell_words::SplitError),
}

impl Driver {
    fn call(&self, params: &Params, action: &str, words: &[String]) -> Command {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut argv = match self {
            Self::OpenRc(path) | Self::Service(path) => vec![text(path), params.named().to_owned()],
            Self::Own(script) => vec![text(script)],
        };
        argv.push(action.to_owned());
        argv.extend(words.iter().cloned());
        program::command(argv)
    }
}

/// Asks what there is to know.
pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Script, Stop> {
    if params.state.is_none() && params.enabled.is_none() {
        return Err(Stop::failed(Error::NothingAsked));
    }
    let (driver, tool) = tools(params, host)?;
    let words = shell_words::split(params.arguments.as_deref().unwrap_or_default())
        .map_err(|error| Stop::failed(Error::Words(error)))?;
    let mut script = Script { driver, runs: None, crashed: false, boot: Vec::new(), words };
    let rehearsed = host.rehearsed_unit(params.named());
    if let Some(wanted) = params.enabled {
        script.boot = match rehearsed.and_then(|unit| unit.enabled) {
            Some(enabled) if enabled == wanted => Vec::new(),
            _ => boot(params, &tool, wanted, host)?,
        };
    }
    if params.state.is_none() {
        return Ok(script);
    }
    if let Some(active) = rehearsed.and_then(|unit| unit.active) {
        script.runs = Some(active);
        return Ok(script);
    }
    if let Some(pattern) = &params.pattern {
        let output = program::query(host, ["ps", "auxww"])?;
        let running = output.stdout_text().lines().any(|line| line.contains(pattern));
        script.runs = output.success().then_some(running);
        return Ok(script);
    }
    let output = host.query(&script.driver.call(params, "status", &script.words))?;
    match script.driver {
        Driver::OpenRc(_) => {
            script.runs = Some(output.stdout_text().contains("started"));
            script.crashed = output.stderr_text().contains("crashed");
        }
        Driver::Service(_) | Driver::Own(_) => script.runs = says(params.named(), &output),
    }
    Ok(script)
}

/// What drives the service, and what decides about the boot.
fn tools(params: &Params, host: &mut dyn Host) -> Result<(Driver, BootTool), Stop> {
    let missing = || Stop::failed(Error::Missing(params.named().to_owned()));
    if let Some(path) = host.find_program("rc-service")? {
        let update = host.find_program("rc-update")?.ok_or_else(missing)?;
        return Ok((Driver::OpenRc(path), BootTool::OpenRc(update)));
    }
    let own = Path::new("/etc/init.d").join(params.named());
    if host.stat(&own, Follow::Yes)?.is_none() {
        return Err(missing());
    }
    let tool = match host.find_program("update-rc.d")? {
        Some(path) => BootTool::UpdateRc(path),
        None => BootTool::Chkconfig(host.find_program("chkconfig")?.ok_or_else(missing)?),
    };
    let driver = host.find_program("service")?.map_or(Driver::Own(own), Driver::Service);
    Ok((driver, tool))
}

/// What `status` says of a script, read as Ansible reads it.
fn says(name: &str, output: &Output) -> Option<bool> {
    if [1, 2, 3, 4, 69].contains(&output.status) {
        return Some(false);
    }
    let text = output.stdout_text();
    if text.matches('\n').count() <= 1 {
        let said = text.to_lowercase().replace(&name.to_lowercase(), "");
        let has = |word: &str| said.contains(word);
        if has("stop") {
            return Some(false);
        }
        if has("run") {
            return Some(!has("not "));
        }
        if has("start") && !has("not ") {
            return Some(true);
        }
        let dead = [
            "could not access pid file",
            "is dead and pid file exists",
            "dead but subsys locked",
            "dead but pid file exists",
        ];
        if dead.into_iter().any(has) {
            return Some(false);
        }
    }
    let listed = name == "iptables" && text.contains("ACCEPT");
    (output.success() || listed).then_some(true)
}

/// The calls that make it start at boot or not; none where that is so.
fn boot(
    params: &Params,
    tool: &BootTool,
    wanted: bool,
    host: &mut dyn Host,
) -> Result<Vec<Command>, Stop> {
    let name = params.named();
    let call = |path: &Path, words: &[&str]| {
        let program = path.to_string_lossy();
        program::command(std::iter::once(program.as_ref()).chain(words.iter().copied()))
    };
    let path = match tool {
        BootTool::OpenRc(path) | BootTool::UpdateRc(path) | BootTool::Chkconfig(path) => path,
    };
    match tool {
        BootTool::OpenRc(_) => {
            let level = params.runlevel.as_deref().unwrap_or("default");
            let shown = host.query(&call(path, &["show"]))?.stdout_text();
            let enabled = shown
                .lines()
                .filter_map(|line| line.split_once('|'))
                .find(|(service, _)| service.trim() == name)
                .is_some_and(|(_, levels)| levels.split_whitespace().any(|known| known == level));
            let action = if wanted { "add" } else { "delete" };
            let calls = (enabled != wanted).then(|| call(path, &[action, name, level]));
            Ok(calls.into_iter().collect())
        }
        BootTool::UpdateRc(_) => {
            let mut links = |kind: char| {
                let links = format!("/etc/rc?.d/{kind}??{name}");
                wildcard::glob(Path::new(&links), host).map(|found| !found.is_empty())
            };
            Ok(match (links('S')?, wanted) {
                (false, true) if links('K')? => vec![call(path, &[name, "enable"])],
                (false, true) => {
                    vec![call(path, &[name, "defaults"]), call(path, &[name, "enable"])]
                }
                (true, false) => vec![call(path, &[name, "disable"])],
                _ => Vec::new(),
            })
        }
        BootTool::Chkconfig(_) => {
            let action = if wanted { "on" } else { "off" };
            let listed = host.query(&call(path, &["--list", name]))?;
            let switch = call(path, &[name, action]);
            if listed.stderr_text().contains(&format!("chkconfig --add {name}")) {
                return Ok(vec![call(path, &["--add", name]), switch]);
            }
            let text = listed.stdout_text();
            if !text.contains(name) {
                return Err(Stop::failed(Error::NotOfChkconfig(name.to_owned())));
            }
            let there = ["3", "5"].iter().all(|level| text.contains(&format!("{level}:{action}")));
            Ok(if there { Vec::new() } else { vec![switch] })
        }
    }
}

/// Decides what happens.
pub(super) fn plan(params: &Params, script: &Script) -> Result<Plan, Stop> {
    let mut plan = Plan::nothing();
    plan.set("name", params.named());
    let unit = |action, command| {
        Effect::Unit(UnitChange { name: params.named().to_owned(), action, command })
    };
    if let Some(enabled) = params.enabled {
        plan.set("enabled", enabled);
        for command in &script.boot {
            match enabled {
                true => plan.push(unit(UnitAction::Enable, command.clone()), "it is not enabled"),
                false => plan.push(unit(UnitAction::Disable, command.clone()), "it is enabled"),
            }
        }
    }
    let Some(state) = params.state else { return Ok(plan) };
    let runs = script.runs.ok_or_else(|| Stop::failed(Error::Untold))?;
    let call = |action: &str| script.driver.call(params, action, &script.words);
    let openrc = matches!(script.driver, Driver::OpenRc(_));
    plan.set("state", if state == State::Stopped { "stopped" } else { "started" });
    match (state, runs) {
        (State::Started | State::Reloaded, false) => {
            if openrc && script.crashed {
                let mut zap = script.driver.call(params, "zap", &[]);
                // what comes of it is not looked at
                zap.accepts = (1..=255).collect();
                plan.push(unit(UnitAction::Stop, zap), "it has ended on its own");
            }
            plan.push(unit(UnitAction::Start, call("start")), "it does not run");
        }
        (State::Stopped, true) => plan.push(unit(UnitAction::Stop, call("stop")), "it runs"),
        (State::Reloaded, true) => plan.push(unit(UnitAction::Reload, call("reload")), "as asked"),
        (State::Restarted, _) if openrc => {
            plan.push(unit(UnitAction::Restart, call("restart")), "as asked");
        }
        (State::Restarted, _) => {
            let mut stop = call("stop");
            // one that cannot be stopped and starts is fine
            stop.accepts = (1..=255).collect();
            plan.push(unit(UnitAction::Stop, stop), "as asked");
            let start = match params.sleep {
                None | Some(0) => call("start"),
                Some(seconds) => sysvinit::after_a_pause(seconds, call("start")),
            };
            plan.push(unit(UnitAction::Start, start), "as asked");
        }
        (State::Started, true) | (State::Stopped, false) => {}
    }
    Ok(plan)
}

/// A failure in the words of Ansible.
pub(super) fn explain(params: &Params, planned: &Planned, error: HostError) -> Stop {
    let (HostError::CommandFailed { output, .. }, Effect::Unit(change)) = (&error, &planned.effect)
    else {
        return Stop::Host(error);
    };
    let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
    let said = if stderr.is_empty() { &stdout } else { &stderr };
    let boot = matches!(change.action, UnitAction::Enable | UnitAction::Disable);
    let argv = &change.command.argv;
    let of = |name: &str| argv.first().is_some_and(|program| program.ends_with(name));
    if !boot || of("update-rc.d") {
        return Stop::failed(said.clone());
    }
    // what is called and with what, in the order in which the program takes it
    let (action, subject) = match argv.as_slice() {
        [_, action, name, level] => (action, format!("{name} {level}")),
        [_, name, action] => (action, name.clone()),
        _ => return Stop::failed(said.clone()),
    };
    let subject = if of("rc-update") { params.named().to_owned() } else { subject };
    let status = output.status;
    Stop::failed(if stderr.is_empty() {
        format!("Failure for {action} {subject}: rc={status} {stdout}")
    } else {
        format!("Error when trying to {action} {subject}: rc={status} {stderr}")
    })
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::says;
    use crate::effect::Output;
    use crate::host::memory::MemoryHost;
    use crate::recorded::programs_run_as_recorded;

    #[test]
    fn services_are_driven_as_recorded() {
        programs_run_as_recorded::<Service>(MemoryHost::new, include_str!("script_cases.json"));
    }

    #[test]
    fn the_status_is_read_as_ansible_reads_it() {
        for (status, text, running) in [
            (0, "web is running.\n", Some(true)),
            (0, "web is not running.\n", Some(false)),
            (3, "web is running.\n", Some(false)),
            (0, "web is stopped\n", Some(false)),
            (0, "web started\n", Some(true)),
            (7, "web is dead and pid file exists\n", Some(false)),
            (7, "who knows\n", None),
            (0, "", Some(true)),
        ] {
            let output = Output { status, stdout: text.into(), ..Output::default() };
            assert_eq!(says("web", &output), running, "{text:?}");
        }
    }
}
