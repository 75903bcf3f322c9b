//! Networks split, and addresses counted in them.

use minijinja::Value;

use super::super::{Filter, filter};
use super::{network_of, no, none, numbered, shown, whole};
use crate::template::address::{
    Address, Family, Network, StrictNetwork, exploded, merged, spanning, strict_address,
};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, elements, list, parse_integer, string_keys, text, type_name,
};

/// The family.
pub(in super::super) const FILTERS: &[Filter] = &[
    filter("ansible.utils.ipsubnet", &["value", "query", "index"], ipsubnet),
    filter("ansible.utils.ipmath", &["value", "amount"], |call| {
        let value = call.text(0)?;
        let amount = amount(call)?;
        let address = if value.contains('/') {
            Network::parse(&value).map(|network| network.ip)
        } else {
            Address::parse(&value)
        };
        let address = address.ok_or_else(|| invalid(call, &value))?;
        let moved = address.moved(amount);
        moved.map(shown).ok_or_else(|| call.refuse("result outside valid IP address boundary!"))
    }),
    filter("ansible.utils.ipcut", &["value", "amount"], ipcut),
    filter("ansible.utils.ipv6form", &["value", "format"], ipv6form),
    filter("ansible.utils.nthhost", &["value", "query"], |call| {
        let Some(network) = network_of(&Value::from(call.text(0)?))? else {
            return no();
        };
        let Some(index) = parse_integer(&call.text_or(1, "")?, 10) else {
            return no();
        };
        if u128::try_from(index).is_ok_and(|index| index > network.span()) {
            return no();
        }
        match network.address_at(index) {
            Some(address) => Ok(shown(address)),
            None => Err(call.refuse("index out range for address range size!")),
        }
    }),
    filter("ansible.utils.next_nth_usable", &["value", "offset"], |call| nth_usable(call, 1)),
    filter("ansible.utils.previous_nth_usable", &["value", "offset"], |call| nth_usable(call, -1)),
    filter("ansible.utils.cidr_merge", &["value", "action"], cidr_merge),
    filter("ansible.utils.ip4_hex", &["arg", "delimiter"], |call| {
        let value = call.text(0)?;
        let Some(address) = Address::parse(&value) else {
            return Err(invalid(call, &value));
        };
        if address.family == Family::V6 {
            return Err(call.refuse(format!("invalid literal for int() with base 10: '{value}'")));
        }
        let numbers = address.octets().map(|number| format!("{number:02x}"));
        Ok(Value::from(numbers.join(&call.text_or(1, "")?)))
    }),
    filter("ansible.utils.usable_range", &["ip"], usable_range),
];

/// The longest list of addresses.
const MAXIMUM: u128 = 1_000_000;

fn invalid(call: &Bound<'_>, value: &str) -> Box<crate::template::failure::Failure> {
    call.refuse(format!("You must pass a valid IP address; {value} is invalid"))
}

fn amount(call: &Bound<'_>) -> Outcome<i128> {
    whole(call, 1, "amount")?.ok_or_else(|| {
        call.refuse("You must pass an integer for arithmetic; None is not a valid integer")
    })
}

fn nth_usable(call: &Bound<'_>, direction: i128) -> Outcome<Value> {
    let Some(network) = network_of(&Value::from(call.text(0)?))? else {
        return no();
    };
    let Some(offset) = whole(call, 1, "offset")? else {
        return Err(call.refuse("Must pass in an integer"));
    };
    let Some((first, last)) = network.usable() else {
        return Ok(none());
    };
    let found = network.ip.value.checked_add_signed(offset * direction);
    Ok(found
        .filter(|value| (first..=last).contains(value))
        .map_or_else(none, |value| shown(numbered(value))))
}

fn ipsubnet(call: &Bound<'_>) -> Outcome<Value> {
    let value = Value::from(call.text(0)?);
    let Some(network) = network_of(&value)?.map(|network| network.cidr()) else {
        return no();
    };
    let query = call.text_or(1, "")?;
    if query.is_empty() {
        return Ok(shown(network));
    }
    let width = i128::from(network.family().width());
    if !query.chars().all(|digit| digit.is_ascii_digit()) {
        return place_in(call, &network, &query);
    }
    let Some(prefix) = query.parse::<u8>().ok().filter(|prefix| i128::from(*prefix) <= width)
    else {
        return no();
    };
    let index = whole(call, 2, "index")?;
    if network.span() == 0 {
        let index = index.unwrap_or_default();
        if index > width + 1 - index || index < i128::from(prefix) - width {
            return no();
        }
        let around = network.supernets(prefix);
        let length = i128::try_from(around.len()).unwrap_or_default();
        let at = if index < 0 { index + length } else { index };
        let found = usize::try_from(at).ok().and_then(|at| around.get(at));
        return found.map(shown).ok_or_else(|| call.refuse("list index out of range"));
    }
    let Some(bits) = prefix.checked_sub(network.prefix) else {
        if index.is_none() {
            return Err(call.refuse(format!("Requested subnet size of {query} is invalid")));
        }
        return no();
    };
    let Some(count) = 1_u128.checked_shl(u32::from(bits)) else {
        return Err(call.refuse("the number is too large"));
    };
    let Some(index) = index else {
        return Ok(shown(count));
    };
    let at = if index < 0 { count.checked_add_signed(index) } else { u128::try_from(index).ok() };
    let Some(at) = at.filter(|at| *at < count) else {
        return no();
    };
    let shift = u32::from(network.family().width() - prefix);
    let value = network.first() + at.checked_shl(shift).unwrap_or_default();
    let ip = Address { family: network.family(), value };
    Ok(shown(Network { ip, prefix }))
}

/// The place of a network among those of its size in another.
fn place_in(call: &Bound<'_>, network: &Network, query: &str) -> Outcome<Value> {
    let Some(around) = network_of(&Value::from(query))? else {
        return Err(
            call.refuse(format!("You must pass a valid subnet or IP address; {query} is invalid"))
        );
    };
    let width = u32::from(network.family().width());
    let shift = width.saturating_sub(u32::from(around.prefix));
    let shifted = |value: u128| value.checked_shr(shift).unwrap_or_default();
    let inside =
        around.prefix <= network.prefix && shifted(network.ip.value) == shifted(around.ip.value);
    if !inside {
        return Err(call.refuse(format!("{network} is not in the subnet {}", around.cidr())));
    }
    let low = width - u32::from(network.prefix);
    let within = around.family().hostmask(around.prefix);
    let place = (network.ip.value & within).checked_shr(low).unwrap_or_default();
    Ok(shown(place + 1))
}

fn cidr_merge(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.value()?;
    let texts: Vec<String> = match class_of(value) {
        Class::Text => text(value)?.split(',').map(|part| part.trim().to_owned()).collect(),
        Class::List | Class::Tuple => elements(value)?.iter().map(text).collect::<Outcome<_>>()?,
        _ => {
            return Err(call.refuse(format!(
                "argument 'value' is of type {} and we were unable to convert to list",
                type_name(value)
            )));
        }
    };
    let action = call.text_or(1, "merge")?;
    if !matches!(action.as_str(), "merge" | "span") {
        return Err(call.refuse(format!("cidr_merge: invalid action '{action}'")));
    }
    let networks: Vec<Network> = texts
        .iter()
        .map(|text| {
            Network::parse(text).ok_or_else(|| {
                call.refuse(format!("cidr_merge: error in netaddr:\ninvalid IPNetwork {text}"))
            })
        })
        .collect::<Outcome<_>>()?;
    if action == "merge" {
        return Ok(list(merged(&networks).into_iter().map(shown).collect()));
    }
    match networks.as_slice() {
        [] => Ok(none()),
        [only] => Ok(shown(only)),
        all => spanning(all).map(shown).ok_or_else(|| {
            call.refuse(
                "cidr_merge: error in netaddr:\nIP sequence cannot contain both IPv4 and IPv6!",
            )
        }),
    }
}

/// The first or last bits of an address.
fn ipcut(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.text(0)?;
    let amount = amount(call)?;
    let address = Address::parse(&value).ok_or_else(|| invalid(call, &value))?;
    let bits = address.bits();
    let length = usize::try_from(amount.unsigned_abs()).unwrap_or(usize::MAX).min(bits.len());
    let cut = if amount < 0 { bits.get(bits.len() - length..) } else { bits.get(..length) };
    let cut = cut.unwrap_or_default();
    let size = if address.family == Family::V6 { 16 } else { 8 };
    let mut words = Vec::new();
    for start in (0..cut.len()).step_by(size) {
        let word = cut.get(start..(start + size).min(cut.len())).unwrap_or_default();
        let number = u32::from_str_radix(word, 2).unwrap_or_default();
        words.push(match address.family {
            Family::V6 => format!("{number:x}"),
            Family::V4 => number.to_string(),
        });
    }
    Ok(Value::from(words.join(if address.family == Family::V6 { ":" } else { "." })))
}

fn ipv6form(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.text(0)?;
    let form = call.text_or(1, "")?;
    let address = strict_address(&value).ok_or_else(|| invalid(call, &value))?;
    match form.as_str() {
        "expand" => Ok(Value::from(exploded(address))),
        "compress" => Ok(shown(address)),
        "x509" => {
            let words: Vec<String> = (0..8)
                .rev()
                .map(|index| format!("{:x}", address.value >> (index * 16) & 0xffff))
                .collect();
            Ok(Value::from(words.join(":")))
        }
        other => Err(call.refuse(format!(
            "value of format must be one of: compress, expand, x509, got: {other}"
        ))),
    }
}

fn usable_range(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.text(0)?;
    let Some(network) = StrictNetwork::parse(&value) else {
        let reason = if Network::parse(&value).is_some() {
            format!("{value} has host bits set")
        } else {
            format!("'{value}' does not appear to be an IPv4 or IPv6 network")
        };
        return Err(call.refuse(format!("Error while using plugin 'usable_range': {reason}")));
    };
    let span = network.last() - network.first.value;
    if span >= MAXIMUM {
        return Err(call.refuse(format!("'{value}' has too many addresses for a list")));
    }
    let family = network.first.family;
    let addresses = (network.first.value..=network.last())
        .map(|value| shown(Address { family, value }))
        .collect();
    Ok(string_keys([("usable_ips", list(addresses)), ("number_of_ips", Value::from(span + 1))]))
}
