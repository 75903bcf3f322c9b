//! The header line, and the payload in lines of 80 characters.

use super::error::FormatError;

const HEADER: &str = "$ANSIBLE_VAULT";
const CIPHER: &str = "AES256";

/// Whether data is encrypted: plain ASCII that begins with the header.
pub fn is_encrypted(data: &[u8]) -> bool {
    data.starts_with(HEADER.as_bytes()) && data.is_ascii()
}

/// Encrypted data taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The name of the cipher.
    pub cipher: String,
    /// The vault id; `None` in format 1.1.
    pub id: Option<String>,
    /// The hexadecimal text without line ends.
    pub(super) payload: Vec<u8>,
}

impl Envelope {
    /// Takes the text of a value or file apart.
    ///
    /// # Errors
    ///
    /// When the header has too few fields.
    pub fn parse(text: &[u8]) -> Result<Self, FormatError> {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.lines();
        let mut fields = lines.next().unwrap_or_default().trim().split(';').map(str::trim);
        let (_, _, Some(cipher)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(FormatError::Envelope);
        };
        Ok(Self {
            cipher: cipher.to_owned(),
            id: fields.next().map(str::to_owned),
            payload: lines.flat_map(str::bytes).collect(),
        })
    }

    /// Whether it is the one cipher there is.
    pub fn is_known_cipher(&self) -> bool {
        self.cipher == CIPHER
    }
}

/// A payload with its header.
pub(super) fn format(payload: &str, id: &str) -> String {
    let mut text = if id.is_empty() || id == super::DEFAULT_ID {
        format!("{HEADER};1.1;{CIPHER}\n")
    } else {
        format!("{HEADER};1.2;{CIPHER};{id}\n")
    };
    let mut rest = payload;
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(80).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text
}
