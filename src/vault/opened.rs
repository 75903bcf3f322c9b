//! What the process can open, and what it has opened.
//!
//! An opened value is a text whose memory is kept for as long as the process lives, so that the
//! address of a text tells whether it is such a value unchanged. Copies of a value share its
//! memory; what is made from it (joined, cut, changed) is new text and has lost the nature.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use minijinja::Value;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::keyring::Keyring;

#[derive(Default)]
struct Opened {
    keyring: Arc<Keyring>,
    /// Opened values by ciphertext.
    values: HashMap<Arc<str>, Value>,
    /// Ciphertexts by the address of the opened value.
    ciphertexts: HashMap<usize, Arc<str>>,
    /// All that must be masked, in the order of opening.
    revealed: Vec<Zeroizing<String>>,
}

static OPENED: LazyLock<Mutex<Opened>> = LazyLock::new(Mutex::default);

fn opened() -> MutexGuard<'static, Opened> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on these passwords open values and files of this process.
pub fn set_keyring(keyring: Keyring) {
    let mut opened = opened();
    opened.keyring = Arc::new(keyring);
}

/// The passwords of this process.
pub fn keyring() -> Arc<Keyring> {
    Arc::clone(&opened().keyring)
}

/// The bytes of encrypted data, opened by the passwords of this process.
///
/// # Errors
///
/// When no password opens it.
pub fn decrypt(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let keyring = Arc::clone(&opened().keyring);
    Ok(keyring.decrypt(text)?.0)
}

/// The value of a `!vault` scalar.
///
/// # Errors
///
/// When no password opens it.
pub fn value(ciphertext: &str) -> Result<Value, VaultError> {
    if let Some(value) = opened().values.get(ciphertext) {
        return Ok(value.clone());
    }
    let plaintext = decrypt(ciphertext.as_bytes())?;
    Ok(wrapped(ciphertext, &String::from_utf8_lossy(&plaintext)))
}

/// A plaintext as the value of a ciphertext.
pub fn wrapped(ciphertext: &str, plaintext: &str) -> Value {
    let mut opened = opened();
    if let Some(value) = opened.values.get(ciphertext) {
        return value.clone();
    }
    // marked as safe the text has memory of its own, however short it is
    let value = Value::from_safe_string(plaintext.to_owned());
    let ciphertext: Arc<str> = Arc::from(ciphertext);
    opened.values.insert(Arc::clone(&ciphertext), value.clone());
    if let Some(address) = address(&value) {
        opened.ciphertexts.insert(address, ciphertext);
    }
    opened.revealed.push(Zeroizing::new(plaintext.to_owned()));
    value
}

/// The ciphertext of an opened value that nothing has changed.
pub fn ciphertext_of(value: &Value) -> Option<Arc<str>> {
    if !value.is_safe() {
        return None;
    }
    opened().ciphertexts.get(&address(value)?).cloned()
}

fn address(value: &Value) -> Option<usize> {
    value.as_str().map(|text| text.as_ptr().addr())
}

/// From now on this text is masked wherever it shows.
pub fn keep_secret(text: &str) {
    let mut opened = opened();
    if !opened.revealed.iter().any(|known| known.as_str() == text) {
        opened.revealed.push(Zeroizing::new(text.to_owned()));
    }
}

/// What was opened after the first so many.
pub fn revealed_since(count: usize) -> Vec<Zeroizing<String>> {
    opened().revealed.get(count..).unwrap_or_default().to_vec()
}
