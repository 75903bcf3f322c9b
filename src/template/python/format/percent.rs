//! `'%s' % value`.

use minijinja::Value;

use super::super::access::{elements, mapping_get};
use super::super::arithmetic::{parse_float, parse_whole};
use super::super::class::{Class, as_float, as_integer, class_of, type_name};
use super::super::integer::{digits_in, whole, whole_of_float};
use super::super::markup::{escape, escaped, is_markup, markup};
use super::super::text::{ascii, repr, text};
use super::{MAXIMUM_WIDTH, float_body, pad};
use crate::template::failure::{Failure, Outcome};

/// `template % values`
pub(in crate::template) fn percent(template: &Value, values: &Value) -> Outcome<Value> {
    let html = is_markup(template);
    let single = [values.clone()];
    let from_tuple;
    let positional: &[Value] = if class_of(values) == Class::Tuple {
        from_tuple = elements(values)?;
        &from_tuple
    } else {
        &single
    };
    let (formatted, used) =
        percent_values(template.as_str().unwrap_or_default(), positional, values, html)?;
    // what has a subscript counts as a mapping of names there
    let named = matches!(class_of(values), Class::Dict | Class::List | Class::Range);
    if used < positional.len() && !named {
        return Err(Failure::failed("not all arguments converted during string formatting"));
    }
    Ok(if html { markup(formatted) } else { Value::from(formatted) })
}

fn percent_values(
    template: &str,
    positional: &[Value],
    mapping: &Value,
    html: bool,
) -> Outcome<(String, usize)> {
    let mut out = String::new();
    let mut used = 0;
    let mut next = || {
        let value = positional.get(used).cloned();
        used += 1;
        value.ok_or_else(|| Failure::failed("not enough arguments for format string"))
    };
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut named = None;
        if letters.next_if_eq(&'(').is_some() {
            let name: String = letters.by_ref().take_while(|letter| *letter != ')').collect();
            named = Some(mapping_value(mapping, &name)?);
        }
        let mut flags = String::new();
        while let Some(flag) = letters.next_if(|letter| "-+ 0#".contains(*letter)) {
            flags.push(flag);
        }
        let number = |letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
                      next: &mut dyn FnMut() -> Outcome<Value>|
         -> Outcome<Option<usize>> {
            if letters.next_if_eq(&'*').is_some() {
                let value = next()?;
                return Ok(as_integer(&value).and_then(|width| usize::try_from(width).ok()));
            }
            let mut digits = String::new();
            while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            Ok(digits.parse().ok())
        };
        let width = number(&mut letters, &mut next)?.unwrap_or_default().min(MAXIMUM_WIDTH);
        let mut precision = None;
        if letters.next_if_eq(&'.').is_some() {
            precision = Some(number(&mut letters, &mut next)?.unwrap_or_default());
        }
        while letters.next_if(|letter| "hlL".contains(*letter)).is_some() {}
        let Some(conversion) = letters.next() else {
            return Err(Failure::failed("incomplete format"));
        };
        if conversion == '%' {
            out.push('%');
            continue;
        }
        let value = match named {
            Some(value) => value,
            None => next()?,
        };
        let (value, conversion) =
            if html { put_into_markup(&value, conversion)? } else { (value, conversion) };
        out.push_str(&percent_one(&value, conversion, &flags, width, precision)?);
    }
    Ok((out, used))
}

/// A value and a conversion as they are where HTML is made: texts escaped, or the number that a
/// text can be made.
fn put_into_markup(value: &Value, conversion: char) -> Outcome<(Value, char)> {
    let value = match conversion {
        's' => Value::from(escaped(value)?),
        'r' => return Ok((Value::from(escape(&repr(value)?)), 's')),
        'a' => return Ok((Value::from(escape(&ascii(value)?)), 's')),
        'c' => return Err(Failure::failed("%c requires int or char")),
        'x' | 'X' | 'o' => {
            return Err(Failure::failed(format!(
                "%{conversion} format: an integer is required, not _MarkupEscapeHelper"
            )));
        }
        'd' | 'i' | 'u' => match value.as_str() {
            Some(number) => whole(parse_whole(number, 10).ok_or_else(|| {
                let shown = repr(value).unwrap_or_default();
                Failure::failed(format!("invalid literal for int() with base 10: {shown}"))
            })?),
            None => value.clone(),
        },
        _ => match value.as_str() {
            Some(number) => Value::from(parse_float(number).ok_or_else(|| {
                let shown = repr(value).unwrap_or_default();
                Failure::failed(format!("could not convert string to float: {shown}"))
            })?),
            None => value.clone(),
        },
    };
    Ok((value, conversion))
}

fn mapping_value(mapping: &Value, name: &str) -> Outcome<Value> {
    if class_of(mapping) != Class::Dict {
        return Err(Failure::failed("format requires a mapping"));
    }
    mapping_get(mapping, &Value::from(name))?.ok_or_else(|| Failure::failed(format!("'{name}'")))
}

fn percent_one(
    value: &Value,
    conversion: char,
    flags: &str,
    width: usize,
    precision: Option<usize>,
) -> Outcome<String> {
    let body = match conversion {
        's' | 'r' | 'a' => {
            let body = match conversion {
                's' => text(value)?,
                'r' => repr(value)?,
                _ => ascii(value)?,
            };
            let body = match precision {
                Some(precision) => body.chars().take(precision).collect(),
                None => body,
            };
            return Ok(pad(&body, width, if flags.contains('-') { '<' } else { '>' }, ' '));
        }
        'c' => match (value.as_str(), as_integer(value)) {
            (Some(letter), _) => letter.to_owned(),
            (None, Some(code)) => u32::try_from(code)
                .ok()
                .and_then(char::from_u32)
                .map(String::from)
                .ok_or_else(|| Failure::failed("%c arg not in range(0x110000)"))?,
            _ => return Err(Failure::failed("%c requires int or char")),
        },
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            let base = match conversion {
                'x' | 'X' => 16,
                'o' => 8,
                _ => 10,
            };
            let number = match (digits_in(value, base), as_float(value)) {
                (Some(number), _) => Some(number),
                (None, Some(number)) if "diu".contains(conversion) => {
                    digits_in(&whole_of_float(number), base)
                }
                _ => None,
            };
            let Some((negative, digits)) = number else {
                let wanted =
                    if "diu".contains(conversion) { "a real number" } else { "an integer" };
                return Err(Failure::failed(format!(
                    "%{conversion} format: {wanted} is required, not {}",
                    type_name(value)
                )));
            };
            let digits = if conversion == 'X' { digits.to_uppercase() } else { digits };
            let prefix = match conversion {
                'x' if flags.contains('#') => "0x",
                'X' if flags.contains('#') => "0X",
                'o' if flags.contains('#') => "0o",
                _ => "",
            };
            let digits = format!("{digits:0>width$}", width = precision.unwrap_or(1));
            return Ok(signed(negative, &format!("{prefix}{digits}"), flags, width));
        }
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            let number = as_float(value).ok_or_else(|| {
                Failure::failed(format!("must be real number, not {}", type_name(value)))
            })?;
            let body =
                float_body(number.abs(), conversion, precision.unwrap_or(6), flags.contains('#'));
            return Ok(signed(number.is_sign_negative(), &body, flags, width));
        }
        other => {
            return Err(Failure::failed(format!("unsupported format character '{other}'")));
        }
    };
    Ok(pad(&body, width, if flags.contains('-') { '<' } else { '>' }, ' '))
}

fn signed(negative: bool, body: &str, flags: &str, width: usize) -> String {
    let sign = if negative {
        "-"
    } else if flags.contains('+') {
        "+"
    } else if flags.contains(' ') {
        " "
    } else {
        ""
    };
    if flags.contains('-') {
        return pad(&format!("{sign}{body}"), width, '<', ' ');
    }
    if flags.contains('0') {
        let zeros = width.saturating_sub(sign.len());
        return format!("{sign}{}", pad(body, zeros, '>', '0'));
    }
    pad(&format!("{sign}{body}"), width, '>', ' ')
}
