//! The registries of special addresses, by IANA.

use std::sync::LazyLock;

use super::{Address, Family, Network};

/// Networks that are not reachable from anywhere, and those within them that are.
pub(super) struct Registry {
    pub(super) unreachable: Vec<Network>,
    pub(super) exceptions: Vec<Network>,
}

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().filter_map(|text| Network::parse(text)).collect()
}

static V4: LazyLock<Registry> = LazyLock::new(|| Registry {
    unreachable: networks(&[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
    ]),
    exceptions: networks(&["192.0.0.9/32", "192.0.0.10/32"]),
});

static V6: LazyLock<Registry> = LazyLock::new(|| Registry {
    unreachable: networks(&[
        "::1/128",
        "::/128",
        "::ffff:0:0/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "fc00::/7",
        "fe80::/10",
    ]),
    exceptions: networks(&[
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:20::/28",
        "2001:30::/28",
    ]),
});

/// Addresses that carriers share among their customers: neither private nor global.
pub(super) fn is_shared(address: Address) -> bool {
    address.family == Family::V4 && address.value >> 22 == 0x6440_0000 >> 22
}

/// Whether a registry lists an address as not reachable.
pub(super) fn is_listed(address: Address) -> bool {
    let registry = match address.family {
        Family::V4 => &V4,
        Family::V6 => &V6,
    };
    let single = Network { ip: address, prefix: address.family.width() };
    registry.unreachable.iter().any(|network| network.contains(&single))
        && !registry.exceptions.iter().any(|network| network.contains(&single))
}

pub(super) fn is_global(address: Address) -> bool {
    !is_listed(address) && !is_shared(address)
}
