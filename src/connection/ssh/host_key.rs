//! Whether the key that a host shows is taken.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use russh::Preferred;
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use tokio::sync::Mutex;

use super::known_hosts::{KnownHosts, KnownName, Verdict, fingerprint, remember};
use crate::connection::error::HostKeyProblem;
use crate::connection::ssh_config::HostSettings;
use crate::connection::ssh_config::KnownNames;
use crate::connection::target::HostKeys;

/// The files of known keys, each set of files read once for a run.
#[derive(Debug, Default)]
pub(crate) struct HostKeyMemory {
    read: Mutex<HashMap<Vec<PathBuf>, Arc<KnownHosts>>>,
    /// Held while a new key is written down.
    writing: Mutex<()>,
}

/// What is needed to judge the key of one host.
#[derive(Debug)]
pub(crate) struct HostKeyCheck {
    memory: Arc<HostKeyMemory>,
    known: Arc<KnownHosts>,
    name: KnownName,
    policy: HostKeys,
    names: KnownNames,
    files: Vec<PathBuf>,
    user_file: Option<PathBuf>,
}

impl HostKeyMemory {
    /// Reads what is known about a host.
    pub(crate) async fn check_for(
        self: &Arc<Self>,
        settings: &HostSettings,
        policy: HostKeys,
    ) -> Result<HostKeyCheck, HostKeyProblem> {
        let files: Vec<PathBuf> =
            settings.user_known_hosts.iter().chain(&settings.global_known_hosts).cloned().collect();
        let known = {
            let mut read = self.read.lock().await;
            if let Some(known) = read.get(&files) {
                Arc::clone(known)
            } else {
                let known = Arc::new(load(&files).await?);
                read.insert(files.clone(), Arc::clone(&known));
                known
            }
        };
        let name = match &settings.host_key_alias {
            Some(alias) => KnownName::alias(alias),
            None => KnownName::of(&settings.host_name, settings.port),
        };
        Ok(HostKeyCheck {
            memory: Arc::clone(self),
            known,
            name,
            policy,
            names: settings.known_names,
            user_file: settings.user_known_hosts.first().cloned(),
            files,
        })
    }
}

async fn load(files: &[PathBuf]) -> Result<KnownHosts, HostKeyProblem> {
    let copy = files.to_vec();
    let loaded = tokio::task::spawn_blocking(move || KnownHosts::load(&copy)).await;
    loaded.unwrap_or_else(|error| {
        let file = files.first().cloned().unwrap_or_default();
        Err(HostKeyProblem::File { file, reason: error.to_string() })
    })
}

impl HostKeyCheck {
    /// The algorithms to ask the host for: the kinds that are known come first, so that a host
    /// with several keys shows the one that can be checked.
    pub(crate) fn preferred(&self) -> Preferred {
        let mut preferred = Preferred::default();
        let kinds = self.known.kinds(&self.name);
        let plain = |algorithm: &Algorithm| match algorithm {
            Algorithm::Rsa { .. } => Algorithm::Rsa { hash: None },
            other => other.clone(),
        };
        let mut keys = preferred.key.to_vec();
        keys.sort_by_key(|algorithm| !kinds.iter().any(|kind| plain(kind) == plain(algorithm)));
        if self.policy != HostKeys::Off && self.known.has_authority(&self.name) {
            let certified = keys.iter().filter(|algorithm| {
                !matches!(algorithm, Algorithm::Rsa { hash: None | Some(HashAlg::Sha256) })
            });
            preferred.host_key_certificates = certified.cloned().collect::<Vec<_>>().into();
        }
        preferred.key = keys.into();
        preferred
    }

    /// Judges what the host shows; writes a new key down where that is asked for.
    pub(crate) async fn judge(&self, shown: &PublicKeyOrCertificate) -> Result<(), HostKeyProblem> {
        if self.policy == HostKeys::Off {
            return Ok(());
        }
        let verdict = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.known.check(&self.name, key),
            PublicKeyOrCertificate::Certificate(certificate) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                self.known.check_certificate(&self.name, certificate, now.as_secs())
            }
        };
        let key = shown.public_key();
        match verdict {
            Verdict::Known => Ok(()),
            Verdict::Refused(problem) => Err(problem),
            Verdict::New if self.policy == HostKeys::AcceptNew => self.accept(key).await,
            Verdict::New => Err(HostKeyProblem::Unknown {
                name: self.name.as_str().to_owned(),
                kind: key.algorithm().to_string(),
                fingerprint: fingerprint(&key),
                files: self.files.clone(),
            }),
        }
    }

    async fn accept(&self, key: russh::keys::PublicKey) -> Result<(), HostKeyProblem> {
        let _writing = self.memory.writing.lock().await;
        // another connection of this run may have met the host meanwhile
        match load(&self.files).await?.check(&self.name, &key) {
            Verdict::Known => return Ok(()),
            Verdict::Refused(problem) => return Err(problem),
            Verdict::New => {}
        }
        let Some(file) = self.user_file.clone() else { return Ok(()) };
        let name = self.name.clone();
        let salt = (self.names == KnownNames::Hashed).then(crate::connection::marker::random::<20>);
        let path = file.clone();
        tokio::task::spawn_blocking(move || {
            let salt = salt.transpose().map_err(|error| HostKeyProblem::File {
                file: file.clone(),
                reason: error.to_string(),
            })?;
            remember(&file, &name, &key, salt.as_ref().map(<[u8; 20]>::as_slice))
        })
        .await
        .unwrap_or_else(|error| Err(HostKeyProblem::File { file: path, reason: error.to_string() }))
    }
}
