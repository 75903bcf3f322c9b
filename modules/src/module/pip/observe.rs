//! Which pip, and what it has installed.

use std::path::{Path, PathBuf};

use super::requirement::{Requirement, canonical, recover};
use super::{Error, Observed, Params, State};
use crate::contract::Stop;
use crate::effect::{Command, Output};
use crate::host::{Follow, Host, HostError};
use crate::module::{expansion, program, shell_words};

/// Lists what a Python has, as `pip list --format=freeze` does in many times the time; ends with 3
/// where it has no pip.
pub(super) const LIST: &str = "\
import sys
from importlib import metadata, util
sys.path = [place for place in sys.path if place]
if util.find_spec('pip') is None:
    sys.exit(3)
seen = set()
for found in metadata.distributions():
    name = found.metadata['Name']
    if name and name not in seen:
        seen.add(name)
        print(name + '==' + found.version)
";

/// Packages with their versions.
type Versions = Vec<(String, String)>;

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    let requirements = requirements(params)?;
    let umask = match params.umask.as_deref().filter(|umask| !umask.is_empty()) {
        None => None,
        Some(text) => {
            let digits = text.trim_start_matches("0o");
            Some(u32::from_str_radix(digits, 8).map_err(|_| {
                let reason = format!("invalid literal for int() with base 8: '{text}'");
                Stop::failed(Error::Umask).with("details", reason)
            })?)
        }
    };
    let chdir = match &params.chdir {
        Some(path) => Some(expansion::path(path, host)?),
        None => None,
    };
    let environment = match &params.virtualenv {
        None => None,
        Some(path) => {
            let path = expansion::path(path, host)?;
            Some(chdir.as_ref().map_or_else(|| path.clone(), |directory| directory.join(&path)))
        }
    };
    let directory = chdir.unwrap_or_else(|| PathBuf::from("/tmp"));
    let mut observed = Observed {
        pip: Vec::new(),
        requirements,
        environment,
        creation: None,
        directory,
        installed: Vec::new(),
        umask,
    };
    if let Some(path) = observed.environment.clone() {
        let name = path.to_string_lossy().into_owned();
        let rehearsed = host.rehearsed("virtualenv", &name).is_some();
        if !rehearsed && host.stat(&path.join("bin/activate"), Follow::Yes)?.is_none() {
            observed.creation = Some(creation(params, &path, &observed, host)?);
        }
        observed.pip = if rehearsed || observed.creation.is_some() {
            vec![path.join("bin/pip3").to_string_lossy().into_owned()]
        } else {
            pip_of(&path, host)?
        };
        if !rehearsed && observed.creation.is_none() {
            observed.installed = installed(&observed, host)?;
        }
    } else {
        let (pip, known) = usual_pip(params, &observed.directory, host)?;
        observed.pip = pip;
        observed.installed = match known {
            Some(known) => known,
            None => installed(&observed, host)?,
        };
    }
    for (name, version) in host.rehearsed_packages(&observed.manager()) {
        observed.installed.retain(|(other, _)| *other != name);
        observed.installed.extend(version.map(|version| (name, version)));
    }
    Ok(observed)
}

fn requirements(params: &Params) -> Result<Vec<Requirement>, Stop> {
    if params.state == State::Latest && params.version.is_some() {
        return Err(Stop::failed(Error::VersionOfLatest));
    }
    let Some(names) = &params.name else { return Ok(Vec::new()) };
    let mut found: Vec<Requirement> =
        recover(names).iter().map(|name| Requirement::parse(name.trim())).collect();
    if let Some(version) = &params.version {
        if found.len() > 1 {
            return Err(Stop::failed(Error::AmbiguousVersion));
        }
        if let Some(only) = found.first_mut() {
            if only.has_version() {
                return Err(Stop::failed(Error::TwoVersions));
            }
            *only = only.with_version(version);
        }
    }
    Ok(found)
}

/// The words that [`with_umask`] puts before a command.
pub(super) const UMASK_WORDS: usize = 5;

/// Runs a command with a umask of its own.
pub(super) fn with_umask(umask: Option<u32>, command: Command) -> Command {
    let Some(umask) = umask else { return command };
    let script = "umask \"$1\"; shift; exec \"$@\"";
    let mut argv: Vec<String> =
        ["/bin/sh", "-c", script, "sh"].into_iter().map(str::to_owned).collect();
    argv.push(format!("{umask:04o}"));
    argv.extend(command.argv);
    Command { argv, ..command }
}

/// What makes the environment.
fn creation(
    params: &Params,
    path: &Path,
    observed: &Observed,
    host: &mut dyn Host,
) -> Result<Command, Stop> {
    let command = expansion::text(&params.virtualenv_command, host)?;
    let mut argv =
        shell_words::split(&command).map_err(|error| Stop::failed(Error::Words(error)))?;
    let is_venv = argv.first().is_some_and(|first| first == "pyvenv")
        || argv.windows(2).any(|pair| pair == ["-m", "venv"])
        || argv.iter().any(|word| word == "-mvenv");
    if let Some(first) = argv.first_mut()
        && !first.contains('/')
    {
        *first = program::required(host, first)?;
    }
    if params.virtualenv_site_packages {
        argv.push("--system-site-packages".to_owned());
    }
    match &params.virtualenv_python {
        Some(_) if is_venv => return Err(Stop::failed(Error::PythonOfVenv)),
        Some(python) => argv.push(format!("-p{python}")),
        None => {}
    }
    argv.push(path.to_string_lossy().into_owned());
    let mut command = with_umask(observed.umask, program::command(argv));
    command.directory = Some(observed.directory.clone());
    Ok(command)
}

/// The pip of an environment.
fn pip_of(path: &Path, host: &mut dyn Host) -> Result<Vec<String>, Stop> {
    for name in ["pip3", "pip"] {
        let candidate = path.join("bin").join(name);
        if let Some(found) = host.find_program(&candidate.to_string_lossy())? {
            return Ok(vec![found.to_string_lossy().into_owned()]);
        }
    }
    Err(Stop::failed(Error::NoPipThere {
        environment: path.display().to_string(),
        names: "pip3, pip".to_owned(),
    }))
}

/// The pip, and what it has where that is known already.
fn usual_pip(
    params: &Params,
    directory: &Path,
    host: &mut dyn Host,
) -> Result<(Vec<String>, Option<Versions>), Stop> {
    let name = match &params.executable {
        Some(path) => expansion::path(path, host)?.to_string_lossy().into_owned(),
        None => {
            if let Some(found) = pip_of_python(params, directory, host)? {
                return Ok(found);
            }
            "pip3".to_owned()
        }
    };
    if name.starts_with('/') {
        return Ok((vec![name], None));
    }
    match host.find_program(&name)? {
        Some(found) => Ok((vec![found.to_string_lossy().into_owned()], None)),
        None => Err(Stop::failed(Error::NoPip(name))),
    }
}

/// The words that call the pip of the host's Python, where it has one.
fn pip_of_python(
    params: &Params,
    directory: &Path,
    host: &mut dyn Host,
) -> Result<Option<(Vec<String>, Option<Versions>)>, Stop> {
    let named = params.interpreter.program.as_deref().unwrap_or("python3");
    let Some(python) = host.find_program(named)? else { return Ok(None) };
    let python = python.to_string_lossy().into_owned();
    let known = match python_says(&python, directory, host) {
        Some(output) if output.status == 3 => return Ok(None),
        Some(output) if output.success() => Some(versions(&output)),
        // one that is too old to tell
        _ if program::query(host, [python.as_str(), "-m", "pip", "--version"])?.success() => None,
        _ => return Ok(None),
    };
    Ok(Some((vec![python, "-m".to_owned(), "pip".to_owned()], known)))
}

/// What a Python says of its packages, where it can be asked.
fn python_says(python: &str, directory: &Path, host: &mut dyn Host) -> Option<Output> {
    let mut command = program::command([python, "-c", LIST].map(str::to_owned));
    command.directory = Some(directory.to_owned());
    host.query(&command).ok()
}

/// The Python that a script of pip names in its first line.
fn python_of(script: &str, host: &mut dyn Host) -> Option<String> {
    let text = host.read(Path::new(script)).ok()?;
    let line = text.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.strip_prefix("#!")?.trim();
    let name = Path::new(line).file_name()?.to_str()?;
    (line.starts_with('/') && name.starts_with("python")).then(|| line.to_owned())
}

fn versions(output: &Output) -> Versions {
    let text = output.stdout_text();
    let pairs = text.lines().filter_map(|line| line.split_once("=="));
    pairs.map(|(name, version)| (canonical(name), version.trim().to_owned())).collect()
}

fn installed(observed: &Observed, host: &mut dyn Host) -> Result<Versions, Stop> {
    if let [script] = observed.pip.as_slice()
        && let Some(python) = python_of(script, host)
        && let Some(output) = python_says(&python, &observed.directory, host)
        && output.success()
    {
        return Ok(versions(&output));
    }
    let list = |words: [&str; 2], host: &mut dyn Host| -> Result<_, HostError> {
        let mut command =
            program::command(observed.pip.iter().cloned().chain(words.map(str::to_owned)));
        command.directory = Some(observed.directory.clone());
        host.query(&command)
    };
    let mut output = list(["list", "--format=freeze"], host)?;
    if !output.success() {
        output = list(["freeze", "--all"], host)?;
    }
    if !output.success() {
        return Err(program::failure(&output));
    }
    Ok(versions(&output))
}
