//! Moments as reports write them: RFC 3339 in UTC, to the microsecond.

use std::time::SystemTime;

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// As text; empty for a moment beyond the year 9999.
pub fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let at = at.replace_nanosecond(at.nanosecond() / 1000 * 1000).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

/// The moment of a text.
pub fn parse(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}

/// To the minute, at the clock of whoever reads it.
pub fn local_minute(text: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let Some(at) = parse(text).map(OffsetDateTime::from) else { return text.to_owned() };
    let here = UtcOffset::local_offset_at(at).unwrap_or(UtcOffset::UTC);
    at.to_offset(here).format(format).unwrap_or_default()
}

/// Seconds between two texts.
pub fn seconds_between(from: &str, to: &str) -> Option<f64> {
    let (from, to) = (parse(from)?, parse(to)?);
    to.duration_since(from).ok().map(|time| time.as_secs_f64())
}

pub(super) fn serialize<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*at))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| D::Error::custom("no moment after RFC 3339"))
}

/// Spans of time as seconds.
pub(super) mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::report) fn serialize<S: Serializer>(
        time: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub(in crate::report) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A length of time for people: `0.3s`, `12s`, `2m05s`, `1h02m`.
pub fn words(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1}s", seconds.max(0.0));
    }
    let whole = std::time::Duration::from_secs_f64(seconds.min(1e12)).as_secs();
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_707_184_380_956);
        assert_eq!(rfc3339(at), "2026-11-26T15:33:04.380956Z");
        assert_eq!(parse(&rfc3339(at)), Some(at));
        assert_eq!(parse("yesterday"), None);
        let between = seconds_between("1970-01-01T00:00:00Z", "1970-01-01T00:01:30.5Z");
        assert_eq!(between, Some(90.5));
    }

    #[test]
    fn words_time() {
        let cases =
            [(0.04, "0.0s"), (1.25, "1.2s"), (59.9, "59s"), (125.0, "2m05s"), (3725.0, "1h02m")];
        for (seconds, text) in cases {
            assert_eq!(words(seconds), text);
        }
    }
}
