//! Why something stays locked.

use std::io;

/// Why a value or file cannot be opened or locked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It has no vault header.
    #[error("Input is not vault encrypted data.")]
    NotEncrypted,
    /// It has a vault header already.
    #[error("input is already encrypted")]
    AlreadyEncrypted,
    /// No password was given.
    #[error("Attempting to decrypt but no vault secrets found.")]
    NoSecrets,
    /// None of the passwords opens it.
    #[error("Decryption failed (no vault secrets were found that could decrypt).")]
    WrongSecrets,
    /// A cipher that is not known.
    #[error("Cipher '{0}' could not be found.")]
    Cipher(String),
    /// No password has the id that was asked for.
    #[error("Did not find a match for --encrypt-vault-id={id} in the known vault-ids [{known}]")]
    NoMatch {
        /// The id.
        id: String,
        /// The ids that have a password, quoted.
        known: String,
    },
    /// It is damaged.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The operating system gives no random numbers.
    #[error("no random numbers for a salt: {0}")]
    NoRandom(#[source] io::Error),
}

/// What is wrong with encrypted data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The header lacks version or cipher.
    #[error("Vault envelope format error: list index out of range")]
    Envelope,
    /// A hexadecimal digit has no partner.
    #[error("Vault format unhexlify error: Odd-length string")]
    OddLength,
    /// Something that is no hexadecimal digit.
    #[error("Vault format unhexlify error: Non-hexadecimal digit found")]
    NoDigit,
    /// Not salt, HMAC and ciphertext.
    #[error("Vault vaulttext format error: not enough values to unpack (expected 3, got {parts})")]
    Payload {
        /// How many parts there are.
        parts: usize,
    },
    /// The end of the plaintext is damaged.
    #[error("Invalid padding bytes.")]
    Padding,
}
