//! The lines of a journal.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::super::hold::StepId;
use super::super::outcome::{TaskResult, Verdict};
use crate::report::mask::Secrets;
use crate::vars::Var;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(super) enum Line {
    /// What the run is; the first line.
    Begin {
        /// As whoever began it says.
        header: Json,
    },
    /// A file of the controller was read.
    Input {
        /// Which.
        path: std::path::PathBuf,
        /// SHA-256 of its content.
        sha256: String,
    },
    /// A host has done a step.
    Done {
        /// The host.
        host: String,
        /// The step.
        key: Box<EntryKey>,
        /// What came of it.
        entry: Box<Entry>,
    },
    /// A host has failed with others.
    Failed {
        /// The host.
        host: String,
    },
    /// A rescue has caught what failed on a host.
    Rescued {
        /// The host.
        host: String,
    },
}

/// Which step of a host, and the how manieth time that it came to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct EntryKey {
    pub(super) step: StepId,
    pub(super) time: usize,
}

/// What came of a step, as far as what follows needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// How it ended.
    pub(super) ended: Ending,
    /// Whether its failure was passed over.
    pub(super) ignored: bool,
    /// The result of a failure, which a rescue may read.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) result: Map<String, Json>,
    /// What it registered and set.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) set: Map<String, Json>,
    /// The handlers that it told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notifies: Vec<String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    Ok,
    Changed,
    Skipped,
    Failed,
}

/// What is done again in any case: it acts on the run alone, or only reads.
const AGAIN: &[&str] = &[
    "ansible.builtin.add_host",
    "ansible.builtin.assert",
    "ansible.builtin.debug",
    "ansible.builtin.fail",
    "ansible.builtin.gather_facts",
    "ansible.builtin.group_by",
    "ansible.builtin.include_role",
    "ansible.builtin.include_tasks",
    "ansible.builtin.include_vars",
    "ansible.builtin.meta",
    "ansible.builtin.set_stats",
    "ansible.builtin.setup",
    "ansible.builtin.validate_argument_spec",
];

impl Entry {
    /// What is kept of a result; `None` for a step that is done again: what it has taught is more
    /// than values, or a secret.
    pub(super) fn of(module: &str, total: &TaskResult, secrets: &Secrets) -> Option<Self> {
        let learnt = &total.learnt;
        let more = learnt.facts.is_some()
            || !learnt.included.is_empty()
            || !learnt.elsewhere.is_empty()
            || !total.includes.is_empty();
        if AGAIN.contains(&module) || more || total.held {
            return None;
        }
        let ended = match total.verdict {
            Verdict::Ok => Ending::Ok,
            Verdict::Changed => Ending::Changed,
            Verdict::Skipped => Ending::Skipped,
            Verdict::Failed => Ending::Failed,
            Verdict::Unreachable | Verdict::Unknown(_) => return None,
        };
        let mut set = Map::new();
        for (name, value) in &learnt.set {
            let Var::Data(value) = value else { return None };
            set.insert(name.clone(), crate::template::to_json(value).ok()?);
        }
        let result = match ended {
            Ending::Failed => total.result.clone(),
            Ending::Ok | Ending::Changed | Ending::Skipped => Map::new(),
        };
        let is_hidden = |kept: &Map<String, Json>| {
            let mut shown = kept.clone();
            secrets.mask_fields(&mut shown);
            shown != *kept
        };
        let notifies = total.notifies.clone();
        let told = Map::from_iter([("notifies".to_owned(), Json::from(notifies.clone()))]);
        let empty = set.is_empty() && result.is_empty();
        if [&set, &result, &told].into_iter().any(is_hidden) || (total.censored && !empty) {
            return None;
        }
        Some(Self { ended, ignored: total.ignored, result, set, notifies })
    }

    /// The result again.
    pub(super) fn replayed(&self) -> TaskResult {
        let verdict = match self.ended {
            Ending::Ok => Verdict::Ok,
            Ending::Changed => Verdict::Changed,
            Ending::Skipped => Verdict::Skipped,
            Ending::Failed => Verdict::Failed,
        };
        let mut total = TaskResult::new(verdict, self.result.clone());
        total.ignored = self.ignored;
        total.notifies.clone_from(&self.notifies);
        for (name, value) in &self.set {
            let value = Var::Data(crate::template::from_json(value));
            total.learnt.set.insert(name.clone(), value);
        }
        total
    }

    /// Whether the host goes on behind it as if nothing was.
    pub(super) fn is_failure(&self) -> bool {
        self.ended == Ending::Failed && !self.ignored
    }
}
