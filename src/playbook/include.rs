//! What tasks include while a play runs: files of tasks and roles, each read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::PlaybookError;
use super::imports::task_files;
use super::keywords::Level;
use super::load::SearchPaths;
use super::model::{Entry, Role, RoleFiles};
use super::modules::Modules;
use super::parser::{Parser, Place, StaticNames};
use super::role::RoleUse;
use crate::diagnostics::Diagnostic;
use crate::source::{Node, Span};

/// Where a task that includes stands.
#[derive(Debug, Clone)]
pub struct IncludeSite {
    /// Its file.
    pub file: PathBuf,
    /// The folder of the playbook.
    pub playbook: PathBuf,
    /// The folder of its role.
    pub role: Option<PathBuf>,
    /// Whether it is a handler.
    pub is_handler: bool,
    /// The number of its play: what templates in names and tags give may differ between plays.
    pub play: usize,
    /// Variables of the play.
    pub around: Vec<(String, Node)>,
    /// The include.
    pub span: Span,
}

/// A file of tasks.
#[derive(Debug)]
pub struct TaskFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its tasks.
    pub entries: Vec<Entry>,
}

/// A role as a task includes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleInclude {
    /// Its name.
    pub name: String,
    /// The files that are read in place of `main`.
    pub files: RoleFiles,
    /// Whether the whole play sees its variables.
    pub public: bool,
    /// Whether it runs again where it has run.
    pub allow_duplicates: bool,
    /// Whether its arguments are checked by its argument specification.
    pub validate: bool,
}

/// Why something cannot be included.
#[derive(Debug, thiserror::Error)]
pub enum IncludeError {
    /// There is no such file.
    #[error("Could not find or access '{}' on the Ansible Controller.", .path.display())]
    Missing {
        /// The place that was looked at first.
        path: PathBuf,
    },
    /// There is no such role, or a file of it is missing.
    #[error("{0}")]
    NoRole(Box<PlaybookError>),
    /// What is there is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<PlaybookError>),
}

/// Reads what is included; what was read is kept.
pub struct Includes {
    modules: Box<dyn Modules + Send + Sync>,
    names: Box<dyn StaticNames + Send + Sync>,
    search: SearchPaths,
    files: Mutex<HashMap<FileKey, Arc<TaskFile>>>,
    roles: Mutex<HashMap<RoleKey, Arc<Role>>>,
}

type FileKey = (PathBuf, Option<PathBuf>, bool, usize);
type RoleKey = (RoleInclude, PathBuf, Option<PathBuf>, usize);

/// What was read, and what is worth knowing of it the first time.
type Read<T> = (Arc<T>, Vec<Diagnostic>);

impl Includes {
    /// Reads with these modules, names and search paths.
    pub fn new(
        modules: impl Modules + Send + Sync + 'static,
        names: impl StaticNames + Send + Sync + 'static,
        search: SearchPaths,
    ) -> Self {
        Self {
            modules: Box::new(modules),
            names: Box::new(names),
            search,
            files: Mutex::default(),
            roles: Mutex::default(),
        }
    }

    /// The tasks of a file.
    ///
    /// # Errors
    ///
    /// It is not there, or not a list of tasks that can run.
    pub fn tasks(&self, written: &str, site: &IncludeSite) -> Result<Read<TaskFile>, IncludeError> {
        let path = found(written, site)?;
        let key = (path.clone(), site.role.clone(), site.is_handler, site.play);
        if let Some(known) = lock(&self.files).get(&key) {
            return Ok((Arc::clone(known), Vec::new()));
        }
        let (file, warnings) = self.task_file(path, site)?;
        let file = Arc::new(file);
        // another host may have read it meanwhile: all take what came first
        let kept = Arc::clone(lock(&self.files).entry(key).or_insert(file));
        Ok((kept, warnings))
    }

    /// A role.
    ///
    /// # Errors
    ///
    /// It is not there, or something in it is wrong.
    pub fn role(&self, role: &RoleInclude, site: &IncludeSite) -> Result<Read<Role>, IncludeError> {
        let key = (role.clone(), site.playbook.clone(), site.role.clone(), site.play);
        if let Some(known) = lock(&self.roles).get(&key) {
            return Ok((Arc::clone(known), Vec::new()));
        }
        let (read, warnings) = self.read_role(role, site).map_err(missing)?;
        let kept = Arc::clone(lock(&self.roles).entry(key).or_insert(read));
        Ok((kept, warnings))
    }

    /// The tasks of a file as they are by now. Nothing of it is kept or told: the play may write
    /// the file anew before it includes it.
    ///
    /// # Errors
    ///
    /// As [`Self::tasks`].
    pub fn tasks_so_far(
        &self,
        written: &str,
        site: &IncludeSite,
    ) -> Result<TaskFile, IncludeError> {
        self.task_file(found(written, site)?, site).map(|(file, _)| file)
    }

    /// A role as it is by now, in the same way.
    ///
    /// # Errors
    ///
    /// As [`Self::role`].
    pub fn role_so_far(
        &self,
        role: &RoleInclude,
        site: &IncludeSite,
    ) -> Result<Arc<Role>, IncludeError> {
        self.read_role(role, site).map(|(role, _)| role)
    }

    fn task_file(
        &self,
        path: PathBuf,
        site: &IncludeSite,
    ) -> Result<(TaskFile, Vec<Diagnostic>), IncludeError> {
        let place = site.place().in_file(&path);
        let (entries, warnings) =
            self.parse(site, |parser| Some(parser.task_file(&path, &place)))?;
        Ok((TaskFile { path: absolute(&path), entries }, warnings))
    }

    fn read_role(
        &self,
        role: &RoleInclude,
        site: &IncludeSite,
    ) -> Result<Read<Role>, IncludeError> {
        let used = RoleUse {
            name: role.name.clone(),
            files: role.files.clone(),
            public: role.public,
            allow_duplicates: Some(role.allow_duplicates),
            validate: role.validate,
            ..RoleUse::default()
        };
        let place = site.place();
        self.parse(site, |parser| parser.role_at(used, &place, &site.span))
    }

    fn parse<T>(
        &self,
        site: &IncludeSite,
        read: impl FnOnce(&mut Parser<'_>) -> Option<T>,
    ) -> Result<(T, Vec<Diagnostic>), IncludeError> {
        let mut parser = Parser::new(&*self.modules, &self.search, &*self.names);
        // a block around the include may have them
        parser.has_defaults = true;
        parser.scopes.push(site.around.clone());
        parser.plugins_of(&site.place());
        match read(&mut parser) {
            Some(read) if parser.errors.is_empty() => Ok((read, parser.warnings)),
            _ => Err(IncludeError::Wrong(parser.errors)),
        }
    }
}

impl IncludeSite {
    fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            playbook: self.playbook.clone(),
            role: self.role.clone(),
            level: if self.is_handler { Level::Handler } else { Level::Task },
        }
    }
}

/// Where the file is that a task at this place names.
fn found(written: &str, site: &IncludeSite) -> Result<PathBuf, IncludeError> {
    let searched = task_files(written, &site.place());
    searched.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let first = searched.into_iter().next().unwrap_or_else(|| PathBuf::from(written));
        IncludeError::Missing { path: absolute(&first) }
    })
}

/// A role that is not there fails the task; one that is wrong ends the run.
fn missing(error: IncludeError) -> IncludeError {
    use super::error::PlaybookErrorKind::{FileNotFound, RoleNotFound};
    match error {
        IncludeError::Wrong(mut errors)
            if errors
                .iter()
                .any(|error| matches!(error.kind, RoleNotFound { .. } | FileNotFound { .. })) =>
        {
            IncludeError::NoRole(Box::new(errors.swap_remove(0)))
        }
        other => other,
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
