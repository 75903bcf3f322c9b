//! The key of a plan's digests.
//!
//! Whoever holds a keyed digest and its key can try out what it was made from, and a password is
//! soon found so. A key is therefore either *sealed*, encrypted with a vault password, and then
//! digests cover everything; or it stands *open* in the plan, and then nothing that is a secret by
//! its provenance is in any digest: in its place stands the mask.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::{self, VaultError, VaultSecret};

/// A key as a plan keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// In hexadecimal.
    Open(String),
    /// Encrypted as `ansible-vault` does.
    Sealed(String),
}

/// Why a key cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No random numbers.
    #[error("the system gives no random numbers")]
    NoRandom(#[source] std::io::Error),
    /// The vault password is missing or wrong.
    #[error("the plan's key is encrypted")]
    Locked(#[source] VaultError),
    /// It cannot be encrypted.
    #[error("failed to encrypt the plan's key")]
    Unsealable(#[source] VaultError),
    /// It is no key.
    #[error("the plan's key is damaged")]
    Damaged,
}

/// A key in use.
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<Vec<u8>>,
    sealed: bool,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Key").field("sealed", &self.sealed).finish_non_exhaustive()
    }
}

impl Key {
    /// A new key, and its form: sealed where there is a password.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers.
    pub fn make(secret: Option<&VaultSecret>) -> Result<(Self, KeyForm), KeyError> {
        let random = crate::connection::random::<32>().map_err(KeyError::NoRandom)?;
        let text = Zeroizing::new(hexadecimal(&random));
        let form = match secret {
            None => KeyForm::Open(text.to_string()),
            Some(secret) => {
                let sealed = vault::encrypt(text.as_bytes(), secret, secret.id(), None);
                KeyForm::Sealed(sealed.map_err(KeyError::Unsealable)?)
            }
        };
        Ok((Self { bytes: Zeroizing::new(random.to_vec()), sealed: secret.is_some() }, form))
    }

    /// The key of a plan, opened with the vault passwords of this process.
    ///
    /// # Errors
    ///
    /// When no password opens it, or it is no key.
    pub fn open(form: &KeyForm) -> Result<Self, KeyError> {
        let (text, sealed) = match form {
            KeyForm::Open(text) => (Zeroizing::new(text.as_bytes().to_vec()), false),
            KeyForm::Sealed(text) => {
                (vault::decrypt(text.as_bytes()).map_err(KeyError::Locked)?, true)
            }
        };
        let bytes = bytes(&text).filter(|bytes| bytes.len() == 32).ok_or(KeyError::Damaged)?;
        Ok(Self { bytes: Zeroizing::new(bytes), sealed })
    }

    /// Whether only a vault password opens it.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The keyed digest of a text, in hexadecimal.
    pub fn digest(&self, text: &str) -> String {
        match Hmac::<Sha256>::new_from_slice(&self.bytes) {
            Ok(mut mac) => {
                mac.update(text.as_bytes());
                hexadecimal(&mac.finalize().into_bytes())
            }
            // HMAC takes keys of any length
            Err(_) => String::new(),
        }
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_key_comes_back() {
        let (key, form) = Key::make(None).unwrap();
        assert_eq!(Key::open(&form).unwrap().digest("x"), key.digest("x"));
        assert_ne!(Key::make(None).unwrap().0.digest("x"), key.digest("x"));
        let damaged = KeyForm::Open("abc".to_owned());
        assert!(matches!(Key::open(&damaged), Err(KeyError::Damaged)));
    }

    #[test]
    fn a_sealed_key_needs_its_password() {
        let secret = VaultSecret::new("launch", Zeroizing::new(b"open sesame".to_vec()));
        let (key, form) = Key::make(Some(&secret)).unwrap();
        assert!(key.is_sealed());
        let KeyForm::Sealed(text) = &form else { panic!("{form:?}") };
        assert!(text.starts_with("$ANSIBLE_VAULT;1.2;AES256;launch\n"), "{text}");
        assert!(matches!(Key::open(&form), Err(KeyError::Locked(_))));
    }
}
