//! The time of the host.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::effect::Timestamp;

/// The time now.
pub(super) fn now() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        },
        Err(before) => Timestamp {
            seconds: i64::try_from(before.duration().as_secs()).map_or(0, |seconds| -seconds),
            nanoseconds: 0,
        },
    }
}
