//! An XML text as a tree, searched with `XPath`.

use encoding_rs::{Encoding, UTF_8};
use uppsala::{Document, NodeId, NodeKind, QName, XPathEvaluator, XPathValue};

use super::{Error, Params};
use crate::params::plain;

/// A tree with the namespaces of the task.
pub(super) struct Tree {
    pub(super) document: Document<'static>,
    /// Prefixes and their namespaces.
    namespaces: Vec<(String, String)>,
}

/// What an expression finds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) nodes: Vec<NodeId>,
    /// What is no set of nodes.
    pub(super) number: Option<f64>,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.document(false))
    }
}

impl Tree {
    pub(super) fn parse(bytes: &[u8], params: &Params) -> Result<Self, String> {
        let document = match encoding(bytes) {
            Some(encoding) => uppsala::parse(&encoding.decode(bytes).0).map(Document::into_static),
            None => uppsala::parse_bytes(bytes),
        };
        let document = document.map_err(|error| error.to_string())?;
        let namespaces = params.namespaces.iter().flatten();
        let namespaces = namespaces.map(|(prefix, uri)| (prefix.clone(), plain(uri))).collect();
        let mut tree = Self { document, namespaces };
        if params.strip_cdata_tags {
            tree.strip_cdata();
        }
        if params.pretty_print {
            tree.remove_blanks();
        }
        Ok(tree)
    }

    pub(super) fn root(&self) -> NodeId {
        self.document.document_element().unwrap_or_else(|| self.document.root())
    }

    /// The namespace of a prefix of the task.
    pub(super) fn namespace(&self, prefix: &str) -> Option<&str> {
        self.namespaces.iter().find(|(known, _)| known == prefix).map(|(_, uri)| uri.as_str())
    }

    /// A name as the task writes it: with a prefix of the task's, or as `{namespace}name`.
    pub(super) fn name(&self, written: &str) -> Result<QName<'static>, Error> {
        if let Some((uri, local)) = written.strip_prefix('{').and_then(|it| it.split_once('}')) {
            return Ok(QName::with_namespace(uri.to_owned(), check_name(local)?.to_owned()));
        }
        match written.split_once(':') {
            Some((prefix, local)) => match self.namespace(prefix) {
                Some(uri) => {
                    Ok(QName::with_namespace(uri.to_owned(), check_name(local)?.to_owned()))
                }
                None => Err(Error::Evaluate(format!("'{prefix}'"))),
            },
            None => Ok(QName::local(check_name(written)?.to_owned())),
        }
    }

    fn evaluator(&self) -> XPathEvaluator {
        let mut evaluator = XPathEvaluator::new();
        for (prefix, uri) in &self.namespaces {
            evaluator.add_namespace(prefix.clone(), uri.clone());
        }
        evaluator
    }

    /// Whether it is an expression at all.
    pub(super) fn check(&mut self, xpath: &str) -> Result<(), Error> {
        match self.find(xpath) {
            Err(Error::Evaluate(reason)) if reason == NO_EXPRESSION => {
                Err(Error::Syntax(xpath.to_owned(), reason))
            }
            // what else is wrong shows where it is used
            _ => Ok(()),
        }
    }

    /// What an expression finds from the root.
    pub(super) fn find(&mut self, xpath: &str) -> Result<Found, Error> {
        self.find_from(self.root(), xpath)
    }

    pub(super) fn find_from(&mut self, node: NodeId, xpath: &str) -> Result<Found, Error> {
        if prefixes(xpath).any(|prefix| prefix != "xml" && self.namespace(prefix).is_none()) {
            return Err(Error::Evaluate("Undefined namespace prefix".to_owned()));
        }
        self.document.prepare_xpath();
        let found = self.evaluator().evaluate(&self.document, node, xpath);
        match found.map_err(|_| Error::Evaluate(NO_EXPRESSION.to_owned()))? {
            XPathValue::NodeSet(nodes) => Ok(Found { nodes, number: None }),
            XPathValue::Number(number) => Ok(Found { nodes: Vec::new(), number: Some(number) }),
            XPathValue::Boolean(_) | XPathValue::String(_) => {
                Ok(Found { nodes: Vec::new(), number: None })
            }
        }
    }

    /// Whether an expression finds an element, a comment or an instruction first.
    pub(super) fn is_node(&mut self, node: NodeId, xpath: &str) -> Result<bool, Error> {
        let found = self.find_from(node, xpath)?;
        Ok(found.nodes.first().is_some_and(|first| self.is_markup(*first)))
    }

    /// Whether it is an element, a comment or an instruction.
    pub(super) fn is_markup(&self, node: NodeId) -> bool {
        matches!(
            self.document.node_kind(node),
            Some(NodeKind::Element(_) | NodeKind::Comment(_) | NodeKind::ProcessingInstruction(_))
        )
    }

    pub(super) fn is_text(&self, node: NodeId) -> bool {
        matches!(self.document.node_kind(node), Some(NodeKind::Text(_) | NodeKind::CData(_)))
    }

    /// The text at the start of an element; `None` where it begins with something else.
    pub(super) fn text(&self, node: NodeId) -> Option<String> {
        if let Some(NodeKind::Comment(text)) = self.document.node_kind(node) {
            return Some(text.to_string());
        }
        let mut text: Option<String> = None;
        for child in self.leading_texts(node) {
            text.get_or_insert_default()
                .push_str(self.document.text_content(child).unwrap_or_default());
        }
        text
    }

    fn leading_texts(&self, node: NodeId) -> Vec<NodeId> {
        let children = self.document.children(node);
        children.into_iter().take_while(|child| self.is_text(*child)).collect()
    }

    /// Sets the text at the start of an element.
    pub(super) fn set_text(&mut self, node: NodeId, text: Option<&str>) {
        for child in self.leading_texts(node) {
            self.document.detach(child);
        }
        if let Some(text) = text {
            let new = self.document.create_text(text.to_owned());
            match self.document.first_child(node) {
                Some(first) => self.document.insert_before(node, new, first),
                None => self.document.append_child(node, new),
            }
        }
    }

    /// The elements, comments and instructions of an element.
    pub(super) fn markup_children(&self, node: NodeId) -> Vec<NodeId> {
        let children = self.document.children(node);
        children.into_iter().filter(|child| self.is_markup(*child)).collect()
    }

    /// The texts that follow a node directly.
    pub(super) fn tail(&self, node: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut at = self.document.next_sibling(node);
        while let Some(next) = at.filter(|next| self.is_text(*next)) {
            found.push(next);
            at = self.document.next_sibling(next);
        }
        found
    }

    /// Takes a node out, with the text that follows it.
    pub(super) fn remove(&mut self, node: NodeId) {
        for text in self.tail(node) {
            self.document.detach(text);
        }
        self.document.detach(node);
    }

    fn elements(&self) -> Vec<NodeId> {
        let root = self.root();
        let mut all = vec![root];
        all.extend(self.document.descendants(root));
        all.retain(|node| matches!(self.document.node_kind(*node), Some(NodeKind::Element(_))));
        all
    }

    fn strip_cdata(&mut self) {
        for element in self.elements() {
            for child in self.document.children(element) {
                if let Some(kind) = self.document.node_kind_mut(child)
                    && let NodeKind::CData(text) = kind
                {
                    *kind = NodeKind::Text(std::mem::take(text));
                }
            }
        }
    }

    /// Takes out blanks that only lay the text out, as libxml2 guesses them.
    pub(super) fn remove_blanks(&mut self) {
        for element in self.elements() {
            let children = self.document.children(element);
            let mut last: Option<NodeId> = None;
            let mut first_is_text = false;
            let count = children.len();
            for child in children {
                let is_blank = match self.document.node_kind(child) {
                    Some(NodeKind::Text(text)) => {
                        text.chars().all(|letter| matches!(letter, ' ' | '\t' | '\n' | '\r'))
                    }
                    _ => false,
                };
                let alone = last.is_none() && count == 1;
                let after_text = last.is_some_and(|last| self.is_text(last));
                if is_blank && !alone && !after_text && !first_is_text {
                    self.document.detach(child);
                    continue;
                }
                if last.is_none() {
                    first_is_text = self.is_text(child);
                }
                last = Some(child);
            }
        }
    }

    /// What decides whether something has changed: the root without blanks and CDATA marks.
    pub(super) fn normal(&self) -> String {
        let mut copy = Self { document: self.document.clone(), namespaces: Vec::new() };
        copy.strip_cdata();
        copy.remove_blanks();
        for element in copy.elements() {
            for child in copy.document.children(element) {
                if copy.document.text_content(child) == Some("") {
                    copy.document.detach(child);
                }
            }
        }
        copy.element_text(copy.root())
    }
}

/// The encoding that a text declares, where it is none of Unicode's.
fn encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|two| two == b"?>")?;
    let text = String::from_utf8_lossy(declaration.get(..end)?).into_owned();
    let (_, after) = text.split_once("encoding")?;
    let label = after.trim_start_matches([' ', '=']).trim_start_matches(['\'', '"']);
    let label = label.split(['\'', '"']).next()?;
    let found = Encoding::for_label(label.as_bytes())?;
    Some(found).filter(|found| *found != UTF_8 && !label.to_lowercase().starts_with("utf-16"))
}

fn check_name(name: &str) -> Result<&str, Error> {
    let letter = |first: char| first.is_alphabetic() || first == '_' || !first.is_ascii();
    let rest = |other: char| letter(other) || other.is_ascii_digit() || "-.".contains(other);
    let fits = name.starts_with(letter) && name.chars().all(rest);
    fits.then_some(name).ok_or_else(|| Error::Name(name.to_owned()))
}

const NO_EXPRESSION: &str = "Invalid expression";

/// The prefixes of names in an expression; not those of axes, nor what stands in its texts.
fn prefixes(xpath: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let outside = xpath.split(move |letter: char| match quote {
        Some(open) => {
            quote = quote.filter(|_| letter != open);
            true
        }
        None => {
            quote = Some(letter).filter(|it| matches!(it, '\'' | '"'));
            !(letter.is_alphanumeric() || "_-.:".contains(letter))
        }
    });
    outside.filter(|word| !word.contains("::")).filter_map(|word| Some(word.split_once(':')?.0))
}
