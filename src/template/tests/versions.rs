//! `version`.

use std::cmp::Ordering;

use super::{Test, test};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::truth;

/// The family.
pub(super) const TESTS: &[Test] = &[
    test("version", &["value", "version", "operator", "strict", "version_type"], version),
    test("version_compare", &["value", "version", "operator", "strict", "version_type"], version),
];

/// A part of a loose version.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Number(u128),
    Word(String),
}

fn loose(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = |letter: char| {
            if letter.is_ascii_digit() {
                'd'
            } else if letter.is_ascii_lowercase() {
                'w'
            } else if letter == '.' {
                '.'
            } else {
                'o'
            }
        };
        let wanted = kind(first);
        let end = if wanted == '.' {
            1
        } else {
            rest.find(|letter: char| kind(letter) != wanted).unwrap_or(rest.len())
        };
        let (part, after) = rest.split_at(end);
        match part.parse() {
            Ok(number) if wanted == 'd' => parts.push(Part::Number(number)),
            _ if wanted == '.' => {}
            _ => parts.push(Part::Word(part.to_owned())),
        }
        rest = after;
    }
    parts
}

/// The order of versions as Ansible's loose versions have it.
///
/// # Errors
///
/// A number where the other has a word; the message is Python's.
pub(in crate::template) fn compare_loose(left: &str, right: &str) -> Result<Ordering, String> {
    let mismatch = |left: &str, right: &str| {
        Err(format!("'<' not supported between instances of '{left}' and '{right}'"))
    };
    let (left, right) = (loose(left), loose(right));
    for (left, right) in left.iter().zip(&right) {
        let order = match (left, right) {
            (Part::Number(left), Part::Number(right)) => left.cmp(right),
            (Part::Word(left), Part::Word(right)) => left.cmp(right),
            (Part::Number(_), Part::Word(_)) => return mismatch("int", "str"),
            (Part::Word(_), Part::Number(_)) => return mismatch("str", "int"),
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(left.len().cmp(&right.len()))
}

/// `major.minor.patch-prerelease+build`
fn compare_semantic(call: &Bound<'_>, left: &str, right: &str) -> Outcome<Ordering> {
    let (left, right) = (semantic(call, left)?, semantic(call, right)?);
    let order = left.0.cmp(&right.0);
    if order != Ordering::Equal {
        return Ok(order);
    }
    Ok(match (left.1.is_empty(), right.1.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => prerelease_order(&left.1, &right.1),
    })
}

fn prerelease_order(left: &[String], right: &[String]) -> Ordering {
    for (left, right) in left.iter().zip(right) {
        let order = match (left.parse::<u64>(), right.parse::<u64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn semantic(call: &Bound<'_>, text: &str) -> Outcome<(Vec<u64>, Vec<String>)> {
    let invalid =
        || call.refuse(format!("Version comparison failed: invalid semantic version '{text}'"));
    let core = text.split('+').next().unwrap_or_default();
    let (core, prerelease) = core.split_once('-').unwrap_or((core, ""));
    let numbers: Vec<u64> =
        core.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| invalid())?;
    if numbers.len() != 3 {
        return Err(invalid());
    }
    let prerelease = prerelease.split('.').filter(|part| !part.is_empty());
    Ok((numbers, prerelease.map(str::to_owned).collect()))
}

/// PEP 440, without local versions' order.
fn compare_pep440(call: &Bound<'_>, left: &str, right: &str) -> Outcome<Ordering> {
    Ok(pep440(call, left)?.cmp(&pep440(call, right)?))
}

type Pep440 = (u64, Vec<u64>, (i64, u64), i64, i64);

fn pep440(call: &Bound<'_>, text: &str) -> Outcome<Pep440> {
    let invalid = || call.refuse(format!("Version comparison failed: Invalid version: '{text}'"));
    let lower = text.trim().to_lowercase();
    let lower = lower.strip_prefix('v').unwrap_or(&lower);
    let public = lower.split('+').next().unwrap_or_default();
    let (epoch, public) = match public.split_once('!') {
        Some((epoch, rest)) => (epoch.parse().map_err(|_| invalid())?, rest),
        None => (0, public),
    };
    let end = public
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(public.len());
    let (release, mut rest) = public.split_at(end);
    let mut release: Vec<u64> = release
        .trim_end_matches('.')
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| invalid())?;
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    let mut before = None;
    let (mut post, mut development) = (-1, i64::MAX);
    while !rest.is_empty() {
        let trimmed = rest.trim_start_matches(['.', '-', '_']);
        let end =
            trimmed.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(trimmed.len());
        let (word, after) = trimmed.split_at(end);
        let after = after.trim_start_matches(['.', '-', '_']);
        let digits = after.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        if word.is_empty() && number.is_empty() {
            return Err(invalid());
        }
        let number: u64 =
            if number.is_empty() { 0 } else { number.parse().map_err(|_| invalid())? };
        let signed = i64::try_from(number).unwrap_or(i64::MAX);
        match word {
            "a" | "alpha" => before = Some((0, number)),
            "b" | "beta" => before = Some((1, number)),
            "rc" | "c" | "pre" | "preview" => before = Some((2, number)),
            "post" | "rev" | "r" | "" => post = signed,
            "dev" => development = signed,
            _ => return Err(invalid()),
        }
        rest = after;
    }
    let before = match before {
        Some(before) => before,
        None if post < 0 && development < i64::MAX => (-1, 0),
        None => (3, 0),
    };
    Ok((epoch, release, before, post, development))
}

fn version(call: &Bound<'_>) -> Outcome<bool> {
    let (left, right) = (call.text(0)?, call.text(1)?);
    let operator = call.text_or(2, "eq")?;
    let kind = call.some(4).map(crate::template::python::text).transpose()?;
    let strict = call.some(3).map(truth).transpose()?.unwrap_or(false);
    if call.some(3).is_some() && kind.is_some() {
        return Err(call.refuse("Cannot specify both 'strict' and 'version_type'"));
    }
    let (no_left, no_right) = (!truth(call.value()?)?, !truth(call.required(1)?)?);
    if no_left || no_right {
        let which =
            if no_left { "Input version value" } else { "Version parameter to compare against" };
        return Err(call.refuse(format!("{which} cannot be empty")));
    }
    let holds: fn(Ordering) -> bool = match operator.as_str() {
        "==" | "=" | "eq" => Ordering::is_eq,
        "!=" | "<>" | "ne" => Ordering::is_ne,
        "<" | "lt" => Ordering::is_lt,
        "<=" | "le" => Ordering::is_le,
        ">" | "gt" => Ordering::is_gt,
        ">=" | "ge" => Ordering::is_ge,
        other => {
            return Err(call.refuse(format!(
                "Invalid operator type ({other}). Must be one of '==', '=', 'eq', '<', 'lt', \
                 '<=', 'le', '>', 'gt', '>=', 'ge', '!=', '<>', 'ne'"
            )));
        }
    };
    let order = match kind.as_deref() {
        None if strict => compare_strict(call, &left, &right)?,
        None | Some("loose") => compare_loose(&left, &right)
            .map_err(|reason| call.refuse(format!("Version comparison failed: {reason}")))?,
        Some("strict") => compare_strict(call, &left, &right)?,
        Some("semver" | "semantic") => compare_semantic(call, &left, &right)?,
        Some("pep440") => compare_pep440(call, &left, &right)?,
        Some(other) => {
            return Err(call.refuse(format!(
                "Invalid version type ({other}). Must be one of 'loose', 'strict', 'semver', \
                 'semantic', 'pep440'"
            )));
        }
    };
    Ok(holds(order))
}

fn compare_strict(call: &Bound<'_>, left: &str, right: &str) -> Outcome<Ordering> {
    let parse = |text: &str| -> Option<(Vec<u64>, (u8, u64))> {
        let end = text
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(text.len());
        let (numbers, suffix) = text.split_at(end);
        let mut numbers: Vec<u64> =
            numbers.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        if !(2..=3).contains(&numbers.len()) {
            return None;
        }
        numbers.resize(3, 0);
        let suffix = match suffix.split_at_checked(1) {
            Some(("a", number)) => (0, number.parse().ok()?),
            Some(("b", number)) => (1, number.parse().ok()?),
            Some(_) => return None,
            None => (2, 0),
        };
        Some((numbers, suffix))
    };
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => Ok(left.cmp(&right)),
        (None, _) => {
            Err(call.refuse(format!("Version comparison failed: invalid version number '{left}'")))
        }
        (_, None) => {
            Err(call.refuse(format!("Version comparison failed: invalid version number '{right}'")))
        }
    }
}
