//! Parameters of modules: one declaration gives the struct, the checks and the documentation.
//!
//! Values arrive as JSON, often as the text that a template left behind, and are coerced as
//! Ansible's argument specification does (`"yes"` is a boolean, `644` is text where text is
//! wanted, `a,b` is a list).
//!
//! ```
//! use canvass_modules::{choices, params};
//! use canvass_modules::params::{Params as _, Rule};
//!
//! choices! {
//!     /// What shall be there.
//!     pub enum State {
//!         /// A file.
//!         File = "file",
//!         /// Nothing.
//!         Absent = "absent",
//!     }
//! }
//!
//! params! {
//!     /// Parameters of an example.
//!     pub struct Params {
//!         /// Where.
//!         path ("dest", "name"): String,
//!         /// What shall be there.
//!         state: State = State::File,
//!         /// Whether to go down.
//!         recurse: bool = false,
//!         /// A secret.
//!         @secret password: Option<String>,
//!     }
//!     rules [Rule::MutuallyExclusive(&["recurse", "password"])]
//! }
//!
//! let args = serde_json::json!({"dest": "/x", "recurse": "yes"});
//! let parsed = Params::parse("example", args.as_object().unwrap()).unwrap();
//! assert!(parsed.recurse);
//! ```

use std::path::PathBuf;

use serde_json::{Map, Value as Json};

/// A parameter struct that [`params!`] declared.
pub trait Params: Sized {
    /// Its options in order of declaration.
    fn options() -> Vec<OptionSpec>;

    /// Conditions between options.
    fn rules() -> Vec<Rule>;

    /// Reads the fields; problems are left in the reader. `None` when one could not be had.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;

    /// Parses the arguments of a task.
    fn parse(module: &str, arguments: &Map<String, Json>) -> Result<Self, Vec<ParamError>> {
        let options = Self::options();
        let mut reader = Reader { arguments, errors: Vec::new() };
        let parsed = Self::read(&mut reader);
        // the order of Ansible's checks: what excludes what, what is missing, types, the rest
        let (exclusive, others): (Vec<_>, Vec<_>) =
            broken_rules(&options, &Self::rules(), &|name| {
                arguments.get(name).filter(|value| !value.is_null())
            })
            .into_iter()
            .partition(|error| matches!(error, ParamError::Exclusive(_)));
        let (missing, types): (Vec<_>, Vec<_>) =
            reader.errors.into_iter().partition(|error| matches!(error, ParamError::Missing(_)));
        let mut errors = exclusive;
        errors.extend(missing.into_iter().chain(types));
        if errors.is_empty() {
            errors.extend(others);
        }
        errors.extend(unsupported(module, &options, arguments.keys()));
        match parsed {
            Some(parsed) if errors.is_empty() => Ok(parsed),
            _ => Err(errors),
        }
    }
}

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

/// What was expected of a value, and why it is not that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Another type.
    Type(OptionKind, String),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Something else, in words.
    Form(String),
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
    /// It has not the right form.
    #[error("argument '{name}' is invalid: {reason}")]
    Form {
        /// The option.
        name: String,
        /// Why not.
        reason: String,
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
            | Self::Type { name, .. }
            | Self::Form { name, .. } => Some(name),
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
            _ => None,
        }
    }
}

/// Finds what is wrong with arguments of which some values are not known yet (templates).
///
/// `arguments` gives each name with its value, or `None` where a template stands.
pub fn check(
    module: &str,
    options: &[OptionSpec],
    rules: &[Rule],
    arguments: &[(&str, Option<&Json>)],
) -> Vec<ParamError> {
    let names: Vec<String> = arguments.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut errors = unsupported(module, options, names.iter());
    let missing: Vec<&str> = options
        .iter()
        .filter(|option| {
            option.required && !arguments.iter().any(|(name, _)| option.answers_to(name))
        })
        .map(|option| option.name)
        .collect();
    if !missing.is_empty() {
        errors.push(ParamError::Missing(missing.join(", ")));
    }
    for (name, value) in arguments {
        let Some(option) = options.iter().find(|option| option.answers_to(name)) else { continue };
        if let Some(value) = value.filter(|value| !value.is_null())
            && let Err(expected) = (option.check)(value)
        {
            errors.push(mismatch(name, value, expected));
        }
    }
    if errors.is_empty() && arguments.iter().all(|(_, value)| value.is_some()) {
        errors = broken_rules(options, rules, &|name| {
            arguments.iter().find(|(given, _)| *given == name).and_then(|(_, value)| *value)
        });
    }
    errors
}

fn unsupported<'a>(
    module: &str,
    options: &[OptionSpec],
    names: impl Iterator<Item = &'a String>,
) -> Vec<ParamError> {
    names
        .filter(|name| !name.starts_with("_canvass_"))
        .filter(|name| !options.iter().any(|option| option.answers_to(name)))
        .map(|name| ParamError::Unsupported {
            module: module.to_owned(),
            name: name.clone(),
            supported: supported(options),
            suggestion: nearest(name, options),
        })
        .collect()
}

fn supported(options: &[OptionSpec]) -> String {
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.join(", ")
    };
    let own: Vec<&str> = options.iter().map(|option| option.name).collect();
    let aliases: Vec<&str> = options.iter().flat_map(|option| option.aliases).copied().collect();
    match aliases.is_empty() {
        true => sorted(own),
        false => format!("{} ({})", sorted(own), sorted(aliases)),
    }
}

fn nearest(name: &str, options: &[OptionSpec]) -> Option<String> {
    options
        .iter()
        .flat_map(|option| std::iter::once(option.name).chain(option.aliases.iter().copied()))
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min()
        .map(|(_, known)| known.to_owned())
}

fn broken_rules<'a>(
    options: &[OptionSpec],
    rules: &[Rule],
    value: &dyn Fn(&str) -> Option<&'a Json>,
) -> Vec<ParamError> {
    let lookup = |name: &str| -> Option<&'a Json> {
        let spec = options.iter().find(|option| option.name == name);
        value(name).or_else(|| spec?.aliases.iter().find_map(|alias| value(alias)))
    };
    let given = |name: &str| lookup(name).is_some();
    let missing = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| !given(name)).collect()
    };
    let text = |name: &str| -> Option<String> {
        match lookup(name) {
            Some(Json::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => options.iter().find(|option| option.name == name)?.default.clone(),
        }
    };
    let mut errors = Vec::new();
    for rule in rules {
        match rule {
            Rule::MutuallyExclusive(names) => {
                if names.iter().filter(|name| given(name)).count() > 1 {
                    errors.push(ParamError::Exclusive(names));
                }
            }
            Rule::RequiredOneOf(names) => {
                if !names.iter().any(|name| given(name)) {
                    errors.push(ParamError::OneOf(names));
                }
            }
            Rule::RequiredTogether(names) => {
                let missing = missing(names).len();
                if missing != 0 && missing != names.len() {
                    errors.push(ParamError::Together(names));
                }
            }
            Rule::RequiredIf(name, wanted, needs) => {
                let lacks = missing(needs);
                if !lacks.is_empty() && text(name).as_deref() == Some(wanted) {
                    errors.push(ParamError::If { name, value: wanted, missing: lacks.join(", ") });
                }
            }
            Rule::RequiredBy(name, needs) => {
                let lacks = missing(needs);
                if given(name) && !lacks.is_empty() {
                    errors.push(ParamError::By { name, missing: lacks.join(", ") });
                }
            }
        }
    }
    errors
}

fn mismatch(name: &str, value: &Json, expected: Expected) -> ParamError {
    match expected {
        Expected::Choice(choices) => {
            ParamError::Choice { name: name.to_owned(), choices, got: plain(value) }
        }
        Expected::Type(wanted, reason) => ParamError::Type {
            name: name.to_owned(),
            got: python_type(value),
            wanted: wanted.name(),
            reason,
        },
        Expected::Form(reason) => ParamError::Form { name: name.to_owned(), reason },
    }
}

/// Reads fields out of the arguments and gathers what is wrong.
#[derive(Debug)]
pub struct Reader<'a> {
    arguments: &'a Map<String, Json>,
    errors: Vec<ParamError>,
}

impl Reader<'_> {
    /// Reads one option under its name or an alias; the last alias given wins, as in Ansible.
    pub fn take<T: ParamValue>(
        &mut self,
        name: &str,
        aliases: &[&str],
        default: Option<T>,
    ) -> Option<T> {
        let raw = T::KIND == OptionKind::Raw;
        let found = std::iter::once(&name)
            .chain(aliases)
            .filter_map(|name| Some((*name, self.arguments.get(*name)?)))
            // null means something where any type is taken
            .filter(|(_, value)| !value.is_null() || (raw && default.is_some()))
            .last();
        match found {
            Some((given, value)) => match T::from_json(value) {
                Ok(parsed) => Some(parsed),
                Err(expected) => {
                    self.errors.push(mismatch(given, value, expected));
                    None
                }
            },
            None => default.or_else(T::absent).or_else(|| {
                self.missing(name);
                None
            }),
        }
    }

    fn missing(&mut self, name: &str) {
        for error in &mut self.errors {
            if let ParamError::Missing(names) = error {
                names.push_str(", ");
                names.push_str(name);
                return;
            }
        }
        self.errors.push(ParamError::Missing(name.to_owned()));
    }
}

/// A type that an option can have.
pub trait ParamValue: Sized {
    /// Ansible's name for its type.
    const KIND: OptionKind;

    /// The accepted words, where there are only some.
    fn choices() -> &'static [&'static str] {
        &[]
    }

    /// The value when the option is not given; `None` makes it required.
    fn absent() -> Option<Self> {
        None
    }

    /// Converts a rendered argument.
    fn from_json(value: &Json) -> Result<Self, Expected>;
}

impl<T: ParamValue> ParamValue for Option<T> {
    const KIND: OptionKind = T::KIND;

    fn choices() -> &'static [&'static str] {
        T::choices()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn from_json(value: &Json) -> Result<Self, Expected> {
        T::from_json(value).map(Some)
    }
}

impl ParamValue for String {
    const KIND: OptionKind = OptionKind::Str;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        Ok(plain(value))
    }
}

impl ParamValue for PathBuf {
    const KIND: OptionKind = OptionKind::Path;

    /// The text as a path; `~` and variables are the module's to expand, on the host.
    fn from_json(value: &Json) -> Result<Self, Expected> {
        Ok(Self::from(plain(value)))
    }
}

impl ParamValue for bool {
    const KIND: OptionKind = OptionKind::Bool;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let word = match value {
            Json::Bool(value) => return Ok(*value),
            Json::Number(number) if number.as_f64() == Some(1.0) => return Ok(true),
            Json::Number(number) if number.as_f64() == Some(0.0) => return Ok(false),
            other => plain(other),
        };
        match word.to_lowercase().trim() {
            "yes" | "on" | "1" | "true" | "t" | "y" | "1.0" => Ok(true),
            "no" | "off" | "0" | "false" | "f" | "n" | "0.0" => Ok(false),
            _ => Err(Expected::Type(
                OptionKind::Bool,
                format!(
                    "The value '{word}' is not a valid boolean. Valid booleans include: \
                     0, 1, 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
                ),
            )),
        }
    }
}

impl ParamValue for i64 {
    const KIND: OptionKind = OptionKind::Int;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let whole = match value {
            Json::Number(number) => number.as_i64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        whole.ok_or_else(|| {
            Expected::Type(
                OptionKind::Int,
                format!("\"{}\" cannot be converted to an int", python_repr(value)),
            )
        })
    }
}

impl ParamValue for u32 {
    const KIND: OptionKind = OptionKind::Int;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let wide = i64::from_json(value)?;
        Self::try_from(wide)
            .map_err(|_| Expected::Form(format!("{wide} is not between 0 and {}", Self::MAX)))
    }
}

impl ParamValue for u64 {
    const KIND: OptionKind = OptionKind::Int;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let wide = i64::from_json(value)?;
        Self::try_from(wide).map_err(|_| Expected::Form(format!("{wide} is negative")))
    }
}

impl ParamValue for f64 {
    const KIND: OptionKind = OptionKind::Float;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let number = match value {
            Json::Number(number) => number.as_f64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| {
            Expected::Type(
                OptionKind::Float,
                format!("<class '{}'> cannot be converted to a float", python_type(value)),
            )
        })
    }
}

impl<T: ParamValue> ParamValue for Vec<T> {
    const KIND: OptionKind = OptionKind::List;

    fn choices() -> &'static [&'static str] {
        T::choices()
    }

    fn from_json(value: &Json) -> Result<Self, Expected> {
        match value {
            Json::Array(elements) => elements.iter().map(T::from_json).collect(),
            Json::String(text) => {
                text.split(',').map(|part| T::from_json(&Json::from(part.trim()))).collect()
            }
            Json::Number(_) | Json::Bool(_) => Ok(vec![T::from_json(value)?]),
            Json::Object(_) | Json::Null => Err(Expected::Type(
                OptionKind::List,
                format!("{} cannot be converted to a list", python_type(value)),
            )),
        }
    }
}

impl ParamValue for Map<String, Json> {
    const KIND: OptionKind = OptionKind::Dict;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let refused = || {
            Expected::Type(
                OptionKind::Dict,
                "dictionary requested, could not parse JSON or key=value".to_owned(),
            )
        };
        match value {
            Json::Object(map) => Ok(map.clone()),
            Json::String(text) if text.trim_start().starts_with('{') => {
                serde_json::from_str(text).map_err(|_| refused())
            }
            Json::String(text) if text.contains('=') => {
                let words = shell_words::split(&text.replace(',', " ")).map_err(|_| refused())?;
                words
                    .iter()
                    .map(|word| {
                        let (key, value) = word.split_once('=').ok_or_else(refused)?;
                        Ok((key.to_owned(), Json::from(value)))
                    })
                    .collect()
            }
            _ => Err(refused()),
        }
    }
}

impl ParamValue for Json {
    const KIND: OptionKind = OptionKind::Raw;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        Ok(value.clone())
    }
}

/// The text of a value as Python's `str()` gives it for scalars.
pub fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value as Python's `repr()` gives it, for scalars.
fn python_repr(value: &Json) -> String {
    match value {
        Json::String(text) => format!("'{text}'"),
        Json::Null => "None".to_owned(),
        other => plain(other),
    }
}

pub(crate) fn python_type(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}

/// Declares an enum of accepted words; `A = "a" | "b"` accepts both.
#[macro_export]
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal $(| $other:literal)*,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            /// The word for it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.word())
            }
        }

        impl $crate::params::ParamValue for $name {
            const KIND: $crate::params::OptionKind = $crate::params::OptionKind::Str;

            fn choices() -> &'static [&'static str] {
                &[$($word, $($other,)*)*]
            }

            fn from_json(value: &serde_json::Value) -> Result<Self, $crate::params::Expected> {
                let text = $crate::params::plain(value);
                match text.as_str() {
                    $($word $(| $other)* => Ok(Self::$variant),)*
                    // `yes` and `no` without quotes are booleans in YAML 1.1
                    _ => match (value.as_bool(), Self::choices()) {
                        $((Some(true), _) if matches!($word, "yes" | "on" | "true") => Ok(Self::$variant),)*
                        $((Some(false), _) if matches!($word, "no" | "off" | "false") => Ok(Self::$variant),)*
                        (_, choices) => Err($crate::params::Expected::Choice(choices)),
                    },
                }
            }
        }
    };
}

/// Declares a parameter struct; see the [module's documentation](crate::params).
///
/// Aliases stand in parentheses after the name; `@secret` masks the value; `@flatten` takes in
/// the options of another parameter struct.
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident {}) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name {}

        impl $crate::params::Params for $name {
            fn options() -> Vec<$crate::params::OptionSpec> {
                Vec::new()
            }

            fn rules() -> Vec<$crate::params::Rule> {
                Vec::new()
            }

            fn read(_reader: &mut $crate::params::Reader<'_>) -> Option<Self> {
                Some(Self {})
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])* $(@$flag:ident)? $field:ident $(($($alias:literal),* $(,)?))? : $ty:ty $(= $default:expr)?,)*
        }
        $(rules [$($rule:expr),* $(,)?])?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name { $($(#[doc = $doc])* pub $field: $ty,)* }

        impl $crate::params::Params for $name {
            fn options() -> Vec<$crate::params::OptionSpec> {
                let mut all = Vec::new();
                $($crate::params!(@spec all, [$($flag)?], $field, [$($($alias),*)?], $ty, [$($default)?], concat!($($doc, "\n"),*));)*
                all
            }

            fn rules() -> Vec<$crate::params::Rule> {
                vec![$($($rule),*)?]
            }

            fn read(reader: &mut $crate::params::Reader<'_>) -> Option<Self> {
                $(let $field = $crate::params!(@read reader, [$($flag)?], $field, [$($($alias),*)?], $ty, [$($default)?]);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
    (@spec $all:ident, [flatten], $field:ident, [], $ty:ty, [], $doc:expr) => {
        $all.extend(<$ty as $crate::params::Params>::options());
    };
    (@spec $all:ident, [$($flag:ident)?], $field:ident, [$($alias:literal),*], $ty:ty, [$($default:expr)?], $doc:expr) => {
        $all.push($crate::params::OptionSpec {
            name: stringify!($field).trim_start_matches("r#"),
            aliases: &[$($alias),*],
            kind: <$ty as $crate::params::ParamValue>::KIND,
            choices: <$ty as $crate::params::ParamValue>::choices(),
            required: $crate::params!(@required $ty, [$($default)?]),
            default: $crate::params!(@default [$($default)?]),
            secret: $crate::params!(@flag [$($flag)?]),
            doc: $doc.trim(),
            check: |value| <$ty as $crate::params::ParamValue>::from_json(value).map(drop),
        });
    };
    (@read $reader:ident, [flatten], $field:ident, [], $ty:ty, []) => {
        <$ty as $crate::params::Params>::read($reader)
    };
    (@read $reader:ident, [$($flag:ident)?], $field:ident, [$($alias:literal),*], $ty:ty, []) => {
        $reader.take::<$ty>(stringify!($field).trim_start_matches("r#"), &[$($alias),*], None)
    };
    (@read $reader:ident, [$($flag:ident)?], $field:ident, [$($alias:literal),*], $ty:ty, [$default:expr]) => {
        $reader.take::<$ty>(stringify!($field).trim_start_matches("r#"), &[$($alias),*], Some($default))
    };
    (@required $ty:ty, []) => { <$ty as $crate::params::ParamValue>::absent().is_none() };
    (@required $ty:ty, [$default:expr]) => { false };
    (@default []) => { None };
    (@default [$default:expr]) => { Some(($default).to_string()) };
    (@flag []) => { false };
    (@flag [secret]) => { true };
}
