//! `'{}'.format(value)`, format specifications and, in a part of its own, `'%s' % value`.

mod percent;

use minijinja::Value;

use super::access::item;
use super::class::{as_float, is_text, type_name};
use super::integer::digits_in;
use super::markup::{escape, is_markup};
use super::text::{ascii, float_text, repr, text};
use crate::template::failure::{Failure, Outcome};
use crate::template::methods;

pub(in crate::template) use percent::percent;

/// Wider fields are refused.
const MAXIMUM_WIDTH: usize = 100_000;

fn float_body(number: f64, conversion: char, precision: usize, keep_zeros: bool) -> String {
    let precision = precision.min(300);
    if !number.is_finite() {
        let text = float_text(number);
        return if conversion.is_uppercase() { text.to_uppercase() } else { text };
    }
    match conversion {
        'f' | 'F' => format!("{number:.precision$}"),
        'e' | 'E' => {
            let text = exponent_form(number, precision);
            if conversion == 'E' { text.to_uppercase() } else { text }
        }
        _ => {
            let precision = precision.max(1);
            let scientific = format!("{number:.*e}", precision - 1);
            let exponent: i64 = scientific
                .split_once('e')
                .and_then(|(_, exponent)| exponent.parse().ok())
                .unwrap_or_default();
            let limit = i64::try_from(precision).unwrap_or(i64::MAX);
            let text = if exponent < -4 || exponent >= limit {
                let text = exponent_form(number, precision - 1);
                match text.split_once('e') {
                    Some((mantissa, exponent)) if !keep_zeros => {
                        format!("{}e{exponent}", trim_zeros(mantissa))
                    }
                    _ => text,
                }
            } else {
                let decimals = usize::try_from(limit - 1 - exponent).unwrap_or_default();
                let text = format!("{number:.decimals$}");
                if keep_zeros { text } else { trim_zeros(&text).to_owned() }
            };
            if conversion == 'G' { text.to_uppercase() } else { text }
        }
    }
}

fn exponent_form(number: f64, precision: usize) -> String {
    let scientific = format!("{number:.precision$e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Text in a field.
fn pad(body: &str, width: usize, align: char, fill: char) -> String {
    let missing = width.min(MAXIMUM_WIDTH).saturating_sub(body.chars().count());
    let (left, right) = match align {
        '<' => (0, missing),
        '^' => (missing / 2, missing - missing / 2),
        _ => (missing, 0),
    };
    let fill = |count: usize| fill.to_string().repeat(count);
    format!("{}{body}{}", fill(left), fill(right))
}

/// What a template is filled with.
struct Arguments<'a> {
    positional: &'a [Value],
    named: &'a [(String, Value)],
    /// The template is HTML: what is put in is escaped.
    html: bool,
}

/// `template.format(*positional, **named)`
pub(in crate::template) fn format_method(
    template: &Value,
    positional: &[Value],
    named: &[(String, Value)],
) -> Outcome<String> {
    let arguments = Arguments { positional, named, html: is_markup(template) };
    format_nested(template.as_str().unwrap_or_default(), &arguments, &mut Numbering::None, 0)
}

/// How the fields of a template are numbered so far.
enum Numbering {
    None,
    Automatic(usize),
    Manual,
}

fn format_nested(
    template: &str,
    arguments: &Arguments<'_>,
    numbering: &mut Numbering,
    depth: usize,
) -> Outcome<String> {
    if depth > 2 {
        return Err(Failure::failed("Max string recursion exceeded"));
    }
    let mut out = String::new();
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' if letters.next_if_eq(&'{').is_some() => out.push('{'),
            '}' if letters.next_if_eq(&'}').is_some() => out.push('}'),
            '}' => {
                return Err(Failure::failed("Single '}' encountered in format string"));
            }
            '{' => {
                let mut level = 1;
                let mut field = String::new();
                for letter in letters.by_ref() {
                    match letter {
                        '{' => level += 1,
                        '}' => level -= 1,
                        _ => {}
                    }
                    if level == 0 {
                        break;
                    }
                    field.push(letter);
                }
                if level != 0 && field.is_empty() {
                    return Err(Failure::failed("Single '{' encountered in format string"));
                }
                if level != 0 {
                    return Err(Failure::failed("expected '}' before end of string"));
                }
                let (name, spec) = match field.split_once(':') {
                    Some((name, spec)) => (name, spec),
                    None => (field.as_str(), ""),
                };
                let (name, conversion) = match name.split_once('!') {
                    Some((name, conversion)) => (name, conversion),
                    None => (name, ""),
                };
                let value = format_field(name, arguments, numbering)?;
                let spec = format_nested(spec, arguments, numbering, depth + 1)?;
                let value = match conversion {
                    "r" => Value::from(repr(&value)?),
                    "a" => Value::from(ascii(&value)?),
                    "s" => Value::from(text(&value)?),
                    _ => value,
                };
                out.push_str(&match (arguments.html, is_markup(&value)) {
                    (true, true) if !spec.is_empty() => {
                        let message = "Unsupported format specification for Markup.";
                        return Err(Failure::failed(message));
                    }
                    (true, false) => escape(&format_spec(&value, &spec)?),
                    _ => format_spec(&value, &spec)?,
                });
            }
            letter => out.push(letter),
        }
    }
    Ok(out)
}

fn format_field(
    name: &str,
    Arguments { positional, named, html }: &Arguments<'_>,
    numbering: &mut Numbering,
) -> Outcome<Value> {
    let first_end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, mut rest) = name.split_at(first_end);
    let position = match (first.parse::<usize>().ok(), &numbering) {
        (None, _) if !first.is_empty() => None,
        (Some(_), Numbering::Automatic(_)) => {
            return Err(Failure::failed(
                "cannot switch from automatic field numbering to manual field specification",
            ));
        }
        (Some(index), _) => {
            *numbering = Numbering::Manual;
            Some(index)
        }
        (None, Numbering::Manual) => {
            return Err(Failure::failed(
                "cannot switch from manual field specification to automatic field numbering",
            ));
        }
        (None, numbered) => {
            let index = if let Numbering::Automatic(next) = numbered { *next } else { 0 };
            *numbering = Numbering::Automatic(index + 1);
            Some(index)
        }
    };
    let mut value = match position {
        Some(index) => positional.get(index).cloned().ok_or_else(|| {
            Failure::failed(match html {
                true => "tuple index out of range".to_owned(),
                false => {
                    format!("Replacement index {index} out of range for positional args tuple")
                }
            })
        })?,
        None => named
            .iter()
            .find(|(key, _)| key == first)
            .map(|(_, value)| value.clone())
            .ok_or_else(|| Failure::failed(format!("'{first}'")))?,
    };
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (attribute, remaining) = after.split_at(end);
            value = methods::attribute(&value, attribute).ok_or_else(|| {
                let kind = type_name(&value);
                Failure::failed(format!("'{kind}' object has no attribute '{attribute}'"))
            })?;
            rest = remaining;
        } else if let Some((key, remaining)) =
            rest.strip_prefix('[').and_then(|after| after.split_once(']'))
        {
            let key = key.parse::<i128>().map_or_else(|_| Value::from(key), Value::from);
            value = item(&value, &key)?;
            rest = remaining;
        } else {
            return Err(Failure::failed(
                "Only '.' or '[' may follow ']' in format field specifier",
            ));
        }
    }
    Ok(value)
}

struct Spec {
    fill: char,
    align: Option<char>,
    sign: char,
    alternate: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn parse_spec(spec: &str) -> Option<Spec> {
    let letters: Vec<char> = spec.chars().collect();
    let mut parsed = Spec {
        fill: ' ',
        align: None,
        sign: '-',
        alternate: false,
        width: 0,
        group: None,
        precision: None,
        kind: None,
    };
    let is_align = |letter: Option<&char>| letter.is_some_and(|letter| "<>=^".contains(*letter));
    let mut at = 0;
    if is_align(letters.get(1)) {
        parsed.fill = *letters.first()?;
        parsed.align = letters.get(1).copied();
        at = 2;
    } else if is_align(letters.first()) {
        parsed.align = letters.first().copied();
        at = 1;
    }
    if let Some(sign @ ('+' | '-' | ' ')) = letters.get(at) {
        parsed.sign = *sign;
        at += 1;
    }
    if letters.get(at) == Some(&'#') {
        parsed.alternate = true;
        at += 1;
    }
    if letters.get(at) == Some(&'0') {
        if parsed.align.is_none() {
            parsed.fill = '0';
            parsed.align = Some('=');
        }
        at += 1;
    }
    let digits = |at: &mut usize| {
        let start = *at;
        while letters.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        letters.get(start..*at).unwrap_or_default().iter().collect::<String>().parse().ok()
    };
    parsed.width = digits(&mut at).unwrap_or(0);
    if let Some(group @ (',' | '_')) = letters.get(at) {
        parsed.group = Some(*group);
        at += 1;
    }
    if letters.get(at) == Some(&'.') {
        at += 1;
        parsed.precision = Some(digits(&mut at)?);
    }
    if let Some(kind) = letters.get(at) {
        parsed.kind = Some(*kind);
        at += 1;
    }
    (at == letters.len()).then_some(parsed)
}

/// `format(value, spec)`
pub(in crate::template) fn format_spec(value: &Value, spec: &str) -> Outcome<String> {
    if spec.is_empty() {
        return text(value);
    }
    let Some(parsed) = parse_spec(spec) else {
        return Err(Failure::failed("Invalid format specifier"));
    };
    if is_text(value) {
        if parsed.kind.is_some_and(|kind| kind != 's') {
            return Err(Failure::failed(format!(
                "Unknown format code '{}' for object of type 'str'",
                parsed.kind.unwrap_or_default()
            )));
        }
        let body = text(value)?;
        let body = match parsed.precision {
            Some(precision) => body.chars().take(precision).collect(),
            None => body,
        };
        // zeros in front of the width fill texts at their end
        let align = parsed.align.filter(|align| *align != '=').unwrap_or('<');
        return Ok(pad(&body, parsed.width, align, parsed.fill));
    }
    let Some((negative, body)) = number_body(value, &parsed)? else {
        return Err(Failure::failed(format!(
            "unsupported format string passed to {}.__format__",
            type_name(value)
        )));
    };
    let body = match parsed.group {
        Some(group) => grouped(&body, group),
        None => body,
    };
    let sign = match (negative, parsed.sign) {
        (true, _) => "-",
        (false, '+') => "+",
        (false, ' ') => " ",
        _ => "",
    };
    Ok(match parsed.align.unwrap_or('>') {
        '=' => {
            let width = parsed.width.saturating_sub(sign.len());
            format!("{sign}{}", pad(&body, width, '>', parsed.fill))
        }
        align => pad(&format!("{sign}{body}"), parsed.width, align, parsed.fill),
    })
}

fn number_body(value: &Value, spec: &Spec) -> Outcome<Option<(bool, String)>> {
    let kind = spec.kind;
    let base = match kind {
        Some('x' | 'X') => 16,
        Some('o') => 8,
        Some('b') => 2,
        _ => 10,
    };
    if let Some((negative, digits)) = digits_in(value, base)
        && !kind.is_some_and(|kind| "eEfFgG%".contains(kind))
    {
        let (prefix, digits) = match kind {
            None | Some('d' | 'n') => ("", digits),
            Some('x') => ("0x", digits),
            Some('X') => ("0X", digits.to_uppercase()),
            Some('o') => ("0o", digits),
            Some('b') => ("0b", digits),
            Some('c') => {
                let letter = digits.parse::<u32>().ok().and_then(char::from_u32);
                ("", letter.map(String::from).unwrap_or_default())
            }
            Some(other) => {
                return Err(Failure::failed(format!(
                    "Unknown format code '{other}' for object of type 'int'"
                )));
            }
        };
        let prefix = if spec.alternate { prefix } else { "" };
        return Ok(Some((negative, format!("{prefix}{digits}"))));
    }
    let Some(number) = as_float(value) else {
        return Ok(None);
    };
    let magnitude = number.abs();
    let body = match (kind, spec.precision) {
        (None, None) => float_text(magnitude),
        (None, Some(precision)) => {
            let body = float_body(magnitude, 'g', precision, false);
            if body.contains(['.', 'e']) { body } else { format!("{body}.0") }
        }
        (Some('%'), precision) => {
            format!("{}%", float_body(magnitude * 100.0, 'f', precision.unwrap_or(6), false))
        }
        (Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G')), precision) => {
            float_body(magnitude, kind, precision.unwrap_or(6), spec.alternate)
        }
        (Some(other), _) => {
            return Err(Failure::failed(format!(
                "Unknown format code '{other}' for object of type 'float'"
            )));
        }
    };
    Ok(Some((number.is_sign_negative(), body)))
}

fn grouped(body: &str, separator: char) -> String {
    let end = body.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(body.len());
    let (digits, rest) = body.split_at(end);
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(separator);
        }
        out.push(digit);
    }
    out.push_str(rest);
    out
}
