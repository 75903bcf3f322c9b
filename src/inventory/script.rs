//! Programs that answer with an inventory: `--list`, and `--host` where that has no `_meta`.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use indexmap::IndexSet;
use serde_json::{Map, Value as Json};

use super::error::{InventoryError, Problem};
use super::given::{Given, Trust, from_json, nowhere};
use super::load::Source;
use super::members::GroupIndex;
use super::plugin::Reading;
use super::settings::ScriptErrors;
use crate::diagnostics::Diagnostic;
use crate::source::Span;

/// Adds what the program says.
pub(super) fn read(source: &Source, reading: &mut Reading<'_>) -> Result<(), InventoryError> {
    let span = nowhere(&format!("<inventory script output from '{}'>", source.text));
    let answer = run(source, &["--list"])?;
    let processed = answer.inventory()?;
    if !answer.errors.trim().is_empty() && reading.settings.script_errors == ScriptErrors::Shown {
        reading.members.warnings.push(Diagnostic::failure(answer.errors.clone()));
    }
    let mut script = Script { source, reading, span, hosts: IndexSet::new() };
    let mut variables = None;
    for (group, body) in &processed {
        if group != "_meta" {
            script.group(group, body)?;
            continue;
        }
        match body.get("hostvars") {
            Some(Json::Object(hosts)) => variables = Some(hosts),
            other => {
                let found = other.map_or("NoneType", python_type);
                return Err(wrong_type("_meta.hostvars", found, "dict"));
            }
        }
    }
    if variables.is_none() {
        script.warn(
            "Inventory scripts should always provide 'meta.hostvars'. Host variables will be \
             collected by running the inventory script with the '--host' option for each host."
                .to_owned(),
        );
    }
    for host in script.hosts.clone() {
        let asked;
        let found = match variables {
            Some(variables) => variables.get(&host),
            None => {
                asked = host_variables(source, &host)?;
                asked.as_ref()
            }
        };
        script.variables(&host, found)?;
    }
    Ok(())
}

struct Script<'a, 'r> {
    source: &'a Source,
    reading: &'a mut Reading<'r>,
    span: Span,
    /// The hosts that groups have named.
    hosts: IndexSet<String>,
}

impl Script<'_, '_> {
    fn warn(&mut self, message: String) {
        let known = &mut self.reading.members.warnings;
        if !known.iter().any(|warning| warning.message == message) {
            known.push(Diagnostic::warning(message, None));
        }
    }

    fn group(&mut self, name: &str, body: &Json) -> Result<(), InventoryError> {
        let index = self.reading.members.group(name, None)?;
        let name = self.reading.members.name(index).to_owned();
        let body = match body {
            Json::Object(body) => body,
            other => {
                self.warn(format!(
                    "Group '{name}' was converted to 'dict' from '{}'.",
                    python_type(other)
                ));
                return self.hosts(&name, index, other);
            }
        };
        if !["hosts", "vars", "children"].iter().any(|key| body.contains_key(*key)) {
            self.warn(format!(
                "Treating malformed group '{name}' as the sole host of that group. Variables \
                 provided in this manner cannot be templated."
            ));
            self.hosts(&name, index, &Json::Array(vec![Json::from(name.as_str())]))?;
            return self.group_vars(index, body, Trust::Plain);
        }
        if let Some(hosts) = body.get("hosts") {
            self.hosts(&name, index, hosts)?;
        }
        match body.get("vars") {
            None => {}
            Some(Json::Object(vars)) => self.group_vars(index, vars, Trust::Templates)?,
            Some(other) => {
                return Err(wrong_type(&format!("{name}.vars"), python_type(other), "dict"));
            }
        }
        let children = match body.get("children") {
            Some(Json::Array(children)) => children.as_slice(),
            _ => &[],
        };
        for child in children {
            let Some(child) = child.as_str() else {
                return Err(Problem::ScriptName("group", child.to_string()).into());
            };
            let child = self.reading.members.group(child, None)?;
            self.reading.members.add_child(index, child)?;
        }
        Ok(())
    }

    fn hosts(&mut self, name: &str, group: GroupIndex, hosts: &Json) -> Result<(), InventoryError> {
        let Json::Array(hosts) = hosts else {
            return Err(wrong_type(&format!("{name}.hosts"), python_type(hosts), "list"));
        };
        let origin = self.source.origin();
        for host in hosts {
            let Some(host) = host.as_str() else {
                return Err(Problem::ScriptName("host", host.to_string()).into());
            };
            self.reading.members.host(host, group, None, &origin)?;
            self.hosts.insert(host.to_owned());
        }
        Ok(())
    }

    fn group_vars(
        &mut self,
        group: GroupIndex,
        vars: &Map<String, Json>,
        trust: Trust,
    ) -> Result<(), InventoryError> {
        for (name, value) in vars {
            let value = from_json(value, trust, &self.span);
            self.reading.members.set_group_var(group, name, &value.into())?;
        }
        Ok(())
    }

    fn variables(&mut self, host: &str, found: Option<&Json>) -> Result<(), InventoryError> {
        let vars = match found {
            None => return Ok(()),
            Some(Json::Object(vars)) => vars,
            Some(other) => return Err(Problem::ScriptHostVars(other.to_string()).into()),
        };
        let Some(index) = self.reading.members.hosts.get_index_of(host) else { return Ok(()) };
        for (name, value) in vars {
            let value: Given = from_json(value, Trust::Templates, &self.span).into();
            self.reading.members.set_host_var(index, name, &value);
        }
        Ok(())
    }
}

/// What `--host` says.
fn host_variables(source: &Source, host: &str) -> Result<Option<Json>, InventoryError> {
    let answer = run(source, &["--host", host])?;
    if answer.text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&answer.text).map(Some).map_err(|error| {
        answer.wrong(format!(
            "Inventory script result for host '{host}' could not be parsed as JSON: {error}"
        ))
    })
}

/// What a program said.
struct Answer {
    text: String,
    errors: String,
}

impl Answer {
    fn wrong(&self, message: String) -> InventoryError {
        Problem::ScriptFailed { message, errors: self.errors.clone() }.into()
    }

    /// The groups, after what Ansible wants to know of them first.
    fn inventory(&self) -> Result<Map<String, Json>, InventoryError> {
        let undecoded = |cause: String| {
            self.wrong(format!("Unable to get JSON decoder for inventory script result: {cause}"))
        };
        let is_not = |what: &str, value: &Json, wanted: &str| {
            let found = python_type(value);
            undecoded(format!("Value {what}is '{found}' instead of '{wanted}'."))
        };
        let processed = match serde_json::from_str(&self.text) {
            Ok(Json::Object(processed)) => processed,
            Ok(other) => return Err(is_not("", &other, "dict")),
            Err(error) => {
                return Err(undecoded(format!("Value could not be parsed as JSON: {error}")));
            }
        };
        let profile = match processed.get("_meta") {
            None => None,
            Some(Json::Object(meta)) => meta.get("profile"),
            Some(other) => return Err(is_not("contains '_meta' which ", other, "dict")),
        };
        match profile {
            None => {}
            Some(Json::String(name)) if name == "inventory_legacy" => {}
            Some(Json::String(name)) if !name.starts_with("inventory_") => {
                return Err(undecoded(format!("Non-inventory profile '{name}' is not allowed.")));
            }
            Some(Json::String(name)) => {
                return Err(undecoded(format!("Unknown profile name '{name}'.")));
            }
            Some(other) => return Err(is_not("contains '_meta.profile' which ", other, "str")),
        }
        for key in ["__ansible_vault", "__ansible_unsafe"] {
            if processed.get(key).is_some_and(|value| !value.is_string()) {
                return Err(self.wrong(format!(
                    "Inventory script result could not be parsed as JSON: `{key}` is no text"
                )));
            }
        }
        Ok(processed)
    }
}

fn run(source: &Source, arguments: &[&str]) -> Result<Answer, InventoryError> {
    // a name without a slash is a file here, no program of the search path
    let program = std::path::absolute(&source.path).unwrap_or_else(|_| source.path.clone());
    // its output is no file, and shows in the hosts and what is done on them
    if let Ok(content) = std::fs::read(&program) {
        crate::source::inputs::note(std::path::Path::new(&program), &content);
    }
    let output = Command::new(&program).args(arguments).output().map_err(|error| {
        let words: Vec<&str> =
            std::iter::once(source.text.as_str()).chain(arguments.iter().copied()).collect();
        let command = shell_words::join(words);
        InventoryError::from(Problem::ScriptFailed {
            message: format!("Failed to execute inventory script command '{command}': {error}"),
            errors: String::new(),
        })
    })?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut answer = Answer { text: String::new(), errors };
    if !output.status.success() {
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| -signal));
        let code = code.unwrap_or_default();
        return Err(answer.wrong(format!("Inventory script returned non-zero exit code {code}.")));
    }
    answer.text = String::from_utf8(output.stdout).map_err(|_| {
        answer.wrong(
            "Inventory script result contained characters that cannot be interpreted as UTF-8."
                .to_owned(),
        )
    })?;
    Ok(answer)
}

fn wrong_type(place: &str, found: &str, wanted: &'static str) -> InventoryError {
    Problem::ScriptType { place: place.to_owned(), found: found.to_owned(), wanted }.into()
}

/// Python's name for the type of a value.
fn python_type(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}
