//! Holds a run to the steps of a plan.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use canvass_modules::observation::Observation;

use super::drift;
use super::format::{Plan, PlannedEffect, Step, StepKey};
use super::key::Key;
use super::told;
use crate::report::mask::Secrets;
use crate::run::{Consent, Keeper, OnDrift, StepId, Told};

/// What is done of what only the run can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownSteps {
    /// It is done and shown.
    #[default]
    Shown,
    /// It is drift.
    Refused,
}

/// The steps that are approved, by host.
#[derive(Debug)]
pub struct Hold {
    key: Key,
    root: PathBuf,
    hosts: HashMap<String, Course>,
    on_drift: OnDrift,
    unknown: UnknownSteps,
}

/// What a host may do.
#[derive(Debug, Default)]
struct Course {
    steps: BTreeMap<StepKey, Vec<Approved>>,
    /// Whether something about it was unknown, so that steps may come that no plan can name.
    has_open: bool,
}

#[derive(Debug)]
struct Approved {
    step: Step,
    /// What it met that nothing in the run has touched before: it must be so still.
    firm: Vec<Observation>,
}

impl Hold {
    /// Holds to the courses of a plan.
    pub fn new(
        plan: &Plan,
        key: Key,
        root: PathBuf,
        on_drift: OnDrift,
        unknown: UnknownSteps,
    ) -> Self {
        let hosts = plan.courses.keys().map(|host| (host.clone(), Course::of(plan.course(host))));
        Self { key, root, hosts: hosts.collect(), on_drift, unknown }
    }

    /// Where someone has agreed with what a host is now, it is held to that.
    pub fn agree(&mut self, host: &str, course: &[Step]) {
        self.hosts.insert(host.to_owned(), Course::of(course.iter()));
    }

    fn refused(&self, text: String) -> Consent {
        match self.on_drift {
            OnDrift::Ask => Consent::Doubtful(text),
            OnDrift::StopHost | OnDrift::StopRun => Consent::Refused(text),
        }
    }

    fn resolved(&self, step: &Step) -> Consent {
        let labels: Vec<String> = step.effects.iter().map(PlannedEffect::label).collect();
        let text = format!("was unknown in the plan: {}", labels.join(", "));
        match self.unknown {
            UnknownSteps::Shown => Consent::Noted(text),
            UnknownSteps::Refused => self.refused(text),
        }
    }
}

impl Keeper for Hold {
    fn rehearsed(&self, _: &Told<'_>, _: &Secrets) {}

    fn unknown(&self, _: &str, _: &StepId, _: &str) {}

    fn proposed(&self, told: &Told<'_>, secrets: &Secrets) -> Consent {
        let step = told::step(told, secrets, &self.key, &self.root);
        let nothing = Course::default();
        let course = self.hosts.get(told.host).unwrap_or(&nothing);
        let approved = course.steps.get(&step.at).map(Vec::as_slice).unwrap_or_default();
        let mut reasons = None;
        for one in approved {
            if one.step.is_open() {
                return self.resolved(&step);
            }
            let mut told = drift::observations(&one.firm, &step.observed);
            told.extend(beyond(&one.step.effects, &step.effects));
            if told.is_empty() {
                return Consent::Granted;
            }
            reasons.get_or_insert(told);
        }
        let whole = course.steps.get(&step.at.whole()).map(Vec::as_slice).unwrap_or_default();
        match reasons {
            Some(reasons) => self.refused(reasons.join("; ")),
            None if whole.iter().any(|one| one.step.is_open()) => self.resolved(&step),
            None if course.has_open => self.resolved(&step),
            None => self.refused(beyond(&[], &step.effects).join("; ")),
        }
    }

    fn on_drift(&self) -> OnDrift {
        self.on_drift
    }
}

/// Effects that are not among those that are approved. Fewer than those may be left to do, where
/// what ran before has done some.
fn beyond(approved: &[PlannedEffect], present: &[PlannedEffect]) -> Vec<String> {
    let mut left: Vec<&PlannedEffect> = approved.iter().collect();
    let mut told = Vec::new();
    for effect in present {
        match left.iter().position(|one| one.digest == effect.digest) {
            Some(index) => drop(left.remove(index)),
            None => {
                let same =
                    |one: &&PlannedEffect| one.kind == effect.kind && one.about == effect.about;
                let how = match left.iter().any(same) {
                    true => "otherwise than in the plan",
                    false => "not in the plan",
                };
                told.push(format!("{how}: {}", effect.label()));
            }
        }
    }
    told
}

impl Course {
    fn of<'a>(steps: impl Iterator<Item = &'a Step>) -> Self {
        let mut course = Self::default();
        let mut touched = Touched::default();
        for step in steps {
            course.has_open |= step.unknown.is_some();
            let firm = step.observed.iter().filter(|one| !touched.has(one)).cloned().collect();
            touched.by(step);
            let approved = Approved { step: step.clone(), firm };
            course.steps.entry(step.at.clone()).or_default().push(approved);
        }
        course
    }
}

/// What steps of a host have touched so far.
#[derive(Default)]
struct Touched {
    paths: Vec<PathBuf>,
    /// Whether something ran that may touch anything.
    anything: bool,
}

impl Touched {
    fn has(&self, observation: &Observation) -> bool {
        let meets =
            |path: &Path, other: &PathBuf| path.starts_with(other) || other.starts_with(path);
        match observation {
            _ if self.anything => true,
            Observation::Path(state) => self.paths.iter().any(|other| meets(&state.path, other)),
            Observation::Package { .. }
            | Observation::Unit { .. }
            | Observation::User { .. }
            | Observation::Group { .. }
            | Observation::Setting { .. }
            | Observation::Unknown { .. } => false,
        }
    }

    fn by(&mut self, step: &Step) {
        for effect in &step.effects {
            match (effect.kind.as_str(), &effect.about) {
                (
                    "write_file" | "make_directory" | "make_symlink" | "make_hard_link"
                    | "set_attributes" | "set_times" | "remove" | "copy_file",
                    Some(path),
                ) => self.paths.push(PathBuf::from(path)),
                _ => self.anything = true,
            }
        }
        self.anything |= step.is_open();
    }
}
