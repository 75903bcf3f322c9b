//! The host's local time, from its `TZ` or `/etc/localtime`.

use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};

use crate::effect::Timestamp;
use crate::host::{Follow, Host};

/// The time zone of a host; UTC where it says nothing that can be read.
#[derive(Debug, Clone)]
pub struct LocalTime {
    zone: TimeZone,
}

impl LocalTime {
    /// Always UTC.
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC }
    }

    /// Reads the zone of the host.
    pub fn of(host: &mut dyn Host) -> Self {
        let zone = match host.environment("TZ") {
            Some(name) => {
                let name = name.trim_start_matches(':').to_owned();
                if name.is_empty() {
                    None
                } else {
                    file_zone(&Path::new("/usr/share/zoneinfo").join(&name), host)
                        .or_else(|| TimeZone::posix(&name).ok())
                }
            }
            None => file_zone(Path::new("/etc/localtime"), host),
        };
        Self { zone: zone.unwrap_or(TimeZone::UTC) }
    }

    /// A moment in this zone; `None` when it is out of the calendar's range.
    pub fn zoned(&self, moment: Timestamp) -> Option<Zoned> {
        let nanoseconds = i32::try_from(moment.nanoseconds).ok()?;
        Instant::new(moment.seconds, nanoseconds)
            .ok()
            .map(|instant| instant.to_zoned(self.zone.clone()))
    }

    /// Seconds since 1970 of a time of this zone.
    pub fn seconds(&self, time: jiff::civil::DateTime) -> i64 {
        self.zone
            .to_ambiguous_zoned(time)
            .compatible()
            .map_or(0, |zoned| zoned.timestamp().as_second())
    }

    /// A moment as Python prints a `datetime`: `2026-01-02 03:04:05.000006`.
    pub fn python_text(&self, moment: Timestamp) -> String {
        let Some(zoned) = self.zoned(moment) else { return String::new() };
        let micros = moment.nanoseconds / 1000;
        let seconds = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            zoned.year(),
            zoned.month(),
            zoned.day(),
            zoned.hour(),
            zoned.minute(),
            zoned.second()
        );
        if micros == 0 { seconds } else { format!("{seconds}.{micros:06}") }
    }
}

fn file_zone(path: &Path, host: &mut dyn Host) -> Option<TimeZone> {
    // a rehearsal may not know the file; then the time is worded in UTC
    host.stat(path, Follow::Yes).ok()??;
    TimeZone::tzif("Local", &host.read(path).ok()?).ok()
}

/// The time between two moments as Python prints a `timedelta`: `0:00:01.500000`.
pub fn python_delta(from: Timestamp, to: Timestamp) -> String {
    let micros = |moment: Timestamp| {
        i128::from(moment.seconds) * 1_000_000 + i128::from(moment.nanoseconds / 1000)
    };
    let all = micros(to) - micros(from);
    let days = all.div_euclid(86_400_000_000);
    let rest = all.rem_euclid(86_400_000_000);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let mut text = match days {
        0 => String::new(),
        1 | -1 => format!("{days} day, "),
        _ => format!("{days} days, "),
    };
    let clock = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    text.push_str(&clock);
    if fraction != 0 {
        let fraction = format!(".{fraction:06}");
        text.push_str(&fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{LocalTime, python_delta};
    use crate::effect::Timestamp;

    #[test]
    fn moments_and_deltas_read_as_in_python() {
        let moment = |seconds, nanoseconds| Timestamp { seconds, nanoseconds };
        let utc = LocalTime::utc();
        assert_eq!(utc.python_text(moment(0, 6_000)), "1970-01-01 00:00:00.000006");
        assert_eq!(utc.python_text(moment(86_399, 0)), "1970-01-01 23:59:59");
        assert_eq!(python_delta(moment(1, 500_000_000), moment(3, 0)), "0:00:01.500000");
        assert_eq!(python_delta(moment(0, 0), moment(90_061, 0)), "1 day, 1:01:01");
        assert_eq!(python_delta(moment(1, 0), moment(0, 0)), "-1 day, 23:59:59");
    }
}
