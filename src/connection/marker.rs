//! Random words that nobody on a host can foresee.

use std::io::{self, Read as _};

use super::embedded::hexadecimal;

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A random number; without a source of randomness, one of the clock.
pub(crate) fn random_number() -> u64 {
    let clock = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| u64::from(since.subsec_nanos()) + since.as_secs())
    };
    random::<8>().map_or_else(|_| clock(), u64::from_le_bytes)
}

/// A random word of 16 hexadecimal digits.
pub(crate) fn marker() -> io::Result<String> {
    random::<8>().map(|bytes| hexadecimal(&bytes))
}
