//! What a template emits: one value keeps its type, several are text.

use minijinja::Value;

use crate::template::failure::{Failure, Outcome};
use crate::template::python::{self, Class, Undefined, class_of, finalise, text};
use crate::template::syntax::Range;
use crate::template::work;

/// The emissions of a template or of a captured part of one.
#[derive(Debug, Default)]
pub(in crate::template) struct Output {
    parts: Vec<(Value, Option<Range>)>,
}

impl Output {
    /// Adds an emission.
    pub(in crate::template) fn push(&mut self, value: Value, range: Range) {
        if value.is_none() {
            return;
        }
        // what is changed later was emitted as it was
        let emitted = match python::is_changeable(&value) {
            true => finalise(&value).unwrap_or(value),
            false => value,
        };
        self.parts.push((emitted, Some(range)));
    }

    /// Adds literal text to text before it.
    pub(in crate::template) fn push_text(&mut self, text: &str) {
        self.parts.push((Value::from(text), None));
    }

    /// The value: nothing is none, one emission is itself, several are text.
    pub(in crate::template) fn into_value(mut self) -> Outcome<Value> {
        if self.parts.len() == 1 {
            return Ok(self.parts.pop().map(|(value, _)| value).unwrap_or_default());
        }
        if self.parts.is_empty() {
            return Ok(Value::from(()));
        }
        work::made(Value::from(self.into_text()?))
    }

    /// The text of all emissions.
    pub(in crate::template) fn into_text(self) -> Outcome<String> {
        let mut joined = String::new();
        for (part, range) in &self.parts {
            let text = emitted_text(part).map_err(|mut failure| {
                failure.range = failure.range.or(*range);
                failure
            })?;
            joined.push_str(&text);
        }
        Ok(joined)
    }

    /// The failure of the first emission that is missing.
    pub(super) fn missing(&self) -> Option<Box<Failure>> {
        self.parts.iter().find_map(|(part, range)| {
            let mut failure =
                emitted_text(part).err().filter(|_| class_of(part) == Class::Undefined)?;
            failure.range = failure.range.or(*range);
            Some(failure)
        })
    }

    /// The place of the first emission.
    pub(in crate::template) fn range(&self) -> Option<Range> {
        self.parts.first().and_then(|(_, range)| *range)
    }
}

/// The text of one emission among others.
fn emitted_text(value: &Value) -> Outcome<String> {
    match class_of(value) {
        Class::Text => Ok(value.as_str().unwrap_or_default().to_owned()),
        Class::None | Class::Omit | Class::Blank => Ok(String::new()),
        Class::Undefined => match value.downcast_object_ref::<Undefined>() {
            Some(undefined) => Err(undefined.failure()),
            None => Err(Failure::failed("a value is undefined")),
        },
        Class::List | Class::Tuple | Class::Dict => text(&finalise(value)?),
        _ => text(value),
    }
}
