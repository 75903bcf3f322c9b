//! `ansible.builtin.service_facts`: the services of the host and their states, as facts.
//!
//! Follows the module of ansible-core 2.19 for systemd, init scripts (`service`, `chkconfig`),
//! Upstart and `OpenRC`. Check mode: full; a rehearsal knows units that earlier tasks start, stop,
//! enable or disable. Diff: none.
//!
//! ```yaml
//! - name: What runs
//!   ansible.builtin.service_facts:
//! - ansible.builtin.debug:
//!     msg: "{{ ansible_facts.services['ssh.service'].state }}"
//! ```
//!
//! Returns `ansible_facts.services`: `name`, `state`, `status` and `source` of each by its name.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::program;
use super::setup::service_manager_of;
use crate::contract::{Module, Plan, Returned, Stop};
use crate::host::{Follow, Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.service_facts`: there are none.
    pub struct Params {}
}

/// The module.
#[derive(Debug)]
pub struct ServiceFacts;

/// What was found.
#[derive(Debug, Default)]
pub struct Observed {
    services: Returned,
    warnings: Vec<String>,
}

/// States that count more than what the unit file says.
const BAD: [&str; 3] = ["not-found", "masked", "failed"];

impl Module for ServiceFacts {
    type Params = Params;
    type Observed = Observed;

    const RETURNS_FACTS: bool = true;

    fn observe(_params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let mut found = Observed::default();
        let mut has = |name: &str| host.find_program(name).map(|path| path.is_some());
        let service = has("service")?;
        let chkconfig = has("chkconfig")?;
        let initctl = has("initctl")?;
        let openrc = (has("rc-status")?, has("rc-update")?);
        if service && !chkconfig && !openrc.0 {
            from_service(&mut found, host)?;
        }
        if initctl && !chkconfig {
            from_upstart(&mut found, host)?;
        } else if chkconfig {
            from_chkconfig(&mut found, host)?;
        } else if openrc == (true, true) {
            from_openrc(&mut found, host)?;
        }
        if service_manager_of(host)? == "systemd" && host.find_program("systemctl")?.is_some() {
            from_units(&mut found, host)?;
            from_unit_files(&mut found, host)?;
            rehearse(&mut found.services, host)?;
        }
        Ok(found)
    }

    fn plan(_params: &Params, found: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        if found.services.is_empty() {
            plan.set("skipped", true);
            plan.set(
                "msg",
                "Failed to find any services. This can be due to privileges or some other \
                 configuration issue.",
            );
        } else {
            plan.set("ansible_facts", json!({"services": found.services}));
        }
        if !found.warnings.is_empty() {
            plan.set("warnings", found.warnings.clone());
        }
        Ok(plan)
    }
}

fn entry(name: &str, state: &str, source: &str) -> Map<String, Json> {
    let fields = [("name", name), ("state", state), ("source", source)];
    fields.into_iter().map(|(key, value)| (key.to_owned(), Json::from(value))).collect()
}

fn from_service(found: &mut Observed, host: &mut dyn Host) -> Result<(), Stop> {
    let output = program::query(host, ["service", "--status-all"])?;
    if output.status == 4 && host.stat(Path::new("/etc/init.d"), Follow::Yes)?.is_none() {
        return Ok(());
    }
    if !output.success() {
        let (status, error) = (output.status, output.stderr_text());
        found.warnings.push(format!("Unable to query 'service' tool ({status}): {error}"));
    }
    for line in output.stdout_text().lines() {
        let line = line.trim_start();
        let (state, rest) = match (line.strip_prefix("[ + ]"), line.strip_prefix("[ - ]")) {
            (Some(rest), _) => ("running", rest),
            (_, Some(rest)) => ("stopped", rest),
            _ => continue,
        };
        let name = rest.trim_start();
        if !name.is_empty() {
            found.services.insert(name.to_owned(), entry(name, state, "sysv").into());
        }
    }
    Ok(())
}

fn from_upstart(found: &mut Observed, host: &mut dyn Host) -> Result<(), Stop> {
    let output = program::query(host, ["initctl", "list"])?;
    if !output.success() {
        let error = output.stderr_text();
        found.warnings.push(format!("Unable to query upstart for service data: {error}"));
        return Ok(());
    }
    for line in output.stdout_text().lines() {
        // name goal/state, process 12
        let line = line.split(", process").next().unwrap_or_default();
        let Some((name, word)) = line.trim_end().rsplit_once(' ') else { continue };
        let Some((goal, state)) = word.split_once('/') else { continue };
        let name = name.trim_start();
        let mut fields = entry(name, state, "upstart");
        fields.insert("goal".to_owned(), Json::from(goal));
        found.services.insert(name.to_owned(), fields.into());
    }
    Ok(())
}

fn from_chkconfig(found: &mut Observed, host: &mut dyn Host) -> Result<(), Stop> {
    let levels = |line: &str| -> Option<(String, bool)> {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        let levels: Vec<&str> =
            words.filter_map(|word| word.split_once(':')).map(|(_, on)| on).collect();
        (levels.len() >= 7).then(|| (name, levels.get(3) == Some(&"on")))
    };
    let mut output = program::query(host, ["chkconfig"])?;
    let text = output.stdout_text();
    if !text.lines().any(|line| levels(line).is_some()) {
        if text.lines().any(|line| line.ends_with("on") || line.ends_with("off")) {
            output = program::query(host, ["chkconfig", "-l", "--allservices"])?;
        } else if output.stderr_text().contains("--list") {
            output = program::query(host, ["chkconfig", "--list"])?;
        }
    }
    for (name, enabled) in output.stdout_text().lines().filter_map(levels) {
        let asked = program::query(host, ["service", &name, "status"])?;
        let error = asked.stderr_text().to_lowercase();
        let mut state = Json::from(if asked.success() { "running" } else { "stopped" });
        if !asked.success()
            && ["root", "permission", "not in sudoers"].iter().any(|word| error.contains(word))
        {
            found.warnings.push(format!(
                "Insufficient permissions to query sysV service \"{name}\" and their states"
            ));
            state = Json::from(asked.status);
        }
        let mut fields = entry(&name, "", "sysv");
        fields.insert("state".to_owned(), state);
        fields.insert("status".to_owned(), if enabled { "enabled" } else { "disabled" }.into());
        found.services.insert(name, fields.into());
    }
    Ok(())
}

fn from_openrc(found: &mut Observed, host: &mut dyn Host) -> Result<(), Stop> {
    let levels = program::query(host, ["rc-update", "show", "-v"])?.stdout_text();
    let levels: Map<String, Json> = levels
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(name, levels)| {
            let levels: Vec<&str> = levels.split_whitespace().collect();
            let levels = if levels.is_empty() { Json::Null } else { Json::from(levels) };
            (name.trim().to_owned(), levels)
        })
        .collect();
    let states = program::query(host, ["rc-status", "-a", "-s", "-m"])?.stdout_text();
    for line in states.lines().filter(|line| line.starts_with(' ')) {
        let line = line.replace(['[', ']'], "");
        let mut words = line.split_whitespace();
        let (Some(name), Some(state)) = (words.next(), words.next()) else { continue };
        if name == "*" {
            continue;
        }
        let Some(levels) = levels.get(name) else {
            found.warnings.push(format!("Service {name} not found in the service list"));
            continue;
        };
        let mut fields = entry(name, state, "openrc");
        fields.insert("runlevels".to_owned(), levels.clone());
        found.services.insert(name.to_owned(), fields.into());
    }
    Ok(())
}

fn from_units(found: &mut Observed, host: &mut dyn Host) -> Result<(), Stop> {
    let argv = ["systemctl", "list-units", "--no-pager", "--type", "service", "--all", "--plain"];
    let output = program::query(host, argv)?;
    if !output.success() {
        let error = output.stderr_text();
        found.warnings.push(format!("Could not list units from systemd: {error}"));
        return Ok(());
    }
    for line in output.stdout_text().lines().filter(|line| line.contains(".service")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, _, active, sub, ..] = fields.as_slice() else { continue };
        let but_last = fields.get(..fields.len() - 1).unwrap_or_default();
        let status = BAD.into_iter().find(|bad| but_last.contains(bad)).unwrap_or(active);
        let state = if *sub == "running" { "running" } else { "stopped" };
        let mut service = entry(name, state, "systemd");
        service.insert("status".to_owned(), Json::from(status));
        found.services.insert((*name).to_owned(), service.into());
    }
    Ok(())
}

fn from_unit_files(found: &mut Observed, host: &mut dyn Host) -> Result<(), Stop> {
    let argv = ["systemctl", "list-unit-files", "--no-pager", "--type", "service", "--all"];
    let output = program::query(host, argv)?;
    if !output.success() {
        let error = output.stderr_text();
        found.warnings.push(format!("Could not get unit files data from systemd: {error}"));
        return Ok(());
    }
    let mut others: Vec<(String, String)> = Vec::new();
    for line in output.stdout_text().lines().filter(|line| line.contains(".service")) {
        let mut words = line.split_whitespace();
        let (Some(name), Some(status)) = (words.next(), words.next()) else { continue };
        match found.services.get_mut(name) {
            None => others.push((name.to_owned(), status.to_owned())),
            Some(service) => {
                let known = service.get("status").and_then(Json::as_str).unwrap_or_default();
                if !BAD.contains(&known)
                    && let Json::Object(fields) = service
                {
                    fields.insert("status".to_owned(), Json::from(status));
                }
            }
        }
    }
    // one call for all: each `ActiveState` comes beside all `Names`; systemctl knows no state of
    // templates
    let names: Vec<&str> =
        others.iter().map(|(name, _)| name.as_str()).filter(|name| !name.contains("@.")).collect();
    let argv = ["systemctl", "show", "--property=Names", "--property=ActiveState", "--"];
    let states = if names.is_empty() {
        Map::new()
    } else {
        let output = program::query(host, argv.into_iter().chain(names))?;
        active_states(&output.stdout_text())
    };
    for (name, status) in others {
        let state = states.get(&name).and_then(Json::as_str).unwrap_or("unknown");
        let mut fields = entry(&name, state, "systemd");
        fields.insert("status".to_owned(), Json::from(status));
        found.services.insert(name, fields.into());
    }
    Ok(())
}

fn active_states(text: &str) -> Map<String, Json> {
    let mut found = Map::new();
    for block in text.split("\n\n") {
        let property =
            |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        if let (Some(names), Some(state)) = (property("Names"), property("ActiveState")) {
            let names = names.split_whitespace();
            found.extend(names.map(|name| (name.to_owned(), Json::from(state))));
        }
    }
    found
}

/// What earlier effects of a rehearsal made of units.
fn rehearse(services: &mut Returned, host: &mut dyn Host) -> Result<(), HostError> {
    for name in host.rehearsed_units().into_iter().filter(|name| name.ends_with(".service")) {
        let unit = host.unit(&name)?;
        let state = if unit.active { "running" } else { "stopped" };
        let mut fields = entry(&name, state, "systemd");
        fields.insert("status".to_owned(), Json::from(unit.enablement));
        services.insert(name, fields.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Observed, active_states, from_openrc, from_service, from_unit_files, from_units};
    use crate::effect::Output;
    use crate::host::memory::MemoryHost;

    fn output(text: &str) -> Output {
        Output { stdout: text.into(), ..Output::default() }
    }

    #[test]
    fn systemd_is_read_as_ansible_reads_it() {
        let units = "UNIT LOAD ACTIVE SUB DESCRIPTION\n\
                     ssh.service loaded active running OpenBSD Secure Shell server\n\
                     old.service not-found inactive dead old.service\n\
                     bad.service loaded failed failed A bad one\n";
        let files = "UNIT FILE STATE PRESET\nssh.service enabled enabled\n\
                     bad.service enabled enabled\nrsync.service disabled enabled\n";
        let list =
            ["systemctl", "list-units", "--no-pager", "--type", "service", "--all", "--plain"];
        let list_files =
            ["systemctl", "list-unit-files", "--no-pager", "--type", "service", "--all"];
        let show = [
            "systemctl",
            "show",
            "--property=Names",
            "--property=ActiveState",
            "--",
            "rsync.service",
        ];
        let mut host = MemoryHost::new()
            .with_output(&list, output(units))
            .with_output(&list_files, output(files))
            .with_output(&show, output("Names=rsync.service\nActiveState=inactive\n"));
        let mut found = Observed::default();
        from_units(&mut found, &mut host).unwrap();
        from_unit_files(&mut found, &mut host).unwrap();
        let short: Vec<_> = found
            .services
            .iter()
            .map(|(name, service)| json!([name, service["state"], service["status"]]))
            .collect();
        assert_eq!(
            json!(short),
            json!([
                ["ssh.service", "running", "enabled"],
                ["old.service", "stopped", "not-found"],
                ["bad.service", "stopped", "failed"],
                ["rsync.service", "inactive", "disabled"],
            ])
        );
    }

    #[test]
    fn init_scripts_and_openrc_are_read() {
        let mut host = MemoryHost::new()
            .with_output(
                &["service", "--status-all"],
                output(" [ + ]  cron\n [ - ]  x y\n [ ? ]  z\n"),
            )
            .with_output(&["rc-update", "show", "-v"], output(" sshd | default \n swap |\n"))
            .with_output(
                &["rc-status", "-a", "-s", "-m"],
                output("Runlevel: default\n sshd [ started ]\n swap [ stopped ]\n"),
            );
        let mut found = Observed::default();
        from_service(&mut found, &mut host).unwrap();
        from_openrc(&mut found, &mut host).unwrap();
        assert_eq!(
            json!(found.services),
            json!({
                "cron": {"name": "cron", "state": "running", "source": "sysv"},
                "x y": {"name": "x y", "state": "stopped", "source": "sysv"},
                "sshd": {"name": "sshd", "state": "started", "source": "openrc",
                         "runlevels": ["default"]},
                "swap": {"name": "swap", "state": "stopped", "source": "openrc",
                         "runlevels": null},
            })
        );
        assert_eq!(active_states("ActiveState=x\nNames=a\n\nNames=b\nActiveState=y\n")["b"], "y");
    }
}
