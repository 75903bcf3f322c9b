//! Arguments bound to the parameters of a filter, test, method or function.

use minijinja::Value;

use super::environment::Environment;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{self, Class, class_of, type_name};

/// Names of parameters; `*` takes the rest, `**` further keywords.
pub(in crate::template) type Parameters = &'static [&'static str];

/// Arguments by parameter.
pub(in crate::template) struct Bound<'a> {
    pub(in crate::template) environment: &'a Environment<'a>,
    name: &'static str,
    parameters: Parameters,
    slots: Vec<Option<Value>>,
    /// What `*` took.
    pub(in crate::template) rest: Vec<Value>,
    /// What `**` took.
    pub(in crate::template) keywords: Vec<(String, Value)>,
}

impl<'a> Bound<'a> {
    pub(in crate::template) fn new(
        environment: &'a Environment<'a>,
        name: &'static str,
        parameters: Parameters,
        positional: Vec<Value>,
        keywords: Vec<(String, Value)>,
    ) -> Outcome<Self> {
        let named: Vec<&str> =
            parameters.iter().copied().filter(|parameter| !parameter.starts_with('*')).collect();
        let mut bound = Self {
            environment,
            name,
            parameters,
            slots: vec![None; named.len()],
            rest: Vec::new(),
            keywords: Vec::new(),
        };
        let given = positional.len();
        for (index, value) in positional.into_iter().enumerate() {
            match bound.slots.get_mut(index) {
                Some(slot) => *slot = Some(value),
                None if parameters.contains(&"*") => bound.rest.push(value),
                None => {
                    return Err(Failure::failed(format!(
                        "{name}() takes {} positional argument{} but {given} were given",
                        named.len(),
                        if named.len() == 1 { "" } else { "s" }
                    )));
                }
            }
        }
        for (keyword, value) in keywords {
            let slot = named.iter().position(|parameter| *parameter == keyword);
            match slot.and_then(|index| bound.slots.get_mut(index)) {
                Some(slot @ None) => *slot = Some(value),
                Some(Some(_)) => {
                    return Err(Failure::failed(format!(
                        "{name}() got multiple values for argument '{keyword}'"
                    )));
                }
                None if parameters.contains(&"**") => bound.keywords.push((keyword, value)),
                None => {
                    return Err(Failure::failed(format!(
                        "{name}() got an unexpected keyword argument '{keyword}'"
                    )));
                }
            }
        }
        Ok(bound)
    }

    /// A filter's or test's refusal.
    pub(in crate::template) fn refuse(&self, message: impl std::fmt::Display) -> Box<Failure> {
        Failure::failed(message.to_string())
    }

    /// The argument of a parameter, if given.
    pub(in crate::template) fn given(&self, index: usize) -> Option<&Value> {
        self.slots.get(index)?.as_ref()
    }

    /// As [`Self::given`], with `None` of Python as not given.
    pub(in crate::template) fn some(&self, index: usize) -> Option<&Value> {
        self.given(index).filter(|value| !value.is_none())
    }

    /// The argument of a parameter that must be given.
    pub(in crate::template) fn required(&self, index: usize) -> Outcome<&Value> {
        self.given(index).ok_or_else(|| {
            let parameter = self.parameters.get(index).copied().unwrap_or_default();
            Failure::failed(format!(
                "{}() missing 1 required positional argument: '{parameter}'",
                self.name
            ))
        })
    }

    /// The first argument: what a filter or test is applied to.
    pub(in crate::template) fn value(&self) -> Outcome<&Value> {
        self.required(0)
    }

    /// An argument as text, whatever it is.
    pub(in crate::template) fn text(&self, index: usize) -> Outcome<String> {
        python::text(self.required(index)?)
    }

    /// An optional argument as text.
    pub(in crate::template) fn text_or(&self, index: usize, default: &str) -> Outcome<String> {
        self.some(index).map_or_else(|| Ok(default.to_owned()), python::text)
    }

    /// An argument that must be text already.
    pub(in crate::template) fn string(&self, index: usize) -> Outcome<&str> {
        let value = self.required(index)?;
        value.as_str().ok_or_else(|| {
            let parameter = self.parameters.get(index).copied().unwrap_or_default();
            self.refuse(format!("{parameter} must be a string, not {}", type_name(value)))
        })
    }

    /// An argument that must be text; `refusal` words what another type is told.
    pub(in crate::template) fn string_or(
        &self,
        index: usize,
        refusal: impl FnOnce(&str) -> String,
    ) -> Outcome<&str> {
        let value = self.required(index)?;
        python::usable(value)?;
        value.as_str().ok_or_else(|| self.refuse(refusal(type_name(value))))
    }

    /// An optional whole number.
    pub(in crate::template) fn integer(&self, index: usize) -> Outcome<Option<i128>> {
        match self.some(index) {
            None => Ok(None),
            Some(value) => match python::as_integer(value) {
                Some(number) => Ok(Some(number)),
                None => Err(self.refuse(format!(
                    "'{}' object cannot be interpreted as an integer",
                    type_name(value)
                ))),
            },
        }
    }

    /// An optional size.
    pub(in crate::template) fn size(&self, index: usize, default: usize) -> Outcome<usize> {
        match self.integer(index)? {
            None => Ok(default),
            Some(number) => Ok(usize::try_from(number).unwrap_or_default()),
        }
    }

    /// Whether an optional argument counts as true.
    pub(in crate::template) fn flag(&self, index: usize) -> Outcome<bool> {
        self.given(index).map_or(Ok(false), python::truth)
    }

    /// As [`Self::flag`], true where not given.
    pub(in crate::template) fn flag_or_true(&self, index: usize) -> Outcome<bool> {
        self.given(index).map_or(Ok(true), python::truth)
    }

    /// The elements of an argument.
    pub(in crate::template) fn elements(&self, index: usize) -> Outcome<Vec<Value>> {
        python::elements(self.required(index)?)
    }

    /// The elements of an argument that must be a list, not text.
    pub(in crate::template) fn list(&self, index: usize) -> Outcome<Vec<Value>> {
        let value = self.required(index)?;
        match class_of(value) {
            Class::List | Class::Tuple | Class::Range | Class::Undefined | Class::Unknown => {
                python::elements(value)
            }
            _ => Err(self.refuse(format!("a list is needed, not {}", type_name(value)))),
        }
    }

    /// A keyword that `**` took.
    pub(in crate::template) fn keyword(&self, name: &str) -> Option<&Value> {
        self.keywords.iter().find(|(keyword, _)| keyword == name).map(|(_, value)| value)
    }
}
