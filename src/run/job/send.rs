//! Calls of modules on the host.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use canvass_modules::effect::Effect;
use canvass_modules::wire::{
    Bond, Detach, Fetching, ItemReply, Mode, PARENTS_ARGUMENT, Proposal, SOURCE_ARGUMENT, Status,
    Streaming, TaskRequest, Witness,
};
use serde_json::{Map, Value as Json};
use tokio::sync::mpsc;

use crate::connection::{
    Asked, ConnectionError, Hearers, Privilege, Target, TaskSource, Transport,
};
use crate::report::spent::Spent;

use super::{Job, Setting, blocking};
use crate::run::action::{After, RemoteCall, Runs, Synchronize};
use crate::run::check_mode;
use crate::run::hold::Told;
use crate::run::invocation;
use crate::run::outcome::{TaskResult, Verdict};
use crate::run::pool::Exchange;
use crate::run::printed::{self, Listening};
use crate::run::registered_diff;
use crate::run::settings::DiffMode;

/// Its module is the controller's alone.
const SCRIPT: &str = "ansible.builtin.script";

/// Calls with the rounds that they are for.
type Calls = Vec<(Option<usize>, RemoteCall)>;

/// How calls are sent.
struct Way<'a> {
    target: &'a Target,
    privilege: &'a Privilege,
    mode: Mode,
    detach: Option<Detach>,
    witness: Witness,
    bond: Bond,
    /// What came before of the same task, in check mode.
    before: Vec<Effect>,
}

impl<'a> Way<'a> {
    /// The setting's own way, of which nobody is told.
    fn of(setting: &'a Setting) -> Self {
        Self {
            target: &setting.target,
            privilege: &setting.privilege,
            mode: setting.mode,
            detach: None,
            witness: Witness::None,
            bond: Bond::None,
            before: Vec::new(),
        }
    }
}

impl Job {
    /// Sends calls of one module to the host in one message; a result for each.
    pub(super) async fn remote(
        &self,
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
    ) -> Vec<TaskResult> {
        let calls = calls.into_iter().map(|call| (self.item, call)).collect();
        self.remote_items(setting, calls).await
    }

    /// The same for calls of several rounds.
    pub(super) async fn remote_items(
        &self,
        setting: &Arc<Setting>,
        calls: Calls,
    ) -> Vec<TaskResult> {
        let way = Way { witness: self.witness(setting.mode), ..Way::of(setting) };
        let Some(asynchronous) = setting.asynchronous.filter(|_| setting.mode == Mode::Apply)
        else {
            return self.send_by(way, setting, calls).await;
        };
        if way.witness == Witness::Ask
            && let Some(held) = self.job_agrees(&way, setting, &calls).await
        {
            return calls.iter().map(|_| held.clone()).collect();
        }
        let calls = calls.into_iter().map(|(_, call)| call).collect();
        self.detached(setting, &asynchronous, calls).await
    }

    /// Sends calls of one module that are parts of one task: none follows one that fails. `before`
    /// is what its former parts would do, in check mode.
    pub(super) async fn remote_parts(
        &self,
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
        before: Vec<Effect>,
    ) -> Vec<TaskResult> {
        let witness = self.witness(setting.mode);
        let way = Way { witness, bond: Bond::Parts, before, ..Way::of(setting) };
        let calls = calls.into_iter().map(|call| (self.item, call)).collect();
        self.send_by(way, setting, calls).await
    }

    /// A job asks nobody once it is started: what it would do is found out in check mode before.
    async fn job_agrees(
        &self,
        way: &Way<'_>,
        setting: &Arc<Setting>,
        calls: &Calls,
    ) -> Option<TaskResult> {
        for (item, call) in calls {
            let (request, sources, _) = request(
                &Way {
                    mode: Mode::Check,
                    detach: None,
                    witness: Witness::Tell,
                    before: Vec::new(),
                    ..*way
                },
                setting,
                vec![call.clone()],
            );
            let pool = &self.play.run.pool;
            let nobody = Hearers::default();
            let sent = pool.task(way.target, way.privilege, request, sources.clone(), nobody).await;
            let reply = match sent {
                Ok(exchange) => exchange.replies.into_iter().next(),
                Err(error) => return Some(lost(&error)),
            };
            let Some(reply) = reply.filter(|reply| !reply.effects.is_empty()) else { continue };
            let proposal = Proposal {
                task: reply.task,
                item: reply.item,
                effects: reply.effects,
                observed: reply.observed,
            };
            if let Err(reason) = self.agrees(setting, *item, &proposal, &sources).await {
                return Some(TaskResult::held(&reason));
            }
        }
        None
    }

    /// Whether effects are told of, and agreed with, in this mode.
    fn witness(&self, mode: Mode) -> Witness {
        match (&self.play.run.keeper, mode) {
            (None, _) | (_, Mode::Check) => Witness::None,
            (Some(_), Mode::Apply) => Witness::Ask,
            (Some(_), Mode::Rehearse) => Witness::Tell,
        }
    }

    /// rsync runs on this machine, or where the task does.
    pub(super) async fn synchronized(
        &self,
        setting: &Arc<Setting>,
        trees: Synchronize,
    ) -> TaskResult {
        let delegated = setting.delegated.as_ref().map(|to| to.host.as_str());
        let (runs, call) = trees.call(&setting.target, delegated, &setting.privilege);
        let here = Target::new("localhost", Transport::Local);
        let there;
        let (target, privilege) = match runs {
            Runs::Controller => (&here, &Privilege::Same),
            Runs::There(privilege) => {
                there = privilege;
                (&setting.target, &there)
            }
        };
        let witness = self.witness(setting.mode);
        let way = Way { target, privilege, witness, ..Way::of(setting) };
        let results = self.send_by(way, setting, vec![(self.item, call)]).await;
        let gone = || TaskResult::failed("the host gave no answer");
        results.into_iter().next().unwrap_or_else(gone)
    }

    /// Sends calls as they are, or as jobs; nobody is told of their effects.
    pub(in crate::run) async fn send(
        &self,
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
        detach: Option<Detach>,
    ) -> Vec<TaskResult> {
        let way = Way { detach, ..Way::of(setting) };
        self.send_by(way, setting, calls.into_iter().map(|call| (None, call)).collect()).await
    }

    /// The message for calls that are done for real, agreed with by nobody.
    pub(super) fn plain_request(
        setting: &Setting,
        calls: Vec<RemoteCall>,
    ) -> (TaskRequest, Vec<TaskSource>) {
        let way = Way { mode: Mode::Apply, ..Way::of(setting) };
        let (request, sources, _) = request(&way, setting, calls);
        (request, sources)
    }

    /// The results of such a message, where nothing more is done with the replies.
    pub(super) fn plain_results(
        &self,
        setting: &Setting,
        given: &[Given],
        replies: Vec<ItemReply>,
    ) -> Vec<TaskResult> {
        let asked = &self.task.task.action.module;
        let none = Given::default();
        let tells_call = self.tells_call();
        let result = |reply: ItemReply| {
            let given = given.get(reply.item).unwrap_or(&none);
            let mut result = TaskResult::from_reply(reply);
            given.register_diff(asked, setting.registers_diff, &mut result);
            if tells_call || result.verdict == Verdict::Failed {
                invocation::note(&given.module, &given.arguments, &mut result);
            }
            result
        };
        replies.into_iter().map(result).collect()
    }

    async fn send_by(&self, way: Way<'_>, setting: &Arc<Setting>, calls: Calls) -> Vec<TaskResult> {
        let count = calls.len();
        let (rounds, calls): (Vec<Option<usize>>, Vec<RemoteCall>) = calls.into_iter().unzip();
        if calls.is_empty() {
            return Vec::new();
        }
        let given: Vec<Given> = calls.iter().map(Given::of).collect();
        let (mut request, sources, after) = request(&way, setting, calls);
        let (output, printed) = self.listener(&way, setting).unzip();
        if output.is_some() {
            request.streaming = Streaming::On;
        }
        let is_check = way.mode == Mode::Check;
        let is_started = way.detach.is_some();
        let asked = self.task.task.action.module.clone();
        let kept = if way.witness == Witness::None { Vec::new() } else { sources.clone() };
        let mut refused = HashMap::new();
        let began = Instant::now();
        let exchange = {
            let (asking, mut questions) = mpsc::unbounded_channel::<Asked>();
            let asking = (way.witness == Witness::Ask).then_some(asking);
            let pool = &self.play.run.pool;
            let hearers = Hearers { asked: asking, output };
            let work = pool.task(way.target, way.privilege, request, sources, hearers);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    exchange = &mut work => break exchange,
                    Some(Asked { proposal, answer }) = questions.recv() => {
                        let round = rounds.get(proposal.item).copied().flatten();
                        let agreed = self.agrees(setting, round, &proposal, &kept).await;
                        // a runner that is gone waits for no answer
                        let _ = answer.send(agreed.is_ok());
                        if let Err(reason) = agreed {
                            refused.insert(proposal.item, reason);
                        }
                    }
                }
            }
        };
        if let Some(printed) = printed {
            // what was printed is told before what came of it
            let _ = printed.await;
        }
        match exchange {
            Err(error) => {
                let connect = began.elapsed().as_secs_f64();
                let spent = Spent { connect, ..Spent::default() };
                first_spent((0..count).map(|_| lost(&error)).collect(), spent)
            }
            Ok(Exchange { mut replies, spent }) => {
                self.excuse(way.mode, setting, &mut replies);
                if way.mode == Mode::Rehearse {
                    for reply in &replies {
                        let round = rounds.get(reply.item).copied().flatten();
                        self.reply_rehearsed(setting, round, reply, &kept);
                    }
                }
                let registers_diff = setting.registers_diff;
                let none = Given::default();
                let tells_call = self.tells_call();
                let written = self.task.task.action.written.clone();
                let results = blocking(move || {
                    replies
                        .into_iter()
                        .zip(after)
                        .map(|(mut reply, after)| {
                            if let Some(reason) = refused.get(&reply.item) {
                                return TaskResult::held(reason);
                            }
                            after.work(&mut reply);
                            let fetches = matches!(after, After::Fetch(_));
                            let given = given.get(reply.item).unwrap_or(&none);
                            let mut result = TaskResult::from_reply(reply);
                            if is_check {
                                check_mode::word(
                                    &given.module,
                                    &written,
                                    &given.arguments,
                                    &mut result,
                                );
                            }
                            given.register_diff(&asked, registers_diff, &mut result);
                            let is_told = tells_call || result.verdict == Verdict::Failed;
                            if is_told && !fetches && !is_started && asked != SCRIPT {
                                invocation::note(&given.module, &given.arguments, &mut result);
                            }
                            result
                        })
                        .collect()
                })
                .await;
                first_spent(results, spent)
            }
        }
    }

    /// Whether someone may ask how the module was called.
    fn tells_call(&self) -> bool {
        self.play.run.settings.tells_invocation || self.task.task.register.is_some()
    }

    /// Who hears what commands of these calls print, and their work.
    fn listener(&self, way: &Way<'_>, setting: &Setting) -> Option<Listening> {
        let wanted = self.play.run.settings.streaming == Streaming::On
            && way.mode == Mode::Apply
            && way.detach.is_none()
            && !self.censors(&setting.scope);
        wanted.then(|| printed::listen(&self.play.run, self.id, &self.host))
    }

    fn reply_rehearsed(
        &self,
        setting: &Setting,
        round: Option<usize>,
        reply: &ItemReply,
        sources: &[TaskSource],
    ) {
        let unknown = match &reply.status {
            Status::Unknown { reason } => Some(reason.as_str()),
            _ => None,
        };
        if self.play.run.keeper.is_none() || (reply.effects.is_empty() && unknown.is_none()) {
            return;
        }
        let step = self.step_id(round);
        let told = Told {
            host: &self.host,
            step: &step,
            effects: &reply.effects,
            observed: &reply.observed,
            diffs: &reply.diffs,
            unknown,
            censored: false,
            sources,
        };
        self.rehearsed(setting, round, told);
    }
}

/// What an exchange took is told with the first of its results.
fn first_spent(mut results: Vec<TaskResult>, spent: Spent) -> Vec<TaskResult> {
    if let Some(first) = results.first_mut() {
        first.spent += spent;
    }
    results
}

/// The message for calls, the files that go along, and what is done with the replies.
fn request(
    way: &Way<'_>,
    setting: &Setting,
    calls: Vec<RemoteCall>,
) -> (TaskRequest, Vec<TaskSource>, Vec<After>) {
    let mut request = TaskRequest {
        id: 0,
        module: calls.first().map(|call| call.module.clone()).unwrap_or_default(),
        mode: way.mode,
        diff: setting.diff,
        diff_limit: setting.diff.then(diff_limit).flatten(),
        environment: setting.environment.clone(),
        items: Vec::with_capacity(calls.len()),
        bond: way.bond,
        rehearsed: way.before.clone(),
        timeout: setting.timeout.map(|timeout| timeout.as_secs().max(1)),
        sources: Vec::new(),
        follows: None,
        detach: way.detach.clone(),
        witness: way.witness,
        streaming: Streaming::Off,
        fetching: Fetching::On,
    };
    let mut sources = Vec::new();
    let mut after = Vec::new();
    for (index, call) in calls.into_iter().enumerate() {
        let mut arguments = call.arguments;
        if let Some(source) = call.source {
            let source = numbered(source, index as u64 + 1);
            let (TaskSource::Bytes { source: described, .. }
            | TaskSource::File { source: described, .. }) = &source;
            let described = serde_json::to_value(described).unwrap_or_default();
            arguments.insert(SOURCE_ARGUMENT.to_owned(), described);
            if way.mode == Mode::Check {
                arguments.insert(PARENTS_ARGUMENT.to_owned(), Json::from(true));
            }
            sources.push(source);
        }
        after.push(call.after);
        request.items.push(arguments);
    }
    (request, sources, after)
}

/// What a module was called with, for its result.
#[derive(Default)]
pub(super) struct Given {
    module: String,
    arguments: Map<String, Json>,
    /// The file of the controller that was copied.
    copied: Option<PathBuf>,
}

impl Given {
    pub(super) fn of(call: &RemoteCall) -> Self {
        let copied = match &call.after {
            After::From(path) => Some(path.clone()),
            After::Nothing | After::Fetch(_) | After::OwnDiff => None,
        };
        Self { module: call.module.clone(), arguments: call.arguments.clone(), copied }
    }

    fn register_diff(&self, asked: &str, mode: DiffMode, result: &mut TaskResult) {
        registered_diff::register(asked, mode, (&self.arguments, self.copied.as_deref()), result);
    }
}

/// The size up to which files are shown in diffs (`max_diff_size`), where someone set it.
fn diff_limit() -> Option<u64> {
    static LIMIT: LazyLock<Option<u64>> = LazyLock::new(|| {
        let settings = crate::settings::current();
        let name = "MAX_FILE_SIZE_FOR_DIFF";
        let bytes = settings.is_set(name).then(|| settings.integer(name)).flatten()?;
        Some(u64::try_from(bytes).unwrap_or_default())
    });
    *LIMIT
}

/// The result when the connection gave none.
pub(super) fn lost(error: &ConnectionError) -> TaskResult {
    if error.is_unreachable() { TaskResult::unreachable(error) } else { TaskResult::failed(error) }
}

fn numbered(source: TaskSource, id: u64) -> TaskSource {
    match source {
        TaskSource::Bytes { mut source, bytes } => {
            source.id = id;
            TaskSource::Bytes { source, bytes }
        }
        TaskSource::File { mut source, path } => {
            source.id = id;
            TaskSource::File { source, path }
        }
    }
}
