//! A runner on a host: tasks in, replies out, sources when it wants them.

mod feed;
mod frames;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use canvass_modules::effect::Source;
use canvass_modules::wire::frame::Kind;
use canvass_modules::wire::{
    FromRunner, INLINE_SOURCE_LIMIT, InlineSource, ItemReply, OutputPiece, Proposal, TaskRequest,
    ToRunner,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

use super::bootstrap::Started;
use super::error::{ConnectionError, Problem, RunnerProblem};
use super::privilege::Terminal;

use feed::{Wanted, feed};
use frames::{Frames, framed, write};

/// How long a runner may take to end when it is asked to, before its channel is cut.
const PATIENCE: Duration = Duration::from_secs(5);

/// The content of a source that a task refers to.
#[derive(Debug, Clone)]
pub enum TaskSource {
    /// In memory.
    Bytes {
        /// What the task calls it.
        source: Source,
        /// The content.
        bytes: Arc<[u8]>,
    },
    /// A file of this machine, read when the runner wants it.
    File {
        /// What the task calls it.
        source: Source,
        /// Where.
        path: PathBuf,
    },
}

/// What an item would do, and where to say whether it may.
///
/// One that is dropped without an answer is refused.
#[derive(Debug)]
pub struct Asked {
    /// What it would do.
    pub proposal: Proposal,
    /// Where the answer goes.
    pub answer: oneshot::Sender<bool>,
}

/// Who hears of a task before it is answered.
#[derive(Debug, Default)]
pub struct Hearers {
    /// Agrees with what items would do, where the request asks
    /// ([`canvass_modules::wire::Witness::Ask`]).
    pub asked: Option<mpsc::UnboundedSender<Asked>>,
    /// Hears what commands print, where the request asks
    /// ([`canvass_modules::wire::Streaming::On`]). The channel waits for it, and so does the
    /// command: no more is held in memory than it holds.
    pub output: Option<mpsc::Sender<OutputPiece>>,
}

impl TaskSource {
    /// How it is described.
    pub(crate) fn source(&self) -> &Source {
        match self {
            Self::Bytes { source, .. } | Self::File { source, .. } => source,
        }
    }
}

/// A runner that is up.
///
/// Dropping it ends the runner: its input closes, and what has not ended soon after is cut off.
#[derive(Debug)]
pub struct Runner {
    host: String,
    shared: Arc<Shared>,
    messages: mpsc::UnboundedSender<Vec<u8>>,
    reader: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<u64, Waiting>,
    /// Set once: why nothing will be answered any more.
    end: Option<End>,
}

#[derive(Debug, Clone)]
enum End {
    Lost { reason: String, stderr: String },
    Protocol { reason: String },
}

impl From<End> for Problem {
    fn from(end: End) -> Self {
        match end {
            End::Lost { reason, stderr } => Self::Lost { reason, stderr },
            End::Protocol { reason } => RunnerProblem::Protocol { reason }.into(),
        }
    }
}

#[derive(Debug)]
struct Waiting {
    items_left: usize,
    replies: mpsc::UnboundedSender<ItemReply>,
    hearers: Hearers,
    sources: HashMap<u64, TaskSource>,
    done: Option<oneshot::Sender<Result<Answer, Problem>>>,
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, task: u64, result: Result<Answer, Problem>) {
        let waiting = self.state().waiting.remove(&task);
        if let Some(done) = waiting.and_then(|waiting| waiting.done) {
            // nobody listens when the task was given up just now
            let _ = done.send(result);
        }
    }

    fn end(&self, end: End) {
        let waiting = {
            let mut state = self.state();
            let end = state.end.get_or_insert(end).clone();
            let waiting: Vec<Waiting> = state.waiting.drain().map(|(_, waiting)| waiting).collect();
            waiting.into_iter().map(|waiting| (waiting, end.clone())).collect::<Vec<_>>()
        };
        for (waiting, end) in waiting {
            if let Some(done) = waiting.done {
                let _ = done.send(Err(end.into()));
            }
        }
    }

    fn deliver(&self, reply: ItemReply) {
        let task = reply.task;
        let finished = {
            let mut state = self.state();
            let Some(waiting) = state.waiting.get_mut(&task) else { return };
            waiting.items_left = waiting.items_left.saturating_sub(1);
            // the receiver may have gone; the task is waited for all the same
            let _ = waiting.replies.send(reply);
            waiting.items_left == 0
        };
        if finished {
            self.finish(task, Ok(Answer::Done));
        }
    }

    /// Who hears what the commands of a task print.
    fn listener(&self, task: u64) -> Option<mpsc::Sender<OutputPiece>> {
        self.state().waiting.get(&task)?.hearers.output.clone()
    }

    /// Hands on what an item would do; the answer goes back when there is one.
    fn ask(&self, proposal: Proposal, messages: mpsc::WeakUnboundedSender<Vec<u8>>) {
        let (id, item) = (proposal.task, proposal.item);
        let asking =
            self.state().waiting.get(&id).and_then(|waiting| waiting.hearers.asked.clone());
        let (answer, answered) = oneshot::channel();
        if let Some(asking) = asking {
            // who has gone does not agree
            let _ = asking.send(Asked { proposal, answer });
        }
        tokio::spawn(async move {
            let agreed = answered.await.unwrap_or(false);
            if let Some(messages) = messages.upgrade() {
                post(&messages, &ToRunner::Decide { id, item, agreed });
            }
        });
    }
}

fn post(messages: &mpsc::UnboundedSender<Vec<u8>>, message: &ToRunner) {
    // a message always serialises; the writer is gone only when the runner is
    if let Ok(body) = serde_json::to_vec(message)
        && let Ok(frame) = framed(Kind::Message, &[&body])
    {
        let _ = messages.send(frame);
    }
}

/// How a runner answered a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Every item has been replied to.
    Done,
    /// It was not done, because the task that it follows did not go well.
    Passed,
}

/// A task on its way. Dropping it tells the runner to stop the task.
#[derive(Debug)]
pub struct Sent<'r> {
    abandon: Option<Abandon<'r>>,
    result: oneshot::Receiver<Result<Answer, Problem>>,
}

impl Sent<'_> {
    /// Waits for the runner's answer.
    pub async fn answer(mut self) -> Result<Answer, ConnectionError> {
        let Some(abandon) = &mut self.abandon else { return Ok(Answer::Done) };
        let result = (&mut self.result).await.unwrap_or_else(|_| {
            Err(Problem::Lost { reason: "the runner was closed".to_owned(), stderr: String::new() })
        });
        abandon.armed = false;
        result.map_err(|problem| ConnectionError::new(&abandon.runner.host, problem))
    }
}

/// Gives a task up when its future is dropped.
#[derive(Debug)]
struct Abandon<'r> {
    runner: &'r Runner,
    task: u64,
    armed: bool,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if self.armed && self.runner.shared.state().waiting.remove(&self.task).is_some() {
            self.runner.post(&ToRunner::Cancel { id: self.task });
        }
    }
}

impl Runner {
    /// Takes over a runner that has printed its magic line; checks that it is the right one.
    pub(crate) async fn take_over(
        host: &str,
        started: Started,
        why: impl Fn() -> Option<String> + Send + 'static,
    ) -> Result<Self, ConnectionError> {
        let Started { process, rest, errors, terminal, sha256 } = started;
        let patience = match terminal {
            Terminal::None => PATIENCE,
            Terminal::Raw => Duration::ZERO,
        };
        let mut frames = Frames { output: process.output, buffer: rest, errors, ended: None };
        let ready = tokio::time::timeout(Duration::from_secs(30), frames.next()).await;
        let problem = match ready {
            Ok(Ok(Some((Kind::Message, body)))) => match serde_json::from_slice(&body) {
                Ok(FromRunner::Ready { hash, .. }) if hash == sha256 => None,
                Ok(FromRunner::Ready { hash, .. }) => Some(RunnerProblem::WrongHash { hash }),
                Ok(_) => {
                    Some(RunnerProblem::Protocol { reason: "it spoke out of turn".to_owned() })
                }
                Err(error) => Some(RunnerProblem::Protocol { reason: error.to_string() }),
            },
            Ok(Ok(Some(_))) => {
                Some(RunnerProblem::Protocol { reason: "it began with content".to_owned() })
            }
            Ok(Ok(None)) => Some(RunnerProblem::DidNotStart { said: frames.last_words() }),
            Ok(Err(reason)) => Some(RunnerProblem::Protocol { reason }),
            Err(_) => Some(RunnerProblem::TimedOut {
                after: Duration::from_secs(30),
                said: frames.last_words(),
            }),
        };
        if let Some(problem) = problem {
            return Err(ConnectionError::new(host, problem));
        }
        let shared = Arc::new(Shared::default());
        let (messages, message_queue) = mpsc::unbounded_channel();
        let (blobs, blob_queue) = mpsc::channel(2);
        let (wants, want_queue) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(process.input, message_queue, blob_queue));
        let feeder = tokio::spawn(feed(Arc::clone(&shared), want_queue, blobs));
        let reader = Reader {
            frames,
            shared: Arc::clone(&shared),
            wants,
            messages: messages.downgrade(),
            patience,
        };
        let reader = tokio::spawn(reader.run(writer, feeder, why));
        Ok(Self { host: host.to_owned(), shared, messages, reader })
    }

    /// Lets the runner do a task; returns when every item has been replied to.
    ///
    /// Dropping the future tells the runner to stop the task.
    pub async fn task(
        &self,
        request: TaskRequest,
        sources: Vec<TaskSource>,
        replies: mpsc::UnboundedSender<ItemReply>,
    ) -> Result<Answer, ConnectionError> {
        self.heard_task(request, sources, replies, Hearers::default()).await
    }

    /// The same, with those who hear of it before it is answered.
    pub async fn heard_task(
        &self,
        request: TaskRequest,
        sources: Vec<TaskSource>,
        replies: mpsc::UnboundedSender<ItemReply>,
        hearers: Hearers,
    ) -> Result<Answer, ConnectionError> {
        self.send(request, sources, replies, hearers).await?.answer().await
    }

    /// Sends a task; the runner does it behind those that were sent before.
    ///
    /// The request's id must not be in use on this runner. Small sources travel with the request.
    pub async fn send(
        &self,
        mut request: TaskRequest,
        sources: Vec<TaskSource>,
        replies: mpsc::UnboundedSender<ItemReply>,
        hearers: Hearers,
    ) -> Result<Sent<'_>, ConnectionError> {
        let task = request.id;
        let (done, result) = oneshot::channel();
        if request.items.is_empty() {
            return Ok(Sent { abandon: None, result });
        }
        let mut by_id = HashMap::new();
        for source in sources {
            if source.source().size <= INLINE_SOURCE_LIMIT {
                let content = self.content(&source).await?;
                request.sources.push(InlineSource { id: source.source().id, content });
            }
            // kept all the same: the runner may ask again for a later item
            by_id.insert(source.source().id, source);
        }
        {
            let mut state = self.shared.state();
            if let Some(end) = &state.end {
                return Err(ConnectionError::new(&self.host, end.clone()));
            }
            if state.waiting.contains_key(&task) {
                let problem = RunnerProblem::DuplicateTask { id: task };
                return Err(ConnectionError::new(&self.host, problem));
            }
            let items_left = request.items.len();
            let waiting =
                Waiting { items_left, replies, hearers, sources: by_id, done: Some(done) };
            state.waiting.insert(task, waiting);
        }
        let abandon = Abandon { runner: self, task, armed: true };
        self.post(&ToRunner::Task(Box::new(request)));
        Ok(Sent { abandon: Some(abandon), result })
    }

    /// Whether the runner has ended.
    pub fn is_lost(&self) -> bool {
        self.shared.state().end.is_some()
    }

    /// Ends the runner and waits until it is gone.
    pub async fn close(self) {
        let Self { messages, reader, .. } = self;
        // the writer ends the input when its queue closes; the reader bounds what follows
        drop(messages);
        let _ = reader.await;
    }

    async fn content(&self, source: &TaskSource) -> Result<Vec<u8>, ConnectionError> {
        match source {
            TaskSource::Bytes { bytes, .. } => Ok(bytes.to_vec()),
            TaskSource::File { path, .. } => tokio::fs::read(path).await.map_err(|error| {
                let problem = unreadable(path.clone(), &error);
                ConnectionError::new(&self.host, problem)
            }),
        }
    }

    fn post(&self, message: &ToRunner) {
        post(&self.messages, message);
    }
}

fn unreadable(path: PathBuf, error: &std::io::Error) -> RunnerProblem {
    RunnerProblem::SourceUnreadable { path, reason: error.to_string() }
}

/// Takes what the runner says.
struct Reader {
    frames: Frames,
    shared: Arc<Shared>,
    wants: mpsc::UnboundedSender<Wanted>,
    messages: mpsc::WeakUnboundedSender<Vec<u8>>,
    /// How long the runner may go on after its input has ended.
    patience: Duration,
}

impl Reader {
    async fn run(
        self,
        mut writer: JoinHandle<()>,
        feeder: JoinHandle<()>,
        why: impl Fn() -> Option<String> + Send + 'static,
    ) {
        let Self { mut frames, shared, wants, messages, patience: allowed } = self;
        let _guard = Abort([writer.abort_handle(), feeder.abort_handle()]);
        let patience = async {
            let _ = (&mut writer).await;
            tokio::time::sleep(allowed).await;
        };
        tokio::pin!(patience);
        let end = loop {
            let frame = tokio::select! {
                frame = frames.next() => frame,
                () = &mut patience => Ok(None),
            };
            match frame {
                Ok(Some((Kind::Message, body))) => match serde_json::from_slice(&body) {
                    Ok(FromRunner::Item(reply)) => shared.deliver(*reply),
                    Ok(FromRunner::Propose(proposal)) => shared.ask(*proposal, messages.clone()),
                    Ok(FromRunner::Output(piece)) => {
                        if let Some(listener) = shared.listener(piece.task) {
                            // what nobody hears any more is dropped
                            let _ = listener.send(piece).await;
                        }
                    }
                    Ok(FromRunner::Want { task, source, basis }) => {
                        let _ = wants.send(Wanted { task, id: source, basis });
                    }
                    Ok(FromRunner::Passed { task }) => shared.finish(task, Ok(Answer::Passed)),
                    Ok(FromRunner::Ready { .. }) => {}
                    Err(error) => break End::Protocol { reason: error.to_string() },
                },
                Ok(Some(_)) => break End::Protocol { reason: "it sent content".to_owned() },
                Ok(None) => {
                    let reason = why().or_else(|| {
                        frames.ended.as_ref().map(|how| format!("the runner is gone, {how}"))
                    });
                    let reason = reason.unwrap_or_else(|| "the channel was closed".to_owned());
                    break End::Lost { reason, stderr: frames.errors.words() };
                }
                Err(reason) => break End::Protocol { reason },
            }
        };
        shared.end(end);
    }
}

/// Ends the tasks when the reader ends, however it does.
struct Abort([AbortHandle; 2]);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}
