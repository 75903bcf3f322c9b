//! Moments as Python prints them.

use std::time::{Duration, SystemTime};

use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// `datetime.utcnow().isoformat()` with a `Z`.
pub(super) fn utc(moment: SystemTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    OffsetDateTime::from(moment).format(format).unwrap_or_default()
}

/// `time.strftime('%A %d %B %Y  %H:%M:%S %z')`
pub(super) fn local(moment: SystemTime) -> String {
    let format = format_description!(
        "[weekday] [day] [month repr:long] [year]  [hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
    );
    let moment = OffsetDateTime::from(moment);
    let here = UtcOffset::local_offset_at(moment).unwrap_or(UtcOffset::UTC);
    moment.to_offset(here).format(format).unwrap_or_default()
}

/// Hours, minutes, seconds and milliseconds.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}.{:03}", seconds % 60, time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_python() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_707_184_380_956);
        assert_eq!(utc(moment), "2026-11-26T15:33:04.380956Z");
        assert_eq!(span(Duration::from_millis(3_723_045)), "1:02:03.045");
        let local = local(moment);
        assert!(
            local.starts_with("Thursday 26 November 2026  ") || local.contains("2026"),
            "{local}"
        );
    }
}
