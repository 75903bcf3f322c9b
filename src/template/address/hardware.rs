//! Hardware addresses (EUI-48 and EUI-64) in their many spellings.

use super::{Address, Family};

/// A hardware address.
#[derive(Debug, Clone, Copy)]
pub(in crate::template) struct Hardware {
    value: u64,
    /// 48 or 64.
    bits: u8,
}

/// How one is printed.
#[derive(Debug, Clone, Copy)]
pub(in crate::template) enum Dialect {
    Bare,
    Cisco,
    Eui48,
    Linux,
    PostgreSql,
    Unix,
}

/// Forms of 48 bits: the separator, the number of words, and the digits of a word.
const FORMS_48: [(&str, usize, usize, usize); 7] = [
    (":", 6, 1, 2),
    ("-", 6, 1, 2),
    (":", 3, 1, 4),
    ("-", 3, 1, 4),
    (".", 3, 1, 4),
    ("-", 2, 5, 6),
    (":", 2, 5, 6),
];
/// Forms of 64 bits.
const FORMS_64: [(&str, usize, usize, usize); 5] =
    [(":", 8, 1, 2), ("-", 8, 1, 2), (":", 4, 1, 4), ("-", 4, 1, 4), (".", 4, 1, 4)];

fn words(text: &str, forms: &[(&str, usize, usize, usize)]) -> Option<u64> {
    forms.iter().find_map(|(separator, count, shortest, longest)| {
        let words: Vec<&str> = text.split(separator).collect();
        let well_formed = words.len() == *count
            && words.iter().all(|word| {
                (*shortest..=*longest).contains(&word.len())
                    && word.chars().all(|digit| digit.is_ascii_hexdigit())
            });
        if !well_formed {
            return None;
        }
        let bits = longest * 4;
        words.iter().try_fold(0_u64, |value, word| {
            Some(value << bits | u64::from_str_radix(word, 16).ok()?)
        })
    })
}

fn bare(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u64> {
    let well_formed =
        lengths.contains(&text.len()) && text.chars().all(|digit| digit.is_ascii_hexdigit());
    if well_formed { u64::from_str_radix(text, 16).ok() } else { None }
}

impl Hardware {
    pub(in crate::template) fn parse(text: &str) -> Option<Self> {
        if let Some(value) = words(text, &FORMS_48).or_else(|| bare(text, 11..=12)) {
            return Some(Self { value, bits: 48 });
        }
        let value = words(text, &FORMS_64).or_else(|| bare(text, 16..=16))?;
        Some(Self { value, bits: 64 })
    }

    pub(in crate::template) fn value(self) -> u64 {
        self.value
    }

    fn spelt(self, word_bits: u8, separator: &str, form: impl Fn(u64) -> String) -> String {
        let mask = (1_u64 << word_bits) - 1;
        let words: Vec<String> = (0..self.bits / word_bits)
            .rev()
            .map(|index| form(self.value >> (index * word_bits) & mask))
            .collect();
        words.join(separator)
    }

    pub(in crate::template) fn print(self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Bare if self.bits == 48 => format!("{:012X}", self.value),
            Dialect::Bare => format!("{:016X}", self.value),
            Dialect::Cisco => self.spelt(16, ".", |word| format!("{word:04x}")),
            Dialect::Eui48 => self.spelt(8, "-", |word| format!("{word:02X}")),
            Dialect::Linux => self.spelt(8, ":", |word| format!("{word:02x}")),
            Dialect::PostgreSql => self.spelt(24, ":", |word| format!("{word:06x}")),
            Dialect::Unix => self.spelt(8, ":", |word| format!("{word:x}")),
        }
    }

    /// The address that a host with this hardware address gives itself in a network.
    pub(in crate::template) fn host_in(self, network: Address) -> Option<Address> {
        let wide = match self.bits {
            48 => (self.value >> 24) << 40 | 0xff_fe00_0000 | self.value & 0xff_ffff,
            _ => self.value,
        };
        let identifier = u128::from(wide ^ 0x0200_0000_0000_0000);
        Address::new(Family::V6, network.value.checked_add(identifier)?)
    }
}
