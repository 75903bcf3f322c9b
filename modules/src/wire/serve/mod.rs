//! The runner's side of the channel: requests in, item replies out.

mod asked;
mod inbox;
pub mod job;

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use self::asked::Asked;
use self::inbox::Inbox;
use super::frame::{self, Kind};
use super::{
    Bond, EffectRecord, Fetching, FromRunner, ItemReply, Mode, NOW_IT_FAILS, OutputPiece, Proposal,
    Status, Streaming, TaskRequest, Witness,
};
use crate::effect::{Content, Effect};
use crate::execute::{Consent, Executed, Execution};
use crate::host::Host;
use crate::host::live::{Interrupt, LiveHost, NoSources, RequestSources};
use crate::host::rehearsal::{Overlay, PackageContents, RehearsalHost};
use crate::observation::Observation;
use crate::registry;

/// What both ends call this version of the protocol.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Serves requests until the input ends.
///
/// The caller has printed the magic line. When this returns, no command runs any more.
pub fn serve(
    mut input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    interrupt: Arc<Interrupt>,
    hash: String,
) -> io::Result<()> {
    let replies = Replies(Arc::new(Mutex::new(Box::new(output))));
    replies.send(&FromRunner::Ready { version: VERSION.to_owned(), hash })?;
    let inbox = Arc::new(Inbox::new(interrupt.clone()));
    let listener = std::thread::Builder::new().name("listener".to_owned()).spawn({
        let inbox = inbox.clone();
        move || inbox.listen(&mut input)
    })?;
    let mut server = Server {
        live: LiveHost::new(interrupt.clone()),
        overlay: Overlay::default(),
        inbox,
        interrupt,
        replies,
        last: None,
    };
    while let Some(task) = server.inbox.next_task() {
        server.take(*task)?;
        server.inbox.finish_task();
    }
    server.interrupt.end_everything();
    match listener.join() {
        Ok(ended) => ended,
        Err(_) => Err(io::Error::other("the listener failed")),
    }
}

/// Where replies go, shared with those who ask for sources in the middle of a task.
#[derive(Clone)]
struct Replies(Arc<Mutex<Box<dyn Write + Send>>>);

impl Replies {
    fn send(&self, message: &FromRunner) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frame::write(&mut *output, Kind::Message, &body)
    }
}

struct Server {
    live: LiveHost,
    overlay: Overlay,
    inbox: Arc<Inbox>,
    interrupt: Arc<Interrupt>,
    replies: Replies,
    /// The last task, and whether all its items went well.
    last: Option<(u64, bool)>,
}

impl Server {
    /// Does one request, unless what it follows did not go well.
    fn take(&mut self, task: TaskRequest) -> io::Result<()> {
        let id = task.id;
        if task.follows.is_some_and(|before| self.last != Some((before, true))) {
            self.last = Some((id, false));
            return self.replies.send(&FromRunner::Passed { task: id });
        }
        self.last = Some((id, false));
        let went_well = self.perform(task)?;
        self.last = Some((id, went_well));
        Ok(())
    }

    /// Does one request; whether all its items went well. An error is one of the channel.
    fn perform(&mut self, task: TaskRequest) -> io::Result<bool> {
        let detached = task.detach.is_some() && task.mode == Mode::Apply;
        if detached {
            return self.detach(&task);
        }
        let TaskRequest { id, module, mode, diff, environment, items, rehearsed, timeout, .. } =
            task;
        crate::diff::show_up_to(task.diff_limit);
        let (sources, witness) = (task.sources, task.witness);
        let (streaming, fetching, bond) = (task.streaming, task.fetching, task.bond);
        let asked = Asked {
            task: id,
            interrupt: self.interrupt.clone(),
            inbox: self.inbox.clone(),
            replies: self.replies.clone(),
        };
        self.live.begin(environment, Box::new(RequestSources::new(sources, Box::new(asked))));
        if witness != Witness::None {
            self.live.foresee();
        }
        let overlay = match mode {
            Mode::Apply => None,
            // in a dry run it looks at what would be there then
            Mode::Check => Some(self.overlay.clone()),
            Mode::Rehearse => Some(std::mem::take(&mut self.overlay)),
        };
        let mut stage = match overlay {
            None => Stage::Live(&mut self.live),
            Some(overlay) => {
                let contents = match (mode, fetching) {
                    (Mode::Rehearse, Fetching::On) => PackageContents::Fetch,
                    _ => PackageContents::Leave,
                };
                let mut host = RehearsalHost::with_overlay(&mut self.live, overlay, contents);
                if mode == Mode::Rehearse {
                    host = host.foreseeing_validation();
                }
                host.replay(&rehearsed);
                Stage::Rehearsal(Box::new(host))
            }
        };
        let base = match (mode, &stage) {
            (Mode::Check, Stage::Rehearsal(host)) => Some(host.overlay().clone()),
            _ => None,
        };
        let mut sent = Ok(());
        let mut refused = false;
        let mut well = 0;
        for (item, arguments) in items.iter().enumerate() {
            if let (Some(base), Bond::None, Stage::Rehearsal(host)) = (&base, bond, &mut stage) {
                host.reset(base.clone());
            }
            if let (Streaming::On, Stage::Live(host)) = (streaming, &mut stage) {
                let replies = self.replies.clone();
                host.listen(Box::new(move |stream, bytes| {
                    let piece = OutputPiece { task: id, item, stream, bytes: bytes.to_vec() };
                    // a channel that is gone is seen when the reply is sent
                    let _ = replies.send(&FromRunner::Output(piece));
                }));
            }
            self.interrupt.limit(timeout.map(Duration::from_secs));
            let mut consent = match (witness, mode) {
                (Witness::None, _) => Agreement::None,
                (Witness::Ask, Mode::Apply) => Agreement::Asked(Asker {
                    task: id,
                    item,
                    inbox: &self.inbox,
                    replies: &self.replies,
                }),
                _ => Agreement::Given,
            };
            let mut executed = match refused {
                true => Executed::new(Status::Refused),
                false => stage.run(&module, arguments, diff, consent.as_consent()),
            };
            let is_well = matches!(executed.status, Status::Ok | Status::Changed);
            refused |= executed.status == Status::Refused || (bond == Bond::Parts && !is_well);
            if mode == Mode::Apply {
                excuse(&mut executed, &self.overlay);
            }
            if self.interrupt.stopped().is_some() {
                break;
            }
            stage.prepare_effects(&mut executed.effects);
            well += usize::from(is_well);
            sent = self.replies.send(&FromRunner::Item(Box::new(reply(id, item, executed))));
            if sent.is_err() {
                break;
            }
        }
        if let (Mode::Rehearse, Stage::Rehearsal(host)) = (mode, stage) {
            self.overlay = host.into_overlay();
        }
        sent.map(|()| well == items.len())
    }

    /// Starts a job for each item; the reply says where its result will be.
    fn detach(&mut self, task: &TaskRequest) -> io::Result<bool> {
        self.live.begin(task.environment.clone(), Box::new(NoSources));
        for (item, arguments) in task.items.iter().enumerate() {
            let executed = job::start(task, arguments, &mut self.live);
            self.replies.send(&FromRunner::Item(Box::new(reply(task.id, item, executed))))?;
        }
        // nothing follows a job
        Ok(false)
    }
}

/// In a dry run, a task that is done for real fails for want of what was not: then nobody knows.
fn excuse(executed: &mut Executed, overlay: &Overlay) {
    if let (Status::Failed, Some(reason)) = (&executed.status, overlay.acted()) {
        let said = executed.returned.get("msg").and_then(Json::as_str).unwrap_or_default();
        let reason = format!("{reason}; {NOW_IT_FAILS}: {said}");
        executed.status = Status::Unknown { reason };
    }
}

/// Where effects go.
enum Stage<'a> {
    Live(&'a mut LiveHost),
    Rehearsal(Box<RehearsalHost<&'a mut LiveHost>>),
}

impl Stage<'_> {
    fn host(&mut self) -> &mut dyn Host {
        match self {
            Self::Live(host) => *host,
            Self::Rehearsal(host) => host.as_mut(),
        }
    }

    /// Runs a module; a rehearsal also warns of what it foresees.
    fn run(
        &mut self,
        module: &str,
        arguments: &Map<String, Json>,
        diff: bool,
        consent: Option<&mut dyn Consent>,
    ) -> Executed {
        let foreseen = match (&mut *self, registry::answers(module)) {
            (Self::Rehearsal(host), Some(entry)) => (entry.foresee)(arguments, host.as_mut()),
            _ => Vec::new(),
        };
        let mut executed = run(module, self.host(), arguments, diff, consent);
        executed.warn_first(foreseen.into_iter().map(Json::from).collect());
        if let Self::Rehearsal(host) = self {
            let doubts = host.take_doubts();
            if !matches!(executed.status, Status::Failed | Status::Unknown { .. }) {
                executed.warn_first(doubts.into_iter().map(Json::from).collect());
            }
        }
        executed
    }

    /// Effects of a rehearsal carry their content to other runners; those that were applied are
    /// reported without.
    fn prepare_effects(&self, effects: &mut [EffectRecord]) {
        for record in effects {
            if let (Self::Live(_), Effect::Run(command)) = (self, &mut record.effect) {
                command.handed = None;
            }
            let Effect::WriteFile(write) = &mut record.effect else { continue };
            match (self, &write.content) {
                (Self::Live(_), Content::Bytes(_)) => write.content = Content::Bytes(Vec::new()),
                (Self::Rehearsal(host), Content::Source(source)) => {
                    if let Some(content) = host.source_content(source) {
                        write.content = Content::Bytes(content.to_vec());
                    }
                }
                _ => {}
            }
        }
    }
}

fn run(
    module: &str,
    host: &mut dyn Host,
    arguments: &Map<String, Json>,
    diff: bool,
    consent: Option<&mut dyn Consent>,
) -> Executed {
    if let Some(entry) = registry::answers(module) {
        return (entry.execute)(Execution { host, arguments, diff }, consent);
    }
    let mut returned = Map::new();
    returned.insert("msg".to_owned(), Json::from(format!("the runner has no module `{module}`")));
    Executed { returned, ..Executed::new(Status::Failed) }
}

fn reply(task: u64, item: usize, executed: Executed) -> ItemReply {
    let Executed {
        status,
        returned,
        effects,
        diffs,
        observed,
        unknown,
        observe_micros,
        apply_micros,
    } = executed;
    ItemReply {
        task,
        item,
        status,
        returned,
        effects,
        diffs,
        observed,
        unknown,
        observe_micros,
        apply_micros,
    }
}

/// Who agrees with the effects of an item.
enum Agreement<'a> {
    /// Nobody is told.
    None,
    /// All are agreed with; the reply tells what they met.
    Given,
    /// The engine is asked.
    Asked(Asker<'a>),
}

impl<'a> Agreement<'a> {
    fn as_consent<'b>(&'b mut self) -> Option<&'b mut (dyn Consent + 'a)> {
        match self {
            Self::None => None,
            Self::Given | Self::Asked(_) => Some(self),
        }
    }
}

impl Consent for Agreement<'_> {
    fn agrees(&mut self, effects: &[EffectRecord], observed: &[Observation]) -> bool {
        match self {
            Self::None | Self::Given => true,
            Self::Asked(asker) => asker.agrees(effects, observed),
        }
    }
}

/// Asks the engine whether an item may do what it would.
struct Asker<'a> {
    task: u64,
    item: usize,
    inbox: &'a Inbox,
    replies: &'a Replies,
}

impl Asker<'_> {
    fn agrees(&self, effects: &[EffectRecord], observed: &[Observation]) -> bool {
        let proposal = Proposal {
            task: self.task,
            item: self.item,
            effects: effects.to_vec(),
            observed: observed.to_vec(),
        };
        self.replies.send(&FromRunner::Propose(Box::new(proposal))).is_ok()
            && self.inbox.decision(self.task, self.item)
    }
}
