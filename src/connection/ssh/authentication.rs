//! Logging in: keys of files and of the agent, certificates, passwords.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Interactive};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet};
use tokio::time::timeout;

use super::keyring::{KeyFile, Keyring, connect_agent, read_certificate};
use super::session::Watcher;
use crate::connection::error::Problem;
use crate::connection::secret::Secret;
use crate::connection::ssh_config::{Agent, AgentKeys, HostSettings, Identities, RefusedMethod};

/// How long the server may think about one attempt.
const PATIENCE: Duration = Duration::from_mins(1);

/// Questions that a server may ask before it is enough.
const ROUNDS: usize = 6;

/// Somebody who wants in.
pub(crate) struct Login<'l> {
    pub(crate) handle: &'l mut Handle<Watcher>,
    pub(crate) keyring: &'l Keyring,
    pub(crate) settings: &'l HostSettings,
    pub(crate) first_key: Option<&'l PathBuf>,
    pub(crate) password: Option<&'l Secret>,
    tried: Vec<String>,
    notes: Vec<String>,
    accepted: Option<MethodSet>,
    agent: Vec<AgentIdentity>,
    offered: Vec<PublicKey>,
}

/// What came of an attempt.
enum Step {
    In,
    Out,
}

impl<'l> Login<'l> {
    pub(crate) fn new(
        handle: &'l mut Handle<Watcher>,
        keyring: &'l Keyring,
        settings: &'l HostSettings,
        first_key: Option<&'l PathBuf>,
        password: Option<&'l Secret>,
    ) -> Self {
        Self {
            handle,
            keyring,
            settings,
            first_key,
            password,
            tried: Vec::new(),
            notes: Vec::new(),
            accepted: None,
            agent: Vec::new(),
            offered: Vec::new(),
        }
    }

    /// Tries one way after the other.
    pub(crate) async fn run(mut self) -> Result<(), Problem> {
        if let Step::In = self.keys().await? {
            return Ok(());
        }
        if self.accepted.is_none()
            && let Step::In = self.none().await?
        {
            return Ok(());
        }
        if let Step::In = self.passwords().await? {
            return Ok(());
        }
        let named = self.accepted.as_deref().unwrap_or_default();
        let accepted: Vec<&str> = named.iter().map(Into::into).collect();
        let accepted =
            if accepted.is_empty() { "nothing more".to_owned() } else { accepted.join(", ") };
        if self.password.is_none()
            && named
                .iter()
                .any(|kind| matches!(kind, MethodKind::Password | MethodKind::KeyboardInteractive))
        {
            self.notes.push("give a password with -k (--ask-pass) or `ansible_password`, or a key with `ansible_ssh_private_key_file`".to_owned());
        }
        Err(Problem::Authentication {
            user: self.settings.user.clone(),
            tried: self.tried,
            accepted,
            notes: self.notes,
        })
    }

    fn refused(&self, method: RefusedMethod) -> bool {
        self.settings.refused_methods.contains(&method)
    }

    fn accepts(&self, kind: MethodKind) -> bool {
        self.accepted.as_ref().is_none_or(|methods| methods.contains(&kind))
    }

    async fn keys(&mut self) -> Result<Step, Problem> {
        if self.refused(RefusedMethod::PublicKey) {
            return Ok(Step::Out);
        }
        if let Agent::Socket(socket) = &self.settings.agent {
            let slot = self.keyring.agent_slots.acquire().await;
            match self.keyring.identities(socket).await {
                Ok(identities) => self.agent = identities,
                Err(note) => self.notes.push(note),
            }
            drop(slot);
        }
        let mut files = Vec::new();
        for path in &self.settings.identity_files {
            files.push(self.keyring.file(path).await);
        }
        // the key that was named for this host, then the agent's share of the others, then the
        // agent's own, then files
        let named = self.first_key.is_some();
        let (first, rest) = files.split_at(usize::from(named && !files.is_empty()));
        for file in first {
            if let Step::In = self.file(file).await? {
                return Ok(Step::In);
            }
        }
        for file in rest {
            if let Some(public) = &file.public
                && self.in_agent(public).is_some()
                && let Step::In = self.file(file).await?
            {
                return Ok(Step::In);
            }
        }
        if self.settings.agent_keys == AgentKeys::All {
            for identity in self.agent.clone() {
                if let Step::In = self.agent_key(&identity).await? {
                    return Ok(Step::In);
                }
            }
        }
        for file in rest {
            if let Step::In = self.file(file).await? {
                return Ok(Step::In);
            }
        }
        Ok(Step::Out)
    }

    fn in_agent(&self, public: &PublicKey) -> Option<AgentIdentity> {
        let same = |identity: &&AgentIdentity| matches!(identity, AgentIdentity::PublicKey { key, .. } if key.key_data() == public.key_data());
        self.agent.iter().find(same).cloned()
    }

    async fn file(&mut self, file: &KeyFile) -> Result<Step, Problem> {
        if !self.accepts(MethodKind::PublicKey) {
            return Ok(Step::Out);
        }
        if let Some(public) = &file.public {
            if self.offered.iter().any(|key| key.key_data() == public.key_data()) {
                return Ok(Step::Out);
            }
            if let Some(identity) = self.in_agent(public) {
                return self.agent_key(&identity).await;
            }
        }
        if file.is_missing() && self.settings.identities == Identities::Default {
            return Ok(Step::Out);
        }
        let key = match self.keyring.unlock(file).await {
            Ok(key) => key,
            Err(note) => {
                self.notes.push(note);
                return Ok(Step::Out);
            }
        };
        for certificate in self.certificates(file, key.public_key()) {
            self.tried.push(format!("certificate `{}`", certificate.key_id()));
            let user = self.settings.user.clone();
            let attempt =
                self.handle.authenticate_openssh_cert(user, Arc::clone(&key), certificate);
            let result = bounded(attempt).await?;
            if let Step::In = self.step(result)? {
                return Ok(Step::In);
            }
        }
        self.offered.push(key.public_key().clone());
        self.tried.push(format!("key {}", described(key.public_key())));
        let hash = self.hash_for(key.algorithm()).await?;
        let user = self.settings.user.clone();
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let result = bounded(self.handle.authenticate_publickey(user, key)).await?;
        self.step(result)
    }

    fn certificates(&mut self, file: &KeyFile, public: &PublicKey) -> Vec<Certificate> {
        let mut found: Vec<Certificate> = file.certificate.iter().cloned().collect();
        for path in &self.settings.certificate_files {
            match read_certificate(path) {
                Ok(certificate) => found.push(certificate),
                Err(reason) => {
                    let note = format!("{} cannot be used: {reason}", path.display());
                    if !self.notes.contains(&note) {
                        self.notes.push(note);
                    }
                }
            }
        }
        found.retain(|certificate| certificate.public_key() == public.key_data());
        found
    }

    async fn agent_key(&mut self, identity: &AgentIdentity) -> Result<Step, Problem> {
        let Agent::Socket(socket) = &self.settings.agent else { return Ok(Step::Out) };
        let known = |key: &PublicKey| {
            self.offered.iter().any(|offered| offered.key_data() == key.key_data())
        };
        if !self.accepts(MethodKind::PublicKey)
            || matches!(identity, AgentIdentity::PublicKey { key, .. } if known(key))
        {
            return Ok(Step::Out);
        }
        let user = self.settings.user.clone();
        let slot = self.keyring.agent_slots.acquire().await;
        let mut agent = match connect_agent(socket).await {
            Ok(agent) => agent,
            Err(note) => {
                self.notes.push(note);
                return Ok(Step::Out);
            }
        };
        let public = identity.public_key().into_owned();
        let hash = self.hash_for(public.algorithm()).await?;
        let result = match identity {
            AgentIdentity::PublicKey { key, .. } => {
                self.offered.push(key.clone());
                self.tried.push(format!("agent key {}", described(key)));
                let attempt =
                    self.handle.authenticate_publickey_with(user, key.clone(), hash, &mut agent);
                timeout(PATIENCE, attempt).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                self.tried.push(format!("agent certificate `{}`", certificate.key_id()));
                let attempt = self.handle.authenticate_certificate_with(
                    user,
                    certificate.clone(),
                    hash,
                    &mut agent,
                );
                timeout(PATIENCE, attempt).await
            }
        };
        drop(slot);
        match result {
            Ok(Ok(result)) => self.step(result),
            Ok(Err(error)) => {
                self.notes.push(format!("the agent did not sign: {error}"));
                Ok(Step::Out)
            }
            Err(_) => Err(silent()),
        }
    }

    async fn hash_for(&mut self, algorithm: Algorithm) -> Result<Option<HashAlg>, Problem> {
        if !algorithm.is_rsa() {
            return Ok(None);
        }
        let best = bounded(self.handle.best_supported_rsa_hash()).await?;
        Ok(best.unwrap_or(Some(HashAlg::Sha512)))
    }

    async fn none(&mut self) -> Result<Step, Problem> {
        let user = self.settings.user.clone();
        let result = bounded(self.handle.authenticate_none(user)).await?;
        self.step(result)
    }

    async fn passwords(&mut self) -> Result<Step, Problem> {
        let Some(password) = self.password else { return Ok(Step::Out) };
        if self.accepts(MethodKind::Password) && !self.refused(RefusedMethod::Password) {
            self.tried.push("password".to_owned());
            let user = self.settings.user.clone();
            let result =
                bounded(self.handle.authenticate_password(user, password.expose())).await?;
            if let Step::In = self.step(result)? {
                return Ok(Step::In);
            }
        }
        if self.accepts(MethodKind::KeyboardInteractive)
            && !self.refused(RefusedMethod::KeyboardInteractive)
        {
            self.tried.push("keyboard-interactive".to_owned());
            return self.keyboard_interactive(password).await;
        }
        Ok(Step::Out)
    }

    async fn keyboard_interactive(&mut self, password: &Secret) -> Result<Step, Problem> {
        let user = self.settings.user.clone();
        let start = self.handle.authenticate_keyboard_interactive_start(user, None::<String>);
        let mut answer = bounded(start).await?;
        for _ in 0..ROUNDS {
            let prompts = match answer {
                Interactive::Success => return Ok(Step::In),
                Interactive::Failure { remaining_methods, partial_success } => {
                    return self.step(AuthResult::Failure { remaining_methods, partial_success });
                }
                Interactive::InfoRequest { prompts, .. } => prompts,
            };
            let hidden =
                |echo: bool| if echo { String::new() } else { password.expose().to_owned() };
            let responses = prompts.iter().map(|prompt| hidden(prompt.echo)).collect();
            let respond = self.handle.authenticate_keyboard_interactive_respond(responses);
            answer = bounded(respond).await?;
        }
        Ok(Step::Out)
    }

    fn step(&mut self, result: AuthResult) -> Result<Step, Problem> {
        match result {
            AuthResult::Success => Ok(Step::In),
            AuthResult::Failure { remaining_methods, partial_success } => {
                if self.handle.is_closed() {
                    self.notes.push("the server closed the connection; it may allow fewer tries (MaxAuthTries): set IdentitiesOnly".to_owned());
                    return Err(Problem::Authentication {
                        user: self.settings.user.clone(),
                        tried: std::mem::take(&mut self.tried),
                        accepted: "nothing more".to_owned(),
                        notes: std::mem::take(&mut self.notes),
                    });
                }
                if partial_success && let Some(last) = self.tried.last_mut() {
                    last.push_str(" (taken, but not enough)");
                }
                self.accepted = Some(remaining_methods);
                Ok(Step::Out)
            }
        }
    }
}

fn described(key: &PublicKey) -> String {
    let fingerprint = super::known_hosts::fingerprint(key);
    format!("{} {fingerprint}", key.algorithm())
}

fn silent() -> Problem {
    Problem::Lost {
        reason: format!(
            "the server did not answer within {} s while logging in",
            PATIENCE.as_secs()
        ),
        stderr: String::new(),
    }
}

async fn bounded<T>(attempt: impl Future<Output = Result<T, russh::Error>>) -> Result<T, Problem> {
    match timeout(PATIENCE, attempt).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Problem::Lost {
            reason: format!("while logging in: {error}"),
            stderr: String::new(),
        }),
        Err(_) => Err(silent()),
    }
}
