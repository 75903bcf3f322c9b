//! Moments and spans of time, as `now()` and `to_datetime` give them.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};
use time::{Duration, PrimitiveDateTime};

/// A `datetime` of Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DateTime(pub(super) PrimitiveDateTime);

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
        text
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
        format!("datetime.datetime({})", fields.join(", "))
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

/// `left - right` where one is a moment or a span.
pub(super) fn subtract(left: &Value, right: &Value) -> Option<Value> {
    let span = right.downcast_object_ref::<TimeDelta>();
    if let Some(moment) = left.downcast_object_ref::<DateTime>() {
        if let Some(other) = right.downcast_object_ref::<DateTime>() {
            return Some(Value::from_object(TimeDelta(moment.0 - other.0)));
        }
        return Some(Value::from_object(DateTime(moment.0.checked_sub(span?.0)?)));
    }
    let left = left.downcast_object_ref::<TimeDelta>()?;
    Some(Value::from_object(TimeDelta(left.0.checked_sub(span?.0)?)))
}

/// `left + right` where one is a moment or a span.
pub(super) fn add(left: &Value, right: &Value) -> Option<Value> {
    if let Some(moment) = left.downcast_object_ref::<DateTime>() {
        let span = right.downcast_object_ref::<TimeDelta>()?;
        return Some(Value::from_object(DateTime(moment.0.checked_add(span.0)?)));
    }
    let left = left.downcast_object_ref::<TimeDelta>()?;
    if right.downcast_object_ref::<DateTime>().is_some() {
        return add(right, &Value::from_object(*left));
    }
    let right = right.downcast_object_ref::<TimeDelta>()?;
    Some(Value::from_object(TimeDelta(left.0.checked_add(right.0)?)))
}

impl DateTime {
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
            's' => moment.assume_utc().unix_timestamp().to_string(),
            'F' => self.strftime("%Y-%m-%d"),
            'T' | 'X' => self.strftime("%H:%M:%S"),
            'R' => self.strftime("%H:%M"),
            'D' | 'x' => self.strftime("%m/%d/%y"),
            'c' => self.strftime("%a %b %e %H:%M:%S %Y"),
            'z' | 'Z' => String::new(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }
}
