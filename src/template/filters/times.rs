//! Filters of time.

use minijinja::Value;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{as_float, parse_float, text, type_name};
use crate::template::strptime::strptime;
use crate::template::time::DateTime;

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("strftime", &["string_format", "second", "utc"], format_time),
    filter("to_datetime", &["string", "format"], |call| {
        let format = call.text_or(1, "%Y-%m-%d %H:%M:%S")?;
        let value = call.string_or(0, |class| {
            let class = if class == "NoneType" { "None" } else { class };
            format!("strptime() argument 1 must be str, not {class}")
        })?;
        strptime(value, &format).map(Value::from_object).map_err(|error| call.refuse(error))
    }),
];

#[expect(clippy::cast_possible_truncation, reason = "whole seconds are meant")]
fn format_time(call: &Bound<'_>) -> Outcome<Value> {
    let format = call.value()?;
    if format.as_str().is_none() {
        let class = if format.is_none() { "None" } else { type_name(format) };
        return Err(call.refuse(format!("strftime() argument 1 must be str, not {class}")));
    }
    let moment = match call.some(1) {
        None => OffsetDateTime::now_utc(),
        Some(second) => {
            let seconds = match second.as_str() {
                Some(text) => parse_float(text),
                None => as_float(second),
            };
            let Some(seconds) = seconds else {
                return Err(
                    call.refuse(format!("Invalid value for epoch value ({})", text(second)?))
                );
            };
            OffsetDateTime::from_unix_timestamp(seconds as i64)
                .map_err(|error| call.refuse(error))?
        }
    };
    let offset = if call.flag(2)? {
        UtcOffset::UTC
    } else {
        UtcOffset::local_offset_at(moment).unwrap_or(UtcOffset::UTC)
    };
    let local = moment.to_offset(offset);
    let moment = DateTime(PrimitiveDateTime::new(local.date(), local.time()), None);
    Ok(Value::from(moment.strftime(&call.text(0)?)))
}
