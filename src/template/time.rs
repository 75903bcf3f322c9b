//! Moments and spans of time, as `now()` and `to_datetime` give them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};
use time::{Date, Duration, Month, PrimitiveDateTime, Time, UtcOffset};

/// A `datetime` of Python, with the distance from UTC where it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct DateTime(pub(super) PrimitiveDateTime, pub(super) Option<UtcOffset>);

/// A `date` of Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) Date);

/// A `time` of Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DayTime(pub(super) Time);

/// A `timedelta` of Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimeDelta(pub(super) Duration);

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Object for Day {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Object for DayTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.0;
        write!(f, "{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        if time.microsecond() > 0 {
            write!(f, ".{:06}", time.microsecond())?;
        }
        Ok(())
    }
}

impl Day {
    pub(super) fn repr(self) -> String {
        let day = self.0;
        format!("datetime.date({}, {}, {})", day.year(), u8::from(day.month()), day.day())
    }
}

impl DayTime {
    pub(super) fn repr(self) -> String {
        let time = self.0;
        let mut fields = vec![time.hour().to_string(), time.minute().to_string()];
        if time.second() > 0 || time.microsecond() > 0 {
            fields.push(time.second().to_string());
        }
        if time.microsecond() > 0 {
            fields.push(time.microsecond().to_string());
        }
        format!("datetime.time({})", fields.join(", "))
    }
}

/// A date, a time or both, as YAML and TOML write them.
pub(crate) fn timestamp(text: &str) -> Option<Value> {
    let text = text.trim();
    let (day, rest) = match text.find(['T', 't', ' ', '\t']) {
        Some(at) => text.split_at(at),
        None if text.contains(':') => {
            let (time, _) = clock(text)?;
            return Some(Value::from_object(DayTime(time)));
        }
        None => (text, ""),
    };
    let mut numbers = day.splitn(3, '-').map(str::parse::<u16>);
    let mut next = || numbers.next()?.ok();
    let (year, month, date) = (next()?, next()?, next()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let day = Date::from_calendar_date(i32::from(year), month, u8::try_from(date).ok()?).ok()?;
    let rest = rest.trim_start_matches(['T', 't', ' ', '\t']);
    if rest.is_empty() {
        return Some(Value::from_object(Day(day)));
    }
    let (time, rest) = clock(rest)?;
    Some(Value::from_object(DateTime(PrimitiveDateTime::new(day, time), zone(rest)?)))
}

/// The time of a day, and what follows it.
fn clock(text: &str) -> Option<(Time, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.'));
    let (text, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut parts = text.splitn(3, ':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let (second, fraction) = match parts.next()? {
        second if second.contains('.') => second.split_once('.')?,
        second => (second, ""),
    };
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micro = digits.parse().ok()?;
    Time::from_hms_micro(hour, minute, second.parse().ok()?, micro).ok().map(|time| (time, rest))
}

/// The distance from UTC; the outer option is whether it can be read.
#[expect(clippy::option_option, reason = "none is a distance that is not said")]
fn zone(text: &str) -> Option<Option<UtcOffset>> {
    let text = text.trim();
    match text {
        "" => return Some(None),
        "Z" | "z" => return Some(Some(UtcOffset::UTC)),
        _ => {}
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    UtcOffset::from_whole_seconds(sign * seconds).ok().map(Some)
}

/// The distance from UTC as `+07:00`.
fn distance(offset: UtcOffset) -> String {
    let (hours, minutes, seconds) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    let mut text = format!("{sign}{:02}:{:02}", hours.abs(), minutes.abs());
    if seconds != 0 {
        text.push_str(&format!(":{:02}", seconds.abs()));
    }
    text
}

impl Object for TimeDelta {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl DateTime {
    pub(super) fn isoformat(&self, separator: char) -> String {
        let moment = self.0;
        let mut text = format!(
            "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        );
        if moment.microsecond() > 0 {
            text.push_str(&format!(".{:06}", moment.microsecond()));
        }
        if let Some(offset) = self.1 {
            text.push_str(&distance(offset));
        }
        text
    }

    /// The same moment at UTC, where the distance from it is known.
    fn at_utc(&self) -> Option<PrimitiveDateTime> {
        let moment = self.0.assume_offset(self.1?).to_offset(UtcOffset::UTC);
        Some(PrimitiveDateTime::new(moment.date(), moment.time()))
    }

    pub(super) fn repr(&self) -> String {
        let moment = self.0;
        let mut fields = vec![
            moment.year().to_string(),
            u8::from(moment.month()).to_string(),
            moment.day().to_string(),
            moment.hour().to_string(),
            moment.minute().to_string(),
        ];
        if moment.second() > 0 || moment.microsecond() > 0 {
            fields.push(moment.second().to_string());
        }
        if moment.microsecond() > 0 {
            fields.push(moment.microsecond().to_string());
        }
        if let Some(offset) = self.1 {
            fields.push(match offset.is_utc() {
                true => "tzinfo=datetime.timezone.utc".to_owned(),
                false => {
                    let delta = TimeDelta(Duration::seconds(offset.whole_seconds().into()));
                    format!("tzinfo=datetime.timezone({})", delta.repr())
                }
            });
        }
        format!("datetime.datetime({})", fields.join(", "))
    }
}

impl PartialEq for DateTime {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

/// Moments with and without a distance from UTC have no order.
impl PartialOrd for DateTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.1, other.1) {
            (None, None) => self.0.partial_cmp(&other.0),
            (Some(_), Some(_)) => self.at_utc().partial_cmp(&other.at_utc()),
            _ => None,
        }
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.isoformat(' '))
    }
}

impl TimeDelta {
    /// Days, seconds and microseconds as Python normalises them.
    pub(super) fn parts(&self) -> (i64, i64, i64) {
        let micros = i64::try_from(self.0.whole_microseconds()).unwrap_or(i64::MAX);
        let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        (seconds.div_euclid(86_400), seconds.rem_euclid(86_400), micros)
    }

    pub(super) fn repr(&self) -> String {
        let (days, seconds, micros) = self.parts();
        let fields: Vec<String> = [("days", days), ("seconds", seconds), ("microseconds", micros)]
            .into_iter()
            .filter(|(_, amount)| *amount != 0)
            .map(|(name, amount)| format!("{name}={amount}"))
            .collect();
        let fields = if fields.is_empty() { "0".to_owned() } else { fields.join(", ") };
        format!("datetime.timedelta({fields})")
    }
}

impl fmt::Display for TimeDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds, micros) = self.parts();
        if days != 0 {
            let plural = if days.abs() == 1 { "" } else { "s" };
            write!(f, "{days} day{plural}, ")?;
        }
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros > 0 {
            write!(f, ".{micros:06}")?;
        }
        Ok(())
    }
}

/// `isoformat()` of a moment, a date or a time.
pub(super) fn iso_text(value: &Value) -> Option<String> {
    if let Some(moment) = value.downcast_object_ref::<DateTime>() {
        return Some(moment.isoformat('T'));
    }
    if let Some(day) = value.downcast_object_ref::<Day>() {
        return Some(day.to_string());
    }
    value.downcast_object_ref::<DayTime>().map(ToString::to_string)
}

/// The order of two moments, dates, times or spans of the same kind.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    fn of<T: Object + PartialOrd + 'static>(left: &Value, right: &Value) -> Option<Ordering> {
        left.downcast_object_ref::<T>()?.partial_cmp(right.downcast_object_ref::<T>()?)
    }
    of::<DateTime>(left, right)
        .or_else(|| of::<Day>(left, right))
        .or_else(|| of::<DayTime>(left, right))
        .or_else(|| of::<TimeDelta>(left, right))
}

/// Whether both are moments.
pub(super) fn are_moments(left: &Value, right: &Value) -> bool {
    [left, right].iter().all(|value| value.downcast_object_ref::<DateTime>().is_some())
}

/// `left - right` where one is a moment or a span.
pub(super) fn subtract(left: &Value, right: &Value) -> Option<Value> {
    let span = right.downcast_object_ref::<TimeDelta>();
    if let Some(moment) = left.downcast_object_ref::<DateTime>() {
        if let Some(other) = right.downcast_object_ref::<DateTime>() {
            let distance = match (moment.at_utc(), other.at_utc()) {
                (Some(moment), Some(other)) => moment - other,
                (None, None) => moment.0 - other.0,
                _ => return None,
            };
            return Some(Value::from_object(TimeDelta(distance)));
        }
        return Some(Value::from_object(DateTime(moment.0.checked_sub(span?.0)?, moment.1)));
    }
    if let Some(day) = left.downcast_object_ref::<Day>() {
        if let Some(other) = right.downcast_object_ref::<Day>() {
            return Some(Value::from_object(TimeDelta(day.0 - other.0)));
        }
        return Some(Value::from_object(Day(day.0.checked_sub(span?.0)?)));
    }
    let left = left.downcast_object_ref::<TimeDelta>()?;
    Some(Value::from_object(TimeDelta(left.0.checked_sub(span?.0)?)))
}

/// `left + right` where one is a moment or a span.
pub(super) fn add(left: &Value, right: &Value) -> Option<Value> {
    if let Some(moment) = left.downcast_object_ref::<DateTime>() {
        let span = right.downcast_object_ref::<TimeDelta>()?;
        return Some(Value::from_object(DateTime(moment.0.checked_add(span.0)?, moment.1)));
    }
    if let Some(day) = left.downcast_object_ref::<Day>() {
        let span = right.downcast_object_ref::<TimeDelta>()?;
        return Some(Value::from_object(Day(day.0.checked_add(span.0)?)));
    }
    let left = left.downcast_object_ref::<TimeDelta>()?;
    if right.downcast_object_ref::<DateTime>().is_some()
        || right.downcast_object_ref::<Day>().is_some()
    {
        return add(right, &Value::from_object(*left));
    }
    let right = right.downcast_object_ref::<TimeDelta>()?;
    Some(Value::from_object(TimeDelta(left.0.checked_add(right.0)?)))
}

impl DateTime {
    /// The name of its distance from UTC.
    /// The time on the clock of this machine, or of UTC.
    pub(super) fn now(utc: bool) -> Self {
        let moment = match utc {
            true => time::OffsetDateTime::now_utc(),
            false => time::OffsetDateTime::now_local()
                .unwrap_or_else(|_| time::OffsetDateTime::now_utc()),
        };
        Self(PrimitiveDateTime::new(moment.date(), moment.time()), None)
    }

    pub(super) fn zone_name(&self) -> String {
        match self.1 {
            None => String::new(),
            Some(offset) if offset.is_utc() => "UTC".to_owned(),
            Some(offset) => format!("UTC{}", distance(offset)),
        }
    }

    /// Seconds since 1970; one that does not tell its distance from UTC is taken for UTC.
    pub(super) fn unix_micros(&self) -> i128 {
        self.at_utc().unwrap_or(self.0).assume_utc().unix_timestamp_nanos() / 1000
    }

    /// `strftime(format)`
    pub(super) fn strftime(&self, format: &str) -> String {
        let mut out = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            let Some(mut directive) = letters.next() else {
                out.push('%');
                break;
            };
            let mut plain = false;
            if directive == '-' {
                plain = true;
                directive = letters.next().unwrap_or('%');
            }
            let field = self.field(directive);
            match field {
                Some(field) if plain => {
                    let trimmed = field.trim_start_matches(['0', ' ']);
                    out.push_str(if trimmed.is_empty() { "0" } else { trimmed });
                }
                Some(field) => out.push_str(&field),
                None => {
                    out.push('%');
                    out.push(directive);
                }
            }
        }
        out
    }

    fn field(&self, directive: char) -> Option<String> {
        let moment = self.0;
        let hour12 = (moment.hour() + 11) % 12 + 1;
        Some(match directive {
            'Y' => moment.year().to_string(),
            'C' => format!("{:02}", moment.year() / 100),
            'y' => format!("{:02}", moment.year().rem_euclid(100)),
            'm' => format!("{:02}", u8::from(moment.month())),
            'd' => format!("{:02}", moment.day()),
            'e' => format!("{:2}", moment.day()),
            'H' => format!("{:02}", moment.hour()),
            'I' => format!("{hour12:02}"),
            'M' => format!("{:02}", moment.minute()),
            'S' => format!("{:02}", moment.second()),
            'f' => format!("{:06}", moment.microsecond()),
            'p' => if moment.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            'j' => format!("{:03}", moment.ordinal()),
            'a' => moment.weekday().to_string().chars().take(3).collect(),
            'A' => moment.weekday().to_string(),
            'b' | 'h' => moment.month().to_string().chars().take(3).collect(),
            'B' => moment.month().to_string(),
            'u' => moment.weekday().number_from_monday().to_string(),
            'w' => moment.weekday().number_days_from_sunday().to_string(),
            'V' => format!("{:02}", moment.iso_week()),
            'U' => format!("{:02}", moment.sunday_based_week()),
            'W' => format!("{:02}", moment.monday_based_week()),
            'G' => moment.to_iso_week_date().0.to_string(),
            // of the clock as it stands: C knows of no other distance than this machine's
            's' => moment.assume_utc().unix_timestamp().to_string(),
            'F' => self.strftime("%Y-%m-%d"),
            'T' | 'X' => self.strftime("%H:%M:%S"),
            'R' => self.strftime("%H:%M"),
            'D' | 'x' => self.strftime("%m/%d/%y"),
            'c' => self.strftime("%a %b %e %H:%M:%S %Y"),
            'z' => self.1.map(|offset| distance(offset).replace(':', "")).unwrap_or_default(),
            'Z' => self.zone_name(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_those_of_python() {
        for (written, text) in [
            ("2020-01-01", "2020-01-01"),
            ("12:42:42", "12:42:42"),
            ("2020-1-2T12:42:42", "2020-01-02 12:42:42"),
            ("2020-01-01 12:42:42.5-07:00", "2020-01-01 12:42:42.500000-07:00"),
            ("2020-01-01T12:42:42Z", "2020-01-01 12:42:42+00:00"),
            ("2020-01-01T12:42:42 +5", "2020-01-01 12:42:42+05:00"),
        ] {
            assert_eq!(timestamp(written).unwrap().to_string(), text, "{written}");
        }
        assert!(timestamp("2020-13-01").is_none());
    }

    #[test]
    fn moments_compare_at_utc_or_not_at_all() {
        let moment = |text| *timestamp(text).unwrap().downcast_object_ref::<DateTime>().unwrap();
        assert_eq!(moment("2020-01-01T12:00:00-07:00"), moment("2020-01-01T19:00:00Z"));
        assert_ne!(moment("2020-01-01T12:00:00"), moment("2020-01-01T12:00:00Z"));
        assert!(moment("2020-01-01T12:00:00Z") < moment("2020-01-01T12:00:01Z"));
    }
}
