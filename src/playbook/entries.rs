//! Lists of tasks: tasks, blocks and static imports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::PlaybookErrorKind;
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
                self.wrong_type(what, "a list", value);
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
        let import = entries.iter().find_map(|(key, value)| {
            let written = key.as_str()?;
            match qualify(written).as_str() {
                "ansible.builtin.import_tasks" => Some((key, value)),
                _ => None,
            }
        });
        if let Some((key, value)) = import {
            return self.import_tasks(node, entries, key, value, place).map(Entry::Block);
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
                Keyword::BlockTasks => block.block = self.entries("block", value, place),
                Keyword::Rescue => block.rescue = self.entries("rescue", value, place),
                Keyword::Always => block.always = self.entries("always", value, place),
                // `keyword` lets no other stand in a block
                _ => {}
            }
        }
        block.keywords = Arc::new(keywords);
        Some(Arc::new(block))
    }

    /// A block of handlers only shares keywords: nothing is nested in it, nothing is rescued.
    fn handler_block(&mut self, entries: &[(Node, Node)]) -> Option<()> {
        let mut fits = Some(());
        for (key, value) in entries {
            if matches!(key.as_str(), Some("rescue" | "always")) {
                self.unsupported(&key.span, "`rescue` and `always` among handlers are");
                fits = None;
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
            };
            self.error(&key.span, kind);
            return None;
        }
        self.keyword(key, Level::Block)
    }

    /// `import_tasks`: a block around the tasks of the file, with the keywords of the import.
    fn import_tasks(
        &mut self,
        node: &Node,
        entries: &[(Node, Node)],
        action: &Node,
        value: &Node,
        place: &Place,
    ) -> Option<Arc<Block>> {
        let mut keywords = Keywords::default();
        let mut name = None;
        for (key, value) in entries.iter().filter(|(key, _)| key.span != action.span) {
            if key.as_str().is_some_and(|key| key == "loop" || key.starts_with("with_")) {
                self.error(&key.span, PlaybookErrorKind::ImportLoop);
                continue;
            }
            let Some(keyword) = self.keyword(key, Level::Import) else { continue };
            if self.shared(keyword, value, &mut keywords) == Taken::No && keyword == Keyword::Name {
                name = self.scalar("name", value);
            }
        }
        let file = self.import_file("import_tasks", value)?;
        let written = self.static_text("the file of an import", file)?;
        let searched = task_files(&written, place);
        let Some(path) = searched.iter().find(|path| path.is_file()).cloned() else {
            let kind =
                PlaybookErrorKind::FileNotFound { what: "task file", name: written, searched };
            self.error(&file.span, kind);
            return None;
        };
        let tasks = self.within("task file", &path, &written, &file.span, |parser| {
            Some(parser.task_file(&path, &place.in_file(&path)))
        })?;
        Some(Arc::new(Block {
            name,
            keywords: Arc::new(keywords),
            block: tasks,
            rescue: Vec::new(),
            always: Vec::new(),
            span: node.span.clone(),
        }))
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

    /// The file of an import: its value, or `file` in it.
    fn import_file<'n>(&mut self, action: &'static str, value: &'n Node) -> Option<&'n Node> {
        let Kind::Map(entries) = &value.kind else { return Some(value) };
        let mut file = None;
        for (key, value) in entries {
            match self.key(key) {
                Some("file" | "_raw_params") => file = Some(value),
                Some(option) => {
                    let option = option.to_owned();
                    self.error(&key.span, PlaybookErrorKind::ImportOption { action, option });
                }
                None => {}
            }
        }
        if file.is_none() {
            self.wrong_type(action, "the name of a file", value);
        }
        file
    }
}

/// Where the file of an import may lie, the first first.
fn task_files(written: &str, place: &Place) -> Vec<PathBuf> {
    let path = Path::new(written);
    if path.is_absolute() {
        return vec![path.to_owned()];
    }
    let folder = if place.level == Level::Handler { "handlers" } else { "tasks" };
    let mut searched: Vec<PathBuf> =
        place.file.parent().map(|dir| dir.join(path)).into_iter().collect();
    if let Some(role) = &place.role {
        searched.extend([role.join(folder).join(path), role.join(path)]);
    }
    searched.extend([place.playbook.join(path), place.playbook.join(folder).join(path)]);
    let mut distinct: Vec<PathBuf> = Vec::new();
    for path in searched {
        if !distinct.contains(&path) {
            distinct.push(path);
        }
    }
    distinct
}
