//! XML, as Python's `xmltodict` reads and writes it.

use indexmap::IndexMap;
use minijinja::Value;
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, deeper, dict, elements, entries, is_mapping, list, text, type_name,
};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("ansible.utils.from_xml", &["data", "engine"], |call| {
        engine(call, "from_xml", 1)?;
        let source = call.text(0)?;
        parsed(&source).ok_or_else(|| refusal(call, "from_xml", "Input Xml is not valid"))
    }),
    filter(
        "ansible.utils.to_xml",
        &["data", "engine", "indent", "indent_width", "full_document"],
        to_xml,
    ),
];

fn refusal(call: &Bound<'_>, filter: &str, message: &str) -> Box<crate::template::Failure> {
    call.refuse(format!("Error when using plugin '{filter}': {message}"))
}

fn engine(call: &Bound<'_>, filter: &str, index: usize) -> Outcome<()> {
    match call.text_or(index, "xmltodict")?.as_str() {
        "xmltodict" => Ok(()),
        other => Err(refusal(call, filter, &format!("engine: {other} is not supported"))),
    }
}

/// An element that is read.
struct Open {
    name: String,
    members: IndexMap<Value, Value>,
    text: String,
}

impl Open {
    fn add(&mut self, name: &str, value: Value) {
        let name = Value::from(name);
        match self.members.get_mut(&name) {
            Some(there) if class_of(there) == Class::List => {
                let mut all = elements(there).unwrap_or_default();
                all.push(value);
                *there = list(all);
            }
            Some(there) => *there = list(vec![there.clone(), value]),
            None => {
                self.members.insert(name, value);
            }
        }
    }

    /// Its value: a mapping where it has attributes or elements, else its text.
    fn value(mut self) -> Value {
        let text = self.text.trim().to_owned();
        let text = (!text.is_empty()).then(|| Value::from(text));
        match (self.members.is_empty(), text) {
            (true, text) => text.unwrap_or_default(),
            (false, text) => {
                if let Some(text) = text {
                    self.add("#text", text);
                }
                dict(self.members)
            }
        }
    }
}

/// The document as mappings; `None` where it is none. Entities of its own are refused.
fn parsed(source: &str) -> Option<Value> {
    let mut reader = Reader::from_str(source);
    let mut open: Vec<Open> =
        vec![Open { name: String::new(), members: IndexMap::new(), text: String::new() }];
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                if open.len() > 500 {
                    return None;
                }
                open.push(element(&tag)?);
            }
            Event::Empty(tag) => {
                let empty = element(&tag)?;
                let name = empty.name.clone();
                let value = empty.value();
                open.last_mut()?
                    .add(&name, if value.is_undefined() { Value::from(()) } else { value });
            }
            Event::End(_) => {
                let closed = open.pop()?;
                let name = closed.name.clone();
                let value = closed.value();
                open.last_mut()?
                    .add(&name, if value.is_undefined() { Value::from(()) } else { value });
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text),
            Event::CData(text) => open.last_mut()?.text.push_str(&text),
            Event::GeneralRef(name) => {
                let letter = match name.resolve_char_ref().ok()? {
                    Some(letter) => letter.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name)?.to_owned(),
                };
                open.last_mut()?.text.push_str(&letter);
            }
            Event::DocType(text) if text.contains("<!ENTITY") => return None,
            Event::Eof => break,
            _ => {}
        }
    }
    let document = open.pop()?;
    // one element, and nothing beside it
    let alone = open.is_empty() && document.members.len() == 1 && document.text.trim().is_empty();
    let many = document.members.values().any(|value| class_of(value) == Class::List);
    (alone && !many).then(|| dict(document.members))
}

fn element(tag: &quick_xml::events::BytesStart<'_>) -> Option<Open> {
    let name = tag.name().as_ref().to_owned();
    let mut element = Open { name, members: IndexMap::new(), text: String::new() };
    for attribute in tag.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
        let key = format!("@{}", attribute.key.as_ref());
        element.members.insert(Value::from(key), Value::from(value.into_owned()));
    }
    Some(element)
}

fn to_xml(call: &Bound<'_>) -> Outcome<Value> {
    engine(call, "to_xml", 1)?;
    let width = call.size(3, 4)?.min(1000);
    let indent = match call.text_or(2, "tabs")?.as_str() {
        "spaces" => " ".repeat(width),
        _ => "\t".to_owned(),
    };
    let whole = call.flag_or_true(4)?;
    let invalid = || refusal(call, "to_xml", "Input json is not valid");
    let data = call.value()?;
    if !is_mapping(data) {
        let kind = type_name(data);
        return Err(call.refuse(format!(
            "[\"argument 'data' is of type {kind} and we were unable to convert to dict: <class \
             '{kind}'> cannot be converted to a dict\"]"
        )));
    }
    let roots = entries(data)?;
    if whole && roots.len() != 1 {
        return Err(invalid());
    }
    let mut out = String::new();
    if whole {
        out.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    }
    for (name, value) in &roots {
        let alone =
            !matches!(class_of(value), Class::List | Class::Tuple) || elements(value)?.len() <= 1;
        if whole && !alone {
            return Err(invalid());
        }
        write_element(&text(name)?, value, 0, &indent, &mut out)?;
    }
    while out.ends_with('\n') && !whole {
        out.pop();
    }
    if whole {
        out.truncate(out.trim_end_matches('\n').len());
    }
    Ok(Value::from(out))
}

fn write_element(
    name: &str,
    value: &Value,
    depth: usize,
    indent: &str,
    out: &mut String,
) -> Outcome<()> {
    let every = match class_of(value) {
        Class::List | Class::Tuple => elements(value)?,
        _ => vec![value.clone()],
    };
    for value in every {
        deeper(|| write_one(name, &value, depth, indent, out))?;
    }
    Ok(())
}

fn write_one(
    name: &str,
    value: &Value,
    depth: usize,
    indent: &str,
    out: &mut String,
) -> Outcome<()> {
    let mut attributes = String::new();
    let mut children = Vec::new();
    let mut content = None;
    if is_mapping(value) {
        for (key, entry) in entries(value)? {
            let key = text(&key)?;
            if key == "#text" {
                content = Some(written(&entry)?);
            } else if let Some(attribute) = key.strip_prefix('@') {
                let quoted = escaped(&written(&entry)?).replace('"', "&quot;");
                attributes.push_str(&format!(" {attribute}=\"{quoted}\""));
            } else if class_of(&entry) != Class::List || !elements(&entry)?.is_empty() {
                children.push((key, entry));
            }
        }
    } else if !value.is_none() {
        content = Some(written(value)?);
    }
    let before = indent.repeat(depth);
    out.push_str(&format!("{before}<{name}{attributes}>"));
    if !children.is_empty() {
        out.push('\n');
        for (name, child) in &children {
            write_element(name, child, depth + 1, indent, out)?;
        }
    }
    if let Some(content) = content {
        out.push_str(&escaped(&content));
    }
    if !children.is_empty() {
        out.push_str(&before);
    }
    out.push_str(&format!("</{name}>\n"));
    Ok(())
}

fn written(value: &Value) -> Outcome<String> {
    Ok(match class_of(value) {
        Class::None => String::new(),
        Class::Bool => value.is_true().to_string(),
        _ => text(value)?,
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
