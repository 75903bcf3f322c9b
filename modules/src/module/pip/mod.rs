//! `ansible.builtin.pip`: packages of Python.
//!
//! Follows the module of ansible-core 2.19, through `pip` of the host, of a virtual environment or
//! of an `executable`. Check mode: full for packages that are to be there or not; what `latest`,
//! `forcereinstall`, `requirements`, extras and addresses would do is unknown before. Diff: the
//! packages.
//!
//! By default it is the `pip` of the Python that `ansible_python_interpreter` names, or of `python3`;
//! where that has none, `pip3` of the search path.
//!
//! Differs from Ansible: `pip` is not called when all packages are there in admitted versions.
//!
//! ```yaml
//! - name: The application's libraries
//!   ansible.builtin.pip:
//!     name: [flask>=3, "requests==2.32.3"]
//!     virtualenv: /srv/app/venv
//!     virtualenv_command: python3 -m venv
//! ```
//!
//! Returns `cmd`, `name`, `version`, `state`, `requirements`, `virtualenv`, `stdout`, `stderr`.

mod interpreter;
mod observe;
mod requirement;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::Value as Json;

use self::interpreter::Interpreter;
use self::requirement::Requirement;
use super::program;
use super::text_lines::set_streams;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, PackageChange, PackageStep, SettingChange};
use crate::host::{Host, HostError};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What shall be with the packages.
    pub enum State {
        /// They are there.
        Present = "present",
        /// They are not there.
        Absent = "absent",
        /// They are there in the newest version.
        Latest = "latest",
        /// They are installed once more.
        Forcereinstall = "forcereinstall",
    }
}

params! {
    /// Parameters of `ansible.builtin.pip`.
    pub struct Params {
        /// What shall be with the packages.
        state: State = State::Present,
        /// The packages, each with its versions, or addresses.
        name: Option<Vec<String>>,
        /// The version of the one package.
        version: Option<String>,
        /// A file of requirements on the host.
        requirements: Option<String>,
        /// The virtual environment; made when it is not there.
        virtualenv: Option<PathBuf>,
        /// Whether it sees the packages of the host.
        virtualenv_site_packages: bool = false,
        /// The command that makes it.
        virtualenv_command: String = "virtualenv".to_owned(),
        /// The Python for it.
        virtualenv_python: Option<String>,
        /// Words for `pip`.
        extra_args: Option<String>,
        /// Whether addresses are installed for development.
        editable: bool = false,
        /// The directory in which it is called.
        chdir: Option<PathBuf>,
        /// The `pip` to use.
        executable: Option<PathBuf>,
        /// The umask, octal.
        umask: Option<String>,
        /// Whether packages that the system brings may be touched.
        break_system_packages: bool = false,
        /// The Python whose packages are meant.
        @flatten interpreter: Interpreter,
    }
    rules [
        Rule::RequiredOneOf(&["name", "requirements"]),
        Rule::MutuallyExclusive(&["name", "requirements"]),
        Rule::MutuallyExclusive(&["executable", "virtualenv"]),
    ]
}

/// The module.
#[derive(Debug)]
pub struct Pip;

/// What is known of the packages.
#[derive(Debug)]
pub struct Observed {
    /// The words that call `pip`.
    pip: Vec<String>,
    requirements: Vec<Requirement>,
    /// The environment, when there is one.
    environment: Option<PathBuf>,
    /// What makes it, when it is not there.
    creation: Option<Command>,
    directory: PathBuf,
    /// Names and versions of what is installed.
    installed: Vec<(String, String)>,
    umask: Option<u32>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A version and the newest one.
    #[error("version is incompatible with state=latest")]
    VersionOfLatest,
    /// A version for several.
    #[error(
        "'version' argument is ambiguous when installing multiple package distributions. Please \
         specify version restrictions next to each package in 'name' argument."
    )]
    AmbiguousVersion,
    /// Two versions.
    #[error(
        "The 'version' argument conflicts with any version specifier provided along with a \
         package name. Please keep the version specifier, but remove the 'version' argument."
    )]
    TwoVersions,
    /// There is no `pip`.
    #[error("Unable to find any of {0} to use.  pip needs to be installed.")]
    NoPip(String),
    /// The environment has none.
    #[error(
        "Unable to find pip in the virtualenv, {environment}, under any of these names: {names}. \
         Make sure pip is present in the virtualenv."
    )]
    NoPipThere {
        /// The environment.
        environment: String,
        /// What was looked for.
        names: String,
    },
    /// `venv` has its own Python.
    #[error(
        "virtualenv_python should not be used when using the venv module or pyvenv as \
         virtualenv_command"
    )]
    PythonOfVenv,
    /// Not octal.
    #[error("umask must be an octal integer")]
    Umask,
    /// Words with open quotation marks.
    #[error(transparent)]
    Words(#[from] super::shell_words::SplitError),
}

impl Module for Pip {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let environment = observed.environment.as_ref();
        let environment = environment.map(|path| path.to_string_lossy().into_owned());
        plan.set("name", params.name.clone());
        plan.set("version", params.version.clone());
        plan.set("state", params.state.word());
        plan.set("requirements", params.requirements.clone());
        plan.set("virtualenv", environment.clone());
        set_streams(&mut plan.returned, "", "");
        if let (Some(creation), Some(path)) = (&observed.creation, &observed.environment) {
            let change = SettingChange {
                kind: "virtualenv".to_owned(),
                name: path.to_string_lossy().into_owned(),
                after: Some(Json::from("present")),
                commands: vec![creation.clone()],
                fills: vec![path.clone()],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), "the environment is not there");
        }
        let command = command(params, observed)?;
        // the call, without what sets the umask
        let skipped = if observed.umask.is_some() { observe::UMASK_WORDS } else { 0 };
        plan.set("cmd", command.argv.get(skipped..).unwrap_or_default().to_vec());
        let asked: Vec<&Requirement> = observed
            .requirements
            .iter()
            .filter(|wanted| differs(params, wanted, observed))
            .collect();
        let known = params.requirements.is_none()
            && matches!(params.state, State::Present | State::Absent)
            && asked.iter().all(|wanted| wanted.is_plain());
        if known && asked.is_empty() {
            return Ok(plan);
        }
        if !known {
            plan.push(Effect::Run(command), "only pip knows");
            return Ok(plan);
        }
        let steps = asked.iter().map(|wanted| PackageStep {
            name: wanted.name.clone(),
            from: observed.version(&wanted.name).map(str::to_owned),
            to: wanted.exact_version(),
        });
        let (install, remove): (Vec<_>, Vec<_>) = match params.state {
            State::Absent => (Vec::new(), steps.collect()),
            _ => (steps.collect(), Vec::new()),
        };
        let names: Vec<&str> = asked.iter().map(|wanted| wanted.name.as_str()).collect();
        let verb = if params.state == State::Absent { "remove" } else { "install" };
        let reason = format!("{verb} {}", names.join(" "));
        let manager = observed.manager();
        plan.push(Effect::Packages(PackageChange { manager, command, install, remove }), reason);
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let mut changed = observed.creation.is_some();
        let (mut out, mut err) = (String::new(), String::new());
        for (planned, applied) in plan.effects.iter().zip(applied) {
            let is_packages = matches!(planned.effect, Effect::Packages(_) | Effect::Run(_));
            let Applied::Ran(output) = applied else {
                changed |= is_packages;
                continue;
            };
            let text = output.stdout_text();
            if is_packages {
                if !output.success() {
                    return Err(failed(&text, &output.stderr_text(), &plan.returned));
                }
                let word = match params.state {
                    State::Absent => "Successfully uninstalled",
                    _ => "Successfully installed",
                };
                changed |= text.contains(word);
            }
            out.push_str(&text);
            err.push_str(&output.stderr_text());
        }
        set_streams(&mut returned, &out, &err);
        Ok(Conclusion { changed, returned })
    }

    fn explain(_: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        let HostError::CommandFailed { output, .. } = &error else { return Stop::Host(error) };
        let stop =
            failed(&output.stdout_text(), &output.stderr_text(), &crate::contract::Returned::new());
        match &planned.effect {
            Effect::Packages(change) => stop.with("cmd", change.command.argv.clone()),
            Effect::Setting(change) => {
                stop.with("cmd", change.commands.first().map(|command| command.argv.clone()))
            }
            _ => stop,
        }
    }
}

fn failed(out: &str, err: &str, returned: &crate::contract::Returned) -> Stop {
    let mut message = String::new();
    if !out.is_empty() {
        message.push_str(&format!("stdout: {out}"));
    }
    if !err.is_empty() {
        message.push_str(&format!("\n:stderr: {err}"));
    }
    let stop = Stop::failed(message);
    match returned.get("cmd") {
        Some(cmd) => stop.with("cmd", cmd.clone()),
        None => stop,
    }
}

/// Whether pip is to be asked for a requirement.
fn differs(params: &Params, wanted: &Requirement, observed: &Observed) -> bool {
    let there = observed.version(&wanted.name);
    let fits = there.is_some_and(|version| wanted.admits(version));
    match params.state {
        State::Absent => there.is_some() || !wanted.is_plain(),
        State::Present => !fits || !wanted.is_plain() || params.editable,
        State::Latest | State::Forcereinstall => true,
    }
}

impl Observed {
    fn version(&self, name: &str) -> Option<&str> {
        let found = self.installed.iter().find(|(other, _)| other == name);
        found.map(|(_, version)| version.as_str())
    }

    /// The manager as package effects name it: each environment has its own packages.
    fn manager(&self) -> String {
        match &self.environment {
            Some(path) => format!("pip {}", path.display()),
            None => "pip".to_owned(),
        }
    }
}

/// The call of pip.
fn command(params: &Params, observed: &Observed) -> Result<Command, Stop> {
    let words: &[&str] = match params.state {
        State::Present => &["install"],
        State::Absent => &["uninstall", "-y"],
        State::Latest => &["install", "-U"],
        State::Forcereinstall => &["install", "-U", "--force-reinstall"],
    };
    let mut argv = observed.pip.clone();
    argv.extend(words.iter().map(ToString::to_string));
    if let Some(extra) = &params.extra_args {
        let extra = super::shell_words::split(extra);
        argv.extend(extra.map_err(|error| Stop::failed(Error::Words(error)))?);
    }
    if params.editable && !argv.iter().any(|word| word == "-e") {
        argv.push("-e".to_owned());
    }
    argv.extend(observed.requirements.iter().map(|wanted| wanted.text.clone()));
    if let Some(file) = &params.requirements {
        argv.extend(["-r".to_owned(), file.clone()]);
    }
    let mut command = observe::with_umask(observed.umask, program::command(argv));
    command.directory = Some(observed.directory.clone());
    if params.break_system_packages {
        command.environment.insert("PIP_BREAK_SYSTEM_PACKAGES".to_owned(), "1".to_owned());
    }
    Ok(command)
}
