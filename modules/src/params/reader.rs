//! Reading options, with their aliases and defaults.

use serde_json::{Map, Value as Json};

use super::error::mismatch;
use super::{OptionKind, ParamError, ParamValue};

/// Reads fields out of the arguments and gathers what is wrong.
#[derive(Debug)]
pub struct Reader<'a> {
    arguments: &'a Map<String, Json>,
    errors: Vec<ParamError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(arguments: &'a Map<String, Json>) -> Self {
        Self { arguments, errors: Vec::new() }
    }

    /// What is wrong with what was read.
    pub(super) fn finish(self) -> Vec<ParamError> {
        self.errors
    }

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
