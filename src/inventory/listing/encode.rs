//! Values of a listing as JSON and YAML.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use serde_json::{Map, Number, Value as Json};

use super::super::given::{Trust, Written, from_json, key_text, nowhere};
use crate::source::{Kind, Node, Text};
use crate::template::{to_json, vaulted, yaml_text};
use crate::vars::Var;

/// What becomes of text that must not be a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// It is marked, for those that read the listing as an inventory.
    Marked,
    /// It is text.
    Plain,
}

/// Variables as a mapping.
pub(super) fn mapping(vars: &Written) -> Node {
    let span = nowhere("<variables>");
    let entries = vars
        .iter()
        .map(|(name, node)| (Node::text(name.as_str(), node.span.clone()), Node::clone(node)))
        .collect();
    Node { kind: Kind::Map(entries), span }
}

/// A value as JSON.
pub(super) fn json(node: &Node, mark: Unsafe) -> Json {
    match &node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(flag) => Json::Bool(*flag),
        Kind::Int(number) => match Number::from_i128(*number) {
            Some(number) => Json::Number(number),
            None => Json::from(number.to_string()),
        },
        Kind::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Kind::Str(text) => Json::from(text.value.as_str()),
        Kind::Timestamp(text) => Json::from(text.as_str()),
        Kind::Binary(bytes) => Json::from(String::from_utf8_lossy(bytes)),
        Kind::Seq(elements) => elements.iter().map(|element| json(element, mark)).collect(),
        Kind::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (key_text(key), json(value, mark)));
            Json::Object(entries.collect())
        }
        Kind::Vault(text) => marked("__ansible_vault", Json::from(text.as_str())),
        Kind::Unsafe(inner) => unsafe_json(inner, mark),
    }
}

fn unsafe_json(node: &Node, mark: Unsafe) -> Json {
    match &node.kind {
        Kind::Str(_) if mark == Unsafe::Marked => marked("__ansible_unsafe", json(node, mark)),
        Kind::Seq(elements) => elements.iter().map(|element| unsafe_json(element, mark)).collect(),
        Kind::Map(entries) => {
            let entries =
                entries.iter().map(|(key, value)| (key_text(key), unsafe_json(value, mark)));
            Json::Object(entries.collect())
        }
        _ => json(node, mark),
    }
}

fn marked(mark: &str, text: Json) -> Json {
    Json::Object(Map::from_iter([(mark.to_owned(), text)]))
}

/// A value as YAML, in Ansible's manner.
pub(super) fn yaml(node: &Node) -> String {
    yaml_text(&data(node)).unwrap_or_else(|error| error.to_string())
}

/// A value without templates.
pub(super) fn data(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::from(()),
        Kind::Bool(flag) => Value::from(*flag),
        Kind::Int(number) => Value::from(*number),
        Kind::Float(number) => Value::from(*number),
        Kind::Str(Text { value: text, .. }) | Kind::Timestamp(text) => Value::from(text.as_str()),
        Kind::Binary(bytes) => Value::from_bytes(bytes.clone()),
        Kind::Vault(text) => vaulted(&Arc::from(text.as_str()), None),
        Kind::Seq(elements) => elements.iter().map(data).collect(),
        Kind::Map(entries) => {
            let entries: IndexMap<Value, Value> =
                entries.iter().map(|(key, value)| (data(key), data(value))).collect();
            Value::from_object(entries)
        }
        Kind::Unsafe(inner) => data(inner),
    }
}

/// A variable as someone would have written it.
pub(super) fn of_var(var: &Var) -> Node {
    let span = nowhere("<variable>");
    let kind = match var {
        Var::Data(value) => {
            return from_json(&to_json(value).unwrap_or_default(), Trust::Templates, &span);
        }
        Var::Template(text, _) => return Node::text(&**text, span),
        Var::Vault(ciphertext, _) => Kind::Vault(ciphertext.to_string()),
        Var::List(elements) => Kind::Seq(elements.iter().map(of_var).collect()),
        Var::Map(entries) => entries_of(entries, &span),
        Var::Unknown(entries, _) => entries_of(entries, &span),
    };
    Node { kind, span }
}

fn entries_of(entries: &Arc<IndexMap<String, Var>>, span: &crate::source::Span) -> Kind {
    let entries = entries.iter();
    Kind::Map(
        entries.map(|(name, var)| (Node::text(name.as_str(), span.clone()), of_var(var))).collect(),
    )
}
