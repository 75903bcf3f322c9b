//! `scenario.yml`: what a scenario is run with, and what must come of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// A scenario's description.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Description {
    /// Arguments behind `canvass play`; the playbook follows them. `{work}` is a fresh folder.
    pub(crate) args: Vec<String>,
    /// Where it runs.
    #[serde(deserialize_with = "hosts")]
    pub(crate) hosts: Hosts,
    /// How the real run ends.
    pub(crate) exit_code: i32,
    /// Whether a dry run comes first, whose diffs must be those of the real run.
    pub(crate) check_first: bool,
    /// Why it does not.
    pub(crate) no_check_because: Option<String>,
    /// How the dry run ends, where it is not as the real one.
    pub(crate) check_exit_code: Option<i32>,
    /// Names of tasks that the dry run cannot know.
    pub(crate) unknown: Vec<String>,
    /// Names of tasks that run otherwise in the dry run, because one before them is unknown.
    pub(crate) after_unknown: Vec<String>,
    /// What the second run does.
    #[serde(with = "serde_yaml::with::singleton_map")]
    pub(crate) second_run: SecondRun,
    /// Files on each lab host (or this machine) after the real run.
    pub(crate) expect_files: BTreeMap<String, ExpectedFile>,
    /// Texts in the output of the real run.
    pub(crate) expect_output_contains: Vec<String>,
    /// Texts that no output of any run holds, the report files included.
    pub(crate) expect_output_omits: Vec<String>,
    /// Ctrl-C is sent when this file is on all lab hosts.
    pub(crate) interrupt_at: Option<String>,
    /// More environment.
    pub(crate) env: BTreeMap<String, String>,
    /// Text for standard input.
    pub(crate) stdin: String,
    /// Whether Ansible counts the same: `expected/ansible.json` was recorded from a run of it.
    pub(crate) ansible: bool,
    /// Arguments that only canvass takes.
    pub(crate) canvass_args: Vec<String>,
    /// The run must end within this many seconds.
    pub(crate) within_seconds: u64,
}

impl Default for Description {
    fn default() -> Self {
        Self {
            args: Vec::new(),
            hosts: Hosts::Lab(1),
            exit_code: 0,
            check_first: true,
            no_check_because: None,
            check_exit_code: None,
            unknown: Vec::new(),
            after_unknown: Vec::new(),
            second_run: SecondRun::Unchanged,
            expect_files: BTreeMap::new(),
            expect_output_contains: Vec::new(),
            expect_output_omits: Vec::new(),
            interrupt_at: None,
            env: BTreeMap::new(),
            stdin: String::new(),
            ansible: false,
            canvass_args: Vec::new(),
            within_seconds: 120,
        }
    }
}

/// Where a scenario runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// On fresh lab hosts `h1`, `h2` … in the group `lab`, over SSH.
    Lab(usize),
    /// On this machine, in a folder of its own: `work`.
    Local,
    /// Nowhere: it ends before the first connection.
    None,
}

fn hosts<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Hosts, D::Error> {
    let text = String::deserialize(deserializer)?;
    let count = text.strip_prefix("lab ").and_then(|count| count.parse().ok());
    match (text.as_str(), count) {
        ("local", _) => Ok(Hosts::Local),
        ("none", _) => Ok(Hosts::None),
        (_, Some(count)) => Ok(Hosts::Lab(count)),
        _ => Err(serde::de::Error::custom("`hosts` is `local`, `none` or `lab N`")),
    }
}

/// What the second run does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecondRun {
    /// It changes nothing and ends as the first.
    Unchanged,
    /// Each task ends as in the first run.
    Same,
    /// There is none, for this reason.
    Skip(String),
}

/// A file after the run.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExpectedFile {
    /// Its whole content.
    pub(crate) content: Option<String>,
    /// A part of its content.
    pub(crate) contains: Option<String>,
    /// Its permissions in octal, as text.
    pub(crate) mode: Option<String>,
    /// Its owner's name.
    pub(crate) owner: Option<String>,
    /// Its group's name.
    pub(crate) group: Option<String>,
    /// `file`, `directory`, `link` or `absent`.
    pub(crate) kind: Option<String>,
    /// Only on these hosts.
    pub(crate) hosts: Vec<String>,
}

impl Description {
    /// Reads and judges a description.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let description: Self = match text.trim().is_empty() {
            true => Self::default(),
            false => serde_yaml::from_str(&text).with_context(|| format!("{}", path.display()))?,
        };
        description.judge().with_context(|| format!("{}", path.display()))?;
        Ok(description)
    }

    fn judge(&self) -> Result<()> {
        let without_dry_run = !self.check_first && self.hosts != Hosts::None;
        ensure!(
            without_dry_run == self.no_check_because.is_some(),
            "`no_check_because` tells why `check_first` is false"
        );
        if let SecondRun::Skip(reason) = &self.second_run {
            ensure!(reason.len() > 10, "`second_run: skip` needs its reason");
        }
        ensure!(
            self.after_unknown.is_empty() || !self.unknown.is_empty(),
            "nothing is `after_unknown` where nothing is unknown"
        );
        for (path, file) in &self.expect_files {
            match file.kind.as_deref() {
                None | Some("file" | "directory" | "link" | "absent") => {}
                Some(kind) => bail!("`{path}` cannot be a `{kind}`"),
            }
        }
        Ok(())
    }
}
