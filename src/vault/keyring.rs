//! Passwords by vault id.

use std::fmt;

use zeroize::Zeroizing;

use super::cipher;
use super::envelope::{Envelope, is_encrypted};
use super::error::VaultError;

/// The vault id where none is given.
pub const DEFAULT_ID: &str = "default";

/// A password and its vault id.
#[derive(Clone)]
pub struct VaultSecret {
    id: String,
    password: Zeroizing<Vec<u8>>,
}

impl VaultSecret {
    /// A password for a vault id.
    pub fn new(id: impl Into<String>, password: Zeroizing<Vec<u8>>) -> Self {
        Self { id: id.into(), password }
    }

    /// Its vault id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn password(&self) -> &[u8] {
        &self.password
    }
}

impl fmt::Debug for VaultSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VaultSecret({})", self.id)
    }
}

/// The passwords of a run, the best first.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    secrets: Vec<VaultSecret>,
    /// Whether only passwords of the very id that a value names are tried (`vault_id_match`).
    strict: bool,
}

impl Keyring {
    /// Passwords in the order in which they are tried.
    pub fn new(secrets: Vec<VaultSecret>, strict: bool) -> Self {
        Self { secrets, strict }
    }

    /// All passwords.
    pub fn secrets(&self) -> &[VaultSecret] {
        &self.secrets
    }

    /// Adds a password, to be tried last.
    pub fn add(&mut self, secret: VaultSecret) {
        self.secrets.push(secret);
    }

    /// Opens encrypted data: the plaintext, and the password that opened it.
    ///
    /// # Errors
    ///
    /// When it is no encrypted data, is damaged, or no password opens it.
    pub fn decrypt(&self, text: &[u8]) -> Result<(Zeroizing<Vec<u8>>, &VaultSecret), VaultError> {
        if !is_encrypted(text) {
            return Err(VaultError::NotEncrypted);
        }
        let envelope = Envelope::parse(text)?;
        if !envelope.is_known_cipher() {
            return Err(VaultError::Cipher(envelope.cipher));
        }
        if self.secrets.is_empty() {
            return Err(VaultError::NoSecrets);
        }
        let wanted = envelope.id.as_deref().unwrap_or(DEFAULT_ID);
        let (same, other): (Vec<_>, Vec<_>) =
            self.secrets.iter().partition(|secret| secret.id == wanted);
        let other = other.into_iter().filter(|_| !self.strict);
        for secret in same.into_iter().chain(other) {
            if let Some(plaintext) = cipher::decrypt(&envelope.payload, &secret.password)? {
                return Ok((plaintext, secret));
            }
        }
        Err(VaultError::WrongSecrets)
    }

    /// The password to encrypt with: the first of the id, or the first of all.
    ///
    /// # Errors
    ///
    /// When no password has the id.
    pub fn encrypting(&self, id: Option<&str>) -> Result<Option<&VaultSecret>, VaultError> {
        let Some(id) = id else { return Ok(self.secrets.first()) };
        match self.secrets.iter().find(|secret| secret.id == id) {
            Some(secret) => Ok(Some(secret)),
            None => {
                let known: Vec<String> =
                    self.secrets.iter().map(|secret| format!("'{}'", secret.id)).collect();
                Err(VaultError::NoMatch { id: id.to_owned(), known: known.join(", ") })
            }
        }
    }
}
