//! Tasks and handlers.

use std::sync::Arc;

use super::error::PlaybookErrorKind;
use super::keywords::{Keyword, Level};
use super::model::{Action, Keywords, Loop, LoopControl, Task};
use super::modules::is_include;
use super::parser::{Parser, Place, is_template};
use super::shared::{Taken, is_variable_name};
use crate::source::{Kind, Node};

/// The parts of a task that its keywords fill in.
#[derive(Debug, Default)]
struct Draft {
    name: Option<Node>,
    keywords: Keywords,
    r#loop: Option<Loop>,
    loop_control: LoopControl,
    register: Option<String>,
    listen: Vec<Node>,
    changed_when: Option<Vec<Node>>,
    failed_when: Option<Vec<Node>>,
    until: Option<Vec<Node>>,
    retries: Option<Node>,
    delay: Option<Node>,
    r#async: Option<Node>,
    poll: Option<Node>,
}

impl Parser<'_> {
    /// A task or a handler, its action found already.
    pub(super) fn task(
        &mut self,
        node: &Node,
        entries: &[(Node, Node)],
        place: &Place,
    ) -> Option<Arc<Task>> {
        let ahead = Keywords {
            collections: Self::collections_ahead(entries),
            module_defaults: entries
                .iter()
                .filter(|(key, _)| key.as_str() == Some("module_defaults"))
                .map(|(_, value)| value.clone())
                .collect(),
            ..Keywords::default()
        };
        let mut found = self.inside(&ahead, |parser| parser.action(node, entries));
        let module = found.as_ref().map(|(action, _)| action.module.as_str());
        let is_include = module.is_some_and(is_include);
        let level = if is_include { Level::Include } else { place.level };
        let mut draft = Draft::default();
        for (key, value) in entries {
            let Some(name) = self.key(key) else { continue };
            if let Some(lookup) = name.strip_prefix("with_") {
                self.with_loop(name, lookup, key, value, &mut draft);
            } else if Keyword::from_name(name).is_some()
                && !self.is_module_in_task(name)
                && let Some(keyword) = self.keyword(key, level)
            {
                self.task_keyword(keyword, key, value, &mut draft);
            }
        }
        let apply = match &mut found {
            Some((action, _)) if is_include => self.apply(action),
            _ => None,
        };
        let (action, local) = found?;
        if place.level == Level::Handler && action.module == "ansible.builtin.include_role" {
            self.error(&action.span, PlaybookErrorKind::RoleAsHandler(action.written));
            return None;
        }
        if let Some(localhost) = local {
            draft.keywords.delegate_to = Some(localhost);
        }
        Some(Arc::new(Task {
            name: draft.name,
            action,
            keywords: Arc::new(draft.keywords),
            r#loop: draft.r#loop,
            loop_control: draft.loop_control,
            register: draft.register,
            apply,
            listen: draft.listen,
            changed_when: draft.changed_when,
            failed_when: draft.failed_when,
            until: draft.until,
            retries: draft.retries,
            delay: draft.delay,
            r#async: draft.r#async,
            poll: draft.poll,
            path: place.file.clone(),
            span: node.span.clone(),
        }))
    }

    /// Takes `apply` out of the arguments of an include: keywords of what it includes, which are
    /// rendered when that runs.
    fn apply(&mut self, action: &mut Action) -> Option<Arc<Keywords>> {
        let at = action.arguments.iter().position(|(name, _)| name == "apply")?;
        let (_, value) = action.arguments.remove(at);
        if at < action.argument_spans.len() {
            action.argument_spans.remove(at);
        }
        let mut keywords = Keywords::default();
        match &value.kind {
            Kind::Null => return None,
            Kind::Map(entries) => {
                for (key, value) in entries {
                    if let Some(keyword) = self.keyword(key, Level::Block) {
                        self.shared(keyword, value, &mut keywords);
                    }
                }
            }
            _ => self.wrong_type("apply", "a mapping", &value),
        }
        Some(Arc::new(keywords))
    }

    fn task_keyword(&mut self, keyword: Keyword, key: &Node, value: &Node, draft: &mut Draft) {
        if self.shared(keyword, value, &mut draft.keywords) == Taken::Yes {
            return;
        }
        match keyword {
            Keyword::Name => draft.name = self.scalar("name", value),
            Keyword::Register => draft.register = self.register(value),
            Keyword::Listen => draft.listen = self.texts("listen", value),
            Keyword::ChangedWhen => draft.changed_when = self.given("changed_when", value),
            Keyword::FailedWhen => draft.failed_when = self.given("failed_when", value),
            Keyword::Until => draft.until = self.given("until", value),
            Keyword::Retries => draft.retries = self.number("retries", value),
            Keyword::Async => draft.r#async = self.number("async", value),
            Keyword::Poll => draft.poll = self.number("poll", value),
            Keyword::Delay => draft.delay = self.number("delay", value),
            Keyword::Loop => self.plain_loop(key, value, draft),
            Keyword::LoopControlKeyword => draft.loop_control = self.loop_control(value),
            // `action`, `local_action` and `args` are read with the action; `keyword` lets no other
            // stand in a task
            _ => {}
        }
    }

    fn given(&mut self, keyword: &str, value: &Node) -> Option<Vec<Node>> {
        let conditions = self.conditions(keyword, value);
        (!conditions.is_empty()).then_some(conditions)
    }

    fn register(&mut self, value: &Node) -> Option<String> {
        let name = match &value.kind {
            Kind::Null => return None,
            Kind::Str(text) => text.value.clone(),
            _ => {
                let kind = PlaybookErrorKind::RegisterName(value.shown());
                self.error(&value.span, kind);
                return None;
            }
        };
        if !is_variable_name(&name) {
            self.error(&value.span, PlaybookErrorKind::RegisterName(name));
            return None;
        }
        Some(name)
    }

    fn plain_loop(&mut self, key: &Node, value: &Node, draft: &mut Draft) {
        let fits = match &value.kind {
            Kind::Null => return,
            Kind::Seq(_) => true,
            Kind::Str(text) => is_template(&text.value),
            _ => false,
        };
        if !fits {
            self.wrong_type("loop", "a list or a template", value);
        } else if draft.r#loop.is_some() {
            self.error(&key.span, PlaybookErrorKind::DuplicateLoop("loop".to_owned()));
        } else {
            draft.r#loop = Some(Loop { lookup: None, value: value.clone() });
        }
    }

    fn with_loop(&mut self, name: &str, lookup: &str, key: &Node, value: &Node, draft: &mut Draft) {
        if value.is_null() {
            self.error(&key.span, PlaybookErrorKind::NoLoopValue(name.to_owned()));
        } else if draft.r#loop.is_some() {
            self.error(&key.span, PlaybookErrorKind::DuplicateLoop(name.to_owned()));
        } else {
            draft.r#loop = Some(Loop { lookup: Some(lookup.to_owned()), value: value.clone() });
        }
    }

    fn loop_control(&mut self, value: &Node) -> LoopControl {
        let mut control = LoopControl::default();
        let entries = match &value.kind {
            Kind::Null => return control,
            Kind::Map(entries) => entries,
            _ => {
                self.wrong_type("loop_control", "a mapping", value);
                return control;
            }
        };
        for (key, value) in entries {
            match self.keyword(key, Level::LoopControl) {
                Some(Keyword::LoopVar) => control.loop_var = self.scalar("loop_var", value),
                Some(Keyword::IndexVar) => control.index_var = self.scalar("index_var", value),
                Some(Keyword::Label) => {
                    control.label = (!value.is_null()).then(|| value.clone());
                }
                Some(Keyword::Pause) => control.pause = self.number("pause", value),
                Some(Keyword::Extended) => control.extended = self.boolean("extended", value),
                Some(Keyword::ExtendedAllitems) => {
                    control.extended_allitems = self.boolean("extended_allitems", value);
                }
                Some(Keyword::BreakWhen) => control.break_when = self.given("break_when", value),
                _ => {}
            }
        }
        control
    }
}
