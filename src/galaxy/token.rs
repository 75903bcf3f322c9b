//! What a server asks who one is.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{GalaxyError, document};

/// What is sent with questions.
pub enum Token {
    /// A token of Galaxy.
    Galaxy(Zeroizing<String>),
    /// A user and a password.
    Basic(Zeroizing<String>),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(…)")
    }
}

impl Token {
    /// A token of Galaxy; none where it is empty.
    pub fn galaxy(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::Galaxy(Zeroizing::new(text.to_owned())))
    }

    /// A user and a password.
    pub fn basic(user: &str, password: &str) -> Self {
        Self::Basic(Zeroizing::new(format!("{user}:{password}")))
    }

    /// The token of the token file, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or understood.
    pub fn of_file(path: &Path) -> Result<Option<Self>, GalaxyError> {
        if !path.is_file() {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(GalaxyError::file("make", folder))?;
            }
            fs::OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)
                .map_err(GalaxyError::file("make", path))?;
            return Ok(None);
        }
        let content = document::read(path)?;
        Ok(content.get("token").map(document::plain).and_then(|text| Self::galaxy(&text)))
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Galaxy(token) => format!("Token {}", token.as_str()),
            Self::Basic(pair) => format!("Basic {}", STANDARD.encode(pair.as_bytes())),
        })
    }
}
