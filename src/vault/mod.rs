//! Vault: encrypted values and files, formats 1.1 and 1.2 of `ansible-vault`.
//!
//! A header line, then the hexadecimal text of salt, HMAC and ciphertext: PBKDF2-HMAC-SHA256 with
//! 10,000 rounds gives the keys of AES-256-CTR and of the HMAC. The password is found by its vault
//! id; one that does not open a value is no error as long as another one does.
//!
//! The passwords of a process are one [`Keyring`]. What it opens is remembered: a value opened
//! twice costs once, keeps its ciphertext wherever it is handed on unchanged, and is masked in all
//! that is told.

mod cipher;
mod envelope;
mod error;
mod keyring;
mod opened;
mod password;

pub use envelope::{Envelope, is_encrypted};
pub use error::{FormatError, VaultError};
pub use keyring::{DEFAULT_ID, Keyring, VaultSecret};
pub use opened::{
    ciphertext_of, decrypt, keep_secret, keyring, revealed_since, set_keyring, value, wrapped,
};
pub use password::{PasswordError, from_file};

/// Encrypts bytes with a secret; the id stands in the header unless it is `default`.
///
/// # Errors
///
/// When the operating system gives no random numbers.
pub fn encrypt(
    plaintext: &[u8],
    secret: &VaultSecret,
    id: &str,
    salt: Option<&[u8]>,
) -> Result<String, VaultError> {
    if is_encrypted(plaintext) {
        return Err(VaultError::AlreadyEncrypted);
    }
    let payload = match salt {
        Some(salt) => cipher::encrypt(plaintext, secret.password(), salt),
        None => {
            let salt = crate::connection::random::<32>().map_err(VaultError::NoRandom)?;
            cipher::encrypt(plaintext, secret.password(), &salt)
        }
    };
    Ok(envelope::format(&payload, id))
}

#[cfg(test)]
mod tests;
