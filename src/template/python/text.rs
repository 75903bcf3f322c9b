//! How values print: `str()` and `repr()`.

use std::fmt::Write as _;

use minijinja::Value;

use super::access::{elements, entries, usable};
use super::class::{Class, as_float, class_of};
use super::containers::{Dict, RangeValue};
use super::integer::digits;
use super::markup::is_markup;
use super::nesting::deeper;
use crate::template::eval::Callable;
use crate::template::failure::Outcome;
use crate::template::time::{DateTime, Day, DayTime, TimeDelta, iso_text};

/// `str.isspace` of a letter: blanks of Unicode, and the separators of ASCII.
pub(in crate::template) fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

/// `str(value)`
pub(in crate::template) fn text(value: &Value) -> Outcome<String> {
    match class_of(value) {
        Class::Text => Ok(value.as_str().unwrap_or_default().to_owned()),
        Class::DateTime | Class::TimeDelta => Ok(time_text(value)),
        Class::Blank => Ok(String::new()),
        _ => repr(value),
    }
}

fn time_text(value: &Value) -> String {
    if let Some(delta) = value.downcast_object_ref::<TimeDelta>() {
        return delta.to_string();
    }
    match value.downcast_object_ref::<DateTime>() {
        Some(moment) => moment.to_string(),
        None => iso_text(value).unwrap_or_default(),
    }
}

/// `repr(value)`
pub(in crate::template) fn repr(value: &Value) -> Outcome<String> {
    let mut out = String::new();
    write_repr(value, &mut out)?;
    Ok(out)
}

fn write_repr(value: &Value, out: &mut String) -> Outcome<()> {
    usable(value)?;
    match class_of(value) {
        Class::None => out.push_str("None"),
        Class::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        Class::Integer => out.push_str(&digits(value)?),
        Class::Float => out.push_str(&float_text(as_float(value).unwrap_or_default())),
        Class::Text if is_markup(value) => {
            out.push_str("Markup(");
            repr_text(value.as_str().unwrap_or_default(), out);
            out.push(')');
        }
        Class::Text => repr_text(value.as_str().unwrap_or_default(), out),
        Class::Bytes => {
            out.push('b');
            let bytes = value.as_bytes().unwrap_or_default();
            let text: String =
                bytes.iter().map(|byte| std::ascii::escape_default(*byte).to_string()).collect();
            let _ = write!(out, "'{text}'");
        }
        Class::List => write_elements(&elements(value)?, "[", "]", out)?,
        Class::Tuple => {
            let elements = elements(value)?;
            let close = if elements.len() == 1 { ",)" } else { ")" };
            write_elements(&elements, "(", close, out)?;
        }
        Class::Dict => write_entries(value, out)?,
        Class::Range => {
            if let Some(RangeValue { start, stop, step }) = value.downcast_object_ref() {
                let _ = match step {
                    1 => write!(out, "range({start}, {stop})"),
                    _ => write!(out, "range({start}, {stop}, {step})"),
                };
            }
        }
        Class::DateTime => {
            if let Some(moment) = value.downcast_object_ref::<DateTime>() {
                out.push_str(&moment.repr());
            } else if let Some(day) = value.downcast_object_ref::<Day>() {
                out.push_str(&day.repr());
            } else if let Some(time) = value.downcast_object_ref::<DayTime>() {
                out.push_str(&time.repr());
            }
        }
        Class::TimeDelta => {
            if let Some(delta) = value.downcast_object_ref::<TimeDelta>() {
                out.push_str(&delta.repr());
            }
        }
        Class::Callable => {
            let callable = value.downcast_object_ref::<Callable>();
            let name = callable.map(Callable::name).unwrap_or_default();
            let _ = match callable {
                Some(Callable::Macro { .. }) => write!(out, "<Macro '{name}'>"),
                _ => write!(out, "<function {name}>"),
            };
        }
        Class::Omit => out.push_str("<<Omit>>"),
        Class::Blank => out.push_str("Undefined"),
        Class::Undefined | Class::Unknown | Class::Invalid => {}
        Class::Other => {
            let _ = write!(out, "{value}");
        }
    }
    Ok(())
}

fn write_elements(elements: &[Value], open: &str, close: &str, out: &mut String) -> Outcome<()> {
    out.push_str(open);
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        deeper(|| write_repr(element, out))?;
    }
    out.push_str(close);
    Ok(())
}

fn write_entries(value: &Value, out: &mut String) -> Outcome<()> {
    let namespace = value.downcast_object_ref::<Dict>().is_some_and(|dict| dict.namespace);
    out.push_str(if namespace { "<Namespace {" } else { "{" });
    for (index, (key, entry)) in entries(value)?.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(key, out)?;
        out.push_str(": ");
        deeper(|| write_repr(entry, out))?;
    }
    out.push_str(if namespace { "}>" } else { "}" });
    Ok(())
}

/// `ascii(value)`
pub(in crate::template) fn ascii(value: &Value) -> Outcome<String> {
    let mut out = String::new();
    for letter in repr(value)?.chars() {
        let code = u32::from(letter);
        let _ = match code {
            0..=0x7f => write!(out, "{letter}"),
            0x80..=0xff => write!(out, "\\x{code:02x}"),
            0x100..=0xffff => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    Ok(out)
}

/// A string as Python writes it in quotes.
pub(in crate::template) fn repr_text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            letter if is_printable(letter) => out.push(letter),
            letter => {
                let code = u32::from(letter);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// Python's `str.isprintable`, without the unassigned code points.
fn is_printable(letter: char) -> bool {
    let code = u32::from(letter);
    !(letter.is_control()
        || (letter.is_whitespace() && letter != ' ')
        || matches!(code, 0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e)
        || matches!(code, 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
        || matches!(code, 0xd800..=0xf8ff | 0xfeff | 0xfff9..=0xfffb | 0xe0000..))
}

/// A floating-point number as Python prints it.
pub(in crate::template) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
