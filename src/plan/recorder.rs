//! Listens to a rehearsal.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::format::{Step, StepKey};
use super::hold::Hold;
use super::key::Key;
use super::told;
use crate::report::mask::Secrets;
use crate::run::{Consent, Keeper, StepId, Told};

/// The steps of each host, in their order.
pub type Courses = IndexMap<String, Vec<Step>>;

/// Keeps what each host would do in a rehearsal, and what it met.
#[derive(Debug)]
pub struct Recorder {
    key: Key,
    root: PathBuf,
    courses: Mutex<Courses>,
    /// What a task may do that acts even in a rehearsal (`check_mode: false`); anything where
    /// there is no plan yet.
    hold: Option<Arc<Hold>>,
}

impl Recorder {
    /// Digests are made with `key`, files are named as `root` sees them.
    pub fn new(key: Key, root: PathBuf, hold: Option<Arc<Hold>>) -> Self {
        Self { key, root, courses: Mutex::default(), hold }
    }

    /// What was kept so far.
    pub fn courses(&self) -> Courses {
        self.kept().clone()
    }

    fn kept(&self) -> MutexGuard<'_, Courses> {
        self.courses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, host: &str, step: Step) {
        self.kept().entry(host.to_owned()).or_default().push(step);
    }
}

impl Keeper for Recorder {
    fn rehearsed(&self, told: &Told<'_>, secrets: &Secrets) {
        self.keep(told.host, told::step(told, secrets, &self.key, &self.root));
    }

    fn unknown(&self, host: &str, step: &StepId, reason: &str) {
        let at = StepKey::of(step, &self.root);
        let mut kept = self.kept();
        let course = kept.entry(host.to_owned()).or_default();
        let known = |one: &Step| match at.item {
            None => one.at.whole() == at,
            Some(_) => one.at == at,
        };
        // what its calls have told says more
        if course.iter().rev().any(known) {
            return;
        }
        course.push(Step {
            at,
            task: step.task.clone(),
            module: step.module.clone(),
            unknown: Some(reason.to_owned()),
            effects: Vec::new(),
            observed: Vec::new(),
        });
    }

    fn proposed(&self, told: &Told<'_>, secrets: &Secrets) -> Consent {
        let consent = match &self.hold {
            Some(hold) => hold.proposed(told, secrets),
            None => Consent::Granted,
        };
        self.keep(told.host, told::step(told, secrets, &self.key, &self.root));
        consent
    }
}

/// Each distinct step once, and the steps of each host by number.
pub fn shared(courses: &Courses) -> (Vec<Step>, IndexMap<String, Vec<usize>>) {
    let mut steps: Vec<Step> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut numbers = IndexMap::new();
    for (host, course) in courses {
        let course = course.iter().map(|step| {
            let text = serde_json::to_string(step).unwrap_or_default();
            *known.entry(text).or_insert_with(|| {
                steps.push(step.clone());
                steps.len() - 1
            })
        });
        numbers.insert(host.clone(), course.collect());
    }
    numbers.sort_keys();
    (steps, numbers)
}
