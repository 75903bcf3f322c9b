//! Runs one module on one host: parse, observe, plan, draw the diff, apply, conclude.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value as Json};

use crate::contract::{Module, Returned, Stop};
use crate::diff::{Diff, DiffCollector};
use crate::effect::Applied;
use crate::evidence::settled;
use crate::host::{Follow, Host, HostError};
use crate::module::file_attributes::add_stat;
use crate::observation::{Observation, observe};
use crate::params::Params as _;
use crate::wire::{EffectRecord, Status};

/// What an execution is given.
pub struct Execution<'a> {
    /// The host.
    pub host: &'a mut dyn Host,
    /// Rendered arguments.
    pub arguments: &'a Map<String, Json>,
    /// Whether the diff is drawn.
    pub diff: bool,
}

/// Who hears what an execution would do before it does it.
pub trait Consent {
    /// Whether these effects, which met this, may be applied.
    fn agrees(&mut self, effects: &[EffectRecord], observed: &[Observation]) -> bool;
}

/// What came of an execution.
#[derive(Debug)]
pub struct Executed {
    /// How it ended.
    pub status: Status,
    /// The fields of the result.
    pub returned: Returned,
    /// What was decided, as far as it was applied.
    pub effects: Vec<EffectRecord>,
    /// What changes.
    pub diffs: Vec<Diff>,
    /// What the effects met, where someone is to agree with them.
    pub observed: Vec<Observation>,
    /// Values of `returned` that only acting would tell: as JSON pointers, and why.
    pub unknown: BTreeMap<String, String>,
    /// Time that observing and planning took, in microseconds.
    pub observe_micros: u64,
    /// Time that applying took, in microseconds.
    pub apply_micros: u64,
}

/// Runs a module with JSON arguments.
pub fn execute<M: Module>(name: &str, execution: Execution<'_>) -> Executed {
    execute_with::<M>(name, execution, None)
}

/// Runs a module with JSON arguments; its effects are applied only where `consent` agrees.
pub fn execute_with<M: Module>(
    name: &str,
    execution: Execution<'_>,
    consent: Option<&mut dyn Consent>,
) -> Executed {
    let Execution { host, arguments, diff } = execution;
    let mut run = Executed::new(Status::Ok);
    let filled = with_fallback::<M>(arguments, host);
    let arguments = filled.as_ref().unwrap_or(arguments);
    let params = match M::Params::parse(name, arguments) {
        Ok(params) => params,
        Err(errors) => {
            let stop = Stop::failed(crate::params::message(&errors));
            run.fail(match crate::params::details(&errors) {
                Some(details) => stop.with("details", details),
                None => stop,
            });
            return run;
        }
    };
    match attempt::<M>(&params, host, diff, consent, &mut run) {
        Ok(()) => {}
        Err(Stop::Host(HostError::Unknown(reason))) => run.status = Status::Unknown { reason },
        Err(Stop::Host(HostError::Flags { path, reason })) => {
            run.fail(flags_refused(&path, &reason, host));
        }
        Err(stop) => run.fail(stop),
    }
    run
}

/// The option that the environment of a module may set, and what sets it.
const FALLBACK: (&str, &str) = ("unsafe_writes", "ANSIBLE_UNSAFE_WRITES");

/// The arguments with what the environment sets where they do not; `None` where it sets nothing.
fn with_fallback<M: Module>(
    arguments: &Map<String, Json>,
    host: &mut dyn Host,
) -> Option<Map<String, Json>> {
    let (option, variable) = FALLBACK;
    let value = host.environment(variable)?;
    let is_free = arguments.get(option).is_none_or(Json::is_null);
    if !is_free || !M::Params::options().iter().any(|known| known.name == option) {
        return None;
    }
    let mut filled = arguments.clone();
    filled.insert(option.to_owned(), Json::String(value));
    Some(filled)
}

/// What a module warns of in a dry run; nothing where it cannot tell, for the execution that
/// follows meets the same trouble and words it.
pub fn foresee<M: Module>(
    name: &str,
    arguments: &Map<String, Json>,
    host: &mut dyn Host,
) -> Vec<String> {
    match M::Params::parse(name, arguments) {
        Ok(params) => M::foresee(&params, host).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

fn attempt<M: Module>(
    params: &M::Params,
    host: &mut dyn Host,
    diff: bool,
    consent: Option<&mut dyn Consent>,
    run: &mut Executed,
) -> Result<(), Stop> {
    let started = Instant::now();
    let observed = M::observe(params, host)?;
    let plan = M::plan(params, &observed)?;
    if let Some(consent) = consent
        && !plan.effects.is_empty()
    {
        let records: Vec<EffectRecord> = plan
            .effects
            .iter()
            .map(|planned| EffectRecord {
                effect: planned.effect.clone(),
                reason: planned.reason.clone(),
            })
            .collect();
        run.observed = observe(&records, host);
        if !consent.agrees(&records, &run.observed) {
            run.effects = records;
            run.status = Status::Refused;
            return Ok(());
        }
    }
    run.observe_micros = micros(started);
    run.unknown.clone_from(&plan.unknown);
    let started = Instant::now();
    let mut applied = Vec::with_capacity(plan.effects.len());
    let mut collector = DiffCollector::new();
    let mut unknown = None;
    for planned in &plan.effects {
        if diff {
            collector.before(&planned.effect, host);
        }
        let outcome = host.apply(planned);
        run.apply_micros = micros(started);
        let outcome = outcome.map_err(|error| match error {
            HostError::Unknown(_) => Stop::Host(error),
            error => M::explain(params, &observed, planned, error),
        })?;
        if let Applied::Unknown(reason) = &outcome {
            unknown.get_or_insert_with(|| reason.clone());
        }
        let effect = settled(&planned.effect, &outcome).unwrap_or_else(|| planned.effect.clone());
        if diff {
            collector.after(&effect);
        }
        run.effects.push(EffectRecord { effect, reason: planned.reason.clone() });
        applied.push(outcome);
    }
    if diff {
        run.diffs = collector.finish(host);
        run.diffs.iter_mut().for_each(|diff| diff.conceal(M::conceal));
    }
    if let Some(reason) = unknown {
        run.returned = plan.returned;
        run.status = Status::Unknown { reason };
        return Ok(());
    }
    let mut conclusion = M::conclude(params, &observed, &plan, &applied)?;
    M::revisit(params, &observed, host, &mut conclusion.returned)?;
    debug_assert!(
        M::RETURNS_FACTS || !conclusion.returned.contains_key("ansible_facts"),
        "facts of a module whose `RETURNS_FACTS` is false"
    );
    if !conclusion.changed {
        run.diffs.clear();
    }
    run.returned = conclusion.returned;
    run.status = if conclusion.changed { Status::Changed } else { Status::Ok };
    Ok(())
}

impl Executed {
    /// Nothing has come of it yet.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            returned: Returned::new(),
            effects: Vec::new(),
            diffs: Vec::new(),
            observed: Vec::new(),
            unknown: BTreeMap::new(),
            observe_micros: 0,
            apply_micros: 0,
        }
    }

    /// Puts warnings before those of the result.
    pub fn warn_first(&mut self, mut warnings: Vec<Json>) {
        if warnings.is_empty() {
            return;
        }
        if let Some(Json::Array(own)) = self.returned.shift_remove("warnings") {
            warnings.extend(own);
        }
        self.returned.insert("warnings".to_owned(), Json::Array(warnings));
    }

    fn fail(&mut self, stop: Stop) {
        self.status = Status::Failed;
        match stop {
            Stop::Failed(failure) => {
                self.returned = failure.returned;
                self.returned.insert("msg".to_owned(), Json::from(failure.message));
            }
            Stop::Host(error) => {
                if let HostError::CommandFailed { output, .. }
                | HostError::Validation { output, .. } = &error
                {
                    self.returned.insert("rc".to_owned(), Json::from(output.status));
                    self.returned.insert("stdout".to_owned(), Json::from(output.stdout_text()));
                    self.returned.insert("stderr".to_owned(), Json::from(output.stderr_text()));
                }
                let mut message = error.to_string();
                if let HostError::TimedOut(limit) = error {
                    let about =
                        Map::from_iter([("period".to_owned(), Json::from(limit.as_secs()))]);
                    self.returned.insert("timedout".to_owned(), Json::Object(about));
                    message = format!("Task failed: {message}");
                }
                self.returned.insert("msg".to_owned(), Json::from(message));
            }
        }
    }
}

/// The words of Ansible for flags that cannot be set.
fn flags_refused(path: &Path, reason: &str, host: &mut dyn Host) -> Stop {
    let stop = Stop::failed("chattr failed")
        .with("path", path.display().to_string())
        .with("details", format!("Error while setting attributes: {reason}"));
    match (stop, host.stat(path, Follow::No)) {
        (Stop::Failed(mut failure), Ok(Some(stat))) => {
            add_stat(&stat, &mut failure.returned);
            Stop::Failed(failure)
        }
        (stop, _) => stop,
    }
}

fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
