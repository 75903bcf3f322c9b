//! Hardware addresses.

use minijinja::Value;

use super::super::{Filter, filter};
use super::{network_of, no, none, shown};
use crate::template::address::{Dialect, Family, Hardware};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{Randomness, text, type_name};

/// The family.
pub(in super::super) const FILTERS: &[Filter] = &[
    filter("ansible.utils.hwaddr", &["value", "query", "alias"], |call| {
        hardware(call, &call.text_or(2, "hwaddr")?)
    }),
    filter("ansible.utils.macaddr", &["value", "query"], |call| hardware(call, "macaddr")),
    filter("community.general.random_mac", &["value", "seed"], random),
    filter("ansible.utils.slaac", &["value", "query"], |call| {
        let network = network_of(&Value::from(call.text(0)?))?;
        let network = network.filter(|network| network.family() == Family::V6);
        let host = Hardware::parse(&call.text_or(1, "")?);
        let address = network.zip(host).and_then(|(network, host)| host.host_in(network.network()));
        address.map_or_else(no, |address| Ok(shown(address)))
    }),
];

/// A hardware address that begins as asked for.
fn random(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    let Some(prefix) = value.as_str().map(str::to_lowercase) else {
        return Err(call.refuse(format!(
            "Invalid value type (<class '{}'>) for random_mac ({})",
            type_name(value),
            text(value)?
        )));
    };
    let parts: Vec<&str> = prefix.split(':').collect();
    let invalid =
        |reason: &str| call.refuse(format!("Invalid value ({prefix}) for random_mac: {reason}"));
    if parts.len() > 5 {
        return Err(invalid("5 colon(:) separated items max"));
    }
    let is_byte =
        |part: &str| part.len() >= 2 && part.chars().take(2).all(|digit| digit.is_ascii_hexdigit());
    let wrong: Vec<String> = parts
        .iter()
        .filter(|part| !is_byte(part))
        .map(|part| match *part {
            "" => "empty item".to_owned(),
            part => format!("{part} not hexa byte"),
        })
        .collect();
    if !wrong.is_empty() {
        return Err(invalid(&wrong.join(",")));
    }
    let (lowest, highest) = (0x10_0000_0000_u128, 0xff_ffff_ffff_u128);
    let number = lowest + Randomness::of_seed(call.some(1))?.below(highest - lowest + 1);
    let digits: Vec<char> = format!("{number:x}").chars().take(2 * (6 - parts.len())).collect();
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    Ok(Value::from(format!("{prefix}:{}", pairs.join(":"))))
}

fn hardware(call: &Bound<'_>, alias: &str) -> Outcome<Value> {
    let (value, query) = (call.text(0)?, call.text_or(1, "")?);
    let Some(address) = Hardware::parse(&value) else {
        if query.is_empty() || query == "bool" {
            return Ok(none());
        }
        return Err(call.refuse(format!("{alias}: not a hardware address: {value}")));
    };
    let dialect = match query.as_str() {
        "" => return Ok(call.value()?.clone()),
        "bool" => return Ok(Value::from(true)),
        "int" => return Ok(Value::from(address.value())),
        "bare" => Dialect::Bare,
        "cisco" => Dialect::Cisco,
        "eui48" | "win" => Dialect::Eui48,
        "linux" => Dialect::Linux,
        "pgsql" | "postgresql" | "psql" => Dialect::PostgreSql,
        "unix" => Dialect::Unix,
        _ => return Err(call.refuse(format!("{alias}: unknown filter type: {query}"))),
    };
    Ok(Value::from(address.print(dialect)))
}
