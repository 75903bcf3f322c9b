//! The formats that Python's `jsonschema` checks where no other library is installed; all others
//! hold.

use super::Draft;
use crate::template::address::{Address, Family, strict_address};
use crate::template::regex::{Flags, compiled};

/// Whether a text is of a format.
pub(super) fn conforms(draft: Draft, format: &str, text: &str) -> bool {
    match format {
        "email" | "idn-email" => text.contains('@'),
        "ip-address" if draft == Draft::Three => Address::parse_as(text, Family::V4).is_some(),
        "ipv4" if draft >= Draft::Four => Address::parse_as(text, Family::V4).is_some(),
        "ipv6" => {
            strict_address(text).is_some_and(|it| it.family == Family::V6) && !text.contains('%')
        }
        "regex" => compiled(text, Flags::default()).is_ok(),
        "date" if draft == Draft::Three || draft >= Draft::Seven => is_date(text),
        "time" if draft == Draft::Three => is_time(text),
        "uuid" if draft >= Draft::Of2019 => is_uuid(text),
        _ => true,
    }
}

/// `2024-02-29`
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let fits = part.len() == digits && part.bytes().all(|it| it.is_ascii_digit());
        fits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(4), number(2), number(2)) else {
        return false;
    };
    let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
    match (month, u8::try_from(day)) {
        (Some(month), Ok(day)) if year > 0 => {
            time::Date::from_calendar_date(year.into(), month, day).is_ok()
        }
        _ => false,
    }
}

/// `7:05:00`, as `strptime` reads it.
fn is_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let within = |part: &str, most: u8| {
        (1..=2).contains(&part.len())
            && part.bytes().all(|it| it.is_ascii_digit())
            && part.parse::<u8>().is_ok_and(|number| number <= most)
    };
    match parts.as_slice() {
        [hour, minute, second] => within(hour, 23) && within(minute, 59) && within(second, 61),
        _ => false,
    }
}

fn is_uuid(text: &str) -> bool {
    let plain = text.replace("urn:", "").replace("uuid:", "");
    let plain = plain.trim_matches(['{', '}']).replace('-', "");
    let letters: Vec<char> = text.chars().collect();
    plain.len() == 32
        && plain.bytes().all(|it| it.is_ascii_hexdigit())
        && [8, 13, 18, 23].iter().all(|index| letters.get(*index) == Some(&'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_the_library() {
        for (draft, format, text, expected) in [
            (Draft::Of2020, "date", "2024-02-29", true),
            (Draft::Of2020, "date", "2023-02-29", false),
            (Draft::Of2020, "date", "2024-2-9", false),
            (Draft::Four, "date", "never", true),
            (Draft::Three, "time", "7:05:00", true),
            (Draft::Three, "time", "24:05:00", false),
            (Draft::Of2020, "uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", true),
            (Draft::Of2020, "uuid", "2eb8aa08aa9811eab4aa73b441d16380", false),
            (Draft::Seven, "uuid", "x", true),
            (Draft::Seven, "ipv4", "10.0.0.01", false),
            (Draft::Seven, "ipv6", "fe80::1%eth0", false),
            (Draft::Seven, "regex", "(", false),
            (Draft::Seven, "hostname", "-", true),
        ] {
            assert_eq!(conforms(draft, format, text), expected, "{format} {text}");
        }
    }
}
