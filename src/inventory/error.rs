//! What is wrong with an inventory.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use super::range::RangeError;
use crate::diagnostics::Explain;
use crate::source::{SourceError, Span};
use crate::template::TemplateError;

/// A problem with an inventory source or a variables file, and its place.
#[derive(Debug, Error)]
#[error("{problem}")]
pub struct InventoryError {
    /// What is wrong.
    #[source]
    pub problem: Problem,
    /// Where, when it lies in a file.
    pub span: Option<Span>,
}

/// What is wrong with an inventory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// A source does not exist.
    #[error("cannot find the inventory `{}`", .0.display())]
    Missing(PathBuf),
    /// A file or folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not UTF-8.
    #[error("this line of the inventory is not UTF-8")]
    NotUtf8,
    /// YAML that does not parse.
    #[error(transparent)]
    Yaml(Box<SourceError>),
    /// `[group:kind]` with an unknown kind.
    #[error("section `[{group}:{kind}]` has the unknown kind `{kind}`")]
    SectionKind {
        /// The group.
        group: String,
        /// What stands behind the colon.
        kind: String,
    },
    /// Something in brackets that is no section.
    #[error("invalid section `{0}`")]
    Section(String),
    /// `[group:vars]` of a group that nothing declares.
    #[error("section `[{0}:vars]` is not valid for the undefined group `{0}`")]
    VarsOfUndefinedGroup(String),
    /// A child that nothing declares.
    #[error("section `[{parent}:children]` includes the undefined group `{child}`")]
    UndefinedChild {
        /// The group with the section.
        parent: String,
        /// The group that is not there.
        child: String,
    },
    /// A line below `[group:children]` that names no group.
    #[error("expected the name of a group, got `{0}`")]
    ExpectedGroup(String),
    /// A word or line that is no assignment.
    #[error("expected `key=value`, got `{0}`")]
    ExpectedAssignment(String),
    /// A quote without its end.
    #[error("this quote is never closed")]
    OpenQuote,
    /// A backslash at the end of a line.
    #[error("nothing follows this backslash")]
    LoneBackslash,
    /// A colon at the end of a host, where a port belongs.
    #[error("a port is missing behind the colon of `{0}`")]
    MissingPort(String),
    /// `---` where a host should be: this is YAML.
    #[error("`---` is no host: this looks like a YAML file")]
    YamlMarker,
    /// A range that cannot be expanded.
    #[error("cannot expand the range in `{pattern}`")]
    Range {
        /// The host with its range.
        pattern: String,
        /// Why.
        source: RangeError,
    },
    /// A host without a name.
    #[error("the name of a host is empty")]
    EmptyHost,
    /// A group without a name.
    #[error("the name of a group is empty")]
    EmptyGroup,
    /// A group that would be its own descendant.
    #[error("adding group `{child}` as a child of `{parent}` creates a recursive dependency loop")]
    Loop {
        /// The group that takes the child.
        parent: String,
        /// The child.
        child: String,
    },
    /// `ansible_group_priority` that is no number.
    #[error("`ansible_group_priority` of group `{group}` must be a whole number, found {found}")]
    Priority {
        /// The group.
        group: String,
        /// What it is.
        found: String,
    },
    /// A YAML inventory that is no mapping of groups.
    #[error("a YAML inventory is a mapping of groups, found {0}")]
    NotGroups(&'static str),
    /// `hosts`, `vars` or `children` of the wrong shape.
    #[error("`{section}` of group `{group}` must be a mapping, found {found}")]
    GroupSection {
        /// `hosts`, `vars` or `children`.
        section: &'static str,
        /// The group.
        group: String,
        /// What it is.
        found: &'static str,
    },
    /// The variables of a host are no mapping.
    #[error("the variables of host `{host}` must be a mapping, found {found}")]
    HostVars {
        /// The host as it stands there.
        host: String,
        /// What it is.
        found: &'static str,
    },
    /// The name of a host is a number or the like.
    #[error("Host pattern {0} must be a string. Enclose integers/floats in quotation marks.")]
    HostNotText(String),
    /// The name of a group, host or variable is no text.
    #[error("the name of a {what} must be text, found {found}")]
    NotText {
        /// `group`, `host` or `variable`.
        what: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A variables file that is no mapping.
    #[error("a file of variables is a mapping, found {0}")]
    VarsShape(&'static str),
    /// A file without content.
    #[error("Parsed empty {0} file")]
    Empty(&'static str),
    /// Groups were looked for where a plugin is configured.
    #[error("Plugin configuration YAML file, not YAML inventory")]
    Configuration,
    /// A configuration was looked for where none is.
    #[error(
        "no root 'plugin' key found, '{}' is not a valid YAML inventory plugin config file",
        .0.display()
    )]
    NoPlugin(PathBuf),
    /// A configuration of a plugin that is not there.
    #[error("inventory config '{}' specifies unknown plugin '{name}'", .path.display())]
    Plugin {
        /// The configuration.
        path: PathBuf,
        /// The plugin that it names.
        name: String,
    },
    /// A configuration that its plugin does not take.
    #[error(
        "inventory source '{}' could not be verified by inventory plugin '{name}'",
        .path.display()
    )]
    NotVerified {
        /// The configuration.
        path: PathBuf,
        /// The plugin that it names.
        name: String,
    },
    /// A configuration without content.
    #[error("{} is empty", .0.display())]
    EmptyConfiguration(PathBuf),
    /// A configuration of another plugin.
    #[error("Incorrect plugin name in file: {0}")]
    WrongPlugin(String),
    /// An option of a plugin.
    #[error("{0}")]
    Option(String),
    /// An expression of a plugin.
    #[error(transparent)]
    Template(Box<TemplateError>),
    /// What could not be done, and why.
    #[error("{0}")]
    Because(String, #[source] Box<InventoryError>),
    /// Constructed variables or groups.
    #[error("Failed to parse '{}'", .0.display())]
    Constructed(PathBuf, #[source] Box<InventoryError>),
    /// A variables file that an expression needs.
    #[error(transparent)]
    VarsFile(Arc<InventoryError>),
    /// A group of `generator` without a name.
    #[error("Element {0} has a parent with no name.")]
    UnnamedParent(String),
    /// TOML that does not parse.
    #[error("TOML file is invalid: {0}")]
    Toml(String),
    /// A section of a group in TOML.
    #[error(
        "Invalid \"{section}\" entry for \"{group}\" group, requires a {wanted}, found \"{found}\" \
         instead."
    )]
    TomlSection {
        /// `hosts`, `vars` or `children`.
        section: String,
        /// The group.
        group: String,
        /// What it should be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A program that fails, or whose answer is no inventory.
    #[error("{message}")]
    ScriptFailed {
        /// What is wrong.
        message: String,
        /// What it said on standard error.
        errors: String,
    },
    /// A part of a program's answer.
    #[error("Value contains '{place}' which is '{found}' instead of '{wanted}'.")]
    ScriptType {
        /// The part.
        place: String,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A name in a program's answer that is no text.
    #[error("Invalid {0} name supplied, expected a string but got {1}")]
    ScriptName(&'static str, String),
    /// The variables of a host in a program's answer.
    #[error("Invalid data from file, expected dictionary and got:\n\n{0}")]
    ScriptHostVars(String),
    /// A source that no plugin can read.
    #[error("Completely failed to parse inventory source {0}")]
    Unread(String),
    /// No source could be read.
    #[error("No inventory was parsed, please check your configuration and options.")]
    NothingRead,
}

impl InventoryError {
    /// Whether it is about a source as a whole that no plugin read.
    pub(crate) fn is_unread(&self) -> bool {
        matches!(self.problem, Problem::Unread(_) | Problem::NothingRead)
    }
}

impl Problem {
    /// This problem at a place.
    pub(super) fn at(self, span: Span) -> InventoryError {
        InventoryError { problem: self, span: Some(span) }
    }
}

impl InventoryError {
    /// The place, to be changed.
    pub(super) fn place(&mut self) -> Option<&mut Span> {
        match &mut self.problem {
            Problem::Yaml(error) => error.place(),
            _ => self.span.as_mut(),
        }
    }
}

impl From<Problem> for InventoryError {
    fn from(problem: Problem) -> Self {
        Self { problem, span: None }
    }
}

impl Explain for InventoryError {
    fn span(&self) -> Option<&Span> {
        match &self.problem {
            Problem::Yaml(error) => error.span(),
            _ => self.span.as_ref(),
        }
    }

    fn label(&self) -> Option<String> {
        match &self.problem {
            Problem::Yaml(error) => error.label(),
            Problem::Range { source, .. } => Some(source.to_string()),
            Problem::OpenQuote => Some("opened here".into()),
            _ => None,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match &self.problem {
            Problem::Yaml(error) => return error.hints(),
            Problem::Missing(path) => format!(
                "a list of hosts has a comma in it: `-i {},`",
                path.file_name().unwrap_or_default().display()
            ),
            Problem::NotUtf8 => "save the file as UTF-8".into(),
            Problem::SectionKind { .. } => {
                "after the colon of a section stands `vars`, `children` or `hosts`".into()
            }
            Problem::Section(_) => "a section is `[group]`, `[group:vars]` or `[group:children]`, \
                                    without spaces"
                .into(),
            Problem::VarsOfUndefinedGroup(group) => {
                format!("declare the group with `[{group}]` or `[{group}:children]`")
            }
            Problem::UndefinedChild { child, .. } => {
                format!("declare it with `[{child}]`, even if it has no hosts")
            }
            Problem::ExpectedGroup(_) => {
                "below `[group:children]` stands one group a line; hosts stand below `[group]`"
                    .into()
            }
            Problem::ExpectedAssignment(_) => {
                "put quotes around values with spaces: `key=\"two words\"`".into()
            }
            Problem::OpenQuote => "close the quote, or put a backslash before it".into(),
            Problem::LoneBackslash => "write two backslashes for one".into(),
            Problem::MissingPort(_) => "write `host:22`, or leave the colon out".into(),
            Problem::YamlMarker => "name YAML inventories `.yml` or `.yaml`".into(),
            Problem::NotGroups(_) | Problem::GroupSection { .. } => {
                "a group is a mapping of `hosts:`, `children:` and `vars:`, and each of these is \
                 a mapping too: `hosts: {web1: {}}`"
                    .into()
            }
            Problem::NotText { .. } => "put quotes around it".into(),
            Problem::Plugin { .. } => {
                "write its answer to a file: `ansible-inventory -i FILE --list --yaml`".into()
            }
            Problem::ScriptFailed { errors, .. } if !errors.trim().is_empty() => {
                format!("Standard error from inventory script:\n{errors}")
            }
            _ => return Vec::new(),
        };
        vec![hint]
    }
}
