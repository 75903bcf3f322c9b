//! `community.general.random_string`: letters by chance, so many of each class.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Randomness, as_integer, text};

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Python's `string.punctuation`.
const SPECIAL: &str = r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##;

/// The longest text that is made.
const MAXIMUM: usize = 1_000_000;

const OPTIONS: &[&str] = &[
    "length",
    "upper",
    "lower",
    "numbers",
    "special",
    "min_numeric",
    "min_lower",
    "min_upper",
    "min_special",
    "override_special",
    "override_all",
    "ignore_similar_chars",
    "similar_chars",
    "base64",
    "seed",
];

/// `random_string`
pub(super) fn random_string(request: &Request<'_>) -> Outcome<Vec<Value>> {
    request.only(OPTIONS)?;
    let similar = match request.flag("ignore_similar_chars", false)? {
        true => request.text_option("similar_chars", "il1LoO0")?,
        false => String::new(),
    };
    let class = |letters: &str| -> Vec<char> {
        letters.chars().filter(|letter| !similar.contains(*letter)).collect()
    };
    let special = match request.text_option("override_special", "")? {
        own if own.is_empty() => class(SPECIAL),
        own => own.chars().collect(),
    };
    let (digits, lower, upper) = (class(DIGITS), class(LOWER), class(UPPER));
    let mut made: Vec<char> = Vec::new();
    let mut available: Vec<char> = request.text_option("override_all", "")?.chars().collect();
    let seed = request.option("seed").map(text).transpose()?.map(Value::from);
    let mut random = Randomness::of_seed(seed.as_ref())?;
    if available.is_empty() {
        for (option, letters) in
            [("upper", &upper), ("lower", &lower), ("numbers", &digits), ("special", &special)]
        {
            if request.flag(option, true)? {
                available.extend(letters);
            }
        }
        for (option, letters) in [
            ("min_numeric", &digits),
            ("min_lower", &lower),
            ("min_upper", &upper),
            ("min_special", &special),
        ] {
            let least = count(request, option, 0)?;
            if least > 0 {
                choose(&mut random, letters, least, &mut made)?;
            }
        }
    }
    let rest = count(request, "length", 8)?.saturating_sub(made.len());
    choose(&mut random, &available, rest, &mut made)?;
    if seed.is_none() {
        random.shuffle(&mut made);
    }
    let made: String = made.into_iter().collect();
    let encodes = request.flag("base64", false)?;
    Ok(vec![Value::from(if encodes { STANDARD.encode(made) } else { made })])
}

fn count(request: &Request<'_>, option: &str, default: usize) -> Outcome<usize> {
    let Some(value) = request.option(option) else { return Ok(default) };
    let number = as_integer(value).or_else(|| value.as_str()?.trim().parse().ok());
    let number = number.ok_or_else(|| {
        Failure::failed(format!("the option `{option}` of random_string is no whole number"))
    })?;
    match usize::try_from(number.max(0)) {
        Ok(number) if number <= MAXIMUM => Ok(number),
        _ => Err(Failure::failed(format!("the option `{option}` of random_string is too large"))),
    }
}

fn choose(
    random: &mut Randomness,
    letters: &[char],
    times: usize,
    made: &mut Vec<char>,
) -> Outcome<()> {
    if letters.is_empty() {
        return Err(Failure::failed(
            "Available characters cannot be None, please change constraints",
        ));
    }
    for _ in 0..times {
        made.extend(letters.get(random.index(letters.len())?));
    }
    Ok(())
}
