//! Runs plays: one state machine a host, driven by the graph's edges.
//!
//! [`run`] goes through the plays in order. A play is cut into batches (`serial`); a
//! [`batch`] owns the state of its hosts and alone changes it; a [`job`] is one task on one host,
//! which works on what it was given and reports back. Events tell [`crate::report`] all of it.

mod action;
mod argument_spec;
mod arguments;
mod asynchronous;
mod batch;
mod causes;
mod check_mode;
mod context;
mod coupling;
mod custom_stats;
mod debugger;
mod fact_cache;
mod handlers;
mod heading;
mod hold;
mod host_vars;
mod included;
mod invocation;
mod items;
mod job;
mod journal;
mod keyword;
mod login_variables;
mod magic;
mod missing_modules;
mod outcome;
mod overlap;
mod parts;
mod pool;
mod preflight;
mod printed;
mod prompts;
mod reboot;
mod registered_diff;
mod reported;
mod reserved;
mod retry;
mod secret_values;
mod serial;
mod settings;
mod shard;
mod static_names;
mod stepping;
mod tally;
mod target;
mod unforeseen;
mod variables_file;
mod vars_files;
mod waiting;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::connection::Connector;
use crate::diagnostics::Diagnostic;
use crate::graph::Steps;
use crate::inventory::{LiveInventory, Pattern};
use crate::playbook::{Includes, Play, Playbook, Strategy};
use crate::report::event::{Event, Level, Recap, RunMode};
use crate::report::mask::Secrets;
use crate::template::Templar;
use crate::vars::Scope;

pub use context::pattern_text;
pub use coupling::{apart, ties};
pub use fact_cache::{FactCacheError, FactFiles};
pub use heading::Heading;
pub use hold::{Consent, Keeper, OnDrift, StepId, Told};
pub use journal::{Journal, Past};
pub use keyword::KeywordError;
pub use missing_modules::missing_modules;
pub use preflight::{AdmittedModules, ModuleTable, check, module_names};
pub use prompts::{Ask, Question};
pub use settings::{
    BecomeProgram, Behaviour, CheckMode, ConnectionDefaults, Debugging, DiffMode, FactNames,
    Gathering, HiddenFacts, Overlap, PatternMismatch, PrivilegeDefaults, Profiling, RunSettings,
    Stepping,
};
pub use shard::{NoShard, Shard, ShardError};
pub use static_names::KnownNames;
pub use target::{become_method, transport};

use batch::BatchEnd;
use context::{PlayContext, RunContext};
use magic::PlayHosts;
use tally::Tally;

/// The exit code of a run that the user interrupted, as Ansible's.
pub const EXIT_INTERRUPTED: i32 = 99;

/// What a run works with.
pub struct Run {
    /// What the command line said.
    pub settings: RunSettings,
    /// The playbooks in order.
    pub playbooks: Vec<Playbook>,
    /// Reads what tasks include while the plays run.
    pub includes: Arc<Includes>,
    /// The hosts.
    pub inventory: Arc<LiveInventory>,
    /// Opens connections.
    pub connector: Arc<Connector>,
    /// Renders.
    pub templar: Arc<Templar>,
    /// Asks the user, where there is one.
    pub ask: Option<Ask>,
    /// Asks whoever is at standard input, be it a terminal or not.
    pub prompt: Ask,
    /// How far the report has come: the last [`Event::Waiting`] that it has heard.
    pub heard: watch::Receiver<u64>,
    /// Room for [`Event::Output`]: one is taken for each, and given back when it was heard.
    pub room: Arc<Semaphore>,
    /// Texts that never show.
    pub secrets: Secrets,
    /// Who hears what steps would do, and agrees with it.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Keeps what each host has done.
    pub journal: Option<Journal>,
    /// Hosts that count as failed before the run begins, with the reason.
    pub held: BTreeMap<String, String>,
    /// Who hears what happens.
    pub events: UnboundedSender<Event>,
    /// Ends the run when it is cancelled.
    pub cancel: CancellationToken,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// The exit code, as Ansible's.
    pub exit_code: i32,
    /// A line a host.
    pub recap: BTreeMap<String, Recap>,
    /// Why the engine could not go on, if it could not.
    pub stopped: Vec<Diagnostic>,
    /// All texts that must not show.
    pub secrets: Secrets,
}

impl Run {
    /// Goes through the plays; connections are closed when it returns.
    pub async fn run(self) -> RunEnd {
        let playbooks =
            self.playbooks.iter().map(|playbook| playbook.path.display().to_string()).collect();
        let context = Arc::new(RunContext {
            magic: Arc::new(magic::of_run(&self.settings, self.inventory.sources())),
            extra_vars: Arc::new(self.settings.extra_vars.clone()),
            connection: Arc::new(magic::of_connection(&self.settings)),
            templar: self.templar,
            inventory: self.inventory,
            includes: self.includes,
            hosts: Arc::new(host_vars::HostTable::new(
                self.settings.behaviour.hash,
                self.settings.fact_cache.clone(),
                &self.events,
            )),
            files: Arc::default(),
            reserved: Arc::default(),
            pool: pool::Pool::new(self.connector, self.events.clone(), self.settings.fetching),
            ask: self.ask,
            prompt: self.prompt,
            heard: self.heard,
            room: self.room,
            unforeseen: Arc::default(),
            marks: Arc::default(),
            secrets: Arc::new(Mutex::new(self.secrets)),
            keeper: self.keeper,
            journal: self.journal.map(Arc::new),
            events: self.events,
            forks: Arc::new(Semaphore::new(self.settings.forks.get().min(Semaphore::MAX_PERMITS))),
            halt: CancellationToken::new(),
            settings: Arc::new(self.settings),
        });
        let plays = self.playbooks.iter().flat_map(|playbook| &playbook.plays);
        let plays: Vec<(usize, Arc<Play>)> = plays.cloned().enumerate().collect();
        let missing = missing_modules::of_run(&context, &plays).await;
        if !missing.is_empty() {
            context.hosts.close().await;
            let secrets = std::mem::take(&mut *context.secrets());
            let stopped = missing.into_iter().map(|told| context.masked(told)).collect();
            return RunEnd { exit_code: 4, recap: BTreeMap::new(), stopped, secrets };
        }
        context.tell(Event::RunStarted {
            at: context.journal.as_ref().map_or_else(SystemTime::now, |journal| journal.started),
            mode: context.settings.mode,
            playbooks,
        });
        let extra = Scope::new(vec![Arc::clone(&context.extra_vars)]);
        secret_values::of_scope(&context, &extra);
        let extra = context.extra_vars.keys().map(|name| (name.as_str(), None));
        context.reserved.of(&context, extra);
        let mut tally = Tally::default();
        for (host, reason) in &self.held {
            tally.count(host, &outcome::Verdict::Failed, false, false);
            tally.hold(host);
            context.tell(Event::Notice {
                level: Level::Warning,
                text: context.mask(reason),
                place: None,
                host: Some(host.clone()),
                marked: false,
            });
        }
        let mut left = plays.as_slice();
        let mut stopped = Vec::new();
        let mut interrupted = false;
        while let Some((number, play)) = left.first() {
            let count = overlap::count(&context, left).await;
            let (at_once, later) = left.split_at(count);
            left = later;
            let end = match at_once {
                [_, _, ..] => overlap::run(&context, at_once, &mut tally, &self.cancel).await,
                _ => play_through(&context, play, *number, &mut tally, &self.cancel).await,
            };
            match end {
                Ok(Onward::Next) => {}
                Ok(Onward::Stop) => break,
                Ok(Onward::Interrupted) => {
                    interrupted = true;
                    context.tell(Event::Interrupted);
                    break;
                }
                Err(diagnostics) => {
                    stopped = diagnostics.into_iter().map(|told| context.masked(told)).collect();
                    break;
                }
            }
        }
        if let Some(wanted) = context.settings.start_at.as_ref().filter(|_| !tally.has_started()) {
            let text = format!(
                "No matching task \"{wanted}\" found. Note: --start-at-task can only follow static \
                 includes."
            );
            context.notice(Level::Warning, text, None);
        }
        context.pool.close().await;
        context.hosts.close().await;
        let exit_code = match (interrupted, stopped.is_empty()) {
            (true, _) => EXIT_INTERRUPTED,
            // a host that has drifted has failed
            (false, false) if tally.has_drifted() => tally.exit_code(),
            // as for a playbook that does not parse
            (false, false) if tally.has_misread() => 4,
            (false, false) => 1,
            (false, true) => tally.exit_code(),
        };
        let recap = tally.recap();
        if !tally.stats.gathered().is_empty() {
            let mut stats = tally.stats.gathered().clone();
            for value in stats.values_mut().flat_map(serde_json::Map::values_mut) {
                context.mask_json(value);
            }
            context.tell(Event::CustomStats { stats });
        }
        context.tell(Event::RunFinished { at: SystemTime::now(), recap: recap.clone(), exit_code });
        let secrets = std::mem::take(&mut *context.secrets());
        if let Some(journal) = &context.journal
            && let Err(error) = journal.end().await
        {
            stopped.push(Diagnostic::warning(format!("cannot keep the journal: {error}"), None));
        }
        RunEnd { exit_code, recap, stopped, secrets }
    }
}

/// What comes after a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Onward {
    Next,
    Stop,
    Interrupted,
}

/// Reads what is known of hosts before they begin: their variables, and facts that an earlier run
/// left.
async fn read_hosts(
    run: &Arc<RunContext>,
    hosts: &[String],
    directory: &Path,
) -> Result<(), Vec<Diagnostic>> {
    let (run, hosts, directory) = (Arc::clone(run), hosts.to_vec(), directory.to_path_buf());
    let read = move || {
        for host in &hosts {
            run.inventory
                .host(host, &directory)
                .map_err(|error| vec![Diagnostic::error(&*error)])?;
            drop(run.hosts.of(host));
        }
        Ok(())
    };
    job::blocking(read).await
}

async fn play_through(
    run: &Arc<RunContext>,
    play: &Arc<Play>,
    number: usize,
    tally: &mut Tally,
    cancel: &CancellationToken,
) -> Result<Onward, Vec<Diagnostic>> {
    let answers = Arc::new(prompts::ask(run, play).await?);
    let outside = [Arc::clone(&run.extra_vars), Arc::clone(&answers), Arc::clone(&run.magic)];
    let heading = {
        let (run, play) = (Arc::clone(run), Arc::clone(play));
        let render =
            move || Heading::render(&run.templar, &play, number, &run.inventory.now(), &outside);
        job::blocking(render).await.map_err(|error| vec![*error])?
    };
    let (hosts, warnings) = hosts_of(run, play, &heading)?;
    for warning in warnings {
        run.notice(Level::Warning, warning, Some(play.hosts.span.place()));
    }
    if hosts.is_empty() {
        run.tell(Event::NoHosts {
            play: number,
            pattern: heading.patterns.join(","),
            name: heading.name,
            place: play.span.place(),
        });
        return Ok(Onward::Next);
    }
    let directory = play.path.parent().map(std::path::PathBuf::from).unwrap_or_default();
    read_hosts(run, &hosts, &directory).await?;
    tally.begin_play();
    for batch in serial::batches(run, play, &hosts)? {
        let asked = batch.len();
        let batch: Vec<String> = batch.into_iter().filter(|host| !tally.is_out(host)).collect();
        let steps = Steps::compile(play, &run.settings.tags)
            .map_err(|error| vec![Diagnostic::error(&error)])?;
        let names = PlayHosts { all: hosts.clone(), batch: batch.clone() };
        let files = vars_files::read(run, play, &directory, &batch).await?;
        let context = PlayContext::new(run, play, &heading, &steps, &names, files, &answers);
        let strategy = match play.strategy.unwrap_or(run.settings.strategy) {
            // who is asked before each task is asked once for all hosts
            Strategy::Dag if run.settings.stepping == Stepping::Asking => Strategy::Linear,
            strategy => strategy,
        };
        run.tell(Event::PlayStarted {
            play: number,
            name: context.name.clone(),
            hosts: batch.clone(),
            lockstep: strategy == Strategy::Linear,
            check: rehearses(run, play),
            place: play.span.place(),
        });
        if batch.is_empty() {
            continue;
        }
        {
            let inventory = run.inventory.now();
            let names = batch.iter().map(String::as_str);
            let found = inventory.named(names, &directory, crate::playbook::reserved::is_reserved);
            let found = found.iter().map(|(name, place)| (name.as_str(), Some(place.clone())));
            run.reserved.of(run, found);
        }
        if hosts.iter().any(|host| tally.is_out(host)) {
            context.hosts_have_left(|host| tally.is_out(host));
        }
        let play = Arc::clone(&context);
        let at_work = batch::Batch::new(play, steps, strategy, &batch, tally, cancel.clone());
        match at_work.run().await {
            BatchEnd::Done => {}
            BatchEnd::Interrupted => return Ok(Onward::Interrupted),
            BatchEnd::Stopped(diagnostics) => return Err(diagnostics),
        }
        // hosts that were out before do not count as lost by this batch
        if batch.len() == asked && batch.iter().all(|host| tally.is_out(host)) {
            return Ok(Onward::Stop);
        }
        if tally.take_play_ended() || run.halt.is_cancelled() {
            break;
        }
    }
    Ok(Onward::Next)
}

/// Whether a play is to run in check mode.
fn rehearses(run: &RunContext, play: &Play) -> bool {
    let said = play.keywords.check_mode.as_ref().and_then(|node| {
        let layers = vec![Arc::clone(&run.extra_vars), Arc::clone(&run.magic)];
        run.templar.node(node, &crate::vars::Scope::new(layers)).ok()
    });
    let said = said.and_then(|value| keyword::truth(&value));
    said.unwrap_or(run.settings.mode == RunMode::Rehearsal)
}

/// The hosts of a play's pattern within `--limit`, and what is worth knowing of it.
fn hosts_of(
    run: &RunContext,
    play: &Play,
    heading: &Heading,
) -> Result<(Vec<String>, Vec<String>), Vec<Diagnostic>> {
    let wrong = |error: crate::inventory::PatternError| {
        let mut diagnostic = Diagnostic::error(&error);
        diagnostic.span = diagnostic.span.or_else(|| Some(play.hosts.span.clone()));
        vec![diagnostic]
    };
    let pattern = Pattern::all_of(heading.patterns.iter().map(String::as_str)).map_err(wrong)?;
    let limit = run.settings.limit.as_deref().map(Pattern::limit).transpose().map_err(wrong)?;
    let selection = run.inventory.now().select(&pattern, limit.as_ref()).map_err(wrong)?;
    let mut warnings = Vec::new();
    for warning in &selection.warnings {
        match run.settings.behaviour.pattern_mismatch {
            PatternMismatch::Error => {
                let severity = crate::diagnostics::Severity::Error;
                return Err(vec![Diagnostic { severity, ..warning.clone() }]);
            }
            PatternMismatch::Warning => warnings.push(warning.message.clone()),
            PatternMismatch::Ignore => {}
        }
    }
    let hosts = selection.hosts.iter().map(|host| host.as_str().to_owned());
    let is_ours = |host: &String| run.settings.shard.is_none_or(|shard| shard.has(host));
    Ok((hosts.filter(is_ours).collect(), warnings))
}
