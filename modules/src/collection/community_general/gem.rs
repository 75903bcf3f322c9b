//! `community.general.gem`: gems of Ruby.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the gem.
//!
//! ```yaml
//! - name: Install the bundler for all
//!   community.general.gem:
//!     name: bundler
//!     version: 2.4.22
//!     user_install: false
//! ```
//!
//! Returns `name`, `state`, `version`.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Command, Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What shall be there.
    pub enum State {
        /// The gem.
        Present = "present",
        /// Nothing.
        Absent = "absent",
        /// The newest version.
        Latest = "latest",
    }
}

params! {
    /// Parameters of `community.general.gem`.
    pub struct Params {
        /// The program, perhaps with words before its arguments.
        executable: Option<String>,
        /// A gem of the host to install from.
        gem_source: Option<String>,
        /// Whether what it needs comes along.
        include_dependencies: bool = true,
        /// The gem.
        name: String,
        /// Where it comes from.
        repository ("source"): Option<String>,
        /// What shall be there.
        state: State = State::Present,
        /// Whether it is installed for the user alone.
        user_install: bool = true,
        /// The directory of gems.
        install_dir: Option<PathBuf>,
        /// The directory of programs.
        bindir: Option<PathBuf>,
        /// Whether `.gemrc` is not read.
        norc: bool = true,
        /// Whether versions before a release count.
        pre_release: bool = false,
        /// Whether the documentation is installed.
        include_doc: bool = false,
        /// Whether programs are found by `env`.
        env_shebang: bool = false,
        /// The version.
        version: Option<String>,
        /// Flags for the build.
        build_flags: Option<String>,
        /// Whether dependencies do not count.
        force: bool = false,
    }
    rules [
        Rule::MutuallyExclusive(&["gem_source", "repository"]),
        Rule::MutuallyExclusive(&["gem_source", "version"]),
    ]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A version and the newest one.
    #[error("Cannot specify version when state=latest")]
    VersionOfLatest,
    /// A file and the newest version.
    #[error("Cannot maintain state=latest when installing from local source")]
    SourceOfLatest,
    /// Two places.
    #[error("install_dir requires user_install=false")]
    TwoPlaces,
    /// It is there although it was removed.
    #[error(
        "Failed to uninstall gem '{0}': it is still present after 'gem uninstall'. This usually \
         happens with default or system gems provided by the OS, which cannot be removed with the \
         gem command."
    )]
    Stays(String),
}

/// The module.
#[derive(Debug)]
pub struct Gem;

/// What is known of the gem.
#[derive(Debug)]
pub struct Observed {
    program: Vec<String>,
    ruby_gems: (u32, u32, u32),
    /// The version that shall be there.
    version: Option<String>,
    installed: Vec<String>,
}

impl Module for Gem {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if params.state == State::Latest && given(params.version.as_ref()) {
            return Err(Stop::failed(Error::VersionOfLatest));
        }
        if params.state == State::Latest && given(params.gem_source.as_ref()) {
            return Err(Stop::failed(Error::SourceOfLatest));
        }
        if params.user_install && params.install_dir.is_some() {
            return Err(Stop::failed(Error::TwoPlaces));
        }
        let program: Vec<String> = match &params.executable {
            Some(words) => words.split(' ').map(str::to_owned).collect(),
            None => vec![program::required(host, "gem")?],
        };
        let mut observed = Observed {
            ruby_gems: (0, 0, 0),
            program,
            version: params.version.clone().filter(|version| !version.is_empty()),
            installed: Vec::new(),
        };
        let command = observed.command(params, &["--version"]);
        observed.ruby_gems = version_of(&ask(&command, host)?);
        if params.state == State::Latest {
            let newest = observed.versions(params, true, host)?.into_iter().next();
            observed.version = newest;
        }
        observed.installed = match host.rehearsed(&kind(params), &params.name) {
            Some(kept) => kept.value.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            None => observed.versions(params, false, host)?,
        };
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        plan.set("state", params.state.word());
        if let Some(version) = &observed.version {
            plan.set("version", version.clone());
        }
        let there = observed.is_there();
        let (argv, after) = match (params.state, there) {
            (State::Present | State::Latest, true) | (State::Absent, false) => return Ok(plan),
            (State::Absent, true) => (observed.uninstall(params), None),
            (_, false) => {
                let version = observed.version.clone();
                (observed.install(params), Some(version.unwrap_or_else(|| "present".to_owned())))
            }
        };
        let installed = &observed.installed;
        let change = SettingChange {
            kind: kind(params),
            name: params.name.clone(),
            before: (!installed.is_empty()).then(|| Json::from(installed.join(", "))),
            after: after.map(Json::from),
            commands: vec![argv],
            ..SettingChange::default()
        };
        let reason = if there { "it is installed" } else { "it is not installed" };
        plan.push(Effect::Setting(change), reason);
        Ok(plan)
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        _returned: &mut crate::contract::Returned,
    ) -> Result<(), Stop> {
        let removed = params.state == State::Absent && observed.is_there();
        if removed && host.rehearsed(&kind(params), &params.name).is_none() {
            let installed = observed.versions(params, false, host)?;
            if (Observed { installed, ..observed.clone_plan() }).is_there() {
                return Err(Stop::failed(Error::Stays(params.name.clone())));
            }
        }
        Ok(())
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

fn given(value: Option<&String>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

fn kind(params: &Params) -> String {
    match &params.install_dir {
        Some(path) => format!("gem {}", path.display()),
        None => "gem".to_owned(),
    }
}

fn ask(command: &Command, host: &mut dyn Host) -> Result<String, Stop> {
    let output = host.query(command)?;
    if output.success() { Ok(output.stdout_text()) } else { Err(program::failure(&output)) }
}

/// The three numbers of a version.
fn version_of(text: &str) -> (u32, u32, u32) {
    let mut numbers = text.trim().split('.').map(|number| number.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next(), next())
}

impl Observed {
    /// The same host, with nothing installed.
    fn clone_plan(&self) -> Self {
        Self {
            program: self.program.clone(),
            ruby_gems: self.ruby_gems,
            version: self.version.clone(),
            installed: Vec::new(),
        }
    }

    fn is_there(&self) -> bool {
        match &self.version {
            Some(version) => self.installed.contains(version),
            None => !self.installed.is_empty(),
        }
    }

    fn command(&self, params: &Params, words: &[&str]) -> Command {
        let words = words.iter().map(|word| (*word).to_owned());
        let mut command = program::command(self.program.iter().cloned().chain(words));
        if let Some(path) = &params.install_dir {
            let home = path.to_string_lossy().into_owned();
            command.environment.insert("GEM_HOME".to_owned(), home);
        }
        command
    }

    /// Words that all actions begin with.
    fn action(&self, params: &Params, action: &'static str) -> Vec<String> {
        let norc = params.norc && self.ruby_gems >= (2, 5, 2);
        std::iter::once(action).chain(norc.then_some("--norc")).map(str::to_owned).collect()
    }

    fn versions(
        &self,
        params: &Params,
        remote: bool,
        host: &mut dyn Host,
    ) -> Result<Vec<String>, Stop> {
        let mut words = self.action(params, "query");
        if remote {
            words.push("--remote".to_owned());
            if let Some(repository) = &params.repository {
                words.extend(["--source".to_owned(), repository.clone()]);
            }
        }
        words.extend(["-n".to_owned(), format!("^{}$", params.name)]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = ask(&self.command(params, &words), host)?;
        Ok(text.lines().filter_map(listed).flatten().collect())
    }

    fn install(&self, params: &Params) -> Command {
        let old = self.ruby_gems < (2, 0, 0);
        let mut words = self.action(params, "install");
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        if let Some(version) = &self.version {
            add(&["--version", version]);
        }
        if let Some(repository) = &params.repository {
            add(&["--source", repository]);
        }
        match (params.include_dependencies, old) {
            (false, _) => add(&["--ignore-dependencies"]),
            (true, true) => add(&["--include-dependencies"]),
            (true, false) => {}
        }
        add(&[if params.user_install { "--user-install" } else { "--no-user-install" }]);
        self.places(params, &mut add);
        if params.pre_release {
            add(&["--pre"]);
        }
        match (params.include_doc, old) {
            (true, _) => {}
            (false, true) => add(&["--no-rdoc", "--no-ri"]),
            (false, false) => add(&["--no-document"]),
        }
        if params.env_shebang {
            add(&["--env-shebang"]);
        }
        let source = params.gem_source.as_ref().filter(|source| !source.is_empty());
        add(&[source.unwrap_or(&params.name)]);
        if params.force {
            add(&["--force"]);
        }
        if let Some(flags) = params.build_flags.as_ref().filter(|flags| !flags.is_empty()) {
            add(&["--", flags]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.command(params, &words)
    }

    fn uninstall(&self, params: &Params) -> Command {
        let mut words = self.action(params, "uninstall");
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        self.places(params, &mut add);
        match &self.version {
            Some(version) => add(&["--version", version]),
            None => add(&["--all"]),
        }
        add(&["--executable"]);
        if params.force {
            add(&["--force"]);
        }
        add(&[&params.name]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.command(params, &words)
    }

    fn places(&self, params: &Params, add: &mut impl FnMut(&[&str])) {
        if let Some(path) = &params.install_dir {
            add(&["--install-dir", &path.to_string_lossy()]);
        }
        if let Some(path) = &params.bindir {
            add(&["--bindir", &path.to_string_lossy()]);
        }
    }
}

/// The versions of a line of `gem query`.
fn listed(line: &str) -> Option<Vec<String>> {
    let (_, rest) = line.split_once(" (")?;
    let inside = rest.rsplit_once(')')?.0;
    let inside = inside.strip_prefix("default: ").unwrap_or(inside);
    let version = |text: &str| text.split_whitespace().next().map(str::to_owned);
    Some(inside.split(", ").filter_map(version).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Gem, listed};
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Gem>(host, arguments)
    }

    fn host(installed: &str) -> MemoryHost {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let gem = "/usr/bin/gem";
        MemoryHost::new()
            .with_program("gem")
            .with_output(&[gem, "--version"], output("3.3.15\n"))
            .with_output(&[gem, "query", "--norc", "-n", "^rake$"], output(installed))
            .with_output(
                &[gem, "query", "--norc", "--remote", "-n", "^rake$"],
                output("rake (13.2.1)\n"),
            )
    }

    #[test]
    fn gems_come_and_go() {
        let table: &[(&str, Json, &str)] = &[
            ("", json!({}), "install --norc --user-install --no-document rake"),
            ("rake (13.0.6)\n", json!({}), ""),
            ("rake (default: 13.0.6)\n", json!({"version": "13.0.6"}), ""),
            (
                "rake (13.0.6)\n",
                json!({"version": "12.0.0", "user_install": false, "force": true}),
                "install --norc --version 12.0.0 --no-user-install --no-document rake --force",
            ),
            (
                "rake (13.0.6)\n",
                json!({"state": "latest"}),
                "install --norc --version 13.2.1 --user-install --no-document rake",
            ),
            ("rake (13.2.1, 13.0.6)\n", json!({"state": "latest"}), ""),
            (
                "rake (13.0.6)\n",
                json!({"state": "absent"}),
                "uninstall --norc --all --executable rake",
            ),
            ("", json!({"state": "absent"}), ""),
        ];
        for (installed, more, command) in table {
            let arguments = crate::recorded::with(&json!({"name": "rake"}), more);
            let mut live = host(installed);
            run(&mut live, &arguments);
            let ran = live.applied().iter().find_map(|effect| match effect {
                Effect::Setting(change) => Some(change.commands.first()?.argv.get(1..)?.join(" ")),
                _ => None,
            });
            assert_eq!(ran.unwrap_or_default(), *command, "{installed} {arguments}");
            let mut rehearsal = RehearsalHost::new(host(installed));
            let changed = run(&mut rehearsal, &arguments).status == Status::Changed;
            assert_eq!(changed, !command.is_empty(), "{installed} {arguments}");
            assert_eq!(run(&mut rehearsal, &arguments).status, Status::Ok, "{arguments}");
        }
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        for (arguments, message) in [
            (
                json!({"name": "rake", "state": "latest", "version": "1"}),
                "Cannot specify version when state=latest",
            ),
            (
                json!({"name": "rake", "state": "latest", "gem_source": "/x"}),
                "Cannot maintain state=latest when installing from local source",
            ),
            (
                json!({"name": "rake", "install_dir": "/x"}),
                "install_dir requires user_install=false",
            ),
        ] {
            assert_eq!(run(&mut host(""), &arguments).returned["msg"], message);
        }
    }

    #[test]
    fn lines_are_read() {
        assert_eq!(listed("rake (13.1.0, 12.3 ruby java)").unwrap(), ["13.1.0", "12.3"]);
        assert_eq!(listed("*** LOCAL GEMS ***"), None);
    }
}
