//! What a scalar is by YAML 1.1, as `PyYAML` resolves it.
//!
//! The shapes are those of <https://yaml.org/type/> as `PyYAML` narrows them: no `y`/`n`
//! booleans, exponents only with a sign and after a point, octal with a bare `0`.

use base64::Engine as _;

use crate::source::Kind;
use crate::source::node::Text;

/// A type that a scalar can have or be tagged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarType {
    /// `!!null`
    Null,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!timestamp`
    Timestamp,
    /// `!!str`
    Str,
    /// `!!binary`
    Binary,
    /// `<<`
    Merge,
    /// `=`
    Value,
}

/// Why a scalar is not a value of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadScalar {
    /// It has not the form.
    Form,
    /// The number is larger than can be held.
    TooLarge,
}

/// The type of a plain scalar.
pub(super) fn resolve(text: &str) -> ScalarType {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarType::Null,
        "<<" => return ScalarType::Merge,
        "=" => return ScalarType::Value,
        _ => {}
    }
    if boolean(text).is_some() && !mixed_case(text) {
        return ScalarType::Bool;
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return ScalarType::Str;
    }
    if is_float(text) {
        ScalarType::Float
    } else if is_int(text) {
        ScalarType::Int
    } else if is_timestamp(text) {
        ScalarType::Timestamp
    } else {
        ScalarType::Str
    }
}

/// The value of a scalar of this type.
pub(super) fn construct(kind: ScalarType, text: &str, plain: bool) -> Result<Kind, BadScalar> {
    Ok(match kind {
        ScalarType::Null => Kind::Null,
        ScalarType::Bool => Kind::Bool(boolean(text).ok_or(BadScalar::Form)?),
        ScalarType::Int => Kind::Int(integer(text)?),
        ScalarType::Float => Kind::Float(float(text).ok_or(BadScalar::Form)?),
        ScalarType::Timestamp if is_timestamp(text) && exists(text) => {
            Kind::Timestamp(text.to_owned())
        }
        ScalarType::Timestamp => return Err(BadScalar::Form),
        ScalarType::Binary => Kind::Binary(bytes(text).ok_or(BadScalar::Form)?),
        ScalarType::Str | ScalarType::Merge | ScalarType::Value => {
            Kind::Str(Text { value: text.to_owned(), plain })
        }
    })
}

/// Bytes from base64; what is no letter of it is passed over, as Python does.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let letter = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let text: String = text.chars().filter(letter).collect();
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

fn boolean(text: &str) -> Option<bool> {
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["yes", "true", "on"].iter().any(is) {
        Some(true)
    } else if ["no", "false", "off"].iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// Whether the word is neither lower, upper nor title case (`yEs` is text).
fn mixed_case(text: &str) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    let lower = rest.bytes().all(|b| b.is_ascii_lowercase());
    let upper = text.bytes().all(|b| b.is_ascii_uppercase());
    !lower && !upper
}

/// Eats a text from its front.
struct Eater<'a>(&'a [u8]);

impl Eater<'_> {
    fn sign(&mut self) -> &mut Self {
        self.one(|b| matches!(b, b'-' | b'+'));
        self
    }

    fn one(&mut self, accept: impl Fn(u8) -> bool) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if accept(*first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn many(&mut self, accept: impl Fn(u8) -> bool) -> usize {
        let mut count = 0;
        while self.one(&accept) {
            count += 1;
        }
        count
    }

    fn word(&mut self, word: &str) -> bool {
        match self.0.strip_prefix(word.as_bytes()) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn end(&self) -> bool {
        self.0.is_empty()
    }

    /// `(:[0-5]?[0-9])+` as far as it goes; how many groups.
    fn sixties(&mut self) -> usize {
        let mut groups = 0;
        while let [b':', rest @ ..] = self.0 {
            let take = match rest {
                [b'0'..=b'5', b'0'..=b'9', ..] => 2,
                [b'0'..=b'9', ..] => 1,
                _ => break,
            };
            self.0 = rest.get(take..).unwrap_or_default();
            groups += 1;
        }
        groups
    }

    /// `([eE][-+][0-9]+)?` and then the end.
    fn exponent_and_end(&mut self) -> bool {
        if self.end() {
            return true;
        }
        self.one(|b| matches!(b, b'e' | b'E'))
            && self.one(|b| matches!(b, b'-' | b'+'))
            && self.many(|b| b.is_ascii_digit()) > 0
            && self.end()
    }
}

fn digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

fn is_float(text: &str) -> bool {
    let mut eater = Eater(text.as_bytes());
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    if matches!(text.strip_prefix(['-', '+']).unwrap_or(text), ".inf" | ".Inf" | ".INF") {
        return true;
    }
    if eater.one(|b| b == b'.') {
        return eater.one(|b| b.is_ascii_digit()) && {
            eater.many(digit_or_underscore);
            eater.exponent_and_end()
        };
    }
    if !eater.sign().one(|b| b.is_ascii_digit()) {
        return false;
    }
    eater.many(digit_or_underscore);
    let sixties = eater.sixties() > 0;
    if !eater.one(|b| b == b'.') {
        return false;
    }
    eater.many(digit_or_underscore);
    if sixties { eater.end() } else { eater.exponent_and_end() }
}

fn is_int(text: &str) -> bool {
    let mut eater = Eater(text.as_bytes());
    eater.sign();
    if eater.word("0b") {
        return eater.many(|b| matches!(b, b'0' | b'1' | b'_')) > 0 && eater.end();
    }
    if eater.word("0x") {
        return eater.many(|b| b.is_ascii_hexdigit() || b == b'_') > 0 && eater.end();
    }
    if eater.word("0") {
        eater.many(|b| matches!(b, b'0'..=b'7' | b'_'));
        return eater.end();
    }
    if !eater.one(|b| b.is_ascii_digit()) {
        return false;
    }
    eater.many(digit_or_underscore);
    eater.sixties();
    eater.end()
}

fn is_timestamp(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit();
    let mut eater = Eater(text.as_bytes());
    if eater.many(digit) != 4 || !eater.word("-") {
        return false;
    }
    let month = eater.many(digit);
    if !eater.word("-") {
        return false;
    }
    let day = eater.many(digit);
    if eater.end() {
        return month == 2 && day == 2;
    }
    let one_or_two = |count: usize| matches!(count, 1 | 2);
    let blank = |b: u8| matches!(b, b' ' | b'\t');
    if !(one_or_two(month) && one_or_two(day)) {
        return false;
    }
    if !eater.one(|b| matches!(b, b'T' | b't')) && eater.many(blank) == 0 {
        return false;
    }
    let time = one_or_two(eater.many(digit))
        && eater.word(":")
        && eater.many(digit) == 2
        && eater.word(":")
        && eater.many(digit) == 2;
    if !time {
        return false;
    }
    if eater.word(".") {
        eater.many(digit);
    }
    if eater.end() {
        return true;
    }
    eater.many(blank);
    if eater.word("Z") {
        return eater.end();
    }
    eater.one(|b| matches!(b, b'-' | b'+'))
        && one_or_two(eater.many(digit))
        && (eater.end() || (eater.word(":") && eater.many(digit) == 2 && eater.end()))
}

/// Whether the calendar has the day and the clock the time of text in the form of a timestamp.
fn exists(text: &str) -> bool {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    let mut next = |default| numbers.next().unwrap_or(default);
    let (year, month, day) = (next(0), next(0), next(0));
    let (hour, minute, second) = (next(0), next(0), next(0));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60
}

fn integer(text: &str) -> Result<i128, BadScalar> {
    let clean = text.replace('_', "");
    let clean = clean.trim();
    let (negative, digits) = match clean.as_bytes().first() {
        Some(b'-') => (true, clean.get(1..).unwrap_or_default()),
        Some(b'+') => (false, clean.get(1..).unwrap_or_default()),
        _ => (false, clean),
    };
    let value = if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16)?
    } else if digits.contains(':') {
        digits.split(':').try_fold(0_i128, |sum, part| {
            sum.checked_mul(60)
                .and_then(|sum| sum.checked_add(radix(part, 10).ok()?))
                .ok_or(BadScalar::Form)
        })?
    } else if digits.len() > 1 && digits.starts_with('0') {
        radix(digits, 8)?
    } else {
        radix(digits, 10)?
    };
    Ok(if negative { -value } else { value })
}

fn radix(digits: &str, radix: u32) -> Result<i128, BadScalar> {
    use std::num::IntErrorKind;
    if digits.starts_with(['-', '+']) {
        return Err(BadScalar::Form);
    }
    i128::from_str_radix(digits, radix).map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow => BadScalar::TooLarge,
        _ => BadScalar::Form,
    })
}

fn float(text: &str) -> Option<f64> {
    let clean = text.replace('_', "").to_ascii_lowercase();
    let clean = clean.trim();
    let (sign, digits) = match clean.as_bytes().first()? {
        b'-' => (-1.0, clean.get(1..)?),
        b'+' => (1.0, clean.get(1..)?),
        _ => (1.0, clean),
    };
    let value = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => return Some(f64::NAN),
        _ if digits.starts_with(['-', '+']) => return None,
        _ if digits.contains(':') => sixties(digits)?,
        _ => digits.parse::<f64>().ok()?,
    };
    Some(sign * value)
}

/// Base-60 digits, summed from the last one as `PyYAML` does (the order decides the rounding).
fn sixties(digits: &str) -> Option<f64> {
    let mut base = 1.0;
    let mut value = 0.0;
    for part in digits.rsplit(':') {
        value += part.parse::<f64>().ok()? * base;
        base *= 60.0;
    }
    Some(value)
}
