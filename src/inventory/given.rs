//! Values as sources give them, and those that programs and other formats give.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::source::{Kind, Node, SourceFile, Span, Text};
use crate::vars::Var;

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

/// Two values of a name where mappings are merged: the later one wins where both say something.
pub(super) fn merged(earlier: &Node, later: &Node) -> Node {
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
