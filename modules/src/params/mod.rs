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

mod check;
mod error;
mod macros;
mod option;
mod reader;
#[cfg(test)]
mod tests;
mod value;

use serde_json::{Map, Value as Json};

pub use self::check::check;
use self::check::{broken_rules, unsupported};
pub use self::error::{Expected, ParamError, details, message};
pub use self::option::{OptionKind, OptionSpec, Rule};
pub use self::reader::Reader;
pub(crate) use self::value::python_type;
pub use self::value::{ParamValue, plain};

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
        let mut reader = Reader::new(arguments);
        let parsed = Self::read(&mut reader);
        // the order of Ansible's checks: what excludes what, what is missing, types, the rest
        let (exclusive, others): (Vec<_>, Vec<_>) =
            broken_rules(&options, &Self::rules(), &|name| {
                arguments.get(name).filter(|value| !value.is_null())
            })
            .into_iter()
            .partition(|error| matches!(error, ParamError::Exclusive(_)));
        let (missing, types): (Vec<_>, Vec<_>) =
            reader.finish().into_iter().partition(|error| matches!(error, ParamError::Missing(_)));
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
