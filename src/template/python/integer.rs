//! Whole numbers without bounds: those beyond 128 bits are objects of their own.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};
use num_bigint::BigInt;

use super::class::{Class, as_integer, class_of};
use crate::template::failure::{Failure, Outcome};
use crate::template::syntax::BinaryOperator;
use crate::template::work::spend;

/// Larger numbers are not made.
const MOST_BITS: u64 = 1 << 20;

/// Python writes no number with more digits.
const MOST_DIGITS: usize = 4300;

/// A whole number that does not fit into 128 bits.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::template) struct Large(BigInt);

impl Object for Large {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, formatter)
    }
}

/// Whether a value is a number beyond 128 bits.
pub(super) fn is_large(value: &Value) -> bool {
    value.downcast_object_ref::<Large>().is_some()
}

/// A whole number of any size; booleans count, as in Python.
pub(in crate::template) fn as_whole(value: &Value) -> Option<BigInt> {
    if let Some(large) = value.downcast_object_ref::<Large>() {
        return Some(large.0.clone());
    }
    as_integer(value).map(BigInt::from)
}

/// The value of a whole number.
pub(in crate::template) fn whole(number: BigInt) -> Value {
    match i128::try_from(&number) {
        Ok(small) => i64::try_from(small).map_or_else(|_| Value::from(small), Value::from),
        Err(_) => Value::from_object(Large(number)),
    }
}

/// A number as floating point; infinite where it is too large.
pub(super) fn large_as_float(value: &Value) -> Option<f64> {
    let large = value.downcast_object_ref::<Large>()?;
    large.0.to_string().parse().ok()
}

/// The whole part of a finite number.
pub(in crate::template) fn whole_of_float(number: f64) -> Value {
    let text = format!("{:.0}", number.trunc());
    text.parse::<BigInt>().map_or_else(|_| Value::from(0), whole)
}

/// Its digits; Python refuses to write numbers that are too long.
pub(in crate::template) fn digits(value: &Value) -> Outcome<String> {
    let Some(large) = value.downcast_object_ref::<Large>() else { return Ok(value.to_string()) };
    // a digit is 3.32 bits
    if large.0.bits() > 4 * MOST_DIGITS as u64 {
        return Err(too_long());
    }
    let text = large.0.to_string();
    if text.trim_start_matches('-').len() > MOST_DIGITS { Err(too_long()) } else { Ok(text) }
}

fn too_long() -> Box<Failure> {
    Failure::failed(format!(
        "Exceeds the limit ({MOST_DIGITS} digits) for integer string conversion; use \
         sys.set_int_max_str_digits() to increase the limit"
    ))
}

/// The digits in a base (2, 8, 10, 16), and whether it is negative.
pub(super) fn digits_in(value: &Value, base: u32) -> Option<(bool, String)> {
    let number = as_whole(value)?;
    let negative = number.sign() == num_bigint::Sign::Minus;
    Some((negative, number.magnitude().to_str_radix(base)))
}

/// The number of digits in a base.
pub(super) fn parse(digits: &str, base: u32) -> Option<BigInt> {
    (digits.len() <= MOST_DIGITS).then(|| BigInt::parse_bytes(digits.as_bytes(), base)).flatten()
}

/// Whether both are whole numbers, of any size.
pub(super) fn are_whole(left: &Value, right: &Value) -> bool {
    let is_whole = |value: &Value| matches!(class_of(value), Class::Bool | Class::Integer);
    is_whole(left) && is_whole(right)
}

/// `left / right`, rounded once; `None` where no float is as large.
#[expect(clippy::cast_precision_loss, reason = "this is where it is rounded")]
fn quotient(left: &BigInt, right: &BigInt) -> Option<f64> {
    const DIGITS: i64 = 66;
    let bits = |number: &BigInt| i64::try_from(number.bits()).unwrap_or(i64::MAX);
    let shift = DIGITS - (bits(left) - bits(right));
    let (mut over, mut under) = (left.magnitude().clone(), right.magnitude().clone());
    match u64::try_from(shift) {
        Ok(up) => over <<= up,
        Err(_) => under <<= shift.unsigned_abs(),
    }
    let whole = &over / &under;
    let inexact = whole.clone() * under != over;
    // what is cut off counts for the rounding
    let whole = u128::try_from(whole).ok()? | u128::from(inexact);
    let power = i32::try_from(-shift).ok()?;
    let half = power / 2;
    let size = whole as f64 * 2_f64.powi(half) * 2_f64.powi(power - half);
    let negative = left.sign() != right.sign() && left.sign() != num_bigint::Sign::NoSign;
    size.is_finite().then_some(if negative { -size } else { size })
}

/// An operation whose numbers or result go beyond 128 bits.
pub(super) fn operate(operator: BinaryOperator, left: &Value, right: &Value) -> Outcome<Value> {
    let too_large = || Failure::failed("the number is too large");
    let (Some(left), Some(right)) = (as_whole(left), as_whole(right)) else {
        return Err(too_large());
    };
    let zero = BigInt::ZERO;
    let is_negative = |number: &BigInt| *number < zero;
    let cost = (left.bits() + right.bits()) / 64;
    spend(usize::try_from(cost).unwrap_or(usize::MAX))?;
    let divided = |message: &str| match right == zero {
        true => Err(Failure::failed(message)),
        false => Ok((&left / &right, &left % &right)),
    };
    let result = match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => {
            if left.bits() + right.bits() > MOST_BITS {
                return Err(too_large());
            }
            left * right
        }
        BinaryOperator::Divide => {
            if right == zero {
                return Err(Failure::failed("division by zero"));
            }
            let quotient = quotient(&left, &right);
            let too_large = "integer division result too large for a float";
            return quotient.map(Value::from).ok_or_else(|| Failure::failed(too_large));
        }
        BinaryOperator::FloorDivide => {
            let (quotient, rest) = divided("integer division or modulo by zero")?;
            let inexact = rest != zero && is_negative(&rest) != is_negative(&right);
            if inexact { quotient - 1 } else { quotient }
        }
        BinaryOperator::Modulo => {
            let (_, rest) = divided("integer modulo by zero")?;
            let other_side = rest != zero && is_negative(&rest) != is_negative(&right);
            if other_side { rest + right } else { rest }
        }
        BinaryOperator::Power => {
            let Ok(power) = u32::try_from(&right) else { return Err(too_large()) };
            if left.bits().saturating_mul(u64::from(power)) > MOST_BITS {
                return Err(too_large());
            }
            left.pow(power)
        }
    };
    Ok(whole(result))
}
