//! `ansible.builtin.reboot`: starts a host anew and waits until it works.
//!
//! Follows the action of ansible-core 2.19 for Linux. Check mode: told as done. Diff: none.

use std::time::Duration;

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use crate::connection::quoting::quote;

use super::{ActionError, ActionInput, Prepared, parse, refuse_others};

params! {
    /// Parameters of `ansible.builtin.reboot`.
    pub struct RebootParams {
        /// Seconds from the command to the end; whole minutes count.
        pre_reboot_delay: i64 = 0_i64,
        /// Seconds to wait after the command before the host is asked.
        post_reboot_delay: i64 = 0_i64,
        /// Seconds to wait for the host, twice: until it is there, until the test succeeds.
        reboot_timeout: u64 = 600_u64,
        /// Seconds for one connection.
        connect_timeout: Option<u64>,
        /// What must succeed on the host.
        test_command: String = "whoami".to_owned(),
        /// What users of the host are told.
        msg: String = "Reboot initiated by Ansible".to_owned(),
        /// Where the program is looked for.
        search_paths: Option<Vec<String>>,
        /// What tells one start of the host from another.
        boot_time_command: String = BOOT_TIME.to_owned(),
        /// The program and its arguments, instead of those of the system.
        reboot_command: Option<String>,
    }
}

const BOOT_TIME: &str = "cat /proc/sys/kernel/random/boot_id";

/// How a host is started anew.
#[derive(Debug, Clone)]
pub(crate) struct Reboot {
    /// The action as it was written.
    pub written: String,
    /// Asks which start of the host this is.
    pub boot_time_command: String,
    /// Must succeed afterwards.
    pub test_command: String,
    /// Wait before the host is asked.
    pub post_delay: Duration,
    /// Bound on each wait.
    pub timeout: Duration,
    /// Time for one connection.
    pub connect: Option<Duration>,
    /// Where programs are looked for.
    pub search_paths: Vec<String>,
    pre_delay: u64,
    message: String,
    command: Option<String>,
}

const SEARCH_PATHS: [&str; 5] = ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"];

const NAMES: [&str; 9] = [
    "boot_time_command",
    "connect_timeout",
    "msg",
    "post_reboot_delay",
    "pre_reboot_delay",
    "reboot_command",
    "reboot_timeout",
    "search_paths",
    "test_command",
];

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    refuse_others(input, &arguments, &NAMES)?;
    let params: RebootParams = parse("ansible.builtin.reboot", &arguments)?;
    let written = input.step.task.action.written.clone();
    Ok(Prepared::Reboot(Box::new(Reboot::of(params, written))))
}

impl Reboot {
    fn of(params: RebootParams, written: String) -> Self {
        let seconds = |given: i64| u64::try_from(given).unwrap_or_default();
        let usual = || SEARCH_PATHS.map(str::to_owned).to_vec();
        Self {
            written,
            boot_time_command: match params.boot_time_command {
                empty if empty.is_empty() => BOOT_TIME.to_owned(),
                command => command,
            },
            test_command: params.test_command,
            post_delay: Duration::from_secs(seconds(params.post_reboot_delay)),
            timeout: Duration::from_secs(params.reboot_timeout),
            connect: params.connect_timeout.filter(|it| *it > 0).map(Duration::from_secs),
            search_paths: params.search_paths.unwrap_or_else(usual),
            pre_delay: seconds(params.pre_reboot_delay),
            message: params.msg,
            command: params.reboot_command.filter(|command| !command.is_empty()),
        }
    }

    /// The program, and its arguments for a shell, on a distribution (`ID` of `os-release`).
    pub(crate) fn program(&self, distribution: &str) -> (String, String) {
        if let Some(command) = &self.command {
            let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
            return (program.to_owned(), arguments.to_owned());
        }
        let minutes = self.pre_delay / 60;
        let message = quote(&self.message);
        match distribution {
            "alpine" => ("reboot".to_owned(), String::new()),
            "void" => ("shutdown".to_owned(), format!("-r +{minutes} {message}")),
            _ => ("shutdown".to_owned(), format!("-r {minutes} {message}")),
        }
    }

    /// A script that prints the path of a program.
    pub(crate) fn search(&self, program: &str) -> String {
        let candidates: Vec<String> = self
            .search_paths
            .iter()
            .map(|path| quote(&format!("{}/{program}", path.trim_end_matches('/'))))
            .collect();
        format!(
            "for it in {}; do if test -e \"$it\"; then echo \"$it\"; exit 0; fi; done; exit 0",
            candidates.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use canvass_modules::params::Params as _;
    use serde_json::{Value as Json, json};

    use super::{Reboot, RebootParams};

    fn reboot(arguments: &Json) -> Reboot {
        let params = RebootParams::parse("reboot", arguments.as_object().unwrap()).unwrap();
        Reboot::of(params, "reboot".to_owned())
    }

    #[test]
    fn the_command_is_that_of_the_system() {
        let said = "'Reboot initiated by Ansible'";
        let table = [
            (json!({}), "debian", "shutdown", format!("-r 0 {said}")),
            (json!({"pre_reboot_delay": 119}), "fedora", "shutdown", format!("-r 1 {said}")),
            (json!({"pre_reboot_delay": -5}), "void", "shutdown", format!("-r +0 {said}")),
            (json!({}), "alpine", "reboot", String::new()),
            (json!({"msg": "it's $x"}), "debian", "shutdown", "-r 0 'it'\"'\"'s $x'".to_owned()),
            (
                json!({"reboot_command": "/bin/systemctl --force reboot"}),
                "debian",
                "/bin/systemctl",
                "--force reboot".to_owned(),
            ),
            (json!({"reboot_command": "launch"}), "debian", "launch", String::new()),
        ];
        for (arguments, distribution, program, options) in table {
            let expected = (program.to_owned(), options);
            assert_eq!(reboot(&arguments).program(distribution), expected, "{arguments}");
        }
    }

    #[test]
    fn an_empty_command_is_the_usual_one() {
        let usual = reboot(&json!({})).boot_time_command;
        assert_eq!(reboot(&json!({"boot_time_command": ""})).boot_time_command, usual);
        assert_eq!(reboot(&json!({"boot_time_command": "x"})).boot_time_command, "x");
    }

    #[test]
    fn programs_are_looked_for_where_the_task_says() {
        let script = reboot(&json!({"search_paths": ["/a b", "/c/"]})).search("x");
        assert!(script.starts_with("for it in '/a b/x' /c/x; do"), "{script}");
    }
}
