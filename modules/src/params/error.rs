//! What can be wrong with arguments, and the words for it.

use serde_json::Value as Json;

use super::{OptionKind, plain, python_type};

/// What was expected of a value, and why it is not that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Another type.
    Type(OptionKind, String),
    /// Another type of an element that is of this one.
    Element(&'static str, OptionKind, String),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of these words; what is none of them.
    Choices(&'static [&'static str], String),
    /// Something else, in words.
    Form(String),
    /// Something else, in the words of Ansible: message and details.
    Refused(&'static str, String),
}

/// A wrong, missing or unknown parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// No such option.
    #[error(
        "Unsupported parameters for ({module}) module: {name}. Supported parameters include: {supported}."
    )]
    Unsupported {
        /// The module.
        module: String,
        /// What was given.
        name: String,
        /// All names.
        supported: String,
        /// The nearest name, if one is near.
        suggestion: Option<String>,
    },
    /// It must be given.
    #[error("missing required arguments: {0}")]
    Missing(String),
    /// Not one of the accepted words.
    #[error("value of {name} must be one of: {}, got: {got}", .choices.join(", "))]
    Choice {
        /// The option.
        name: String,
        /// The accepted words.
        choices: &'static [&'static str],
        /// What was given.
        got: String,
    },
    /// A list with others than the accepted words.
    #[error(
        "value of {name} must be one or more of: {}. Got no match for: {got}",
        .choices.join(", ")
    )]
    Choices {
        /// The option.
        name: String,
        /// The accepted words.
        choices: &'static [&'static str],
        /// What is none of them.
        got: String,
    },
    /// It cannot be converted.
    #[error(
        "argument '{name}' is of type {got} and we were unable to convert to {wanted}: {reason}"
    )]
    Type {
        /// The option.
        name: String,
        /// The type that was given.
        got: &'static str,
        /// The type that is wanted.
        wanted: &'static str,
        /// Why not.
        reason: String,
    },
    /// An element of a list cannot be converted.
    #[error(
        "Elements value for option '{name}' is of type {got} and we were unable to convert to \
         {wanted}: {reason}"
    )]
    Element {
        /// The option.
        name: String,
        /// The type that was given.
        got: &'static str,
        /// The type that is wanted.
        wanted: &'static str,
        /// Why not.
        reason: String,
    },
    /// It has not the right form.
    #[error("argument '{name}' is invalid: {reason}")]
    Form {
        /// The option.
        name: String,
        /// Why not.
        reason: String,
    },
    /// It is none of what Ansible knows for it.
    #[error("{message}")]
    Refused {
        /// The option.
        name: String,
        /// What is wrong, in Ansible's words.
        message: &'static str,
        /// What of it is wrong; `details` of the result.
        details: String,
    },
    /// Options that exclude one another.
    #[error("parameters are mutually exclusive: {}", .0.join("|"))]
    Exclusive(&'static [&'static str]),
    /// None of some of which one is needed.
    #[error("one of the following is required: {}", .0.join(", "))]
    OneOf(&'static [&'static str]),
    /// Some of some that belong together.
    #[error("parameters are required together: {}", .0.join(", "))]
    Together(&'static [&'static str]),
    /// A value of one option needs others.
    #[error("{name} is {value} but all of the following are missing: {missing}")]
    If {
        /// The option.
        name: &'static str,
        /// Its value.
        value: &'static str,
        /// What is missing.
        missing: String,
    },
    /// An option needs others.
    #[error("missing parameter(s) required by '{name}': {missing}")]
    By {
        /// The option.
        name: &'static str,
        /// What is missing.
        missing: String,
    },
}

/// The message of a task whose parameters are wrong: that of the first error, with all names of
/// parameters that the module has not.
pub fn message(errors: &[ParamError]) -> String {
    match errors.first() {
        Some(ParamError::Unsupported { module, supported, suggestion, .. }) => {
            let mut names: Vec<&str> = errors
                .iter()
                .filter_map(|error| match error {
                    ParamError::Unsupported { name, .. } => Some(name.as_str()),
                    _ => None,
                })
                .collect();
            names.sort_unstable();
            let all = ParamError::Unsupported {
                module: module.clone(),
                name: names.join(", "),
                supported: supported.clone(),
                suggestion: suggestion.clone(),
            };
            all.to_string()
        }
        Some(error) => error.to_string(),
        None => String::new(),
    }
}

/// What the result of such a task has as `details`.
pub fn details(errors: &[ParamError]) -> Option<&str> {
    match errors.first() {
        Some(ParamError::Refused { details, .. }) => {
            (!details.is_empty()).then_some(details.as_str())
        }
        _ => None,
    }
}

impl ParamError {
    /// The same, where the module goes by another name.
    #[must_use]
    pub fn named(self, module: &str) -> Self {
        match self {
            Self::Unsupported { name, supported, suggestion, .. } => {
                Self::Unsupported { module: module.to_owned(), name, supported, suggestion }
            }
            other => other,
        }
    }

    /// The argument that it is about, where it is about one.
    pub fn option(&self) -> Option<&str> {
        match self {
            Self::Unsupported { name, .. }
            | Self::Choice { name, .. }
            | Self::Choices { name, .. }
            | Self::Type { name, .. }
            | Self::Element { name, .. }
            | Self::Form { name, .. }
            | Self::Refused { name, .. } => Some(name),
            Self::If { name, .. } | Self::By { name, .. } => Some(name),
            Self::Exclusive(names) => names.last().copied(),
            Self::Missing(_) | Self::OneOf(_) | Self::Together(_) => None,
        }
    }

    /// What to try, where something is near.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsupported { suggestion: Some(name), .. } => {
                Some(format!("did you mean `{name}`?"))
            }
            Self::Refused { details, .. } if !details.is_empty() => Some(details.clone()),
            _ => None,
        }
    }
}

/// Words what was expected of the value of an option.
pub(super) fn mismatch(name: &str, value: &Json, expected: Expected) -> ParamError {
    match expected {
        Expected::Choice(choices) => {
            ParamError::Choice { name: name.to_owned(), choices, got: plain(value) }
        }
        Expected::Choices(choices, got) => {
            ParamError::Choices { name: name.to_owned(), choices, got }
        }
        Expected::Type(wanted, reason) => ParamError::Type {
            name: name.to_owned(),
            got: python_type(value),
            wanted: wanted.name(),
            reason,
        },
        Expected::Element(got, wanted, reason) => {
            ParamError::Element { name: name.to_owned(), got, wanted: wanted.name(), reason }
        }
        Expected::Form(reason) => ParamError::Form { name: name.to_owned(), reason },
        Expected::Refused(message, details) => {
            ParamError::Refused { name: name.to_owned(), message, details }
        }
    }
}
