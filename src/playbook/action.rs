//! What a task does: the module among its keys.

use std::sync::Arc;

use super::arguments::{Arguments, Value};
use super::error::{PlaybookError, PlaybookErrorKind, Unsupported};
use super::keywords::{Keyword, Level, Support};
use super::model::Action;
use super::modules::{ModuleFace, Options, is_builtin, suggest};
use super::own_module::OwnModule;
use super::parser::{Parser, is_template};
use super::text_arguments::split_module;
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node, Span};

/// An action, and `localhost` where `local_action` sends it there.
pub(super) type Found = (Action, Option<Node>);

/// What names a module that is not Ansible's own, if there is one of the user's.
const LEGACY: &str = "ansible.legacy.";

/// A module named in a task, with its arguments as they stand there.
struct Candidate<'n> {
    written: String,
    span: Span,
    value: Value<'n>,
    local: Option<Node>,
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
}
