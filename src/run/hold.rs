//! Who hears what steps would do: what writes a plan, and what holds a run to one.
//!
//! A [`Keeper`] is told of every rehearsed step that has effects, and is asked before any effect
//! is applied. The runner waits for the answer with the effects in hand, so that what was agreed
//! with is what is done.

use std::fmt::Debug;

use canvass_modules::diff::Diff;
use canvass_modules::effect::{Command, Effect};
use canvass_modules::observation::Observation;
use canvass_modules::wire::{EffectRecord, Proposal};

use serde::{Deserialize, Serialize};

use crate::connection::TaskSource;
use crate::graph::StepTask;
use crate::report::event::{Event, Level};
use crate::report::mask::Secrets;
use crate::source::{Kind, Place};

use super::job::{Job, Setting};
use super::outcome::{TaskResult, Verdict};
use super::prompts::Question;

/// Which step of a host: the same in every run of the same files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepId {
    /// The play's number.
    pub play: usize,
    /// Where the task stands.
    pub place: Place,
    /// The role that it belongs to.
    pub role: Option<String>,
    /// Whether it is a handler.
    pub handler: bool,
    /// The round of its loop.
    pub item: Option<usize>,
    /// Its name as written, or its module.
    pub task: String,
    /// Fully qualified name of its module.
    pub module: String,
}

impl StepId {
    /// A step of a play.
    pub(super) fn of(play: usize, step: &StepTask, handler: bool) -> Self {
        let task = &step.task;
        let name = task.name.as_ref().and_then(|name| name.as_str());
        Self {
            play,
            place: task.span.place(),
            role: step.role.as_ref().map(|role| role.name.clone()),
            handler,
            item: None,
            task: name.map_or_else(|| task.action.described(), str::to_owned),
            module: task.action.module.clone(),
        }
    }
}

/// What a step does or would do.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The host that it is for.
    pub host: &'a str,
    /// The step.
    pub step: &'a StepId,
    /// The effects, with contents; secrets are in them.
    pub effects: &'a [EffectRecord],
    /// What they met.
    pub observed: &'a [Observation],
    /// What differs; of a rehearsed step only.
    pub diffs: &'a [Diff],
    /// Why its outcome cannot be known, where it cannot.
    pub unknown: Option<&'a str>,
    /// Whether `no_log` hides it.
    pub censored: bool,
    /// Files that go along.
    pub sources: &'a [TaskSource],
}

/// Whether effects may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// They may.
    Granted,
    /// They may, and this is told.
    Noted(String),
    /// They may not, for this reason: the host stops.
    Refused(String),
    /// Someone is asked, who is told this.
    Doubtful(String),
}

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrift {
    /// The host leaves the run.
    #[default]
    StopHost,
    /// The run ends.
    StopRun,
    /// Someone is asked first.
    Ask,
}

/// Hears what steps would do.
pub trait Keeper: Send + Sync + Debug {
    /// A step was rehearsed.
    fn rehearsed(&self, told: &Told<'_>, secrets: &Secrets);

    /// Only acting would tell what a step does.
    fn unknown(&self, host: &str, step: &StepId, reason: &str);

    /// A step is about to be done.
    fn proposed(&self, told: &Told<'_>, secrets: &Secrets) -> Consent;

    /// What follows where it is refused.
    fn on_drift(&self) -> OnDrift {
        OnDrift::StopHost
    }
}

impl Job {
    /// The same job for one round of its loop.
    pub(super) fn of_item(&self, item: usize) -> Self {
        Self { item: Some(item), ..self.clone() }
    }

    /// Which step an item of this job is.
    pub(super) fn step_id(&self, item: Option<usize>) -> StepId {
        StepId { item, ..StepId::of(self.play.number, &self.task, self.is_handler) }
    }

    /// Whether `no_log` hides a step, or may.
    pub(super) fn may_censor(&self, setting: &Setting) -> bool {
        let levels = self.task.keywords.iter().filter_map(|level| level.no_log.as_ref());
        let mut said = levels.peekable();
        said.peek().is_some_and(|node| !matches!(node.kind, Kind::Bool(false)))
            || self.censors(&setting.scope)
    }

    /// Tells the keeper of what was rehearsed.
    pub(super) fn rehearsed(&self, setting: &Setting, item: Option<usize>, told: Told<'_>) {
        let Some(keeper) = &self.play.run.keeper else { return };
        let step = self.step_id(item);
        let told =
            Told { host: &self.host, step: &step, censored: self.may_censor(setting), ..told };
        keeper.rehearsed(&told, &self.play.run.secrets());
    }

    /// Tells the keeper that nobody knows what this step, or this item, would do.
    pub(super) fn note_unknown(&self, item: Option<usize>, result: &TaskResult) {
        if let (Some(keeper), Verdict::Unknown(reason)) = (&self.play.run.keeper, &result.verdict) {
            keeper.unknown(&self.host, &self.step_id(item), &self.play.run.mask(reason));
        }
    }

    /// Asks the keeper whether a step may do what it would; the reason where it may not.
    pub(super) async fn agrees(
        &self,
        setting: &Setting,
        item: Option<usize>,
        proposal: &Proposal,
        sources: &[TaskSource],
    ) -> Result<(), String> {
        let run = &self.play.run;
        let Some(keeper) = &run.keeper else { return Ok(()) };
        let step = self.step_id(item);
        let told = Told {
            host: &self.host,
            step: &step,
            effects: &proposal.effects,
            observed: &proposal.observed,
            diffs: &[],
            unknown: None,
            censored: self.may_censor(setting),
            sources,
        };
        let consent = keeper.proposed(&told, &run.secrets());
        let (level, text, agreed) = match consent {
            Consent::Granted => return Ok(()),
            Consent::Noted(text) => (Level::Info, text, true),
            Consent::Refused(text) => (Level::Warning, text, false),
            Consent::Doubtful(text) => {
                let question = format!(
                    "{} [{}]: {text}\nDo it all the same? (y)es/(N)o: ",
                    step.task, self.host
                );
                let question = Question { text: run.mask(&question), private: false };
                let line = run.asked(question).await.unwrap_or_default();
                let agreed = matches!(line.trim().to_lowercase().as_str(), "y" | "yes");
                (Level::Warning, text, agreed)
            }
        };
        let text = run.mask(&text);
        if agreed {
            run.tell(Event::Notice {
                level,
                text,
                place: Some(step.place.clone()),
                host: Some(self.host.clone()),
                marked: false,
            });
            return Ok(());
        }
        Err(text)
    }

    /// The same for a script that no runner does.
    pub(super) async fn script_agrees(
        &self,
        setting: &Setting,
        script: &str,
    ) -> Result<(), Box<TaskResult>> {
        let proposal =
            Proposal { task: 0, item: 0, effects: script_effects(script), observed: Vec::new() };
        self.agrees(setting, self.item, &proposal, &[])
            .await
            .map_err(|reason| Box::new(TaskResult::held(&reason)))
    }

    /// Tells the keeper of a script that was not run.
    pub(super) fn script_rehearsed(&self, setting: &Setting, script: &str, reason: &str) {
        let (step, effects) = (self.step_id(self.item), script_effects(script));
        let told = Told {
            host: &self.host,
            step: &step,
            effects: &effects,
            observed: &[],
            diffs: &[],
            unknown: Some(reason),
            censored: false,
            sources: &[],
        };
        self.rehearsed(setting, self.item, told);
    }
}

/// A script for the shell as an effect.
fn script_effects(script: &str) -> Vec<EffectRecord> {
    let effect = Effect::Run(Command::new(["/bin/sh", "-c", script]));
    vec![EffectRecord { effect, reason: "it is a script".to_owned() }]
}
