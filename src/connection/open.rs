//! Opening an SSH session: the way there, the handshake, the login, and trying again.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connector::{Connector, Sources};
use super::error::Problem;
use super::secret::Secret;
use super::ssh::{
    Greeted, ProxyWords, Session, Setback, Stream, Way, greet, straight, through_command,
};
use super::ssh_config::resolve::Given;
use super::ssh_config::{Hop, HostSettings, Proxy};
use super::target::HostKeys;

/// How often a server that hangs up is called again.
pub(super) const ATTEMPTS: u32 = 6;

/// Jump hosts behind jump hosts behind …
const DEPTH: usize = 8;

/// Opens sessions for one target.
pub(crate) struct Opener<'o> {
    pub(crate) connector: &'o Arc<Connector>,
    pub(crate) arguments: &'o Sources,
    pub(crate) timeout: Duration,
    pub(crate) policy: HostKeys,
}

/// The session below another one, to come; boxed because a jump host may be behind another.
type Carried<'f> = Pin<Box<dyn Future<Output = Result<Option<Arc<Session>>, Problem>> + Send + 'f>>;

/// A way that is open, with what it is made of.
struct Road {
    stream: Stream,
    words: Option<ProxyWords>,
}

impl Opener<'_> {
    /// Opens a session with the host of these settings.
    pub(crate) async fn open(
        &self,
        settings: &HostSettings,
        first_key: Option<&PathBuf>,
        password: Option<&Secret>,
    ) -> Result<Session, Problem> {
        let keyring = &self.connector.keyring;
        let way = Way { settings, first_key, password, keyring };
        self.open_by(&way, &[], 0).await
    }

    /// Opens a session; `before` are the hops that were given together with this one.
    async fn open_by(
        &self,
        way: &Way<'_>,
        before: &[Hop],
        depth: usize,
    ) -> Result<Session, Problem> {
        let settings = way.settings;
        let mut attempt = 0;
        loop {
            attempt += 1;
            // the jump host first, so that no permit is held while another session comes up
            let carrier = self.carrier(settings, before, depth).await?;
            let server = self.connector.server(&settings.host_name, settings.port);
            let _here = server.acquire().await;
            let all = self.connector.handshakes.acquire().await;
            let greeted = self.greet(settings, carrier.clone()).await;
            drop(all);
            match greeted {
                Ok(greeted) => return greeted.login(way, carrier).await,
                Err(Setback::Dropped) if attempt < ATTEMPTS => {}
                Err(Setback::Dropped) => {
                    return Err(Problem::Dropped {
                        address: settings.host_name.clone(),
                        port: settings.port,
                        attempts: attempt,
                    });
                }
                Err(Setback::Problem(problem)) => return Err(problem),
            }
            tokio::time::sleep(Connector::pause(attempt)).await;
        }
    }

    /// Goes there and agrees on keys, within the time that is allowed.
    async fn greet(
        &self,
        settings: &HostSettings,
        carrier: Option<Arc<Session>>,
    ) -> Result<Greeted, Setback> {
        let check = self.connector.host_keys.check_for(settings, self.policy).await?;
        let deadline = tokio::time::Instant::now() + self.timeout;
        let late = |stage| Problem::TimedOut {
            address: settings.host_name.clone(),
            port: settings.port,
            after: self.timeout,
            stage,
        };
        let road = tokio::time::timeout_at(deadline, self.road(settings, carrier)).await;
        let Road { stream, words } = road.map_err(|_| late("connecting"))??;
        let greeted = tokio::time::timeout_at(deadline, greet(stream, settings, check)).await;
        let greeted = greeted.map_err(|_| late("agreeing on keys"))?;
        match (greeted, words, &settings.proxy) {
            (Err(Setback::Dropped), Some(words), Proxy::Command(command)) => {
                let reason = words.words().await;
                let reason = if reason.is_empty() { "it ended".to_owned() } else { reason };
                Err(Problem::ProxyCommand { command: command.clone(), reason }.into())
            }
            (greeted, ..) => greeted,
        }
    }

    async fn road(
        &self,
        settings: &HostSettings,
        carrier: Option<Arc<Session>>,
    ) -> Result<Road, Problem> {
        if let Some(session) = carrier {
            let stream = session.forward(&settings.host_name, settings.port).await?;
            return Ok(Road { stream, words: None });
        }
        if let Proxy::Command(command) = &settings.proxy {
            let (stream, words) = through_command(command)?;
            return Ok(Road { stream, words: Some(words) });
        }
        Ok(Road { stream: straight(settings).await?, words: None })
    }

    /// The session that carries the one with these settings, if it goes over jump hosts.
    fn carrier<'f>(
        &'f self,
        settings: &'f HostSettings,
        before: &'f [Hop],
        depth: usize,
    ) -> Carried<'f> {
        Box::pin(async move {
            let hops = match &settings.proxy {
                _ if !before.is_empty() => before,
                Proxy::Jump(hops) => hops.as_slice(),
                Proxy::None | Proxy::Command(_) => &[],
            };
            let Some((last, earlier)) = hops.split_last() else { return Ok(None) };
            // `Host *` with a ProxyJump names the jump host too: it is reached straight
            let same_port = last.port.is_none_or(|port| port == settings.port);
            if (last.host == settings.alias && same_port) || depth >= DEPTH {
                return Ok(None);
            }
            let failed = |problem| Problem::Jump { hop: last.host.clone(), problem };
            let asked = Instant::now();
            let slot = self.connector.jump_hosts.slot(hops).await;
            let mut jump_host = slot.lock().await;
            let open = jump_host.session.as_ref().filter(|session| !session.is_closed());
            if let Some(session) = open {
                return Ok(Some(Arc::clone(session)));
            }
            // all who waited for it learn at once that it cannot be reached
            if let Some((when, problem)) = &jump_host.failed
                && *when > asked
            {
                return Err(failed(Arc::clone(problem)));
            }
            let opened = self.jump(last, earlier, depth).await;
            let session = opened.map(Arc::new).map_err(|problem| {
                let problem = Arc::new(problem);
                jump_host.failed = Some((Instant::now(), Arc::clone(&problem)));
                failed(problem)
            })?;
            jump_host.session = Some(Arc::clone(&session));
            Ok(Some(session))
        })
    }

    async fn jump(&self, hop: &Hop, earlier: &[Hop], depth: usize) -> Result<Session, Problem> {
        let sources = self.arguments.without_options();
        let given = Given { port: hop.port, user: hop.user.clone(), identity: None };
        let settings = self.connector.settings_of(&hop.host, &given, &sources)?;
        let opener = Opener {
            connector: self.connector,
            arguments: &sources,
            timeout: settings.connect_timeout.unwrap_or(self.timeout),
            policy: settings.host_keys.unwrap_or(self.policy),
        };
        let keyring = &self.connector.keyring;
        let way = Way { settings: &settings, first_key: None, password: None, keyring };
        opener.open_by(&way, earlier, depth + 1).await
    }
}
