//! Filters of numbers and sizes.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    absolute, as_float, as_integer, elements, format_spec, list, round_half_even, type_name,
};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("abs", &["value"], |call| absolute(call.value()?)),
    filter("round", &["value", "precision", "method"], round),
    filter("log", &["value", "base"], |call| {
        let number = number(call, 0)?;
        if number <= 0.0 {
            return Err(Failure::failed("math domain error"));
        }
        Ok(Value::from(match call.some(1) {
            None => number.ln(),
            Some(_) => {
                let base = self::number(call, 1)?;
                if (base - 10.0).abs() < f64::EPSILON {
                    number.log10()
                } else {
                    number.ln() / base.ln()
                }
            }
        }))
    }),
    filter("pow", &["value", "power"], |call| {
        if let (Some(base), Some(power)) =
            (as_integer(call.value()?), as_integer(call.required(1)?))
            && power >= 0
        {
            #[expect(clippy::cast_precision_loss, reason = "`math.pow` is floating point")]
            let (base, power) = (base as f64, power as f64);
            return Ok(Value::from(base.powf(power)));
        }
        Ok(Value::from(number(call, 0)?.powf(number(call, 1)?)))
    }),
    filter("root", &["value", "base"], |call| {
        let base = if call.some(1).is_some() { number(call, 1)? } else { 2.0 };
        let value = number(call, 0)?;
        Ok(Value::from(if (base - 2.0).abs() < f64::EPSILON {
            value.sqrt()
        } else {
            value.powf(1.0 / base)
        }))
    }),
    filter("human_readable", &["size", "isbits", "unit"], human_readable),
    filter("human_to_bytes", &["size", "default_unit", "isbits"], human_to_bytes),
    filter("filesizeformat", &["value", "binary"], file_size),
    filter("random", &["end", "start", "step", "seed"], random),
    filter("shuffle", &["mylist", "seed"], |call| {
        if call.some(1).is_some() {
            return Err(call.refuse("`seed` is not supported yet"));
        }
        let mut all = call.elements(0)?;
        for last in (1..all.len()).rev() {
            all.swap(last, random_below(last + 1)?);
        }
        Ok(list(all))
    }),
];

fn number(call: &Bound<'_>, index: usize) -> Outcome<f64> {
    let value = call.required(index)?;
    as_float(value)
        .ok_or_else(|| Failure::failed(format!("must be real number, not {}", type_name(value))))
}

fn round(call: &Bound<'_>) -> Outcome<Value> {
    let number = number(call, 0)?;
    let precision = i32::try_from(call.integer(1)?.unwrap_or(0)).unwrap_or_default();
    let scale = 10_f64.powi(precision);
    let rounded = match call.text_or(2, "common")?.as_str() {
        "common" => {
            if let (Some(whole), true) = (as_integer(call.value()?), precision >= 0) {
                return Ok(Value::from(whole));
            }
            round_half_even(number, precision)
        }
        "ceil" => (number * scale).ceil() / scale,
        "floor" => (number * scale).floor() / scale,
        _ => return Err(Failure::failed("method must be common, ceil or floor")),
    };
    Ok(Value::from(rounded))
}

const UNITS: [(&str, i32); 9] = [
    ("Y", 80),
    ("Z", 70),
    ("E", 60),
    ("P", 50),
    ("T", 40),
    ("G", 30),
    ("M", 20),
    ("K", 10),
    ("B", 0),
];

fn human_readable(call: &Bound<'_>) -> Outcome<Value> {
    let size = number(call, 0)?;
    let bits = call.flag(1)?;
    let unit = call.text_or(2, "")?;
    let base = if bits { "bits" } else { "Bytes" };
    let chosen = UNITS.iter().find(|(suffix, power)| {
        let limit = 2_f64.powi(*power);
        if unit.is_empty() { size >= limit } else { unit.to_uppercase().starts_with(suffix) }
    });
    let (suffix, limit) =
        chosen.map_or(("B", 1.0), |(suffix, power)| (*suffix, 2_f64.powi(*power)));
    let name = if suffix == "B" {
        base.to_owned()
    } else {
        format!("{suffix}{}", if bits { "b" } else { "B" })
    };
    let amount = format_spec(&Value::from(size / limit), ".2f")?;
    Ok(Value::from(format!("{amount} {name}")))
}

#[expect(clippy::cast_possible_truncation, reason = "sizes are rounded to whole bytes")]
fn human_to_bytes(call: &Bound<'_>) -> Outcome<Value> {
    let text = call.text(0)?;
    let bits = call.flag(2)?;
    let trimmed = text.trim();
    let end = trimmed
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(trimmed.len());
    let (amount, unit) = trimmed.split_at(end);
    let Ok(amount) = amount.parse::<f64>() else {
        return Err(
            call.refuse(format!("human_to_bytes() can't interpret following string: {text}"))
        );
    };
    let unit = match unit.trim() {
        "" => call.text_or(1, "")?,
        unit => unit.to_owned(),
    };
    if unit.is_empty() {
        return Ok(Value::from(amount.round_ties_even() as i128));
    }
    let first: String = unit.chars().take(1).collect::<String>().to_uppercase();
    let Some((_, power)) = UNITS.iter().find(|(suffix, _)| *suffix == first) else {
        return Err(call.refuse(format!(
            "human_to_bytes() failed to convert {text} (unit = {unit}). The suffix must be one of \
             Y, Z, E, P, T, G, M, K, B"
        )));
    };
    let wanted = if bits { 'b' } else { 'B' };
    let last = unit.chars().nth(1);
    let spelled = unit.len() > 2;
    if let Some(last) = last
        && !spelled
        && last != wanted
    {
        return Err(call.refuse(format!(
            "human_to_bytes() failed to convert {text}. Value is not a valid string (expect {first}{wanted} or {first})"
        )));
    }
    Ok(Value::from((amount * 2_f64.powi(*power)).round_ties_even() as i128))
}

fn file_size(call: &Bound<'_>) -> Outcome<Value> {
    let size = number(call, 0)?;
    let binary = call.flag(1)?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if (size - 1.0).abs() < f64::EPSILON {
        return Ok(Value::from("1 Byte"));
    }
    if size < base {
        return Ok(Value::from(format!("{} Bytes", size.trunc())));
    }
    let names = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    let mut unit = base;
    let mut text = String::new();
    for name in names {
        unit *= base;
        text = format!("{:.1} {name}", base * size / unit);
        if size < unit {
            break;
        }
    }
    Ok(Value::from(text))
}

/// A random whole number below a bound.
pub(in crate::template) fn random_below(bound: usize) -> Outcome<usize> {
    use std::hash::{BuildHasher, Hasher};
    if bound == 0 {
        return Err(Failure::failed("cannot choose from nothing"));
    }
    // a hasher's keys come from the system's random numbers
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_usize(bound);
    let random = hasher.finish() % u64::try_from(bound).unwrap_or(u64::MAX);
    Ok(usize::try_from(random).unwrap_or_default())
}

fn random(call: &Bound<'_>) -> Outcome<Value> {
    if call.some(3).is_some() {
        return Err(call.refuse("`seed` is not supported yet"));
    }
    let value = call.value()?;
    let Some(end) = as_integer(value) else {
        let all = elements(value)?;
        let chosen = random_below(all.len())?;
        return Ok(all.get(chosen).cloned().unwrap_or_default());
    };
    let start = call.integer(1)?.unwrap_or(0);
    let step = call.integer(2)?.unwrap_or(1).max(1);
    let count = usize::try_from((end - start + step - 1) / step).unwrap_or_default();
    let chosen = i128::try_from(random_below(count)?).unwrap_or_default();
    Ok(Value::from(start + chosen * step))
}
