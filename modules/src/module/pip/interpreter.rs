//! The Python whose packages are meant: that of `ansible_python_interpreter`, which the engine
//! sends along.

use crate::params::{OptionSpec, Params, Reader, Rule};
use crate::wire::PYTHON_ARGUMENT;

/// The Python that the engine names for a task; no option of a playbook.
#[derive(Debug, Clone, Default)]
pub struct Interpreter {
    /// Its path or name; that of the search path where none is named.
    pub program: Option<String>,
}

impl Params for Interpreter {
    fn options() -> Vec<OptionSpec> {
        Vec::new()
    }

    fn rules() -> Vec<Rule> {
        Vec::new()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let program = reader.take::<Option<String>>(PYTHON_ARGUMENT, &[], None)?;
        Some(Self { program })
    }
}
