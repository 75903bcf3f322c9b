//! Elements that a task describes.

use serde_json::{Map, Value as Json};
use uppsala::{Attribute, NodeId, NodeKind, QName};

use super::tree::Tree;
use super::{Error, Input};
use crate::params::python_type;

/// Makes the elements of a list, not yet in the tree.
pub(super) fn make(tree: &mut Tree, list: &[Json], input: Input) -> Result<Vec<NodeId>, Error> {
    list.iter()
        .map(|child| match input {
            Input::Xml => from_xml(tree, child),
            Input::Yaml => from_value(tree, child),
        })
        .collect()
}

fn from_xml(tree: &mut Tree, child: &Json) -> Result<NodeId, Error> {
    let text = text(child)?;
    let wrong = |error: uppsala::XmlError| Error::ParseChild(error.to_string());
    let document = uppsala::parse_bytes(text.as_bytes()).map_err(wrong)?;
    let root = document.document_element().unwrap_or_else(|| document.root());
    tree.document
        .import_subtree(&document, root)
        .ok_or_else(|| Error::ParseChild("it has no element".to_owned()))
}

fn from_value(tree: &mut Tree, child: &Json) -> Result<NodeId, Error> {
    match child {
        Json::String(name) => element(tree, name),
        Json::Object(map) => {
            let mut pairs = map.iter();
            let (Some((name, value)), None) = (pairs.next(), pairs.next()) else {
                return Err(Error::Keys);
            };
            match value {
                Json::Object(inner) => with_attributes(tree, name, inner),
                value => {
                    let node = element(tree, name)?;
                    if !value.is_null() {
                        tree.set_text(node, Some(text(value)?));
                    }
                    Ok(node)
                }
            }
        }
        other => Err(Error::Child(format!("<class '{}'>", python_type(other)))),
    }
}

/// An element of attributes, with `_` for its children and `+value` for its text.
fn with_attributes(
    tree: &mut Tree,
    name: &str,
    inner: &Map<String, Json>,
) -> Result<NodeId, Error> {
    let node = element(tree, name)?;
    for (attribute, value) in inner.iter().filter(|(key, _)| *key != "_" && *key != "+value") {
        set_attribute(tree, node, attribute, text(value)?)?;
    }
    match inner.get("_") {
        None | Some(Json::Null) => {}
        Some(Json::Array(children)) => {
            for child in make(tree, children, Input::Yaml)? {
                tree.document.append_child(node, child);
            }
        }
        Some(other) => return Err(Error::Children(format!("<class '{}'>", python_type(other)))),
    }
    if let Some(value) = inner.get("+value").filter(|value| !value.is_null()) {
        tree.set_text(node, Some(text(value)?));
    }
    Ok(node)
}

fn element(tree: &mut Tree, written: &str) -> Result<NodeId, Error> {
    let name = tree.name(written)?;
    Ok(tree.document.create_element(name))
}

/// The text that XML takes for a value.
pub(super) fn text(value: &Json) -> Result<&str, Error> {
    value.as_str().ok_or_else(|| Error::NoText(python_type(value)))
}

/// Sets an attribute; one with a namespace gets the prefix that is in force for it.
pub(super) fn set_attribute(
    tree: &mut Tree,
    node: NodeId,
    written: &str,
    value: &str,
) -> Result<(), Error> {
    let mut name = tree.name(written)?;
    if let Some(uri) = name.namespace_uri.clone() {
        let prefix = prefix_of(tree, node, &uri, Wanted::Prefix).unwrap_or_else(|| {
            let prefix = new_prefix(tree, node);
            declare(tree, node, &prefix, &uri);
            prefix
        });
        name.prefix = Some(prefix.into());
    }
    let Some(element) = tree.document.element_mut(node) else { return Ok(()) };
    let same = |known: &&mut Attribute<'static>| {
        known.name.namespace_uri == name.namespace_uri && known.name.local_name == name.local_name
    };
    match element.attributes.iter_mut().find(same) {
        Some(known) => known.value = value.to_owned().into(),
        None => element.attributes.push(Attribute { name, value: value.to_owned().into() }),
    }
    Ok(())
}

/// Fits new elements into the namespaces that are in force where they have been put.
pub(super) fn adopt(tree: &mut Tree, node: NodeId) {
    let Some(element) = tree.document.element(node) else { return };
    let parent = tree.document.parent(node);
    // declarations of its own that are in force already go
    let declared = element.namespace_declarations.clone();
    for (prefix, uri) in declared {
        let known = parent.and_then(|parent| prefix_of(tree, parent, &uri, Wanted::Any));
        let Some(known) = known else { continue };
        if let Some(element) = tree.document.element_mut(node) {
            element.namespace_declarations.retain(|(other, _)| *other != prefix);
        }
        rename(tree, node, &uri, &known);
    }
    let name = tree.document.element(node).map(|element| element.name.clone());
    if let Some(QName { namespace_uri: Some(uri), prefix: None, .. }) = name {
        let prefix = prefix_of(tree, node, &uri, Wanted::Any).unwrap_or_else(|| {
            let prefix = new_prefix(tree, node);
            declare(tree, node, &prefix, &uri);
            prefix
        });
        if let Some(element) = tree.document.element_mut(node) {
            element.name.prefix = Some(prefix).filter(|it| !it.is_empty()).map(Into::into);
        }
    }
    for child in tree.markup_children(node) {
        adopt(tree, child);
    }
}

/// Gives all names of a namespace below a node another prefix.
fn rename(tree: &mut Tree, node: NodeId, uri: &str, prefix: &str) {
    let prefix = Some(prefix.to_owned()).filter(|it| !it.is_empty());
    if let Some(NodeKind::Element(element)) = tree.document.node_kind_mut(node) {
        let attributes = element.attributes.iter_mut().map(|attribute| &mut attribute.name);
        for name in std::iter::once(&mut element.name).chain(attributes) {
            if name.namespace_uri.as_deref() == Some(uri) {
                name.prefix = prefix.clone().map(Into::into);
            }
        }
    }
    for child in tree.markup_children(node) {
        rename(tree, child, uri, prefix.as_deref().unwrap_or_default());
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Also none, for a namespace that holds without one.
    Any,
    Prefix,
}

/// The prefix that is in force for a namespace; empty for none.
fn prefix_of(tree: &Tree, node: NodeId, uri: &str, wanted: Wanted) -> Option<String> {
    if uri == "http://www.w3.org/XML/1998/namespace" {
        return Some("xml".to_owned());
    }
    let mut hidden: Vec<String> = Vec::new();
    for at in std::iter::once(node).chain(tree.document.ancestors(node)) {
        let Some(element) = tree.document.element(at) else { continue };
        for (prefix, known) in &element.namespace_declarations {
            let fits = known == uri && (wanted == Wanted::Any || !prefix.is_empty());
            if fits && !hidden.iter().any(|other| other == prefix) {
                return Some(prefix.to_string());
            }
        }
        hidden.extend(element.namespace_declarations.iter().map(|(prefix, _)| prefix.to_string()));
    }
    None
}

/// The first `ns0`, `ns1` … that is not taken.
fn new_prefix(tree: &Tree, node: NodeId) -> String {
    let taken = |prefix: &str| {
        std::iter::once(node).chain(tree.document.ancestors(node)).any(|at| {
            tree.document.element(at).is_some_and(|it| {
                it.namespace_declarations.iter().any(|(known, _)| known == prefix)
            })
        })
    };
    (0..u32::MAX)
        .map(|number| format!("ns{number}"))
        .find(|prefix| !taken(prefix))
        .unwrap_or_default()
}

fn declare(tree: &mut Tree, node: NodeId, prefix: &str, uri: &str) {
    if let Some(element) = tree.document.element_mut(node) {
        element.namespace_declarations.push((prefix.to_owned().into(), uri.to_owned().into()));
    }
}
