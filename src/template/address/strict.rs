//! Addresses and networks as Python's `ipaddress` reads them: bits of a host in a network are an
//! error, and so is a mask of an IPv6 network that is no number.

use super::{Address, Family, registry};

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) struct StrictNetwork {
    pub(in crate::template) first: Address,
    pub(in crate::template) prefix: u8,
}

/// An address, which may name its zone.
pub(in crate::template) fn strict_address(text: &str) -> Option<Address> {
    Address::parse_as(text, Family::V4).or_else(|| {
        let plain = match text.split_once('%') {
            Some((_, zone)) if zone.is_empty() || zone.contains('%') => return None,
            Some((plain, _)) => plain,
            None => text,
        };
        Address::parse_as(plain, Family::V6)
    })
}

impl StrictNetwork {
    pub(in crate::template) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((_, prefix)) if prefix.contains('/') => return None,
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first = strict_address(address)?;
        let width = first.family.width();
        let prefix = match prefix {
            None => width,
            Some(prefix) => strict_prefix(prefix, first.family)?,
        };
        (first.value & first.family.hostmask(prefix) == 0).then_some(Self { first, prefix })
    }

    pub(in crate::template) fn last(self) -> u128 {
        self.first.value | self.first.family.hostmask(self.prefix)
    }

    pub(in crate::template) fn is_within(self, other: Self) -> bool {
        self.first.family == other.first.family
            && other.first.value <= self.first.value
            && self.last() <= other.last()
    }

    pub(in crate::template) fn netmask(self) -> Address {
        let family = self.first.family;
        Address { family, value: family.netmask(self.prefix) }
    }

    pub(in crate::template) fn hostmask(self) -> Address {
        let family = self.first.family;
        Address { family, value: family.hostmask(self.prefix) }
    }
}

fn strict_prefix(text: &str, family: Family) -> Option<u8> {
    if !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit()) {
        return text.parse().ok().filter(|prefix| *prefix <= family.width());
    }
    if family == Family::V6 {
        return None;
    }
    let mask = Address::parse_as(text, Family::V4)?;
    let ones = u8::try_from(mask.value.count_ones()).ok()?;
    if mask.is_netmask() { Some(ones) } else { mask.is_hostmask().then_some(32 - ones) }
}

/// The IPv4 address that an IPv6 address is mapped from.
pub(in crate::template) fn mapped(address: Address) -> Option<Address> {
    let is_mapped = address.family == Family::V6 && address.value >> 32 == 0xffff;
    let value = address.value & Family::V4.maximum();
    is_mapped.then_some(Address { family: Family::V4, value })
}

pub(in crate::template) fn is_private(address: Address) -> bool {
    registry::is_listed(mapped(address).unwrap_or(address))
}

pub(in crate::template) fn is_reserved(address: Address) -> bool {
    match address.family {
        Family::V4 => address.value >> 28 == 0xf,
        Family::V6 => {
            // all that is neither global unicast, nor local, nor multicast
            let high = address.value >> 112;
            let taken = [(0x2000, 3), (0xfc00, 7), (0xfe80, 10), (0xfec0, 10), (0xff00, 8)];
            !taken.iter().any(|(network, prefix)| high >> (16 - prefix) == network >> (16 - prefix))
        }
    }
}

/// All digits of an address.
pub(in crate::template) fn exploded(address: Address) -> String {
    match address.family {
        Family::V4 => address.to_string(),
        Family::V6 => {
            let words: Vec<String> = (0..8)
                .rev()
                .map(|index| format!("{:04x}", address.value >> (index * 16) & 0xffff))
                .collect();
            words.join(":")
        }
    }
}
