//! `canvass apply`: does what a plan says, or stops.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use canvass_modules::host::sha256;
use clap::{Args, ValueEnum};

use crate::plan::drift::{self, Drift};
use crate::plan::{self, Hold, Key, Plan, Recorder, Step, UnknownSteps, inputs};
use crate::report::event::RunMode;
use crate::report::model::ChangeReport;
use crate::run::{OnDrift, RunEnd, RunSettings};
use crate::source;

use super::journal::{Header, PlanName};
use super::launch::{Bonds, Launch};
use super::lock::Lock;
use super::output::OutputArguments;
use super::plan::{Listener, hosts, rehearsal, root};
use super::run_arguments::{Again, Prepared, RunArguments};
use super::show::{VerifyArguments, is_expired};
use super::{CommandError, block_on, prompt, say};

/// Arguments of `canvass apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// The plan
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    hold: HoldArguments,

    /// Take the lock of the inventory; a run that holds it is named
    #[arg(long)]
    lock: bool,

    #[command(flatten)]
    verify: VerifyArguments,

    #[command(flatten)]
    again: Again,

    #[command(flatten)]
    output: OutputArguments,
}

/// How a run is held to its plan.
#[derive(Debug, Args)]
#[command(next_help_heading = "Hold")]
struct HoldArguments {
    /// What happens where a host is not what the plan saw, or would be changed otherwise
    #[arg(long, value_enum, default_value_t = DriftWord::StopHost)]
    on_drift: DriftWord,
    /// Take what only the run can tell for drift
    #[arg(long)]
    strict_unknown: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DriftWord {
    /// The host is left as it is; the others go on
    StopHost,
    /// Nothing is done on any host, or nothing more
    StopRun,
    /// The drift is shown and someone is asked
    Ask,
}

/// Runs the command.
pub(crate) fn apply(arguments: &ApplyArguments) -> Result<ExitCode, CommandError> {
    let (plan, bytes) =
        plan::read(&arguments.file).map_err(|error| CommandError::caused(&error, None))?;
    if let Some(signer) = arguments.verify.verified(&bytes, &arguments.file)? {
        say(&format!("the plan is signed by {signer}"));
    }
    if is_expired(&plan) {
        let when = plan.expires.as_deref().unwrap_or_default();
        let text = format!("the plan has expired: it was good until {when}");
        return Err(CommandError::other(text, Some("make it anew with `canvass plan`")));
    }
    let engine = env!("CARGO_PKG_VERSION");
    if plan.engine != engine {
        let text = format!("the plan was made by canvass {}, this is {engine}", plan.engine);
        return Err(CommandError::other(text, Some("make it anew with `canvass plan`")));
    }
    let mut run: RunArguments = serde_json::from_value(plan.run.clone())
        .map_err(|error| CommandError::other(format!("the plan's options: {error}"), None))?;
    arguments.again.give(&mut run, "plan")?;
    let _lock = match arguments.lock {
        true => {
            Some(Lock::take(&run.hosts.inventory, format!("apply {}", arguments.file.display()))?)
        }
        false => None,
    };
    let sha256 = sha256(&bytes);
    let applied = Applying { arguments, plan, sha256, run, root: root()? };
    block_on(applied.go())
}

impl ApplyArguments {
    fn on_drift(&self) -> OnDrift {
        match self.hold.on_drift {
            DriftWord::StopHost => OnDrift::StopHost,
            DriftWord::StopRun => OnDrift::StopRun,
            DriftWord::Ask => OnDrift::Ask,
        }
    }
}

/// A plan that is being applied.
struct Applying<'a> {
    arguments: &'a ApplyArguments,
    plan: Plan,
    sha256: String,
    run: RunArguments,
    root: PathBuf,
}

impl Applying<'_> {
    async fn go(&self) -> Result<ExitCode, CommandError> {
        source::inputs::watch();
        let changed = inputs::changed(&self.plan.inputs, &self.root);
        // what cannot be read any more is told as what has changed
        let prepared = match self.run.prepare(RunMode::Rehearsal, &self.arguments.output) {
            Err(_) if !changed.is_empty() => return Err(self.refused(told(&changed))),
            prepared => prepared?,
        };
        let inventory = match self.run.inventory(&prepared.playbooks, None) {
            Err(_) if !changed.is_empty() => return Err(self.refused(told(&changed))),
            inventory => inventory?,
        };
        let mut reasons = told(&changed);
        reasons.extend(self.added(&reasons));
        reasons.extend(other_hosts(&self.plan.hosts, &hosts(&inventory)));
        if !reasons.is_empty() {
            return Err(self.refused(reasons));
        }
        let key = Key::open(&self.plan.key).map_err(|error| {
            CommandError::caused(&error, Some("give the vault password that sealed the plan"))
        })?;
        let unknown = match self.arguments.hold.strict_unknown {
            true => UnknownSteps::Refused,
            false => UnknownSteps::Shown,
        };
        let on_drift = self.arguments.on_drift();
        let hold =
            Arc::new(Hold::new(&self.plan, key.clone(), self.root.clone(), on_drift, unknown));
        let recorder =
            Arc::new(Recorder::new(key.clone(), self.root.clone(), Some(Arc::clone(&hold))));
        let listener = Listener::default();
        say("observing the hosts again");
        let keeper = Arc::clone(&recorder);
        let end = rehearsal(&prepared, inventory, vec![Box::new(listener.clone())], keeper).await?;
        if end.exit_code == crate::run::EXIT_INTERRUPTED || !end.stopped.is_empty() {
            return Ok(ExitCode::from(u8::try_from(end.exit_code).unwrap_or(1)));
        }
        let added = self.added(&[]);
        if !added.is_empty() {
            return Err(self.refused(added));
        }
        let courses = recorder.courses();
        let drifted = self.drifted(&courses, &end, &listener.report());
        let names: Vec<String> = drifted.keys().cloned().collect();
        match self.decide(drifted)? {
            Some(held) => {
                let mut hold = Hold::new(&self.plan, key, self.root.clone(), on_drift, unknown);
                // what was asked about is not asked again
                for host in names.iter().filter(|host| !held.contains_key(*host)) {
                    let course = courses.get(host).map(Vec::as_slice).unwrap_or_default();
                    hold.agree(host, course);
                }
                self.apply(prepared, held, Arc::new(hold)).await
            }
            None => Ok(ExitCode::from(2)),
        }
    }

    /// Files that were read and that the plan does not know, unless they are told already.
    fn added(&self, told: &[String]) -> Vec<String> {
        let noted = source::inputs::noted();
        let unknown = inputs::unknown(&self.plan.inputs, &noted, &self.root);
        let texts = unknown.iter().map(ToString::to_string);
        texts.filter(|text| !told.contains(text)).collect()
    }

    fn refused(&self, reasons: Vec<String>) -> CommandError {
        let mut text = format!(
            "`{}` cannot be applied: what it was made from is not the same",
            self.arguments.file.display()
        );
        for reason in reasons {
            let _ = write!(text, "\n  {reason}");
        }
        CommandError::other(text, Some("make it anew with `canvass plan`, and read it again"))
    }

    /// The hosts that are not what the plan saw, with what differs.
    fn drifted(
        &self,
        courses: &plan::Courses,
        end: &RunEnd,
        report: &ChangeReport,
    ) -> BTreeMap<String, String> {
        let mut held = BTreeMap::new();
        let mut names: Vec<&String> = self.plan.courses.keys().chain(courses.keys()).collect();
        names.extend(end.recap.keys());
        for host in names {
            let approved: Vec<&Step> = self.plan.course(host).collect();
            let present = courses.get(host).map(Vec::as_slice).unwrap_or_default();
            let drifts = drift::between(&approved, present);
            let failed = end.recap.get(host).is_some_and(|line| line.failed + line.unreachable > 0);
            let text = match (failed, drifts.is_empty()) {
                (true, _) => format!("it could not be observed again: {}", why(report, host)),
                (false, false) => worded(&drifts),
                (false, true) => continue,
            };
            held.insert(host.clone(), text);
        }
        held
    }

    /// The hosts that are left out; `None` where nothing is done.
    fn decide(
        &self,
        held: BTreeMap<String, String>,
    ) -> Result<Option<BTreeMap<String, String>>, CommandError> {
        if held.is_empty() {
            return Ok(Some(held));
        }
        let mut text = String::from("not what the plan saw:\n");
        for (host, drift) in &held {
            let _ = writeln!(text, "  {host}: {drift}");
        }
        match self.arguments.on_drift() {
            OnDrift::StopHost => Ok(Some(held)),
            OnDrift::StopRun => {
                say(&format!("{text}nothing was done on any host"));
                Ok(None)
            }
            OnDrift::Ask => {
                say(&text);
                let question = "apply the plan there all the same? (y)es/(N)o, leave them out: ";
                let yes = prompt::yes(question).map_err(|hint| {
                    CommandError::options("`--on-drift ask` has nobody to ask", Some(hint))
                })?;
                Ok(Some(if yes { BTreeMap::new() } else { held }))
            }
        }
    }

    async fn apply(
        &self,
        prepared: Prepared,
        held: BTreeMap<String, String>,
        hold: Arc<Hold>,
    ) -> Result<ExitCode, CommandError> {
        let Prepared { settings, playbooks, reader } = prepared;
        // hosts that plays have added are gone, what was read is the same
        let inventory = self.run.inventory(&playbooks, None)?;
        let reasons = self.added(&[]);
        if !reasons.is_empty() {
            return Err(self.refused(reasons));
        }
        let held: BTreeMap<String, String> = held
            .into_iter()
            .map(|(host, drift)| (host, format!("left as it is: {drift}")))
            .collect();
        let mut header = Header::of(&self.run, hosts(&inventory))?;
        header.held.clone_from(&held);
        header.plan = Some(PlanName {
            file: source::inputs::whole(&self.arguments.file),
            sha256: self.sha256.clone(),
            strict_unknown: self.arguments.hold.strict_unknown,
            on_drift: self.arguments.on_drift(),
        });
        let recording = self.arguments.output.recording("canvass apply", None)?;
        let consumers = self.arguments.output.consumers(recording.as_ref())?;
        let journal = recording.map(|recording| header.begin(None, recording));
        let launch = Launch {
            settings: RunSettings { mode: RunMode::Apply, ..settings },
            playbooks,
            inventory,
            reader: &reader,
            consumers,
            bonds: Bonds { keeper: Some(hold), journal, held },
        };
        let end = launch.end().await?;
        Ok(ExitCode::from(u8::try_from(end.exit_code).unwrap_or(1)))
    }
}

fn told(changed: &[inputs::Changed]) -> Vec<String> {
    changed.iter().map(ToString::to_string).collect()
}

/// Hosts that came or went.
pub(super) fn other_hosts(planned: &[String], present: &[String]) -> Vec<String> {
    let added = present.iter().filter(|host| !planned.contains(host));
    let gone = planned.iter().filter(|host| !present.contains(host));
    added
        .map(|host| format!("host `{host}` was not in the inventory"))
        .chain(gone.map(|host| format!("host `{host}` is no longer in the inventory")))
        .collect()
}

/// So many differences of a host are told.
const TOLD: usize = 8;

fn worded(drifts: &[Drift]) -> String {
    let mut texts: Vec<String> = drifts
        .iter()
        .map(|drift| format!("{} ({}): {}", drift.title, drift.place, drift.differences.join("; ")))
        .collect();
    if texts.len() > TOLD {
        let more = texts.len() - TOLD;
        texts.truncate(TOLD);
        texts.push(format!("and {more} more"));
    }
    texts.join("\n    ")
}

/// Why a host failed.
fn why(report: &ChangeReport, host: &str) -> String {
    let failures = report.tasks().flat_map(|task| task.failures.iter().map(move |it| (task, it)));
    let mut of_host = failures.filter(|(_, failure)| {
        !failure.ignored && !failure.rescued && failure.hosts.iter().any(|name| name == host)
    });
    match of_host.next() {
        Some((task, failure)) => format!("{}: {}", task.title(), failure.cause.reason),
        None => "it failed".to_owned(),
    }
}
