//! Packages that came along with others, and are now wanted for themselves.

use std::path::Path;

use crate::contract::Plan;
use crate::effect::{Command, Effect, SettingChange};
use crate::host::{Follow, Host, HostError};

const STATES: &str = "/var/lib/apt/extended_states";
const KIND: &str = "apt-mark";

/// Those of the installed packages that apt would remove when nothing needs them any longer.
pub(super) fn automatic(names: &[String], host: &mut dyn Host) -> Result<Vec<String>, HostError> {
    let path = Path::new(STATES);
    if names.is_empty() || host.stat(path, Follow::Yes)?.is_none() {
        return Ok(Vec::new());
    }
    let states = host.read(path)?;
    let states = String::from_utf8_lossy(&states).into_owned();
    let mut found = Vec::new();
    for name in names {
        let name = name.split([':', '=', '>', '/']).next().unwrap_or_default();
        if is_automatic(name, &states)
            && host.rehearsed(KIND, name).is_none()
            && host.package("apt", name)?.is_some()
        {
            found.push(name.to_owned());
        }
    }
    if found.is_empty() || host.find_program("apt-mark")?.is_none() {
        return Ok(Vec::new());
    }
    Ok(found)
}

fn is_automatic(name: &str, states: &str) -> bool {
    states.split("\n\n").any(|paragraph| {
        let has = |line: &str| paragraph.lines().any(|other| other == line);
        has(&format!("Package: {name}")) && has("Auto-Installed: 1")
    })
}

/// Plans that they stay; no change of its own, as Ansible counts.
pub(super) fn plan(automatic: &[String], plan: &mut Plan) {
    for name in automatic {
        let change = SettingChange {
            kind: KIND.to_owned(),
            name: name.clone(),
            before: Some("auto".into()),
            after: Some("manual".into()),
            commands: vec![Command::new(["apt-mark", "manual", name])],
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), "it came along with another package");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Apt;
    use crate::host::memory::MemoryHost;
    use crate::recorded::{commands, run};
    use crate::wire::Status;

    #[test]
    fn what_is_named_stays() {
        let states = "Package: openssl\nArchitecture: amd64\nAuto-Installed: 1\n\n\
            Package: sl\nArchitecture: amd64\nAuto-Installed: 0\n\n";
        let mut host = MemoryHost::new()
            .with_program("apt-get")
            .with_program("apt-mark")
            .with_package("apt", "openssl", "3")
            .with_package("apt", "sl", "5")
            .with_file("/var/lib/apt/extended_states", states);
        let arguments = json!({"name": ["openssl", "sl"]});
        let ended = run::<Apt>(&mut host, &arguments);
        assert_eq!(ended.status, Status::Ok, "{:?}", ended.returned);
        assert_eq!(commands(&host), [["apt-mark", "manual", "openssl"]]);
        // once is enough in a dry run
        run::<Apt>(&mut host, &arguments);
        assert_eq!(commands(&host).len(), 1);
    }
}
