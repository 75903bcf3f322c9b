//! Whether addresses lie in a network.

use minijinja::Value;

use super::super::{Filter, filter};
use super::ipaddr;
use crate::template::address::Network;
use crate::template::failure::Outcome;
use crate::template::python::list;

/// The family.
pub(in super::super) const FILTERS: &[Filter] = &[
    filter("ansible.utils.network_in_network", &["value", "test"], |call| {
        let around = bounds(normalised(call.value()?)?);
        let tested = bounds(normalised(call.required(1)?)?);
        Ok(Value::from(is_within(tested, around)))
    }),
    filter("ansible.utils.network_in_usable", &["value", "test"], |call| {
        let network = normalised(call.value()?)?;
        let usable = network.and_then(|network| network.usable());
        let around = usable.unwrap_or_else(|| bounds(network));
        let tested = bounds(normalised(call.required(1)?)?);
        Ok(Value::from(is_within(tested, around)))
    }),
    filter("ansible.utils.reduce_on_network", &["value", "network"], |call| {
        let around = bounds(normalised(call.required(1)?)?);
        let mut kept = Vec::new();
        for value in call.list(0)? {
            if is_within(bounds(normalised(&value)?), around) {
                kept.push(value);
            }
        }
        Ok(list(kept))
    }),
];

/// The network of a value, if it is one or an address.
fn normalised(value: &Value) -> Outcome<Option<Network>> {
    let subnet = ipaddr(value, "subnet", None, "ipaddr")?;
    Ok(subnet.as_str().and_then(Network::parse))
}

/// The first and the last address; the last is the broadcast address, where there is one.
fn bounds(network: Option<Network>) -> (u128, u128) {
    network.map_or((0, 0), |network| {
        let first = network.first();
        (first, network.broadcast().map_or(first, |last| last.value))
    })
}

fn is_within(tested: (u128, u128), around: (u128, u128)) -> bool {
    let range = around.0..=around.1;
    range.contains(&tested.0) && range.contains(&tested.1)
}
