//! `community.general.xml`: parts of XML files.
//!
//! Follows the module of community.general 11, with `XPath` 1.0. Check mode: full. Diff: the file.
//!
//! Differs: what is wrong with an XML text is told in other words; the diff is that of the file.
//!
//! ```yaml
//! - name: Listen on the inside only
//!   community.general.xml:
//!     path: /etc/app/server.xml
//!     xpath: /server/connector
//!     attribute: address
//!     value: 127.0.0.1
//! ```
//!
//! Returns `actions`, `msg`, `count`, `matches`, `xmlstring`, `backup_file`.

mod answer;
mod children;
mod edit;
mod location;
#[cfg(test)]
mod tests;
mod text;
mod tree;

use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

use self::tree::Tree;
use crate::contract::{Conclusion, Module, Plan, Returned, Stop};
use crate::effect::{Applied, Attributes, Content, Effect, WriteFile};
use crate::host::{FileKind, Follow, Host};
use crate::module::copy::with_backup;
use crate::module::host_path;
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// Whether what is meant shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

choices! {
    /// What is read.
    pub enum Part {
        /// Attributes.
        Attribute = "attribute",
        /// Texts.
        Text = "text",
    }
}

choices! {
    /// How children are written.
    pub enum Input {
        /// As XML.
        Xml = "xml",
        /// As names, and names with what they hold.
        Yaml = "yaml",
    }
}

params! {
    /// Parameters of `community.general.xml`.
    pub struct Params {
        /// The file.
        path ("dest", "file"): Option<PathBuf>,
        /// An XML text instead of a file.
        xmlstring: Option<String>,
        /// What is meant, as an expression of `XPath`.
        xpath: Option<String>,
        /// The namespaces of prefixes in the expression.
        namespaces: Option<Map<String, Json>>,
        /// Whether what is meant shall be there.
        state ("ensure"): State = State::Present,
        /// The text of the element, or the value of its attribute; null is none.
        value: Option<Json>,
        /// The attribute that gets the value.
        attribute: Option<Json>,
        /// Children that are added.
        add_children: Option<Vec<Json>>,
        /// All children that there shall be.
        set_children: Option<Vec<Json>>,
        /// Whether what is meant is counted.
        count: bool = false,
        /// Whether the places of what is meant are told.
        print_match: bool = false,
        /// Whether the text is laid out anew.
        pretty_print: bool = false,
        /// What is read.
        content: Option<Part>,
        /// How children are written.
        input_type: Input = Input::Yaml,
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// Whether texts lose their CDATA marks.
        strip_cdata_tags: bool = false,
        /// Whether children come before the first that is meant.
        insertbefore: bool = false,
        /// Whether children come after the last that is meant.
        insertafter: bool = false,
    }
    rules [
        Rule::MutuallyExclusive(&[
            "add_children", "content", "count", "print_match", "set_children", "value",
        ]),
        Rule::MutuallyExclusive(&["path", "xmlstring"]),
        Rule::MutuallyExclusive(&["insertbefore", "insertafter"]),
        Rule::RequiredOneOf(&["path", "xmlstring"]),
        Rule::RequiredOneOf(&[
            "add_children", "content", "count", "pretty_print", "print_match", "set_children",
            "value",
        ]),
        Rule::RequiredIf("count", "True", &["xpath"]),
        Rule::RequiredIf("print_match", "True", &["xpath"]),
        Rule::RequiredIf("insertbefore", "True", &["xpath"]),
        Rule::RequiredIf("insertafter", "True", &["xpath"]),
        Rule::RequiredBy("add_children", &["xpath"]),
        Rule::RequiredBy("attribute", &["value"]),
        Rule::RequiredBy("content", &["xpath"]),
        Rule::RequiredBy("set_children", &["xpath"]),
        Rule::RequiredBy("value", &["xpath"]),
    ]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no file.
    #[error("The target XML source '{0}' does not exist.")]
    Missing(String),
    /// It is no XML.
    #[error("Error while parsing document: {0} ({1})")]
    Parse(String, String),
    /// A child is no XML.
    #[error("Error while parsing child element: {0}")]
    ParseChild(String),
    /// It is no expression.
    #[error("Syntax error in xpath expression: {0} ({1})")]
    Syntax(String, String),
    /// It cannot be evaluated here.
    #[error("{0}")]
    Evaluate(String),
    /// It is no node.
    #[error("Xpath {0} does not reference a node!")]
    NoNode(String),
    /// It is no node, after it was to be made.
    #[error("Xpath {0} does not reference a node! tree is {1}")]
    NoNodeInTree(String, String),
    /// It cannot be set.
    #[error("{hint}Xpath {xpath} causes a failure: {reason}\n  -- tree is {tree}")]
    Set {
        /// What may be the cause.
        hint: &'static str,
        /// The expression.
        xpath: String,
        /// Why not.
        reason: String,
        /// The text.
        tree: String,
    },
    /// It cannot be made of the expression.
    #[error("Can't process Xpath {0} in order to spawn nodes! tree is {1}")]
    Spawn(String, String),
    /// It cannot go.
    #[error("Couldn't delete xpath target: {0} ({1})")]
    Delete(String, &'static str),
    /// A child with several names.
    #[error("Can only create children from hashes with one key")]
    Keys,
    /// Children that are no list.
    #[error("Invalid children type: {0}, must be list.")]
    Children(String),
    /// A child that is neither.
    #[error("Invalid child type: {0}. Children must be either strings or hashes.")]
    Child(String),
    /// What XML takes texts for.
    #[error("Argument must be bytes or unicode, got '{0}'")]
    NoText(&'static str),
    /// A name that XML has not.
    #[error("Invalid tag name '{0}'")]
    Name(String),
    /// There is nothing to do.
    #[error("Don't know what to do")]
    Nothing,
}

/// The module.
#[derive(Debug)]
pub struct Xml;

/// What is known of the text.
#[derive(Debug)]
pub struct Observed {
    path: Option<PathBuf>,
    outcome: Outcome,
}

/// What the task comes to.
#[derive(Debug, Default)]
struct Outcome {
    /// The text that there shall be, where it differs.
    text: Option<String>,
    changed: bool,
    returned: Returned,
}

impl Module for Xml {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let (path, bytes) = match (&params.xmlstring, &params.path) {
            (Some(text), _) if !text.is_empty() => (None, text.clone().into_bytes()),
            (_, Some(path)) => {
                let path = host_path::expand(host, path)?;
                let is_file = |kind| kind == FileKind::File;
                if !host.stat(&path, Follow::Yes)?.is_some_and(|stat| is_file(stat.kind)) {
                    return Err(Stop::failed(Error::Missing(path.display().to_string())));
                }
                let path = host_path::follow_links(host, &path)?;
                let bytes = host.read(&path)?;
                (Some(path), bytes)
            }
            _ => return Err(Stop::failed(Error::Missing("None".to_owned()))),
        };
        let outcome = outcome(params, path.as_ref(), &bytes).map_err(Stop::failed)?;
        Ok(Observed { path, outcome })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.returned.clone_from(&observed.outcome.returned);
        if let (Some(path), Some(text)) = (&observed.path, &observed.outcome.text) {
            let write = WriteFile {
                path: path.clone(),
                content: Content::Bytes(text.clone().into_bytes()),
                attributes: Attributes::default(),
                validate: None,
                backup: params.backup,
                unsafe_writes: false,
            };
            plan.push(Effect::WriteFile(write), "it differs");
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let conclusion = with_backup(plan, applied, "backup_file");
        Ok(Conclusion { changed: observed.outcome.changed, ..conclusion })
    }
}

/// All that the task comes to, from the bytes of a text.
fn outcome(params: &Params, path: Option<&PathBuf>, bytes: &[u8]) -> Result<Outcome, Error> {
    let mut tree = Tree::parse(bytes, params).map_err(|reason| {
        let name = path.map_or_else(|| "xml_string".to_owned(), |path| path.display().to_string());
        Error::Parse(name, reason)
    })?;
    let Some(xpath) = params.xpath.as_deref() else {
        return if params.pretty_print {
            layout(params, &tree, bytes)
        } else {
            Err(Error::Nothing)
        };
    };
    tree.check(xpath)?;
    let before = tree.normal();
    let mut answer = Map::new();
    if params.print_match {
        answer.insert("msg".to_owned(), answer::places(&mut tree, xpath)?.into());
        answer.insert("matches".to_owned(), json!([]));
    } else if params.count {
        let hits = answer::count(&mut tree, xpath)?;
        answer.insert("msg".to_owned(), format!("found {hits} nodes").into());
        answer.insert("count".to_owned(), hits.into());
    } else if let Some(part) = params.content {
        let matches = answer::contents(&mut tree, xpath, part)?;
        answer.insert("msg".to_owned(), matches.len().into());
        answer.insert("count".to_owned(), matches.len().into());
        answer.insert("matches".to_owned(), matches.into());
    } else {
        edit::edit(params, &mut tree, xpath)?;
    }
    let changed = tree.normal() != before;
    let mut returned = Map::new();
    let namespaces = params.namespaces.clone().unwrap_or_default();
    let actions = json!({"xpath": xpath, "namespaces": namespaces, "state": params.state.word()});
    returned.insert("actions".to_owned(), actions);
    returned.extend(answer);
    let text = tree.document(params.pretty_print);
    if path.is_none() {
        returned.insert("xmlstring".to_owned(), text.clone().into());
    }
    Ok(Outcome { text: changed.then_some(text), changed, returned })
}

/// The text laid out anew, and nothing else.
fn layout(params: &Params, tree: &Tree, bytes: &[u8]) -> Result<Outcome, Error> {
    let text = tree.document(true);
    let mut outcome = Outcome::default();
    if params.xmlstring.is_some() {
        outcome.returned.insert("xmlstring".to_owned(), text.clone().into());
        // a new text counts as a change, whatever it says
        outcome.changed = true;
    } else {
        outcome.changed = text.as_bytes() != bytes;
    }
    outcome.text = outcome.changed.then_some(text);
    Ok(outcome)
}
