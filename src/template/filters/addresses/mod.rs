//! Filters of addresses and networks, by `ansible.utils`.

mod hardware;
mod query;
mod subnet;
mod within;

use minijinja::Value;

use crate::template::address::{Address, Family, Network};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{self, Class, as_integer, class_of, parse_integer};

pub(super) use hardware::FILTERS as HARDWARE;
pub(super) use query::{FILTERS as QUERIES, ipaddr};
pub(super) use subnet::FILTERS as SUBNETS;
pub(super) use within::FILTERS as WITHIN;

/// What these filters give where Python gives `False`.
fn no() -> Outcome<Value> {
    Ok(Value::from(false))
}

fn none() -> Value {
    Value::from(())
}

fn shown(value: impl std::fmt::Display) -> Value {
    Value::from(value.to_string())
}

/// The address of a number: the lowest four thousand millions are those of IPv4.
fn numbered(value: u128) -> Address {
    let family = if value <= Family::V4.maximum() { Family::V4 } else { Family::V6 };
    Address { family, value }
}

/// An argument that is a number, or text that reads as one.
fn whole(call: &Bound<'_>, index: usize, name: &str) -> Outcome<Option<i128>> {
    let Some(value) = call.some(index) else {
        return Ok(None);
    };
    let read = match class_of(value) {
        Class::Text => parse_integer(value.as_str().unwrap_or_default(), 10),
        _ => as_integer(value),
    };
    read.map(Some).ok_or_else(|| {
        call.refuse(format!(
            "argument '{name}' is of type {} and we were unable to convert to int: {} cannot be \
             converted to an int",
            python::type_name(value),
            python::text(value).unwrap_or_default()
        ))
    })
}

/// The network that a value names; an address keeps the bits of its host.
fn network_of(value: &Value) -> Outcome<Option<Network>> {
    let query = match ipaddr(value, "type", None, "ipaddr")?.as_str() {
        Some("address") => "cidr",
        Some(_) => "subnet",
        None => return Ok(None),
    };
    let network = ipaddr(value, query, None, "ipaddr")?;
    Ok(network.as_str().and_then(Network::parse))
}
