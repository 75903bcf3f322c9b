//! Questions about a tree.

use serde_json::{Map, Value as Json};
use uppsala::{NodeId, NodeKind, QName};

use super::tree::Tree;
use super::{Error, Part};

/// The message with the places of all that an expression finds.
pub(super) fn places(tree: &mut Tree, xpath: &str) -> Result<String, Error> {
    let found = tree.find(xpath)?;
    let places: Vec<Json> = found.nodes.iter().map(|node| place(tree, *node).into()).collect();
    let listed: Vec<String> = places.iter().map(Json::to_string).collect();
    Ok(format!("selector '{xpath}' match: [{}]", listed.join(", ")))
}

/// The path of a node, with a number where its name is not enough.
fn place(tree: &Tree, node: NodeId) -> String {
    let above = match tree.document.parent(node) {
        Some(parent) if tree.document.element(parent).is_some() => place(tree, parent),
        _ => String::new(),
    };
    let step = |node: NodeId| match tree.document.node_kind(node) {
        Some(NodeKind::Element(element)) => {
            match (&element.name.prefix, &element.name.namespace_uri) {
                (None, Some(_)) => Some("*".to_owned()),
                _ => Some(element.name.prefixed_name().into_owned()),
            }
        }
        Some(NodeKind::Comment(_)) => Some("comment()".to_owned()),
        Some(NodeKind::ProcessingInstruction(it)) => {
            Some(format!("processing-instruction('{}')", it.target))
        }
        Some(NodeKind::Attribute(name, _)) => Some(format!("@{}", name.prefixed_name())),
        Some(NodeKind::Text(_) | NodeKind::CData(_)) => Some("text()".to_owned()),
        Some(NodeKind::Document) | None => None,
    };
    let Some(name) = step(node) else { return above };
    let siblings = tree.document.parent(node).map(|parent| tree.document.children(parent));
    let alike: Vec<NodeId> = siblings
        .unwrap_or_default()
        .into_iter()
        .filter(|sibling| {
            let known = step(*sibling);
            let any_element = name == "*" && tree.document.element(*sibling).is_some();
            any_element || known.as_ref() == Some(&name)
        })
        .collect();
    match alike.iter().position(|sibling| *sibling == node) {
        Some(at) if alike.len() > 1 => format!("{above}/{name}[{}]", at + 1),
        _ => format!("{above}/{name}"),
    }
}

/// How many nodes an expression finds.
pub(super) fn count(tree: &mut Tree, xpath: &str) -> Result<i64, Error> {
    let found = tree.find(&format!("count(/{xpath})"))?;
    let number = found.number.unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "a count is a small whole number")]
    Ok(number as i64)
}

/// The texts or the attributes of all that an expression finds.
pub(super) fn contents(tree: &mut Tree, xpath: &str, part: Part) -> Result<Vec<Json>, Error> {
    let root = tree.root();
    if !tree.is_node(root, xpath)? {
        return Err(Error::NoNode(xpath.to_owned()));
    }
    let found = tree.find(xpath)?.nodes;
    let mut all = Vec::new();
    for node in found {
        let Some(element) = tree.document.element(node) else { continue };
        let inside = match part {
            Part::Text => Json::from(tree.text(node)),
            Part::Attribute => {
                let pairs = element.attributes.iter().map(|attribute| {
                    (full_name(&attribute.name), Json::from(attribute.value.as_ref()))
                });
                Json::Object(pairs.collect())
            }
        };
        all.push(Json::Object(Map::from_iter([(full_name(&element.name), inside)])));
    }
    Ok(all)
}

/// A name with its namespace in braces.
fn full_name(name: &QName<'_>) -> String {
    match &name.namespace_uri {
        Some(uri) => format!("{{{uri}}}{}", name.local_name),
        None => name.local_name.to_string(),
    }
}
