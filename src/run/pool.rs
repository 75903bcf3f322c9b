//! Connections and runners of a run: opened once, shared by all tasks.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use canvass_modules::effect::Effect;
use canvass_modules::wire::{ItemReply, Mode, TaskRequest};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, mpsc};

use crate::connection::{
    Connection, ConnectionError, Connector, Output, Privilege, Runner, Target, TaskSource,
    Transport,
};

/// All connections of a run.
pub(crate) struct Pool {
    connector: Arc<Connector>,
    links: Mutex<HashMap<LinkKey, Arc<Link>>>,
    rehearsals: Mutex<HashMap<HostKey, Arc<AsyncMutex<Rehearsal>>>>,
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
    runners: AsyncMutex<HashMap<u64, Arc<Runner>>>,
}

/// The effects that a dry run has decided on one machine, and how many each runner knows.
#[derive(Default)]
struct Rehearsal {
    effects: Vec<Effect>,
    known: HashMap<(LinkKey, u64), usize>,
}

impl Pool {
    pub(crate) fn new(connector: Arc<Connector>) -> Self {
        Self { connector, links: Mutex::default(), rehearsals: Mutex::default() }
    }

    /// Runs a task through the runner of this host and privilege; gives the replies in the order
    /// of the items.
    pub(crate) async fn task(
        &self,
        target: &Target,
        privilege: &Privilege,
        mut request: TaskRequest,
        sources: Vec<TaskSource>,
    ) -> Result<Vec<ItemReply>, ConnectionError> {
        let key = LinkKey::of(target);
        let link = self.link(&key);
        let runner = self.runner(&link, target, privilege).await?;
        if request.mode != Mode::Rehearse {
            return exchange(&runner, request, sources).await;
        }
        let rehearsal = Arc::clone(
            self.rehearsals
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(key.host.clone())
                .or_default(),
        );
        // one at a time: the overlays of a machine's runners must not part
        let mut rehearsal = rehearsal.lock().await;
        let seat = (key, hash_of(privilege));
        let known = rehearsal.known.get(&seat).copied().unwrap_or_default();
        request.rehearsed = rehearsal.effects.get(known..).unwrap_or_default().to_vec();
        let replies = exchange(&runner, request, sources).await?;
        for reply in &replies {
            rehearsal.effects.extend(reply.effects.iter().map(|record| record.effect.clone()));
        }
        let total = rehearsal.effects.len();
        rehearsal.known.insert(seat, total);
        Ok(replies)
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
        connection.raw(privilege, script, deadline).await
    }

    /// Ends all runners and closes all connections.
    pub(crate) async fn close(&self) {
        let links: Vec<Arc<Link>> = {
            let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            links.drain().map(|(_, link)| link).collect()
        };
        let mut closing = tokio::task::JoinSet::new();
        for link in links {
            closing.spawn(async move {
                link.runners.lock().await.clear();
                if let Some(link) = Arc::into_inner(link)
                    && let Some(connection) = link.connection.into_inner()
                {
                    connection.close().await;
                }
            });
        }
        while closing.join_next().await.is_some() {}
    }

    fn link(&self, key: &LinkKey) -> Arc<Link> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(links.entry(key.clone()).or_default())
    }

    async fn runner(
        &self,
        link: &Link,
        target: &Target,
        privilege: &Privilege,
    ) -> Result<Arc<Runner>, ConnectionError> {
        let connection = link.connection.get_or_try_init(|| self.connector.connect(target)).await?;
        let seat = hash_of(privilege);
        let mut runners = link.runners.lock().await;
        if let Some(runner) = runners.get(&seat) {
            return Ok(Arc::clone(runner));
        }
        let runner = Arc::new(connection.runner(privilege).await?);
        runners.insert(seat, Arc::clone(&runner));
        Ok(runner)
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
) -> Result<Vec<ItemReply>, ConnectionError> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let count = request.items.len();
    runner.task(request, sources, sender).await?;
    let mut replies = Vec::with_capacity(count);
    while let Ok(reply) = receiver.try_recv() {
        replies.push(reply);
    }
    replies.sort_by_key(|reply: &ItemReply| reply.item);
    Ok(replies)
}
