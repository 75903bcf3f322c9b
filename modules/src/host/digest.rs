//! Digests of file contents.

use super::DigestAlgorithm;

/// A digest in the making.
pub(crate) enum Digester {
    /// MD5.
    Md5(md5::Md5),
    /// SHA-1.
    Sha1(sha1::Sha1),
    /// SHA-224.
    Sha224(sha2::Sha224),
    /// SHA-256.
    Sha256(sha2::Sha256),
    /// SHA-384.
    Sha384(sha2::Sha384),
    /// SHA-512.
    Sha512(sha2::Sha512),
}

macro_rules! each_digest {
    ($self:expr, $digest:ident => $body:expr) => {
        match $self {
            Digester::Md5($digest) => $body,
            Digester::Sha1($digest) => $body,
            Digester::Sha224($digest) => $body,
            Digester::Sha256($digest) => $body,
            Digester::Sha384($digest) => $body,
            Digester::Sha512($digest) => $body,
        }
    };
}

impl Digester {
    /// Starts.
    pub(crate) fn new(algorithm: DigestAlgorithm) -> Self {
        match algorithm {
            DigestAlgorithm::Md5 => Self::Md5(md5::Md5::default()),
            DigestAlgorithm::Sha1 => Self::Sha1(sha1::Sha1::default()),
            DigestAlgorithm::Sha224 => Self::Sha224(sha2::Sha224::default()),
            DigestAlgorithm::Sha256 => Self::Sha256(sha2::Sha256::default()),
            DigestAlgorithm::Sha384 => Self::Sha384(sha2::Sha384::default()),
            DigestAlgorithm::Sha512 => Self::Sha512(sha2::Sha512::default()),
        }
    }

    /// Takes in more.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        use sha2::Digest as _;
        each_digest!(self, digest => digest.update(bytes));
    }

    /// The digest in hexadecimal.
    pub(crate) fn finish(self) -> String {
        use sha2::Digest as _;
        each_digest!(self, digest => hexadecimal(&digest.finalize()))
    }

    /// The digest of bytes in memory.
    pub(crate) fn of(algorithm: DigestAlgorithm, bytes: &[u8]) -> String {
        let mut digest = Self::new(algorithm);
        digest.update(bytes);
        digest.finish()
    }
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Digester::of(DigestAlgorithm::Sha256, bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
