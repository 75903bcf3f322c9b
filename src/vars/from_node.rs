//! YAML nodes to variables.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use super::layer::Var;
use crate::source::{Kind, Node};
use crate::template::{holds_template, timestamp, trusted};

/// Whether text in a node may be a template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Templates,
    Plain,
}

impl From<&Node> for Var {
    fn from(node: &Node) -> Self {
        convert(node, Trust::Templates)
    }
}

fn convert(node: &Node, trust: Trust) -> Var {
    match &node.kind {
        Kind::Null => Var::Data(Value::from(())),
        Kind::Bool(flag) => Var::Data(Value::from(*flag)),
        Kind::Int(number) => Var::Data(Value::from(*number)),
        Kind::Float(number) => Var::Data(Value::from(*number)),
        Kind::Str(text) if trust == Trust::Templates && holds_template(&text.value) => {
            Var::Template(Arc::from(text.value.as_str()), Some(node.span.clone()))
        }
        Kind::Str(text) if trust == Trust::Templates => Var::Data(trusted(&text.value)),
        Kind::Str(text) => Var::Data(Value::from(text.value.as_str())),
        Kind::Timestamp(text) => {
            Var::Data(timestamp(text).unwrap_or_else(|| Value::from(text.as_str())))
        }
        Kind::Binary(bytes) => Var::Data(Value::from_bytes(bytes.clone())),
        Kind::Seq(elements) => {
            list(elements.iter().map(|element| convert(element, trust)).collect())
        }
        Kind::Map(entries) => map(entries, trust),
        Kind::Vault(text) => Var::Vault(Arc::from(text.as_str()), Some(node.span.clone())),
        Kind::Unsafe(inner) => convert(inner, Trust::Plain),
    }
}

/// A list; data where none of its elements has a template.
fn list(elements: Vec<Var>) -> Var {
    let data: Option<Vec<Value>> = elements.iter().map(plain).collect();
    match data {
        Some(data) => Var::Data(Value::from(data)),
        None => Var::List(elements.into()),
    }
}

fn map(entries: &[(Node, Node)], trust: Trust) -> Var {
    let mut data: IndexMap<Value, Value> = IndexMap::new();
    let mut vars: IndexMap<String, Var> = IndexMap::new();
    let mut is_data = true;
    for (key, value) in entries {
        let var = convert(value, trust);
        match (plain(&convert(key, trust)), plain(&var)) {
            (Some(key), Some(value)) if is_data => {
                data.insert(key, value);
            }
            _ => is_data = false,
        }
        vars.insert(key_text(key), var);
    }
    if is_data { Var::Data(Value::from_object(data)) } else { Var::Map(Arc::new(vars)) }
}

fn plain(var: &Var) -> Option<Value> {
    match var {
        Var::Data(value) => Some(value.clone()),
        Var::Template(..) | Var::Vault(..) | Var::List(_) | Var::Map(_) | Var::Unknown(..) => None,
    }
}

/// The key of a mapping with templates; keys that are no text get Python's.
fn key_text(key: &Node) -> String {
    match &key.kind {
        Kind::Str(text) => text.value.clone(),
        Kind::Timestamp(text) | Kind::Vault(text) => text.clone(),
        Kind::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Kind::Null => "None".to_owned(),
        Kind::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Seq(_) | Kind::Map(_) => key.describe().to_owned(),
        Kind::Unsafe(inner) => key_text(inner),
    }
}
