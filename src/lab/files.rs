//! The files of a lab that clients need: key, known hosts, `ssh_config`, inventory.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};

use super::error::LabError;

/// Where the files of a lab lie.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) dir: PathBuf,
}

/// A host as clients see it.
pub(super) struct Listener {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) key: PublicKey,
}

impl Files {
    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("id_ed25519")
    }

    pub(super) fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    pub(super) fn ssh_config(&self) -> PathBuf {
        self.dir.join("ssh_config")
    }

    pub(super) fn inventory(&self) -> PathBuf {
        self.dir.join("inventory.ini")
    }

    /// Writes the key that hosts let in.
    pub(super) fn write_key(&self, key: &PrivateKey) -> Result<(), LabError> {
        let text = key.to_openssh(LineEnding::LF).map_err(LabError::Key)?;
        write(&self.key(), &text)
    }

    /// Writes what clients read about these hosts.
    pub(super) fn write(&self, hosts: &[Listener]) -> Result<(), LabError> {
        let mut known = String::new();
        let mut config = String::new();
        let mut inventory = String::from("[lab]\n");
        for Listener { name, port, key } in hosts {
            let key = key.to_openssh().map_err(LabError::Key)?;
            let _ = writeln!(known, "[127.0.0.1]:{port} {key}");
            let _ = write!(config, "Host {name}\n  Port {port}\n\n");
            let _ = writeln!(inventory, "{name} ansible_host=127.0.0.1 ansible_port={port}");
        }
        let known_hosts = self.known_hosts();
        let key = self.key();
        let (known_hosts, key) = (known_hosts.display(), key.display());
        let _ = write!(
            config,
            "Host *\n  HostName 127.0.0.1\n  User root\n  IdentityFile \"{key}\"\n  \
             IdentitiesOnly yes\n  UserKnownHostsFile \"{known_hosts}\"\n  \
             StrictHostKeyChecking yes\n  BatchMode yes\n"
        );
        let _ = write!(
            inventory,
            "\n[lab:vars]\nansible_user=root\nansible_ssh_private_key_file={key}\n\
             ansible_ssh_common_args=-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o \
             UserKnownHostsFile={known_hosts}\n"
        );
        write(&self.known_hosts(), &known)?;
        write(&self.ssh_config(), &config)?;
        write(&self.inventory(), &inventory)
    }
}

/// A fresh ed25519 key.
pub(super) fn new_key() -> Result<PrivateKey, LabError> {
    let mut seed = [0; 32];
    let path = Path::new("/dev/urandom");
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut seed))
        .map_err(LabError::file("read", path))?;
    let pair = Ed25519Keypair::from_seed(&seed);
    PrivateKey::new(KeypairData::Ed25519(pair), "canvass lab").map_err(LabError::Key)
}

/// Writes a file that only this user reads.
pub(super) fn write(path: &Path, text: &str) -> Result<(), LabError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(LabError::file("write", path))
}
