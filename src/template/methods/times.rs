//! Methods of moments and spans of time.

use minijinja::Value;
use time::{Date, Duration, PrimitiveDateTime, Time};

use super::super::eval::Call;
use super::super::failure::{Failure, Outcome};
use super::super::python::text;
use super::super::time::{DateTime, Day, DayTime, TimeDelta, iso_text};

pub(super) const MOMENT_METHODS: [&str; 10] = [
    "strftime",
    "isoformat",
    "timestamp",
    "date",
    "time",
    "weekday",
    "isoweekday",
    "timetuple",
    "utcoffset",
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
            matches!(name, "strftime" | "isoformat" | "weekday" | "isoweekday")
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
        "isoformat" => Value::from(iso_text(value).unwrap_or_default()),
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
