//! Roles: where they lie, their files, their dependencies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::PlaybookErrorKind;
use super::keywords::{Keyword, Level};
use super::model::{Entry, Keywords, Role, RoleFiles, Task};
use super::parser::{Parser, Place, is_template};
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node, Span};

/// What an entry of `roles:`, an import or an include says.
#[derive(Debug, Default)]
pub(super) struct RoleUse {
    pub(super) name: String,
    pub(super) keywords: Keywords,
    pub(super) params: Vec<(String, Node)>,
    pub(super) files: RoleFiles,
    /// `None` is what the role's `meta` says.
    pub(super) allow_duplicates: Option<bool>,
    pub(super) public: bool,
    /// Whether its arguments are checked by its argument specification.
    pub(super) validate: bool,
}

impl RoleUse {
    /// Of an entry of `roles:`.
    fn listed(name: String) -> Self {
        let public = crate::settings::public_roles().unwrap_or(true);
        Self { name, public, validate: true, ..Self::default() }
    }

    /// Of `import_role`.
    pub(super) fn import() -> Self {
        Self { allow_duplicates: Some(true), ..Self::listed(String::new()) }
    }
}

/// What `meta/main` says.
#[derive(Default)]
struct Meta {
    dependencies: Vec<Arc<Role>>,
    allow_duplicates: bool,
    collections: Vec<String>,
    /// Argument specifications by the file of `tasks` that they are for.
    specs: Option<Node>,
}

/// The suffixes of YAML files, in order of preference.
const SUFFIXES: &[&str] = &["", ".yml", ".yaml", ".json"];

impl Parser<'_> {
    /// The roles of a play or the dependencies of a role.
    pub(super) fn roles(&mut self, value: &Node, place: &Place) -> Vec<Arc<Role>> {
        match &value.kind {
            Kind::Null => Vec::new(),
            Kind::Seq(elements) => {
                elements.iter().filter_map(|element| self.role(element, place)).collect()
            }
            _ => {
                self.error(&value.span, PlaybookErrorKind::NoRoleList);
                Vec::new()
            }
        }
    }

    fn role(&mut self, node: &Node, place: &Place) -> Option<Arc<Role>> {
        let used = self.role_use(node, place)?;
        self.role_at(used, place, &node.span)
    }

    /// Reads the files of a role that is used.
    pub(super) fn role_at(
        &mut self,
        used: RoleUse,
        place: &Place,
        span: &Span,
    ) -> Option<Arc<Role>> {
        let searched = self.role_folders(&used.name, place);
        let beside = || searched.iter().map(|folder| folder.join(&used.name));
        let in_collection = self.collection_role(&used.name, place);
        let (found, full_name) = in_collection.unzip();
        let Some(path) = found.or_else(|| beside().find(|path| path.is_dir())) else {
            let kind = PlaybookErrorKind::RoleNotFound { name: used.name, searched };
            self.error(span, kind);
            return None;
        };
        let name = full_name.unwrap_or_else(|| used.name.clone());
        // a role may use other tasks of its own
        let entry = path.canonicalize().unwrap_or_else(|_| path.clone());
        let entry = entry.join("tasks").join(used.files.tasks.as_deref().unwrap_or("main"));
        self.within("role", &entry, &name, span, |parser| {
            Some(parser.role_files(&path, &name, used, place, span))
        })
    }

    fn role_use(&mut self, node: &Node, place: &Place) -> Option<RoleUse> {
        let Kind::Map(entries) = &node.kind else {
            let name = self.static_name("a role", node, place)?;
            if name.contains(',') {
                self.error(&node.span, PlaybookErrorKind::OldStyleRole(name));
                return None;
            }
            return Some(RoleUse::listed(name));
        };
        let mut keywords = Keywords::default();
        let mut params = Vec::new();
        for (key, value) in entries {
            let Some(name) = self.key(key) else { continue };
            match name {
                "role" | "name" => {}
                _ if Keyword::from_name(name).is_some_and(|keyword| {
                    keyword.support(Level::Role) != super::keywords::Support::Elsewhere
                }) =>
                {
                    if let Some(keyword) = self.keyword(key, Level::Role) {
                        self.shared(keyword, value, &mut keywords);
                    }
                }
                _ => params.push((name.to_owned(), value.clone())),
            }
        }
        let named = node.get("role").or_else(|| node.get("name"));
        let name = match (named, node.get("src").filter(|_| place.level == Level::Meta)) {
            (Some(name), _) => self.static_name("the name of a role", name, place)?,
            // a dependency is called as `ansible-galaxy` would have called it
            (None, Some(source)) => {
                let source = self.static_name("the source of a role", source, place)?;
                let fetched = source.split_once('+').map_or(source.as_str(), |(_, rest)| rest);
                crate::galaxy::role_name_of(fetched)
            }
            (None, None) => {
                self.error(&node.span, PlaybookErrorKind::NoRoleName);
                return None;
            }
        };
        Some(RoleUse { keywords, params, ..RoleUse::listed(name) })
    }

    /// Where a role may lie, the first first.
    fn role_folders(&self, name: &str, place: &Place) -> Vec<PathBuf> {
        let mut folders = vec![place.playbook.join("roles")];
        folders.extend(self.search.roles.iter().cloned());
        // a dependency may lie beside the role that needs it
        folders.extend(place.role.as_deref().and_then(Path::parent).map(Path::to_owned));
        folders.push(place.playbook.clone());
        if name.contains('/') {
            folders.push(PathBuf::new());
        }
        let mut distinct: Vec<PathBuf> = Vec::new();
        for folder in folders {
            if !distinct.contains(&folder) {
                distinct.push(folder);
            }
        }
        distinct
    }

    fn role_files(
        &mut self,
        path: &Path,
        name: &str,
        used: RoleUse,
        place: &Place,
        span: &Span,
    ) -> Arc<Role> {
        let place = Place { role: Some(path.to_owned()), ..place.clone() };
        self.plugins_of(&place);
        let outside = (self.scopes.len(), self.collections.clone(), self.has_defaults);
        self.within_collection_of(path);
        let meta = self.role_meta(path, &place);
        // its own collection comes before those that it names
        self.collections.clone_from(&outside.1);
        self.collections.splice(0..0, meta.collections.iter().cloned());
        self.within_collection_of(path);
        let files = used.files;
        let defaults = self.role_variables(path, "defaults", files.defaults.as_deref(), span);
        let vars = self.role_variables(path, "vars", files.vars.as_deref(), span);
        self.scopes.extend([
            defaults.clone(),
            vars.clone(),
            used.keywords.vars.clone(),
            used.params.clone(),
        ]);
        self.has_defaults |= !used.keywords.module_defaults.is_empty();
        let mut tasks =
            self.role_entries(path, "tasks", files.tasks.as_deref(), span, &place.of(Level::Task));
        let handlers = self.role_entries(
            path,
            "handlers",
            files.handlers.as_deref(),
            span,
            &place.of(Level::Handler),
        );
        self.scopes.truncate(outside.0);
        (self.collections, self.has_defaults) = (outside.1, outside.2);
        let validate = used.validate;
        if let Some(specs) = meta.specs.as_ref().filter(|_| validate) {
            let entry = files.tasks.as_deref().unwrap_or("main");
            if let Some(spec) = specs.get(entry).filter(|spec| spec.as_map().is_some()) {
                let task = validation(spec, entry, name, path, &used.params);
                tasks.insert(0, Entry::Task(Arc::new(task)));
            }
        }
        Arc::new(Role {
            name: name.to_owned(),
            path: path.to_owned(),
            keywords: Arc::new(used.keywords),
            params: used.params,
            defaults,
            vars,
            dependencies: meta.dependencies,
            tasks,
            handlers,
            allow_duplicates: used.allow_duplicates.unwrap_or(meta.allow_duplicates),
            public: used.public,
            files,
            span: span.clone(),
        })
    }

    fn role_entries(
        &mut self,
        role: &Path,
        folder: &'static str,
        from: Option<&str>,
        span: &Span,
        place: &Place,
    ) -> Vec<Entry> {
        let Some(path) = self.role_file(role, folder, from, span).filter(|path| path.is_file())
        else {
            return Vec::new();
        };
        let place = place.in_file(&path);
        let Some(node) = self.read(&path) else { return Vec::new() };
        self.entries(folder, &node, &place)
    }

    /// The file of a folder of a role: `main`, or the one that the use names, which must be there.
    fn role_file(
        &mut self,
        role: &Path,
        folder: &'static str,
        from: Option<&str>,
        span: &Span,
    ) -> Option<PathBuf> {
        let base = role.join(folder);
        let found = named_file(&base, from.unwrap_or("main"));
        if let (None, Some(from)) = (&found, from) {
            let kind = PlaybookErrorKind::FileNotFound {
                what: folder,
                name: from.to_owned(),
                searched: vec![base.join(from)],
            };
            self.error(span, kind);
        }
        let file = found?;
        if from.is_some() && !lies_in(&file, &base) {
            let role = role.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let kind = PlaybookErrorKind::OutsideRole { file, role, folder: base };
            self.error(span, kind);
            return None;
        }
        Some(file)
    }

    /// `defaults/main` or `vars/main`: a file, or a folder of files of which later ones win.
    fn role_variables(
        &mut self,
        role: &Path,
        folder: &'static str,
        from: Option<&str>,
        span: &Span,
    ) -> Vec<(String, Node)> {
        let Some(main) = self.role_file(role, folder, from, span) else { return Vec::new() };
        let files = if main.is_dir() { yaml_files(&main) } else { vec![main] };
        let mut all: Vec<(String, Node)> = Vec::new();
        for file in files {
            let Some(node) = self.read(&file) else { continue };
            if !matches!(node.kind, Kind::Map(_) | Kind::Null) {
                let kind = PlaybookErrorKind::WrongType {
                    what: format!("`{folder}/main` of a role"),
                    wanted: "a mapping of variables",
                    found: node.describe(),
                };
                self.error(&node.span, kind);
                continue;
            }
            for (key, value) in node.as_map().unwrap_or_default() {
                // as in Ansible: a file may have names that no template can name
                let Some(name) = key.as_str() else {
                    let message =
                        format!("{} as the name of a variable is not used", key.describe());
                    self.warnings.push(Diagnostic::warning(message, Some(key.span.clone())));
                    continue;
                };
                match all.iter_mut().find(|(known, _)| known == name) {
                    Some((_, old)) => *old = value.clone(),
                    None => all.push((name.to_owned(), value.clone())),
                }
            }
        }
        all
    }

    fn role_meta(&mut self, role: &Path, place: &Place) -> Meta {
        let mut meta = Meta::default();
        let folder = role.join("meta");
        if let Some(file) = named_file(&folder, "argument_specs").filter(|path| path.is_file()) {
            let node = self.read(&file);
            meta.specs = node.and_then(|node| node.get("argument_specs").cloned());
        }
        let has_file = meta.specs.is_some();
        let Some(path) = main_file(&folder).filter(|path| path.is_file()) else { return meta };
        let Some(node) = self.read(&path) else { return meta };
        let entries = match &node.kind {
            Kind::Map(entries) => entries,
            Kind::Null => return meta,
            _ => {
                self.wrong_type("meta/main", "a mapping", &node);
                return meta;
            }
        };
        for (key, value) in entries {
            match self.keyword(key, Level::Meta) {
                Some(Keyword::Dependencies) => {
                    let place = place.in_file(&path).of(Level::Meta);
                    meta.dependencies = self.roles(value, &place);
                }
                Some(Keyword::AllowDuplicates) => {
                    if let Some(value) = self.boolean("allow_duplicates", value) {
                        meta.allow_duplicates = self.truth("allow_duplicates", &value);
                    }
                }
                Some(Keyword::ArgumentSpecs) if !has_file => meta.specs = Some(value.clone()),
                Some(Keyword::Collections) => meta.collections = self.collection_names(value),
                _ => {}
            }
        }
        meta
    }

    /// A boolean that must be known at once.
    pub(super) fn truth(&mut self, keyword: &str, value: &Node) -> bool {
        match &value.kind {
            Kind::Bool(value) => *value,
            Kind::Int(number) => *number == 1,
            Kind::Str(text) if is_template(&text.value) => {
                self.error(&value.span, PlaybookErrorKind::NotStatic("an option of a role"));
                false
            }
            Kind::Str(text) => {
                let word = text.value.trim().to_ascii_lowercase();
                matches!(word.as_str(), "y" | "yes" | "on" | "1" | "true" | "t" | "1.0")
            }
            _ => {
                self.wrong_type(keyword, "a boolean", value);
                false
            }
        }
    }
}

/// The task that checks the arguments of a role before its own tasks.
fn validation(
    spec: &Node,
    entry: &str,
    name: &str,
    path: &Path,
    params: &[(String, Node)],
) -> Task {
    let span = &spec.span;
    let text = |text: &str| Node::text(text, span.clone());
    let map = |entries: Vec<(Node, Node)>| Node { kind: Kind::Map(entries), span: span.clone() };
    let mut title = format!("Validating arguments against arg spec '{entry}'");
    if let Some(short) = spec.get("short_description").and_then(Node::as_str) {
        title = format!("{title} - {short}");
    }
    let mut task = Task::plain(
        &title,
        "ansible.builtin.validate_argument_spec",
        span,
        &path.join("tasks").join("main.yml"),
    );
    let given = params.iter().map(|(name, value)| (text(name), value.clone())).collect();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let context = [
        ("type", "role"),
        ("name", name.rsplit('.').next().unwrap_or(name)),
        ("argument_spec_name", entry),
        ("path", &absolute.to_string_lossy()),
    ];
    let context = context.iter().map(|(key, value)| (text(key), text(value))).collect();
    let options = spec.get("options").filter(|options| !options.is_null());
    task.action.arguments = vec![
        ("argument_spec".to_owned(), options.cloned().unwrap_or_else(|| map(Vec::new()))),
        ("provided_arguments".to_owned(), map(given)),
        ("validate_args_context".to_owned(), map(context)),
    ];
    task.keywords = Arc::new(Keywords { tags: vec!["always".to_owned()], ..Keywords::default() });
    task
}

/// A file with the first suffix that is there; a folder where there is no such file.
fn named_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = |suffix: &&str| folder.join(format!("{name}{suffix}"));
    let file = SUFFIXES.iter().map(path).find(|path| path.is_file());
    file.or_else(|| Some(folder.join(name)).filter(|path| path.is_dir()))
}

/// Whether a file lies somewhere in a folder, links followed.
fn lies_in(file: &Path, folder: &Path) -> bool {
    match (file.canonicalize(), folder.canonicalize()) {
        (Ok(file), Ok(folder)) => file.starts_with(folder),
        _ => false,
    }
}

/// `main` with the first suffix that is there: a file, or for no suffix a folder.
fn main_file(folder: &Path) -> Option<PathBuf> {
    named_file(folder, "main")
}

/// The YAML files below a folder in order of their names, without hidden ones.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if !name.contains('.')
            || SUFFIXES.iter().any(|suffix| !suffix.is_empty() && name.ends_with(suffix))
        {
            files.push(path);
        }
    }
    files
}
