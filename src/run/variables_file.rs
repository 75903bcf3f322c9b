//! Files of variables that a run reads: `vars_files` and `include_vars`.

use std::path::Path;

use crate::diagnostics::Explain;
use crate::playbook::reserved::is_reserved;
use crate::source::{Node, Place, SourceError, SourceFile, Span, yaml};
use crate::vars::{Layer, Var};

/// A file that holds no variables.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VariablesFileError {
    /// It cannot be read, or is not YAML.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It holds something else.
    #[error("{path} must be stored as a dictionary/hash, not {found}")]
    NoMapping {
        /// The file.
        path: String,
        /// What it holds.
        found: &'static str,
        /// Where it begins.
        span: Span,
    },
}

impl Explain for VariablesFileError {
    fn span(&self) -> Option<&Span> {
        match self {
            Self::Source(error) => error.span(),
            Self::NoMapping { span, .. } => Some(span),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Source(error) => error.hints(),
            Self::NoMapping { .. } => Vec::new(),
        }
    }
}

/// The variables of a YAML or JSON file.
#[derive(Debug, Default)]
pub(crate) struct VariablesFile {
    /// The variables.
    pub variables: Layer,
    /// Whether the file was encrypted.
    pub encrypted: bool,
    /// Where those with reserved names stand.
    pub reserved: Vec<(String, Place)>,
}

impl VariablesFile {
    /// Reads a file that holds one mapping.
    ///
    /// # Errors
    ///
    /// [`VariablesFileError`]
    pub(crate) fn read(path: &Path) -> Result<Self, VariablesFileError> {
        Self::of(path, |node| vec![node])
    }

    /// Reads a file that holds one mapping, or a list of which later ones win.
    ///
    /// # Errors
    ///
    /// [`VariablesFileError`]
    pub(crate) fn read_listed(path: &Path) -> Result<Self, VariablesFileError> {
        Self::of(path, |node| match node.as_seq() {
            Some(listed) => listed.iter().collect(),
            None => vec![node],
        })
    }

    fn of(path: &Path, parts: fn(&Node) -> Vec<&Node>) -> Result<Self, VariablesFileError> {
        let file = SourceFile::read(path)?;
        let loaded = yaml::load(&file)?;
        let encrypted = loaded.encrypted;
        let Some(node) = loaded.into_variables() else {
            return Ok(Self { encrypted, ..Self::default() });
        };
        let mut entries: Vec<&(Node, Node)> = Vec::new();
        for part in parts(&node) {
            entries.extend(part.as_map().ok_or_else(|| VariablesFileError::NoMapping {
                path: path.display().to_string(),
                found: part.describe(),
                span: part.span.clone(),
            })?);
        }
        let name = |(name, _): &&(Node, Node)| {
            let text = name.as_str().filter(|text| is_reserved(text))?;
            Some((text.to_owned(), name.span.place()))
        };
        Ok(Self {
            encrypted,
            reserved: entries.iter().copied().filter_map(|entry| name(&entry)).collect(),
            variables: entries
                .iter()
                .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), Var::from(value))))
                .collect(),
        })
    }
}
