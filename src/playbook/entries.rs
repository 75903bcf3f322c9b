//! Lists of tasks: tasks, blocks and static imports.

use std::path::Path;
use std::sync::Arc;

use super::error::PlaybookErrorKind;
use super::imports::Import;
use super::keywords::{Keyword, Level};
use super::model::{Block, Entry, Keywords};
use super::modules::qualify;
use super::parser::{Parser, Place};
use super::shared::Taken;
use crate::source::{Kind, Node};

impl Parser<'_> {
    /// The entries of `tasks`, `handlers`, `block` …; nothing is an empty list.
    pub(super) fn entries(&mut self, what: &str, value: &Node, place: &Place) -> Vec<Entry> {
        match &value.kind {
            Kind::Null => Vec::new(),
            Kind::Seq(elements) => {
                elements.iter().filter_map(|element| self.entry(element, place)).collect()
            }
            _ => {
                let what = what.to_owned();
                let found = value.shown();
                self.error(&value.span, PlaybookErrorKind::NoTaskList { what, found });
                Vec::new()
            }
        }
    }

    fn entry(&mut self, node: &Node, place: &Place) -> Option<Entry> {
        let Kind::Map(entries) = &node.kind else {
            let what = if place.level == Level::Handler { "a handler" } else { "a task" };
            let kind = PlaybookErrorKind::WrongType {
                what: what.to_owned(),
                wanted: "a mapping",
                found: node.describe(),
            };
            self.error(&node.span, kind);
            return None;
        };
        let has = |name: &str| entries.iter().any(|(key, _)| key.as_str() == Some(name));
        if has("block") || has("rescue") || has("always") {
            return self.block(node, entries, place).map(Entry::Block);
        }
        if let Some(import) = Import::of(entries) {
            return self.import(node, entries, &import, place);
        }
        self.task(node, entries, place).map(Entry::Task)
    }

    fn block(
        &mut self,
        node: &Node,
        entries: &[(Node, Node)],
        place: &Place,
    ) -> Option<Arc<Block>> {
        if place.level == Level::Handler {
            self.handler_block(entries)?;
        }
        let mut block = Block {
            name: None,
            keywords: Arc::new(Keywords::default()),
            block: Vec::new(),
            rescue: Vec::new(),
            always: Vec::new(),
            span: node.span.clone(),
        };
        let mut keywords = Keywords::default();
        let mut parts = Vec::new();
        let has_block = node.get("block").is_some_and(|tasks| !tasks.is_null());
        for (key, value) in entries {
            let Some(keyword) = self.block_keyword(key) else { continue };
            if matches!(keyword, Keyword::Rescue | Keyword::Always) && !has_block {
                self.error(&key.span, PlaybookErrorKind::NoBlock(keyword.name()));
                continue;
            }
            if self.shared(keyword, value, &mut keywords) == Taken::Yes {
                continue;
            }
            match keyword {
                Keyword::Name => block.name = self.scalar("name", value),
                _ => parts.push((keyword, value)),
            }
        }
        self.inside(&keywords, |parser| {
            for (keyword, value) in parts {
                let name = keyword.name();
                match keyword {
                    Keyword::BlockTasks => block.block = parser.entries(name, value, place),
                    Keyword::Rescue => block.rescue = parser.entries(name, value, place),
                    Keyword::Always => block.always = parser.entries(name, value, place),
                    // `keyword` lets no other stand in a block
                    _ => {}
                }
            }
        });
        if place.level == Level::Handler {
            block.rescue.clear();
            block.always.clear();
        }
        block.keywords = Arc::new(keywords);
        Some(Arc::new(block))
    }

    /// A block of handlers only shares keywords: nothing is nested in it, nothing is rescued.
    fn handler_block(&mut self, entries: &[(Node, Node)]) -> Option<()> {
        let mut fits = Some(());
        for (key, value) in entries {
            if let Some(name @ ("rescue" | "always")) = key.as_str() {
                let text = format!("`{name}` of a block of handlers is never run");
                let span = Some(key.span.clone());
                self.warnings.push(crate::diagnostics::Diagnostic::warning(text, span));
            }
            let nested = value.as_seq().unwrap_or_default();
            for inner in nested.iter().filter(|inner| inner.get("block").is_some()) {
                self.error(&inner.span, PlaybookErrorKind::HandlerBlock);
                fits = None;
            }
        }
        fits
    }

    /// A keyword of a block; a module among them is a task that lost its dash.
    fn block_keyword(&mut self, key: &Node) -> Option<Keyword> {
        if let Some(name) = key.as_str()
            && Keyword::from_name(name).is_none()
            && self.modules.find(&qualify(name)).is_some()
        {
            let kind = PlaybookErrorKind::ConflictingActions {
                first: "block".to_owned(),
                second: name.to_owned(),
                suggestion: None,
            };
            self.error(&key.span, kind);
            return None;
        }
        self.keyword(key, Level::Block)
    }

    /// The tasks of a file.
    pub(super) fn task_file(&mut self, path: &Path, place: &Place) -> Vec<Entry> {
        let before = self.errors.len();
        match self.read(path) {
            Some(node) if matches!(node.kind, Kind::Seq(_)) => self.entries("tasks", &node, place),
            Some(node) => {
                let kind = PlaybookErrorKind::WrongType {
                    what: "a file of tasks".to_owned(),
                    wanted: "a list of tasks",
                    found: node.describe(),
                };
                self.error(&node.span, kind);
                Vec::new()
            }
            None => {
                if self.errors.len() == before {
                    let message = format!("file `{}` is empty and has no tasks", path.display());
                    self.warnings.push(crate::diagnostics::Diagnostic::warning(message, None));
                }
                Vec::new()
            }
        }
    }
}
