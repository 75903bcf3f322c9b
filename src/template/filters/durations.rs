//! Lengths of time in words (`1h 30m`) as numbers, by `community.general`.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{as_integer, round_half_even};
use crate::template::regex::{Flags, compiled};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("community.general.to_time_unit", &["human_time", "unit", "**"], |call| {
        converted(call, &call.text_or(1, "ms")?)
    }),
    filter("community.general.to_milliseconds", &["human_time", "**"], |call| {
        converted(call, "ms")
    }),
    filter("community.general.to_seconds", &["human_time", "**"], |call| converted(call, "s")),
    filter("community.general.to_minutes", &["human_time", "**"], |call| converted(call, "m")),
    filter("community.general.to_hours", &["human_time", "**"], |call| converted(call, "h")),
    filter("community.general.to_days", &["human_time", "**"], |call| converted(call, "d")),
    filter("community.general.to_weeks", &["human_time", "**"], |call| converted(call, "w")),
    filter("community.general.to_months", &["human_time", "**"], |call| converted(call, "mo")),
    filter("community.general.to_years", &["human_time", "**"], |call| converted(call, "y")),
];

/// Long names and short ones.
const NAMES: [(&str, &str); 12] = [
    ("millisecond", "ms"),
    ("msec", "ms"),
    ("msecond", "ms"),
    ("sec", "s"),
    ("second", "s"),
    ("hour", "h"),
    ("min", "m"),
    ("minute", "m"),
    ("day", "d"),
    ("week", "w"),
    ("month", "mo"),
    ("year", "y"),
];
const DAY: i128 = 86_400_000;
const UNITS: [(&str, i128); 8] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", DAY),
    ("w", 7 * DAY),
    ("mo", 30 * DAY),
    ("y", 365 * DAY),
];

fn short(unit: &str) -> &str {
    let singular = unit.trim_end_matches('s');
    NAMES.iter().find(|(long, _)| *long == singular).map_or(unit, |(_, short)| short)
}

#[expect(clippy::cast_precision_loss, reason = "Python divides whole numbers likewise")]
fn converted(call: &Bound<'_>, unit: &str) -> Outcome<Value> {
    let words = call.string(0)?;
    if words == "0" {
        return Ok(Value::from(0));
    }
    let mut units = UNITS;
    for (name, value) in &call.keywords {
        let changed = match name.as_str() {
            "year" => "y",
            "month" => "mo",
            _ => {
                return Err(
                    call.refuse(format!("to_time_unit() got unknown keyword arguments: {name}"))
                );
            }
        };
        let days = as_integer(value)
            .ok_or_else(|| call.refuse(format!("the number of days of a {name} is none")))?;
        for (known, factor) in &mut units {
            if *known == changed {
                *factor = days * DAY;
            }
        }
    }
    let factor = |name: &str| units.iter().find(|(known, _)| *known == name).map(|unit| unit.1);
    let unit = short(unit);
    let Some(divisor) = factor(unit) else {
        let names = |names: &[&str]| names.join(", ");
        return Err(call.refuse(format!(
            "to_time_unit() can not convert to the following unit: {unit}. Available units \
             (singular or plural): {}. Available short units: {}",
            names(&NAMES.map(|(long, _)| long)),
            names(&UNITS.map(|(short, _)| short))
        )));
    };
    let unreadable =
        || call.refuse(format!("to_time_unit() can not interpret following string: {words}"));
    let form = compiled(r"\A(-?\d+)(\w+)", Flags::default())?;
    let mut sum: i128 = 0;
    for word in words.split_whitespace() {
        let found = form.search(word)?.ok_or_else(unreadable)?;
        let part = |index| found.get(index).map_or("", |part| part.as_str());
        let number: i128 = part(1).parse().map_err(|_| unreadable())?;
        let length = factor(short(part(2))).ok_or_else(unreadable)?;
        let product = number.checked_mul(length).ok_or_else(unreadable)?;
        sum = sum.checked_add(product).ok_or_else(unreadable)?;
    }
    if divisor == 0 {
        return Err(call.refuse("division by zero"));
    }
    Ok(Value::from(round_half_even(sum as f64 / divisor as f64, 12)))
}
