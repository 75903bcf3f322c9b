//! Connections and runners of a run: opened once, shared by all tasks.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use canvass_modules::effect::{AccountAction, Effect};
use canvass_modules::wire::{Fetching, ItemReply, Mode, Status, TaskRequest};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex as AsyncMutex, OnceCell, mpsc};
use tokio::time::Instant;

use crate::connection::{
    Answer, Connection, ConnectionError, Connector, Hearers, Output, Privilege, Runner, Target,
    TaskSource, Transport,
};
use crate::report::event::{Event, Level};
use crate::report::spent::Spent;

/// All connections of a run.
#[derive(Clone)]
pub(crate) struct Pool {
    connector: Arc<Connector>,
    links: Arc<Mutex<HashMap<LinkKey, Arc<Link>>>>,
    rehearsals: Arc<Mutex<HashMap<HostKey, Arc<AsyncMutex<Rehearsal>>>>>,
    requests: Arc<AtomicU64>,
    events: UnboundedSender<Event>,
    fetching: Fetching,
}

/// A way to a host as one login user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LinkKey {
    host: HostKey,
    user: Option<String>,
}

/// A machine: all that is rehearsed on it is one overlay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HostKey {
    transport: Transport,
    address: String,
    port: Option<u16>,
}

#[derive(Default)]
struct Link {
    connection: OnceCell<Connection>,
    /// Runners without work, by privilege. A task takes one or starts another, so that tasks
    /// which several hosts delegate here do not wait for each other.
    idle: Mutex<HashMap<u64, Vec<Seat>>>,
}

/// A runner, and how many of the machine's rehearsed effects it knows.
struct Seat {
    runner: Runner,
    known: usize,
    /// What it took to have it; nothing for one that was there.
    opening: Spent,
}

/// What a host answered, and what it took.
pub(crate) struct Exchange {
    pub replies: Vec<ItemReply>,
    pub spent: Spent,
}

/// A runner that is given tasks before it has answered those before them. It is free for others
/// when the last one who holds it lets go.
pub(crate) struct Lane {
    link: Arc<Link>,
    target: Target,
    privilege: Privilege,
    seat: Option<Seat>,
    /// Whether something went wrong on the channel.
    broken: AtomicBool,
}

impl Lane {
    /// Whether tasks for this target and privilege can go there.
    pub(crate) fn leads_to(&self, target: &Target, privilege: &Privilege) -> bool {
        self.target == *target && self.privilege == *privilege
    }

    /// What it took to have it.
    pub(crate) fn opening(&self) -> Spent {
        self.seat.as_ref().map(|seat| seat.opening).unwrap_or_default()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take()
            && !self.broken.load(Ordering::Relaxed)
        {
            self.link.put_back(&self.privilege, seat);
        }
    }
}

/// The effects that a dry run has decided on one machine.
#[derive(Default)]
struct Rehearsal {
    effects: Vec<Effect>,
}

impl Pool {
    pub(crate) fn new(
        connector: Arc<Connector>,
        events: UnboundedSender<Event>,
        fetching: Fetching,
    ) -> Self {
        Self {
            fetching,
            events,
            connector,
            links: Arc::default(),
            rehearsals: Arc::default(),
            requests: Arc::default(),
        }
    }

    /// The same connections, told of elsewhere.
    pub(crate) fn telling(&self, events: UnboundedSender<Event>) -> Self {
        Self { events, ..self.clone() }
    }

    /// Runs a task through the runner of this host and privilege; gives the replies in the order
    /// of the items.
    pub(crate) async fn task(
        &self,
        target: &Target,
        privilege: &Privilege,
        mut request: TaskRequest,
        sources: Vec<TaskSource>,
        hearers: Hearers,
    ) -> Result<Exchange, ConnectionError> {
        let began = Instant::now();
        // tasks of several hosts can be delegated to one runner at once
        request.id = self.requests.fetch_add(1, Ordering::Relaxed);
        let key = LinkKey::of(target);
        let link = self.link(&key);
        if request.mode != Mode::Rehearse {
            let seat = self.seat(&link, target, privilege).await?;
            if request.mode == Mode::Check {
                self.foresee(&key.host, &seat, &mut request).await;
            }
            let replies = exchange(&seat.runner, request, sources, hearers).await?;
            let opening = seat.opening;
            link.put_back(privilege, seat);
            return Ok(Exchange::of(replies, opening, began));
        }
        let rehearsal = Arc::clone(
            self.rehearsals
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(key.host)
                .or_default(),
        );
        // one at a time: the overlays of a machine's runners must not part
        let mut rehearsal = rehearsal.lock().await;
        let mut seat = match self.seat(&link, target, privilege).await {
            Ok(seat) => seat,
            Err(error) => {
                let unknown = rehearsal.unknown_for(privilege, &request).ok_or(error)?;
                return Ok(Exchange::of(unknown, Spent::default(), began));
            }
        };
        request.fetching = self.fetching;
        request.rehearsed = rehearsal.effects.get(seat.known..).unwrap_or_default().to_vec();
        let replies = exchange(&seat.runner, request, sources, hearers).await?;
        for reply in &replies {
            rehearsal.effects.extend(reply.effects.iter().map(|record| record.effect.clone()));
        }
        seat.known = rehearsal.effects.len();
        let opening = seat.opening;
        link.put_back(privilege, seat);
        Ok(Exchange::of(replies, opening, began))
    }

    /// Gives a task that only looks what was rehearsed on the machine since the runner knew it.
    async fn foresee(&self, host: &HostKey, seat: &Seat, request: &mut TaskRequest) {
        let rehearsal = {
            let rehearsals = self.rehearsals.lock().unwrap_or_else(PoisonError::into_inner);
            rehearsals.get(host).map(Arc::clone)
        };
        let Some(rehearsal) = rehearsal else { return };
        let rehearsal = rehearsal.lock().await;
        let new = rehearsal.effects.get(seat.known..).unwrap_or_default().iter().cloned();
        request.rehearsed.splice(0..0, new);
    }

    /// Whether what was rehearsed on this machine may make one of these paths. Not for the threads
    /// of the runtime: it waits for what is rehearsed here at the moment.
    pub(crate) fn may_make_here(&self, paths: &[PathBuf]) -> bool {
        let here: Vec<_> = {
            let rehearsals = self.rehearsals.lock().unwrap_or_else(PoisonError::into_inner);
            let local = rehearsals.iter().filter(|(key, _)| key.transport == Transport::Local);
            local.map(|(_, rehearsal)| Arc::clone(rehearsal)).collect()
        };
        here.iter().any(|rehearsal| {
            let rehearsal = rehearsal.blocking_lock();
            rehearsal.effects.iter().any(|effect| paths.iter().any(|path| may_make(effect, path)))
        })
    }

    /// A runner for tasks that are sent ahead.
    pub(crate) async fn lane(
        &self,
        target: &Target,
        privilege: &Privilege,
    ) -> Result<Lane, ConnectionError> {
        let link = self.link(&LinkKey::of(target));
        let seat = self.seat(&link, target, privilege).await?;
        let (target, privilege) = (target.clone(), privilege.clone());
        Ok(Lane { link, target, privilege, seat: Some(seat), broken: AtomicBool::new(false) })
    }

    /// Sends a task, which is for real, behind those that are on a lane already; `sent` hears its
    /// number. Gives the replies in the order of the items; `None` where the task was not done,
    /// because the one that it follows did not go well.
    pub(crate) async fn task_on(
        &self,
        lane: &Lane,
        mut request: TaskRequest,
        sources: Vec<TaskSource>,
        sent: impl FnOnce(u64),
    ) -> Result<Option<Vec<ItemReply>>, ConnectionError> {
        let id = self.requests.fetch_add(1, Ordering::Relaxed);
        request.id = id;
        let Some(seat) = &lane.seat else { return Ok(None) };
        let (sender, receiver) = mpsc::unbounded_channel();
        let answer = async {
            let on_its_way = seat.runner.send(request, sources, sender, Hearers::default()).await?;
            sent(id);
            on_its_way.answer().await
        };
        match answer.await {
            Ok(Answer::Done) => Ok(Some(collected(receiver))),
            Ok(Answer::Passed) => Ok(None),
            Err(error) => {
                lane.broken.store(true, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Runs a script through `/bin/sh`, without a runner.
    pub(crate) async fn raw(
        &self,
        target: &Target,
        privilege: &Privilege,
        script: &str,
        deadline: Option<std::time::Duration>,
    ) -> Result<Output, ConnectionError> {
        let link = self.link(&LinkKey::of(target));
        let connection = link.connection.get_or_try_init(|| self.connector.connect(target)).await?;
        self.tell(target, privilege);
        connection.raw(privilege, script, deadline).await
    }

    /// Ends the runners of a host that have no work, and closes the connection to it.
    pub(crate) async fn reset(&self, target: &Target) {
        let link = {
            let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            links.remove(&LinkKey::of(target))
        };
        if let Some(link) = link {
            link.end().await;
        }
    }

    /// Ends all runners and closes all connections.
    pub(crate) async fn close(&self) {
        let links: Vec<Arc<Link>> = {
            let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            links.drain().map(|(_, link)| link).collect()
        };
        let mut closing = tokio::task::JoinSet::new();
        for link in links {
            closing.spawn(link.end());
        }
        while closing.join_next().await.is_some() {}
        self.connector.close().await;
    }

    fn link(&self, key: &LinkKey) -> Arc<Link> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(links.entry(key.clone()).or_default())
    }

    /// A runner without work; a new one where all have some.
    async fn seat(
        &self,
        link: &Link,
        target: &Target,
        privilege: &Privilege,
    ) -> Result<Seat, ConnectionError> {
        let mut opening = Spent::default();
        let began = Instant::now();
        let open = link.connection.initialized();
        let connection = link.connection.get_or_try_init(|| self.connector.connect(target)).await?;
        if !open {
            opening.connect = began.elapsed().as_secs_f64();
        }
        if let Some(seat) = link.take(privilege) {
            return Ok(Seat { opening, ..seat });
        }
        self.tell(target, privilege);
        let began = Instant::now();
        let runner = connection.runner(privilege).await?;
        opening.bootstrap = began.elapsed().as_secs_f64();
        Ok(Seat { runner, known: 0, opening })
    }

    /// Tells which line starts a shell on a host.
    fn tell(&self, target: &Target, privilege: &Privilege) {
        let text = format!("<{}> EXEC {}", target.address, Connection::command(privilege));
        let (level, place, host) = (Level::Trace, None, None);
        // a report that has ended has nothing more to hear
        let _ = self.events.send(Event::Notice { level, text, place, host, marked: false });
    }
}

impl Link {
    /// Ends its idle runners and, where no task is at work on it, closes it.
    async fn end(self: Arc<Self>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Some(link) = Arc::into_inner(self)
            && let Some(connection) = link.connection.into_inner()
        {
            connection.close().await;
        }
    }

    fn take(&self, privilege: &Privilege) -> Option<Seat> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.get_mut(&hash_of(privilege))?.pop()
    }

    fn put_back(&self, privilege: &Privilege, seat: Seat) {
        let seat = Seat { opening: Spent::default(), ..seat };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(hash_of(privilege)).or_default().push(seat);
    }
}

impl Exchange {
    /// What the host did took its time; what is not told was the way there and back.
    fn of(replies: Vec<ItemReply>, opening: Spent, began: Instant) -> Self {
        let mut known = opening;
        for reply in &replies {
            known += of_reply(reply);
        }
        let wire = known.on_the_way(began.elapsed()).wire;
        Self { replies, spent: Spent { wire, ..opening } }
    }
}

/// What the host did for a reply.
pub(crate) fn of_reply(reply: &ItemReply) -> Spent {
    let seconds = |micros| std::time::Duration::from_micros(micros).as_secs_f64();
    Spent {
        observe: seconds(reply.observe_micros),
        apply: seconds(reply.apply_micros),
        ..Spent::default()
    }
}

/// Whether a path may be there after an effect.
fn may_make(effect: &Effect, path: &Path) -> bool {
    match effect {
        Effect::WriteFile(write) => path.starts_with(&write.path),
        Effect::MakeDirectory { path: made, .. }
        | Effect::MakeSymlink { path: made, .. }
        | Effect::MakeHardLink { path: made, .. }
        | Effect::CopyFile { to: made, .. } => path.starts_with(made),
        // nobody knows what a command makes
        Effect::Run(_) | Effect::Unpack(_) => true,
        _ => false,
    }
}

impl Rehearsal {
    /// The answer where the user to become is one that the play itself would make.
    fn unknown_for(&self, privilege: &Privilege, request: &TaskRequest) -> Option<Vec<ItemReply>> {
        let Privilege::Become { user, .. } = privilege else { return None };
        let makes = |effect: &Effect| {
            matches!(effect, Effect::User(change)
                if change.name == *user && change.action == AccountAction::Create)
        };
        if !self.effects.iter().any(makes) {
            return None;
        }
        let reason = format!("user `{user}` would be made first");
        let reply = |item| ItemReply {
            task: request.id,
            item,
            status: Status::Unknown { reason: reason.clone() },
            returned: serde_json::Map::new(),
            effects: Vec::new(),
            diffs: Vec::new(),
            observed: Vec::new(),
            unknown: BTreeMap::new(),
            observe_micros: 0,
            apply_micros: 0,
        };
        Some((0..request.items.len()).map(reply).collect())
    }
}

impl LinkKey {
    fn of(target: &Target) -> Self {
        Self {
            host: HostKey {
                transport: target.transport,
                address: target.address.clone(),
                port: target.port,
            },
            user: target.user.clone(),
        }
    }
}

fn hash_of(privilege: &Privilege) -> u64 {
    let mut hasher = DefaultHasher::new();
    privilege.hash(&mut hasher);
    hasher.finish()
}

async fn exchange(
    runner: &Runner,
    request: TaskRequest,
    sources: Vec<TaskSource>,
    hearers: Hearers,
) -> Result<Vec<ItemReply>, ConnectionError> {
    let (sender, receiver) = mpsc::unbounded_channel();
    runner.heard_task(request, sources, sender, hearers).await?;
    Ok(collected(receiver))
}

fn collected(mut receiver: mpsc::UnboundedReceiver<ItemReply>) -> Vec<ItemReply> {
    let mut replies = Vec::new();
    while let Ok(reply) = receiver.try_recv() {
        replies.push(reply);
    }
    replies.sort_by_key(|reply: &ItemReply| reply.item);
    replies
}
