//! Writing a tree as libxml2 writes it.

use uppsala::{Element, NodeId, NodeKind};

use super::tree::Tree;

/// Levels beyond this are not indented further.
const DEEPEST: usize = 30;

impl Tree {
    /// The whole text, with its declaration.
    pub(super) fn document(&self, pretty: bool) -> String {
        let mut text = String::from("<?xml version='1.0' encoding='UTF-8'?>\n");
        let root = self.root();
        if let Some(doctype) = &self.document.doctype {
            text.push_str(doctype);
            text.push('\n');
        }
        let mut after = false;
        for node in self.document.children(self.document.root()) {
            if self.is_text(node) {
                continue;
            }
            if after && pretty {
                text.push('\n');
            }
            self.write(node, 0, pretty, &mut text);
            if pretty && !after && node != root {
                text.push('\n');
            }
            after |= node == root;
        }
        if pretty {
            text.push('\n');
        }
        text
    }

    /// The text as messages show it.
    pub(super) fn shown(&self) -> String {
        let text = self.document(true);
        let text = text.split_once('\n').map_or("", |(_, rest)| rest);
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let mut shown = format!("b{quote}");
        for character in text.chars() {
            match character {
                '\n' => shown.push_str("\\n"),
                '\t' => shown.push_str("\\t"),
                '\\' => shown.push_str("\\\\"),
                same if same == quote => shown.extend(['\\', same]),
                plain if plain.is_ascii() => shown.push(plain),
                other => shown.push_str(&format!("&#{};", u32::from(other))),
            }
        }
        shown.push(quote);
        shown
    }

    /// The text of an element alone.
    pub(super) fn element_text(&self, node: NodeId) -> String {
        let mut text = String::new();
        self.write(node, 0, false, &mut text);
        text
    }

    /// The text of an element and of what follows it up to the next one.
    pub(super) fn with_tail(&self, node: NodeId) -> String {
        let mut text = self.element_text(node);
        for tail in self.tail(node) {
            self.write(tail, 0, false, &mut text);
        }
        text
    }

    fn write(&self, node: NodeId, level: usize, pretty: bool, text: &mut String) {
        match self.document.node_kind(node) {
            Some(NodeKind::Element(element)) => {
                self.write_element(node, element, level, pretty, text);
            }
            Some(NodeKind::Text(content)) => escape(content, Place::Text, text),
            Some(NodeKind::CData(content)) => {
                text.push_str("<![CDATA[");
                text.push_str(content);
                text.push_str("]]>");
            }
            Some(NodeKind::Comment(content)) => {
                text.push_str("<!--");
                text.push_str(content);
                text.push_str("-->");
            }
            Some(NodeKind::ProcessingInstruction(instruction)) => {
                text.push_str("<?");
                text.push_str(&instruction.target);
                if let Some(data) = instruction.data.as_deref().filter(|data| !data.is_empty()) {
                    text.push(' ');
                    text.push_str(data);
                }
                text.push_str("?>");
            }
            Some(NodeKind::Document | NodeKind::Attribute(..)) | None => {}
        }
    }

    fn write_element(
        &self,
        node: NodeId,
        element: &Element<'_>,
        level: usize,
        pretty: bool,
        text: &mut String,
    ) {
        let name = element.name.prefixed_name();
        text.push('<');
        text.push_str(&name);
        for (prefix, uri) in &element.namespace_declarations {
            text.push_str(" xmlns");
            if !prefix.is_empty() {
                text.push(':');
                text.push_str(prefix);
            }
            text.push_str("=\"");
            escape(uri, Place::Attribute, text);
            text.push('"');
        }
        for attribute in &element.attributes {
            text.push(' ');
            text.push_str(&attribute.name.prefixed_name());
            text.push_str("=\"");
            escape(&attribute.value, Place::Attribute, text);
            text.push('"');
        }
        let children = self.document.children(node);
        if children.is_empty() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        let pretty = pretty && !children.iter().any(|child| self.is_text(*child));
        for child in children {
            if pretty {
                indent(level + 1, text);
            }
            self.write(child, level + 1, pretty, text);
        }
        if pretty {
            indent(level, text);
        }
        text.push_str("</");
        text.push_str(&name);
        text.push('>');
    }
}

fn indent(level: usize, text: &mut String) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", level.min(DEEPEST)));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

fn escape(content: &str, place: Place, text: &mut String) {
    for character in content.chars() {
        match (character, place) {
            ('&', _) => text.push_str("&amp;"),
            ('<', _) => text.push_str("&lt;"),
            ('>', _) => text.push_str("&gt;"),
            ('\r', _) => text.push_str("&#13;"),
            ('"', Place::Attribute) => text.push_str("&quot;"),
            ('\n', Place::Attribute) => text.push_str("&#10;"),
            ('\t', Place::Attribute) => text.push_str("&#9;"),
            _ => text.push(character),
        }
    }
}
