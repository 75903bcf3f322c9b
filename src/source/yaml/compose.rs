//! From the parser's events to nodes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use libyaml_safer::{Error, ErrorKind, Event, EventData, Mark, Parser, ScalarStyle};

use super::guard::{tag_before_comma, without_added_end};
use super::mapping::{Entries, Was};
use super::scalar::{BadScalar, ScalarType, construct, resolve};
use super::tag::{Tag, Trust, collection_tag, resolve_tag};
use super::{DuplicateKeys, Loaded, hints, position, span_length};
use crate::diagnostics::Diagnostic;
use crate::source::{Kind, Node, Problem, SourceFile, Span, YamlError};

/// How deep nodes may nest.
const DEPTH_LIMIT: usize = 200;

/// How many nodes aliases may add.
const ALIAS_LIMIT: usize = 1_000_000;

pub(super) type Result<T> = std::result::Result<T, Box<YamlError>>;

/// Reads the one document of a file.
pub(super) fn compose(file: &Arc<SourceFile>) -> Result<Loaded> {
    if let Some(span) = tag_before_comma(file) {
        let problem = Problem::Syntax("a tag needs a value before the comma", None);
        return Err(Box::new(YamlError { problem, span, hints: Vec::new() }));
    }
    // the parser panics on a block scalar that the end of the file cuts off: give it a last line
    // end, and take that out of the value again
    let ended = format!("{}\n", file.text);
    let open_end = !file.text.ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let mut bytes = if open_end { ended.as_bytes() } else { file.text.as_bytes() };
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut composer = Composer {
        file,
        parser,
        anchors: HashMap::new(),
        open: HashSet::new(),
        open_end,
        unfolded: 0,
        warnings: Vec::new(),
    };
    let node = composer.document()?;
    Ok(Loaded { node, warnings: composer.warnings, encrypted: false })
}

struct Composer<'a> {
    file: &'a Arc<SourceFile>,
    parser: Parser<&'a mut &'a [u8]>,
    anchors: HashMap<String, Built>,
    open: HashSet<String>,
    /// Whether a line end was added to the text.
    open_end: bool,
    unfolded: usize,
    warnings: Vec<Diagnostic>,
}

/// A node with how much hangs below it.
#[derive(Clone)]
struct Built {
    node: Node,
    size: usize,
    height: usize,
    /// Whether it is a plain `<<`.
    merge: bool,
}

impl Built {
    fn leaf(node: Node) -> Self {
        Self { node, size: 1, height: 1, merge: false }
    }
}

impl Composer<'_> {
    fn document(&mut self) -> Result<Option<Node>> {
        let mut document = None;
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamEnd => return Ok(document),
                EventData::DocumentStart { .. } => {
                    if document.is_some() {
                        return Err(error(Problem::Documents, self.span(&event)));
                    }
                    let root = self.next()?;
                    document = Some(self.node(root, 1, ScalarRole::Value)?.node);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<Event> {
        self.parser.parse().map_err(|error| self.syntax(&error))
    }

    fn node(&mut self, event: Event, depth: usize, role: ScalarRole) -> Result<Built> {
        let span = self.span(&event);
        if depth > DEPTH_LIMIT {
            return Err(error(Problem::Depth(DEPTH_LIMIT), span));
        }
        let (anchor, tag) = match &event.data {
            EventData::Alias { anchor } => return self.alias(anchor, depth, span),
            EventData::Scalar { anchor, tag, .. }
            | EventData::SequenceStart { anchor, tag, .. }
            | EventData::MappingStart { anchor, tag, .. } => (anchor.clone(), tag.clone()),
            _ => return Err(error(Problem::Syntax("found no value", None), span)),
        };
        let tag = resolve_tag(tag.as_deref(), &span)?;
        if let Some(name) = &anchor
            && (self.anchors.contains_key(name) || !self.open.insert(name.clone()))
        {
            return Err(error(Problem::DuplicateAnchor(name.clone()), span));
        }
        let built = match event.data {
            EventData::Scalar { mut value, plain_implicit, style, .. } => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if block && self.open_end && event.end_mark.index > self.file.text.len() as u64 {
                    without_added_end(&mut value, &self.file.text);
                }
                let resolved = match tag {
                    Tag::Scalar(kind) => kind,
                    Tag::None if plain_implicit => resolve(&value),
                    // both repeat the resolution, quoted or not
                    Tag::Unsafe | Tag::Vault => resolve(&value),
                    _ => ScalarType::Str,
                };
                self.scalar(value, style, tag, resolved, role, span)?
            }
            EventData::SequenceStart { .. } if tag == Tag::Pairs => {
                pairs(self.sequence(Tag::None, depth, span)?)?
            }
            EventData::SequenceStart { .. } => self.sequence(tag, depth, span)?,
            _ if tag == Tag::Set => keys(self.mapping(Tag::None, depth, span)?),
            _ => self.mapping(tag, depth, span)?,
        };
        if let Some(name) = anchor {
            self.open.remove(&name);
            self.anchors.insert(name, built.clone());
        }
        Ok(built)
    }

    fn alias(&mut self, name: &str, depth: usize, span: Span) -> Result<Built> {
        let Some(built) = self.anchors.get(name) else {
            let name = name.to_owned();
            let problem = if self.open.contains(&name) {
                Problem::Recursive(name)
            } else {
                Problem::UndefinedAlias(name)
            };
            return Err(error(problem, span));
        };
        self.unfolded = self.unfolded.saturating_add(built.size);
        if self.unfolded > ALIAS_LIMIT {
            return Err(error(Problem::Aliases(ALIAS_LIMIT), span));
        }
        if depth + built.height > DEPTH_LIMIT {
            return Err(error(Problem::Depth(DEPTH_LIMIT), span));
        }
        Ok(built.clone())
    }

    fn scalar(
        &self,
        value: String,
        style: ScalarStyle,
        tag: Tag,
        resolved: ScalarType,
        role: ScalarRole,
        span: Span,
    ) -> Result<Built> {
        let merge = resolved == ScalarType::Merge && tag == Tag::None;
        let special = matches!(resolved, ScalarType::Merge | ScalarType::Value) && tag == Tag::None;
        if special && role == ScalarRole::Value {
            return Err(error(Problem::UnknownTag(value), span));
        }
        let plain = style == ScalarStyle::Plain;
        let kind = match construct(resolved, &value, plain) {
            Ok(kind) => kind,
            Err(BadScalar::TooLarge) => return Err(error(Problem::TooLarge(value), span)),
            Err(BadScalar::Form) => {
                let wanted = type_name(resolved);
                return Err(error(Problem::Scalar { text: value, wanted }, span));
            }
        };
        let kind = match tag {
            Tag::Vault if matches!(kind, Kind::Str(_)) => Kind::Vault(value),
            Tag::Vault => {
                return Err(error(Problem::MisplacedTag("!vault".to_owned()), span));
            }
            Tag::Unsafe => Kind::Unsafe(Box::new(Node { kind, span: span.clone() })),
            Tag::Seq | Tag::Map | Tag::Set | Tag::Pairs => {
                let name = match tag {
                    Tag::Seq => "!!seq",
                    Tag::Map => "!!map",
                    Tag::Set => "!!set",
                    _ => "!!pairs",
                };
                return Err(error(Problem::MisplacedTag(name.to_owned()), span));
            }
            Tag::None | Tag::Scalar(_) => kind,
        };
        Ok(Built { merge, ..Built::leaf(Node { kind, span }) })
    }

    fn sequence(&mut self, tag: Tag, depth: usize, span: Span) -> Result<Built> {
        let unsafe_value = collection_tag(tag, Tag::Seq, &span)?;
        let mut elements = Vec::new();
        let (mut size, mut height) = (1_usize, 0);
        loop {
            let event = self.next()?;
            if event.data == EventData::SequenceEnd {
                break;
            }
            let element = self.node(event, depth + 1, ScalarRole::Value)?;
            size = size.saturating_add(element.size);
            height = height.max(element.height);
            elements.push(element.node);
        }
        let node = wrap(Kind::Seq(elements), span, unsafe_value);
        Ok(Built { node, size, height: height + 1, merge: false })
    }

    fn mapping(&mut self, tag: Tag, depth: usize, span: Span) -> Result<Built> {
        let unsafe_value = collection_tag(tag, Tag::Map, &span)?;
        let mut own = Vec::new();
        let mut merged = Vec::new();
        let (mut size, mut height) = (1_usize, 0);
        let mut first_key = None;
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                break;
            }
            let key = self.node(event, depth + 1, ScalarRole::Key)?;
            first_key.get_or_insert_with(|| key.node.span.clone());
            let event = self.next()?;
            let value = self.node(event, depth + 1, ScalarRole::Value)?;
            size = size.saturating_add(key.size).saturating_add(value.size);
            height = height.max(key.height).max(value.height);
            if key.merge {
                merged.extend(merged_entries(value.node)?);
            } else {
                own.push((plain_key(key.node), value.node));
            }
        }
        let entries = self.entries(merged, own)?;
        // a block mapping has no mark of its own: it shows its first key
        let span = match first_key {
            Some(key) if key.line == span.line && key.column == span.column => key,
            _ => span,
        };
        let node = wrap(Kind::Map(entries), span, unsafe_value);
        Ok(Built { node, size, height: height + 1, merge: false })
    }

    fn entries(
        &mut self,
        merged: Vec<(Node, Node)>,
        own: Vec<(Node, Node)>,
    ) -> Result<Vec<(Node, Node)>> {
        let mut written = Entries::default();
        let mut all = Entries::default();
        for (key, value) in merged {
            let span = key.span.clone();
            all.set(key, value).map_err(|_| error(Problem::UnhashableKey, span))?;
        }
        for (key, value) in own {
            let span = key.span.clone();
            let was = written
                .set(key.clone(), Node { kind: Kind::Null, span: span.clone() })
                .map_err(|_| error(Problem::UnhashableKey, span.clone()))?;
            if was == Was::There && DuplicateKeys::chosen() == DuplicateKeys::Error {
                return Err(error(Problem::DuplicateKey(duplicate(&key)), span));
            }
            if was == Was::There && DuplicateKeys::chosen() == DuplicateKeys::Warn {
                let mut warning = Diagnostic::warning(duplicate(&key), Some(span.clone()));
                warning.hints.push("the last of them counts".to_owned());
                self.warnings.push(warning);
            }
            all.set(key, value).map_err(|_| error(Problem::UnhashableKey, span))?;
        }
        Ok(all.into_vec())
    }

    fn span(&self, event: &Event) -> Span {
        let (start, end) = (event.start_mark, event.end_mark);
        let mut span = self.at(start);
        let block = matches!(
            event.data,
            EventData::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }
        );
        span.length = if start.line == end.line && end.column > start.column {
            u32::try_from(end.column - start.column).unwrap_or(1)
        } else if end.line > start.line && matches!(event.data, EventData::Scalar { .. }) && !block
        {
            let line = self.file.line(span.line).unwrap_or_default();
            let rest: String = line.chars().skip(span.column as usize - 1).collect();
            span_length(rest.trim_end())
        } else {
            1
        };
        span
    }

    fn at(&self, mark: Mark) -> Span {
        let one_based = |number: u64| usize::try_from(number).unwrap_or(0).saturating_add(1);
        Span::at(self.file, one_based(mark.line), one_based(mark.column))
    }

    #[expect(clippy::unnecessary_box_returns, reason = "the error of `Result` here")]
    fn syntax(&self, cause: &Error) -> Box<YamlError> {
        if cause.kind() == ErrorKind::Reader
            && let Some((span, character)) = self.first_forbidden()
        {
            return error(Problem::Character(character), span);
        }
        let mark = cause.problem_mark().or_else(|| cause.context_mark()).unwrap_or_default();
        let mut span = self.at(mark);
        // an unexpected end is shown where the thing that lacks its end began
        if let Some(context) = cause.context_mark()
            && cause.problem().contains("unexpected end of stream")
        {
            span = self.at(context);
        }
        error(Problem::Syntax(cause.problem(), cause.context()), span)
    }

    fn first_forbidden(&self) -> Option<(Span, char)> {
        let text = &self.file.text;
        let (offset, character) = text.char_indices().find(|(_, c)| !allowed(*c))?;
        let (line, column) = position(text.get(..offset)?);
        Some((Span::at(self.file, line, column), character))
    }
}

/// The keys of a mapping, in order.
fn keys(mut built: Built) -> Built {
    if let Kind::Map(entries) = built.node.kind {
        built.node.kind = Kind::Seq(entries.into_iter().map(|(key, _)| key).collect());
    }
    built
}

/// Pairs of key and value from mappings with one entry each.
fn pairs(mut built: Built) -> Result<Built> {
    let Kind::Seq(elements) = &mut built.node.kind else { return Ok(built) };
    for element in elements {
        let span = element.span.clone();
        let one = match std::mem::replace(&mut element.kind, Kind::Null) {
            Kind::Map(entries) => <[(Node, Node); 1]>::try_from(entries).ok(),
            _ => None,
        };
        let Some([(key, value)]) = one else {
            return Err(error(Problem::MisplacedTag("!!pairs".to_owned()), span));
        };
        element.kind = Kind::Seq(vec![key, value]);
    }
    Ok(built)
}

/// What `<<` brings; of a list the first mapping is the strongest.
fn merged_entries(value: Node) -> Result<Vec<(Node, Node)>> {
    match value.kind {
        Kind::Map(entries) => Ok(entries),
        Kind::Unsafe(inner) if matches!(inner.kind, Kind::Map(_)) => merged_entries(*inner),
        Kind::Seq(elements) => {
            let mut all = Vec::new();
            for element in elements.into_iter().rev() {
                let Kind::Map(entries) = element.kind else {
                    let problem = Problem::Merge(element.describe());
                    return Err(error(problem, element.span));
                };
                all.extend(entries);
            }
            Ok(all)
        }
        _ => Err(error(Problem::Merge(value.describe()), value.span)),
    }
}

/// An error with what to try.
#[expect(clippy::unnecessary_box_returns, reason = "the error of `Result` here")]
pub(super) fn error(problem: Problem, span: Span) -> Box<YamlError> {
    let hints = hints::hints(&problem, &span);
    Box::new(YamlError { problem, span, hints })
}

/// Whether a scalar stands as a key, where `<<` and `=` have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScalarRole {
    Key,
    Value,
}

fn wrap(kind: Kind, span: Span, trust: Trust) -> Node {
    let node = Node { kind, span: span.clone() };
    match trust {
        Trust::Template => node,
        Trust::Unsafe => Node { kind: Kind::Unsafe(Box::new(node)), span },
    }
}

/// An `!unsafe` key is itself where nothing in it could be a template.
fn plain_key(key: Node) -> Node {
    match key.kind {
        Kind::Unsafe(inner) if !inner.as_str().is_some_and(|text| text.contains('{')) => *inner,
        _ => key,
    }
}

fn duplicate(key: &Node) -> String {
    let shown = match &key.kind {
        Kind::Str(text) => text.value.clone(),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Bool(value) => value.to_string(),
        Kind::Timestamp(text) => text.clone(),
        _ => return format!("Found duplicate mapping key ({}).", key.describe()),
    };
    format!("Found duplicate mapping key '{shown}'.")
}

fn type_name(kind: ScalarType) -> &'static str {
    match kind {
        ScalarType::Null => "nothing",
        ScalarType::Bool => "a boolean",
        ScalarType::Int => "a whole number",
        ScalarType::Float => "a number",
        ScalarType::Timestamp => "a date or time",
        ScalarType::Binary => "base64",
        ScalarType::Str | ScalarType::Merge | ScalarType::Value => "text",
    }
}

/// The characters of a YAML 1.1 stream.
fn allowed(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
