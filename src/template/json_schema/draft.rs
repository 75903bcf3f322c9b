//! The drafts of JSON Schema: which keywords and types each has.

use minijinja::Value;

use super::{
    Found, Look, arrays, entries_of, is_array, is_number, is_object, keywords, legacy, objects,
};
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Class, as_float, class_of, is_mapping, mapping_get, type_name};

/// A draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::template) enum Draft {
    Three,
    Four,
    Six,
    Seven,
    Of2019,
    Of2020,
}

/// What a keyword does.
pub(super) type Check = fn(&Look<'_>, &mut Found<'_>) -> Outcome<()>;

const NAMES: [(&str, Draft); 6] = [
    ("draft3", Draft::Three),
    ("draft4", Draft::Four),
    ("draft6", Draft::Six),
    ("draft7", Draft::Seven),
    ("2019-09", Draft::Of2019),
    ("2020-12", Draft::Of2020),
];

/// The keyword, the drafts from and to which it is known, what it does.
const KEYWORDS: &[(&str, Draft, Draft, Check)] = {
    use Draft::{Four, Of2019, Of2020, Seven, Six, Three};
    &[
        ("$dynamicRef", Of2020, Of2020, keywords::reference),
        ("$recursiveRef", Of2019, Of2019, legacy::recursive_reference),
        ("$ref", Three, Of2020, keywords::reference),
        ("additionalItems", Three, Of2019, legacy::additional_items),
        ("additionalProperties", Three, Of2020, objects::additional_properties),
        ("allOf", Four, Of2020, keywords::all_of),
        ("anyOf", Four, Of2020, keywords::any_of),
        ("const", Six, Of2020, keywords::constant),
        ("contains", Six, Seven, legacy::contains),
        ("contains", Of2019, Of2020, arrays::contains),
        ("dependencies", Three, Three, legacy::dependencies_of_draft_3),
        ("dependencies", Four, Seven, legacy::dependencies),
        ("dependentRequired", Of2019, Of2020, objects::dependent_required),
        ("dependentSchemas", Of2019, Of2020, objects::dependent_schemas),
        ("disallow", Three, Three, legacy::disallow),
        ("divisibleBy", Three, Three, keywords::multiple_of),
        ("enum", Three, Of2020, keywords::enumeration),
        ("exclusiveMaximum", Six, Of2020, keywords::exclusive_maximum),
        ("exclusiveMinimum", Six, Of2020, keywords::exclusive_minimum),
        ("extends", Three, Three, legacy::extends),
        ("format", Three, Of2020, keywords::format),
        ("if", Seven, Of2020, keywords::condition),
        ("items", Three, Four, legacy::items_of_draft_4),
        ("items", Six, Of2019, legacy::items),
        ("items", Of2020, Of2020, arrays::items),
        ("maxItems", Three, Of2020, arrays::max_items),
        ("maxLength", Three, Of2020, keywords::max_length),
        ("maxProperties", Four, Of2020, objects::max_properties),
        ("maximum", Three, Four, legacy::maximum),
        ("maximum", Six, Of2020, keywords::maximum),
        ("minItems", Three, Of2020, arrays::min_items),
        ("minLength", Three, Of2020, keywords::min_length),
        ("minProperties", Four, Of2020, objects::min_properties),
        ("minimum", Three, Four, legacy::minimum),
        ("minimum", Six, Of2020, keywords::minimum),
        ("multipleOf", Four, Of2020, keywords::multiple_of),
        ("not", Four, Of2020, keywords::negation),
        ("oneOf", Four, Of2020, keywords::one_of),
        ("pattern", Three, Of2020, keywords::pattern),
        ("patternProperties", Three, Of2020, objects::pattern_properties),
        ("prefixItems", Of2020, Of2020, arrays::prefix_items),
        ("properties", Three, Three, legacy::properties),
        ("properties", Four, Of2020, objects::properties),
        ("propertyNames", Six, Of2020, objects::property_names),
        ("required", Four, Of2020, objects::required),
        ("type", Three, Three, legacy::types),
        ("type", Four, Of2020, keywords::types),
        ("unevaluatedItems", Of2019, Of2020, arrays::unevaluated_items),
        ("unevaluatedProperties", Of2019, Of2020, objects::unevaluated_properties),
        ("uniqueItems", Three, Of2020, arrays::unique_items),
    ]
};

impl Draft {
    pub(in crate::template) const LATEST: Self = Self::Of2020;

    /// The names of drafts.
    pub(in crate::template) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    pub(in crate::template) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, draft)| *draft)
    }

    /// The draft that a schema names in `$schema`, if it is known.
    pub(super) fn named_in(schema: &Value) -> Outcome<Option<Self>> {
        match class_of(schema) {
            Class::Bool | Class::Text | Class::List => return Ok(None),
            _ if is_mapping(schema) => {}
            _ => {
                let name = type_name(schema);
                let message = format!("argument of type '{name}' is not iterable");
                return Err(Failure::failed(message));
            }
        }
        let named = mapping_get(schema, &Value::from("$schema"))?;
        let uri = named.as_ref().and_then(Value::as_str).unwrap_or_default();
        Ok(match uri.trim_end_matches('#') {
            "http://json-schema.org/draft-03/schema" => Some(Self::Three),
            "http://json-schema.org/draft-04/schema" => Some(Self::Four),
            "http://json-schema.org/draft-06/schema" => Some(Self::Six),
            "http://json-schema.org/draft-07/schema" => Some(Self::Seven),
            "https://json-schema.org/draft/2019-09/schema" => Some(Self::Of2019),
            "https://json-schema.org/draft/2020-12/schema" => Some(Self::Of2020),
            _ => None,
        })
    }

    /// What a keyword does.
    pub(super) fn check_of(self, keyword: &str) -> Option<Check> {
        let known = |(name, from, to, _): &&(&str, Self, Self, Check)| {
            *name == keyword && *from <= self && self <= *to
        };
        KEYWORDS.iter().find(known).map(|(.., check)| *check)
    }

    /// The keywords of a schema; a reference stands alone up to draft 7.
    pub(super) fn keywords_of(self, schema: &Value) -> Outcome<Vec<(Value, Value)>> {
        if self > Self::Seven || !is_mapping(schema) {
            return entries_of(schema);
        }
        match mapping_get(schema, &Value::from("$ref"))?.filter(|reference| !reference.is_none()) {
            Some(reference) => Ok(vec![(Value::from("$ref"), reference)]),
            None => entries_of(schema),
        }
    }

    /// The name that a schema gives itself.
    pub(super) fn name_of(self, schema: &Value) -> Outcome<Option<String>> {
        if class_of(schema) == Class::Bool {
            return Ok(None);
        }
        if !is_mapping(schema) {
            let name = type_name(schema);
            return Err(Failure::failed(format!("'{name}' object has no attribute 'get'")));
        }
        let keyword = if self <= Self::Four { "id" } else { "$id" };
        let named = mapping_get(schema, &Value::from(keyword))?;
        let named = named.as_ref().and_then(Value::as_str).map(str::to_owned);
        let alone = self <= Self::Seven && mapping_get(schema, &Value::from("$ref"))?.is_some();
        Ok(named.filter(|name| {
            self > Self::Seven || !alone && !(self >= Self::Six && name.starts_with('#'))
        }))
    }

    /// Whether a value is of a type; none for a type that the draft does not have.
    pub(super) fn is_type(self, value: &Value, name: &str) -> Option<bool> {
        Some(match name {
            "any" if self == Self::Three => true,
            "array" => is_array(value),
            "boolean" => class_of(value) == Class::Bool,
            "integer" => match class_of(value) {
                Class::Integer => true,
                Class::Float => {
                    self >= Self::Six
                        && as_float(value).is_some_and(|it| it.is_finite() && it.fract() == 0.0)
                }
                _ => false,
            },
            "null" => value.is_none(),
            "number" => is_number(value),
            "object" => is_object(value),
            "string" => class_of(value) == Class::Text,
            _ => return None,
        })
    }
}
