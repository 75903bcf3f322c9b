//! `community.general.collection_version`: versions of collections that are installed.

use minijinja::Value;
use serde_json::Value as Json;

use super::Request;
use crate::template::collections::folder;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters::parse_yaml;
use crate::template::python::{mapping_get, text};

pub(super) fn collection_version(request: &Request<'_>) -> Outcome<Vec<Value>> {
    request.only(&["result_not_found", "result_no_version"])?;
    let given = |name: &str| request.options.iter().find(|(option, _)| option == name);
    let not_found = given("result_not_found").map(|(_, value)| value.clone()).unwrap_or_default();
    let not_found = if not_found.is_undefined() { Value::from(()) } else { not_found };
    let no_version = request.text_option("result_no_version", "*")?;
    let mut found = Vec::new();
    for term in request.texts()? {
        let words: Vec<&str> = term.split('.').collect();
        let is_word = |word: &&str| {
            !word.is_empty()
                && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        if words.len() != 2 || !words.iter().all(is_word) {
            return Err(Failure::failed(format!("\"{term}\" is not a FQCN")));
        }
        let Some(folder) = folder(&term) else {
            found.push(not_found.clone());
            continue;
        };
        let failed = |reason: String| {
            Failure::failed(format!("Error while loading metadata for {term}: {reason}"))
        };
        let version = if let Ok(manifest) = std::fs::read(folder.join("MANIFEST.json")) {
            let manifest: Json =
                serde_json::from_slice(&manifest).map_err(|error| failed(error.to_string()))?;
            manifest.pointer("/collection_info/version").and_then(Json::as_str).map(str::to_owned)
        } else if let Ok(galaxy) = std::fs::read_to_string(folder.join("galaxy.yml")) {
            let version = mapping_get(&parse_yaml(&galaxy)?, &Value::from("version"))?;
            version
                .filter(|version| !version.is_none())
                .map(|version| text(&version))
                .transpose()?
        } else {
            None
        };
        found.push(Value::from(version.unwrap_or_else(|| no_version.clone())));
    }
    Ok(found)
}
