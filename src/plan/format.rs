//! The form of a plan: JSON, described in `docs/plan.md`.

use std::path::Path;

use canvass_modules::observation::Observation;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use crate::report::model::Position;

use super::key::KeyForm;
use crate::report::model::ChangeReport;
use crate::run::StepId;

/// Name and version of the form.
pub const SCHEMA: &str = "canvass-plan/1";

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the engine that made it.
    pub engine: String,
    /// When it was made, after RFC 3339 in UTC.
    pub created: String,
    /// When it stops being good, if it does.
    pub expires: Option<String>,
    /// The playbooks and options of the run, as the command line has them.
    pub run: Json,
    /// Every file of the controller that was read.
    pub inputs: Vec<Input>,
    /// All hosts of the inventory, sorted.
    pub hosts: Vec<String>,
    /// The key of all digests below.
    pub key: KeyForm,
    /// Each distinct step once.
    pub steps: Vec<Step>,
    /// The steps of each host in their order, by their number in `steps`.
    pub courses: IndexMap<String, Vec<usize>>,
    /// The rehearsal's change report (`docs/report.md`).
    pub report: ChangeReport,
}

/// A file of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Relative to the folder that the plan was made in, where it lies below it.
    pub path: String,
    /// SHA-256 of its content in hexadecimal.
    pub sha256: String,
}

/// What a step of a host would do, and what it met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Which step it is.
    pub at: StepKey,
    /// The name of its task.
    pub task: String,
    /// Fully qualified name of its module.
    pub module: String,
    /// Why its outcome cannot be known before the run, where it cannot.
    pub unknown: Option<String>,
    /// What it would do, in order.
    pub effects: Vec<PlannedEffect>,
    /// What that met; contents and values as digests.
    pub observed: Vec<Observation>,
}

/// Which step: the same in every run of the same files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepKey {
    /// The play's number, from 0.
    pub play: usize,
    /// The role that it belongs to.
    pub role: Option<String>,
    /// Whether it is a handler.
    pub handler: bool,
    /// Where its task stands.
    pub place: Position,
    /// The round of its loop, from 0.
    pub item: Option<usize>,
}

/// One effect, as far as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedEffect {
    /// Its kind (`write_file`, `packages` …).
    pub kind: String,
    /// What it is about: a path, a name; `null` where `no_log` hides it.
    pub about: Option<String>,
    /// The keyed digest of the whole effect.
    pub digest: String,
}

impl StepKey {
    /// The key of a step, with its file as `root` sees it.
    pub fn of(step: &StepId, root: &Path) -> Self {
        let place = Position {
            file: super::inputs::relative(&step.place.file, root),
            line: step.place.line,
            column: step.place.column,
        };
        Self {
            play: step.play,
            role: step.role.clone(),
            handler: step.handler,
            place,
            item: step.item,
        }
    }

    /// The same step without the round of its loop.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self { item: None, ..self.clone() }
    }
}

impl Step {
    /// Whether nobody knew what it would do.
    pub fn is_open(&self) -> bool {
        self.unknown.is_some() && self.effects.is_empty()
    }

    /// Its title for people: `role : task (item 2)`.
    pub fn title(&self) -> String {
        let role = self.at.role.as_ref().map(|role| format!("{role} : ")).unwrap_or_default();
        let item = self.at.item.map(|item| format!(" (item {})", item + 1)).unwrap_or_default();
        format!("{role}{}{item}", self.task)
    }
}

impl PlannedEffect {
    /// In a few words.
    pub fn label(&self) -> String {
        let kind = self.kind.replace('_', " ");
        match &self.about {
            Some(about) => format!("{kind} `{about}`"),
            None => format!("{kind} (hidden by `no_log`)"),
        }
    }
}

impl Plan {
    /// The steps of a host in their order.
    pub fn course<'a>(&'a self, host: &str) -> impl Iterator<Item = &'a Step> {
        let numbers = self.courses.get(host).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|number| self.steps.get(*number))
    }

    /// Hosts on which something would change, or may.
    pub fn hosts_to_change(&self) -> usize {
        self.courses.values().filter(|steps| !steps.is_empty()).count()
    }
}
