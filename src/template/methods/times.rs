//! Methods of moments and spans of time.

use minijinja::Value;
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

use super::super::eval::Call;
use super::super::failure::{Failure, Outcome};
use super::super::python::{as_integer, text, type_name};
use super::super::time::{DateTime, Day, DayTime, TimeDelta, iso_text};

pub(super) const MOMENT_METHODS: [&str; 13] = [
    "strftime",
    "isoformat",
    "timestamp",
    "date",
    "time",
    "weekday",
    "isoweekday",
    "timetuple",
    "utcoffset",
    "tzname",
    "replace",
    "ctime",
    "utctimetuple",
];

/// A field of a moment or a span.
pub(super) fn attribute(value: &Value, name: &str) -> Option<Value> {
    if let Some(DateTime(moment, offset)) = value.downcast_object_ref() {
        return match name {
            "tzinfo" => Some(match offset {
                Some(_) => Value::from(DateTime(*moment, *offset).zone_name()),
                None => Value::from(()),
            }),
            name => of_day(moment.date(), name).or_else(|| of_time(moment.time(), name)),
        };
    }
    if let Some(Day(day)) = value.downcast_object_ref() {
        return of_day(*day, name);
    }
    if let Some(DayTime(time)) = value.downcast_object_ref() {
        return of_time(*time, name);
    }
    let (days, seconds, microseconds) = value.downcast_object_ref::<TimeDelta>()?.parts();
    Some(match name {
        "days" => Value::from(days),
        "seconds" => Value::from(seconds),
        "microseconds" => Value::from(microseconds),
        _ => return None,
    })
}

fn of_day(day: Date, name: &str) -> Option<Value> {
    Some(match name {
        "year" => Value::from(day.year()),
        "month" => Value::from(u8::from(day.month())),
        "day" => Value::from(day.day()),
        _ => return None,
    })
}

fn of_time(time: Time, name: &str) -> Option<Value> {
    Some(match name {
        "hour" => Value::from(time.hour()),
        "minute" => Value::from(time.minute()),
        "second" => Value::from(time.second()),
        "microsecond" => Value::from(time.microsecond()),
        _ => return None,
    })
}

/// Whether a date or a time without the other has a method.
pub(super) fn has(value: &Value, name: &str) -> bool {
    match value {
        value if value.downcast_object_ref::<Day>().is_some() => {
            matches!(name, "strftime" | "isoformat" | "weekday" | "isoweekday" | "ctime")
        }
        value if value.downcast_object_ref::<DayTime>().is_some() => {
            matches!(name, "strftime" | "isoformat")
        }
        _ => MOMENT_METHODS.contains(&name),
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit well enough")]
pub(super) fn call(value: &Value, name: &str, call: Call) -> Outcome<Value> {
    if let Some(delta) = value.downcast_object_ref::<TimeDelta>() {
        return Ok(Value::from(delta.0.whole_microseconds() as f64 / 1e6));
    }
    // a date is the midnight of its day, a time that of the day from which Python counts
    let moment = if let Some(Day(day)) = value.downcast_object_ref() {
        DateTime(day.midnight(), None)
    } else if let Some(DayTime(time)) = value.downcast_object_ref() {
        let day = Date::from_ordinal_date(1900, 1).unwrap_or(Date::MIN);
        DateTime(PrimitiveDateTime::new(day, *time), None)
    } else if let Some(moment) = value.downcast_object_ref::<DateTime>() {
        *moment
    } else {
        return Err(Failure::failed(format!("no method {name}")));
    };
    Ok(match name {
        "strftime" => {
            let Some(format) = call.positional.first() else {
                return Err(Failure::failed("strftime() takes exactly 1 argument (0 given)"));
            };
            Value::from(moment.strftime(&text(format)?))
        }
        "isoformat" if value.downcast_object_ref::<DateTime>().is_some() => {
            isoformat(moment, &call)?
        }
        "isoformat" => Value::from(iso_text(value).unwrap_or_default()),
        "ctime" => Value::from(moment.strftime("%a %b %e %H:%M:%S %Y")),
        "tzname" => match moment.1 {
            Some(_) => Value::from(moment.zone_name()),
            None => Value::from(()),
        },
        "replace" => Value::from_object(replace(moment, &call)?),
        "timestamp" => Value::from(moment.unix_micros() as f64 / 1e6),
        "date" => Value::from_object(Day(moment.0.date())),
        "time" => Value::from_object(DayTime(moment.0.time())),
        "utcoffset" => match moment.1 {
            Some(offset) => {
                Value::from_object(TimeDelta(Duration::seconds(offset.whole_seconds().into())))
            }
            None => Value::from(()),
        },
        "weekday" => Value::from(moment.0.weekday().number_days_from_monday()),
        "isoweekday" => Value::from(moment.0.weekday().number_from_monday()),
        name => return Err(Failure::failed(format!("`{name}` of a moment is not supported"))),
    })
}

/// `isoformat(sep, timespec)` of a moment.
fn isoformat(moment: DateTime, call: &Call) -> Outcome<Value> {
    let given = |index: usize, name: &str| {
        let named = call.keywords.iter().find(|(keyword, _)| keyword == name);
        call.positional.get(index).or_else(|| named.map(|(_, value)| value))
    };
    let separator = match given(0, "sep") {
        None => 'T',
        Some(value) => {
            let text = text(value)?;
            let mut letters = text.chars();
            match (letters.next(), letters.next()) {
                (Some(only), None) => only,
                _ => {
                    return Err(Failure::failed(format!(
                        "isoformat() argument 1 must be a unicode character, not {}",
                        type_name(value)
                    )));
                }
            }
        }
    };
    let DateTime(clock, offset) = moment;
    let precision = given(1, "timespec").map_or_else(|| Ok("auto".to_owned()), text)?;
    let shown = match precision.as_str() {
        "auto" => return Ok(Value::from(moment.isoformat(separator))),
        "hours" => moment.strftime("%H"),
        "minutes" => moment.strftime("%H:%M"),
        "seconds" => moment.strftime("%H:%M:%S"),
        "milliseconds" => format!("{}.{:03}", moment.strftime("%H:%M:%S"), clock.millisecond()),
        "microseconds" => moment.strftime("%H:%M:%S.%f"),
        _ => return Err(Failure::failed("Unknown timespec value")),
    };
    let midnight = DateTime(clock.date().midnight(), offset).isoformat(separator);
    Ok(Value::from(midnight.replacen("00:00:00", &shown, 1)))
}

/// `replace(year=…, …, tzinfo=None)`
fn replace(moment: DateTime, call: &Call) -> Outcome<DateTime> {
    const NAMES: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
    let DateTime(clock, mut offset) = moment;
    let mut fields = [
        i128::from(clock.year()),
        i128::from(u8::from(clock.month())),
        i128::from(clock.day()),
        i128::from(clock.hour()),
        i128::from(clock.minute()),
        i128::from(clock.second()),
        i128::from(clock.microsecond()),
    ];
    let named = call.keywords.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in NAMES.into_iter().zip(&call.positional).chain(named) {
        let field = NAMES.iter().position(|known| *known == name);
        match (field.and_then(|index| fields.get_mut(index)), as_integer(value)) {
            (Some(field), Some(number)) => *field = number,
            (Some(_), None) => {
                return Err(Failure::failed(format!(
                    "'{}' object cannot be interpreted as an integer",
                    type_name(value)
                )));
            }
            (None, _) if name == "tzinfo" && value.is_none() => offset = None,
            (None, _) if name == "tzinfo" => {
                return Err(Failure::failed(format!(
                    "tzinfo argument must be None or of a tzinfo subclass, not type '{}'",
                    type_name(value)
                )));
            }
            (None, _) => {
                return Err(Failure::failed(format!(
                    "'{name}' is an invalid keyword argument for replace()"
                )));
            }
        }
    }
    let [year, month, day, hour, minute, second, micro] = fields;
    let small = |number: i128| u8::try_from(number).ok();
    let made = || {
        let month = Month::try_from(small(month)?).ok()?;
        let year = i32::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
        let date = Date::from_calendar_date(year, month, small(day)?).ok()?;
        let micro = u32::try_from(micro).ok()?;
        let time = Time::from_hms_micro(small(hour)?, small(minute)?, small(second)?, micro);
        Some(DateTime(PrimitiveDateTime::new(date, time.ok()?), offset))
    };
    let ranges = [
        (year, 1, 9999, "year 0 is out of range"),
        (month, 1, 12, "month must be in 1..12"),
        (hour, 0, 23, "hour must be in 0..23"),
        (minute, 0, 59, "minute must be in 0..59"),
        (second, 0, 59, "second must be in 0..59"),
        (micro, 0, 999_999, "microsecond must be in 0..999999"),
    ];
    made().ok_or_else(|| {
        let wrong = ranges.iter().find(|(field, least, most, _)| !(least..=most).contains(&field));
        Failure::failed(match wrong {
            Some((year, _, 9999, _)) => format!("year {year} is out of range"),
            Some((.., text)) => (*text).to_owned(),
            None => "day is out of range for month".to_owned(),
        })
    })
}
