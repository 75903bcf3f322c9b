//! Conditions of units: a unit whose conditions do not hold is not started, and that is no error.

use std::path::Path;

use super::RehearsalHost;
use crate::effect::Command;
use crate::host::{Follow, Host};

impl<B: Host> RehearsalHost<B> {
    /// Whether the conditions of a unit hold, as far as they can be told; others are taken to.
    pub(super) fn conditions_hold(&mut self, unit: &str) -> bool {
        let text = self.unit_text(unit);
        let lines: Vec<_> = text.lines().filter_map(|line| line.trim().split_once('=')).collect();
        // one without a value takes back all before it
        let taken_back = |(name, value): &(&str, &str)| {
            name.trim_end().starts_with("Condition") && value.trim().is_empty()
        };
        let from = lines.iter().rposition(taken_back).map_or(0, |at| at + 1);
        lines.into_iter().skip(from).all(|(name, value)| {
            let (wanted, value) = match value.trim().strip_prefix('!') {
                Some(value) => (false, value.trim()),
                None => (true, value.trim()),
            };
            // a condition that is one of several ways needs no look
            if value.starts_with('|') {
                return true;
            }
            let holds = match name.trim() {
                "ConditionCapability" => self.has_capability(value),
                "ConditionPathExists" if !value.contains('%') => {
                    self.stat(Path::new(value), Follow::Yes).ok().map(|stat| stat.is_some())
                }
                "ConditionVirtualization" if value == "container" => self.is_container(),
                _ => None,
            };
            holds.is_none_or(|holds| holds == wanted)
        })
    }

    /// Whether a unit is active after it was started: its conditions hold, and it is none that does
    /// its work and ends (`systemd.service(5)`).
    pub(super) fn stays_active(&mut self, unit: &str) -> bool {
        let text = self.unit_text(unit);
        let says = |line: &str| text.lines().any(|other| other.trim() == line);
        let remains = ["yes", "true", "1", "on"];
        let ends = says("Type=oneshot")
            && !remains.iter().any(|word| says(&format!("RemainAfterExit={word}")));
        !ends && self.conditions_hold(unit)
    }

    /// The file of a unit and what is added to it, in the order in which it counts; empty where it
    /// cannot be read.
    fn unit_text(&mut self, unit: &str) -> String {
        const PLACES: [&str; 3] =
            ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
        let text =
            PLACES.iter().find_map(|directory| self.read(&Path::new(directory).join(unit)).ok());
        let mut text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        // a name counts once, where it is first
        let mut parts = std::collections::BTreeMap::new();
        for directory in PLACES {
            let directory = Path::new(directory).join(format!("{unit}.d"));
            for name in self.list(&directory).unwrap_or_default() {
                if name.ends_with(".conf") {
                    parts.entry(name.clone()).or_insert_with(|| directory.join(name));
                }
            }
        }
        for part in parts.values() {
            let added = self.read(part).unwrap_or_default();
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(&added));
        }
        text
    }

    /// Whether the service manager may have a capability.
    fn has_capability(&mut self, name: &str) -> Option<bool> {
        let bit = CAPABILITIES.iter().position(|known| *known == name)?;
        let status = self.base.read(Path::new("/proc/1/status")).ok()?;
        let status = String::from_utf8_lossy(&status).into_owned();
        let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"))?;
        let bounding = u64::from_str_radix(bounding.trim(), 16).ok()?;
        Some(bounding >> bit & 1 == 1)
    }

    fn is_container(&mut self) -> Option<bool> {
        let command = Command::new(["systemd-detect-virt", "--container", "--quiet"]);
        Some(self.base.query(&command).ok()?.success())
    }
}

/// The names of capabilities in the order of their numbers.
const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    #[test]
    fn units_whose_conditions_do_not_hold_are_told() {
        let cases = [
            ("", true),
            ("ConditionCapability=CAP_SYS_TIME\n", false),
            ("ConditionCapability=!CAP_SYS_TIME\n", true),
            ("ConditionCapability=CAP_CHOWN\n", true),
            ("ConditionPathExists=/etc/there\n", true),
            ("ConditionPathExists=!/etc/there\n", false),
            ("ConditionPathExists=/etc/none\n", false),
            ("ConditionPathExists=|/etc/none\n", true),
            ("ConditionFirstBoot=yes\n", true),
            ("ConditionPathExists=/etc/none\nConditionPathExists=\n", true),
            ("# takes all back\n", true),
        ];
        for (lines, holds) in cases {
            let base = MemoryHost::new()
                .with_file("/proc/1/status", "Name:\tsystemd\nCapBnd:\t00000000fdecbfff\n")
                .with_file("/etc/there", "")
                .with_file("/usr/lib/systemd/system/x.service", format!("[Unit]\n{lines}"));
            let added = "[Unit]\nConditionCapability=\n";
            let base = match lines.starts_with('#') {
                true => base.with_file("/etc/systemd/system/x.service.d/a.conf", added).with_file(
                    "/lib/systemd/system/x.service.d/a.conf",
                    "[Unit]\nConditionPathExists=/etc/none\n",
                ),
                false => base,
            };
            let mut host = RehearsalHost::new(base);
            assert_eq!(host.conditions_hold("x.service"), holds, "{lines}");
        }
    }

    #[test]
    fn what_does_its_work_and_ends_is_not_active() {
        let cases = [
            ("Type=simple\n", true),
            ("Type=oneshot\n", false),
            ("Type=oneshot\nRemainAfterExit=yes\n", true),
            ("ConditionPathExists=/etc/none\n", false),
        ];
        for (lines, active) in cases {
            let base = MemoryHost::new().with_file("/etc/systemd/system/x.service", lines);
            assert_eq!(RehearsalHost::new(base).stays_active("x.service"), active, "{lines}");
        }
    }
}
