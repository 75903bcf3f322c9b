//! The lines of the file, edited.

use super::{Condition, Params, State};
use crate::module::text_edit::{Text, lines};

/// The new text, where it differs, and the words for it.
pub(super) struct Edited {
    pub(super) text: Option<String>,
    pub(super) message: &'static str,
}

/// A line that sets the option.
struct Found {
    /// Whether it is commented out.
    inactive: bool,
    value: String,
}

/// Reads a line as one that sets the option, perhaps commented out.
fn read(option: &str, line: &str) -> Option<Found> {
    let spaces = [' ', '\t'];
    let rest = line.trim_start_matches(spaces);
    let (inactive, rest) = match rest.strip_prefix(['#', ';']) {
        Some(rest) => (true, rest.trim_start_matches(spaces)),
        None => (false, rest),
    };
    let rest = rest.strip_prefix(option)?.trim_start_matches(spaces);
    let end = rest.strip_suffix('\n').unwrap_or(rest);
    let value = match end.strip_prefix('=') {
        Some(value) => value.trim_start_matches(spaces),
        None if end.is_empty() => "",
        None => return None,
    };
    Some(Found { inactive, value: value.to_owned() })
}

/// The lines of the section, while they are edited.
struct Section<'a> {
    params: &'a Params,
    lines: Vec<String>,
    done: Vec<bool>,
    changed: bool,
    message: &'static str,
}

impl Section<'_> {
    /// Whether a line counts as one of the option.
    fn reads(&self, option: &str, index: usize) -> Option<Found> {
        let found = read(option, self.lines.get(index)?)?;
        (self.params.modify_inactive_option || !found.inactive).then_some(found)
    }

    fn put(&mut self, option: &str, index: usize, new: String) {
        let Some(line) = self.lines.get_mut(index) else { return };
        let same = match (self.params.ignore_spaces, read(option, line), read(option, &new)) {
            (true, Some(old), Some(new)) if !old.inactive => old.value == new.value,
            _ => *line == new,
        };
        if !same {
            *line = new;
            self.changed = true;
            self.message = "option changed";
        }
        if let Some(done) = self.done.get_mut(index) {
            *done = true;
        }
    }

    fn is_done(&self, index: usize) -> bool {
        self.done.get(index).copied().unwrap_or(true)
    }

    fn set(&mut self, option: &str, value: &str) -> String {
        let equals = if self.params.no_extra_spaces { "=" } else { " = " };
        format!("{option}{equals}{value}\n")
    }

    /// Makes the option stand there; gives the values that have no line yet.
    fn keep(&mut self, option: &str, mut values: Vec<String>) -> Vec<String> {
        let params = self.params;
        let mut bare = false;
        for index in 0..self.lines.len() {
            let Some(found) = self.reads(option, index) else { continue };
            if let Some(at) = values.iter().position(|value| *value == found.value) {
                let new = if found.value.is_empty() && params.allow_no_value {
                    bare = true;
                    format!("{option}\n")
                } else {
                    self.set(option, &found.value)
                };
                self.put(option, index, new);
                values.remove(at);
            } else if values.is_empty() && params.allow_no_value {
                self.put(option, index, format!("{option}\n"));
                bare = true;
                break;
            }
        }
        if params.exclusive && !params.allow_no_value {
            for index in 0..self.lines.len() {
                if values.is_empty() {
                    break;
                }
                if !self.is_done(index) && self.reads(option, index).is_some() {
                    let value = values.remove(0);
                    let new = self.set(option, &value);
                    self.put(option, index, new);
                }
            }
            for index in (1..self.lines.len()).rev() {
                if !self.is_done(index) && self.reads(option, index).is_some() {
                    self.lines.remove(index);
                    self.done.remove(index);
                    self.changed = true;
                    self.message = "option changed";
                }
            }
        }
        self.add(option, &values, bare);
        values
    }

    /// Puts what is missing after the last line that says something.
    fn add(&mut self, option: &str, values: &[String], bare: bool) {
        let says = |line: &String| {
            let text = line.trim_end_matches('\n').trim_start_matches([' ', '\t']);
            !(text.is_empty() || text.starts_with(['#', ';']))
        };
        let Some(last) = self.lines.iter().rposition(says) else { return };
        let mut new: Vec<String> = Vec::new();
        for value in values {
            new.push(self.set(option, value));
        }
        if values.is_empty() && self.params.allow_no_value && !bare {
            new.push(format!("{option}\n"));
        }
        if !new.is_empty() {
            self.message = "option added";
            self.changed = true;
            let after = self.lines.split_off(last + 1);
            self.lines.extend(new.into_iter().chain(after));
        }
    }

    /// Takes the option out, or all of the section.
    fn remove(&mut self, values: &[String]) {
        let params = self.params;
        let Some(option) = &params.option else {
            if !self.lines.is_empty() {
                self.lines.clear();
                self.message = "section removed";
                self.changed = true;
            }
            return;
        };
        let goes = |line: &String| {
            read(option, line)
                .filter(|found| !found.inactive)
                .is_some_and(|found| params.exclusive || values.contains(&found.value))
        };
        let before = self.lines.len();
        self.lines.retain(|line| !goes(line));
        if self.lines.len() != before {
            self.changed = true;
            self.message = "option changed";
        }
    }
}

/// Edits the text.
pub(super) fn edit(params: &Params, text: &Text) -> Edited {
    let mut wanted: Vec<String> = Vec::new();
    let given = params
        .value
        .iter()
        .chain(params.values.iter().flatten().filter(|_| params.value.is_none()));
    for value in given {
        let value = text.adopt(value);
        if !wanted.contains(&value) {
            wanted.push(value);
        }
    }
    let option = params.option.as_deref().map(|option| text.adopt(option));
    let option = option.filter(|option| !option.is_empty());
    let characters = text.characters.strip_prefix('\u{feff}').unwrap_or(&text.characters);
    // Python's text files have line feeds only
    let mut all = match characters.contains('\r') {
        true => lines(&characters.replace("\r\n", "\n").replace('\r', "\n")),
        false => lines(characters),
    };
    if all.is_empty() {
        all.push("\n".to_owned());
    }
    let mut changed = false;
    if let Some(last) = all.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
        changed = true;
    }
    let name = params.section.as_deref().filter(|section| !section.is_empty());
    let place = find(name, params.section_has_values.as_deref().unwrap_or_default(), &all);
    let (start, end) = place.unwrap_or((all.len(), all.len()));
    let inside: Vec<String> = all.drain(start..end).collect();
    let done = vec![false; inside.len()];
    let mut section = Section { params, lines: inside, done, changed, message: "OK" };
    // the lines before the first section follow a head that is not written
    let headless = name.is_none();
    if headless {
        section.lines.insert(0, "[]".to_owned());
        section.done.insert(0, false);
    }
    if place.is_some() {
        match (params.state, &option) {
            (State::Present, Some(option)) => {
                wanted = section.keep(option, wanted);
            }
            (State::Absent, _) => section.remove(&wanted),
            (State::Present, None) => {}
        }
    }
    if headless && !section.lines.is_empty() {
        section.lines.remove(0);
    }
    changed = section.changed;
    let mut message = section.message;
    all.splice(start..start, section.lines);
    if place.is_none() && params.state == State::Present {
        changed = true;
        message = append(params, name.unwrap_or_default(), option.as_deref(), wanted, &mut all);
    }
    Edited { text: changed.then(|| all.concat()), message }
}

/// Puts a new section at the end.
fn append(
    params: &Params,
    name: &str,
    option: Option<&str>,
    mut values: Vec<String>,
    all: &mut Vec<String>,
) -> &'static str {
    let equals = if params.no_extra_spaces { "=" } else { " = " };
    all.push(format!("[{name}]\n"));
    for condition in params.section_has_values.iter().flatten() {
        if Some(condition.option.as_str()) != option {
            for value in &condition.values {
                all.push(format!("{}{equals}{value}\n", condition.option));
            }
            if condition.values.is_empty() && params.allow_no_value {
                all.push(format!("{}\n", condition.option));
            }
        } else if !params.exclusive {
            for value in &condition.values {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
    }
    match option {
        Some(option) if !values.is_empty() => {
            all.extend(values.iter().map(|value| format!("{option}{equals}{value}\n")));
            "section and option added"
        }
        Some(option) if params.allow_no_value => {
            all.push(format!("{option}\n"));
            "section and option added"
        }
        _ => "only section added",
    }
}

/// The first and the last line of the section.
fn find(name: Option<&str>, conditions: &[Condition], all: &[String]) -> Option<(usize, usize)> {
    let is_head = |line: &String| line.starts_with('[');
    let end_of = |start: usize| {
        let rest = all.iter().skip(start).position(is_head);
        rest.map_or(all.len(), |count| start + count)
    };
    let fits = |start: usize, end: usize| {
        let lines = all.get(start..end).unwrap_or_default();
        conditions.iter().all(|condition| {
            lines
                .iter()
                .filter_map(|line| read(&condition.option, line))
                .any(|found| condition.values.is_empty() || condition.values.contains(&found.value))
        })
    };
    let Some(name) = name else {
        let end = end_of(0);
        return fits(0, end).then_some((0, end));
    };
    let is_named = |line: &String| {
        let inner =
            line.strip_prefix('[').and_then(|rest| rest.trim_start().strip_prefix(name.trim()));
        inner.is_some_and(|rest| rest.trim_start().starts_with(']'))
    };
    (0..all.len())
        .filter(|index| all.get(*index).is_some_and(is_named))
        .map(|start| (start, end_of(start + 1)))
        .find(|(start, end)| fits(*start, *end))
}
