//! `community.general.git_config`: settings of git.
//!
//! Follows the module of community.general 12. Check mode: full. Diff: the values.
//!
//! ```yaml
//! - name: Sign what the release user commits
//!   community.general.git_config:
//!     name: commit.gpgsign
//!     value: "true"
//!     scope: global
//! ```
//!
//! Returns `msg`.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::{expansion, program};
use crate::params::{Rule, plain};
use crate::{choices, params};

choices! {
    /// What becomes of values that are there.
    pub enum AddMode {
        /// They stay.
        Add = "add",
        /// They go.
        ReplaceAll = "replace-all",
    }
}

choices! {
    /// Which settings are meant.
    pub enum Scope {
        /// Those of a file.
        File = "file",
        /// Those of a repository.
        Local = "local",
        /// Those of the user.
        Global = "global",
        /// Those of the host.
        System = "system",
    }
}

choices! {
    /// Whether the setting shall be there.
    pub enum State {
        /// It shall.
        Present = "present",
        /// It shall not.
        Absent = "absent",
    }
}

params! {
    /// Parameters of `community.general.git_config`.
    pub struct Params {
        /// The name of the setting.
        name: String,
        /// The repository.
        repo: Option<PathBuf>,
        /// The file.
        file: Option<PathBuf>,
        /// What becomes of values that are there.
        add_mode: AddMode = AddMode::ReplaceAll,
        /// Which settings are meant; by default those of the host.
        scope: Option<Scope>,
        /// Whether the setting shall be there.
        state: State = State::Present,
        /// Its value.
        value: Option<String>,
    }
    rules [
        Rule::RequiredIf("scope", "local", &["repo"]),
        Rule::RequiredIf("scope", "file", &["file"]),
        Rule::RequiredIf("state", "present", &["value"]),
    ]
}

/// The module.
#[derive(Debug)]
pub struct GitConfig;

/// What is known of the setting.
#[derive(Debug)]
pub struct Observed {
    /// The words before the action.
    base: Vec<String>,
    directory: PathBuf,
    /// What tells these settings from others.
    place: String,
    values: Vec<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to set.
    #[error(
        "If state=present, a value must be specified. Use the community.general.git_config_info \
         module to read a config value."
    )]
    NoValue,
}

impl Module for GitConfig {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let git = program::required(host, "git")?;
        if params.state == State::Present && params.value.as_deref().unwrap_or_default().is_empty()
        {
            return Err(Stop::failed(Error::NoValue));
        }
        let mut base = vec![git, "config".to_owned(), "--includes".to_owned()];
        let mut directory = PathBuf::from("/");
        let scope = params.scope.unwrap_or(Scope::System);
        let mut place = scope.word().to_owned();
        match (scope, &params.file, &params.repo) {
            (Scope::File, Some(file), _) => {
                let file = expansion::path(file, host)?.to_string_lossy().into_owned();
                place.clone_from(&file);
                base.extend(["-f".to_owned(), file]);
            }
            (Scope::Local, _, Some(repo)) => {
                directory = expansion::path(repo, host)?;
                place = directory.to_string_lossy().into_owned();
                base.push("--local".to_owned());
            }
            (scope, ..) => base.push(format!("--{scope}")),
        }
        let values = values(params, &base, &directory, &place, host)?;
        Ok(Observed { base, directory, place, values })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let value = params.value.clone().unwrap_or_default();
        let old = &observed.values;
        let absent = params.state == State::Absent;
        if absent && old.is_empty() {
            plan.set("msg", "no setting to unset");
            return Ok(plan);
        }
        let add = params.add_mode == AddMode::Add;
        if !absent && old.contains(&value) && (old.len() == 1 || add) {
            plan.set("msg", "");
            return Ok(plan);
        }
        let mut argv = observed.base.clone();
        if absent {
            argv.extend(["--unset-all".to_owned(), params.name.clone()]);
        } else {
            argv.extend([format!("--{}", params.add_mode), params.name.clone(), value.clone()]);
        }
        let after = match (absent, add) {
            (true, _) => Vec::new(),
            (_, true) => old.iter().cloned().chain([value]).collect(),
            (_, false) => vec![value],
        };
        let mut command = program::command(argv);
        command.directory = Some(observed.directory.clone());
        let text =
            |values: &[String]| Some(Json::from(values.join("\n"))).filter(|_| !values.is_empty());
        let change = SettingChange {
            kind: kind(&observed.place),
            name: params.name.clone(),
            before: text(old),
            after: text(&after),
            commands: vec![command],
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), "the setting differs");
        plan.set("msg", "setting changed");
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        // git may complain and end with 0
        if let Some(Applied::Ran(output)) = applied.first()
            && !output.stderr.is_empty()
        {
            return Err(Stop::failed(output.stderr_text()).with("rc", output.status));
        }
        Ok(Conclusion { changed: plan.changes(), returned: plan.returned.clone() })
    }

    fn explain(_: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => {
                let argv = match &planned.effect {
                    Effect::Setting(change) => change.commands.first().map(|it| it.argv.clone()),
                    _ => None,
                };
                Stop::failed(output.stderr_text()).with("rc", output.status).with("cmd", argv)
            }
            error => Stop::Host(error),
        }
    }
}

fn kind(place: &str) -> String {
    format!("git config {place}")
}

fn values(
    params: &Params,
    base: &[String],
    directory: &std::path::Path,
    place: &str,
    host: &mut dyn Host,
) -> Result<Vec<String>, Stop> {
    let lines = |text: &str| text.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
    if let Some(kept) = host.rehearsed(&kind(place), &params.name) {
        return Ok(lines(&kept.value.as_ref().map(plain).unwrap_or_default()));
    }
    let more = ["--get-all".to_owned(), params.name.clone()];
    let argv = base.iter().cloned().chain(more);
    let command = Command { directory: Some(directory.to_owned()), ..program::command(argv) };
    let output = host.query(&command)?;
    // a name that is none: setting it fails, with the same words
    if output.status == 1 && !output.stderr.is_empty() && params.state == State::Present {
        let value = params.value.clone().unwrap_or_default();
        let words = [format!("--{}", params.add_mode), params.name.clone(), value];
        let argv: Vec<String> = base.iter().cloned().chain(words).collect();
        return Err(Stop::failed(output.stderr_text()).with("rc", 2).with("cmd", argv));
    }
    // 1 tells that it is not set
    if output.status >= 2 {
        return Err(Stop::failed(output.stderr_text())
            .with("rc", output.status)
            .with("cmd", command.argv.join(" ")));
    }
    Ok(lines(&output.stdout_text()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::GitConfig;
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<GitConfig>(host, arguments)
    }

    fn host(values: &str) -> MemoryHost {
        let output = |text: &str| Output {
            status: i32::from(text.is_empty()),
            stdout: text.into(),
            ..Output::default()
        };
        let get = ["/usr/bin/git", "config", "--includes", "--global", "--get-all", "a.b"];
        MemoryHost::new().with_program("git").with_output(&get, output(values))
    }

    #[test]
    fn settings_come_and_go() {
        let table: &[(&str, Json, &str, &str)] = &[
            ("", json!({"value": "x"}), "--replace-all a.b x", "setting changed"),
            ("x\n", json!({"value": "x"}), "", ""),
            ("x\ny\n", json!({"value": "x"}), "--replace-all a.b x", "setting changed"),
            ("x\ny\n", json!({"value": "x", "add_mode": "add"}), "", ""),
            ("y\n", json!({"value": "x", "add_mode": "add"}), "--add a.b x", "setting changed"),
            ("y\n", json!({"state": "absent"}), "--unset-all a.b", "setting changed"),
            ("", json!({"state": "absent"}), "", "no setting to unset"),
        ];
        for (values, more, command, message) in table {
            let arguments = crate::recorded::with(&json!({"name": "a.b", "scope": "global"}), more);
            let mut live = host(values);
            let ended = run(&mut live, &arguments);
            assert_eq!(ended.returned["msg"], *message, "{arguments}");
            let ran = live.applied().iter().find_map(|effect| match effect {
                Effect::Setting(change) => Some(change.commands[0].argv.join(" ")),
                _ => None,
            });
            let ran = ran.unwrap_or_default();
            assert_eq!(ran.replace("/usr/bin/git config --includes --global ", ""), *command);
            let mut rehearsal = RehearsalHost::new(host(values));
            assert_eq!(
                run(&mut rehearsal, &arguments).status == Status::Changed,
                !command.is_empty()
            );
            assert_eq!(run(&mut rehearsal, &arguments).status, Status::Ok, "{arguments}");
        }
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        for (arguments, message) in [
            (
                json!({"name": "a.b", "value": ""}),
                "If state=present, a value must be specified. Use the \
                 community.general.git_config_info module to read a config value.",
            ),
            (
                json!({"name": "a.b", "value": "x", "scope": "local"}),
                "scope is local but all of the following are missing: repo",
            ),
        ] {
            assert_eq!(run(&mut host(""), &arguments).returned["msg"], message);
        }
    }
}
