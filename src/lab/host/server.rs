//! The SSH server of a lab host.

use std::collections::HashMap;
use std::io::BufRead;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
    run_stream,
};
use russh::{Channel, ChannelId, Pty, Sig};
use tokio::net::TcpListener;

use super::accounts::Account;
use super::init::answer;
use super::session::{Running, Wanted};
use super::{Answer, Orders};

/// Serves until it is killed.
pub(super) fn run() -> ExitCode {
    let mut line = String::new();
    let orders = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .ok()
        .and_then(|_| serde_json::from_str::<Orders>(&line).ok());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (Some(orders), Ok(runtime)) = (orders, runtime) else { return ExitCode::FAILURE };
    match runtime.block_on(serve(&orders)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            answer(&Answer::Failed(problem.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// Why the server does not serve.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(#[from] std::io::Error),
    #[error("cannot read the keys: {0}")]
    Keys(#[from] russh::keys::ssh_key::Error),
}

async fn serve(orders: &Orders) -> Result<(), ServeError> {
    let client_key = PublicKey::from_openssh(&orders.client_key)?;
    let config = Arc::new(Config {
        keys: vec![PrivateKey::from_openssh(&orders.host_key)?],
        auth_rejection_time: Duration::from_millis(200),
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    answer(&Answer::Up(listener.local_addr()?.port()));
    loop {
        // too many open files, or a peer that went away: neither is the end of the host
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let client = Client { key: client_key.clone(), account: None, channels: HashMap::new() };
        let config = Arc::clone(&config);
        tokio::spawn(async move {
            if let Ok(session) = run_stream(config, stream, client).await {
                let _ = session.await;
            }
        });
    }
}

/// One connection.
struct Client {
    key: PublicKey,
    account: Option<Account>,
    channels: HashMap<ChannelId, State>,
}

/// What a channel has asked for so far.
#[derive(Default)]
struct State {
    wanted: Wanted,
    running: Option<Running>,
}

impl Client {
    fn lets_in(&mut self, user: &str, key: &PublicKey) -> Auth {
        if key.key_data() != self.key.key_data() {
            return Auth::reject();
        }
        self.account = Account::find(user);
        if self.account.is_some() { Auth::Accept } else { Auth::reject() }
    }

    fn start(&mut self, channel: ChannelId, command: Option<&[u8]>, session: &mut Session) -> bool {
        let (Some(account), Some(state)) = (&self.account, self.channels.get_mut(&channel)) else {
            return false;
        };
        if state.running.is_some() {
            return false;
        }
        match Running::start(account, &state.wanted, command, channel, session.handle()) {
            Ok(running) => {
                state.running = Some(running);
                true
            }
            Err(_) => false,
        }
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.lets_in(user, offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.lets_in(user, key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), State::default());
        reply.accept().await;
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // what Debian's sshd accepts
        let accepted = name == "LANG" || name.starts_with("LC_");
        if accepted && let Some(state) = self.channels.get_mut(&channel) {
            state.wanted.environment.push((name.to_owned(), value.to_owned()));
            return session.channel_success(channel);
        }
        session.channel_failure(channel)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(state) = self.channels.get_mut(&channel) {
            state.wanted.terminal = Some((term.to_owned(), columns, rows));
        }
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.start(channel, Some(command), session) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // there is none; a client that hears nothing waits for ever
        session.channel_failure(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.start(channel, None, session) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(running) = self.channels.get(&channel).and_then(|state| state.running.as_ref())
        {
            running.input(data);
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(state) = self.channels.get_mut(&channel)
            && let Some(running) = &mut state.running
        {
            running.end_input();
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(running) = self.channels.get(&channel).and_then(|state| state.running.as_ref())
        {
            running.signal(&signal);
        }
        Ok(())
    }
}
