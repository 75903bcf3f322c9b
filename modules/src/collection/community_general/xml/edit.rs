//! Changes of a tree.

use serde_json::Value as Json;
use uppsala::{NodeId, NodeKind};

use super::children::{self, adopt, set_attribute};
use super::location::{self, Step};
use super::tree::Tree;
use super::{Error, Params, State};

/// Changes the tree as the task asks.
pub(super) fn edit(params: &Params, tree: &mut Tree, xpath: &str) -> Result<(), Error> {
    if params.state == State::Absent {
        return delete(tree, xpath);
    }
    if let Some(list) = &params.set_children {
        return replace_children(params, tree, xpath, list);
    }
    if let Some(list) = params.add_children.as_ref().filter(|list| !list.is_empty()) {
        return add_children(params, tree, xpath, list);
    }
    if let Some(value) = &params.value {
        return set(params, tree, xpath, value);
    }
    let root = tree.root();
    if tree.is_node(root, xpath)? { Ok(()) } else { make(tree, root, xpath) }
}

fn delete(tree: &mut Tree, xpath: &str) -> Result<(), Error> {
    let refused = |reason| Error::Delete(xpath.to_owned(), reason);
    for node in tree.find(xpath)?.nodes {
        match tree.document.node_kind(node) {
            Some(NodeKind::Attribute(name, _)) => {
                let name = name.clone();
                let parent = tree.document.parent(node);
                if let Some(element) = parent.and_then(|it| tree.document.element_mut(it)) {
                    element.attributes.retain(|known| known.name != name);
                }
            }
            Some(NodeKind::Text(_) | NodeKind::CData(_)) => {
                return Err(refused("Argument must be bytes or unicode, got 'NoneType'"));
            }
            _ if node == tree.root() || tree.document.parent(node).is_none() => {
                return Err(refused("'NoneType' object has no attribute 'remove'"));
            }
            _ => tree.remove(node),
        }
    }
    Ok(())
}

fn append(tree: &mut Tree, parent: NodeId, nodes: &[NodeId]) {
    for node in nodes {
        tree.document.append_child(parent, *node);
        adopt(tree, *node);
    }
}

fn replace_children(
    params: &Params,
    tree: &mut Tree,
    xpath: &str,
    list: &[Json],
) -> Result<(), Error> {
    let new = children::make(tree, list, params.input_type)?;
    let texts: Vec<String> = new.iter().map(|node| tree.element_text(*node)).collect();
    for node in tree.find(xpath)?.nodes {
        let there = tree.markup_children(node);
        let same = there.len() == texts.len()
            && there.iter().zip(&texts).all(|(child, text)| tree.with_tail(*child) == *text);
        if !same {
            for child in there {
                tree.remove(child);
            }
            append(tree, node, &new);
        }
    }
    Ok(())
}

fn add_children(params: &Params, tree: &mut Tree, xpath: &str, list: &[Json]) -> Result<(), Error> {
    let root = tree.root();
    if !tree.is_node(root, xpath)? {
        return Ok(());
    }
    let new = children::make(tree, list, params.input_type)?;
    let found = tree.find(xpath)?.nodes;
    if !params.insertbefore && !params.insertafter {
        for node in found {
            append(tree, node, &new);
        }
        return Ok(());
    }
    let at = if params.insertbefore { found.first() } else { found.last() };
    let (Some(at), Some(first)) = (at.copied(), found.first().copied()) else { return Ok(()) };
    let Some(parent) = tree.document.parent(first) else { return Ok(()) };
    let before = if params.insertbefore {
        Some(at)
    } else {
        let siblings = tree.markup_children(parent);
        let index = siblings.iter().position(|sibling| *sibling == at);
        index.and_then(|index| siblings.get(index + 1)).copied()
    };
    for node in new {
        match before {
            Some(before) => tree.document.insert_before(parent, node, before),
            None => tree.document.append_child(parent, node),
        }
        adopt(tree, node);
    }
    Ok(())
}

/// Sets the text or an attribute of all that is meant; what is missing is made.
fn set(params: &Params, tree: &mut Tree, xpath: &str, value: &Json) -> Result<(), Error> {
    let root = tree.root();
    let made = match tree.is_node(root, xpath) {
        Ok(true) => Ok(()),
        Ok(false) => make(tree, root, xpath),
        Err(error) => Err(error),
    };
    if let Err(error) = made {
        if matches!(error, Error::Spawn(..)) {
            return Err(error);
        }
        let has_namespaces = tree
            .document
            .element(root)
            .is_some_and(|element| !element.namespace_declarations.is_empty());
        let hint = match has_namespaces && !xpath.contains(':') {
            true => {
                "XML document has namespace(s) defined, but no namespace prefix(es) used in xpath!\n"
            }
            false => "",
        };
        let (xpath, reason) = (xpath.to_owned(), error.to_string());
        return Err(Error::Set { hint, xpath, reason, tree: tree.shown() });
    }
    if !tree.is_node(root, xpath)? {
        return Err(Error::NoNodeInTree(xpath.to_owned(), tree.shown()));
    }
    for node in tree.find(xpath)?.nodes {
        match params.attribute.as_ref().and_then(Json::as_str).filter(|name| !name.is_empty()) {
            Some(name) => set_attribute(tree, node, name, children::text(value)?)?,
            None => {
                let text = if value.is_null() { None } else { Some(children::text(value)?) };
                if tree.text(node).as_deref() != text {
                    tree.set_text(node, text);
                }
            }
        }
    }
    Ok(())
}

/// Makes what the last step of an expression asks for, and what it lies in.
fn make(tree: &mut Tree, from: NodeId, xpath: &str) -> Result<(), Error> {
    let Some((inner, step)) = location::split(xpath).filter(|(inner, _)| inner != xpath) else {
        return Err(Error::Spawn(xpath.to_owned(), tree.shown()));
    };
    if !tree.is_node(from, &inner)? {
        make(tree, from, &inner)?;
    }
    if !tree.is_node(from, &inner)? {
        return Ok(());
    }
    let places = tree.find_from(from, &inner)?.nodes;
    let child = |tree: &mut Tree, name: &str| -> Result<Vec<NodeId>, Error> {
        let name = tree.name(name)?;
        Ok(vec![tree.document.create_element(name)])
    };
    match step {
        Step::Element(name, text) => {
            let new = child(tree, &name)?;
            for node in &new {
                if text.is_some() {
                    tree.set_text(*node, text.as_deref());
                }
            }
            // of several places the last one keeps it
            for place in places {
                append(tree, place, &new);
            }
        }
        Step::Where(name, conditions) => {
            let new = child(tree, &name)?;
            for place in places {
                append(tree, place, &new);
                for node in &new {
                    for condition in &conditions {
                        make(tree, *node, &format!("./{condition}"))?;
                    }
                }
            }
        }
        Step::Text(text) => {
            for place in places {
                tree.set_text(place, Some(&text));
            }
        }
        Step::Attribute(name, value) => {
            for place in places {
                set_attribute(tree, place, &name, value.as_deref().unwrap_or_default())?;
            }
        }
    }
    Ok(())
}
