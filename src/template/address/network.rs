//! Networks as the library `netaddr` knows them: an address of a host with its prefix.

use super::{Address, Family};
use crate::template::python::parse_integer;

/// An address and the prefix of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) struct Network {
    pub(in crate::template) ip: Address,
    pub(in crate::template) prefix: u8,
}

impl Network {
    pub(in crate::template) fn new(ip: Address, prefix: i128) -> Option<Self> {
        let prefix = u8::try_from(prefix).ok().filter(|prefix| *prefix <= ip.family.width())?;
        Some(Self { ip, prefix })
    }

    /// `address`, `address/prefix`, `address/netmask` or `address/hostmask`.
    pub(in crate::template) fn parse(text: &str) -> Option<Self> {
        Self::parse_as(text, Family::V4).or_else(|| Self::parse_as(text, Family::V6))
    }

    fn parse_as(text: &str, family: Family) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let ip = Address::parse_as(address, family)?;
        let prefix = match prefix {
            None => i128::from(family.width()),
            Some(prefix) => match parse_integer(prefix, 10) {
                Some(prefix) => prefix,
                None => i128::from(prefix_of_mask(Address::parse_as(prefix, family)?)?),
            },
        };
        Self::new(ip, prefix)
    }

    pub(in crate::template) fn family(&self) -> Family {
        self.ip.family
    }

    fn at(&self, value: u128) -> Address {
        Address { family: self.family(), value }
    }

    pub(in crate::template) fn first(&self) -> u128 {
        self.ip.value & self.family().netmask(self.prefix)
    }

    pub(in crate::template) fn last(&self) -> u128 {
        self.ip.value | self.family().hostmask(self.prefix)
    }

    /// The first address.
    pub(in crate::template) fn network(&self) -> Address {
        self.at(self.first())
    }

    /// The last address, where a network of this size has a broadcast address.
    pub(in crate::template) fn broadcast(&self) -> Option<Address> {
        (self.family().width() - self.prefix > 1).then(|| self.at(self.last()))
    }

    pub(in crate::template) fn netmask(&self) -> Address {
        self.at(self.family().netmask(self.prefix))
    }

    pub(in crate::template) fn hostmask(&self) -> Address {
        self.at(self.family().hostmask(self.prefix))
    }

    /// One less than the number of its addresses, which always fits.
    pub(in crate::template) fn span(&self) -> u128 {
        self.family().hostmask(self.prefix)
    }

    /// Without the bits of the host.
    pub(in crate::template) fn cidr(&self) -> Self {
        Self { ip: self.network(), prefix: self.prefix }
    }

    /// The first and the last address for hosts.
    pub(in crate::template) fn usable(&self) -> Option<(u128, u128)> {
        match self.span() {
            0 => None,
            1 => Some((self.first(), self.last())),
            _ => Some((self.first() + 1, self.last() - 1)),
        }
    }

    /// The address of an index, from the end where it is negative.
    pub(in crate::template) fn address_at(&self, index: i128) -> Option<Address> {
        let distance = index.unsigned_abs();
        if index >= 0 {
            (distance <= self.span()).then(|| self.at(self.first() + distance))
        } else {
            (distance - 1 <= self.span()).then(|| self.at(self.last() - (distance - 1)))
        }
    }

    pub(in crate::template) fn contains(&self, other: &Self) -> bool {
        self.family() == other.family()
            && self.first() <= other.first()
            && other.last() <= self.last()
    }

    /// The IPv4 network that an IPv6 one embeds.
    pub(in crate::template) fn as_v4(&self) -> Option<Self> {
        if self.family() == Family::V4 {
            return Some(*self);
        }
        let maximum = Family::V4.maximum();
        let value = match self.ip.value {
            value if value <= maximum => value,
            value if value >> 32 == 0xffff => value & maximum,
            _ => return None,
        };
        let ip = Address::new(Family::V4, value)?;
        Self::new(ip, i128::from(self.prefix) - 96)
    }

    /// The IPv6 network that embeds an IPv4 one.
    pub(in crate::template) fn as_v6(&self) -> Self {
        if self.family() == Family::V6 {
            return *self;
        }
        let value = 0xffff_0000_0000 + self.ip.value;
        Self { ip: Address { family: Family::V6, value }, prefix: self.prefix + 96 }
    }

    /// The networks around it with prefixes from the one given up to its own.
    pub(in crate::template) fn supernets(&self, prefix: u8) -> Vec<Self> {
        (prefix..self.prefix).map(|prefix| Self { ip: self.ip, prefix }.cidr()).collect()
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.ip, self.prefix)
    }
}

fn prefix_of_mask(mask: Address) -> Option<u8> {
    let ones = u8::try_from(mask.value.count_ones()).ok()?;
    if mask.is_netmask() {
        Some(ones)
    } else if mask.is_hostmask() {
        Some(mask.family.width() - ones)
    } else {
        None
    }
}

/// The fewest networks that hold the addresses of all.
pub(in crate::template) fn merged(networks: &[Network]) -> Vec<Network> {
    let mut ranges: Vec<(Family, u128, u128, Option<Network>)> = networks
        .iter()
        .map(|network| (network.family(), network.last(), network.first(), Some(*network)))
        .collect();
    ranges.sort_by_key(|range| (range.0, range.1, range.2));
    let mut joined: Vec<(Family, u128, u128, Option<Network>)> = Vec::new();
    for mut range in ranges {
        while let Some(before) = joined.pop() {
            if before.0 == range.0 && range.2 <= before.1.saturating_add(1) {
                range = (range.0, range.1, before.2.min(range.2), None);
            } else {
                joined.push(before);
                break;
            }
        }
        joined.push(range);
    }
    let mut networks = Vec::new();
    for (family, last, first, original) in joined {
        match original {
            Some(original) => networks.push(original),
            None => networks.extend(split(family, first, last)),
        }
    }
    networks
}

/// The networks of a range of addresses.
fn split(family: Family, first: u128, last: u128) -> Vec<Network> {
    let mut networks = Vec::new();
    let mut next = Some(first);
    while let Some(start) = next.filter(|start| *start <= last) {
        let mut prefix = family.width();
        while prefix > 0 {
            let wider = prefix - 1;
            let fits =
                start & family.hostmask(wider) == 0 && last - start >= family.hostmask(wider);
            if !fits {
                break;
            }
            prefix = wider;
        }
        networks.push(Network { ip: Address { family, value: start }, prefix });
        next = start.checked_add(family.hostmask(prefix)).and_then(|end| end.checked_add(1));
    }
    networks
}

/// The smallest network around all; `None` for both families at once.
pub(in crate::template) fn spanning(networks: &[Network]) -> Option<Network> {
    let order = |network: &Network| {
        let net_bits = i16::from(network.prefix) - 1;
        (network.family(), network.first(), net_bits, network.ip.value - network.first())
    };
    let lowest = networks.iter().min_by_key(|network| order(network))?;
    let highest = networks.iter().max_by_key(|network| order(network))?;
    let family = lowest.family();
    if family != highest.family() {
        return None;
    }
    let (mut value, mut prefix) = (highest.last(), highest.prefix);
    while prefix > 0 && value > lowest.first() {
        prefix -= 1;
        value &= family.netmask(prefix);
    }
    Some(Network { ip: Address { family, value }, prefix })
}
