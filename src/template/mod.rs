//! Templates: expressions and variables in, values out.

mod error;
mod templar;

pub use error::{TemplateError, TemplateErrorKind};
pub use templar::{Directories, FileOptions, Templar, is_omit, to_json};
