//! Tasks that are sent before those before them are answered (`strategy: dag`).
//!
//! A task goes ahead when nothing that is rendered for it reads what the answers still under way
//! may set; what `set_fact` sets is known as soon as it is rendered. It travels behind the others
//! on one runner, which does it only when the one before it went well, so that nothing is done that
//! would not have been done in turn. Its result is drawn, and told, when it is its turn. What cannot
//! go ahead waits for its turn and is rendered then.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use canvass_modules::wire::Mode;
use tokio::sync::{mpsc, oneshot};

use crate::connection::{ConnectionError, Transport};
use crate::graph::At;
use crate::vars::{HashBehaviour, Layer, Reads, Scope, watched};

use super::item::Stage;
use super::send::{Given, lost};
use super::{Job, JobResult, Rounds, Setting, blocking};
use crate::run::action::{After, Prepared, RemoteCall};
use crate::run::items::Items;
use crate::run::outcome::{TaskResult, Verdict, combine};
use crate::run::pool::Lane;

/// Variables that a failure sets.
const OF_FAILURES: [&str; 2] = ["ansible_failed_task", "ansible_failed_result"];

/// Variables that hold all others.
const OF_EVERYTHING: [&str; 2] = ["hostvars", "vars"];

/// What is under way when a task goes ahead.
#[derive(Clone, Default)]
pub(crate) struct UnderWay {
    /// The runner that it goes to, and the last request there.
    lane: Option<(Arc<Lane>, u64)>,
    /// The variables that are set when all is answered, whose values nobody knows before.
    sets: Arc<HashSet<String>>,
    /// Those that are set then, with their values (`set_fact`).
    known: Arc<Layer>,
}

/// A task of a host is under way: another may follow it.
pub(crate) struct OnItsWay {
    pub host: usize,
    pub at: At,
    pub under_way: UnderWay,
}

/// How a task is begun.
pub(crate) struct Start {
    pub host: usize,
    pub at: At,
    /// What is under way; `None` where it is the task's turn already.
    pub under_way: Option<UnderWay>,
    /// Hears when another may follow; `None` where none may.
    pub told: Option<mpsc::UnboundedSender<OnItsWay>>,
    /// The task's number in the report, when it is its turn.
    pub turn: oneshot::Receiver<usize>,
}

/// What a task is once it is rendered.
struct Draft {
    rounds: Rounds,
    scopes: Vec<Scope>,
    /// What is done with each item here; those that go to the host are in `calls`.
    stages: Vec<Option<Stage>>,
    setting: Option<Arc<Setting>>,
    /// The items that go to the host.
    indexes: Vec<usize>,
    calls: Vec<RemoteCall>,
    /// What it sets, where it goes well.
    learnt: Layer,
}

/// How the host answered.
enum Answered {
    Results(Vec<TaskResult>),
    /// It was passed over, or could not go ahead: it is done in turn.
    InTurn,
    /// Nobody waits for it any more.
    Dropped,
}

impl Job {
    /// Does a task as far as it can be done before its turn; `None` where its turn does not come.
    pub(crate) async fn run_ahead(mut self, start: Start) -> Option<JobResult> {
        let Start { host, at, under_way, told, mut turn } = start;
        let (job, before) = (self.clone(), under_way.clone());
        let draft = blocking(move || job.draft(before.as_ref())).await;
        let UnderWay { lane, mut sets, mut known } = under_way.unwrap_or_default();
        let Some(mut draft) = draft else {
            drop(lane);
            self.id = turn.await.ok()?;
            return Some(Box::pin(self.run()).await);
        };
        if !draft.learnt.is_empty() {
            let sets = Arc::make_mut(&mut sets);
            sets.retain(|name| !draft.learnt.contains_key(name));
            Arc::make_mut(&mut known).extend(std::mem::take(&mut draft.learnt));
        }
        if let Some(name) = &self.task.task.register {
            Arc::make_mut(&mut sets).insert(name.clone());
            Arc::make_mut(&mut known).shift_remove(name);
        }
        let tell = |lane| {
            if let Some(told) = told {
                let under_way = UnderWay { lane, sets, known };
                // a batch that has ended sends nothing ahead
                let _ = told.send(OnItsWay { host, at, under_way });
            }
        };
        let mut number = None;
        let calls = std::mem::take(&mut draft.calls);
        let answered = match draft.setting.clone().filter(|_| !calls.is_empty()) {
            None => {
                tell(lane);
                Answered::Results(Vec::new())
            }
            Some(setting) => {
                let exchange = self.exchange_ahead(&setting, calls, lane, tell);
                tokio::pin!(exchange);
                loop {
                    tokio::select! {
                        answered = &mut exchange => break answered,
                        given = &mut turn, if number.is_none() => match given {
                            Ok(given) => number = Some(given),
                            Err(_) => break Answered::Dropped,
                        },
                    }
                }
            }
        };
        let number = match (number, &answered) {
            (_, Answered::Dropped) => return None,
            (Some(number), _) => number,
            (None, _) => turn.await.ok()?,
        };
        self.id = number;
        Some(match answered {
            Answered::Results(results) => Box::pin(self.concluded(draft, results)).await,
            Answered::InTurn => Box::pin(self.run()).await,
            Answered::Dropped => return None,
        })
    }

    /// Sends what goes to the host behind what is under way there.
    async fn exchange_ahead(
        &self,
        setting: &Setting,
        calls: Vec<RemoteCall>,
        lane: Option<(Arc<Lane>, u64)>,
        tell: impl FnOnce(Option<(Arc<Lane>, u64)>),
    ) -> Answered {
        let count = calls.len();
        let all_lost =
            |error: &ConnectionError| Answered::Results((0..count).map(|_| lost(error)).collect());
        let pool = &self.play.run.pool;
        let (lane, follows) = match lane {
            Some((lane, _)) if !lane.leads_to(&setting.target, &setting.privilege) => {
                return Answered::InTurn;
            }
            Some((lane, request)) => (lane, Some(request)),
            // the first of a line opens the way
            None => match pool.lane(&setting.target, &setting.privilege).await {
                Ok(lane) => (Arc::new(lane), None),
                Err(error) => return all_lost(&error),
            },
        };
        let given: Vec<Given> = calls.iter().map(Given::of).collect();
        let (mut request, sources) = Self::plain_request(setting, calls);
        request.follows = follows;
        let sent = |number| tell(Some((Arc::clone(&lane), number)));
        let began = Instant::now();
        match pool.task_on(&lane, request, sources, sent).await {
            Ok(Some(replies)) => {
                let mut results = self.plain_results(setting, &given, replies);
                if let Some(first) = results.first_mut().filter(|_| follows.is_none()) {
                    // others are on their way while those before them are done
                    first.spent = first.spent.on_the_way(began.elapsed());
                    first.spent += lane.opening();
                }
                Answered::Results(results)
            }
            Ok(None) => Answered::InTurn,
            Err(error) => all_lost(&error),
        }
    }

    /// The task's result, once it is its turn.
    async fn concluded(&self, draft: Draft, results: Vec<TaskResult>) -> JobResult {
        let started = Instant::now();
        let Draft { rounds, scopes, stages, setting, indexes, .. } = draft;
        let mut replies = indexes.into_iter().zip(results).peekable();
        let mut items = Vec::with_capacity(stages.len());
        for (index, (stage, scope)) in stages.into_iter().zip(&scopes).enumerate() {
            let item = match (stage, &setting) {
                (Some(Stage::Over(result)), _) => Some(*result),
                (Some(Stage::Ready(setting, prepared)), _) => {
                    let result = self.perform(&setting, *prepared).await;
                    Some(self.judge(result, scope.clone()).await)
                }
                (None, Some(setting)) if replies.peek().is_some_and(|(at, _)| *at == index) => {
                    match replies.next() {
                        Some((_, reply)) => Some(self.marked(setting, reply, scope.clone()).await),
                        None => None,
                    }
                }
                (Some(Stage::Meta(..)) | None, _) => None,
            };
            items.push(item);
        }
        let mut total = match &rounds.items {
            Items::Loop(all) => {
                combine(self.items_over(&scopes, all, items), self.task.task.register.is_some())
            }
            Items::None => {
                let only = items.into_iter().flatten().next();
                let gone = || TaskResult::failed("the host gave no answer");
                let mut only = only.unwrap_or_else(gone);
                only.ignored = self.ignored(&rounds.scope, &only);
                only
            }
        };
        total.took += started.elapsed();
        total.spent.render += started.elapsed().as_secs_f64();
        self.register(&mut total);
        JobResult::from(total)
    }

    /// Renders the task; `None` where it cannot go ahead.
    fn draft(&self, under_way: Option<&UnderWay>) -> Option<Draft> {
        let known = under_way.map(|under_way| &under_way.known).filter(|known| !known.is_empty());
        let (draft, reads) = match known {
            Some(known) => {
                let layers = Arc::new(self.layers.with_set(known));
                let job = Self { layers, ..self.clone() };
                watched(|| job.drafted())
            }
            None => watched(|| self.drafted()),
        };
        let draft = draft?;
        if reads.refused {
            return None;
        }
        if let Some(under_way) = under_way {
            if touches(&reads, under_way) {
                return None;
            }
            let here = draft.setting.as_ref().is_some_and(|setting| is_here(setting));
            if here && reads.looks_here {
                return None;
            }
        }
        Some(draft)
    }

    fn drafted(&self) -> Option<Draft> {
        let rounds = self.rounds().ok()?;
        let scopes: Vec<Scope> = match &rounds.items {
            Items::None => vec![rounds.scope.clone()],
            Items::Loop(items) if items.in_order || items.values.is_empty() => return None,
            Items::Loop(items) => (0..items.values.len())
                .map(|index| rounds.scope.over(Arc::new(items.layer(index))))
                .collect(),
        };
        let is_loop = matches!(rounds.items, Items::Loop(_));
        let mut draft = Draft {
            rounds,
            stages: Vec::with_capacity(scopes.len()),
            setting: None,
            indexes: Vec::new(),
            calls: Vec::new(),
            learnt: Layer::default(),
            scopes: Vec::new(),
        };
        for (index, scope) in scopes.iter().enumerate() {
            // a label that cannot be rendered fails its item
            if let Some(label) = &self.task.task.loop_control.label {
                self.play.run.templar.node(label, scope).ok()?;
            }
            let stage = self.stage(scope);
            match stage {
                Stage::Over(result) if result.verdict == Verdict::Skipped => {
                    draft.stages.push(Some(Stage::Over(result)));
                }
                Stage::Ready(setting, prepared) => {
                    self.take(&mut draft, index, setting, *prepared, is_loop)?;
                }
                Stage::Over(_) | Stage::Meta(..) => return None,
            }
        }
        draft.scopes = scopes;
        Some(draft)
    }

    /// Takes an item that is ready into the draft.
    fn take(
        &self,
        draft: &mut Draft,
        index: usize,
        setting: Arc<Setting>,
        prepared: Prepared,
        is_loop: bool,
    ) -> Option<()> {
        let plain = setting.mode == Mode::Apply
            && setting.asynchronous.is_none()
            && setting.delegated.is_none();
        let other = draft.setting.as_ref().is_some_and(|other| !other.is_same(&setting));
        let merges = self.play.run.settings.behaviour.hash == HashBehaviour::Merge;
        if !plain || other {
            return None;
        }
        match prepared {
            Prepared::Remote(call) if matches!(call.after, After::Nothing) => {
                draft.indexes.push(index);
                draft.calls.push(call);
                draft.stages.push(None);
            }
            Prepared::Done(finished) if !is_loop && !finished.failed => {
                let learnt = &finished.learnt;
                if learnt.facts.is_some()
                    || !learnt.included.is_empty()
                    || !learnt.elsewhere.is_empty()
                    // what tasks behind it see is not the value alone
                    || (merges && !learnt.set.is_empty())
                {
                    return None;
                }
                draft.learnt = learnt.set.clone();
                let done = Box::new(Prepared::Done(finished));
                draft.stages.push(Some(Stage::Ready(Arc::clone(&setting), done)));
            }
            _ => return None,
        }
        draft.setting = Some(setting);
        Some(())
    }
}

/// Whether something was read that is still to be set. Where other hosts are read, the edges of the
/// graph have waited for what those set.
fn touches(reads: &Reads, under_way: &UnderWay) -> bool {
    let reads_one_of = |names: &[&str]| names.iter().any(|name| reads.names.contains(*name));
    let sets_nothing = under_way.sets.is_empty() && under_way.known.is_empty();
    reads_one_of(&OF_FAILURES)
        || (!sets_nothing && reads_one_of(&OF_EVERYTHING))
        || !reads.names.is_disjoint(&under_way.sets)
}

/// Whether a task works on this machine, whose files are read when tasks are rendered.
fn is_here(setting: &Setting) -> bool {
    let address = setting.target.address.as_str();
    setting.target.transport == Transport::Local
        || address == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
