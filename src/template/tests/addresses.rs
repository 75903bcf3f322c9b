//! Tests of addresses and networks, by `ansible.utils`; read as Python's `ipaddress` reads them.

use minijinja::Value;

use super::{Test, test};
use crate::template::address::{
    Address, Family, StrictNetwork, is_reserved, is_strictly_private, mapped, strict_address,
};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::elements;
use crate::template::regex::{Flags, compiled};

/// The family.
pub(super) const TESTS: &[Test] = &[
    test("ansible.utils.ip", &["ip"], |call| Ok(network(call.value()?).is_some())),
    test("ansible.utils.ipv4", &["ip"], |call| is_network_of(call, Family::V4)),
    test("ansible.utils.ipv6", &["ip"], |call| is_network_of(call, Family::V6)),
    test("ansible.utils.ip_address", &["ip"], |call| Ok(address(call.value()?).is_some())),
    test("ansible.utils.ipv4_address", &["ip"], |call| {
        has(call, |address| address.family == Family::V4)
    }),
    test("ansible.utils.ipv6_address", &["ip"], |call| {
        has(call, |address| address.family == Family::V6)
    }),
    test("ansible.utils.ipv4_hostmask", &["ip"], |call| is_mask(call, StrictNetwork::hostmask)),
    test("ansible.utils.ipv4_netmask", &["mask"], |call| is_mask(call, StrictNetwork::netmask)),
    test("ansible.utils.ipv6_ipv4_mapped", &["ip"], |call| {
        has(call, |address| mapped(address).is_some())
    }),
    test("ansible.utils.ipv6_sixtofour", &["ip"], |call| {
        has(call, |address| address.family == Family::V6 && address.value >> 112 == 0x2002)
    }),
    test("ansible.utils.ipv6_teredo", &["ip"], |call| {
        has(call, |address| address.family == Family::V6 && address.value >> 96 == 0x2001_0000)
    }),
    test("ansible.utils.loopback", &["ip"], |call| has(call, Address::is_loopback)),
    test("ansible.utils.multicast", &["ip"], |call| has(call, Address::is_multicast)),
    test("ansible.utils.private", &["ip"], |call| has(call, is_strictly_private)),
    test("ansible.utils.public", &["ip"], |call| {
        has(call, |address| mapped(address).unwrap_or(address).is_global())
    }),
    test("ansible.utils.reserved", &["ip"], |call| has(call, is_reserved)),
    test("ansible.utils.unspecified", &["ip"], |call| has(call, |address| address.value == 0)),
    test("ansible.utils.mac", &["mac"], |call| {
        let forms = "(?i)^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^([0-9a-f]{4}\\.[0-9a-f]{4}\\.\
                     [0-9a-f]{4})$|^[0-9a-f]{12}$";
        compiled(forms, Flags::default())?.is_found(&call.text(0)?).map_err(Into::into)
    }),
    test("ansible.utils.in_network", &["ip", "network"], |call| {
        Ok(is_within(call.value()?, call.required(1)?))
    }),
    test("ansible.utils.subnet_of", &["network_a", "network_b"], |call| {
        Ok(is_within(call.value()?, call.required(1)?))
    }),
    test("ansible.utils.supernet_of", &["network_a", "network_b"], |call| {
        Ok(is_within(call.required(1)?, call.value()?))
    }),
    test("ansible.utils.in_any_network", &["ip", "networks"], |call| Ok(found_in(call)? > 0)),
    test("ansible.utils.in_one_network", &["ip", "networks"], |call| Ok(found_in(call)? == 1)),
];

fn address(value: &Value) -> Option<Address> {
    strict_address(value.as_str()?)
}

fn network(value: &Value) -> Option<StrictNetwork> {
    StrictNetwork::parse(value.as_str()?)
}

fn has(call: &Bound<'_>, quality: impl Fn(Address) -> bool) -> Outcome<bool> {
    Ok(address(call.value()?).is_some_and(quality))
}

fn is_network_of(call: &Bound<'_>, family: Family) -> Outcome<bool> {
    Ok(network(call.value()?).is_some_and(|network| network.first.family == family))
}

/// Whether text is the mask that a network has when it is written with it.
fn is_mask(call: &Bound<'_>, mask: impl Fn(StrictNetwork) -> Address) -> Outcome<bool> {
    let text = call.text(0)?;
    let network = StrictNetwork::parse(&format!("10.0.0.0/{text}"));
    Ok(network.is_some_and(|network| mask(network).to_string() == text))
}

fn is_within(inner: &Value, outer: &Value) -> bool {
    network(inner).zip(network(outer)).is_some_and(|(inner, outer)| inner.is_within(outer))
}

fn found_in(call: &Bound<'_>) -> Outcome<usize> {
    let networks = elements(call.required(1)?)?;
    Ok(networks
        .iter()
        .filter(|network| is_within(call.required(0).unwrap_or(network), network))
        .count())
}
