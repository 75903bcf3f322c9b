//! `ansible.builtin.blockinfile`: keeps a block of lines between two marker lines.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: full.
//!
//! Differs: `encoding` knows UTF-8 only; files of other encodings are edited byte by byte.
//!
//! ```yaml
//! - name: Name the hosts of the site
//!   ansible.builtin.blockinfile:
//!     path: /etc/hosts
//!     marker: "# {mark} site"
//!     block: |
//!       192.0.2.10 web01
//!       192.0.2.11 web02
//! ```
//!
//! Returns `msg`, and `backup_file` with `backup`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/blockinfile_module.html>

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::copy::with_backup;
use super::text_edit::{self, Editing, Text, TextFile};
use crate::contract::{Conclusion, Module, Plan, Stop};
use crate::effect::Applied;
use crate::host::Host;
use crate::params::Rule;
use crate::python_regex::Flags;
use crate::{choices, params};

choices! {
    /// Whether the block shall be there.
    pub enum State {
        /// It shall.
        Present = "present",
        /// It shall not.
        Absent = "absent",
    }
}

params! {
    /// Parameters of `ansible.builtin.blockinfile`.
    pub struct Params {
        /// The file.
        path ("dest", "destfile", "name"): PathBuf,
        /// Whether the block shall be there; an empty one is as absent.
        state: State = State::Present,
        /// The lines.
        block ("content"): String = String::new(),
        /// The marker lines; `{mark}` becomes `marker_begin` and `marker_end`.
        marker: String = "# {mark} ANSIBLE MANAGED BLOCK".to_owned(),
        /// What `{mark}` is before the block.
        marker_begin: String = "BEGIN".to_owned(),
        /// What `{mark}` is after the block.
        marker_end: String = "END".to_owned(),
        /// Pattern of the line after which a new block goes; `EOF` is the end.
        insertafter: Option<String>,
        /// Pattern of the line before which a new block goes; `BOF` is the start.
        insertbefore: Option<String>,
        /// Whether an empty line follows the block.
        append_newline: bool = false,
        /// Whether an empty line precedes the block.
        prepend_newline: bool = false,
        /// Whether a missing file is made.
        create: bool = false,
        /// Backup, validation, owner, group and mode.
        @flatten editing: Editing,
    }
    rules [Rule::MutuallyExclusive(&["insertbefore", "insertafter"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing.
    #[error("Path {0} does not exist !")]
    Missing(String),
}

/// The module.
#[derive(Debug)]
pub struct Blockinfile;

impl Module for Blockinfile {
    type Params = Params;
    type Observed = TextFile;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<TextFile, Stop> {
        params.editing.observe(&params.path, host)
    }

    fn plan(params: &Params, file: &TextFile) -> Result<Plan, Stop> {
        if file.text.is_none() && !params.create {
            let error = Error::Missing(file.path.display().to_string());
            return Err(Stop::failed(error).with("rc", 257));
        }
        let text = file.text_or_empty();
        let (new, message) = edit(params, &text)?;
        let created = file.text.is_none();
        let (changed, message) = if created {
            (Some(new), "File created")
        } else if new == text.characters {
            (None, "")
        } else {
            (Some(new), message)
        };
        let mut plan = Plan::nothing();
        let message =
            file.plan(changed.as_deref(), message, params.editing.writing(), &mut plan)?;
        plan.set("msg", message);
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _file: &TextFile,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        Ok(with_backup(plan, applied, "backup_file"))
    }
}

/// The text with the block as it shall be, and the words for what was done.
fn edit(params: &Params, text: &Text) -> Result<(String, &'static str), Stop> {
    let marker = |mark: &str| text.adopt(&params.marker.replace("{mark}", mark));
    let (begin, end) = (marker(&params.marker_begin), marker(&params.marker_end));
    let mut lines = text_edit::lines(&text.characters);
    let found =
        |wanted: &str| lines.iter().rposition(|line| line.trim_end_matches(['\r', '\n']) == wanted);
    let there = (found(&begin), found(&end));
    let mut block = text_edit::lines(&text.adopt(&params.block));
    if params.state == State::Absent || block.is_empty() {
        block.clear();
    } else {
        if let Some(last) = block.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push('\n');
        }
        block.insert(0, format!("{begin}\n"));
        block.push(format!("{end}\n"));
    }
    let at = match there {
        (Some(first), Some(last)) => {
            let (first, last) = (first.min(last), first.max(last));
            lines.drain(first..=last);
            first
        }
        _ => place(params, text, &lines)?,
    };
    if block.is_empty() {
        return Ok((lines.concat(), "Block removed"));
    }
    let blank = |line: &String| line.trim().is_empty();
    let after = lines.get(at);
    if params.append_newline && after.is_some_and(|line| !blank(line)) {
        block.push("\n".to_owned());
    }
    let before = at.checked_sub(1).and_then(|index| lines.get(index));
    if params.prepend_newline && before.is_some_and(|line| !blank(line)) {
        block.insert(0, "\n".to_owned());
    }
    if let Some(line) = at.checked_sub(1).and_then(|index| lines.get_mut(index))
        && !line.ends_with('\n')
    {
        line.push('\n');
    }
    lines.splice(at..at, block);
    Ok((lines.concat(), "Block inserted"))
}

/// Where a new block goes.
fn place(params: &Params, text: &Text, lines: &[String]) -> Result<usize, Stop> {
    let (pattern, offset) = match (&params.insertafter, &params.insertbefore) {
        (_, Some(before)) if before == "BOF" => return Ok(0),
        (_, Some(before)) => (before, 0),
        (Some(after), None) if after == "BOF" => return Ok(0),
        (Some(after), None) if after != "EOF" => (after, 1),
        _ => return Ok(lines.len()),
    };
    let regex = text_edit::compile(pattern, Flags::default(), text)?;
    if regex.flags().multi_line {
        // a pattern with `(?m)` is tried on the whole text
        let captures = regex.search(&text.characters).map_err(Stop::failed)?;
        let Some(found) = captures.and_then(|captures| captures.get(0)) else {
            return Ok(lines.len());
        };
        let upto = if offset == 1 { found.end() } else { found.start() };
        let before = text.characters.get(..upto).unwrap_or_default();
        return Ok((before.matches('\n').count() + offset).min(lines.len()));
    }
    let mut at = lines.len();
    for (index, line) in lines.iter().enumerate() {
        if regex.is_found(line).map_err(Stop::failed)? {
            at = index + offset;
        }
    }
    Ok(at)
}
