//! `'%s' % value`, `'{}'.format(value)` and format specifications.

use minijinja::Value;

use super::access::{elements, item, mapping_get};
use super::class::{Class, as_float, as_integer, class_of, is_text, type_name};
use super::integer::{digits_in, whole_of_float};
use super::text::{ascii, float_text, repr, text};
use crate::template::failure::{Failure, Outcome};
use crate::template::methods;

/// Wider fields are refused.
const MAXIMUM_WIDTH: usize = 100_000;

/// `template % values`
pub(in crate::template) fn percent(template: &Value, values: &Value) -> Outcome<String> {
    let template = template.as_str().unwrap_or_default();
    let single = [values.clone()];
    let from_tuple;
    let positional: &[Value] = if class_of(values) == Class::Tuple {
        from_tuple = elements(values)?;
        &from_tuple
    } else {
        &single
    };
    let (formatted, used) = percent_values(template, positional, values)?;
    // what has a subscript counts as a mapping of names there
    let named = matches!(class_of(values), Class::Dict | Class::List | Class::Range);
    if used < positional.len() && !named {
        return Err(Failure::failed("not all arguments converted during string formatting"));
    }
    Ok(formatted)
}

fn percent_values(
    template: &str,
    positional: &[Value],
    mapping: &Value,
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
        out.push_str(&percent_one(&value, conversion, &flags, width, precision)?);
    }
    Ok((out, used))
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

/// `template.format(*positional, **named)`
pub(in crate::template) fn format_method(
    template: &str,
    positional: &[Value],
    named: &[(String, Value)],
) -> Outcome<String> {
    let mut numbering = Numbering::None;
    format_nested(template, positional, named, &mut numbering, 0)
}

/// How the fields of a template are numbered so far.
enum Numbering {
    None,
    Automatic(usize),
    Manual,
}

fn format_nested(
    template: &str,
    positional: &[Value],
    named: &[(String, Value)],
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
                let value = format_field(name, positional, named, numbering)?;
                let spec = format_nested(spec, positional, named, numbering, depth + 1)?;
                let value = match conversion {
                    "r" => Value::from(repr(&value)?),
                    "a" => Value::from(ascii(&value)?),
                    "s" => Value::from(text(&value)?),
                    _ => value,
                };
                out.push_str(&format_spec(&value, &spec)?);
            }
            letter => out.push(letter),
        }
    }
    Ok(out)
}

fn format_field(
    name: &str,
    positional: &[Value],
    named: &[(String, Value)],
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
            Failure::failed(format!(
                "Replacement index {index} out of range for positional args tuple"
            ))
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
