//! Local facts: `*.fact` files and programs.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::probe::Probe;
use crate::contract::Returned;
use crate::effect::Command;
use crate::host::Follow;

/// `local`.
pub(super) fn collect(probe: &mut Probe<'_>, directory: &Path, facts: &mut Returned) {
    let mut local = Map::new();
    for name in probe.list(directory) {
        let Some(key) = name.strip_suffix(".fact").filter(|key| !key.starts_with('.')) else {
            continue;
        };
        let path = directory.join(&name);
        let fact = match text(probe, &path) {
            Ok(text) => parse(&text, &path),
            Err(failure) => Json::from(failure.to_string()),
        };
        local.insert(key.to_owned(), fact);
    }
    facts.insert("local".to_owned(), Json::from(local));
}

/// Why a local fact has no value; it becomes the value, as in Ansible.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Failure executing fact script ({path}), rc: {status}, err: {stderr}")]
    Status { path: String, status: i32, stderr: String },
    #[error("Could not execute fact script ({path}): {reason}")]
    Start { path: String, reason: String },
    #[error("Could not stat fact ({path})")]
    Stat { path: String },
    #[error("error loading fact - output of running \"{path}\" was not utf-8")]
    Encoding { path: String },
}

fn text(probe: &mut Probe<'_>, path: &Path) -> Result<String, Failure> {
    let shown = path.to_string_lossy().into_owned();
    let stat = probe.stat(path, Follow::Yes).ok_or(Failure::Stat { path: shown.clone() })?;
    let bytes = if stat.mode & 0o100 == 0 {
        let answer = probe.host().read(path);
        probe.note(answer).unwrap_or_default()
    } else {
        let output = probe
            .host()
            .query(&Command::new([shown.clone()]))
            .map_err(|error| Failure::Start { path: shown.clone(), reason: error.to_string() })?;
        if !output.success() {
            let stderr = output.stderr_text();
            return Err(Failure::Status { path: shown, status: output.status, stderr });
        }
        output.stdout
    };
    String::from_utf8(bytes).map_err(|_| Failure::Encoding { path: shown })
}

fn parse(text: &str, path: &Path) -> Json {
    serde_json::from_str(text).ok().or_else(|| ini(text)).unwrap_or_else(|| {
        let path = path.display();
        Json::from(format!("error loading facts as JSON or ini - please check content: {path}"))
    })
}

/// Sections of `key = value` lines as Python's `configparser` reads them.
fn ini(text: &str) -> Option<Json> {
    let mut sections: Map<String, Json> = Map::new();
    let mut defaults: Map<String, Json> = Map::new();
    let mut section: Option<String> = None;
    let mut last_key: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let (true, Some(name), Some(key)) = (line.starts_with([' ', '\t']), &section, &last_key)
        {
            // indented lines go on with the value before
            let values = if name == "DEFAULT" {
                Some(&mut defaults)
            } else {
                sections.get_mut(name).and_then(Json::as_object_mut)
            };
            if let Some(Json::String(value)) = values.and_then(|values| values.get_mut(key)) {
                value.push('\n');
                value.push_str(trimmed);
            }
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let name = name.0.to_owned();
            if name != "DEFAULT" && sections.insert(name.clone(), json!({})).is_some() {
                return None;
            }
            section = Some(name);
            last_key = None;
            continue;
        }
        let (key, value) = trimmed.split_once(['=', ':'])?;
        let key = key.trim().to_lowercase();
        let name = section.as_ref()?;
        let values = if name == "DEFAULT" {
            &mut defaults
        } else {
            sections.get_mut(name)?.as_object_mut()?
        };
        if values.insert(key.clone(), Json::from(value.trim())).is_some() {
            return None;
        }
        last_key = Some(key);
    }
    for values in sections.values_mut().filter_map(Json::as_object_mut) {
        for (key, value) in &defaults {
            values.entry(key).or_insert_with(|| value.clone());
        }
    }
    Some(Json::from(sections))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::parse;

    #[test]
    fn facts_are_json_or_ini() {
        let table = [
            ("{\"a\": [1]}", json!({"a": [1]})),
            ("\"text\"", json!("text")),
            (
                "[General]\nAsdf = 1\nbar: two words\n  and more\n",
                json!({"General": {"asdf": "1", "bar": "two words\nand more"}}),
            ),
            ("[DEFAULT]\nx=1\n[a]\ny=2\n", json!({"a": {"y": "2", "x": "1"}})),
            ("# only a comment\n", json!({})),
            (
                "no section",
                json!("error loading facts as JSON or ini - please check content: /f/x.fact"),
            ),
            (
                "[a]\nx=1\nx=2\n",
                json!("error loading facts as JSON or ini - please check content: /f/x.fact"),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, Path::new("/f/x.fact")), expected, "{text}");
        }
    }
}
