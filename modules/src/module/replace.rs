//! `ansible.builtin.replace`: replaces every match of a pattern in a text file.
//!
//! Follows the module of ansible-core 2.19: the pattern is one of Python and sees the whole text
//! with `re.MULTILINE`. Check mode: full. Diff: full.
//!
//! Differs: `encoding` knows UTF-8 and the encodings of ISO 8859-1 and ASCII; a file that is no
//! UTF-8 is edited byte by byte.
//!
//! ```yaml
//! - name: Use the new name of the host
//!   ansible.builtin.replace:
//!     path: /etc/hosts
//!     regexp: '(\s+)old\.example(\s+.*)?$'
//!     replace: '\1new.example\2'
//! ```
//!
//! Returns `msg` (how many replacements), `rc`, and `backup_file` with `backup`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/replace_module.html>

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::copy::with_backup;
use super::text_edit::{self, Editing, Text, TextFile};
use crate::contract::{Conclusion, Module, Plan, Stop};
use crate::effect::Applied;
use crate::host::Host;
use crate::params;
use crate::python_regex::{self, Flags};

params! {
    /// Parameters of `ansible.builtin.replace`.
    pub struct Params {
        /// The file.
        path ("dest", "destfile", "name"): PathBuf,
        /// The pattern.
        regexp: String,
        /// What takes the place of each match, with references to groups (`\1`).
        replace: String = String::new(),
        /// Pattern after whose first match the text is searched.
        after: Option<String>,
        /// Pattern before whose first match the text is searched.
        before: Option<String>,
        /// Encoding of the file.
        encoding: String = "utf-8".to_owned(),
        /// Backup, validation, owner, group and mode.
        @flatten editing: Editing,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing.
    #[error("Path {0} does not exist !")]
    Missing(String),
    /// The replacement is not right.
    #[error("Unable to process replace due to error: {0}")]
    Replacement(#[from] python_regex::Error),
    /// Not an encoding that is known here.
    #[error("encoding `{0}` is not supported: only utf-8, latin-1 and ascii are")]
    Encoding(String),
}

/// The module.
#[derive(Debug)]
pub struct Replace;

impl Module for Replace {
    type Params = Params;
    type Observed = TextFile;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<TextFile, Stop> {
        let encoding = params.encoding.to_lowercase().replace('_', "-");
        if !matches!(
            encoding.as_str(),
            "utf-8"
                | "utf8"
                | "latin-1"
                | "latin1"
                | "iso-8859-1"
                | "iso8859-1"
                | "ascii"
                | "us-ascii"
        ) {
            return Err(Stop::failed(Error::Encoding(params.encoding.clone())));
        }
        params.editing.observe(&params.path, host)
    }

    fn plan(params: &Params, file: &TextFile) -> Result<Plan, Stop> {
        let Some(text) = &file.text else {
            let error = Error::Missing(file.path.display().to_string());
            return Err(Stop::failed(error).with("rc", 257));
        };
        let mut plan = Plan::nothing();
        plan.set("rc", 0);
        let Some((start, end)) = section(params, text)? else {
            let pattern = section_pattern(params).unwrap_or_default();
            plan.set(
                "msg",
                format!("Pattern for before/after params did not match the given file: {pattern}"),
            );
            return Ok(plan);
        };
        let characters = &text.characters;
        let part = |from: usize, to: usize| characters.get(from..to).unwrap_or_default();
        let flags = Flags { multi_line: true, ..Flags::default() };
        let regex = text_edit::compile(&params.regexp, flags, text)?;
        let (replaced, count) = regex
            .replace(part(start, end), &text.adopt(&params.replace), 0)
            .map_err(|error| Stop::failed(Error::from(error)))?;
        let new = [part(0, start), &replaced, part(end, characters.len())].concat();
        let changed = (count > 0 && new != *characters).then_some(new);
        let message = match &changed {
            Some(_) => format!("{count} replacements made"),
            None => String::new(),
        };
        let message =
            file.plan(changed.as_deref(), &message, params.editing.writing(), &mut plan)?;
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

/// The pattern that finds the part of the text that is searched.
fn section_pattern(params: &Params) -> Option<String> {
    match (&params.after, &params.before) {
        (Some(after), Some(before)) => Some(format!("{after}(?P<subsection>.*?){before}")),
        (Some(after), None) => Some(format!("{after}(?P<subsection>.*)")),
        (None, Some(before)) => Some(format!("(?P<subsection>.*){before}")),
        (None, None) => None,
    }
}

/// The part of the text that is searched; `None` when `after` and `before` do not match.
fn section(params: &Params, text: &Text) -> Result<Option<(usize, usize)>, Stop> {
    let Some(pattern) = section_pattern(params) else {
        return Ok(Some((0, text.characters.len())));
    };
    let flags = Flags { dot_all: true, ..Flags::default() };
    let regex = text_edit::compile(&pattern, flags, text)?;
    let captures = regex.search(&text.characters).map_err(Stop::failed)?;
    Ok(captures
        .and_then(|captures| captures.name("subsection"))
        .map(|found| (found.start(), found.end())))
}
