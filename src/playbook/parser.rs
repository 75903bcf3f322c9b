//! What every part of the parser shares: the modules, the errors found so far, the files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{PlaybookError, PlaybookErrorKind, Unsupported};
use super::keywords::{Keyword, Level, Support};
use super::load::SearchPaths;
use super::model::Keywords;
use super::modules::Modules;
use super::plugins::PluginFolders;
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node, SourceFile, Span, yaml};

/// How deep imports and dependencies may nest.
const NESTING_LIMIT: usize = 100;

/// Reads playbooks and gathers what is wrong with them.
pub(super) struct Parser<'a> {
    pub(super) modules: &'a dyn Modules,
    pub(super) search: &'a SearchPaths,
    /// Renders names of files and roles that hold templates.
    pub(super) names: &'a dyn StaticNames,
    /// The variables that are known at this place before hosts are, the outermost first.
    pub(super) scopes: Vec<Vec<(String, Node)>>,
    /// A file whose text is at hand.
    pub(super) given: Option<Arc<SourceFile>>,
    /// `collections` that hold at this place.
    pub(super) collections: Vec<String>,
    /// Whether `module_defaults` may add arguments at this place.
    pub(super) has_defaults: bool,
    /// Modules in Python, for what is not native.
    pub(super) plugins: PluginFolders,
    pub(super) errors: Vec<PlaybookError>,
    pub(super) warnings: Vec<Diagnostic>,
    /// The roles, task files and playbooks that are being read, the outermost first.
    pub(super) open: Vec<(&'static str, PathBuf, String)>,
}

/// Renders the names of files and roles that must be known before hosts are.
pub trait StaticNames {
    /// The text of a name, from variables that are known before hosts are: those of the places
    /// around it, the outermost first, and those of the command line.
    ///
    /// # Errors
    ///
    /// What is wrong, as one line.
    fn render(&self, name: &Node, around: &[Vec<(String, Node)>]) -> Result<String, String>;

    /// The same for a template that may give a list.
    ///
    /// # Errors
    ///
    /// What is wrong, as one line.
    fn render_list(
        &self,
        name: &Node,
        around: &[Vec<(String, Node)>],
    ) -> Result<Vec<String>, String> {
        self.render(name, around).map(|text| vec![text])
    }
}

/// No variable is known; templates are refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNames;

impl StaticNames for NoNames {
    fn render(&self, _name: &Node, _around: &[Vec<(String, Node)>]) -> Result<String, String> {
        Err("no variable is known here".to_owned())
    }
}

/// Where entries stand.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file that they stand in.
    pub(super) file: PathBuf,
    /// The folder of the playbook.
    pub(super) playbook: PathBuf,
    /// The folder of the role that they belong to.
    pub(super) role: Option<PathBuf>,
    /// Whether they are tasks or handlers.
    pub(super) level: Level,
}

impl Place {
    /// The same, in another file.
    pub(super) fn in_file(&self, file: &Path) -> Self {
        Self { file: file.to_owned(), ..self.clone() }
    }

    /// The same, for tasks or handlers.
    pub(super) fn of(&self, level: Level) -> Self {
        Self { level, ..self.clone() }
    }
}

impl<'a> Parser<'a> {
    /// A parser at the outside of everything.
    pub(super) fn new(
        modules: &'a dyn Modules,
        search: &'a SearchPaths,
        names: &'a dyn StaticNames,
    ) -> Self {
        Self {
            modules,
            search,
            names,
            scopes: Vec::new(),
            collections: Vec::new(),
            has_defaults: false,
            plugins: PluginFolders::default(),
            given: None,
            errors: Vec::new(),
            warnings: Vec::new(),
            open: Vec::new(),
        }
    }
}

impl Parser<'_> {
    /// Reads what stands inside of something with these keywords.
    pub(super) fn inside<T>(
        &mut self,
        keywords: &Keywords,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let outside = (self.scopes.len(), self.collections.clone(), self.has_defaults);
        self.scopes.push(keywords.vars.clone());
        if !keywords.collections.is_empty() {
            self.collections.clone_from(&keywords.collections);
        }
        self.has_defaults |= !keywords.module_defaults.is_empty();
        let done = read(self);
        self.scopes.truncate(outside.0);
        (self.collections, self.has_defaults) = (outside.1, outside.2);
        done
    }

    /// Notes an error.
    pub(super) fn error(&mut self, span: &Span, kind: PlaybookErrorKind) {
        self.errors.push(PlaybookError::at(span, kind));
    }

    /// Notes a value of the wrong type.
    pub(super) fn wrong_type(&mut self, what: &str, wanted: &'static str, found: &Node) {
        let kind = PlaybookErrorKind::WrongType {
            what: format!("`{what}`"),
            wanted,
            found: found.describe(),
        };
        self.error(&found.span, kind);
    }

    /// Reads a YAML file; `None` where it is empty or wrong.
    pub(super) fn read(&mut self, path: &Path) -> Option<Node> {
        let given = self.given.clone().filter(|file| file.path == path);
        let file = given.map_or_else(|| SourceFile::read(path), Ok);
        let loaded = file.and_then(|file: Arc<_>| yaml::load(&file));
        match loaded {
            Ok(loaded) => {
                self.warnings.extend(loaded.warnings);
                loaded.node
            }
            Err(error) => {
                self.errors.push(PlaybookError::from(error));
                None
            }
        }
    }

    /// Does something with a file or role noted as open; refuses one that is open already.
    pub(super) fn within<T>(
        &mut self,
        what: &'static str,
        path: &Path,
        name: &str,
        span: &Span,
        act: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let same =
            |(kind, open, _): &&(&'static str, PathBuf, String)| *kind == what && *open == real;
        if self.open.iter().any(|entry| same(&entry)) || self.open.len() >= NESTING_LIMIT {
            let begin = self.open.iter().position(|entry| same(&entry)).unwrap_or_default();
            let mut chain: Vec<_> = self
                .open
                .iter()
                .skip(begin)
                .filter(|(kind, _, _)| *kind == what)
                .map(|(_, _, name)| name.clone())
                .collect();
            chain.push(name.to_owned());
            self.error(span, PlaybookErrorKind::Cycle { what, chain });
            return None;
        }
        self.open.push((what, real, name.to_owned()));
        let done = act(self);
        self.open.pop();
        done
    }

    /// The keyword of a key, if it may stand there; notes the error if not.
    pub(super) fn keyword(&mut self, key: &Node, level: Level) -> Option<Keyword> {
        let name = self.key(key)?;
        let Some(keyword) = Keyword::from_name(name) else {
            let suggestion = Keyword::nearest(name, level).map(str::to_owned);
            let name = name.to_owned();
            self.error(&key.span, PlaybookErrorKind::UnknownKeyword { name, level, suggestion });
            return None;
        };
        match keyword.support(level) {
            Support::Yes => return Some(keyword),
            Support::NotYet => {
                let unsupported = Unsupported::Keyword(keyword.name(), level);
                self.error(&key.span, PlaybookErrorKind::Unsupported(unsupported));
            }
            Support::Elsewhere => {
                let (name, levels) = (keyword.name(), keyword.levels());
                if level == Level::Include
                    && !crate::settings::current().boolean("INVALID_TASK_ATTRIBUTE_FAILED")
                {
                    let text = format!("Ignoring invalid attribute: {name}");
                    self.warnings.push(crate::diagnostics::Diagnostic::warning(text, None));
                    return None;
                }
                self.error(&key.span, PlaybookErrorKind::Misplaced { name, level, levels });
            }
        }
        None
    }

    /// A key as text.
    pub(super) fn key<'n>(&mut self, key: &'n Node) -> Option<&'n str> {
        let text = key.as_str();
        if text.is_none() {
            let kind = PlaybookErrorKind::WrongType {
                what: "a keyword".to_owned(),
                wanted: "text",
                found: key.describe(),
            };
            self.error(&key.span, kind);
        }
        text
    }

    /// A name that must be known before hosts are; templates see what is known here.
    pub(super) fn static_name(
        &mut self,
        what: &'static str,
        node: &Node,
        place: &Place,
    ) -> Option<String> {
        let is_templated = matches!(&node.kind, Kind::Str(text) if is_template(&text.value));
        if !is_templated {
            return self.static_text(what, node);
        }
        let mut around = vec![magic(place, &node.span)];
        around.extend(self.scopes.iter().cloned());
        match self.names.render(node, &around) {
            Ok(name) => Some(name),
            Err(reason) => {
                self.error(&node.span, PlaybookErrorKind::StaticName { what, reason });
                None
            }
        }
    }

    /// A name that must be known at once: text or a number, no template.
    pub(super) fn static_text(&mut self, what: &'static str, node: &Node) -> Option<String> {
        match &node.kind {
            Kind::Str(text) if is_template(&text.value) => {
                self.error(&node.span, PlaybookErrorKind::NotStatic(what));
                None
            }
            Kind::Str(text) => Some(text.value.clone()),
            Kind::Int(number) => Some(number.to_string()),
            _ => {
                let kind = PlaybookErrorKind::WrongType {
                    what: what.to_owned(),
                    wanted: "text",
                    found: node.describe(),
                };
                self.error(&node.span, kind);
                None
            }
        }
    }
}

/// The magic variables of a place.
fn magic(place: &Place, span: &Span) -> Vec<(String, Node)> {
    let absolute = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Node::text(path.to_string_lossy().into_owned(), span.clone())
    };
    let mut magic = vec![("playbook_dir".to_owned(), absolute(&place.playbook))];
    if let Some(role) = &place.role {
        let name = role.file_name().unwrap_or_default().to_string_lossy().into_owned();
        magic.push(("role_path".to_owned(), absolute(role)));
        magic.push(("role_name".to_owned(), Node::text(name.as_str(), span.clone())));
        magic.push(("ansible_role_name".to_owned(), Node::text(name.as_str(), span.clone())));
    }
    magic
}

/// Whether text may be a template.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// Whether text may be one template and nothing else.
pub(super) fn is_all_template(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with("{{") && text.ends_with("}}"))
        || (text.starts_with("{%") && text.ends_with("%}"))
}
