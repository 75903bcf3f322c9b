//! Modules of the user's own that are no Python of Ansible's: binaries and scripts.
//!
//! Which form a file has follows `executor/module_common.py` of ansible-core 2.19.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use canvass_modules::python_regex::{Flags, Regex, compile};

/// A module of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnModule {
    /// Its file.
    pub path: PathBuf,
    /// How it takes its arguments.
    pub form: OwnForm,
    /// The program of its first line and that program's arguments; a binary has none.
    pub interpreter: Vec<String>,
}

/// How a module of the user's own takes its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnForm {
    /// A file with JSON.
    Json,
    /// A file with `key=value` for a shell.
    Words,
}

/// Why a file is no module that can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    /// It imports Ansible's own Python.
    #[error("is Python of Ansible's kind")]
    Python,
    /// It is for Windows.
    #[error("is for Windows")]
    PowerShell,
    /// It says nowhere what runs it.
    #[error("is missing interpreter line")]
    NoInterpreter,
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// How much of a file tells its form.
const LOOKED_AT: u64 = 1 << 20;

/// How much of a file tells whether it is text.
const SNIFFED: usize = 1024;

impl OwnModule {
    /// Looks at the file of a module.
    pub(super) fn of(path: &Path) -> Result<Self, Foreign> {
        let unreadable = |error: io::Error| Foreign::Unreadable(error.to_string());
        let mut content = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(LOOKED_AT).read_to_end(&mut content).map_err(unreadable)?;
        let module = |form, interpreter| Self { path: path.to_owned(), form, interpreter };
        if content.iter().take(SNIFFED).any(|byte| is_binary(*byte)) {
            return Ok(module(OwnForm::Json, Vec::new()));
        }
        let text = String::from_utf8_lossy(&content);
        let has = |word: &str| text.contains(word);
        if imports_ansible(&text)
            || has("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>")
            || has("<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>")
        {
            return Err(Foreign::Python);
        }
        if has("#<<INCLUDE_POWERSHELL>>") || has("#Requires -Module") || has("#AnsibleRequires") {
            return Err(Foreign::PowerShell);
        }
        let form = if has("WANT_JSON") { OwnForm::Json } else { OwnForm::Words };
        let first = text.lines().next().and_then(|line| line.strip_prefix("#!"));
        let words: Vec<String> =
            first.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        match words.first().map(|word| word.rsplit('/').next().unwrap_or(word)) {
            None => Err(Foreign::NoInterpreter),
            Some("powershell" | "pwsh") => Err(Foreign::PowerShell),
            Some(_) => Ok(module(form, words)),
        }
    }

    /// The name by which a variable `ansible_<name>_interpreter` puts another program in the
    /// place of its interpreter.
    pub fn interpreter_name(&self) -> Option<&str> {
        let name = |word: &String| Path::new(word).file_name()?.to_str().map(str::to_owned);
        let mut words = self.interpreter.iter();
        let first = words.next()?;
        let named = match name(first).as_deref() {
            Some("env") => words.next()?,
            _ => first,
        };
        Path::new(named).file_name()?.to_str()
    }
}

/// Whether text has no such byte.
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=6 | 14..=26 | 28..=31 | 127)
}

/// Whether a script imports what Ansible brings to modules in Python.
fn imports_ansible(text: &str) -> bool {
    static PATTERN: std::sync::LazyLock<Option<Regex>> = std::sync::LazyLock::new(|| {
        let pattern = r"(?m)^(?:from +\.{2,} *module_utils.* +import |from +ansible_collections\.[^.]+\.[^.]+\.plugins\.module_utils.* +import |import +ansible_collections\.[^.]+\.[^.]+\.plugins\.module_utils.*|from +ansible\.module_utils.* +import |import +ansible\.module_utils\.)";
        compile(pattern, Flags::default()).ok()
    });
    PATTERN.as_ref().is_some_and(|pattern| pattern.is_found(text).unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let own = |form, interpreter: &[&str]| Ok((form, words(interpreter)));
        let table: [(&[u8], Result<(OwnForm, Vec<String>), Foreign>); 9] = [
            (b"#!/bin/sh\nexit", own(OwnForm::Words, &["/bin/sh"])),
            (b"#!/bin/bash -e\n# WANT_JSON\n", own(OwnForm::Json, &["/bin/bash", "-e"])),
            (b"#!/usr/bin/env ruby\n", own(OwnForm::Words, &["/usr/bin/env", "ruby"])),
            (b"\x7fELF\x02\x01\x01\0", own(OwnForm::Json, &[])),
            (b"#!/usr/bin/python\nimport json\n", own(OwnForm::Words, &["/usr/bin/python"])),
            (
                b"#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n",
                Err(Foreign::Python),
            ),
            (b"import sys\nfrom ansible.module_utils import basic\n", Err(Foreign::Python)),
            (b"#!powershell\n", Err(Foreign::PowerShell)),
            (b"echo {}\n", Err(Foreign::NoInterpreter)),
        ];
        for (content, expected) in table {
            let path = folder.path().join("module");
            std::fs::write(&path, content).unwrap();
            let found = OwnModule::of(&path).map(|own| (own.form, own.interpreter));
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(content));
        }
        let gone = OwnModule::of(&folder.path().join("gone"));
        assert!(matches!(gone, Err(Foreign::Unreadable(_))));
    }

    #[test]
    fn a_variable_may_name_another_interpreter() {
        let of = |interpreter: &[&str]| OwnModule {
            path: PathBuf::new(),
            form: OwnForm::Words,
            interpreter: interpreter.iter().map(|word| (*word).to_owned()).collect(),
        };
        for (interpreter, name) in [
            (&["/bin/bash", "-e"] as &[&str], Some("bash")),
            (&["/usr/bin/env", "ruby"], Some("ruby")),
            (&[], None),
        ] {
            assert_eq!(of(interpreter).interpreter_name(), name);
        }
    }
}
