//! Filters that lock and open text: `vault` and `unvault`.

use minijinja::Value;
use zeroize::Zeroizing;

use super::{Filter, filter, lenient};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Class, class_of, locked_text, text, truth, type_name, usable};
use crate::vault::{self, Keyring, VaultError, VaultSecret};

const PARAMETERS: &[&str] = &["data", "secret", "salt", "vault_id", "wrap_object", "vaultid"];

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("vault", PARAMETERS, lock),
    lenient("unvault", &["vault", "secret", "vault_id", "vaultid"], open),
];

/// The bytes of an argument that must be text.
fn bytes(call: &Bound<'_>, index: usize, refusal: &str) -> Outcome<Zeroizing<Vec<u8>>> {
    let value = call.required(index)?;
    let bytes = match class_of(value) {
        Class::Text => value.as_str().map(str::as_bytes),
        Class::Bytes => value.as_bytes(),
        _ => None,
    };
    bytes.map(|bytes| Zeroizing::new(bytes.to_vec())).ok_or_else(|| {
        call.refuse(format!("{refusal}, instead we got <class '{}'>.", type_name(value)))
    })
}

fn id(call: &Bound<'_>, index: usize, old: usize) -> Outcome<String> {
    const DEFAULT: &str = "filter_default";
    let id = call.text_or(index, DEFAULT)?;
    if id == DEFAULT { call.text_or(old, DEFAULT) } else { Ok(id) }
}

/// The bytes of a salt: what is no text counts as it prints, what is nothing as empty.
fn salt(value: &Value) -> Outcome<Vec<u8>> {
    if !truth(value)? {
        return Ok(Vec::new());
    }
    match value.as_bytes() {
        Some(bytes) if class_of(value) == Class::Bytes => Ok(bytes.to_vec()),
        _ => Ok(text(value)?.into_bytes()),
    }
}

fn lock(call: &Bound<'_>) -> Outcome<Value> {
    let secret = bytes(call, 1, "Secret passed is required to be a string")?;
    let data = bytes(call, 0, "Can only vault strings")?;
    let salt = call.some(2).map(salt).transpose()?;
    let id = id(call, 3, 5)?;
    let failed = |why: &str| Failure::failed(format!("Unable to encrypt: {why}"));
    if salt.as_ref().is_some_and(Vec::is_empty) {
        return Err(failed("Empty or invalid salt passed to encrypt()"));
    }
    let secret = VaultSecret::new(id.as_str(), secret);
    let ciphertext = vault::encrypt(&data, &secret, &id, salt.as_deref())
        .map_err(|error| failed(&error.to_string()))?;
    if call.flag(4)? {
        return Ok(vault::wrapped(&ciphertext, &String::from_utf8_lossy(&data)));
    }
    Ok(Value::from(ciphertext))
}

fn open(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    let kept = match locked_text(value) {
        Some(ciphertext) => Some(ciphertext),
        None => vault::ciphertext_of(value),
    };
    if kept.is_none() && class_of(value) == Class::Undefined {
        return Ok(value.clone());
    }
    usable(call.required(1)?)?;
    let secret = bytes(call, 1, "Secret passed is required to be as string")?;
    let text = match &kept {
        Some(ciphertext) => Zeroizing::new(ciphertext.as_bytes().to_vec()),
        None => bytes(call, 0, "Vault should be in the form of a string")?,
    };
    let keyring = Keyring::new(vec![VaultSecret::new(id(call, 2, 3)?, secret)], false);
    match keyring.decrypt(&text) {
        Ok((plaintext, _)) => {
            let plaintext = String::from_utf8_lossy(&plaintext);
            vault::keep_secret(&plaintext);
            Ok(Value::from(plaintext))
        }
        // text that was never locked is what it is
        Err(VaultError::NotEncrypted) => Ok(value.clone()),
        Err(error) => Err(Failure::failed(format!("Unable to decrypt: {error}"))),
    }
}
