//! What a module says of its options.

use serde_json::Value as Json;

use super::Expected;

/// An option of a module.
#[derive(Debug, Clone)]
pub struct OptionSpec {
    /// Its name.
    pub name: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: OptionKind,
    /// The accepted words, where there are only some.
    pub choices: &'static [&'static str],
    /// Whether it must be given.
    pub required: bool,
    /// Its default as text.
    pub default: Option<String>,
    /// Whether its value is masked wherever it would show.
    pub secret: bool,
    /// What it means.
    pub doc: &'static str,
    /// Whether a value is acceptable.
    pub check: fn(&Json) -> Result<(), Expected>,
}

impl OptionSpec {
    /// Whether this is its name or one of its aliases.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// The type of an option, by Ansible's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// `str`
    Str,
    /// `path`
    Path,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `list`
    List,
    /// `dict`
    Dict,
    /// `raw`
    Raw,
}

impl OptionKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Path => "path",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::List => "list",
            Self::Dict => "dict",
            Self::Raw => "raw",
        }
    }
}

/// A condition between options.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// At most one of these.
    MutuallyExclusive(&'static [&'static str]),
    /// At least one of these.
    RequiredOneOf(&'static [&'static str]),
    /// All of these or none.
    RequiredTogether(&'static [&'static str]),
    /// When the option has the value, all of the needed.
    RequiredIf(&'static str, &'static str, &'static [&'static str]),
    /// When the option is given, all of the needed.
    RequiredBy(&'static str, &'static [&'static str]),
}
