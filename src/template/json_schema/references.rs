//! References between schemas: all lie in one document.

use std::collections::HashMap;

use minijinja::Value;

use super::{Draft, Shared};
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, class_of, deeper, elements, entries, equal, is_mapping, mapping_get, repr, type_name,
};

/// Keywords whose values are data.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// An anchor: a schema of a document by a name.
struct Anchor {
    schema: Value,
    /// Whether schemas that led there may name another in its place.
    dynamic: bool,
}

/// The schemas of a document by their names.
pub(super) struct Registry {
    documents: HashMap<String, Value>,
    anchors: HashMap<(String, String), Anchor>,
}

/// From where references are looked up.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) draft: Draft,
    base: String,
    /// The documents that led here, the last first.
    before: Shared<String>,
}

impl Place {
    pub(super) fn root(schema: &Value, draft: Draft) -> Outcome<Self> {
        let base = draft.name_of(schema)?.unwrap_or_default();
        let base = base.trim_end_matches('#').to_owned();
        Ok(Self { draft, base, before: Shared::from([]) })
    }

    /// Inside of a schema that may have a name.
    pub(super) fn inside(&self, schema: &Value) -> Outcome<Self> {
        Ok(match self.draft.name_of(schema)? {
            None => self.clone(),
            Some(name) => self.at(joined(&self.base, name.trim_end_matches('#'))),
        })
    }

    /// With the draft that a schema names.
    pub(super) fn of_schema(&self, schema: &Value) -> Outcome<Self> {
        let draft = Draft::named_in(schema)?.unwrap_or(self.draft);
        Ok(Self { draft, ..self.clone() })
    }

    fn at(&self, base: String) -> Self {
        let mut before = self.before.to_vec();
        if !self.base.is_empty() && (before.is_empty() || base != self.base) {
            before.insert(0, self.base.clone());
        }
        Self { draft: self.draft, base, before: before.into() }
    }
}

impl Registry {
    pub(super) fn of(schema: &Value, draft: Draft) -> Outcome<Self> {
        let mut registry = Self { documents: HashMap::new(), anchors: HashMap::new() };
        let base = Place::root(schema, draft)?.base;
        registry.documents.insert(base.clone(), schema.clone());
        registry.learn(schema, &base, draft)?;
        Ok(registry)
    }

    fn learn(&mut self, schema: &Value, base: &str, draft: Draft) -> Outcome<()> {
        if class_of(schema) == Class::List {
            let elements = elements(schema)?;
            return elements.iter().try_for_each(|it| deeper(|| self.learn(it, base, draft)));
        }
        if !is_mapping(schema) {
            return Ok(());
        }
        let mut base = base.to_owned();
        if let Some(name) = draft.name_of(schema)? {
            base = joined(&base, name.trim_end_matches('#'));
            self.documents.entry(base.clone()).or_insert_with(|| schema.clone());
        }
        let named = |keyword: &str| {
            let name = mapping_get(schema, &Value::from(keyword))?;
            Outcome::Ok(name.as_ref().and_then(Value::as_str).map(str::to_owned))
        };
        let mut anchor = |name: Option<String>, dynamic: bool| {
            if let Some(name) = name {
                let anchor = Anchor { schema: schema.clone(), dynamic };
                self.anchors.insert((base.clone(), name), anchor);
            }
        };
        if draft > Draft::Seven {
            anchor(named("$anchor")?, false);
            if draft == Draft::Of2020 {
                anchor(named("$dynamicAnchor")?, true);
            }
        } else {
            let name = named(if draft <= Draft::Four { "id" } else { "$id" })?;
            anchor(name.and_then(|name| name.strip_prefix('#').map(str::to_owned)), false);
        }
        for (keyword, value) in entries(schema)? {
            if !keyword.as_str().is_some_and(|keyword| DATA.contains(&keyword)) {
                deeper(|| self.learn(&value, &base, draft))?;
            }
        }
        Ok(())
    }

    /// The schema that a reference leads to, and its place.
    pub(super) fn find(&self, place: &Place, reference: &str) -> Outcome<(Value, Place)> {
        let (document, fragment) = match reference.split_once('#') {
            Some(("", fragment)) => (place.base.clone(), fragment),
            Some((document, fragment)) => (joined(&place.base, document), fragment),
            None => (joined(&place.base, reference), ""),
        };
        let Some(schema) = self.documents.get(&document) else {
            return Err(Failure::failed(format!("Unresolvable: {reference}")));
        };
        let there = place.at(document.clone());
        if fragment.is_empty() {
            return Ok((schema.clone(), there));
        }
        if fragment.starts_with('/') {
            return pointed(schema, fragment, there);
        }
        let Some(anchor) = self.anchors.get(&(document, fragment.to_owned())) else {
            let (name, schema) = (repr(&Value::from(fragment))?, repr(schema)?);
            let message = format!("NoSuchAnchor: {name} does not exist within {schema}");
            return Err(Failure::failed(message));
        };
        let mut last = anchor;
        if anchor.dynamic {
            for document in there.before.iter() {
                let other = self.anchors.get(&(document.clone(), fragment.to_owned()));
                last = other.filter(|other| other.dynamic).unwrap_or(last);
            }
        }
        let place = there.inside(&last.schema)?;
        Ok((last.schema.clone(), place))
    }

    /// Where `$recursiveRef` leads.
    pub(super) fn recursive(&self, place: &Place) -> Outcome<(Value, Place)> {
        let recurses = |schema: &Value| {
            let anchor = match is_mapping(schema) {
                true => mapping_get(schema, &Value::from("$recursiveAnchor"))?,
                false => None,
            };
            Outcome::Ok(anchor.is_some_and(|anchor| anchor.is_true()))
        };
        let mut found = self.find(place, "#")?;
        if recurses(&found.0)? {
            for document in found.1.before.clone().iter() {
                let next = self.find(&found.1, document)?;
                if !recurses(&next.0)? {
                    break;
                }
                found = next;
            }
        }
        Ok(found)
    }
}

/// What a JSON pointer leads to.
fn pointed(schema: &Value, pointer: &str, place: Place) -> Outcome<(Value, Place)> {
    let (mut found, mut place) = (schema.clone(), place);
    let pointer = crate::template::filters::url_decode(pointer);
    for part in pointer.split('/').skip(1) {
        let next = match class_of(&found) {
            Class::List => match part.parse::<usize>() {
                Ok(index) => elements(&found)?.get(index).cloned(),
                Err(_) => None,
            },
            _ if is_mapping(&found) => {
                let part = part.replace("~1", "/").replace("~0", "~");
                mapping_get(&found, &Value::from(part))?
            }
            Class::Text => None,
            _ => {
                let name = type_name(&found);
                return Err(Failure::failed(format!("'{name}' object is not subscriptable")));
            }
        };
        let Some(next) = next else {
            let (pointer, schema) = (repr(&Value::from(pointer))?, repr(schema)?);
            let message = format!("PointerToNowhere: {pointer} does not exist within {schema}");
            return Err(Failure::failed(message));
        };
        found = next;
        if is_mapping(&found) && !equal(&found, schema)? {
            place = place.inside(&found)?;
        }
    }
    Ok((found, place))
}

/// A URI reference, resolved against a base (RFC 3986, 5.2).
fn joined(base: &str, reference: &str) -> String {
    let has_scheme = |uri: &str| {
        uri.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.chars().all(|it| it.is_ascii_alphanumeric() || "+.-".contains(it))
        })
    };
    let base = base.split('#').next().unwrap_or_default();
    if reference.is_empty() {
        return base.to_owned();
    }
    if base.is_empty() || has_scheme(reference) {
        return reference.to_owned();
    }
    let scheme = base.find(':').map_or(0, |index| index + 1);
    let (scheme, rest) = base.split_at(if has_scheme(base) { scheme } else { 0 });
    if reference.starts_with("//") {
        return format!("{scheme}{reference}");
    }
    let authority = match rest.strip_prefix("//") {
        Some(after) => 2 + after.find('/').unwrap_or(after.len()),
        None if !scheme.is_empty() && !rest.starts_with('/') => return reference.to_owned(),
        None => 0,
    };
    let (authority, path) = rest.split_at(authority);
    let path = match reference.starts_with('/') {
        true => reference.to_owned(),
        false => format!("{}/{reference}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop().filter(|_| parts.len() > 1),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let path = match rest.contains('/') || reference.starts_with('/') {
        true => path,
        false => path.trim_start_matches('/').to_owned(),
    };
    format!("{scheme}{authority}{path}")
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn references_are_resolved_as_uris() {
        for (base, reference, expected) in [
            ("", "a.json", "a.json"),
            ("http://x/a/b.json", "c.json", "http://x/a/c.json"),
            ("http://x/a/b.json", "../c.json", "http://x/c.json"),
            ("http://x/a/b.json", "/c.json", "http://x/c.json"),
            ("http://x", "c.json", "http://x/c.json"),
            ("http://x/a/b.json", "https://y/", "https://y/"),
            ("http://x/a/b.json", "//y/z", "http://y/z"),
            ("http://x/a/b.json", "", "http://x/a/b.json"),
            ("urn:uuid:1", "c", "c"),
            ("a/b.json", "c.json", "a/c.json"),
            ("b.json", "c.json", "c.json"),
        ] {
            assert_eq!(joined(base, reference), expected, "{base} {reference}");
        }
    }
}
