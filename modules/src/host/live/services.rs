//! What the service manager and the package managers know.

use std::path::PathBuf;

use super::LiveHost;
use super::dpkg::{self, Known};
use crate::effect::{Applied, Command, Output};
use crate::host::{Host as _, HostError, UnitState, fetched_at};

impl LiveHost {
    pub(super) fn show_unit(&mut self, name: &str) -> Result<UnitState, HostError> {
        let command = Command::new(["systemctl", "show", "--no-pager", "--", name]);
        let output = self.run(&command)?;
        if !output.success() {
            return Err(failed(&command, output));
        }
        Ok(parse_unit(&output.stdout_text()))
    }

    pub(super) fn installed(
        &mut self,
        manager: &str,
        name: &str,
    ) -> Result<Option<String>, HostError> {
        match manager {
            "apt" => {
                match dpkg::look_up(name) {
                    Known::Installed(version) => return Ok(Some(version)),
                    Known::Absent => return Ok(None),
                    Known::AskDpkg => {}
                }
                let output = self.run(&Command::new([
                    "dpkg-query",
                    "--show",
                    "--showformat=${db:Status-Status} ${Version}\n",
                    "--",
                    name,
                ]))?;
                Ok(parse_dpkg(&output.stdout_text()))
            }
            "dnf" | "dnf5" | "yum" | "zypper" => {
                let output = self.run(&Command::new([
                    "rpm",
                    "-q",
                    "--queryformat",
                    "%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n",
                    "--",
                    name,
                ]))?;
                Ok(first_line(&output))
            }
            "apk" => {
                let output = self.run(&Command::new(["apk", "info", "-e", "-v", "--", name]))?;
                let version = first_line(&output);
                Ok(version
                    .and_then(|line| line.strip_prefix(&format!("{name}-")).map(str::to_owned)))
            }
            "pacman" => {
                let output = self.run(&Command::new(["pacman", "-Q", "--", name]))?;
                let line = first_line(&output);
                Ok(line.and_then(|line| line.split_whitespace().nth(1).map(str::to_owned)))
            }
            _ => Err(HostError::BadCommand(format!("package manager {manager}"))),
        }
    }

    /// The commands that fetch a manager's lists.
    pub(super) fn refresh_lists(&mut self, manager: &str) -> Result<Applied, HostError> {
        let argv: &[&str] = match manager {
            "apt" => &["apt-get", "update", "-q"],
            "dnf" | "dnf5" | "yum" => &[manager, "makecache", "-y"],
            "zypper" => &["zypper", "--non-interactive", "refresh"],
            "apk" => &["apk", "update"],
            "pacman" => &["pacman", "-Sy", "--noconfirm"],
            _ => return Err(HostError::BadCommand(format!("package manager {manager}"))),
        };
        let mut command = Command::new(argv.iter().copied());
        command.environment.insert("DEBIAN_FRONTEND".to_owned(), "noninteractive".to_owned());
        if manager != "apt" {
            return self.must(&command).map(Applied::Ran);
        }
        let before = fetched_at(self)?;
        self.must(&command)?;
        let time = fetched_at(self)?;
        Ok(Applied::Lists { changed: time != before, time })
    }

    /// Runs a command that must end with 0.
    pub(super) fn must(&mut self, command: &Command) -> Result<Output, HostError> {
        let output = self.run(command)?;
        if command.is_done(&output) { Ok(output) } else { Err(failed(command, output)) }
    }

    pub(super) fn search_path(&mut self) -> Vec<PathBuf> {
        let path =
            self.environment("PATH").unwrap_or_else(|| super::process::DEFAULT_PATH.to_owned());
        let always = ["/sbin", "/usr/sbin", "/usr/local/sbin"];
        path.split(':').filter(|part| !part.is_empty()).chain(always).map(PathBuf::from).collect()
    }
}

fn failed(command: &Command, output: Output) -> HostError {
    HostError::CommandFailed { command: shell_words::join(&command.argv), output: Box::new(output) }
}

fn first_line(output: &Output) -> Option<String> {
    let text = output.stdout_text();
    text.lines().next().filter(|line| output.success() && !line.is_empty()).map(str::to_owned)
}

/// Reads what `systemctl show` prints.
fn parse_unit(text: &str) -> UnitState {
    let properties: std::collections::BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let property = |key: &str| properties.get(key).map(String::as_str).unwrap_or_default();
    UnitState {
        exists: !matches!(property("LoadState"), "not-found" | ""),
        active: matches!(property("ActiveState"), "active" | "activating"),
        enablement: property("UnitFileState").to_owned(),
        properties,
    }
}

/// The version of an installed package, also with several architectures of it.
fn parse_dpkg(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("installed ")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_counts_only_installed_packages() {
        let cases = [
            ("installed 1.2-3\n", Some("1.2-3")),
            ("not-installed \ninstalled 2:1\n", Some("2:1")),
            ("config-files 1.2-3\n", None),
            ("not-installed \n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_dpkg(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_unit_that_is_not_found_does_not_exist() {
        let state = parse_unit("LoadState=not-found\nActiveState=inactive\nUnitFileState=\n");
        assert_eq!((state.exists, state.active, state.enablement.as_str()), (false, false, ""));
        let state = parse_unit("LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\n");
        assert_eq!(
            (state.exists, state.active, state.enablement.as_str()),
            (true, true, "enabled")
        );
        let state = parse_unit("LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n");
        assert!(state.exists, "a masked unit is there");
    }
}
