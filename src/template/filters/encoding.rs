//! Filters that encode and hash.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};
use md5::Md5;
use minijinja::Value;
use sha1::{Digest, Sha1};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, entries, escape, escaped, is_mapping, like, markup, repr, string_keys, text,
    type_name,
};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("community.general.crc32", &["value"], |call| {
        let value = call.value()?;
        let Some(text) = value.as_str() else {
            return Err(call.refuse(format!(
                "Invalid value type (<class '{}'>) for crc32 ({})",
                crate::template::python::type_name(value),
                crate::template::python::repr(value)?
            )));
        };
        let mut sum = flate2::Crc::new();
        sum.update(text.as_bytes());
        Ok(Value::from(format!("{:x}", sum.sum())))
    }),
    filter("b64encode", &["value", "encoding", "urlsafe"], |call| {
        let bytes = encoded_bytes(call, &call.text(0)?, &call.text_or(1, "utf-8")?)?;
        let engine = if call.flag(2)? { URL_SAFE } else { STANDARD };
        Ok(Value::from(engine.encode(bytes)))
    }),
    filter("b64decode", &["value", "encoding", "urlsafe"], b64decode),
    filter("hash", &["value", "hashtype"], |call| {
        let kind = call.text_or(1, "sha1")?;
        hash(&call.text(0)?, &kind)
            .map(Value::from)
            .ok_or_else(|| call.refuse(format!("unsupported hash type {kind}")))
    }),
    filter("checksum", &["value"], |call| Ok(Value::from(hex(&Sha1::digest(call.text(0)?))))),
    filter("sha1", &["value"], |call| Ok(Value::from(hex(&Sha1::digest(call.text(0)?))))),
    filter("md5", &["value"], |call| Ok(Value::from(hex(&Md5::digest(call.text(0)?))))),
    filter("to_uuid", &["value", "namespace"], to_uuid),
    filter("urlencode", &["value"], url_encode),
    filter("urldecode", &["value"], |call| {
        let refusal = |class: &str| format!("'{class}' object has no attribute 'replace'");
        Ok(like(call.value()?, url_decode(call.string_or(0, refusal)?)))
    }),
    filter("urlsplit", &["value", "query"], url_split),
    filter("escape", &["value"], |call| escaped(call.required(0)?).map(markup)),
    filter("e", &["value"], |call| escaped(call.required(0)?).map(markup)),
    filter("forceescape", &["value"], |call| Ok(markup(escape(&call.text(0)?)))),
    filter("xmlattr", &["value", "autospace"], xml_attributes),
];

pub(in crate::template) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The digest of text.
pub(in crate::template) fn hash(text: &str, kind: &str) -> Option<String> {
    Some(match kind {
        "md5" => hex(&Md5::digest(text)),
        "sha1" => hex(&Sha1::digest(text)),
        "sha224" => hex(&Sha224::digest(text)),
        "sha256" => hex(&Sha256::digest(text)),
        "sha384" => hex(&Sha384::digest(text)),
        "sha512" => hex(&Sha512::digest(text)),
        _ => return None,
    })
}

fn b64decode(call: &Bound<'_>) -> Outcome<Value> {
    let urlsafe = call.flag(2)?;
    let letters: String = call
        .text(0)?
        .chars()
        .filter(|letter| {
            letter.is_ascii_alphanumeric()
                || "+/=".contains(*letter)
                || (urlsafe && "-_".contains(*letter))
        })
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            letter => letter,
        })
        .collect();
    let data = letters.trim_end_matches('=');
    if data.len() % 4 == 1 {
        return Err(call.refuse(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than \
             a multiple of 4",
            data.len()
        )));
    }
    if !(letters.len() - data.len() + data.len() % 4).is_multiple_of(4)
        && !letters.len().is_multiple_of(4)
    {
        return Err(call.refuse("Incorrect padding"));
    }
    let bytes = LENIENT.decode(data).map_err(|error| call.refuse(error))?;
    decoded_text(call, &bytes, &call.text_or(1, "utf-8")?)
}

/// Base64 as Python decodes it: what the last letter has too much is left out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn is_name_of(encoding: &str, names: &[&str]) -> bool {
    let plain = encoding.to_lowercase().replace('_', "-");
    names.contains(&plain.as_str())
}

const UTF_16: [&str; 6] = ["utf-16", "utf16", "utf-16-le", "utf-16le", "utf-16-be", "utf-16be"];
const LATIN_1: [&str; 5] = ["latin-1", "latin1", "iso-8859-1", "iso8859-1", "l1"];

fn decoded_text(call: &Bound<'_>, bytes: &[u8], encoding: &str) -> Outcome<Value> {
    if is_name_of(encoding, &LATIN_1) {
        return Ok(Value::from(bytes.iter().map(|byte| char::from(*byte)).collect::<String>()));
    }
    if is_name_of(encoding, &UTF_16) {
        let (little, rest) = match bytes {
            [0xff, 0xfe, rest @ ..] if !encoding.to_lowercase().ends_with('e') => (true, rest),
            [0xfe, 0xff, rest @ ..] if !encoding.to_lowercase().ends_with('e') => (false, rest),
            rest => (!encoding.to_lowercase().ends_with("be"), rest),
        };
        let units = rest.chunks(2).filter_map(|pair| {
            let pair: [u8; 2] = pair.try_into().ok()?;
            Some(if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
        });
        let text: String =
            char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
        return Ok(Value::from(text));
    }
    if !is_name_of(encoding, &["utf-8", "utf8", "ascii", "us-ascii"]) {
        return Err(call.refuse(format!("unknown encoding: {encoding}")));
    }
    // bytes that are no text are kept as far as they are
    Ok(Value::from(String::from_utf8_lossy(bytes).into_owned()))
}

fn encoded_bytes(call: &Bound<'_>, text: &str, encoding: &str) -> Outcome<Vec<u8>> {
    if is_name_of(encoding, &LATIN_1) {
        return text
            .chars()
            .map(|letter| u8::try_from(u32::from(letter)))
            .collect::<Result<_, _>>()
            .map_err(|_| call.refuse("'latin-1' codec can't encode a character of the text"));
    }
    if is_name_of(encoding, &UTF_16) {
        let big = encoding.to_lowercase().ends_with("be");
        let marked = !encoding.to_lowercase().ends_with('e');
        let mut bytes = if marked { vec![0xff, 0xfe] } else { Vec::new() };
        for unit in text.encode_utf16() {
            bytes.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        }
        return Ok(bytes);
    }
    if !is_name_of(encoding, &["utf-8", "utf8", "ascii", "us-ascii"]) {
        return Err(call.refuse(format!("unknown encoding: {encoding}")));
    }
    Ok(text.as_bytes().to_vec())
}

/// Ansible's namespace for `to_uuid`.
const NAMESPACE: [u8; 16] = [
    0x36, 0x1e, 0x6d, 0x51, 0xfa, 0xec, 0x44, 0x4a, 0x90, 0x79, 0x34, 0x13, 0x86, 0xda, 0x8e, 0x2e,
];

fn to_uuid(call: &Bound<'_>) -> Outcome<Value> {
    let namespace = match call.some(1) {
        None => NAMESPACE.to_vec(),
        Some(given) => {
            let given = text(given)?;
            let digits = given.replace("urn:", "").replace("uuid:", "").replace('-', "");
            let digits = digits.trim_matches(['{', '}']);
            let number = Some(digits).filter(|digits| digits.len() == 32);
            let number = number.and_then(|digits| u128::from_str_radix(digits, 16).ok());
            let Some(number) = number else {
                return Err(call.refuse(format!(
                    "Invalid value '{given}' for 'namespace': badly formed hexadecimal UUID string"
                )));
            };
            number.to_be_bytes().to_vec()
        }
    };
    let digest = Sha1::new().chain_update(&namespace).chain_update(call.text(0)?).finalize();
    let mut bytes = [0_u8; 16];
    for (byte, from) in bytes.iter_mut().zip(digest) {
        *byte = from;
    }
    let mut number = u128::from_be_bytes(bytes);
    number = (number & !(0xf << 76)) | (5 << 76);
    number = (number & !(0x3 << 62)) | (0x2 << 62);
    let digits = format!("{number:032x}");
    let mut uuid = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    Ok(Value::from(uuid))
}

fn quote_url(text: &str, safe: &str) -> String {
    let mut quoted = String::new();
    for byte in text.bytes() {
        let letter = char::from(byte);
        if byte.is_ascii_alphanumeric() || "_.-~".contains(letter) || safe.contains(letter) {
            quoted.push(letter);
        } else {
            let _ = write!(quoted, "%{byte:02X}");
        }
    }
    quoted
}

fn url_encode(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    if !is_mapping(value) && !matches!(class_of(value), Class::List | Class::Tuple) {
        return Ok(Value::from(quote_url(&text(value)?, "/")));
    }
    let pairs = if is_mapping(value) {
        entries(value)?
    } else {
        let mut pairs = Vec::new();
        for pair in call.elements(0)? {
            match crate::template::python::elements(&pair)?.as_slice() {
                [key, value] => pairs.push((key.clone(), value.clone())),
                other => {
                    let (relation, count) = match other.len() {
                        0 | 1 => ("not enough", format!(" (expected 2, got {})", other.len())),
                        _ => ("too many", " (expected 2)".to_owned()),
                    };
                    return Err(call.refuse(format!("{relation} values to unpack{count}")));
                }
            }
        }
        pairs
    };
    let mut encoded = Vec::new();
    for (key, value) in pairs {
        let quote = |value: &Value| -> Outcome<String> {
            Ok(quote_url(&text(value)?, "").replace("%20", "+"))
        };
        encoded.push(format!("{}={}", quote(&key)?, quote(&value)?));
    }
    Ok(Value::from(encoded.join("&")))
}

pub(in crate::template) fn url_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (first, _) => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn url_split(call: &Bound<'_>) -> Outcome<Value> {
    let refusal = |class: &str| format!("'{class}' object has no attribute 'decode'");
    let url = call.string_or(0, refusal)?;
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, after))
            if scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter)) =>
        {
            (scheme.to_lowercase(), after)
        }
        _ => (String::new(), rest),
    };
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
        None => ("", rest),
    };
    let (user, host) = match netloc.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, netloc),
    };
    let (username, password) = match user {
        Some(user) => match user.split_once(':') {
            Some((name, password)) => (Value::from(name), Value::from(password)),
            None => (Value::from(user), Value::from(())),
        },
        None => (Value::from(()), Value::from(())),
    };
    let (hostname, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse::<u16>().ok()),
        _ => (host, None),
    };
    let hostname = hostname.trim_matches(['[', ']']).to_lowercase();
    let hostname = if hostname.is_empty() { Value::from(()) } else { Value::from(hostname) };
    let fields = [
        ("fragment", Value::from(fragment)),
        ("hostname", hostname),
        ("netloc", Value::from(netloc)),
        ("password", password),
        ("path", Value::from(path)),
        ("port", port.map_or_else(|| Value::from(()), Value::from)),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme)),
        ("username", username),
    ];
    match call.some(1) {
        None => Ok(string_keys(fields)),
        Some(wanted) => {
            let wanted = text(wanted)?;
            match fields.into_iter().find(|(name, _)| *name == wanted) {
                Some((_, value)) => Ok(value),
                None if wanted.is_empty() => call.value().cloned(),
                None => Err(call.refuse(format!("urlsplit: unknown URL component: {wanted}"))),
            }
        }
    }
}

fn xml_attributes(call: &Bound<'_>) -> Outcome<Value> {
    let mut attributes = Vec::new();
    let given = call.value()?;
    crate::template::python::usable(given)?;
    if !is_mapping(given) {
        let class = type_name(given);
        return Err(call.refuse(format!("'{class}' object has no attribute 'items'")));
    }
    for (key, value) in entries(given)? {
        if value.is_none() || class_of(&value) == Class::Undefined {
            continue;
        }
        let Some(name) = key.as_str() else {
            let class = type_name(&key);
            return Err(call.refuse(format!("expected string or bytes-like object, got '{class}'")));
        };
        if name.contains([' ', '\t', '\n', '\u{c}', '\r', '/', '>', '=']) {
            let message = format!("Invalid character in attribute name: {}", repr(&key)?);
            return Err(call.refuse(message));
        }
        attributes.push(format!("{}=\"{}\"", escaped(&key)?, escaped(&value)?));
    }
    let joined = attributes.join(" ");
    let spaced = !joined.is_empty() && call.flag_or_true(1)?;
    Ok(Value::from(if spaced { format!(" {joined}") } else { joined }))
}
