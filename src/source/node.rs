//! YAML nodes that know where they stand.

use std::sync::Arc;

use super::{SourceFile, Span};

/// A YAML value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it starts.
    pub span: Span,
}

/// What a node is, after YAML 1.1 resolution and merge keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`, `~` or nothing.
    Null,
    /// `yes`, `no`, `true`, `false`, `on`, `off`.
    Bool(bool),
    /// A whole number (decimal, `0o`-less octal, hexadecimal, binary, sexagesimal).
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Str(Text),
    /// A date or time, as `PyYAML` resolves it; the text as written.
    Timestamp(String),
    /// Bytes (`!!binary`).
    Binary(Vec<u8>),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping in order of writing; the last of equal keys won.
    Map(Vec<(Node, Node)>),
    /// The text of a `!vault` value, still encrypted.
    Vault(String),
    /// A `!unsafe` value: text in it is never a template.
    Unsafe(Box<Node>),
}

/// Text with what YAML knew of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub value: String,
    /// Whether it stood there without quotes and not as a block.
    pub plain: bool,
}

impl Node {
    /// The text of a string node.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(text) => Some(&text.value),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Seq(elements) => Some(elements),
            _ => None,
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Says that it and all below it stand in another file.
    pub(super) fn relocate(&mut self, file: &Arc<SourceFile>) {
        self.span.file = Arc::clone(file);
        match &mut self.kind {
            Kind::Seq(elements) => elements.iter_mut().for_each(|element| element.relocate(file)),
            Kind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
                key.relocate(file);
                value.relocate(file);
            }),
            Kind::Unsafe(inner) => inner.relocate(file),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Str(_)
            | Kind::Timestamp(_)
            | Kind::Binary(_)
            | Kind::Vault(_) => {}
        }
    }

    /// Visits all text that stands as a value in it.
    pub(super) fn texts(&self, visit: &mut impl FnMut(&str)) {
        match &self.kind {
            Kind::Str(text) => visit(&text.value),
            Kind::Seq(elements) => elements.iter().for_each(|element| element.texts(visit)),
            Kind::Map(entries) => entries.iter().for_each(|(_, value)| value.texts(visit)),
            Kind::Unsafe(inner) => inner.texts(visit),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Timestamp(_)
            | Kind::Binary(_)
            | Kind::Vault(_) => {}
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// A string node at a place that text was taken from.
    pub fn text(value: impl Into<String>, span: Span) -> Self {
        Self { kind: Kind::Str(Text { value: value.into(), plain: false }), span }
    }

    /// Its text where it is a scalar, else what it is.
    pub fn shown(&self) -> String {
        match &self.kind {
            Kind::Bool(value) => value.to_string(),
            Kind::Int(value) => value.to_string(),
            Kind::Float(value) => value.to_string(),
            Kind::Str(text) => text.value.clone(),
            _ => self.describe().to_owned(),
        }
    }

    /// What it is, for messages: `a list`, `text` …
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::Str(_) => "text",
            Kind::Timestamp(_) => "a date",
            Kind::Binary(_) => "bytes",
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Vault(_) => "an encrypted value",
            Kind::Unsafe(inner) => inner.describe(),
        }
    }
}
