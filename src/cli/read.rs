//! Reading playbooks: with which roles, names and remarks.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::playbook::{self, Includes, Loaded, Playbook, PlaybookError, SearchPaths};
use crate::run::{AdmittedModules, KnownNames, ModuleTable, RunSettings};
use crate::source::SourceFile;
use crate::template::Templar;

use super::CommandError;

/// What playbooks are read with.
pub(super) struct Reader {
    pub search: SearchPaths,
    pub names: KnownNames,
    /// Which modules there are, and when their parameters are looked at.
    pub modules: ModuleTable,
    /// Modules that the user has forbidden.
    pub rejected: Arc<BTreeSet<String>>,
    /// Who hears of what is worth knowing.
    pub tell: fn(&Diagnostic),
}

impl Reader {
    /// For a run with these settings.
    pub(super) fn new(
        search: SearchPaths,
        templar: &Arc<Templar>,
        settings: &RunSettings,
        tell: fn(&Diagnostic),
    ) -> Self {
        let names = KnownNames {
            templar: Arc::clone(templar),
            extra_vars: Arc::new(settings.extra_vars.clone()),
        };
        let rejected = Arc::clone(&settings.rejected_modules);
        Self { search, names, modules: ModuleTable::Early, rejected, tell }
    }

    /// Leaves what is wrong with a task to its run, as Ansible does.
    pub(super) fn late(self) -> Self {
        Self { modules: ModuleTable::Late, ..self }
    }

    /// Reads playbooks, in order.
    pub(super) fn playbooks(&self, paths: &[PathBuf]) -> Result<Vec<Playbook>, CommandError> {
        let modules = self.admitted();
        let read = |path: &PathBuf| playbook::load(path, &modules, &self.search, &self.names);
        self.all(paths.iter().map(read))
    }

    /// Reads a playbook whose text is at hand.
    pub(super) fn given(&self, file: &Arc<SourceFile>) -> Result<Vec<Playbook>, CommandError> {
        let loaded = playbook::load_given(file, &self.admitted(), &self.search, &self.names);
        self.all(std::iter::once(loaded))
    }

    fn admitted(&self) -> AdmittedModules {
        AdmittedModules { table: self.modules, rejected: Arc::clone(&self.rejected) }
    }

    fn all(
        &self,
        read: impl Iterator<Item = Result<Loaded, Vec<PlaybookError>>>,
    ) -> Result<Vec<Playbook>, CommandError> {
        let mut playbooks = Vec::new();
        let mut problems = Vec::new();
        for loaded in read {
            match loaded {
                Ok(loaded) => {
                    loaded.warnings.iter().for_each(self.tell);
                    playbooks.push(loaded.playbook);
                }
                Err(errors) => problems.extend(errors),
            }
        }
        if problems.is_empty() { Ok(playbooks) } else { Err(CommandError::parse_all(&problems)) }
    }

    /// Reads what tasks include while the run goes on.
    pub(super) fn includes(&self) -> Arc<Includes> {
        Arc::new(Includes::new(self.admitted(), self.names.clone(), self.search.clone()))
    }
}
