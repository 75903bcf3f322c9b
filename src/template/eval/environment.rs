//! What an evaluation can reach: variables, filters, tests, files.

use minijinja::Value;

use super::super::filters::Filter;
use super::super::tests::Test;
use super::bound::Bound;
use super::files::FileContext;
use crate::source::Span;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Class, List, class_of, elements, list};
use crate::vars::Scope;

/// The surroundings of an evaluation.
#[derive(Debug, Clone, Copy)]
pub(in crate::template) struct Environment<'a> {
    /// The variables.
    pub(in crate::template) scope: &'a Scope,
    /// Where template files are, for one that includes others.
    pub(in crate::template) files: Option<&'a FileContext>,
    /// Where the template or expression stands, as far as that is known.
    pub(in crate::template) span: Option<&'a Span>,
    /// What is evaluated: `template` or `expression`.
    pub(in crate::template) text: &'static str,
}

fn first_undefined(values: &[Value], keywords: &[(String, Value)]) -> Option<Value> {
    values
        .iter()
        .chain(keywords.iter().map(|(_, value)| value))
        .find(|value| class_of(value) == Class::Undefined)
        .cloned()
}

/// Filters that hand on elements of what they are given without a look at them.
const KEEP_MISSING: [&str; 7] =
    ["map", "select", "reject", "selectattr", "rejectattr", "first", "last"];

/// The first element of a list that was made that is missing.
fn missing_element(value: &Value) -> Option<Value> {
    let list = value.downcast_object_ref::<List>()?;
    list.lock().iter().find(|element| class_of(element) == Class::Undefined).cloned()
}

/// The name of a filter or test with that of its collection.
fn full_name(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("ansible.builtin.{name}") }
}

impl<'a> Environment<'a> {
    /// An environment without files.
    pub(in crate::template) fn new(scope: &'a Scope) -> Self {
        Self { scope, files: None, span: None, text: "template" }
    }

    /// Applies a filter; the first value is what it is applied to.
    pub(in crate::template) fn filter(
        &self,
        filter: &'static Filter,
        positional: Vec<Value>,
        keywords: Vec<(String, Value)>,
    ) -> Outcome<Value> {
        if !filter.takes_undefined
            && let Some(undefined) = first_undefined(&positional, &keywords)
        {
            return Ok(undefined);
        }
        Bound::new(self, filter.name, filter.parameters, positional, keywords)
            .and_then(|bound| (filter.run)(&bound))
            .and_then(|value| match class_of(&value) {
                // a range that a filter passes on is a list from there
                Class::Range => elements(&value).map(list),
                // to make a list of missing values is to need them
                Class::List if !filter.takes_undefined && !KEEP_MISSING.contains(&filter.name) => {
                    Ok(missing_element(&value).unwrap_or(value))
                }
                _ => Ok(value),
            })
            .or_else(|failure| {
                failure.of_plugin("filter", &full_name(filter.name)).into_undefined()
            })
    }

    /// Applies a test; an undefined value where the test cannot tell.
    pub(in crate::template) fn test(
        &self,
        test: &'static Test,
        positional: Vec<Value>,
        keywords: Vec<(String, Value)>,
    ) -> Outcome<Value> {
        if !test.takes_undefined
            && let Some(undefined) = first_undefined(&positional, &keywords)
        {
            return Ok(undefined);
        }
        Bound::new(self, test.name, test.parameters, positional, keywords)
            .and_then(|bound| (test.run)(&bound))
            .map(Value::from)
            .or_else(|failure| failure.of_plugin("test", &full_name(test.name)).into_undefined())
    }

    /// The filter of a name that came as a value.
    pub(in crate::template) fn filter_named(&self, name: &Value) -> Outcome<&'static Filter> {
        let name = name.as_str().unwrap_or_default();
        super::super::filters::find(name).map_err(|unknown| Failure::failed(unknown.message))
    }

    /// The test of a name that came as a value.
    pub(in crate::template) fn test_named(&self, name: &Value) -> Outcome<&'static Test> {
        let name = name.as_str().unwrap_or_default();
        super::super::tests::find(name).map_err(|unknown| Failure::failed(unknown.message))
    }
}
