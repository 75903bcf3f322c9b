//! `ansible.builtin.cron`: jobs and variables of cron.
//!
//! Follows the module of ansible-core 2.19: a job is found by the comment `#Ansible: NAME` before
//! it. A user's table goes through `crontab`, a file of `/etc/cron.d` is written. Check mode: full.
//! Diff: the table.
//!
//! ```yaml
//! - name: Tidy up at night
//!   ansible.builtin.cron:
//!     name: tidy up
//!     minute: "0"
//!     hour: "3"
//!     job: /usr/local/bin/tidy >/dev/null
//! ```
//!
//! Returns `jobs` and `envs` (their names), `cron_file`, `backup_file` and `warnings`.

mod params;
mod table;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

pub use params::{Params, State};

use self::table::{Job, Table};
use super::program;
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Attributes, Content, Effect, SettingChange, WriteFile};
use crate::host::{FileKind, Follow, Host, HostError};

/// The module.
#[derive(Debug)]
pub struct Cron;

/// What is known of the table.
#[derive(Debug)]
pub struct Observed {
    place: Place,
    /// The text; empty where there is none.
    text: String,
    /// Where a copy of it goes.
    backup: Option<PathBuf>,
}

#[derive(Debug)]
enum Place {
    /// A file; whether it is there.
    File { path: PathBuf, exists: bool },
    /// The table of a user, and the words before the action.
    User { name: String, command: Vec<String> },
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// That file is the system's own.
    #[error("Will not manage /etc/crontab via cron_file, see documentation.")]
    SystemTable,
    /// A file names the user of each job.
    #[error("To use cron_file=... parameter you must specify user=... as well")]
    NoUser,
    /// There is nothing to put in.
    #[error("You must specify 'job' to install a new cron job or variable")]
    NoJob,
    /// A word for the time and the time itself.
    #[error("You cannot combine special_time with any of the time or day/date parameters.")]
    SpecialTime,
    /// A place among variables for a job.
    #[error("Insertafter and insertbefore parameters are valid only with env=yes")]
    PlaceOfJob,
    /// No name of a variable.
    #[error("Invalid name for environment variable")]
    EnvName,
    /// The variable beside which the new one goes is not there.
    #[error("Variable named '{0}' not found.")]
    NoVariable(String),
    /// The table cannot be read.
    #[error("Unable to read crontab")]
    Unreadable,
}

impl Module for Cron {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        check(params)?;
        let crontab = program::required(host, "crontab")?;
        let (place, text) = match &params.cron_file {
            Some(file) => {
                let path = Path::new("/etc/cron.d").join(super::expansion::path(file, host)?);
                let stat = host.stat(&path, Follow::Yes)?;
                let exists = stat.is_some_and(|stat| stat.kind == FileKind::File);
                let bytes = if exists { host.read(&path)? } else { Vec::new() };
                let text = String::from_utf8_lossy(&bytes).into_owned();
                (Place::File { path, exists }, text)
            }
            None => of_user(params.user.as_deref(), crontab, host)?,
        };
        let backup = if params.backup { Some(fresh_name(host)?) } else { None };
        Ok(Observed { place, text, backup })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut table = Table::read(&observed.text);
        let before = table.render();
        let mut changed = edit(params, &mut table)?;
        let mut plan = Plan::nothing();
        let ends = observed.text.is_empty() || observed.text.ends_with(['\n', '\r']);
        if let Some(file) = &params.cron_file {
            plan.set("cron_file", file.to_string_lossy().into_owned());
        }
        let warnings = warnings(params);
        if !warnings.is_empty() {
            plan.set("warnings", warnings);
        }
        if changed
            && params.state == State::Absent
            && !params.env
            && table.is_empty()
            && let Place::File { path, exists } = &observed.place
        {
            plan.set("state", "absent");
            if *exists {
                plan_backup(observed, before, &mut plan);
                plan.push(Effect::Remove { path: path.clone() }, "no job is left in it");
            }
            return Ok(plan);
        }
        changed |= !ends;
        plan.set("jobs", table.jobs());
        plan.set("envs", table.variables());
        if changed {
            plan_backup(observed, before, &mut plan);
            let what = if params.env { "variable" } else { "job" };
            let reason = format!("{what} `{}` differs", params.name);
            plan.push(write(observed, table.render()), reason);
        }
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        match (&error, &planned.effect) {
            (HostError::CommandFailed { output, .. }, Effect::Setting(_)) => {
                Stop::failed("Failed to install new cronfile")
                    .with("rc", output.status)
                    .with("stdout", output.stdout_text())
                    .with("stderr", output.stderr_text())
            }
            (HostError::Io { source, .. }, Effect::WriteFile(write))
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                let reason = error.in_python(&write.path).replace(": '", ": b'");
                Stop::failed(format!("Task failed: Module failed: {reason}"))
            }
            _ => Stop::Host(error),
        }
    }
}

fn check(params: &Params) -> Result<(), Stop> {
    let error = if params.cron_file.as_deref() == Some(Path::new("/etc/crontab")) {
        Error::SystemTable
    } else if params.special_time.is_some() && !params.is_always() {
        Error::SpecialTime
    } else if params.state == State::Present && params.cron_file.is_some() && params.user.is_none()
    {
        Error::NoUser
    } else if params.state == State::Present && params.job.is_none() {
        Error::NoJob
    } else if params.state == State::Present && params.beside().is_some() && !params.env {
        Error::PlaceOfJob
    } else if params.env && params.name.contains(' ') {
        Error::EnvName
    } else {
        return Ok(());
    };
    Err(Stop::failed(error))
}

/// The table of a user, as a rehearsal left it or as `crontab` prints it.
fn of_user(
    user: Option<&str>,
    crontab: String,
    host: &mut dyn Host,
) -> Result<(Place, String), Stop> {
    let identity = host.identity()?.label();
    let name = user.unwrap_or(&identity).to_owned();
    let mut command = vec![crontab];
    if name != identity {
        command.extend(["-u".to_owned(), name.clone()]);
    }
    if let Some(kept) = host.rehearsed("crontab", &name) {
        let text = kept.value.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned();
        return Ok((Place::User { name, command }, text));
    }
    let output = program::query(host, command.iter().cloned().chain(["-l".to_owned()]))?;
    if !matches!(output.status, 0 | 1) {
        return Err(Stop::failed(Error::Unreadable).with("stderr", output.stderr_text()));
    }
    let text = table::without_head(&output.stdout_text());
    Ok((Place::User { name, command }, text))
}

/// A name that is free for the copy.
fn fresh_name(host: &mut dyn Host) -> Result<PathBuf, HostError> {
    let mut number = host.now().nanoseconds;
    loop {
        let path = PathBuf::from(format!("/tmp/crontab{number:09}"));
        if host.stat(&path, Follow::No)?.is_none() {
            return Ok(path);
        }
        number = number.wrapping_add(1);
    }
}

fn edit(params: &Params, table: &mut Table) -> Result<bool, Stop> {
    let job = params.job.as_deref().unwrap_or_default();
    if params.env {
        if params.state == State::Absent {
            return Ok(table.remove_variable(&params.name));
        }
        let line = format!("{}=\"{job}\"", params.name);
        return table
            .set_variable(&params.name, &line, params.beside())
            .map_err(|name| Stop::failed(Error::NoVariable(name)));
    }
    if params.state == State::Absent {
        return Ok(table.remove_job(&params.name));
    }
    let line = Job {
        time: &params.time(),
        user: params.cron_file.as_ref().and(params.user.as_deref()),
        command: job.trim_matches(['\r', '\n']),
        disabled: params.disabled,
    };
    Ok(table.set_job(&params.name, &line.to_string()))
}

fn warnings(params: &Params) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(file) = &params.cron_file {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if name.is_empty() || !name.chars().all(plain) {
            warnings.push(format!(
                "Filename portion of cron_file (\"{name}\") should consist solely of upper- and \
                 lower-case letters, digits, underscores, and hyphens"
            ));
        }
    }
    let job = params.job.as_deref().unwrap_or_default().trim_matches(['\r', '\n']);
    if params.state == State::Present && !params.env && job.contains(['\r', '\n']) {
        warnings.push("Job should not contain line breaks".to_owned());
    }
    warnings
}

fn plan_backup(observed: &Observed, text: String, plan: &mut Plan) {
    let Some(path) = &observed.backup else { return };
    plan.set("backup_file", path.to_string_lossy().into_owned());
    let attributes = Attributes { mode: Some(0o600), ..Attributes::default() };
    plan.push(file(path.clone(), text, attributes), "a copy of the table");
}

fn file(path: PathBuf, text: String, attributes: Attributes) -> Effect {
    Effect::WriteFile(WriteFile {
        path,
        content: Content::Bytes(text.into_bytes()),
        attributes,
        validate: None,
        backup: false,
        unsafe_writes: false,
    })
}

fn write(observed: &Observed, text: String) -> Effect {
    match &observed.place {
        Place::File { path, exists } => {
            let mode = (!exists).then_some(0o644);
            file(path.clone(), text, Attributes { mode, ..Attributes::default() })
        }
        Place::User { name, command } => {
            let argv = command.iter().cloned().chain(["-".to_owned()]);
            let mut command = program::command(argv);
            command.stdin = Some(text.clone());
            Effect::Setting(SettingChange {
                kind: "crontab".to_owned(),
                name: name.clone(),
                before: Some(Json::from(observed.text.clone())),
                after: Some(Json::from(text)),
                commands: vec![command],
                ..SettingChange::default()
            })
        }
    }
}

#[cfg(test)]
mod tests;
