//! JSON Schema, as Python's `jsonschema` checks it: the order of errors, their paths and their
//! words are that library's.

mod arrays;
mod draft;
mod evaluated;
mod formats;
mod keywords;
mod legacy;
mod objects;
mod references;

use std::rc::Rc;

use minijinja::Value;

use super::failure::{Failure, Outcome};
use super::python::{
    Class, class_of, deeper, elements, entries, is_mapping, list, mapping_get, repr, sort_by, text,
    type_name,
};
use super::work::spend;
pub(super) use draft::Draft;
use references::{Place, Registry};

/// What does not hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Violation {
    pub(super) message: String,
    /// Keys and indices from the data to what was found.
    pub(super) path: Vec<Value>,
    /// The same from the schema to the keyword.
    pub(super) schema_path: Vec<Value>,
    pub(super) keyword: Option<Value>,
    pub(super) expected: Option<Value>,
    pub(super) found: Option<Value>,
    pub(super) schema: Option<Value>,
}

impl Violation {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

/// What does not hold of the data, sorted by where it was found.
///
/// # Errors
///
/// A schema that cannot be read as one, with the words of the library.
pub(super) fn violations(
    data: &Value,
    schema: &Value,
    draft: Option<Draft>,
    formats: bool,
) -> Outcome<Vec<Violation>> {
    let draft = match draft {
        Some(draft) => draft,
        None => Draft::named_in(schema)?.unwrap_or(Draft::LATEST),
    };
    let checker = Checker { registry: Registry::of(schema, draft)?, formats };
    let place = Place::root(schema, draft)?;
    let mut found = Vec::new();
    checker.errors(&place, data, schema, &mut Found { errors: &mut found, first: false })?;
    let indices = found
        .iter()
        .enumerate()
        .map(|(index, error)| (list(error.path.clone()), Value::from(index)))
        .collect();
    let order = sort_by(indices, false)?;
    let order = order.iter().filter_map(Value::as_usize);
    Ok(order.filter_map(|index| found.get(index).cloned()).collect())
}

/// Where violations go.
struct Found<'f> {
    errors: &'f mut Vec<Violation>,
    /// Whether the first is enough.
    first: bool,
}

impl Found<'_> {
    fn add(&mut self, message: impl Into<String>) {
        self.errors.push(Violation::new(message));
    }

    fn is_enough(&self) -> bool {
        self.first && !self.errors.is_empty()
    }
}

/// A schema with what its references lead to.
struct Checker {
    registry: Registry,
    formats: bool,
}

/// A keyword of a schema that looks at a value.
struct Look<'l> {
    checker: &'l Checker,
    place: &'l Place,
    /// The value of the keyword.
    value: &'l Value,
    instance: &'l Value,
    schema: &'l Value,
}

impl Checker {
    /// What a schema finds wrong.
    fn errors(
        &self,
        place: &Place,
        instance: &Value,
        schema: &Value,
        found: &mut Found<'_>,
    ) -> Outcome<()> {
        spend(1)?;
        if class_of(schema) == Class::Bool {
            if !schema.is_true() {
                found.errors.push(refusal(instance, schema)?);
            }
            return Ok(());
        }
        for (keyword, value) in place.draft.keywords_of(schema)? {
            let Some(name) = keyword.as_str() else { continue };
            let Some(check) = place.draft.check_of(name) else { continue };
            let before = found.errors.len();
            check(&Look { checker: self, place, value: &value, instance, schema }, found)?;
            for error in found.errors.iter_mut().skip(before) {
                error.keyword.get_or_insert_with(|| keyword.clone());
                error.expected.get_or_insert_with(|| value.clone());
                error.found.get_or_insert_with(|| instance.clone());
                error.schema.get_or_insert_with(|| schema.clone());
                if !matches!(name, "if" | "$ref") {
                    error.schema_path.insert(0, keyword.clone());
                }
            }
            if found.is_enough() {
                break;
            }
        }
        Ok(())
    }

    /// Whether a schema holds.
    fn holds(&self, place: &Place, instance: &Value, schema: &Value) -> Outcome<bool> {
        let place = place.of_schema(schema)?;
        let mut errors = Vec::new();
        let mut found = Found { errors: &mut errors, first: true };
        deeper(|| self.errors(&place, instance, schema, &mut found)).map_err(endless)?;
        Ok(errors.is_empty())
    }

    /// What a schema inside of another finds wrong with a part of the value.
    fn descend(
        &self,
        place: &Place,
        [instance, schema]: [&Value; 2],
        path: Option<&Value>,
        schema_path: Option<&Value>,
        found: &mut Found<'_>,
    ) -> Outcome<()> {
        if class_of(schema) == Class::Bool {
            // without a path, as there
            if !schema.is_true() {
                found.errors.push(refusal(instance, schema)?);
            }
            return Ok(());
        }
        self.descend_at(&place.inside(schema)?, [instance, schema], path, schema_path, found)
    }

    fn descend_at(
        &self,
        place: &Place,
        [instance, schema]: [&Value; 2],
        path: Option<&Value>,
        schema_path: Option<&Value>,
        found: &mut Found<'_>,
    ) -> Outcome<()> {
        let place = place.of_schema(schema)?;
        let before = found.errors.len();
        deeper(|| self.errors(&place, instance, schema, found)).map_err(endless)?;
        for error in found.errors.iter_mut().skip(before) {
            error.path.splice(0..0, path.cloned());
            error.schema_path.splice(0..0, schema_path.cloned());
        }
        Ok(())
    }
}

impl Look<'_> {
    fn descend(
        &self,
        [instance, schema]: [&Value; 2],
        path: Option<&Value>,
        schema_path: Option<&Value>,
        found: &mut Found<'_>,
    ) -> Outcome<()> {
        self.checker.descend(self.place, [instance, schema], path, schema_path, found)
    }

    fn holds(&self, instance: &Value, schema: &Value) -> Outcome<bool> {
        self.checker.holds(self.place, instance, schema)
    }

    /// Another keyword of the schema.
    fn beside(&self, keyword: &str) -> Outcome<Option<Value>> {
        mapping_get(self.schema, &Value::from(keyword))
    }

    fn repr(&self) -> Outcome<String> {
        repr(self.instance)
    }

    /// Whether the value is of a type by its JSON name.
    fn is_type(&self, value: &Value, name: &Value) -> Outcome<bool> {
        match self.place.draft.is_type(value, name.as_str().unwrap_or_default()) {
            Some(is_type) => Ok(is_type),
            None => Err(Failure::failed(format!(
                "Unknown type {} for validator with schema:\n    {}\n\nWhile checking \
                 instance:\n    {}",
                repr(name)?,
                repr(self.schema)?,
                repr(value)?
            ))),
        }
    }
}

fn refusal(instance: &Value, schema: &Value) -> Outcome<Violation> {
    Ok(Violation {
        message: format!("False schema does not allow {}", repr(instance)?),
        keyword: Some(Value::from(())),
        expected: Some(Value::from(())),
        found: Some(instance.clone()),
        schema: Some(schema.clone()),
        ..Violation::default()
    })
}

fn endless(failure: Box<Failure>) -> Box<Failure> {
    match failure.ends_all() && failure.kind.to_string().contains("recursion") {
        true => Failure::failed("maximum recursion depth exceeded while calling a Python object"),
        false => failure,
    }
}

fn is_object(value: &Value) -> bool {
    is_mapping(value)
}

fn is_array(value: &Value) -> bool {
    class_of(value) == Class::List
}

fn is_number(value: &Value) -> bool {
    matches!(class_of(value), Class::Integer | Class::Float)
}

/// The entries of what must be a mapping.
fn entries_of(value: &Value) -> Outcome<Vec<(Value, Value)>> {
    if is_mapping(value) {
        return entries(value);
    }
    Err(Failure::failed(format!("'{}' object has no attribute 'items'", type_name(value))))
}

/// A list of one for a text.
fn several(value: &Value) -> Outcome<Vec<Value>> {
    match class_of(value) {
        Class::Text => Ok(vec![value.clone()]),
        _ => elements(value),
    }
}

fn reprs(values: &[Value]) -> Outcome<String> {
    Ok(values.iter().map(repr).collect::<Outcome<Vec<_>>>()?.join(", "))
}

/// `'a', 'b' were`
fn extras(values: &[Value]) -> Outcome<String> {
    Ok(format!("{} {}", reprs(values)?, if values.len() == 1 { "was" } else { "were" }))
}

/// Values sorted by their texts.
fn sorted(values: Vec<Value>) -> Outcome<Vec<Value>> {
    let keyed = values.into_iter().map(|value| Ok((Value::from(text(&value)?), value)));
    sort_by(keyed.collect::<Outcome<_>>()?, false)
}

/// A list that many share.
type Shared<T> = Rc<[T]>;
