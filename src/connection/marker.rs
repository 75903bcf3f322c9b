//! Random words that nobody on a host can foresee.

use std::io::{self, Read as _};

use super::embedded::hexadecimal;

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A random word of 16 hexadecimal digits.
pub(crate) fn marker() -> io::Result<String> {
    random::<8>().map(|bytes| hexadecimal(&bytes))
}
