//! Filters of numbers and sizes.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, Randomness, absolute, as_float, as_integer, class_of, elements, format_spec, is_mapping,
    list, parse_float, repr, round_half_even, text, truth, type_name,
};
use crate::template::regex::{Flags, compiled};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("abs", &["value"], |call| absolute(call.value()?)),
    filter("round", &["value", "precision", "method"], round),
    filter("log", &["x", "base"], |call| {
        let number = number(call, 0, "log")?;
        if number <= 0.0 {
            return Err(Failure::failed("math domain error"));
        }
        Ok(Value::from(match call.some(1) {
            None => number.ln(),
            Some(_) => {
                let base = self::number(call, 1, "log")?;
                if (base - 10.0).abs() < f64::EPSILON {
                    number.log10()
                } else {
                    number.ln() / base.ln()
                }
            }
        }))
    }),
    filter("pow", &["x", "y"], |call| {
        let (base, power) = (number(call, 0, "pow")?, number(call, 1, "pow")?);
        let result = base.powf(power);
        if result.is_nan() && !base.is_nan() && !power.is_nan() {
            return Err(Failure::failed("math domain error"));
        }
        if result.is_infinite() && base.is_finite() && power.is_finite() {
            let zero = base == 0.0;
            return Err(Failure::failed(if zero {
                "math domain error"
            } else {
                "math range error"
            }));
        }
        Ok(Value::from(result))
    }),
    filter("root", &["x", "base"], |call| {
        let base = match call.some(1) {
            None => 2.0,
            Some(base) => match base.as_str() {
                Some(text) => parse_float(text).ok_or_else(|| {
                    Failure::failed(format!(
                        "root() can only be used on numbers: could not convert string to float: '{text}'"
                    ))
                })?,
                None => number(call, 1, "root")?,
            },
        };
        let value = number(call, 0, "root")?;
        if value < 0.0 {
            return Err(Failure::failed("root() can only be used on numbers: math domain error"));
        }
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
        let value = call.value()?;
        let Ok(mut all) = elements(value) else {
            return Ok(value.clone());
        };
        let seed = match call.some(1) {
            Some(seed) if truth(seed)? => Some(seed),
            _ => None,
        };
        if let Ok(mut randomness) = Randomness::of_seed(seed) {
            randomness.shuffle(&mut all);
        }
        Ok(list(all))
    }),
];

fn number(call: &Bound<'_>, index: usize, function: &str) -> Outcome<f64> {
    let value = call.required(index)?;
    as_float(value).ok_or_else(|| {
        Failure::failed(format!(
            "{function}() can only be used on numbers: must be real number, not {}",
            type_name(value)
        ))
    })
}

fn real(call: &Bound<'_>, index: usize) -> Outcome<f64> {
    let value = call.required(index)?;
    as_float(value)
        .ok_or_else(|| Failure::failed(format!("must be real number, not {}", type_name(value))))
}

/// A whole number, rounded to so many zeros at its end; halves go to the even side.
fn rounded_to_tens(number: i128, zeros: u32) -> i128 {
    let Some(unit) = 10_i128.checked_pow(zeros) else { return 0 };
    let (below, rest) = (number.div_euclid(unit), number.rem_euclid(unit));
    let up = match (rest.saturating_mul(2)).cmp(&unit) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => below.rem_euclid(2),
    };
    below.saturating_add(up).saturating_mul(unit)
}

fn round(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.required(0)?;
    let number = as_float(value).ok_or_else(|| {
        call.refuse(format!("type {} doesn't define __round__ method", type_name(value)))
    })?;
    let precision = i32::try_from(call.integer(1)?.unwrap_or(0)).unwrap_or_default();
    let scale = 10_f64.powi(precision);
    let rounded = match call.text_or(2, "common")?.as_str() {
        "common" => {
            if let (Some(whole), true) = (as_integer(call.value()?), precision >= 0) {
                return Ok(Value::from(whole));
            }
            if let (Some(number), false) = (as_integer(call.value()?), precision >= 0) {
                return Ok(Value::from(rounded_to_tens(number, precision.unsigned_abs())));
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
    let value = call.value()?;
    let Some(size) = as_float(value) else {
        return Err(call.refuse(format!(
            "human_readable() failed on bad input: '>=' not supported between instances of '{}' \
             and 'int'",
            type_name(value)
        )));
    };
    let bits = call.flag(1)?;
    let unit = call.some(2).map(text).transpose()?;
    let base = if bits { "bits" } else { "Bytes" };
    let chosen = UNITS.iter().find(|(suffix, power)| match &unit {
        None => size >= 2_f64.powi(*power),
        Some(unit) => unit.to_uppercase() == **suffix,
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

const UNIT_NAMES: [(&str, &str); 9] = [
    ("B", ""),
    ("K", "kilo"),
    ("M", "mega"),
    ("G", "giga"),
    ("T", "tera"),
    ("P", "peta"),
    ("E", "exa"),
    ("Z", "zeta"),
    ("Y", "yotta"),
];

#[expect(clippy::cast_possible_truncation, reason = "sizes are rounded to whole bytes")]
fn human_to_bytes(call: &Bound<'_>) -> Outcome<Value> {
    let given = call.text(0)?;
    let cannot =
        |why: String| call.refuse(format!("human_to_bytes() can't interpret the input: {why}"));
    let form = compiled(r"^([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*$", Flags::default())?;
    let Some(found) = form.search(&given)? else {
        return Err(cannot(format!("human_to_bytes() can't interpret following string: {given}")));
    };
    let amount = found.get(1).and_then(|amount| parse_float(amount.as_str())).unwrap_or_default();
    let unit = match found.get(2) {
        Some(unit) => Some(unit.as_str().to_owned()),
        None => call.some(1).map(text).transpose()?,
    };
    let Some(unit) = unit else {
        return Ok(Value::from(amount.round_ties_even() as i128));
    };
    let key: String = unit.chars().take(1).collect::<String>().to_uppercase();
    let Some((_, power)) = UNITS.iter().find(|(suffix, _)| *suffix == key) else {
        return Err(cannot(format!(
            "human_to_bytes() failed to convert {given} (unit = {unit}). The suffix must be one \
             of Y, Z, E, P, T, G, M, K, B"
        )));
    };
    if unit.chars().count() > 1 {
        let (class, name) = if call.flag(2)? { ("b", "bit") } else { ("B", "byte") };
        let prefix = UNIT_NAMES.iter().find(|(suffix, _)| *suffix == key).map_or("", |unit| unit.1);
        let (long, short) = match key.as_str() {
            "B" => (name.to_owned(), class.to_owned()),
            _ => (format!("{prefix}{name}"), format!("{key}{class}")),
        };
        if unit.to_lowercase() != long && unit != short {
            let expected = match key.as_str() {
                "B" => format!("expect {class} or {name}"),
                _ => format!("expect {key}{class} or {key}"),
            };
            return Err(cannot(format!(
                "human_to_bytes() failed to convert {given}. Value is not a valid string \
                 ({expected})"
            )));
        }
    }
    Ok(Value::from((amount * 2_f64.powi(*power)).round_ties_even() as i128))
}

fn file_size(call: &Bound<'_>) -> Outcome<Value> {
    let size = match call.value()?.as_str().map(parse_float) {
        Some(Some(size)) => size,
        Some(None) => {
            let shown = repr(call.value()?)?;
            return Err(call.refuse(format!("could not convert string to float: {shown}")));
        }
        _ => real(call, 0)?,
    };
    let binary = call.flag(1)?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if (size - 1.0).abs() < f64::EPSILON {
        return Ok(Value::from("1 Byte"));
    }
    if size < base {
        return Ok(Value::from(format!("{} Bytes", size.trunc() + 0.0)));
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

fn random(call: &Bound<'_>) -> Outcome<Value> {
    let mut randomness = Randomness::of_seed(call.some(3))?;
    let value = call.value()?;
    let optional = |index: usize| -> Outcome<Option<i128>> {
        match call.some(index) {
            Some(value) if truth(value)? => call.integer(index),
            _ => Ok(None),
        }
    };
    let (start, step) = (optional(1)?, optional(2)?);
    let Some(end) = as_integer(value) else {
        if start.is_some() || step.is_some() {
            return Err(call.refuse("start and step can only be used with integer values"));
        }
        if class_of(value) == Class::Float || class_of(value) == Class::None {
            return Err(call.refuse("random can only be used on sequences and integers"));
        }
        if is_mapping(value) {
            // Python asks for an element by its number, which is no key
            return Err(call.refuse(randomness.index(elements(value)?.len())?.to_string()));
        }
        let all = elements(value)?;
        let chosen = randomness.index(all.len())?;
        return Ok(all.get(chosen).cloned().unwrap_or_default());
    };
    let (start, step) = (start.unwrap_or(0), step.unwrap_or(1));
    let width = end - start;
    let count = if step > 0 { (width + step - 1) / step } else { (width + step + 1) / step };
    if count <= 0 {
        return Err(call.refuse(format!("empty range for randrange() ({start}, {end}, {width})")));
    }
    let chosen = randomness.below(count.unsigned_abs());
    Ok(Value::from(start + i128::try_from(chosen).unwrap_or_default() * step))
}
