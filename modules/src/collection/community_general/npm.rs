//! `community.general.npm`: packages of node.js.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the package.
//!
//! ```yaml
//! - name: Install the linter for all
//!   community.general.npm:
//!     name: eslint
//!     version: 8.57.0
//!     global: true
//! ```
//!
//! Returns nothing of its own.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Command, Effect, Output, SettingChange};
use crate::host::{FileKind, FileStat, Follow, Host, HostError};
use crate::module::{expansion, host_path, program};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What shall be there.
    pub enum State {
        /// The package.
        Present = "present",
        /// Nothing.
        Absent = "absent",
        /// The newest version.
        Latest = "latest",
    }
}

params! {
    /// Parameters of `community.general.npm`.
    pub struct Params {
        /// The package; without, all that `package.json` names.
        name: Option<String>,
        /// The directory of the project.
        path: Option<PathBuf>,
        /// The version.
        version: Option<String>,
        /// Whether packages for development are left out.
        production: bool = false,
        /// The program, perhaps with words before its arguments.
        executable: Option<String>,
        /// Where packages come from.
        registry: Option<String>,
        /// What shall be there.
        state: State = State::Present,
        /// Whether scripts of packages are not run.
        ignore_scripts: bool = false,
        /// Whether scripts run as the user itself.
        unsafe_perm: bool = false,
        /// Whether exactly what the lock file names is installed.
        ci: bool = false,
        /// Whether optional packages are left out.
        no_optional: bool = false,
        /// Whether no links to programs are made.
        no_bin_links: bool = false,
        /// Whether npm is forced.
        force: bool = false,
        /// Whether the package is installed for all.
        global: bool = false,
    }
    rules [Rule::RequiredIf("state", "absent", &["name"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a place nor all.
    #[error("path must be specified when not using global")]
    NoPath,
    /// The place is none.
    #[error("path {0} is not a directory")]
    NoDirectory(String),
    /// npm does not speak JSON.
    #[error("Failed to parse NPM output with error {0}")]
    Unread(serde_json::Error),
}

/// The module.
#[derive(Debug)]
pub struct Npm;

/// What is known of the packages.
#[derive(Debug)]
pub struct Observed {
    program: Vec<String>,
    /// The project.
    directory: Option<PathBuf>,
    /// Directories that must be made for it.
    missing_directories: Vec<PathBuf>,
    /// Names, and names with their version.
    installed: Vec<String>,
    lacks: bool,
    outdated: bool,
}

impl Module for Npm {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if params.path.is_none() && !params.global {
            return Err(Stop::failed(Error::NoPath));
        }
        let program = match &params.executable {
            Some(words) => words.split(' ').map(str::to_owned).collect(),
            None => vec![program::required(host, "npm")?],
        };
        let mut observed = Observed {
            program,
            directory: None,
            missing_directories: Vec::new(),
            installed: Vec::new(),
            lacks: false,
            outdated: false,
        };
        if let Some(path) = &params.path {
            let path = expansion::path(path, host)?;
            let is_directory = |stat: &FileStat| stat.kind == FileKind::Directory;
            let stat = host.stat(&path, Follow::Yes)?;
            if stat.as_ref().is_some_and(|stat| !is_directory(stat)) {
                return Err(Stop::failed(Error::NoDirectory(path.display().to_string())));
            }
            if stat.is_none() {
                observed.missing_directories = host_path::ancestors(host, &path)?.0;
                observed.missing_directories.push(path.clone());
            }
            observed.directory = Some(path);
        }
        if !params.ci {
            observed.look(params, host)?;
        }
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let name = params.name.clone().unwrap_or_default();
        let there = observed.installed.contains(&name);
        let actions: &[&str] = match (params.ci, params.state) {
            (true, _) => &["ci"],
            (_, State::Present) if observed.lacks => &["install"],
            (_, State::Latest) => match (observed.lacks, observed.outdated) {
                (true, true) => &["install", "update"],
                (true, false) => &["install"],
                (false, true) => &["update"],
                (false, false) => &[],
            },
            (_, State::Absent) if there => &["uninstall"],
            _ => &[],
        };
        if actions.is_empty() {
            return Ok(plan);
        }
        for path in &observed.missing_directories {
            let effect = Effect::MakeDirectory { path: path.clone(), mode: None };
            plan.push(effect, "it is absent");
        }
        let commands = actions.iter().map(|action| observed.command(params, &[action], true));
        let version = params.version.clone().unwrap_or_else(|| "present".to_owned());
        let change = SettingChange {
            kind: observed.kind(),
            name: if name.is_empty() { "package.json".to_owned() } else { name },
            before: there.then(|| Json::from("present")),
            after: (params.state != State::Absent).then(|| Json::from(version)),
            commands: commands.collect(),
            fills: observed.directory.iter().map(|path| path.join("node_modules")).collect(),
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), "the packages differ");
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

impl Observed {
    fn kind(&self) -> String {
        match &self.directory {
            Some(path) => format!("npm {}", path.display()),
            None => "npm".to_owned(),
        }
    }

    fn command(&self, params: &Params, words: &[&str], named: bool) -> Command {
        let mut argv = self.program.clone();
        let mut add = |word: &str| argv.push(word.to_owned());
        words.iter().copied().for_each(&mut add);
        let installs = words.iter().any(|word| matches!(*word, "install" | "update" | "ci"));
        let flags = [
            (params.global, "--global"),
            (params.production && installs, "--production"),
            (params.ignore_scripts, "--ignore-scripts"),
            (params.unsafe_perm, "--unsafe-perm"),
        ];
        flags.iter().filter(|(set, _)| *set).for_each(|(_, flag)| add(flag));
        if let Some(registry) = &params.registry {
            add("--registry");
            add(registry);
        }
        let flags = [
            (params.no_optional, "--no-optional"),
            (params.no_bin_links, "--no-bin-links"),
            (params.force, "--force"),
        ];
        flags.iter().filter(|(set, _)| *set).for_each(|(_, flag)| add(flag));
        if let Some(name) = params.name.as_ref().filter(|_| named) {
            // what npm takes after this is no option
            add("--");
            add(&full_name(params, name));
        }
        Command { directory: self.directory.clone(), ..program::command(argv) }
    }

    fn ask(
        &self,
        params: &Params,
        words: &[&str],
        named: bool,
        host: &mut dyn Host,
    ) -> Result<Output, Stop> {
        if !self.missing_directories.is_empty() {
            return Ok(Output::default());
        }
        Ok(host.query(&self.command(params, words, named))?)
    }

    fn look(&mut self, params: &Params, host: &mut dyn Host) -> Result<(), Stop> {
        let wanted = params.name.as_ref().map(|name| full_name(params, name));
        if let Some(kept) =
            params.name.as_deref().and_then(|name| host.rehearsed(&self.kind(), name))
        {
            self.installed = match (&kept.value, &params.name) {
                (Some(_), Some(name)) => wanted.iter().cloned().chain([name.clone()]).collect(),
                _ => Vec::new(),
            };
            self.lacks = kept.value.is_none();
            return Ok(());
        }
        let listed = self.ask(params, &["list", "--json", "--long"], false, host)?.stdout_text();
        let listed = if listed.trim().is_empty() { "{}" } else { &listed };
        let listed: Json =
            serde_json::from_str(listed).map_err(|error| Stop::failed(Error::Unread(error)))?;
        let Some(dependencies) = listed.get("dependencies").and_then(Json::as_object) else {
            self.lacks = true;
            return Ok(());
        };
        let set = |about: &Json, field: &str| {
            about.get(field).is_some_and(|value| {
                let empty = value.as_str().is_some_and(str::is_empty);
                !empty && !matches!(value, Json::Bool(false) | Json::Null)
            })
        };
        for (name, about) in dependencies {
            if set(about, "missing") || set(about, "invalid") {
                self.lacks = true;
                continue;
            }
            self.installed.push(name.clone());
            if let Some(version) = about.get("version").and_then(Json::as_str) {
                self.installed.push(format!("{name}@{version}"));
            }
        }
        self.lacks |= wanted.is_some_and(|wanted| !self.installed.contains(&wanted));
        if params.state == State::Latest {
            let output = self.ask(params, &["outdated"], true, host)?;
            self.outdated = output.stdout_text().lines().any(|line| !line.is_empty());
        }
        Ok(())
    }
}

/// The package with the version that is asked for.
fn full_name(params: &Params, name: &str) -> String {
    match &params.version {
        Some(version) if !version.is_empty() && params.state != State::Absent => {
            format!("{name}@{version}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Npm;
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Npm>(host, arguments)
    }

    fn host() -> MemoryHost {
        let listed = r#"{"name": "lib", "dependencies": {"a": {"version": "1.2.3"}, "b": {"missing": true}}}"#;
        let only = r#"{"dependencies": {"a": {"version": "1.2.3"}}}"#;
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let npm = "/usr/bin/npm";
        MemoryHost::new()
            .with_program("npm")
            .with_directory("/srv/app")
            .with_output(&[npm, "list", "--json", "--long"], output(listed))
            .with_output(&[npm, "list", "--json", "--long", "--global"], output(only))
            .with_output(&[npm, "outdated", "--global", "--", "a"], output("a 1.2.3 2.0.0\n"))
    }

    #[test]
    fn packages_come_and_go() {
        let table: &[(Json, &[&str])] = &[
            (json!({"name": "a", "global": true}), &[]),
            (json!({"name": "a", "global": true, "version": "1.2.3"}), &[]),
            (json!({"name": "a", "global": true, "version": "1"}), &["install --global -- a@1"]),
            (json!({"name": "a", "global": true, "state": "latest"}), &["update --global -- a"]),
            (json!({"name": "a", "global": true, "state": "absent"}), &["uninstall --global -- a"]),
            (json!({"name": "c", "global": true, "state": "absent"}), &[]),
            (
                json!({"name": "c", "global": true, "production": true}),
                &["install --global --production -- c"],
            ),
            (json!({"path": "/srv/app"}), &["install"]),
            (
                json!({"path": "/srv/new", "ci": true, "ignore_scripts": true}),
                &["ci --ignore-scripts"],
            ),
        ];
        for (arguments, commands) in table {
            let mut live = host();
            let ended = run(&mut live, arguments);
            let ran: Vec<String> = live
                .applied()
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Setting(change) => Some(&change.commands),
                    _ => None,
                })
                .flatten()
                .map(|command| command.argv.get(1..).unwrap_or_default().join(" "))
                .collect();
            assert_eq!(ran, *commands, "{arguments}: {:?}", ended.returned);
        }
        let mut rehearsal = RehearsalHost::new(host());
        let arguments = json!({"name": "c", "global": true});
        assert_eq!(run(&mut rehearsal, &arguments).status, Status::Changed);
        assert_eq!(run(&mut rehearsal, &arguments).status, Status::Ok);
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        let host = || host().with_file("/srv/file", "");
        for (arguments, message) in [
            (json!({"name": "a"}), "path must be specified when not using global"),
            (json!({"path": "/srv/file"}), "path /srv/file is not a directory"),
            (
                json!({"global": true, "state": "absent"}),
                "state is absent but all of the following are missing: name",
            ),
        ] {
            assert_eq!(run(&mut host(), &arguments).returned["msg"], message);
        }
    }
}
