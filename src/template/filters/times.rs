//! Filters of time.

use minijinja::Value;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{as_float, parse_float, repr, text, type_name};
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
        match parse_time(value, &format) {
            Some(moment) => Ok(Value::from_object(moment)),
            None => Err(call.refuse(format!(
                "time data {} does not match format {}",
                repr(&Value::from(value))?,
                repr(&Value::from(format))?
            ))),
        }
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

/// `datetime.strptime` for fields of numbers and names of months.
fn parse_time(text: &str, format: &str) -> Option<DateTime> {
    let (mut year, mut month, mut day) = (1900, 1_u8, 1_u8);
    let (mut hour, mut minute, mut second, mut micro) = (0_u8, 0_u8, 0_u8, 0_u32);
    let mut afternoon = None;
    let mut rest = text;
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if letter != '%' {
            rest = rest.strip_prefix(letter)?;
            continue;
        }
        let directive = letters.next()?;
        let width = match directive {
            'Y' => 4,
            'f' => 6,
            'j' => 3,
            _ => 2,
        };
        let digits = rest.chars().take(width).take_while(char::is_ascii_digit).count();
        let (field, after) = rest.split_at(digits);
        match directive {
            'Y' => year = field.parse().ok()?,
            'y' => {
                let short: i32 = field.parse().ok()?;
                year = if short < 69 { 2000 + short } else { 1900 + short };
            }
            'm' => month = field.parse().ok()?,
            'd' => day = field.parse().ok()?,
            'H' | 'I' => hour = field.parse().ok()?,
            'M' => minute = field.parse().ok()?,
            'S' => second = field.parse().ok()?,
            'f' => micro = format!("{field:0<6}").parse().ok()?,
            'p' => {
                let half = rest.get(..2)?.to_uppercase();
                afternoon = Some(half == "PM");
                rest = rest.get(2..)?;
                continue;
            }
            'b' | 'B' => {
                let lower = rest.to_lowercase();
                let mut found = None;
                for number in 1..=12 {
                    let name = Month::try_from(number).ok()?.to_string().to_lowercase();
                    let short = name.get(..3)?;
                    let length = if lower.starts_with(&name) {
                        name.len()
                    } else if lower.starts_with(short) {
                        3
                    } else {
                        continue;
                    };
                    found = Some((number, length));
                }
                let (number, length) = found?;
                month = number;
                rest = rest.get(length..)?;
                continue;
            }
            'Z' => {
                rest =
                    rest.strip_prefix("UTC").or_else(|| rest.strip_prefix("GMT")).unwrap_or(rest);
                continue;
            }
            'T' => {
                let time = parse_time(rest.get(..8)?, "%H:%M:%S")?;
                (hour, minute, second) = (time.0.hour(), time.0.minute(), time.0.second());
                rest = rest.get(8..)?;
                continue;
            }
            '%' => {
                rest = rest.strip_prefix('%')?;
                continue;
            }
            _ => return None,
        }
        rest = after;
    }
    if !rest.is_empty() {
        return None;
    }
    if let Some(afternoon) = afternoon {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let time = Time::from_hms_micro(hour, minute, second, micro).ok()?;
    Some(DateTime(PrimitiveDateTime::new(date, time), None))
}
