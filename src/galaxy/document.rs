//! YAML and JSON files as data.

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::GalaxyError;
use crate::source::{Kind, Node, SourceFile, yaml};

/// The content of a YAML file; `Null` where it is empty.
pub(super) fn read(path: &Path) -> Result<Json, GalaxyError> {
    let file = SourceFile::read(path)?;
    let loaded = yaml::load(&file)?;
    Ok(loaded.into_variables().map_or(Json::Null, |node| json(&node)))
}

/// The content of YAML in memory.
pub(super) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Json, GalaxyError> {
    let file = SourceFile::from_bytes(path, bytes)?;
    let loaded = yaml::load(&file)?;
    Ok(loaded.into_variables().map_or(Json::Null, |node| json(&node)))
}

fn json(node: &Node) -> Json {
    match &node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(value) => Json::from(*value),
        Kind::Int(value) => match i64::try_from(*value) {
            Ok(value) => Json::from(value),
            Err(_) => Json::from(value.to_string()),
        },
        Kind::Float(value) => Json::from(*value),
        Kind::Str(text) => Json::from(text.value.as_str()),
        Kind::Timestamp(text) | Kind::Vault(text) => Json::from(text.as_str()),
        Kind::Binary(bytes) => Json::from(String::from_utf8_lossy(bytes)),
        Kind::Unsafe(inner) => json(inner),
        Kind::Seq(items) => items.iter().map(json).collect(),
        Kind::Map(entries) => {
            let pairs = entries.iter().map(|(key, value)| (plain(&json(key)), json(value)));
            Json::Object(pairs.collect::<Map<String, Json>>())
        }
    }
}

/// The text of a value, as Python's `str()` gives it.
pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => crate::template::json_text(other),
    }
}

/// A value as YAML: block style, keys sorted.
pub(super) fn to_yaml(value: &Json) -> String {
    crate::template::yaml_text(&crate::template::from_json(value)).unwrap_or_default()
}

/// JSON as collections hold it: one space a level.
pub(super) fn to_json(value: &Json) -> Vec<u8> {
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    // writing to memory does not fail
    let _ = serde::Serialize::serialize(value, &mut serializer);
    bytes
}
