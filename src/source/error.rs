//! What is wrong with a file as such.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::Span;
use crate::diagnostics::Explain;
use crate::vault::VaultError;

/// Why a file did not become nodes.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It could not be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its bytes are not UTF-8.
    #[error("`{}` is not UTF-8 text", .span.file.path.display())]
    Encoding {
        /// The first byte that is not.
        span: Span,
    },
    /// The whole file is encrypted, and nothing opens it.
    #[error("{error}")]
    Vault {
        /// Why.
        #[source]
        error: VaultError,
        /// Its first line.
        span: Span,
    },
    /// It is not YAML as Ansible reads it.
    #[error(transparent)]
    Yaml(#[from] Box<YamlError>),
}

/// A place where a file is not YAML as Ansible reads it.
#[derive(Debug, thiserror::Error)]
#[error("YAML parsing failed: {}", sentence(problem))]
pub struct YamlError {
    /// What is wrong.
    pub problem: Problem,
    /// Where.
    pub span: Span,
    /// What to try.
    pub hints: Vec<String>,
}

/// As Ansible puts what its parser says: with a capital letter and a full stop.
fn sentence(problem: &Problem) -> String {
    let text = problem.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{}{}{end}", first.map(String::from).unwrap_or_default(), letters.as_str())
}

/// What is wrong with YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The grammar does not allow it; the parser's words, and what it was doing.
    Syntax(&'static str, Option<&'static str>),
    /// A character that YAML does not allow.
    Character(char),
    /// A second document in the file.
    Documents,
    /// Deeper than the limit.
    Depth(usize),
    /// Aliases unfold to more nodes than the limit.
    Aliases(usize),
    /// An alias inside its own anchor.
    Recursive(String),
    /// An alias without anchor.
    UndefinedAlias(String),
    /// An anchor given twice.
    DuplicateAnchor(String),
    /// A tag that nothing is known of.
    UnknownTag(String),
    /// A key given twice, where that is an error.
    DuplicateKey(String),
    /// A tag on a node of a kind that it does not fit.
    MisplacedTag(String),
    /// A value that is not of the type that its tag or form says.
    Scalar {
        /// The text.
        text: String,
        /// The type.
        wanted: &'static str,
    },
    /// A whole number that is too large.
    TooLarge(String),
    /// A list or a mapping as a key.
    UnhashableKey,
    /// `<<` with something that cannot be merged.
    Merge(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(problem, None) => formatter.write_str(problem),
            Self::Syntax(problem, Some(context)) => write!(formatter, "{context} {problem}"),
            Self::Character(character) => {
                write!(formatter, "character U+{:04X} is not allowed", u32::from(*character))
            }
            Self::Documents => {
                formatter.write_str("expected a single document but found another document")
            }
            Self::Depth(limit) => write!(formatter, "nested more than {limit} levels deep"),
            Self::Aliases(limit) => write!(formatter, "aliases unfold to more than {limit} values"),
            Self::Recursive(name) => write!(formatter, "alias `*{name}` stands inside its anchor"),
            Self::UndefinedAlias(name) => write!(formatter, "found undefined alias `*{name}`"),
            Self::DuplicateAnchor(name) => write!(formatter, "found duplicate anchor `&{name}`"),
            Self::UnknownTag(tag) => {
                write!(formatter, "could not determine a constructor for the tag `{tag}`")
            }
            Self::DuplicateKey(words) => formatter.write_str(words),
            Self::MisplacedTag(tag) => write!(formatter, "tag `{tag}` does not fit this value"),
            Self::Scalar { text, wanted } => write!(formatter, "`{text}` is not {wanted}"),
            Self::TooLarge(text) => write!(formatter, "the whole number `{text}` is too large"),
            Self::UnhashableKey => formatter.write_str("a list or a mapping cannot be a key"),
            Self::Merge(found) => {
                write!(formatter, "`<<` takes a mapping or a list of mappings, not {found}")
            }
        }
    }
}

impl SourceError {
    /// The place, to be changed.
    pub(crate) fn place(&mut self) -> Option<&mut Span> {
        match self {
            Self::Read { .. } => None,
            Self::Encoding { span } | Self::Vault { span, .. } => Some(span),
            Self::Yaml(error) => Some(&mut error.span),
        }
    }
}

impl Explain for SourceError {
    fn span(&self) -> Option<&Span> {
        match self {
            Self::Read { .. } => None,
            Self::Encoding { span } | Self::Vault { span, .. } => Some(span),
            Self::Yaml(error) => Some(&error.span),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read { .. } => Vec::new(),
            Self::Encoding { .. } => vec!["save the file as UTF-8".to_owned()],
            Self::Vault { error: VaultError::NoSecrets, .. } => {
                vec![
                    "give the password with `--vault-password-file FILE`, `--vault-id ID@SOURCE` \
                      or `--ask-vault-password`"
                        .to_owned(),
                ]
            }
            Self::Vault { .. } => Vec::new(),
            Self::Yaml(error) => error.hints.clone(),
        }
    }
}
