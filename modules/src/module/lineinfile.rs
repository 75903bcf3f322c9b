//! `ansible.builtin.lineinfile`: keeps a line in a text file, or out of it.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: full.
//!
//! Differs: a last line without a newline gets one before a line is put after it (Ansible joins
//! both). `encoding` knows UTF-8 only; files of other encodings are edited byte by byte.
//!
//! ```yaml
//! - name: Forbid root to log in with a password
//!   ansible.builtin.lineinfile:
//!     path: /etc/ssh/sshd_config
//!     regexp: '^#?PermitRootLogin\s'
//!     line: PermitRootLogin prohibit-password
//!     validate: sshd -t -f %s
//! ```
//!
//! Returns `msg`, `backup` (path of the old file, or empty), with `state: absent` also `found`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/lineinfile_module.html>

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::Value as Json;

use super::copy::with_backup;
use super::text_edit::{self, Editing, Text, TextFile};
use crate::contract::{Conclusion, Module, Plan, Stop};
use crate::effect::Applied;
use crate::host::Host;
use crate::params::Rule;
use crate::python_regex::{self, Flags, Regex};
use crate::{choices, params};

choices! {
    /// Whether the line shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `ansible.builtin.lineinfile`.
    pub struct Params {
        /// The file.
        path ("dest", "destfile", "name"): PathBuf,
        /// Whether the line shall be there.
        state: State = State::Present,
        /// Pattern of the line to replace or remove; the last one that matches.
        regexp ("regex"): Option<String>,
        /// Text within the line to replace or remove, instead of `regexp`.
        search_string: Option<String>,
        /// The line.
        line ("value"): Option<String>,
        /// Whether `line` takes groups of `regexp` (`\1`); without a match nothing changes.
        backrefs: bool = false,
        /// Pattern of the line after which a new one goes; `EOF` is the end.
        insertafter: Option<String>,
        /// Pattern of the line before which a new one goes; `BOF` is the start.
        insertbefore: Option<String>,
        /// Whether the first match counts, not the last.
        firstmatch: bool = false,
        /// Whether a missing file is made.
        create: bool = false,
        /// Backup, validation, owner, group and mode.
        @flatten editing: Editing,
    }
    rules [
        Rule::MutuallyExclusive(&["insertbefore", "insertafter"]),
        Rule::MutuallyExclusive(&["regexp", "search_string"]),
        Rule::MutuallyExclusive(&["backrefs", "search_string"]),
    ]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing.
    #[error("Destination {0} does not exist !")]
    Missing(String),
    /// There is nothing to put in.
    #[error("line is required with state=present")]
    LineNeeded,
    /// There is nothing to look for.
    #[error("regexp is required with backrefs=true")]
    PatternNeeded,
    /// There is nothing to look for.
    #[error("one of line, search_string, or regexp is required with state=absent")]
    NothingToRemove,
}

/// The module.
#[derive(Debug)]
pub struct Lineinfile;

impl Module for Lineinfile {
    type Params = Params;
    type Observed = TextFile;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<TextFile, Stop> {
        params.editing.observe(&params.path, host)
    }

    fn plan(params: &Params, file: &TextFile) -> Result<Plan, Stop> {
        let edited = match params.state {
            State::Present => present(params, file)?,
            State::Absent => match absent(params, file)? {
                Some(edited) => edited,
                None => {
                    let mut plan = Plan::nothing();
                    plan.set("msg", "file not present");
                    return Ok(plan);
                }
            },
        };
        let mut plan = Plan::nothing();
        let changed = edited.changed.as_deref();
        let message = file.plan(changed, &edited.message, params.editing.writing(), &mut plan)?;
        plan.set("msg", message);
        plan.set("backup", "");
        if let Some(warning) = empty_pattern(params) {
            plan.set("warnings", Json::from(vec![warning]));
        }
        if let Some(found) = edited.found {
            plan.set("found", found);
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _file: &TextFile,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        Ok(with_backup(plan, applied, "backup"))
    }
}

/// What is to be said of a pattern that matches all.
fn empty_pattern(params: &Params) -> Option<String> {
    let (what, advice) = match (&params.regexp, &params.search_string) {
        (Some(pattern), _) if pattern.is_empty() => (
            "regular expression",
            " If this is desired, use '^' to match every line in the file and avoid this warning.",
        ),
        (_, Some(text)) if text.is_empty() => ("search string", ""),
        _ => return None,
    };
    Some(format!(
        "The {what} is an empty string, which will match every line in the file. This may have \
         unintended consequences, such as replacing the last line in the file rather than \
         appending.{advice}"
    ))
}

/// The new text, where it differs, and the words for it.
struct Edited {
    changed: Option<String>,
    message: String,
    found: Option<usize>,
}

/// What is looked for in a line.
enum Needle {
    Pattern(Regex),
    Substring(String),
    Nothing,
}

impl Needle {
    fn read(params: &Params, text: &Text) -> Result<Self, Stop> {
        Ok(match (&params.regexp, &params.search_string) {
            (Some(pattern), _) => {
                Self::Pattern(text_edit::compile(pattern, Flags::default(), text)?)
            }
            (None, Some(substring)) => Self::Substring(text.adopt(substring)),
            (None, None) => Self::Nothing,
        })
    }

    fn is_in(&self, line: &str) -> Result<bool, Stop> {
        match self {
            Self::Pattern(pattern) => pattern.is_found(line).map_err(Stop::failed),
            Self::Substring(substring) => Ok(line.contains(substring.as_str())),
            Self::Nothing => Ok(false),
        }
    }
}

/// Where a new line goes when no line is replaced.
enum Place {
    Start,
    End,
    After(Regex),
    Before(Regex),
}

impl Place {
    fn read(params: &Params, text: &Text) -> Result<Self, Stop> {
        let compile = |pattern: &str| text_edit::compile(pattern, Flags::default(), text);
        Ok(match (&params.insertafter, &params.insertbefore) {
            (_, Some(before)) if before == "BOF" => Self::Start,
            (Some(after), _) if after == "BOF" => Self::Start,
            (_, Some(before)) => Self::Before(compile(before)?),
            (Some(after), _) if after != "EOF" => Self::After(compile(after)?),
            _ => Self::End,
        })
    }
}

fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

fn present(params: &Params, file: &TextFile) -> Result<Edited, Stop> {
    if params.backrefs && params.regexp.is_none() {
        return Err(Stop::failed(Error::PatternNeeded));
    }
    let Some(line) = &params.line else { return Err(Stop::failed(Error::LineNeeded)) };
    if file.text.is_none() && !params.create {
        let error = Error::Missing(file.path.display().to_string());
        return Err(Stop::failed(error).with("rc", 257));
    }
    let text = file.text_or_empty();
    let line = text.adopt(line);
    let needle = Needle::read(params, &text)?;
    let place = Place::read(params, &text)?;
    let mut lines = text_edit::lines(&text.characters);
    let matching = find(&needle, &lines, params)?;
    let message = match matching {
        Some(index) => replace(params, &needle, index, &line, &mut lines)?,
        None => insert_where(params, &place, &line, &mut lines)?,
    };
    let new = lines.concat();
    let created = file.text.is_none();
    let changed = (new != text.characters || created).then_some(new);
    let message = if changed.is_some() { message } else { "" };
    Ok(Edited { changed, message: message.to_owned(), found: None })
}

/// The line that is looked for: the last match, or the first.
fn find(needle: &Needle, lines: &[String], params: &Params) -> Result<Option<usize>, Stop> {
    let mut matching = None;
    for (index, line) in lines.iter().enumerate() {
        if needle.is_in(line)? {
            matching = Some(index);
            if params.firstmatch {
                break;
            }
        }
    }
    Ok(matching)
}

fn replace(
    params: &Params,
    needle: &Needle,
    index: usize,
    line: &str,
    lines: &mut [String],
) -> Result<&'static str, Stop> {
    let Some(old) = lines.get_mut(index) else { return Ok("") };
    let mut new = line.to_owned();
    if params.backrefs
        && let Needle::Pattern(pattern) = needle
        && let Some(captures) = pattern.search(old).map_err(Stop::failed)?
    {
        let template = python_regex::Template::parse(line).map_err(Stop::failed)?;
        template.check(pattern).map_err(Stop::failed)?;
        new = template.expand(&captures).map_err(Stop::failed)?;
    }
    if !new.ends_with('\n') {
        new.push('\n');
    }
    *old = new;
    Ok("line replaced")
}

/// Puts the line in where none is replaced, unless it is there already.
fn insert_where(
    params: &Params,
    place: &Place,
    line: &str,
    lines: &mut Vec<String>,
) -> Result<&'static str, Stop> {
    let mut exact = None;
    let mut beside = None;
    for (index, current) in lines.iter().enumerate() {
        if without_end(current) == line {
            exact = Some(index);
            continue;
        }
        let at = match place {
            Place::After(pattern) if pattern.is_found(current).map_err(Stop::failed)? => index + 1,
            Place::Before(pattern) if pattern.is_found(current).map_err(Stop::failed)? => index,
            _ => continue,
        };
        beside = Some(at);
        if params.firstmatch {
            break;
        }
    }
    let whole = format!("{line}\n");
    if let Some(index) = exact {
        if params.backrefs && params.regexp.is_some() {
            return Ok("");
        }
        if let Some(current) = lines.get_mut(index).filter(|_| !line.ends_with('\n')) {
            *current = whole;
        }
        return Ok("line replaced");
    }
    if params.backrefs {
        return Ok("");
    }
    let at = match (place, beside) {
        (Place::Start, _) => 0,
        (_, Some(at)) => at,
        (_, None) => lines.len(),
    };
    let there = lines.get(at).is_some_and(|current| without_end(current) == line);
    if there && !matches!(place, Place::Start) {
        return Ok("");
    }
    if at == lines.len()
        && let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    lines.insert(at, whole);
    Ok("line added")
}

/// Takes the lines out; `None` when there is no file.
fn absent(params: &Params, file: &TextFile) -> Result<Option<Edited>, Stop> {
    if params.regexp.is_none() && params.search_string.is_none() && params.line.is_none() {
        return Err(Stop::failed(Error::NothingToRemove));
    }
    let Some(text) = &file.text else { return Ok(None) };
    let needle = Needle::read(params, text)?;
    let line = params.line.as_deref().map(|line| text.adopt(line)).unwrap_or_default();
    let mut kept = String::new();
    let mut found = 0;
    for current in text_edit::lines(&text.characters) {
        let goes = match &needle {
            Needle::Nothing => without_end(&current) == line,
            needle => needle.is_in(&current)?,
        };
        if goes {
            found += 1;
        } else {
            kept.push_str(&current);
        }
    }
    let message = if found > 0 { format!("{found} line(s) removed") } else { String::new() };
    Ok(Some(Edited { changed: (found > 0).then_some(kept), message, found: Some(found) }))
}
