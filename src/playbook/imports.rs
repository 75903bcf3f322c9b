//! Static imports: what stands in a list of tasks and is replaced by tasks when it is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::PlaybookErrorKind;
use super::keywords::{Keyword, Level};
use super::model::{Block, Entry, Keywords, RoleImport};
use super::modules::qualify;
use super::parser::{Parser, Place};
use super::role::RoleUse;
use super::shared::Taken;
use super::text_arguments::{Form, parse};
use crate::source::{Kind, Node, Text};

/// An import as it stands in a task.
pub(super) struct Import<'n> {
    kind: ImportKind,
    key: &'n Node,
    /// The arguments behind the key.
    value: Option<&'n Node>,
    /// The text behind the name in `action:`.
    text: Option<(String, &'n Node)>,
}

/// The kinds of static imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ImportKind {
    Tasks,
    Role,
}

impl ImportKind {
    fn of(module: &str) -> Option<Self> {
        match qualify(module).as_str() {
            "ansible.builtin.import_tasks" => Some(Self::Tasks),
            "ansible.builtin.import_role" => Some(Self::Role),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tasks => "import_tasks",
            Self::Role => "import_role",
        }
    }
}

impl<'n> Import<'n> {
    /// The import among the keys of a task, if it is one.
    pub(super) fn of(entries: &'n [(Node, Node)]) -> Option<Self> {
        entries.iter().find_map(|(key, value)| {
            let name = key.as_str()?;
            if name == "action"
                && let Some(text) = value.as_str()
            {
                let (module, rest) = text.trim().split_once(char::is_whitespace)?;
                let kind = ImportKind::of(module)?;
                return Some(Self { kind, key, value: None, text: Some((rest.to_owned(), value)) });
            }
            let kind = ImportKind::of(name)?;
            Some(Self { kind, key, value: Some(value), text: None })
        })
    }
}

/// The arguments of an import by name, with their places.
type Given = Vec<(String, Node)>;

impl Parser<'_> {
    /// An import: its tasks with the keywords of the import around them.
    pub(super) fn import(
        &mut self,
        node: &Node,
        entries: &[(Node, Node)],
        import: &Import<'_>,
        place: &Place,
    ) -> Option<Entry> {
        let mut keywords = Keywords::default();
        let mut name = None;
        let mut args = None;
        for (key, value) in entries.iter().filter(|(key, _)| key.span != import.key.span) {
            if key.as_str().is_some_and(|key| key == "loop" || key.starts_with("with_")) {
                self.error(&key.span, PlaybookErrorKind::ImportLoop(import.kind.name()));
                continue;
            }
            let Some(keyword) = self.keyword(key, Level::Import) else { continue };
            if self.shared(keyword, value, &mut keywords) == Taken::Yes {
                continue;
            }
            match keyword {
                Keyword::Name => name = self.scalar("name", value),
                Keyword::Args => args = Some(value),
                // what is about the result of a task has no meaning for an import, as in Ansible
                _ => {}
            }
        }
        let given = self.import_arguments(import, args);
        let keywords = Arc::new(keywords);
        let around = Arc::clone(&keywords);
        self.inside(&around, |parser| match import.kind {
            ImportKind::Tasks => parser.import_tasks(node, import, &given, place).map(|block| {
                Entry::Block(Arc::new(Block {
                    name,
                    keywords,
                    block,
                    rescue: Vec::new(),
                    always: Vec::new(),
                    span: node.span.clone(),
                }))
            }),
            ImportKind::Role => parser
                .import_role(node, &given, place)
                .map(|role| Entry::Role(Arc::new(RoleImport { keywords, role }))),
        })
    }

    fn import_tasks(
        &mut self,
        node: &Node,
        import: &Import<'_>,
        given: &Given,
        place: &Place,
    ) -> Option<Vec<Entry>> {
        let mut file = None;
        for (option, value) in given {
            match option.as_str() {
                "file" | "_raw_params" => file = Some(value),
                _ => {
                    let action = import.kind.name();
                    let option = option.clone();
                    self.error(&value.span, PlaybookErrorKind::ImportOption { action, option });
                }
            }
        }
        let Some(file) = file else {
            self.error(&node.span, PlaybookErrorKind::NoImportFile(import.kind.name()));
            return None;
        };
        let written = self.static_name("the file of an import", file, place)?;
        let searched = task_files(&written, place);
        let Some(path) = searched.iter().find(|path| path.is_file()).cloned() else {
            let kind =
                PlaybookErrorKind::FileNotFound { what: "task file", name: written, searched };
            self.error(&file.span, kind);
            return None;
        };
        self.within("task file", &path, &written, &file.span, |parser| {
            Some(parser.task_file(&path, &place.in_file(&path)))
        })
    }

    fn import_role(
        &mut self,
        node: &Node,
        given: &Given,
        place: &Place,
    ) -> Option<Arc<super::Role>> {
        if place.level == super::keywords::Level::Handler {
            let kind = PlaybookErrorKind::RoleAsHandler("import_role".to_owned());
            self.error(&node.span, kind);
            return None;
        }
        let mut used = RoleUse::import();
        let mut name = None;
        for (option, value) in given {
            let file = |parser: &mut Self| parser.static_name("a file of a role", value, place);
            match option.as_str() {
                "name" | "role" => name = Some(value),
                "tasks_from" => used.files.tasks = file(self),
                "handlers_from" => used.files.handlers = file(self),
                "defaults_from" => used.files.defaults = file(self),
                "vars_from" => used.files.vars = file(self),
                "allow_duplicates" => used.allow_duplicates = Some(self.truth(option, value)),
                "public" => used.public = self.truth(option, value),
                "rolespec_validate" => used.validate = self.truth(option, value),
                _ => {
                    let action = "import_role";
                    let option = option.clone();
                    self.error(&value.span, PlaybookErrorKind::ImportOption { action, option });
                }
            }
        }
        let Some(name) = name else {
            self.error(&node.span, PlaybookErrorKind::NoRoleName);
            return None;
        };
        used.name = self.static_name("the name of a role", name, place)?;
        self.role_at(used, place, &name.span)
    }

    /// The arguments of an import: a mapping, `key=value` text or the name itself, and `args:`.
    fn import_arguments(&mut self, import: &Import<'_>, args: Option<&Node>) -> Given {
        let mut given = Given::new();
        for value in args.into_iter().chain(import.value) {
            match &value.kind {
                Kind::Map(entries) => {
                    for (key, value) in entries {
                        if let Some(name) = self.key(key) {
                            given.push((name.to_owned(), value.clone()));
                        }
                    }
                }
                Kind::Str(text) => self.import_text(&text.value, value, &mut given),
                Kind::Null => {}
                _ => self.wrong_type(import.kind.name(), "the name of a file or a mapping", value),
            }
        }
        if let Some((text, node)) = &import.text {
            self.import_text(text, node, &mut given);
        }
        given
    }

    fn import_text(&mut self, text: &str, node: &Node, given: &mut Given) {
        let Some(found) = parse(text, Form::Options) else {
            self.error(&node.span, PlaybookErrorKind::Unbalanced);
            return;
        };
        let as_node = |value: &str| {
            let text = Text { value: value.to_owned(), plain: false };
            Node { kind: Kind::Str(text), span: node.span.clone() }
        };
        if let Some(text) = &found.free_form {
            given.push(("_raw_params".to_owned(), as_node(text.trim())));
        }
        for (name, value, _) in &found.options {
            given.push((name.clone(), as_node(value)));
        }
    }
}

/// Where a file of tasks may lie, the first first.
pub(super) fn task_files(written: &str, place: &Place) -> Vec<PathBuf> {
    let path = Path::new(written);
    if path.is_absolute() {
        return vec![path.to_owned()];
    }
    let folder = if place.level == Level::Handler { "handlers" } else { "tasks" };
    let mut searched: Vec<PathBuf> =
        place.file.parent().map(|dir| dir.join(path)).into_iter().collect();
    if let Some(role) = &place.role {
        searched.extend([
            role.join(folder).join(path),
            role.join("tasks").join(path),
            role.join(path),
        ]);
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
