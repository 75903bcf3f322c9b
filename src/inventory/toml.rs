//! Inventories in TOML form.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{InventoryError, Problem};
use super::given::Given;
use super::ini::expand;
use super::load::{self, Source};
use super::members::{GroupIndex, Members};
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node, SourceFile, Span};

/// Adds what a TOML file of groups says.
pub(super) fn read(source: &Source, members: &mut Members) -> Vec<InventoryError> {
    let file = match load::text(&source.path) {
        Ok(file) => Arc::new(file),
        Err(error) => return vec![error],
    };
    let document = match DeTable::parse(&file.text) {
        Ok(document) => document,
        Err(error) => {
            let problem = Problem::Toml(error.message().to_owned());
            return vec![problem.at(span(&file, &error.span().unwrap_or_default()))];
        }
    };
    let document = document.get_ref();
    if document.is_empty() {
        return vec![Problem::Empty("TOML").into()];
    }
    if document.get("plugin").is_some() {
        return vec![Problem::Configuration.into()];
    }
    let mut reader = Reader { file: Arc::clone(&file), members, source };
    for (name, body) in document {
        if let Err(error) = reader.group(name, body) {
            return vec![error];
        }
    }
    Vec::new()
}

type Key<'d> = Spanned<std::borrow::Cow<'d, str>>;

struct Reader<'a> {
    file: Arc<SourceFile>,
    members: &'a mut Members,
    source: &'a Source,
}

impl Reader<'_> {
    fn warn(&mut self, message: String, key: &Key<'_>) {
        let span = span(&self.file, &key.span());
        self.members.warnings.push(Diagnostic::warning(message, Some(span)));
    }

    fn group(&mut self, name: &Key<'_>, body: &Spanned<DeValue<'_>>) -> Result<(), InventoryError> {
        let DeValue::Table(body) = body.get_ref() else {
            let text = name.get_ref();
            self.warn(format!("Skipping '{text}' as this is not a valid group definition"), name);
            return Ok(());
        };
        let place = span(&self.file, &name.span());
        let group = self
            .members
            .group(name.get_ref(), Some(&place))
            .map_err(|problem| problem.at(place.clone()))?;
        for (key, value) in body {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("vars", DeValue::Table(vars)) => {
                    for (name, value) in vars {
                        let value = self.node(value).into();
                        self.members.set_group_var(group, name.get_ref(), &value)?;
                    }
                }
                ("children", DeValue::Array(children)) => {
                    for child in children {
                        self.child(group, child)?;
                    }
                }
                ("hosts", DeValue::Table(hosts)) => {
                    for (name, vars) in hosts {
                        self.hosts(group, name, vars)?;
                    }
                }
                (section @ ("vars" | "children" | "hosts"), found) => {
                    let problem = Problem::TomlSection {
                        section: section.to_owned(),
                        group: name.get_ref().to_string(),
                        wanted: if section == "children" { "list" } else { "dict" },
                        found: found.type_str(),
                    };
                    return Err(problem.at(span(&self.file, &value.span())));
                }
                (other, _) => {
                    let message = format!(
                        "Skipping unexpected key \"{other}\" in group \"{}\", only \"vars\", \
                         \"children\" and \"hosts\" are valid",
                        name.get_ref()
                    );
                    self.warn(message, key);
                }
            }
        }
        Ok(())
    }

    fn child(
        &mut self,
        group: GroupIndex,
        child: &Spanned<DeValue<'_>>,
    ) -> Result<(), InventoryError> {
        let place = span(&self.file, &child.span());
        let DeValue::String(name) = child.get_ref() else {
            let found = child.get_ref().type_str();
            return Err(Problem::NotText { what: "group", found }.at(place));
        };
        let index = self.members.group(name, Some(&place));
        index
            .and_then(|child| self.members.add_child(group, child))
            .map(drop)
            .map_err(|problem| problem.at(place))
    }

    fn hosts(
        &mut self,
        group: GroupIndex,
        name: &Key<'_>,
        vars: &Spanned<DeValue<'_>>,
    ) -> Result<(), InventoryError> {
        let place = span(&self.file, &name.span());
        let (names, port) = expand(name.get_ref()).map_err(|problem| problem.at(place.clone()))?;
        let DeValue::Table(vars) = vars.get_ref() else {
            let found = vars.get_ref().type_str();
            return Err(Problem::HostVars { host: name.get_ref().to_string(), found }.at(place));
        };
        let vars: Vec<(&str, Given)> = vars
            .iter()
            .map(|(name, value)| (name.get_ref().as_ref(), self.node(value).into()))
            .collect();
        let origin = self.source.origin();
        for name in names {
            let host = self
                .members
                .host(&name, group, port, &origin)
                .map_err(|problem| problem.at(place.clone()))?;
            for (name, value) in &vars {
                self.members.set_host_var(host, name, value);
            }
        }
        Ok(())
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = span(&self.file, &value.span());
        let kind = match value.get_ref() {
            DeValue::String(text) => return Node::text(text.as_ref(), span),
            DeValue::Integer(number) => {
                match i128::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Kind::Int(number),
                    Err(_) => return Node::text(number.as_str(), span),
                }
            }
            DeValue::Float(number) => Kind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Kind::Bool(*flag),
            DeValue::Datetime(time) => Kind::Timestamp(time.to_string()),
            DeValue::Array(elements) => {
                Kind::Seq(elements.iter().map(|element| self.node(element)).collect())
            }
            DeValue::Table(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|(key, value)| {
                        (Node::text(key.get_ref().as_ref(), span.clone()), self.node(value))
                    })
                    .collect(),
            ),
        };
        Node { kind, span }
    }
}

/// The place of bytes of a file.
fn span(file: &Arc<SourceFile>, range: &Range<usize>) -> Span {
    let before = file.text.get(..range.start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let inside = file.text.get(range.clone()).unwrap_or_default();
    let length = inside.split('\n').next().unwrap_or_default().chars().count();
    Span {
        length: u32::try_from(length.max(1)).unwrap_or(u32::MAX),
        ..Span::at(file, line, column)
    }
}
