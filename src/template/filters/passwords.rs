//! `password_hash`.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::crypt::{SHORT_NAMES, Settings, scheme};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{as_integer, parse_integer, text};

/// The family.
pub(super) const FILTERS: &[Filter] = &[filter(
    "password_hash",
    &["password", "hashtype", "salt", "salt_size", "rounds", "ident"],
    password_hash,
)];

fn password_hash(call: &Bound<'_>) -> Outcome<Value> {
    let wanted = call.text_or(1, "sha512")?;
    let name = SHORT_NAMES.iter().find(|(short, _)| *short == wanted).map(|(_, name)| *name);
    let Some(scheme) = scheme(name.unwrap_or(&wanted)) else {
        let known: Vec<&str> = SHORT_NAMES.iter().map(|(short, _)| *short).collect();
        return Err(call.refuse(format!(
            "{wanted} is not in the list of supported passlib algorithms: {}",
            known.join(", ")
        )));
    };
    let salt_size = match call.some(3) {
        None => None,
        Some(size) => match as_integer(size) {
            Some(size) => Some(size),
            None => return Err(call.refuse("salt_size must be an integer")),
        },
    };
    let rounds = match call.some(4) {
        None => None,
        Some(rounds) => {
            let number = as_integer(rounds)
                .or_else(|| rounds.as_str().and_then(|text| parse_integer(text, 10)));
            let Some(number) = number else {
                return Err(call.refuse(format!(
                    "Could not hash the secret: invalid literal for int() with base 10: '{}'",
                    text(rounds)?
                )));
            };
            Some(number)
        }
    };
    let settings = Settings {
        salt: call.some(2).map(text).transpose()?,
        salt_size,
        rounds,
        ident: call.some(5).map(text).transpose()?,
    };
    let secret = call.string_or(0, |class| {
        let class = if class == "NoneType" { "None" } else { class };
        format!("secret must be unicode or bytes, not {class}")
    })?;
    scheme.hash(secret, &settings).map(Value::from)
}
