//! The payload: salt, HMAC and ciphertext, each in hexadecimal, lines of one hexadecimal text.

use std::num::NonZeroU32;

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::{FormatError, VaultError};

const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999);
const KEY: usize = 32;
const BLOCK: usize = 16;

/// What is derived from a password and a salt.
struct Keys(Zeroizing<[u8; 2 * KEY + BLOCK]>);

impl Keys {
    fn derive(password: &[u8], salt: &[u8]) -> Self {
        let mut derived = Zeroizing::new([0; 2 * KEY + BLOCK]);
        let algorithm = ring::pbkdf2::PBKDF2_HMAC_SHA256;
        ring::pbkdf2::derive(algorithm, ROUNDS, salt, password, derived.as_mut_slice());
        Self(derived)
    }

    fn mac(&self, ciphertext: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.get(KEY..2 * KEY)?).ok()?;
        mac.update(ciphertext);
        Some(mac)
    }

    /// Encrypts or decrypts in place.
    fn apply(&self, bytes: &mut [u8]) -> Option<()> {
        let (key, nonce) = (self.0.get(..KEY)?, self.0.get(2 * KEY..)?);
        let mut cipher = Ctr128BE::<Aes256>::new_from_slices(key, nonce).ok()?;
        cipher.apply_keystream(bytes);
        Some(())
    }
}

/// The payload of a plaintext.
pub(super) fn encrypt(plaintext: &[u8], password: &[u8], salt: &[u8]) -> String {
    let keys = Keys::derive(password, salt);
    let mut bytes = Zeroizing::new(plaintext.to_vec());
    let padding = BLOCK - plaintext.len() % BLOCK;
    bytes.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or_default(), padding));
    // the sizes of keys are constants: neither can fail
    let _ = keys.apply(&mut bytes);
    let mac = keys.mac(&bytes).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default();
    let inner = format!("{}\n{}\n{}", hex(salt), hex(&mac), hex(&bytes));
    hex(inner.as_bytes())
}

/// The plaintext of a payload; `None` where the password is another one.
pub(super) fn decrypt(
    payload: &[u8],
    password: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let inner = unhex(payload)?;
    let mut parts = inner.splitn(3, |byte| *byte == b'\n');
    let (Some(salt), Some(mac), Some(ciphertext)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(
            FormatError::Payload { parts: inner.split(|byte| *byte == b'\n').count() }.into()
        );
    };
    let (salt, mut bytes) = (unhex(salt)?, Zeroizing::new(unhex(ciphertext)?));
    let mac = unhex(mac)?;
    let keys = Keys::derive(password, &salt);
    if !keys.mac(&bytes).is_some_and(|computed| computed.verify_slice(&mac).is_ok()) {
        return Ok(None);
    }
    let _ = keys.apply(&mut bytes);
    let padding = usize::from(bytes.last().copied().unwrap_or_default());
    if padding == 0 || padding > BLOCK || padding > bytes.len() {
        return Err(FormatError::Padding.into());
    }
    let length = bytes.len() - padding;
    bytes.truncate(length);
    Ok(Some(bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &[u8]) -> Result<Vec<u8>, FormatError> {
    if text.len() % 2 == 1 {
        return Err(FormatError::OddLength);
    }
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16).ok_or(FormatError::NoDigit)?;
        u8::try_from(digit).map_err(|_| FormatError::NoDigit)
    };
    text.chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Ok(digit(*high)? << 4 | digit(*low)?),
            _ => Err(FormatError::OddLength),
        })
        .collect()
}
