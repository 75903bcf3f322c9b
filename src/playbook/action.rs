//! What a task does: the module among its keys, and the arguments in all their forms.

use std::sync::Arc;

use canvass_modules::params::ParamError;
use serde_json::Value as Json;

use super::error::{PlaybookError, PlaybookErrorKind, Unsupported};
use super::keywords::{Keyword, Level, Support};
use super::model::Action;
use super::modules::{ModuleFace, Options, is_builtin, is_command, suggest};
use super::own_module::OwnModule;
use super::parser::{Parser, is_all_template, is_template};
use super::text_arguments::{Form, parse, split_module};
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node, Span, Text};

/// An action, and `localhost` where `local_action` sends it there.
pub(super) type Found = (Action, Option<Node>);

/// What names a module that is not Ansible's own, if there is one of the user's.
const LEGACY: &str = "ansible.legacy.";

/// Arguments as they are gathered; a later one replaces an earlier one of its name.
#[derive(Debug, Default)]
struct Arguments {
    values: Vec<(String, Node)>,
    spans: Vec<Span>,
    variable: Option<Node>,
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

/// A module named in a task, with its arguments as they stand there.
struct Candidate<'n> {
    written: String,
    span: Span,
    value: Value<'n>,
    local: Option<Node>,
}

/// The arguments as they stand in the task.
enum Value<'n> {
    /// The value of the module's key.
    Node(&'n Node),
    /// The text behind the module's name in `action:`, and its place.
    Text(String, &'n Node),
    /// The mapping of `action:`, and the text behind the name in its `module`, with its place.
    Map(&'n [(Node, Node)], String, &'n Node),
}

impl Parser<'_> {
    /// Finds the action of a task among its keys; notes keys that are nothing.
    pub(super) fn action(&mut self, node: &Node, entries: &[(Node, Node)]) -> Option<Found> {
        let mut candidates = Vec::new();
        let mut unknown = Vec::new();
        let mut failed = false;
        for (key, value) in entries {
            let Some(name) = key.as_str() else { continue };
            match Keyword::from_name(name) {
                Some(Keyword::Action) => match self.action_keyword(key, value, None) {
                    Some(candidate) => candidates.push(candidate),
                    None => failed = true,
                },
                Some(Keyword::LocalAction) => {
                    let localhost = Node::text("localhost", key.span.clone());
                    match self.action_keyword(key, value, Some(localhost)) {
                        Some(candidate) => candidates.push(candidate),
                        None => failed = true,
                    }
                }
                Some(_) if !self.is_module_in_task(name) => {}
                None if name.starts_with("with_") => {}
                _ => {
                    let is_own = || matches!(self.own_module(name), Some(Ok(_)));
                    if self.is_there(&self.qualified(name)) || is_own() {
                        candidates.push(Candidate {
                            written: name.to_owned(),
                            span: key.span.clone(),
                            value: Value::Node(value),
                            local: None,
                        });
                    } else {
                        unknown.push((name, &key.span));
                    }
                }
            }
        }
        if let ([], false, [(name, span)]) = (candidates.as_slice(), failed, unknown.as_slice())
            && self.may_be_elsewhere(name)
            && let Some((_, value)) = entries.iter().find(|(key, _)| key.as_str() == Some(name))
        {
            candidates.push(Candidate {
                written: (*name).to_owned(),
                span: (*span).clone(),
                value: Value::Node(value),
                local: None,
            });
            unknown.clear();
        }
        let first =
            candidates.first().map(|candidate| (candidate.written.as_str(), &candidate.span));
        self.unknown_keys(&unknown, first, failed);
        let mut candidates = candidates.into_iter();
        let Some(first) = candidates.next() else {
            if !failed && unknown.is_empty() {
                self.error(&node.span, PlaybookErrorKind::NoAction);
            }
            return None;
        };
        if let Some(second) = candidates.next() {
            let kind = PlaybookErrorKind::ConflictingActions {
                first: first.written,
                second: second.written,
                suggestion: None,
            };
            self.error(&second.span, kind);
            return None;
        }
        self.resolve(first, entries)
    }

    /// Whether a word that is a keyword elsewhere (`user` of plays, `pause` of `loop_control`)
    /// is a module where tasks stand.
    pub(super) fn is_module_in_task(&self, name: &str) -> bool {
        let elsewhere = Keyword::from_name(name).is_some_and(|keyword| {
            [Level::Task, Level::Handler]
                .iter()
                .all(|level| keyword.support(*level) == Support::Elsewhere)
        });
        let module = self.qualified(name);
        elsewhere && self.is_there(&module)
    }

    /// Whether there is a module of this fully qualified name, here or in ansible-core.
    fn is_there(&self, module: &str) -> bool {
        !self.modules.is_rejected(module)
            && (self.find_module(module).is_some() || is_builtin(module))
    }

    /// Keys that are neither keyword nor module: beside an action each is a second one; without
    /// one the first is taken for a misspelt module where it does not look like a keyword.
    fn unknown_keys(
        &mut self,
        unknown: &[(&str, &Span)],
        action: Option<(&str, &Span)>,
        has_failed: bool,
    ) {
        let mut may_be_module = action.is_none() && !has_failed;
        for (name, span) in unknown {
            let keyword = Keyword::nearest(name, Level::Task).map(str::to_owned);
            let module = suggest(name, self.modules);
            let only = unknown.len() == 1;
            if may_be_module && (module.is_some() || keyword.is_none() || only) {
                may_be_module = false;
                self.unknown_module(name, span);
                continue;
            }
            let kind = match action {
                Some((action, at)) => {
                    let comes_first = (span.line, span.column) < (at.line, at.column);
                    let (first, second) =
                        if comes_first { (*name, action) } else { (action, *name) };
                    PlaybookErrorKind::ConflictingActions {
                        first: first.to_owned(),
                        second: second.to_owned(),
                        suggestion: keyword,
                    }
                }
                None => PlaybookErrorKind::UnknownKeyword {
                    name: (*name).to_owned(),
                    level: Level::Task,
                    suggestion: keyword,
                },
            };
            self.error(span, kind);
        }
    }

    fn unknown_module(&mut self, name: &str, span: &Span) {
        let kind = self.unknown(name);
        self.error(span, kind);
    }

    fn unknown(&self, name: &str) -> PlaybookErrorKind {
        let suggestion = suggest(name, self.modules);
        let found = self.foreign(name);
        PlaybookErrorKind::UnknownModule { name: name.to_owned(), suggestion, found }
    }

    /// Whether a name may be that of a module which Ansible would find: tasks that have one are
    /// refused only where they may run.
    fn may_be_elsewhere(&self, name: &str) -> bool {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
        let builtin = is_builtin(&self.qualified(name));
        !self.modules.is_late()
            && !self.modules.is_rejected(&self.qualified(name))
            && (builtin || !name.starts_with("ansible.builtin."))
            && name != "include"
            && name.chars().all(letter)
            && (self.foreign(name).is_some()
                || (suggest(name, self.modules).is_none()
                    && Keyword::nearest(name, Level::Task).is_none()))
    }

    fn action_keyword<'n>(
        &mut self,
        key: &Node,
        value: &'n Node,
        local: Option<Node>,
    ) -> Option<Candidate<'n>> {
        let span = value.span.clone();
        match &value.kind {
            Kind::Str(text) => {
                let Some((written, rest)) = split_module(&text.value) else {
                    let empty = text.value.trim().is_empty();
                    let kind = if empty {
                        PlaybookErrorKind::NoAction
                    } else {
                        PlaybookErrorKind::Unbalanced
                    };
                    self.error(&span, kind);
                    return None;
                };
                Some(Candidate { written, span, value: Value::Text(rest, value), local })
            }
            Kind::Map(entries) => {
                let Some(module) = value.get("module") else {
                    self.error(&key.span, PlaybookErrorKind::NoAction);
                    return None;
                };
                let text = module.shown();
                let Some((written, rest)) = split_module(&text) else {
                    self.error(&module.span, PlaybookErrorKind::NoAction);
                    return None;
                };
                let (what, instead) =
                    ("Using a mapping for `action`", "Use a string value for `action`.");
                self.warnings.push(Diagnostic::deprecation(
                    what,
                    Some(value.span.clone()),
                    instead,
                ));
                let value = Value::Map(entries, rest, module);
                Some(Candidate { written, span: module.span.clone(), value, local })
            }
            _ => {
                self.wrong_type("action", "text or a mapping", value);
                None
            }
        }
    }

    fn resolve(&mut self, candidate: Candidate<'_>, entries: &[(Node, Node)]) -> Option<Found> {
        let Candidate { written, span, value, local } = candidate;
        let template = is_template(&written).then(|| Node::text(written.as_str(), span.clone()));
        let module = match &template {
            Some(_) => String::new(),
            None => self.qualified(&written),
        };
        let own = match &template {
            None => self.own(&written, &module, &span),
            Some(_) => None,
        };
        let module = match &own {
            Some(_) if !written.contains('.') => format!("ansible.legacy.{written}"),
            Some(_) => written.clone(),
            None => module,
        };
        let face = match &template {
            _ if own.is_some() => Some(ModuleFace { free_form: false, options: Options::Any }),
            // which module it is, and what it takes, is known when it runs
            Some(_) => Some(ModuleFace { free_form: true, options: Options::Any }),
            None => self.find_module(&module),
        };
        let missing = match &face {
            None if self.may_be_elsewhere(&written) => {
                let kind = match is_builtin(&module) {
                    true => PlaybookErrorKind::Unsupported(Unsupported::Module(written.clone())),
                    false => self.unknown(&written),
                };
                Some(Arc::new(PlaybookError::at(&span, kind)))
            }
            _ => None,
        };
        let any = ModuleFace { free_form: true, options: Options::Any };
        let Some(face) = face.or_else(|| missing.is_some().then_some(any)) else {
            if is_builtin(&module) && !self.modules.is_rejected(&module) {
                let kind = Unsupported::Module(written);
                self.error(&span, PlaybookErrorKind::Unsupported(kind));
            } else {
                self.unknown_module(&written, &span);
            }
            return None;
        };
        let mut arguments = Arguments::default();
        let keyword = entries.iter().find(|(key, _)| key.as_str() == Some("args"));
        let before = self.errors.len();
        if let Some((_, args)) = keyword {
            self.args_keyword(args, &mut arguments);
        }
        self.own_arguments(&module, &face, value, &mut arguments);
        if let Some((name, node)) =
            arguments.values.iter().find(|(name, _)| name.starts_with("_ansible_"))
        {
            let (name, action) = (name.clone(), written.clone());
            let span = node.span.clone();
            self.error(&span, PlaybookErrorKind::ReservedArgument { name, action });
        }
        let action = Action {
            module,
            written: written.clone(),
            span,
            arguments: arguments.values,
            argument_spans: arguments.spans,
            template,
            missing,
            refused: own.is_none().then(|| self.foreign(&written)).flatten(),
            own: own.map(Arc::new),
            variable_arguments: arguments.variable,
        };
        if self.errors.len() == before {
            self.check(&action, &face);
        }
        Some((action, local))
    }

    /// The program that a module is, where it is the user's own and not forbidden. What lies in its
    /// place and cannot run is told where a native module does its work.
    fn own(&mut self, written: &str, native: &str, span: &Span) -> Option<OwnModule> {
        if self.modules.is_rejected(native) {
            return None;
        }
        let is_native = self.modules.find(native).is_some();
        match self.own_module(written)? {
            // a collection's own module is what its name says
            Ok(_) if is_native && written.contains('.') && !written.starts_with(LEGACY) => None,
            Ok(own) => Some(own),
            Err(_) if is_native && !written.contains('.') => {
                let found = self.foreign(written).unwrap_or_default();
                let text = format!("{found}; the native `{native}` does its work");
                self.warnings.push(Diagnostic::warning(text, Some(span.clone())));
                None
            }
            Err(_) => None,
        }
    }

    /// What lies where a module of the user's own would, and why it cannot run.
    fn foreign(&self, written: &str) -> Option<String> {
        let foreign = self.own_module(written)?.err()?;
        Some(format!("`{}` {foreign}", self.own_file(written)?.display()))
    }

    fn args_keyword(&mut self, args: &Node, arguments: &mut Arguments) {
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

    fn own_arguments(
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
    fn check(&mut self, action: &Action, face: &ModuleFace) {
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
