//! Methods of moments and spans of time.

use minijinja::Value;

use super::super::eval::Call;
use super::super::failure::{Failure, Outcome};
use super::super::python::text;
use super::super::time::{DateTime, TimeDelta};

pub(super) const MOMENT_METHODS: [&str; 9] = [
    "strftime",
    "isoformat",
    "timestamp",
    "date",
    "time",
    "weekday",
    "isoweekday",
    "timetuple",
    "utctimetuple",
];

/// A field of a moment or a span.
pub(super) fn attribute(value: &Value, name: &str) -> Option<Value> {
    if let Some(DateTime(moment)) = value.downcast_object_ref() {
        return Some(match name {
            "year" => Value::from(moment.year()),
            "month" => Value::from(u8::from(moment.month())),
            "day" => Value::from(moment.day()),
            "hour" => Value::from(moment.hour()),
            "minute" => Value::from(moment.minute()),
            "second" => Value::from(moment.second()),
            "microsecond" => Value::from(moment.microsecond()),
            _ => return None,
        });
    }
    let (days, seconds, microseconds) = value.downcast_object_ref::<TimeDelta>()?.parts();
    Some(match name {
        "days" => Value::from(days),
        "seconds" => Value::from(seconds),
        "microseconds" => Value::from(microseconds),
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit well enough")]
pub(super) fn call(value: &Value, name: &str, call: Call) -> Outcome<Value> {
    if let Some(delta) = value.downcast_object_ref::<TimeDelta>() {
        return Ok(Value::from(delta.0.whole_microseconds() as f64 / 1e6));
    }
    let Some(moment) = value.downcast_object_ref::<DateTime>() else {
        return Err(Failure::failed(format!("no method {name}")));
    };
    Ok(match name {
        "strftime" => {
            let Some(format) = call.positional.first() else {
                return Err(Failure::failed("strftime() takes exactly 1 argument (0 given)"));
            };
            Value::from(moment.strftime(&text(format)?))
        }
        "isoformat" => Value::from(moment.isoformat('T')),
        "timestamp" => {
            let micros = moment.0.assume_utc().unix_timestamp_nanos() / 1000;
            Value::from(micros as f64 / 1e6)
        }
        "date" => Value::from(moment.strftime("%Y-%m-%d")),
        "time" => Value::from(moment.strftime("%H:%M:%S")),
        "weekday" => Value::from(moment.0.weekday().number_days_from_monday()),
        "isoweekday" => Value::from(moment.0.weekday().number_from_monday()),
        name => return Err(Failure::failed(format!("`{name}` of a moment is not supported"))),
    })
}
