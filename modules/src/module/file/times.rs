//! Times as `touch` takes them.

use super::{Error, Params, State};
use crate::contract::{Plan, Stop};
use crate::effect::{Command, Effect, Timestamp};
use crate::host::{FileStat, Host};

/// The times that are asked for; `None` leaves a time as it is.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Times {
    accessed: Option<Timestamp>,
    modified: Option<Timestamp>,
    /// Whether both are `now`.
    present: bool,
}

impl Times {
    /// Reads the options; a local time is made absolute on the host.
    pub(super) fn read(params: &Params, state: State, host: &mut dyn Host) -> Result<Self, Stop> {
        if !matches!(
            state,
            State::File | State::Directory | State::Touch | State::Link | State::Hard
        ) {
            return Ok(Self::default());
        }
        let now = (state == State::Touch).then_some("now");
        let accessed = params.access_time.as_deref().or(now);
        let modified = params.modification_time.as_deref().or(now);
        Ok(Self {
            accessed: time(accessed, &params.access_time_format, host)?,
            modified: time(modified, &params.modification_time_format, host)?,
            present: accessed == Some("now") && modified == Some("now"),
        })
    }

    /// Whether no time is asked for.
    pub(super) fn is_empty(self) -> bool {
        self.accessed.is_none() && self.modified.is_none()
    }

    /// The access time that is asked for.
    pub(super) fn accessed(self) -> Option<Timestamp> {
        self.accessed
    }

    /// The modification time that is asked for.
    pub(super) fn modified(self) -> Option<Timestamp> {
        self.modified
    }

    /// Plans what is not as it shall be.
    pub(super) fn plan(self, path: &std::path::Path, stat: &FileStat, plan: &mut Plan) {
        let accessed = self.accessed.filter(|time| *time != stat.accessed);
        let modified = self.modified.filter(|time| *time != stat.modified);
        if accessed.is_some() || modified.is_some() {
            let reason = match (accessed, modified) {
                (Some(_), Some(_)) => "access and modification time differ",
                (Some(_), None) => "access time differs",
                _ => "modification time differs",
            };
            let present = self.present;
            let effect = Effect::SetTimes { path: path.to_owned(), accessed, modified, present };
            plan.push(effect, reason);
        }
    }

    /// Plans the times of a file that the plan makes; `now` it has anyway.
    pub(super) fn plan_new(self, path: &std::path::Path, params: &Params, plan: &mut Plan) {
        let given = |option: &Option<String>| option.as_deref().is_some_and(|time| time != "now");
        let accessed = self.accessed.filter(|_| given(&params.access_time));
        let modified = self.modified.filter(|_| given(&params.modification_time));
        if accessed.is_some() || modified.is_some() {
            plan.push(
                Effect::SetTimes { path: path.to_owned(), accessed, modified, present: false },
                "it is new and has a given time",
            );
        }
    }
}

fn time(text: Option<&str>, format: &str, host: &mut dyn Host) -> Result<Option<Timestamp>, Stop> {
    match text {
        None | Some("preserve" | "") => Ok(None),
        Some("now") => Ok(Some(host.now())),
        Some(text) => {
            let civil = parse(text, format).map_err(Stop::failed)?;
            let command = Command::new(["date", "-d", &civil, "+%s"]);
            let output = host.query(&command)?;
            let seconds = output.stdout_text().trim().parse().map_err(|_| {
                Stop::failed(Error::Time { time: text.to_owned(), format: format.to_owned() })
            })?;
            Ok(Some(Timestamp { seconds, nanoseconds: 0 }))
        }
    }
}

/// Reads a time of the given form as `YYYY-MM-DD HH:MM:SS`.
fn parse(text: &str, format: &str) -> Result<String, Error> {
    let refused = || Error::Time { time: text.to_owned(), format: format.to_owned() };
    let (mut year, mut month, mut day) = (1900, 1, 1);
    let (mut hour, mut minute, mut second) = (0, 0, 0);
    let mut day_of_year = None;
    let mut rest = text;
    let mut directives = format.chars();
    while let Some(character) = directives.next() {
        if character != '%' {
            rest = rest.strip_prefix(character).ok_or_else(refused)?;
            continue;
        }
        let directive = directives.next().unwrap_or_default();
        let mut number = |most: usize| -> Result<u32, Error> {
            let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            rest = after;
            number.parse().map_err(|_| refused())
        };
        match directive {
            'Y' => year = number(4)?,
            'y' => {
                let short = number(2)?;
                year = if short < 69 { 2000 + short } else { 1900 + short };
            }
            'm' => month = number(2)?,
            'd' => day = number(2)?,
            'H' => hour = number(2)?,
            'M' => minute = number(2)?,
            'S' => second = number(2)?,
            'j' => day_of_year = Some(number(3)?),
            '%' => rest = rest.strip_prefix('%').ok_or_else(refused)?,
            _ => return Err(Error::TimeFormat(format.to_owned())),
        }
    }
    if let Some(ordinal) = day_of_year {
        (month, day) = month_and_day(year, ordinal).ok_or_else(refused)?;
    }
    let whole = rest.is_empty()
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 62;
    if !whole {
        return Err(refused());
    }
    Ok(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"))
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn month_and_day(year: u32, ordinal: u32) -> Option<(u32, u32)> {
    let mut left = ordinal;
    for month in 1..=12 {
        let days = days_of(year, month);
        if left <= days {
            return (left > 0).then_some((month, left));
        }
        left -= days;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_by_their_form() {
        let cases = [
            ("202001020304.05", "%Y%m%d%H%M.%S", Some("2020-01-02 03:04:05")),
            ("2020-12-31", "%Y-%m-%d", Some("2020-12-31 00:00:00")),
            ("2020 060", "%Y %j", Some("2020-02-29 00:00:00")),
            ("99", "%y", Some("1999-01-01 00:00:00")),
            ("xx", "%Y%m%d%H%M.%S", None),
            ("20201301", "%Y%m%d", None),
            ("20200230", "%Y%m%d", None),
            ("2020010203", "%Y%m%d", None),
            ("2020", "%Q", None),
        ];
        for (text, format, expected) in cases {
            assert_eq!(parse(text, format).ok().as_deref(), expected, "{text} {format}");
        }
    }
}
