//! Arithmetic, and text to numbers.

use minijinja::Value;
use num_bigint::BigInt;

use super::access::{elements, usable};
use super::class::{Class, as_float, as_integer, class_of, type_name};
use super::containers::{Blank, list, tuple};
use super::format::percent;
use super::integer;
use super::markup::{escaped, is_markup, like, markup};
use crate::template::failure::{Failure, Outcome};
use crate::template::syntax::BinaryOperator;
use crate::template::time;

/// The longest text or list that `*` makes.
const MAXIMUM_REPEAT: usize = 10_000_000;

fn too_large() -> Box<Failure> {
    Failure::failed("the number is too large")
}

fn zero() -> Box<Failure> {
    Failure::failed("division by zero")
}

/// The value of a binary operation.
pub(in crate::template) fn binary(
    operator: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Outcome<Value> {
    usable(left)?;
    usable(right)?;
    if operator == BinaryOperator::Modulo && class_of(left) == Class::Text {
        return percent(left, right);
    }
    if class_of(left) == Class::Blank || class_of(right) == Class::Blank {
        return Err(Blank::failure());
    }
    if let (Some(left), Some(right)) = (as_integer(left), as_integer(right)) {
        return match integers(operator, left, right)? {
            Some(value) => Ok(value),
            None => integer::operate(operator, &Value::from(left), &Value::from(right)),
        };
    }
    if integer::are_whole(left, right) {
        if operator == BinaryOperator::Power
            && let Some(power) = as_integer(right).filter(|power| *power < 0)
        {
            let (base, power) = (as_float(left), as_float(&Value::from(power)));
            return floats(operator, base.unwrap_or_default(), power.unwrap_or_default());
        }
        return integer::operate(operator, left, right);
    }
    if let (Some(first), Some(second)) = (as_float(left), as_float(right)) {
        let grew =
            |value: &Value, float: f64| float.is_infinite() && class_of(value) == Class::Integer;
        if grew(left, first) || grew(right, second) {
            return Err(Failure::failed("int too large to convert to float"));
        }
        return floats(operator, first, second);
    }
    match operator {
        BinaryOperator::Add => add(left, right),
        BinaryOperator::Multiply => repeat(left, right),
        BinaryOperator::Subtract => {
            if let Some(difference) = time::subtract(left, right) {
                return Ok(difference);
            }
            match (class_of(left), class_of(right)) {
                (Class::DateTime, Class::DateTime) if time::are_moments(left, right) => {
                    Err(Failure::failed("can't subtract offset-naive and offset-aware datetimes"))
                }
                _ => unsupported("-", left, right),
            }
        }
        BinaryOperator::Divide => unsupported("/", left, right),
        BinaryOperator::FloorDivide => unsupported("//", left, right),
        BinaryOperator::Modulo => unsupported("%", left, right),
        BinaryOperator::Power => unsupported("** or pow()", left, right),
    }
}

fn unsupported(operator: &str, left: &Value, right: &Value) -> Outcome<Value> {
    Err(Failure::failed(format!(
        "unsupported operand type(s) for {operator}: '{}' and '{}'",
        type_name(left),
        type_name(right)
    )))
}

#[expect(clippy::cast_precision_loss, reason = "Python rounds large whole numbers likewise")]
fn integers(operator: BinaryOperator, left: i128, right: i128) -> Outcome<Option<Value>> {
    let result = match operator {
        BinaryOperator::Add => left.checked_add(right),
        BinaryOperator::Subtract => left.checked_sub(right),
        BinaryOperator::Multiply => left.checked_mul(right),
        BinaryOperator::Divide => {
            if right == 0 {
                return Err(zero());
            }
            // both are exact as floats, or it is rounded once
            let exact = |number: i128| number.unsigned_abs() <= 1 << 53;
            if !exact(left) || !exact(right) {
                return Ok(None);
            }
            return Ok(Some(Value::from(left as f64 / right as f64)));
        }
        BinaryOperator::FloorDivide => floor_divide(left, right)?,
        BinaryOperator::Modulo => modulo(left, right)?,
        BinaryOperator::Power => {
            if right < 0 {
                return floats(operator, left as f64, right as f64).map(Some);
            }
            u32::try_from(right).ok().and_then(|power| left.checked_pow(power))
        }
    };
    Ok(result.map(Value::from))
}

/// `a // b`
fn floor_divide(left: i128, right: i128) -> Outcome<Option<i128>> {
    if right == 0 {
        return Err(Failure::failed("integer division or modulo by zero"));
    }
    let Some(quotient) = left.checked_div(right) else { return Ok(None) };
    let inexact = left % right != 0 && ((left < 0) != (right < 0));
    Ok(Some(if inexact { quotient - 1 } else { quotient }))
}

/// `a % b`, with the sign of `b`.
fn modulo(left: i128, right: i128) -> Outcome<Option<i128>> {
    if right == 0 {
        return Err(Failure::failed("integer modulo by zero"));
    }
    let Some(rest) = left.checked_rem(right) else { return Ok(None) };
    Ok(Some(if rest != 0 && ((rest < 0) != (right < 0)) { rest + right } else { rest }))
}

fn floats(operator: BinaryOperator, left: f64, right: f64) -> Outcome<Value> {
    let divides = matches!(
        operator,
        BinaryOperator::Divide | BinaryOperator::FloorDivide | BinaryOperator::Modulo
    );
    if divides && right == 0.0 {
        return Err(match operator {
            BinaryOperator::Divide => Failure::failed("float division by zero"),
            BinaryOperator::Modulo => Failure::failed("float modulo"),
            _ => Failure::failed("float floor division by zero"),
        });
    }
    if operator == BinaryOperator::Power && left == 0.0 && right < 0.0 {
        return Err(Failure::failed("0.0 cannot be raised to a negative power"));
    }
    let rooted = right.fract() != 0.0 && right.is_finite() && left.is_finite();
    if operator == BinaryOperator::Power && left < 0.0 && rooted {
        return Err(Failure::failed("Type 'complex' is unsupported for variable storage."));
    }
    let result = match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => left / right,
        BinaryOperator::FloorDivide => (left / right).floor(),
        BinaryOperator::Modulo => {
            let rest = left % right;
            if rest != 0.0 && ((rest < 0.0) != (right < 0.0)) { rest + right } else { rest }
        }
        BinaryOperator::Power => left.powf(right),
    };
    Ok(Value::from(result))
}

fn add(left: &Value, right: &Value) -> Outcome<Value> {
    match (class_of(left), class_of(right)) {
        (Class::Text, Class::Text) if is_markup(left) || is_markup(right) => {
            Ok(markup(format!("{}{}", escaped(left)?, escaped(right)?)))
        }
        (Class::Text, Class::Text) => {
            let (left, right) =
                (left.as_str().unwrap_or_default(), right.as_str().unwrap_or_default());
            Ok(Value::from(format!("{left}{right}")))
        }
        (Class::List, Class::List) => {
            let mut joined = elements(left)?;
            joined.extend(elements(right)?);
            Ok(list(joined))
        }
        (Class::Tuple, Class::Tuple) => {
            let mut joined = elements(left)?;
            joined.extend(elements(right)?);
            Ok(tuple(joined))
        }
        (Class::Text, _) if is_markup(left) => unsupported("+", left, right),
        (class @ (Class::Text | Class::List | Class::Tuple), _) => {
            let own = match class {
                Class::Text => "str",
                Class::List => "list",
                _ => "tuple",
            };
            Err(Failure::failed(format!(
                "can only concatenate {own} (not \"{}\") to {own}",
                type_name(right)
            )))
        }
        _ => time::add(left, right).map_or_else(|| unsupported("+", left, right), Ok),
    }
}

fn repeat(left: &Value, right: &Value) -> Outcome<Value> {
    let (repeated, times) = match (as_integer(left), as_integer(right)) {
        (None, Some(times)) => (left, times),
        (Some(times), None) => (right, times),
        _ => {
            let sequence =
                |value: &Value| matches!(class_of(value), Class::Text | Class::List | Class::Tuple);
            let other = if sequence(left) { right } else { left };
            if !sequence(left) && !sequence(right) {
                return unsupported("*", left, right);
            }
            if is_markup(left) {
                let class = type_name(right);
                return Err(Failure::failed(format!(
                    "'{class}' object cannot be interpreted as an integer"
                )));
            }
            return Err(Failure::failed(format!(
                "can't multiply sequence by non-int of type '{}'",
                type_name(other)
            )));
        }
    };
    let times = usize::try_from(times.max(0)).map_err(|_| too_large())?;
    let fits = |length: usize| length.checked_mul(times).is_some_and(|size| size <= MAXIMUM_REPEAT);
    match class_of(repeated) {
        Class::Text => {
            let text = repeated.as_str().unwrap_or_default();
            if !fits(text.len()) {
                return Err(Failure::failed("the text would be too long"));
            }
            Ok(like(repeated, text.repeat(times)))
        }
        class @ (Class::List | Class::Tuple) => {
            let once = elements(repeated)?;
            if !fits(once.len()) {
                return Err(Failure::failed("the list would be too long"));
            }
            let all: Vec<Value> = std::iter::repeat_n(once, times).flatten().collect();
            Ok(if class == Class::List { list(all) } else { tuple(all) })
        }
        _ => unsupported("*", left, right),
    }
}

/// `-value`
pub(in crate::template) fn negate(value: &Value) -> Outcome<Value> {
    if class_of(value) == Class::Blank {
        return Err(Blank::failure());
    }
    usable(value)?;
    if let Some(number) = as_integer(value) {
        return Ok(number
            .checked_neg()
            .map_or_else(|| integer::whole(-BigInt::from(number)), Value::from));
    }
    if let Some(number) = integer::as_whole(value) {
        return Ok(integer::whole(-number));
    }
    if let Some(number) = as_float(value) {
        return Ok(Value::from(-number));
    }
    Err(Failure::failed(format!("bad operand type for unary -: '{}'", type_name(value))))
}

/// `abs(value)`
pub(in crate::template) fn absolute(value: &Value) -> Outcome<Value> {
    usable(value)?;
    if let Some(number) = as_integer(value) {
        return Ok(number
            .checked_abs()
            .map_or_else(|| integer::whole(-BigInt::from(number)), Value::from));
    }
    if let Some(number) = integer::as_whole(value) {
        return Ok(integer::whole(BigInt::from(number.magnitude().clone())));
    }
    if let Some(number) = as_float(value) {
        return Ok(Value::from(number.abs()));
    }
    Err(Failure::failed(format!("bad operand type for abs(): '{}'", type_name(value))))
}

/// `int(text)` in a base, of at most 128 bits; underscores between digits are fine.
pub(in crate::template) fn parse_integer(text: &str, base: u32) -> Option<i128> {
    i128::try_from(parse_whole(text, base)?).ok()
}

/// `int(text)` in a base.
pub(in crate::template) fn parse_whole(text: &str, base: u32) -> Option<BigInt> {
    if base == 1 || base > 36 {
        return None;
    }
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match (base, lower.get(..2)) {
        (0 | 16, Some("0x")) => (16, lower.get(2..)?),
        (0 | 8, Some("0o")) => (8, lower.get(2..)?),
        (0 | 2, Some("0b")) => (2, lower.get(2..)?),
        (0, _) => (10, lower.as_str()),
        (base, _) => (base, lower.as_str()),
    };
    let well_formed = !digits.is_empty()
        && !digits.starts_with('_')
        && !digits.ends_with('_')
        && !digits.contains("__")
        && digits.chars().all(|digit| digit == '_' || digit.is_digit(base));
    if !well_formed {
        return None;
    }
    let digits = digits.replace('_', "");
    let number = match i128::from_str_radix(&digits, base) {
        Ok(number) => BigInt::from(number),
        Err(_) => integer::parse(&digits, base)?,
    };
    Some(if negative { -number } else { number })
}

/// `float(text)`
pub(in crate::template) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text).to_ascii_lowercase();
    let named = matches!(unsigned.as_str(), "inf" | "infinity" | "nan");
    let begins = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !named && (!begins || unsigned.ends_with('_')) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Python's `round`: to the even neighbour where both are as near.
pub(in crate::template) fn round_half_even(number: f64, precision: i32) -> f64 {
    if !number.is_finite() || precision > 300 {
        return number;
    }
    if let Ok(digits) = usize::try_from(precision) {
        return format!("{number:.digits$}").parse().unwrap_or(number);
    }
    let scale = 10_f64.powi(-precision);
    (number / scale).round_ties_even() * scale
}
