//! Inventories in INI form.

use std::sync::Arc;

use indexmap::IndexMap;

use super::error::{InventoryError, Problem};
use super::given::Given;
use super::members::{GroupIndex, Members, Origin, UNGROUPED};
use super::{address, literal, range, words};
use crate::source::{SourceFile, Span};

/// What the lines of a section are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Children,
    Vars,
    /// Below a header that is wrong: what its lines are is not known.
    Unknown,
}

/// A group that was named and is not declared yet.
struct Pending {
    kind: Section,
    span: Span,
    parents: Vec<(GroupIndex, Span)>,
}

/// Adds what an INI file says; goes on behind a bad line to find the others.
pub(super) fn read(
    file: &Arc<SourceFile>,
    members: &mut Members,
    origin: &Origin,
) -> Vec<InventoryError> {
    let mut reader = Reader {
        members,
        origin,
        group: UNGROUPED,
        section: Section::Hosts,
        pending: IndexMap::new(),
    };
    let mut errors = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        let text = line.trim();
        if text.is_empty() || text.starts_with([';', '#']) {
            continue;
        }
        let indent = line.chars().take_while(|character| character.is_whitespace()).count();
        let place = Line { file, number, indent, text };
        errors.extend(reader.line(&place).err());
    }
    errors.extend(reader.undeclared());
    errors
}

/// A line without the space around it.
struct Line<'a> {
    file: &'a Arc<SourceFile>,
    number: u32,
    indent: usize,
    text: &'a str,
}

impl Line<'_> {
    /// The place of some characters of the line, the start counted from 0.
    fn span(&self, start: usize, length: usize) -> Span {
        let column = u32::try_from(self.indent + start + 1).unwrap_or(u32::MAX);
        let length = u32::try_from(length.max(1)).unwrap_or(u32::MAX);
        Span { file: Arc::clone(self.file), line: self.number, column, length }
    }

    fn whole(&self) -> Span {
        self.span(0, self.text.chars().count())
    }
}

struct Reader<'a> {
    members: &'a mut Members,
    origin: &'a Origin,
    group: GroupIndex,
    section: Section,
    pending: IndexMap<String, Pending>,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line<'_>) -> Result<(), InventoryError> {
        if let Some((group, kind)) = section(line.text) {
            return self.open(group, kind, line);
        }
        if line.text.starts_with('[') && line.text.ends_with(']') {
            self.section = Section::Unknown;
            return Err(Problem::Section(line.text.to_owned()).at(line.whole()));
        }
        match self.section {
            Section::Hosts => self.hosts(line),
            Section::Children => self.child(line),
            Section::Vars => self.variable(line),
            Section::Unknown => Ok(()),
        }
    }

    /// `[group]`, `[group:children]`, `[group:vars]`.
    fn open(&mut self, name: &str, kind: &str, line: &Line<'_>) -> Result<(), InventoryError> {
        let span = line.span(1, name.chars().count());
        self.section = match kind {
            "" | "hosts" => Section::Hosts,
            "children" => Section::Children,
            "vars" => Section::Vars,
            _ => {
                self.section = Section::Unknown;
                let start = 2 + name.chars().count();
                return Err(Problem::SectionKind { group: name.into(), kind: kind.into() }
                    .at(line.span(start, kind.chars().count())));
            }
        };
        let new = !self.members.groups.contains_key(name);
        if new && self.section == Section::Vars && !self.pending.contains_key(name) {
            let pending = Pending { kind: Section::Vars, span: span.clone(), parents: Vec::new() };
            self.pending.insert(name.to_owned(), pending);
        }
        self.group =
            self.members.group(name, Some(&span)).map_err(|problem| problem.at(span.clone()))?;
        if self.section == Section::Vars {
            return Ok(());
        }
        match self.pending.shift_remove(name) {
            Some(pending) => pending.parents.iter().try_for_each(|(parent, span)| {
                let added = self.members.add_child(*parent, self.group);
                added.map(drop).map_err(|problem| problem.at(span.clone()))
            }),
            None => Ok(()),
        }
    }

    /// A host or a range of them, and variables.
    fn hosts(&mut self, line: &Line<'_>) -> Result<(), InventoryError> {
        let words = words::split(line.text)
            .map_err(|(problem, position)| problem.at(line.span(position, 1)))?;
        let Some((first, assignments)) = words.split_first() else { return Ok(()) };
        let place = line.span(first.start, first.length);
        let (names, port) = expand(&first.text).map_err(|problem| problem.at(place.clone()))?;
        if names.iter().any(|name| name.trim() == "---") {
            return Err(Problem::YamlMarker.at(place));
        }
        let mut variables = Vec::new();
        for word in assignments {
            let span = line.span(word.start, word.length);
            let Some((key, value)) = word.text.split_once('=') else {
                return Err(Problem::ExpectedAssignment(word.text.clone()).at(span));
            };
            variables.push((key.to_owned(), Given::from(literal::parse(value, &span))));
        }
        for name in names {
            let host = self
                .members
                .host(&name, self.group, port, self.origin)
                .map_err(|problem| problem.at(place.clone()))?;
            for (key, value) in &variables {
                self.members.set_host_var(host, key, value);
            }
        }
        Ok(())
    }

    /// `key = value`; all behind the sign is the value.
    fn variable(&mut self, line: &Line<'_>) -> Result<(), InventoryError> {
        let Some((before, after)) = line.text.split_once('=') else {
            return Err(Problem::ExpectedAssignment(line.text.to_owned()).at(line.whole()));
        };
        let value = after.trim();
        let start = line.text.chars().count() - after.trim_start().chars().count();
        let node = literal::parse(value, &line.span(start, value.chars().count()));
        self.members.set_group_var(self.group, before.trim(), &node.into())
    }

    /// The name of a group, which may be declared later.
    fn child(&mut self, line: &Line<'_>) -> Result<(), InventoryError> {
        let name = group_name(line.text)
            .ok_or_else(|| Problem::ExpectedGroup(line.text.to_owned()).at(line.whole()))?;
        let span = line.span(0, name.chars().count());
        if let Some(child) = self.members.groups.get_index_of(name)
            && self.pending.get(name).is_none_or(|pending| pending.kind == Section::Vars)
        {
            let added = self.members.add_child(self.group, child);
            return added.map(drop).map_err(|problem| problem.at(span));
        }
        self.pending
            .entry(name.to_owned())
            .or_insert_with(|| Pending {
                kind: Section::Children,
                span: span.clone(),
                parents: Vec::new(),
            })
            .parents
            .push((self.group, span));
        Ok(())
    }

    /// The groups that were named and never declared.
    fn undeclared(self) -> Vec<InventoryError> {
        let members = self.members;
        self.pending
            .into_iter()
            .map(|(name, pending)| match pending.parents.last() {
                Some((parent, span)) if pending.kind == Section::Children => {
                    let parent = members.name(*parent).to_owned();
                    Problem::UndefinedChild { parent, child: name }.at(span.clone())
                }
                _ => Problem::VarsOfUndefinedGroup(name).at(pending.span),
            })
            .collect()
    }
}

/// The names and the port that a host with ranges stands for.
pub(super) fn expand(pattern: &str) -> Result<(Vec<String>, Option<u16>), Problem> {
    let (host, port) = address::parse(pattern).unwrap_or((pattern, None));
    if pattern.trim_end().ends_with(':') && port.is_none() {
        return Err(Problem::MissingPort(pattern.to_owned()));
    }
    let names = range::expand(host)
        .map_err(|source| Problem::Range { pattern: pattern.to_owned(), source })?;
    Ok((names, port))
}

/// Group and kind of a section line.
fn section(text: &str) -> Option<(&str, &str)> {
    let (inside, behind) = text.strip_prefix('[')?.split_once(']')?;
    let behind = behind.trim_start();
    if !behind.is_empty() && !behind.starts_with('#') {
        return None;
    }
    let (group, kind) = inside.split_once(':').unwrap_or((inside, ""));
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let valid =
        is_group_name(group) && (kind.is_empty() != inside.contains(':')) && kind.chars().all(word);
    valid.then_some((group, kind))
}

/// The group that a line names, maybe with a comment behind it.
fn group_name(text: &str) -> Option<&str> {
    let name = text.split(char::is_whitespace).next()?;
    let behind = text.get(name.len()..)?.trim_start();
    if is_group_name(name) && (behind.is_empty() || behind.starts_with('#')) {
        return Some(name);
    }
    let (name, _) = text.split_once('#')?;
    is_group_name(name).then_some(name)
}

fn is_group_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == ':' || c == ']' || c.is_whitespace())
}
