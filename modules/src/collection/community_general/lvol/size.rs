//! Sizes as `lvcreate` and its kin take them.

use super::Error;

/// A size that a task asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Size {
    /// Whether it is what is added or taken.
    pub(super) sign: Option<Sign>,
    /// The number as written.
    text: String,
    pub(super) amount: f64,
    /// What it is a percentage of.
    pub(super) whole: Option<Whole>,
    pub(super) unit: char,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    More,
    Less,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Group,
    Devices,
    Free,
    Origin,
}

impl Size {
    /// Reads a size; `snapshot` tells whether a share of the origin makes sense.
    pub(super) fn read(text: &str, snapshot: bool) -> Result<Self, Error> {
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (Some(Sign::More), rest),
            Some(("-", rest)) => (Some(Sign::Less), rest),
            _ => (None, text),
        };
        let bad = || Error::BadSize(rest.to_owned());
        if let Some((percent, whole)) = rest.split_once('%') {
            let amount: i32 = percent.trim().parse().map_err(|_| bad())?;
            if amount > 100 {
                return Err(Error::TooMuch);
            }
            let whole = match whole {
                "ORIGIN" if !snapshot => return Err(Error::Origin),
                "VG" => Whole::Group,
                "PVS" => Whole::Devices,
                "FREE" => Whole::Free,
                "ORIGIN" => Whole::Origin,
                _ => return Err(Error::Share),
            };
            let (text, amount) = (rest.to_owned(), f64::from(amount));
            return Ok(Self { sign, text, amount, whole: Some(whole), unit: 'm' });
        }
        let unit =
            rest.chars().next_back().filter(|last| "bskmgtpe".contains(last.to_ascii_lowercase()));
        let number = unit.and_then(|unit| rest.strip_suffix(unit)).unwrap_or(rest);
        let refused = || Error::BadSize(number.to_owned());
        if !number.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(refused());
        }
        let amount = number.trim().parse().map_err(|_| refused())?;
        Ok(Self { sign, text: number.to_owned(), amount, whole: None, unit: unit.unwrap_or('m') })
    }

    /// The option that takes it.
    pub(super) fn option(&self) -> &'static str {
        if self.whole.is_some() { "-l" } else { "-L" }
    }

    /// With its unit.
    pub(super) fn unsigned(&self) -> String {
        match self.whole {
            Some(_) => self.text.clone(),
            None => format!("{}{}", self.text, self.unit),
        }
    }

    /// As it was given, without its unit.
    pub(super) fn given(&self) -> String {
        format!("{}{}", self.sign(), self.text)
    }

    /// With its unit and its sign.
    pub(super) fn signed(&self) -> String {
        format!("{}{}", self.sign(), self.unsigned())
    }

    fn sign(&self) -> &'static str {
        match self.sign {
            Some(Sign::More) => "+",
            Some(Sign::Less) => "-",
            None => "",
        }
    }
}

/// How many bytes so many of a unit are.
pub(super) fn bytes(amount: f64, unit: char) -> f64 {
    let power = match unit.to_ascii_lowercase() {
        'b' => return amount,
        's' => return amount * 512.0,
        'k' => 1,
        'g' => 3,
        't' => 4,
        'p' => 5,
        'e' => 6,
        _ => 2,
    };
    amount * 1024_f64.powi(power)
}
