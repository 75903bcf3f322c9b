//! `community.general.sudoers`: a rule of sudo in a file of its own.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the file.
//!
//! Differs: a dry run in which sudo would be installed first adds the rule without `visudo`.
//!
//! ```yaml
//! - name: Backups may look at all
//!   community.general.sudoers:
//!     name: backup
//!     user: backup
//!     commands: /usr/bin/rsync
//! ```
//!
//! Returns nothing of its own.

use std::path::{Path, PathBuf};

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Attributes, Command, Content, Effect, WriteFile};
use crate::host::{FileStat, Follow, Host, HostError};
use crate::module::program;
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// Whether the rule shall be there.
    pub enum State {
        /// It shall.
        Present = "present",
        /// It shall not.
        Absent = "absent",
    }
}

choices! {
    /// Whether `visudo` must accept the rule.
    pub enum Validation {
        /// It is not asked.
        Absent = "absent",
        /// It is asked where it is there.
        Detect = "detect",
        /// It must be there.
        Required = "required",
    }
}

params! {
    /// Parameters of `community.general.sudoers`.
    pub struct Params {
        /// The commands that are allowed; `ALL` for all.
        commands: Option<Vec<String>>,
        /// The group that the rule is for.
        group: Option<String>,
        /// The name of the rule's file.
        name: String,
        /// Whether the command may not run others.
        noexec: bool = false,
        /// Whether no password is asked.
        nopassword: bool = true,
        /// Whether the environment may be kept.
        setenv: bool = false,
        /// The host that the rule is for.
        host: String = "ALL".to_owned(),
        /// Whom the commands run as.
        runas: Option<String>,
        /// The directory of the files.
        sudoers_path: String = "/etc/sudoers.d".to_owned(),
        /// Whether the rule shall be there.
        state: State = State::Present,
        /// The user that the rule is for.
        user: Option<String>,
        /// Whether `visudo` must accept the rule.
        validation: Validation = Validation::Detect,
    }
    rules [
        Rule::MutuallyExclusive(&["user", "group"]),
        Rule::RequiredIf("state", "present", &["commands"]),
    ]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rule is for nobody.
    #[error("a rule needs `user` or `group`")]
    Nobody,
    /// `visudo` does not take it.
    #[error("Failed to validate sudoers rule:\n{0}")]
    Invalid(String),
}

/// The module.
#[derive(Debug)]
pub struct Sudoers;

const MODE: u32 = 0o440;

/// The file as it is.
#[derive(Debug)]
pub struct Observed {
    path: PathBuf,
    stat: Option<FileStat>,
    text: Option<Vec<u8>>,
    rule: String,
}

impl Module for Sudoers {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let path = Path::new(&params.sudoers_path).join(&params.name);
        let mut rule = String::new();
        if params.state == State::Present {
            rule = rule_of(params)?;
            validate(params, &rule, host)?;
        }
        let stat = host.stat(&path, Follow::Yes)?;
        let text = match stat {
            Some(_) if params.state == State::Present => Some(host.read(&path)?),
            _ => None,
        };
        Ok(Observed { path, stat, text, rule })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let path = observed.path.clone();
        let Some(stat) = &observed.stat else {
            if params.state == State::Present {
                plan.push(observed.write(), "it is absent");
            }
            return Ok(plan);
        };
        if params.state == State::Absent {
            plan.push(Effect::Remove { path }, "it is there");
        } else if observed.text.as_deref() != Some(observed.rule.as_bytes()) {
            plan.push(observed.write(), "the rule differs");
        } else if stat.mode & 0o777 != MODE {
            let attributes = Attributes { mode: Some(MODE), ..Attributes::default() };
            plan.push(Effect::SetAttributes { path, attributes }, "the mode differs");
        }
        Ok(plan)
    }

    fn explain(_: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match (&error, &planned.effect) {
            (HostError::Io { .. }, Effect::WriteFile(_)) => {
                Stop::failed(error.in_python(&observed.path))
            }
            _ => Stop::Host(error),
        }
    }
}

impl Observed {
    fn write(&self) -> Effect {
        Effect::WriteFile(WriteFile {
            path: self.path.clone(),
            content: Content::Bytes(self.rule.clone().into_bytes()),
            attributes: Attributes { mode: Some(MODE), ..Attributes::default() },
            validate: None,
            backup: false,
            unsafe_writes: false,
        })
    }
}

fn rule_of(params: &Params) -> Result<String, Stop> {
    let owner = match (&params.user, &params.group) {
        (Some(user), _) if !user.is_empty() => user.clone(),
        (_, Some(group)) if !group.is_empty() => format!("%{group}"),
        _ => return Err(Stop::failed(Error::Nobody)),
    };
    let runas = params.runas.as_ref().map(|user| format!("({user})")).unwrap_or_default();
    let tags =
        [(params.noexec, "NOEXEC:"), (params.nopassword, "NOPASSWD:"), (params.setenv, "SETENV:")];
    let tags: String = tags.iter().filter(|(set, _)| *set).map(|(_, tag)| *tag).collect();
    let commands = params.commands.as_deref().unwrap_or_default().join(", ");
    Ok(format!("{owner} {}={runas}{tags} {commands}\n", params.host))
}

fn validate(params: &Params, rule: &str, host: &mut dyn Host) -> Result<(), Stop> {
    let visudo = match params.validation {
        Validation::Absent => return Ok(()),
        Validation::Required => Some(program::required(host, "visudo")?),
        Validation::Detect => {
            host.find_program("visudo")?.map(|path| path.to_string_lossy().into_owned())
        }
    };
    let Some(visudo) = visudo else { return Ok(()) };
    let command = program::command([visudo.as_str(), "-c", "-f", "-"]);
    let output = match host.query(&Command { stdin: Some(rule.to_owned()), ..command }) {
        // only a dry run gives that: sudo would be installed first
        Err(HostError::Unknown(_)) => return Ok(()),
        answered => answered?,
    };
    if output.success() {
        return Ok(());
    }
    let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
    let said = if stdout.is_empty() { stderr.clone() } else { stdout.clone() };
    Err(Stop::failed(Error::Invalid(said)).with("stdout", stdout).with("stderr", stderr))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Sudoers;
    use crate::effect::Output;
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::wire::Status;

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Sudoers>(host, arguments)
    }

    #[test]
    fn rules_come_and_go() {
        // the texts are those that community.general 11.4.2 writes
        let table: &[(Json, &str)] = &[
            (json!({"user": "u", "commands": ["ALL"]}), "u ALL=NOPASSWD: ALL\n"),
            (
                json!({"group": "g", "commands": "/bin/a, /bin/b", "nopassword": false}),
                "%g ALL= /bin/a, /bin/b\n",
            ),
            (
                json!({"user": "u", "commands": "/bin/a", "noexec": true, "setenv": true,
                       "runas": "db", "host": "h1"}),
                "u h1=(db)NOEXEC:NOPASSWD:SETENV: /bin/a\n",
            ),
        ];
        for (arguments, text) in table {
            let mut arguments = arguments.clone();
            arguments["name"] = json!("r");
            let mut host = MemoryHost::new().with_directory("/etc/sudoers.d");
            assert_eq!(run(&mut host, &arguments).status, Status::Changed, "{arguments}");
            let there = host.read("/etc/sudoers.d/r".as_ref()).unwrap();
            assert_eq!(String::from_utf8(there).unwrap(), *text);
            let stat = host.stat("/etc/sudoers.d/r".as_ref(), super::Follow::No).unwrap();
            assert_eq!(stat.unwrap().mode, 0o440);
            assert_eq!(run(&mut host, &arguments).status, Status::Ok, "{arguments}");
            let gone = json!({"name": "r", "state": "absent"});
            assert_eq!(run(&mut host, &gone).status, Status::Changed);
            assert_eq!(run(&mut host, &gone).status, Status::Ok);
        }
    }

    #[test]
    fn a_mode_that_is_too_open_is_closed() {
        let arguments = json!({"name": "r", "user": "u", "commands": "ALL"});
        let mut host = MemoryHost::new().with_file("/etc/sudoers.d/r", "u ALL=NOPASSWD: ALL\n");
        assert_eq!(run(&mut host, &arguments).status, Status::Changed);
        assert_eq!(run(&mut host, &arguments).status, Status::Ok);
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        let said = "parse error in stdin near line 1\n";
        let output = Output { status: 1, stdout: said.into(), ..Output::default() };
        let mut host = MemoryHost::new()
            .with_directory("/etc/sudoers.d")
            .with_program("visudo")
            .with_output(&["/usr/bin/visudo", "-c", "-f", "-"], output);
        for (arguments, message) in [
            (
                json!({"name": "r", "user": "u", "commands": "x"}),
                format!("Failed to validate sudoers rule:\n{said}"),
            ),
            (
                json!({"name": "r", "user": "u"}),
                "state is present but all of the following are missing: commands".to_owned(),
            ),
            (
                json!({"name": "r", "user": "u", "group": "g", "commands": "x"}),
                "parameters are mutually exclusive: user|group".to_owned(),
            ),
        ] {
            assert_eq!(run(&mut host, &arguments).returned["msg"], message);
        }
    }
}
