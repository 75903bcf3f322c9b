//! Values as sources give them, and those that programs and other formats give.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::source::{Kind, Node, SourceFile, Span, Text};
use crate::vars::{Layer, Var};

use super::settings::Mappings;

/// A value of a variable: what templates see, and what a source said.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// For templates.
    pub(super) var: Var,
    /// As given; a listing of the inventory shows it so.
    pub(super) node: Arc<Node>,
}

impl From<Node> for Given {
    fn from(node: Node) -> Self {
        Self { var: Var::from(&node), node: Arc::new(node) }
    }
}

/// Variables as sources gave them.
pub(super) type Written = IndexMap<String, Arc<Node>>;

/// Variables of one origin: for templates, and as given.
#[derive(Debug, Clone, Default)]
pub(super) struct Vars {
    /// For templates.
    pub(super) layer: Arc<Layer>,
    /// As given; what a run adds is not among it.
    pub(super) written: Arc<Written>,
}

impl Vars {
    /// Sets a variable; mappings are merged where that is wanted.
    pub(super) fn set(&mut self, mappings: Mappings, name: &str, value: &Given) {
        let merged = match (mappings, self.written.get(name)) {
            (Mappings::Merged, Some(known)) => Some(Given::from(merged(known, &value.node))),
            _ => None,
        };
        let value = merged.as_ref().unwrap_or(value);
        Arc::make_mut(&mut self.layer).insert(name.to_owned(), value.var.clone());
        Arc::make_mut(&mut self.written).insert(name.to_owned(), Arc::clone(&value.node));
    }
}

/// Adds later variables to earlier ones.
pub(super) fn extend(mappings: Mappings, earlier: &mut Written, later: &Written) {
    for (name, node) in later {
        let node = match (mappings, earlier.get(name)) {
            (Mappings::Merged, Some(known)) => Arc::new(merged(known, node)),
            _ => Arc::clone(node),
        };
        earlier.insert(name.clone(), node);
    }
}

/// A place in something that is no file, named by these words.
pub(super) fn nowhere(description: &str) -> Span {
    Span::at(&SourceFile::new(Path::new(description), String::new()), 1, 1)
}

/// Whether text in a value may be a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It may.
    Templates,
    /// It is text.
    Plain,
}

/// A value from JSON; `__ansible_unsafe` and `__ansible_vault` are read as Ansible writes them.
pub(super) fn from_json(json: &Json, trust: Trust, span: &Span) -> Node {
    let kind = match json {
        Json::Null => Kind::Null,
        Json::Bool(flag) => Kind::Bool(*flag),
        Json::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => Kind::Int(whole),
            (None, float) => Kind::Float(float.unwrap_or(f64::NAN)),
        },
        Json::String(text) => text_kind(text, trust, span),
        Json::Array(elements) => {
            Kind::Seq(elements.iter().map(|element| from_json(element, trust, span)).collect())
        }
        Json::Object(fields) => match special(fields, span) {
            Some(kind) => kind,
            None => Kind::Map(
                fields
                    .iter()
                    .map(|(name, value)| {
                        (Node::text(name.as_str(), span.clone()), from_json(value, trust, span))
                    })
                    .collect(),
            ),
        },
    };
    Node { kind, span: span.clone() }
}

fn text_kind(text: &str, trust: Trust, span: &Span) -> Kind {
    let kind = Kind::Str(Text { value: text.to_owned(), plain: false });
    match trust {
        Trust::Templates => kind,
        Trust::Plain => Kind::Unsafe(Box::new(Node { kind, span: span.clone() })),
    }
}

fn special(fields: &serde_json::Map<String, Json>, span: &Span) -> Option<Kind> {
    let mut entries = fields.iter();
    match (entries.next(), entries.next()) {
        (Some((name, Json::String(text))), None) if name == "__ansible_unsafe" => {
            Some(text_kind(text, Trust::Plain, span))
        }
        (Some((name, Json::String(text))), None) if name == "__ansible_vault" => {
            Some(Kind::Vault(text.clone()))
        }
        _ => None,
    }
}

/// The text of a key in JSON, as Python writes it.
pub(super) fn key_text(key: &Node) -> String {
    match &key.kind {
        Kind::Str(text) => text.value.clone(),
        Kind::Timestamp(text) | Kind::Vault(text) => text.clone(),
        Kind::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Kind::Null => "null".to_owned(),
        Kind::Bool(flag) => flag.to_string(),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Seq(_) | Kind::Map(_) => key.describe().to_owned(),
        Kind::Unsafe(inner) => key_text(inner),
    }
}

/// Two values of a name where mappings are merged: the later one wins where both say something.
fn merged(earlier: &Node, later: &Node) -> Node {
    let (Kind::Map(first), Kind::Map(second)) = (&earlier.kind, &later.kind) else {
        return later.clone();
    };
    let mut entries = first.clone();
    for (key, value) in second {
        match entries.iter_mut().find(|(known, _)| same_key(known, key)) {
            Some((_, known)) => *known = merged(known, value),
            None => entries.push((key.clone(), value.clone())),
        }
    }
    Node { kind: Kind::Map(entries), span: later.span.clone() }
}

fn same_key(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Str(one), Kind::Str(other)) => one.value == other.value,
        (one, other) => one == other,
    }
}
