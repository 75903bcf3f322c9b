//! What is wrong with a playbook.

use std::fmt;
use std::path::PathBuf;

use canvass_modules::params::ParamError;

use super::keywords::Level;
use crate::diagnostics::Explain;
use crate::source::{SourceError, Span};

/// Something wrong in a playbook, a role or a file that they name, with its place.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct PlaybookError {
    /// What is wrong.
    #[source]
    pub kind: PlaybookErrorKind,
    /// Where.
    pub span: Option<Span>,
}

/// What is wrong with a playbook.
#[derive(Debug, thiserror::Error)]
pub enum PlaybookErrorKind {
    /// A file cannot be read or is no YAML.
    #[error(transparent)]
    Source(#[from] Box<SourceError>),
    /// A file that is named is not there.
    #[error("could not find the {what} `{name}`")]
    FileNotFound {
        /// What it would be: `task file` …
        what: &'static str,
        /// Its name as written.
        name: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A file of a role that lies elsewhere.
    #[error(
        "Failed loading '{}' for role ({role}) as it is not inside the expected role path: '{}'",
        .file.display(), .folder.display()
    )]
    OutsideRole {
        /// The file.
        file: PathBuf,
        /// The role.
        role: String,
        /// Where such files of the role lie.
        folder: PathBuf,
    },
    /// A playbook without plays.
    #[error("A playbook must contain at least one play")]
    EmptyPlaybook,
    /// A play without hosts.
    #[error("the field 'hosts' is required but was not set")]
    NoHosts,
    /// A play whose hosts are nothing.
    #[error("Hosts list cannot be empty. Please check your playbook")]
    EmptyHosts,
    /// Something where a list of tasks must stand.
    #[error(
        "A malformed block was encountered while loading {what}: {found} should be a list or None"
    )]
    NoTaskList {
        /// The keyword.
        what: String,
        /// What stands there.
        found: String,
    },
    /// Something where a list of roles must stand.
    #[error("A malformed role declaration was encountered.")]
    NoRoleList,
    /// A role with a comma in its name, which was a form of its own once.
    #[error("Invalid old style role requirement: {0}")]
    OldStyleRole(String),
    /// `user` and `remote_user`.
    #[error("both 'user' and 'remote_user' are set for this play.")]
    TwoUsers,
    /// A value of another type.
    #[error("{what} must be {wanted}, not {found}")]
    WrongType {
        /// The keyword or thing, in backticks where it is a word of the user.
        what: String,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A word that is not one of those accepted.
    #[error("`{value}` is not a value of `{keyword}`")]
    Choice {
        /// The keyword.
        keyword: &'static str,
        /// What was given.
        value: String,
        /// What is accepted.
        choices: &'static [&'static str],
    },
    /// A key that is no keyword.
    #[error("'{name}' is not a valid attribute for a {}", level.class())]
    UnknownKeyword {
        /// The key.
        name: String,
        /// Where it stands.
        level: Level,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A keyword that stands where it does not belong.
    #[error("'{name}' is not a valid attribute for a {}", level.class())]
    Misplaced {
        /// The keyword.
        name: &'static str,
        /// Where it stands.
        level: Level,
        /// Where it belongs.
        levels: &'static [Level],
    },
    /// Something that Ansible has and canvass has not yet.
    #[error("{0} not supported yet")]
    Unsupported(Unsupported),
    /// Two actions in one task.
    #[error("conflicting action statements: {first}, {second}")]
    ConflictingActions {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// What was probably meant, where one of them is no module.
        suggestion: Option<String>,
    },
    /// A task that does nothing.
    #[error("no module/action detected in task")]
    NoAction,
    /// A module that does not exist.
    #[error("couldn't resolve module/action '{name}'")]
    UnknownModule {
        /// The name as written.
        name: String,
        /// What was probably meant.
        suggestion: Option<String>,
        /// What lies where the user's own modules do, and cannot run.
        found: Option<String>,
    },
    /// An argument whose name belongs to the language.
    #[error(
        "Invalid parameter specified beginning with keyword '_ansible_' for action '{action}': \
         '{name}'. The prefix '_ansible_' is reserved for internal use only."
    )]
    ReservedArgument {
        /// The argument.
        name: String,
        /// The module as written.
        action: String,
    },
    /// A wrong argument.
    #[error("{0}")]
    Argument(ParamError),
    /// Free-form text for a module that takes none.
    #[error("module `{module}` does not take free-form text: `{text}`")]
    FreeForm {
        /// The module.
        module: String,
        /// The text.
        text: String,
    },
    /// `key=value` text with an open quote or template.
    #[error("failed at splitting arguments, either an unbalanced jinja2 block or quotes")]
    Unbalanced,
    /// A second loop.
    #[error("duplicate loop in task: {0}")]
    DuplicateLoop(String),
    /// `with_x` without a value.
    #[error("`{0}` needs a value")]
    NoLoopValue(String),
    /// A static import in a loop.
    #[error("You cannot use loops on '{0}' statements")]
    ImportLoop(&'static str),
    /// An import without a file.
    #[error("no file specified for {0}")]
    NoImportFile(&'static str),
    /// A name that is no variable name.
    #[error("Invalid variable name '{0}'")]
    VariableName(String),
    /// A name that no result can be registered by.
    #[error("Invalid 'register' specified: Invalid variable name '{0}'.")]
    RegisterName(String),
    /// Something that must be known before hosts are, but is a template.
    #[error("{0} must not be a template")]
    NotStatic(&'static str),
    /// A template that must be known before hosts are, and cannot be rendered then.
    #[error("{what} cannot be rendered before hosts are known: {reason}")]
    StaticName {
        /// What it names.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A block among handlers.
    #[error("Using a block as a handler is not supported.")]
    HandlerBlock,
    /// `rescue` or `always` without `block`.
    #[error("`{0}` cannot be used without `block`")]
    NoBlock(&'static str),
    /// A role that is not there.
    #[error("the role '{name}' was not found in {}", Paths(.searched))]
    RoleNotFound {
        /// Its name.
        name: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A key of `vars_prompt` that is none.
    #[error("Invalid vars_prompt data structure, found unsupported key '{0}'")]
    PromptKey(String),
    /// A prompt without a variable.
    #[error("Invalid vars_prompt data structure, missing 'name' key")]
    NoPromptName,
    /// A role entry without a name.
    #[error("role definitions must contain a role name")]
    NoRoleName,
    /// A handler that is a role.
    #[error("Using '{0}' as a handler is not supported.")]
    RoleAsHandler(String),
    /// A group of modules that is not there.
    #[error("Error loading module_defaults: could not resolve the module_defaults group {0}")]
    ActionGroup(String),
    /// Roles that depend on each other, or files that import each other.
    #[error("{what} recursion: {}", .chain.join(" -> "))]
    Cycle {
        /// `role`, `task file` or `playbook`.
        what: &'static str,
        /// The names, the first again at the end.
        chain: Vec<String>,
    },
    /// An argument that an import does not know.
    #[error("invalid options for {action}: {option}")]
    ImportOption {
        /// The action.
        action: &'static str,
        /// The option.
        option: String,
    },
    /// A list of mappings as `vars`.
    #[error("`vars` must be a mapping; a list of mappings was removed from Ansible")]
    VarsList,
}

/// What Ansible has and canvass has not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupported {
    /// A keyword at a level.
    Keyword(&'static str, Level),
    /// A module of `ansible.builtin`.
    Module(String),
}

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyword(name, level) => write!(formatter, "`{name}` in {level} is"),
            Self::Module(name) => write!(formatter, "module `{name}` is"),
        }
    }
}

struct Paths<'a>(&'a [PathBuf]);

impl fmt::Display for Paths<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.0.iter().map(|path| path.display().to_string()).collect();
        formatter.write_str(&paths.join(":"))
    }
}

impl PlaybookError {
    /// An error at a place.
    pub(super) fn at(span: &Span, kind: PlaybookErrorKind) -> Self {
        Self { kind, span: Some(span.clone()) }
    }
}

impl From<SourceError> for PlaybookError {
    fn from(error: SourceError) -> Self {
        Self { span: error.span().cloned(), kind: PlaybookErrorKind::Source(Box::new(error)) }
    }
}

impl Explain for PlaybookError {
    fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }

    fn label(&self) -> Option<String> {
        match &self.kind {
            PlaybookErrorKind::WrongType { found, .. } => Some(format!("this is {found}")),
            PlaybookErrorKind::ConflictingActions { suggestion: None, .. } => {
                Some("the second action".to_owned())
            }
            _ => None,
        }
    }

    fn hints(&self) -> Vec<String> {
        use PlaybookErrorKind as Kind;
        match &self.kind {
            Kind::Source(error) => error.hints(),
            Kind::FileNotFound { searched, .. } => {
                vec![format!("looked for {}", Paths(searched).to_string().replace(':', ", "))]
            }
            Kind::EmptyPlaybook => vec!["a playbook is a list of plays: `- hosts: all`".to_owned()],
            Kind::NoHosts | Kind::EmptyHosts => vec!["say where the play runs: `hosts: all`".to_owned()],
            Kind::Choice { choices, .. } => vec![format!("use one of {}", choices.join(", "))],
            Kind::ConflictingActions { suggestion, .. } => {
                suggestion.iter().map(|near| format!("did you mean `{near}`?")).collect()
            }
            Kind::UnknownKeyword { name, suggestion, .. } => match (name.as_str(), suggestion) {
                (_, Some(suggestion)) => vec![format!("did you mean `{suggestion}`?")],
                ("static", _) => vec![
                    "`static` was removed from Ansible: use `import_tasks` or `include_tasks`"
                        .to_owned(),
                ],
                ("sudo" | "sudo_user" | "su" | "su_user", _) => {
                    vec!["use `become` and `become_user`".to_owned()]
                }
                _ => Vec::new(),
            },
            Kind::Misplaced { levels, .. } if !levels.is_empty() => {
                let names: Vec<_> = levels.iter().map(|level| level.name()).collect();
                vec![format!("it belongs in {}", names.join(", "))]
            }
            Kind::NoAction => vec!["add the module that the task shall run".to_owned()],
            Kind::UnknownModule { found: Some(found), .. } => vec![
                format!("{found}; of the user's own modules those run that are programs"),
            ],
            Kind::UnknownModule { name, suggestion, found: None } => {
                unknown_module(name, suggestion.as_deref())
            }
            Kind::Argument(error) => error.hint().into_iter().collect(),
            Kind::FreeForm { .. } => {
                vec!["give arguments as a mapping, or as `key=value`".to_owned()]
            }
            Kind::Unbalanced => vec!["close every quote, `{{` and `{%`".to_owned()],
            Kind::VariableName(_) | Kind::RegisterName(_) => vec![
                "a name has letters, digits and underscores, does not begin with a digit and is no word of templates (`true`, `none`, `not`)"
                    .to_owned(),
            ],
            Kind::ImportLoop(import) => {
                let include = import.replace("import", "include");
                vec![format!("You should use '{include}' instead.")]
            }
            Kind::StaticName { .. } => vec![
                "only variables that are known before hosts are can be used here: of the command \
                 line, of the play, of the role and of the blocks around it"
                    .to_owned(),
                "`include_tasks` and `include_role` read theirs while the play runs".to_owned(),
            ],
            Kind::ActionGroup(_) => vec![
                "groups stand under `action_groups` in `meta/runtime.yml` of a collection"
                    .to_owned(),
            ],
            Kind::NoRoleName => vec!["write `- role: NAME`".to_owned()],
            Kind::RoleNotFound { name, .. } if name.matches('.').count() == 2 => {
                vec!["collections lie in `ansible_collections` of a folder of the collections path, \
                      or in `collections/` beside the playbook".to_owned()]
            }
            Kind::Cycle { .. } => vec!["take one of them out of the circle".to_owned()],
            _ => Vec::new(),
        }
    }
}

fn unknown_module(name: &str, suggestion: Option<&str>) -> Vec<String> {
    match (name, suggestion) {
        (_, Some(suggestion)) => vec![format!("did you mean `{suggestion}`?")],
        ("include" | "ansible.builtin.include", _) => vec![
            "`include` was removed from Ansible: use `import_tasks` or `include_tasks`".to_owned(),
        ],
        (name, _) if name.contains('.') => {
            vec!["it is not built in; `canvass doc --list` names the modules that are".to_owned()]
        }
        _ => vec![
            "this often is a misspelling, or a module that is not built in; `canvass doc --list` \
             names those that are"
                .to_owned(),
        ],
    }
}
