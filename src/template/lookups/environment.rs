//! Lookups of the process, its commands and the variables.

use std::io::Read as _;
use std::process::{Command, Stdio};

use canvass_modules::python_regex;
use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Missing, elements, entries, is_mapping, text, type_name, undefined};
use crate::template::regex::Flags;

/// `env`
pub(super) fn variables(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let default = request.options.iter().find(|(name, _)| name == "default");
    let mut found = Vec::new();
    for term in request.texts()? {
        let Some(name) = term.split_whitespace().next() else {
            return Err(Failure::failed("list index out of range"));
        };
        found.push(match (std::env::var(name), default) {
            (Ok(value), _) => Value::from(value),
            (Err(_), Some((_, default))) => default.clone(),
            (Err(_), None) => Value::from(""),
        });
    }
    Ok(found)
}

/// More output of a command is refused.
const MOST_OUTPUT: u64 = 256 * 1024 * 1024;

fn run(request: &Request<'_>, lookup: &str, command: &str) -> Outcome<String> {
    let folder = &request.scope.directories().playbook;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit());
    if folder.is_dir() {
        shell.current_dir(folder);
    }
    let cannot = |error| Failure::failed(format!("cannot run {command}: {error}"));
    let mut child = shell.stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let mut printed = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(MOST_OUTPUT + 1).read_to_end(&mut printed).map_err(cannot)?;
    }
    if u64::try_from(printed.len()).is_ok_and(|length| length > MOST_OUTPUT) {
        // its pipe is closed; one that does not mind is ended
        let _ = child.kill();
        let _ = child.wait();
        return Err(Failure::failed(format!("{command} prints more than {MOST_OUTPUT} bytes")));
    }
    let status = child.wait().map_err(cannot)?;
    if !status.success() {
        let code = status.code().unwrap_or_else(|| {
            -std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(1)
        });
        return Err(Failure::failed(format!("lookup_plugin.{lookup}({command}) returned {code}")));
    }
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

/// `pipe`
pub(super) fn pipe(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let commands = request.texts()?;
    commands
        .iter()
        .map(|command| Ok(Value::from(run(request, "pipe", command)?.trim_end())))
        .collect()
}

/// `lines`
pub(super) fn lines(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut lines = Vec::new();
    for command in request.texts()? {
        lines.extend(run(request, "lines", &command)?.lines().map(Value::from));
    }
    Ok(lines)
}

/// `vars`
pub(super) fn vars(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut found = Vec::new();
    for term in &request.terms {
        let Some(name) = term.as_str() else {
            let kind = type_name(term);
            return Err(Failure::failed(format!("Variable name must be 'str' not '{kind}'.")));
        };
        found.push(match (request.scope.lookup(name)?, request.option("default")) {
            (Some(value), _) => value,
            (None, Some(default)) => default.clone(),
            (None, None) => {
                let message = format!("No variable named '{name}' was found.");
                undefined(Missing::Other(Some(name.to_owned()), message))
            }
        });
    }
    Ok(found)
}

/// `varnames`
pub(super) fn names(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut found = Vec::new();
    let names = request.scope.names();
    for term in &request.terms {
        let Some(pattern) = term.as_str() else {
            return Err(Failure::failed(format!(
                "Invalid setting identifier, \"{}\" is not a string, it is a <class '{}'>",
                text(term)?,
                type_name(term)
            )));
        };
        let regex = python_regex::compile(pattern, Flags::default()).map_err(|error| {
            Failure::failed(format!("Unable to use \"{pattern}\" as a search parameter: {error}"))
        })?;
        for name in &names {
            if regex.is_found(name)? {
                found.push(Value::from(name.as_str()));
            }
        }
    }
    Ok(found)
}

/// `inventory_hostnames`: the hosts of host patterns.
pub(super) fn hosts(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let Some(groups) = request.scope.lookup("groups")? else {
        return Err(Failure::failed("there is no inventory here"));
    };
    if !is_mapping(&groups) {
        return Err(Failure::failed("`groups` is no mapping"));
    }
    let groups = entries(&groups)?;
    let mut members = Vec::with_capacity(groups.len());
    for (name, hosts) in &groups {
        let hosts = elements(hosts)?.iter().map(text).collect::<Outcome<Vec<String>>>()?;
        members.push((text(name)?, hosts));
    }
    let terms = request.texts()?;
    let chosen = crate::inventory::hosts_of_pattern(&members, terms.iter().map(String::as_str));
    // Ansible gives nothing for a pattern that is none
    Ok(chosen.unwrap_or_default().into_iter().map(Value::from).collect())
}
