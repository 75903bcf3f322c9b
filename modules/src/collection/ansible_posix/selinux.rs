//! `ansible.posix.selinux`: the state and the policy of SELinux.
//!
//! Follows the module of ansible.posix 2.1. Check mode: full. Diff: the file and the state.
//!
//! Differs: Python's SELinux library is not needed.
//!
//! ```yaml
//! - name: Only tell what would be refused
//!   ansible.posix.selinux:
//!     policy: targeted
//!     state: permissive
//! ```
//!
//! Returns `msg`, `configfile`, `policy`, `state`, `reboot_required`.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Attributes, Content, Effect, SettingChange, WriteFile};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::module::program;
use crate::{choices, params};

choices! {
    /// What SELinux does.
    pub enum State {
        /// It refuses.
        Enforcing = "enforcing",
        /// It only tells.
        Permissive = "permissive",
        /// Nothing.
        Disabled = "disabled",
    }
}

params! {
    /// Parameters of `ansible.posix.selinux`.
    pub struct Params {
        /// The policy; needed unless SELinux is disabled.
        policy: Option<String>,
        /// What SELinux does.
        state: State,
        /// The file.
        configfile ("conf", "file"): String = "/etc/selinux/config".to_owned(),
        /// Whether `selinux=0` of the kernel's command line follows.
        update_kernel_param: bool = false,
    }
}

/// The module.
#[derive(Debug)]
pub struct Selinux;

/// What is known of SELinux.
#[derive(Debug)]
pub struct Observed {
    text: String,
    /// What it does now.
    runs: State,
    /// Whether the policy that is asked for is there.
    has_policy: bool,
    kernel: Option<Kernel>,
}

/// What the boot loader has.
#[derive(Debug)]
struct Kernel {
    grubby: String,
    /// `None` where kernels differ.
    enabled: Option<bool>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("Unable to find file {0}")]
    NoFile(String),
    /// A policy is needed.
    #[error("Policy is required if state is not 'disabled'")]
    NoPolicy,
    /// There is no such policy.
    #[error("Policy {0} does not exist in /etc/selinux/")]
    UnknownPolicy(String),
    /// The boot loader cannot be asked.
    #[error("'grubby' command not found on host")]
    NoGrubby,
    /// It does not answer.
    #[error("unable to run grubby")]
    Grubby,
}

const KIND: &str = "SELinux";

impl Module for Selinux {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let path = Path::new(&params.configfile);
        let stat = host.stat(path, Follow::Yes)?;
        if !stat.is_some_and(|stat| stat.kind == FileKind::File) {
            return Err(Stop::failed(Error::NoFile(params.configfile.clone())));
        }
        let text = String::from_utf8_lossy(&host.read(path)?).into_owned();
        let kernel = if params.update_kernel_param { Some(kernel(host)?) } else { None };
        let has_policy = match &params.policy {
            Some(policy) => {
                let place = format!("/etc/selinux/{policy}/policy");
                host.stat(Path::new(&place), Follow::Yes)?.is_some()
            }
            None => false,
        };
        Ok(Observed { text, runs: runs(host)?, has_policy, kernel })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let given = params.policy.clone().filter(|policy| !policy.is_empty());
        let kept = value(&observed.text, "SELINUXTYPE=");
        let policy = match given {
            Some(policy) => Some(policy),
            None if params.state == State::Disabled => kept.clone(),
            None => return Err(Stop::failed(Error::NoPolicy)),
        };
        let mut told: Vec<String> = Vec::new();
        let mut warnings: Vec<String> = Vec::new();
        let mut text = observed.text.clone();
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "None".to_owned());
        if let Some(policy) = policy.as_ref().filter(|_| policy != kept) {
            if !observed.has_policy {
                return Err(Stop::failed(Error::UnknownPolicy(policy.clone())));
            }
            let (file, before) = (&params.configfile, or_none(&kept));
            told.push(format!("Running SELinux policy changed from '{before}' to '{policy}'"));
            told.push(format!(
                "SELinux policy configuration in '{file}' changed from '{before}' to '{policy}'"
            ));
            text = with(&text, "SELINUXTYPE=", policy);
        }
        let reboot = observed.plan_state(params, &mut told, &mut warnings, &mut plan);
        let kept = value(&observed.text, "SELINUX=");
        if kept.as_deref() != Some(params.state.word()) {
            let before = or_none(&kept);
            let state = params.state;
            told.push(format!("Config SELinux state changed from '{before}' to '{state}'"));
            text = with(&text, "SELINUX=", state.word());
        }
        if text != observed.text {
            let write = WriteFile {
                path: PathBuf::from(&params.configfile),
                content: Content::Bytes(text.into_bytes()),
                attributes: Attributes::default(),
                validate: None,
                backup: false,
                unsafe_writes: false,
            };
            plan.push(Effect::WriteFile(write), "the file differs");
        }
        observed.plan_kernel(params, &mut told, &mut plan);
        plan.set("msg", told.join(", "));
        plan.set("configfile", params.configfile.clone());
        plan.set("policy", policy);
        plan.set("state", params.state.word());
        plan.set("reboot_required", reboot);
        if !warnings.is_empty() {
            plan.set("warnings", warnings);
        }
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

impl Observed {
    /// What SELinux does from now on; whether that needs another start of the host.
    fn plan_state(
        &self,
        params: &Params,
        told: &mut Vec<String>,
        warnings: &mut Vec<String>,
        plan: &mut Plan,
    ) -> bool {
        let runs = self.runs;
        match (runs, params.state) {
            (runs, wanted) if runs == wanted => return false,
            (State::Disabled, wanted) => {
                warnings.push(format!("Reboot is required to set SELinux state to '{wanted}'"));
            }
            (State::Permissive, State::Disabled) => {
                warnings.push("SELinux state change will take effect next reboot".to_owned());
            }
            (_, State::Disabled) => {
                warnings.push(format!(
                    "SELinux state temporarily changed from '{runs}' to 'permissive'. State change \
                     will take effect next reboot."
                ));
                self.push(State::Permissive, plan);
            }
            (_, wanted) => {
                told.push(format!("SELinux state changed from '{runs}' to '{wanted}'"));
                self.push(wanted, plan);
                return false;
            }
        }
        true
    }

    fn push(&self, state: State, plan: &mut Plan) {
        let number = if state == State::Enforcing { "1" } else { "0" };
        let change = SettingChange {
            kind: KIND.to_owned(),
            name: "state".to_owned(),
            before: Some(Json::from(self.runs.word())),
            after: Some(Json::from(state.word())),
            commands: vec![program::command(["setenforce", number])],
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), format!("it is {}", self.runs));
    }

    fn plan_kernel(&self, params: &Params, told: &mut Vec<String>, plan: &mut Plan) {
        let Some(kernel) = &self.kernel else { return };
        let wanted = params.state != State::Disabled;
        if kernel.enabled == Some(wanted) {
            return;
        }
        let word = |on: bool| if on { "enabled" } else { "disabled" };
        let before = if kernel.enabled.is_none() { "<inconsistent>" } else { word(!wanted) };
        let after = word(wanted);
        told.push(format!("Kernel SELinux state changed from '{before}' to '{after}'"));
        let option = if wanted { "--remove-args" } else { "--args" };
        let argv = [kernel.grubby.as_str(), "--update-kernel=ALL", option, "selinux=0"];
        let change = SettingChange {
            kind: KIND.to_owned(),
            name: "kernel".to_owned(),
            before: Some(Json::from(before)),
            after: Some(Json::from(after)),
            commands: vec![program::command(argv)],
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), "the kernel is started otherwise");
    }
}

/// What SELinux does now.
fn runs(host: &mut dyn Host) -> Result<State, HostError> {
    if let Some(kept) = host.rehearsed(KIND, "state") {
        let enforcing = kept.value == Some(Json::from("enforcing"));
        return Ok(if enforcing { State::Enforcing } else { State::Permissive });
    }
    let path = Path::new("/sys/fs/selinux/enforce");
    if host.stat(path, Follow::Yes)?.is_none() {
        return Ok(State::Disabled);
    }
    let enforcing = host.read(path)?.first() == Some(&b'1');
    Ok(if enforcing { State::Enforcing } else { State::Permissive })
}

fn kernel(host: &mut dyn Host) -> Result<Kernel, Stop> {
    let Some(grubby) = host.find_program("grubby")? else {
        return Err(Stop::failed(Error::NoGrubby));
    };
    let grubby = grubby.to_string_lossy().into_owned();
    if let Some(kept) = host.rehearsed(KIND, "kernel") {
        let enabled = Some(kept.value == Some(Json::from("enabled")));
        return Ok(Kernel { grubby, enabled });
    }
    let output = program::query(host, [grubby.as_str(), "--info=ALL"])?;
    if !output.success() {
        return Err(Stop::failed(Error::Grubby));
    }
    let text = output.stdout_text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("args=\"")?.strip_suffix('"'));
    let off: Vec<bool> = lines.map(|args| args.split(' ').any(|arg| arg == "selinux=0")).collect();
    let (all_on, all_off) = (!off.contains(&true), !off.contains(&false));
    Ok(Kernel { grubby, enabled: (all_on != all_off).then_some(all_on) })
}

/// The value of a line of the file.
fn value(text: &str, prefix: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(prefix))?;
    Some(line.split('=').next().unwrap_or_default().trim().to_owned())
}

/// The file with another value.
fn with(text: &str, prefix: &str, value: &str) -> String {
    let mut found = false;
    let mut new = String::new();
    for line in text.lines() {
        if line.starts_with(prefix) {
            found = true;
            new.push_str(&format!("{prefix}{value}\n"));
        } else {
            new.push_str(&format!("{line}\n"));
        }
    }
    if !found {
        new.push_str(&format!("{prefix}{value}\n"));
    }
    new
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Selinux;
    use crate::effect::Effect;
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::wire::Status;

    const CONFIG: &str = "# SELINUX= is this\nSELINUX=enforcing\nSELINUXTYPE=targeted\n";

    fn host(enforce: Option<&str>) -> MemoryHost {
        let host = MemoryHost::new()
            .with_file("/etc/selinux/config", CONFIG)
            .with_directory("/etc/selinux/targeted/policy")
            .with_directory("/etc/selinux/mls/policy");
        match enforce {
            Some(enforce) => host.with_file("/sys/fs/selinux/enforce", enforce),
            None => host,
        }
    }

    fn run(host: &mut MemoryHost, arguments: &Json) -> Executed {
        crate::recorded::run::<Selinux>(host, arguments)
    }

    #[test]
    fn outcomes_are_those_of_the_collection() {
        let cases = include_str!("selinux_cases.json");
        crate::recorded::programs_run_as_recorded::<Selinux>(MemoryHost::new, cases);
    }

    #[test]
    fn state_and_policy_are_set() {
        let permissive = CONFIG.replace("=enforcing", "=permissive");
        let disabled = CONFIG.replace("=enforcing", "=disabled");
        let table = [
            (Some("1"), json!({"policy": "targeted", "state": "enforcing"}), CONFIG, "", "", false),
            (
                Some("1"),
                json!({"policy": "targeted", "state": "permissive"}),
                &permissive,
                "setenforce 0",
                "SELinux state changed from 'enforcing' to 'permissive', Config SELinux state \
                 changed from 'enforcing' to 'permissive'",
                false,
            ),
            (
                Some("1"),
                json!({"state": "disabled"}),
                &disabled,
                "setenforce 0",
                "Config SELinux state changed from 'enforcing' to 'disabled'",
                true,
            ),
            (
                None,
                json!({"policy": "mls", "state": "enforcing"}),
                &CONFIG.replace("targeted", "mls"),
                "",
                "Running SELinux policy changed from 'targeted' to 'mls', SELinux policy \
                 configuration in '/etc/selinux/config' changed from 'targeted' to 'mls'",
                true,
            ),
        ];
        for (enforce, arguments, config, command, message, reboot) in table {
            let mut host = host(enforce);
            let ended = run(&mut host, &arguments);
            assert_eq!(ended.status == Status::Changed, !message.is_empty(), "{ended:?}");
            assert_eq!(ended.returned["msg"], message);
            assert_eq!(ended.returned["reboot_required"], reboot);
            let text = host.read("/etc/selinux/config".as_ref()).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), *config);
            let ran: Vec<String> = host
                .applied()
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Setting(change) => Some(change.commands[0].argv.join(" ")),
                    _ => None,
                })
                .collect();
            assert_eq!(ran.join(";"), command);
        }
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        for (arguments, message) in [
            (json!({"state": "enforcing"}), "Policy is required if state is not 'disabled'"),
            (
                json!({"state": "enforcing", "policy": "x"}),
                "Policy x does not exist in /etc/selinux/",
            ),
            (json!({"state": "disabled", "conf": "/no"}), "Unable to find file /no"),
            (
                json!({"state": "disabled", "update_kernel_param": true}),
                "'grubby' command not found on host",
            ),
        ] {
            assert_eq!(run(&mut host(None), &arguments).returned["msg"], message);
        }
    }
}
