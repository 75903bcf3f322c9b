//! Local facts: `*.fact` files and programs.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::probe::Probe;
use crate::contract::Returned;
use crate::effect::Command;
use crate::host::{Follow, HostError};

/// `local`.
pub(super) fn collect(probe: &mut Probe<'_>, directory: &Path, facts: &mut Returned) {
    let mut local = Map::new();
    for name in probe.list(directory) {
        let Some(key) = name.strip_suffix(".fact").filter(|key| !key.starts_with('.')) else {
            continue;
        };
        let path = directory.join(&name);
        let fact = text(probe, &path).and_then(|text| parse(&text, &path));
        if let Err(Failure::Unknown(reason)) = &fact {
            probe.unknown_fact(format!("ansible_local/{}", pointer(key)), reason.clone());
        }
        let fact = fact.unwrap_or_else(|failure| {
            if !matches!(failure, Failure::Unknown(_)) {
                probe.warn(failure.to_string());
            }
            Json::from(failure.to_string())
        });
        local.insert(key.to_owned(), fact);
    }
    facts.insert("local".to_owned(), Json::from(local));
}

/// A key within a JSON pointer (RFC 6901).
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
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
    #[error("unknown before the run: {0}")]
    Unknown(String),
    #[error("error loading fact - output of running \"{path}\" was not utf-8")]
    Encoding { path: String },
    #[error("error loading facts as JSON or ini - please check content: {path}")]
    Content { path: String },
    #[error("error loading facts as ini - please check content: {path} ({reason})")]
    Interpolation { path: String, reason: String },
}

fn text(probe: &mut Probe<'_>, path: &Path) -> Result<String, Failure> {
    let shown = path.to_string_lossy().into_owned();
    let stat = probe.stat(path, Follow::Yes).ok_or(Failure::Stat { path: shown.clone() })?;
    let bytes = if stat.mode & 0o100 == 0 {
        let answer = probe.host().read(path);
        probe.note(answer).unwrap_or_default()
    } else {
        let output =
            probe.host().query(&Command::new([shown.clone()])).map_err(|error| match error {
                HostError::Unknown(reason) => Failure::Unknown(reason),
                error => Failure::Start { path: shown.clone(), reason: error.to_string() },
            })?;
        if !output.success() {
            let stderr = output.stderr_text();
            return Err(Failure::Status { path: shown, status: output.status, stderr });
        }
        output.stdout
    };
    String::from_utf8(bytes).map_err(|_| Failure::Encoding { path: shown })
}

fn parse(text: &str, path: &Path) -> Result<Json, Failure> {
    if let Ok(fact) = serde_json::from_str(text) {
        return Ok(fact);
    }
    let shown = || path.display().to_string();
    let mut sections = ini(text).ok_or_else(|| Failure::Content { path: shown() })?;
    for (name, values) in &mut sections {
        let Json::Object(values) = values else { continue };
        let raw = values.clone();
        for (key, value) in values.iter_mut() {
            let text = value.as_str().unwrap_or_default();
            *value = interpolate(text, (name, key), &raw, 0)
                .map_err(|reason| Failure::Interpolation { path: shown(), reason })?
                .into();
        }
    }
    Ok(Json::from(sections))
}

/// Replaces `%(key)s` by values of the section, and `%%` by `%`.
fn interpolate(
    text: &str,
    (section, key): (&str, &str),
    values: &Map<String, Json>,
    depth: usize,
) -> Result<String, String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        done.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            done.push('%');
            rest = after;
            continue;
        }
        let Some(reference) = after.strip_prefix('(') else {
            return Err(format!("'%' must be followed by '%' or '(', found: '%{after}'"));
        };
        let Some((name, after)) = reference.split_once(")s") else {
            return Err(format!("bad interpolation variable reference '%{after}'"));
        };
        let name = name.to_lowercase();
        let value = values.get(&name).and_then(Json::as_str);
        let value = value.filter(|_| depth < 10).ok_or_else(|| {
            format!(
                "Bad value substitution: option '{key}' in section '{section}' contains an \
                 interpolation key '{name}' which is not a valid option name. Raw value: '{text}'"
            )
        })?;
        done.push_str(&interpolate(value, (section, key), values, depth + 1)?);
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

/// Sections of `key = value` lines as Python's `configparser` reads them.
fn ini(text: &str) -> Option<Map<String, Json>> {
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
    Some(sections)
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
            ("[a]\nx=1%%\ny=%(x)s!\n", json!({"a": {"x": "1%", "y": "1%!"}})),
            (
                "[bad fact]\nvalue = this is a % bad % fact\n",
                json!(
                    "error loading facts as ini - please check content: /f/x.fact ('%' must be \
                     followed by '%' or '(', found: '% bad % fact')"
                ),
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
            let fact = parse(text, Path::new("/f/x.fact"));
            let fact = fact.unwrap_or_else(|failure| failure.to_string().into());
            assert_eq!(fact, expected, "{text}");
        }
    }
}
