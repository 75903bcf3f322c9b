//! Addresses and networks of the internet, and hardware addresses.
//!
//! Two readings exist side by side in Ansible's collections and here: the filters read and print
//! as the library `netaddr` does, the tests as Python's `ipaddress`.

mod hardware;
mod network;
mod registry;
mod strict;

use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) use hardware::{Dialect, Hardware};
pub(super) use network::{Network, merged, spanning};
pub(super) use strict::{StrictNetwork, exploded, mapped};
pub(super) use strict::{is_private as is_strictly_private, is_reserved, strict_address};

/// Which of the two kinds of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    /// Bits of an address.
    pub(super) fn width(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The highest address.
    pub(super) fn maximum(self) -> u128 {
        match self {
            Self::V4 => u128::from(u32::MAX),
            Self::V6 => u128::MAX,
        }
    }

    /// 4 or 6.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }

    /// The mask of a prefix.
    pub(super) fn netmask(self, prefix: u8) -> u128 {
        self.maximum() ^ self.hostmask(prefix)
    }

    /// The mask of what a prefix leaves to hosts.
    pub(super) fn hostmask(self, prefix: u8) -> u128 {
        match self.width().saturating_sub(prefix) {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }
}

/// An address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) family: Family,
    pub(super) value: u128,
}

impl Address {
    pub(super) fn new(family: Family, value: u128) -> Option<Self> {
        (value <= family.maximum()).then_some(Self { family, value })
    }

    /// As `inet_pton` reads it: four decimal numbers, or IPv6 in any of its forms.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::parse_as(text, Family::V4).or_else(|| Self::parse_as(text, Family::V6))
    }

    pub(super) fn parse_as(text: &str, family: Family) -> Option<Self> {
        let value = match family {
            Family::V4 => u128::from(u32::from(text.parse::<Ipv4Addr>().ok()?)),
            Family::V6 => u128::from(text.parse::<Ipv6Addr>().ok()?),
        };
        Some(Self { family, value })
    }

    /// Moved by a number, if an address is there.
    pub(super) fn moved(self, by: i128) -> Option<Self> {
        let value = self.value.checked_add_signed(by)?;
        Self::new(self.family, value)
    }

    /// As a domain name, for reverse look-ups.
    pub(super) fn reverse_name(self) -> String {
        match self.family {
            Family::V4 => {
                let [a, b, c, d] = self.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
            }
            Family::V6 => {
                let digits = format!("{:032x}", self.value);
                let mut name = String::new();
                for digit in digits.chars().rev() {
                    name.push(digit);
                    name.push('.');
                }
                name + "ip6.arpa."
            }
        }
    }

    /// The four numbers of an IPv4 address.
    pub(super) fn octets(self) -> [u8; 4] {
        u32::try_from(self.value).unwrap_or_default().to_be_bytes()
    }

    pub(super) fn is_netmask(self) -> bool {
        let host = self.value ^ self.family.maximum();
        host & host.wrapping_add(1) == 0
    }

    pub(super) fn is_hostmask(self) -> bool {
        self.value & self.value.wrapping_add(1) == 0
    }

    pub(super) fn is_loopback(self) -> bool {
        match self.family {
            Family::V4 => self.value >> 24 == 127,
            Family::V6 => self.value == 1,
        }
    }

    pub(super) fn is_multicast(self) -> bool {
        match self.family {
            Family::V4 => self.value >> 28 == 0xe,
            Family::V6 => self.value >> 120 == 0xff,
        }
    }

    /// Whether it can be reached from anywhere, by the registries of special addresses.
    pub(super) fn is_global(self) -> bool {
        registry::is_global(self)
    }

    /// Its bits.
    pub(super) fn bits(self) -> String {
        format!("{:0width$b}", self.value, width = usize::from(self.family.width()))
    }
}

/// As `inet_ntop` prints it: also addresses that only embed an IPv4 address show it so.
impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.family {
            Family::V4 => {
                let [a, b, c, d] = self.octets();
                write!(formatter, "{a}.{b}.{c}.{d}")
            }
            Family::V6 if self.value >> 32 == 0 && self.value > 0xffff => {
                let [a, b, c, d] = self.octets();
                write!(formatter, "::{a}.{b}.{c}.{d}")
            }
            Family::V6 => write!(formatter, "{}", Ipv6Addr::from(self.value)),
        }
    }
}
