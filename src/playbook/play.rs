//! Plays, and playbooks that import playbooks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::PlaybookErrorKind;
use super::keywords::{Keyword, Level};
use super::model::{Keywords, Play, Strategy};
use super::modules::qualify;
use super::parser::{Parser, Place, is_template};
use super::shared::Taken;
use crate::source::{Kind, Node};

impl Parser<'_> {
    /// The plays of a playbook file.
    pub(super) fn playbook(&mut self, path: &Path, above: &Keywords) -> Vec<Arc<Play>> {
        let before = self.errors.len();
        self.collections.clear();
        self.within_collection_of(path);
        let Some(node) = self.read(path) else {
            if self.errors.len() == before {
                self.empty(path);
            }
            return Vec::new();
        };
        let Kind::Seq(entries) = &node.kind else {
            let kind = PlaybookErrorKind::WrongType {
                what: "a playbook".to_owned(),
                wanted: "a list of plays",
                found: node.describe(),
            };
            self.error(&node.span, kind);
            return Vec::new();
        };
        if entries.is_empty() {
            self.empty(path);
        }
        entries.iter().flat_map(|entry| self.playbook_entry(entry, path, above)).collect()
    }

    fn empty(&mut self, path: &Path) {
        let file = crate::source::SourceFile::new(path, String::new());
        let span = crate::source::Span::at(&file, 1, 1);
        self.error(&span, PlaybookErrorKind::EmptyPlaybook);
    }

    fn playbook_entry(&mut self, node: &Node, path: &Path, above: &Keywords) -> Vec<Arc<Play>> {
        let Kind::Map(entries) = &node.kind else {
            let kind = PlaybookErrorKind::WrongType {
                what: "a play".to_owned(),
                wanted: "a mapping",
                found: node.describe(),
            };
            self.error(&node.span, kind);
            return Vec::new();
        };
        let import = entries.iter().find(|(key, _)| {
            key.as_str().map(qualify).as_deref() == Some("ansible.builtin.import_playbook")
        });
        match import {
            Some((key, value)) => self.import_playbook(entries, key, value, path, above),
            None => self.play(node, entries, path, above).into_iter().collect(),
        }
    }

    fn import_playbook(
        &mut self,
        entries: &[(Node, Node)],
        action: &Node,
        value: &Node,
        path: &Path,
        above: &Keywords,
    ) -> Vec<Arc<Play>> {
        let mut keywords = Keywords::default();
        for (key, value) in entries.iter().filter(|(key, _)| key.span != action.span) {
            let Some(keyword) = self.keyword(key, Level::ImportPlaybook) else { continue };
            self.shared(keyword, value, &mut keywords);
            // as in Ansible: accepted, and without meaning there
            if !matches!(keyword, Keyword::Name | Keyword::Tags | Keyword::Vars | Keyword::When) {
                let text = format!("`{}` of an `import_playbook` has no effect", keyword.name());
                let span = Some(key.span.clone());
                self.warnings.push(crate::diagnostics::Diagnostic::warning(text, span));
            }
        }
        let keywords = combined(above, keywords);
        let place =
            Place { file: path.to_owned(), playbook: folder(path), role: None, level: Level::Task };
        self.plugins_of(&place);
        self.scopes.push(keywords.vars.clone());
        let written = self.static_name("the file of an import", value, &place);
        self.scopes.pop();
        let Some(written) = written else { return Vec::new() };
        let file = self
            .collection_playbook(&written, &place)
            .unwrap_or_else(|| folder(path).join(&written));
        if !file.is_file() {
            let searched = vec![file];
            let kind =
                PlaybookErrorKind::FileNotFound { what: "playbook", name: written, searched };
            self.error(&value.span, kind);
            return Vec::new();
        }
        self.within("playbook", &file, &written, &value.span, |parser| {
            Some(parser.playbook(&file, &keywords))
        })
        .unwrap_or_default()
    }

    fn play(
        &mut self,
        node: &Node,
        entries: &[(Node, Node)],
        path: &Path,
        above: &Keywords,
    ) -> Option<Arc<Play>> {
        let mut play = Play {
            name: None,
            path: path.to_owned(),
            hosts: Node { kind: Kind::Null, span: node.span.clone() },
            keywords: Arc::new(Keywords::default()),
            vars_prompt: Vec::new(),
            vars_files: Vec::new(),
            gather_facts: None,
            gather_arguments: Vec::new(),
            serial: None,
            strategy: None,
            debugs: false,
            force_handlers: None,
            max_fail_percentage: None,
            order: None,
            pre_tasks: Vec::new(),
            roles: Vec::new(),
            tasks: Vec::new(),
            post_tasks: Vec::new(),
            handlers: Vec::new(),
            span: node.span.clone(),
        };
        let place =
            Place { file: path.to_owned(), playbook: folder(path), role: None, level: Level::Task };
        self.plugins_of(&place);
        let mut keywords = Keywords::default();
        let mut own = Vec::new();
        // `tags` may need `vars`, wherever they stand
        let is_vars = |(key, _): &&(Node, Node)| key.as_str() == Some("vars");
        let first = entries.iter().filter(is_vars);
        for (key, value) in first.chain(entries.iter().filter(|entry| !is_vars(entry))) {
            let Some(keyword) = self.keyword(key, Level::Play) else { continue };
            if self.shared(keyword, value, &mut keywords) == Taken::No {
                own.push((keyword, value));
            }
        }
        if let (Some(user), Some(_)) = (node.get("user"), node.get("remote_user")) {
            self.error(&user.span, PlaybookErrorKind::TwoUsers);
        }
        let keywords = combined(above, keywords);
        self.inside(&keywords, |parser| {
            for (keyword, value) in own {
                parser.play_keyword(keyword, value, &place, &mut play);
            }
        });
        play.keywords = Arc::new(keywords);
        if node.get("hosts").is_none() {
            self.error(&node.span, PlaybookErrorKind::NoHosts);
            return None;
        }
        Some(Arc::new(play))
    }

    fn play_keyword(&mut self, keyword: Keyword, value: &Node, place: &Place, play: &mut Play) {
        let name = keyword.name();
        let handlers = place.of(Level::Handler);
        match keyword {
            Keyword::Name => play.name = self.scalar(name, value),
            Keyword::Hosts => self.hosts(value, play),
            Keyword::VarsPrompt => play.vars_prompt = self.prompts(value),
            Keyword::VarsFiles => play.vars_files = self.vars_files(value),
            Keyword::GatherFacts => play.gather_facts = self.boolean(name, value),
            Keyword::GatherSubset | Keyword::GatherTimeout | Keyword::FactPath
                if !value.is_null() =>
            {
                play.gather_arguments.push((name.to_owned(), value.clone()));
            }
            Keyword::Serial => play.serial = self.serial(value),
            Keyword::Strategy => {
                (play.strategy, play.debugs) = self.strategy(value, place);
            }
            Keyword::ForceHandlers => play.force_handlers = self.boolean(name, value),
            Keyword::MaxFailPercentage => {
                play.max_fail_percentage = self.percentage(name, value).then(|| value.clone());
            }
            Keyword::Order => play.order = self.order(value),
            Keyword::PreTasks => play.pre_tasks = self.entries(name, value, place),
            Keyword::Roles => play.roles = self.roles(value, place),
            Keyword::Tasks => play.tasks = self.entries(name, value, place),
            Keyword::PostTasks => play.post_tasks = self.entries(name, value, place),
            Keyword::Handlers => play.handlers = self.entries(name, value, &handlers),
            // `keyword` lets no other stand in a play
            _ => {}
        }
    }

    fn hosts(&mut self, value: &Node, play: &mut Play) {
        let empty = match &value.kind {
            Kind::Str(text) => text.value.trim().is_empty(),
            Kind::Seq(elements) => elements.is_empty(),
            Kind::Null => true,
            _ => false,
        };
        if empty {
            self.error(&value.span, PlaybookErrorKind::EmptyHosts);
            return;
        }
        let fits = |node: &Node| matches!(node.kind, Kind::Str(_));
        let (wrong, wanted) = match &value.kind {
            Kind::Seq(elements) => {
                (elements.iter().find(|element| !fits(element)), "a list of texts")
            }
            _ => (Some(value).filter(|value| !fits(value)), "text or a list of texts"),
        };
        match wrong {
            Some(node) => self.wrong_type("hosts", wanted, node),
            None => play.hosts = value.clone(),
        }
    }

    fn vars_files(&mut self, value: &Node) -> Vec<Node> {
        let fits = |node: &Node| match &node.kind {
            Kind::Str(_) => true,
            Kind::Seq(names) => names.iter().all(|name| matches!(name.kind, Kind::Str(_))),
            _ => false,
        };
        match &value.kind {
            Kind::Null => Vec::new(),
            Kind::Str(_) => vec![value.clone()],
            Kind::Seq(elements) => {
                for wrong in elements.iter().filter(|element| !fits(element)) {
                    self.wrong_type("vars_files", "a list of file names", wrong);
                }
                elements.iter().filter(|element| fits(element)).cloned().collect()
            }
            _ => {
                self.wrong_type("vars_files", "a list of file names", value);
                Vec::new()
            }
        }
    }

    fn serial(&mut self, value: &Node) -> Option<Node> {
        match &value.kind {
            Kind::Null => None,
            Kind::Seq(elements) => {
                let mut fits = true;
                for element in elements {
                    fits &= self.percentage("serial", element);
                }
                fits.then(|| value.clone())
            }
            _ => self.percentage("serial", value).then(|| value.clone()),
        }
    }

    /// Whether a value is a number, a percentage or a template; notes the error if not.
    fn percentage(&mut self, keyword: &str, value: &Node) -> bool {
        let fits = match &value.kind {
            Kind::Int(_) | Kind::Float(_) => true,
            Kind::Str(text) => {
                let number = text.value.trim().trim_end_matches('%');
                is_template(&text.value) || number.parse::<f64>().is_ok()
            }
            _ => false,
        };
        if !fits {
            self.wrong_type(keyword, "a number or a percentage", value);
        }
        fits
    }

    /// The strategy, and whether it debugs what fails.
    fn strategy(&mut self, value: &Node, place: &Place) -> (Option<Strategy>, bool) {
        const STRATEGIES: &[&str] = &["linear", "free", "host_pinned", "debug", "dag"];
        if value.is_null() {
            return (None, false);
        }
        let Some(text) = self.static_name("`strategy`", value, place) else {
            return (None, false);
        };
        match text.strip_prefix("ansible.builtin.").unwrap_or(&text) {
            "linear" => (Some(Strategy::Linear), false),
            "free" => (Some(Strategy::Free), false),
            "host_pinned" => (Some(Strategy::HostPinned), false),
            "debug" => (Some(Strategy::Linear), true),
            // ours: no collection has it
            "dag" => (Some(Strategy::Dag), false),
            _ => {
                let kind = PlaybookErrorKind::Choice {
                    keyword: "strategy",
                    value: text,
                    choices: STRATEGIES,
                };
                self.error(&value.span, kind);
                (None, false)
            }
        }
    }

    fn order(&mut self, value: &Node) -> Option<Node> {
        const ORDERS: &[&str] =
            &["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"];
        let order = self.scalar("order", value)?;
        let text = order.as_str().unwrap_or_default();
        if !is_template(text) && !ORDERS.contains(&text) {
            let kind = PlaybookErrorKind::Choice {
                keyword: "order",
                value: text.to_owned(),
                choices: ORDERS,
            };
            self.error(&value.span, kind);
            return None;
        }
        Some(order)
    }
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The keywords of a play under those of the imports that brought it: conditions and tags add up,
/// variables of the import win.
fn combined(above: &Keywords, own: Keywords) -> Keywords {
    let mut all = own;
    all.when.splice(0..0, above.when.iter().cloned());
    let tags = above.tags.iter().filter(|tag| !all.tags.contains(tag)).cloned().collect::<Vec<_>>();
    all.tags.extend(tags);
    for (name, value) in &above.vars {
        match all.vars.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.clone(),
            None => all.vars.push((name.clone(), value.clone())),
        }
    }
    all
}
