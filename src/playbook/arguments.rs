//! The arguments of a task, in all the forms in which they stand there.

use canvass_modules::params::ParamError;
use serde_json::Value as Json;

use super::error::PlaybookErrorKind;
use super::model::Action;
use super::modules::{ModuleFace, is_command};
use super::parser::{Parser, is_all_template, is_template};
use super::text_arguments::{Form, parse};
use crate::source::{Kind, Node, Span, Text};

/// Arguments as they are gathered; a later one replaces an earlier one of its name.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) values: Vec<(String, Node)>,
    pub(super) spans: Vec<Span>,
    pub(super) variable: Option<Node>,
}

impl Arguments {
    fn set(&mut self, name: &str, value: Node, span: Span) {
        let known = self.values.iter().position(|(known, _)| known == name);
        if let Some(at) = known
            && let (Some(entry), Some(place)) = (self.values.get_mut(at), self.spans.get_mut(at))
        {
            entry.1 = value;
            *place = span;
        } else {
            self.values.push((name.to_owned(), value));
            self.spans.push(span);
        }
    }
}

/// The arguments as they stand in the task.
pub(super) enum Value<'n> {
    /// The value of the module's key.
    Node(&'n Node),
    /// The text behind the module's name in `action:`, and its place.
    Text(String, &'n Node),
    /// The mapping of `action:`, and the text behind the name in its `module`, with its place.
    Map(&'n [(Node, Node)], String, &'n Node),
}

impl Parser<'_> {
    pub(super) fn args_keyword(&mut self, args: &Node, arguments: &mut Arguments) {
        match &args.kind {
            Kind::Null => {}
            Kind::Map(entries) => self.mapping(entries, arguments),
            Kind::Str(text) if is_all_template(&text.value) => {
                arguments.variable = Some(args.clone());
            }
            _ => self.wrong_type("args", "a mapping or a template", args),
        }
    }

    fn mapping(&mut self, entries: &[(Node, Node)], arguments: &mut Arguments) {
        for (key, value) in entries {
            match key.as_str() {
                Some(name) => arguments.set(name, value.clone(), key.span.clone()),
                None => self.wrong_type("argument", "text", key),
            }
        }
    }

    pub(super) fn own_arguments(
        &mut self,
        module: &str,
        face: &ModuleFace,
        value: Value<'_>,
        arguments: &mut Arguments,
    ) {
        match value {
            Value::Text(text, node) => self.text_argument(module, face, &text, node, arguments),
            Value::Map(entries, rest, module_node) => {
                let is_own = |key: &Node| !matches!(key.as_str(), Some("module" | "args"));
                let nested = entries.iter().find(|(key, _)| key.as_str() == Some("args"));
                let own: Vec<_> = entries.iter().filter(|(key, _)| is_own(key)).cloned().collect();
                self.mapping(&own, arguments);
                if !rest.is_empty() {
                    self.text_argument(module, face, &rest, module_node, arguments);
                }
                if let Some((_, args)) = nested {
                    match &args.kind {
                        Kind::Str(text) => {
                            self.text_argument(module, face, &text.value, args, arguments);
                        }
                        _ => self.args_keyword(args, arguments),
                    }
                }
            }
            Value::Node(node) => match &node.kind {
                Kind::Null => {}
                Kind::Map(entries) => self.mapping(entries, arguments),
                Kind::Str(text) => self.text_argument(module, face, &text.value, node, arguments),
                Kind::Unsafe(inner) if matches!(inner.kind, Kind::Str(_)) && face.free_form => {
                    arguments.set("_raw_params", node.clone(), node.span.clone());
                }
                Kind::Vault(_) => {
                    arguments.set("_raw_params", node.clone(), node.span.clone());
                }
                _ => self.wrong_type(module, "a mapping or text", node),
            },
        }
    }

    fn text_argument(
        &mut self,
        module: &str,
        face: &ModuleFace,
        text: &str,
        node: &Node,
        arguments: &mut Arguments,
    ) {
        let form = if is_command(module) { Form::Command } else { Form::Options };
        let parsed = parse(text, form);
        // `{{ name }}={{ value }}` begins and ends as one template would
        let names = parsed.iter().flat_map(|found| &found.options);
        let is_pair = names.into_iter().any(|(name, ..)| name.ends_with("}}"));
        if is_all_template(text) && !face.free_form && !is_pair {
            arguments.variable = Some(node.clone());
            return;
        }
        let Some(found) = parsed else {
            self.error(&node.span, PlaybookErrorKind::Unbalanced);
            return;
        };
        let mut from = 0;
        for (name, value, piece) in &found.options {
            let span = piece_span(node, piece.trim_end(), &mut from);
            let text = Text { value: value.clone(), plain: false };
            arguments.set(name, Node { kind: Kind::Str(text), span: span.clone() }, span);
        }
        match found.free_form {
            Some(text) if face.free_form => {
                arguments.set(
                    "_raw_params",
                    Node::text(text, node.span.clone()),
                    node.span.clone(),
                );
            }
            // a template among `key=value` may still render to nothing but blanks
            Some(text) if is_all_template(&text) => {
                arguments.variable = Some(Node::text(text, node.span.clone()));
            }
            // a task that is skipped may have what it likes
            Some(text) if self.modules.is_late() => {
                let text = Node::text(text.trim(), node.span.clone());
                arguments.set("_raw_params", text, node.span.clone());
            }
            Some(text) => {
                let module = module.to_owned();
                let text = text.trim().to_owned();
                self.error(&node.span, PlaybookErrorKind::FreeForm { module, text });
            }
            None => {}
        }
    }

    /// Checks the arguments that are known before hosts are.
    pub(super) fn check(&mut self, action: &Action, face: &ModuleFace) {
        let known: Vec<(&str, Option<Json>)> =
            action.arguments.iter().map(|(name, value)| (name.as_str(), literal(value))).collect();
        let given: Vec<(&str, Option<&Json>)> =
            known.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let short = action.module.strip_prefix("ansible.builtin.").unwrap_or(&action.module);
        for error in face.check(short, &given) {
            let whole = matches!(
                error,
                ParamError::Missing(_)
                    | ParamError::OneOf(_)
                    | ParamError::Together(_)
                    | ParamError::If { .. }
                    | ParamError::By { .. }
            );
            // a variable may bring what is missing
            if whole && (action.variable_arguments.is_some() || self.has_defaults) {
                continue;
            }
            // what is left out when the task runs is not there
            if let ParamError::Unsupported { name, .. } = &error
                && action
                    .arguments
                    .iter()
                    .any(|(given, value)| given == name && may_be_omitted(value))
            {
                continue;
            }
            let place = error.option().and_then(|option| {
                let at = action.arguments.iter().position(|(name, _)| name == option)?;
                match &error {
                    ParamError::Choice { .. }
                    | ParamError::Choices { .. }
                    | ParamError::Type { .. }
                    | ParamError::Element { .. }
                    | ParamError::Form { .. }
                    | ParamError::Refused { .. } => {
                        action.arguments.get(at).map(|(_, value)| &value.span)
                    }
                    _ => action.argument_spans.get(at),
                }
            });
            let span = place.unwrap_or(&action.span).clone();
            self.error(&span, PlaybookErrorKind::Argument(error));
        }
    }
}

/// Whether an argument is a template that can leave it out.
fn may_be_omitted(value: &Node) -> bool {
    value.as_str().is_some_and(|text| is_template(text) && text.contains("omit"))
}

/// The place of a piece of plain text that stands on one line; else that of the whole text.
fn piece_span(node: &Node, piece: &str, from: &mut usize) -> Span {
    let found = match &node.kind {
        Kind::Str(text) if text.plain && !text.value.contains('\n') => text
            .value
            .get(*from..)
            .and_then(|rest| rest.find(piece))
            .map(|at| (text.value.as_str(), *from + at)),
        _ => None,
    };
    let Some((text, at)) = found else { return node.span.clone() };
    // folded plain text is longer than what stands on its first line
    let line = node.span.file.line(node.span.line).unwrap_or_default();
    if !line.contains(text) {
        return node.span.clone();
    }
    *from = at + piece.len();
    let characters =
        |text: Option<&str>| u32::try_from(text.unwrap_or_default().chars().count()).unwrap_or(0);
    Span {
        column: node.span.column + characters(text.get(..at)),
        length: characters(Some(piece)).max(1),
        ..node.span.clone()
    }
}

/// A value as JSON where it is known before templates are rendered.
fn literal(node: &Node) -> Option<Json> {
    match &node.kind {
        Kind::Null => Some(Json::Null),
        Kind::Bool(value) => Some(Json::from(*value)),
        Kind::Int(value) => i64::try_from(*value)
            .map(Json::from)
            .or_else(|_| u64::try_from(*value).map(Json::from))
            .ok(),
        Kind::Float(value) => serde_json::Number::from_f64(*value).map(Json::Number),
        Kind::Str(text) if is_template(&text.value) => None,
        Kind::Str(text) => Some(Json::from(text.value.as_str())),
        Kind::Timestamp(text) => Some(Json::from(text.as_str())),
        Kind::Binary(bytes) => Some(Json::from(String::from_utf8_lossy(bytes))),
        Kind::Seq(elements) => {
            elements.iter().map(literal).collect::<Option<Vec<_>>>().map(Json::from)
        }
        Kind::Map(entries) => entries
            .iter()
            .map(|(key, value)| {
                let name = key.as_str().filter(|name| !is_template(name))?;
                Some((name.to_owned(), literal(value)?))
            })
            .collect::<Option<serde_json::Map<_, _>>>()
            .map(Json::Object),
        Kind::Vault(_) => None,
        Kind::Unsafe(inner) => match &inner.kind {
            Kind::Str(text) => Some(Json::from(text.value.as_str())),
            _ => literal(inner),
        },
    }
}
