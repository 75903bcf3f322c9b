//! `ipaddr` and what is made of it: a value is asked something, and answers or is refused.

use minijinja::Value;

use super::super::{Filter, filter};
use super::{no, none, numbered, shown, whole};
use crate::template::address::{Address, Family, Network};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, class_of, elements, list, parse_float, parse_integer, text, truth, type_name,
};

/// The family.
pub(in super::super) const FILTERS: &[Filter] = &[
    filter("ansible.utils.ipaddr", &["value", "query", "version", "alias"], |call| {
        let version = whole(call, 2, "version")?.filter(|version| *version != 0);
        typed(call, "ipaddr", &[Class::Text, Class::List, Class::Integer, Class::Bool])?;
        ipaddr(call.value()?, &call.text_or(1, "")?, version, &call.text_or(3, "ipaddr")?)
    }),
    filter("ansible.utils.ipv4", &["value", "query"], |call| versioned(call, "ipv4", 4)),
    filter("ansible.utils.ipv6", &["value", "query"], |call| versioned(call, "ipv6", 6)),
    filter("ansible.utils.ipwrap", &["value", "query"], |call| {
        typed(call, "ipwrap", &[Class::Text, Class::List, Class::Bool])?;
        let (value, query) = (call.value()?, call.text_or(1, "")?);
        if class_of(value) == Class::List {
            let all = elements(value)?;
            return all
                .iter()
                .map(|one| wrapped(one, &query, true))
                .collect::<Outcome<_>>()
                .map(list);
        }
        wrapped(value, &query, false)
    }),
];

fn typed(call: &Bound<'_>, name: &str, classes: &[Class]) -> Outcome<()> {
    let value = call.value()?;
    if classes.contains(&class_of(value)) {
        return Ok(());
    }
    Err(call.refuse(format!(
        "Unrecognized type <<class '{}'>> for {name} filter <value>",
        type_name(value)
    )))
}

fn versioned(call: &Bound<'_>, name: &str, version: i128) -> Outcome<Value> {
    typed(call, name, &[Class::Text, Class::List, Class::Integer, Class::Bool])?;
    ipaddr(call.value()?, &call.text_or(1, "")?, Some(version), name)
}

/// An IPv6 address in brackets; what is none stays as it is. In a list the element is wrapped as it
/// is, else what the query made of it.
fn wrapped(value: &Value, query: &str, in_list: bool) -> Outcome<Value> {
    let Ok(found) = ipaddr(value, query, None, "ipwrap") else {
        return Ok(value.clone());
    };
    if !truth(&found)? {
        return Ok(value.clone());
    }
    let shown = if in_list { value } else { &found };
    Ok(ipaddr(shown, "wrap", None, "ipaddr").unwrap_or_else(|_| value.clone()))
}

/// What is asked.
struct Subject {
    network: Network,
    /// Whether it was written with a prefix.
    prefixed: bool,
    /// As it was written.
    value: Value,
}

fn subject(value: &Value, version: Option<i128>) -> Outcome<Option<Subject>> {
    let written = text(value)?;
    if !written.is_empty() && written.chars().all(|digit| digit.is_ascii_digit()) {
        let Ok(number) = written.parse::<u128>() else {
            return Ok(None);
        };
        let family = if version == Some(6) { Family::V6 } else { numbered(number).family };
        let network = Network { ip: Address { family, value: number }, prefix: family.width() };
        return Ok(Some(Subject { network, prefixed: false, value: shown(network) }));
    }
    if class_of(value) != Class::Text {
        return Ok(None);
    }
    if let Some(network) = Network::parse(&written) {
        let prefixed = written.contains('/');
        return Ok(Some(Subject { network, prefixed, value: value.clone() }));
    }
    Ok(numeric_network(&written).map(|network| Subject {
        network,
        prefixed: true,
        value: shown(network),
    }))
}

/// `number/prefix`
fn numeric_network(written: &str) -> Option<Network> {
    let (address, prefix) = written.split_once('/')?;
    let (value, prefix) = (address.trim().parse().ok()?, parse_integer(prefix, 10)?);
    let network = |family| Network::new(Address::new(family, value)?, prefix);
    network(Family::V4).or_else(|| network(Family::V6))
}

/// What a value answers to a query; false where it is no address or does not fit.
pub(in super::super) fn ipaddr(
    value: &Value,
    query: &str,
    version: Option<i128>,
    alias: &str,
) -> Outcome<Value> {
    if matches!(class_of(value), Class::List | Class::Tuple) {
        let mut answers = Vec::new();
        for element in elements(value)? {
            let answer = ipaddr(&element, query, version, alias)?;
            if truth(&answer)? {
                answers.push(answer);
            }
        }
        return Ok(list(answers));
    }
    if !truth(value)? || class_of(value) == Class::Bool {
        return no();
    }
    let Some(subject) = subject(value, version)? else {
        return no();
    };
    if version.is_some_and(|version| version != i128::from(subject.network.family().number())) {
        return no();
    }
    match subject.answer(query)? {
        Answer::Value(value) => Ok(value),
        Answer::NoQuery => subject.within_or_at(query, alias),
    }
}

enum Answer {
    Value(Value),
    /// The query is none of the known words.
    NoQuery,
}

impl Subject {
    fn kept_if(&self, holds: bool) -> Value {
        if holds { self.value.clone() } else { none() }
    }

    fn with_prefix(&self, address: Address) -> Value {
        shown(format_args!("{address}/{}", self.network.prefix))
    }

    /// Whether it names a host: not the first address of a network that has a broadcast address.
    fn is_host(&self) -> bool {
        self.network.ip != self.network.network() || self.network.broadcast().is_none()
    }

    /// The answers that only a network has.
    fn network_only(&self) -> Outcome<()> {
        if self.prefixed { Ok(()) } else { Err(Failure::failed("Not a network address")) }
    }

    fn answer(&self, query: &str) -> Outcome<Answer> {
        let network = &self.network;
        let ip = network.ip;
        let is_single = network.span() == 0;
        Ok(Answer::Value(match query {
            "" if self.prefixed => shown(network),
            "" => shown(ip),
            "6to4" => self.six_to_four()?,
            "address" | "ip" if is_single || self.is_host() || ip.family == Family::V6 => shown(ip),
            "address" | "ip" => none(),
            "address/prefix" | "gateway" | "gw" | "host/prefix" | "hostnet" | "router" => {
                let at_edge = ip == network.network() || Some(ip) == network.broadcast();
                if network.span() > 1 && at_edge {
                    return no().map(Answer::Value);
                }
                self.with_prefix(ip)
            }
            "bool" => Value::from(true),
            "broadcast" => network.broadcast().map_or_else(none, shown),
            "cidr" => shown(network),
            "first_usable" => {
                self.network_only()?;
                network.usable().map_or_else(none, |(first, _)| shown(numbered(first)))
            }
            "last_usable" => {
                self.network_only()?;
                network.usable().map_or_else(none, |(_, last)| shown(numbered(last)))
            }
            "range_usable" => {
                self.network_only()?;
                network.usable().map_or_else(none, |(first, last)| {
                    shown(format_args!("{}-{}", numbered(first), numbered(last)))
                })
            }
            "next_usable" => self.neighbour(1)?,
            "previous_usable" => self.neighbour(-1)?,
            "host" if is_single || self.is_host() => self.with_prefix(ip),
            "host" => none(),
            "hostmask" | "wildcard" => shown(network.hostmask()),
            "int" if self.prefixed => shown(format_args!("{}/{}", ip.value, network.prefix)),
            "int" => Value::from(ip.value),
            "ip/prefix" if network.span() == 1 || (!is_single && ip != network.network()) => {
                self.with_prefix(ip)
            }
            "ip_netmask" if network.span() == 1 || (!is_single && ip != network.network()) => {
                shown(format_args!("{ip} {}", network.netmask()))
            }
            "ip/prefix" | "ip_netmask" => none(),
            "ipv4" | "v4" if ip.family == Family::V6 => match network.as_v4() {
                Some(network) => shown(network),
                None => return no().map(Answer::Value),
            },
            "ipv6" | "v6" if ip.family == Family::V4 => shown(network.as_v6()),
            "ipv4" | "v4" | "ipv6" | "v6" => self.value.clone(),
            "link-local" => self.kept_if(match ip.family {
                Family::V4 => ip.value >> 16 == 0xa9fe,
                Family::V6 => ip.value >> 118 == 0xfe80 >> 6,
            }),
            "lo" | "loopback" => self.kept_if(ip.is_loopback()),
            "multicast" => self.kept_if(ip.is_multicast()),
            "unicast" => self.kept_if(!ip.is_multicast()),
            "net" if !is_single && ip == network.network() => shown(network),
            "net" => none(),
            "netmask" => shown(network.netmask()),
            "network" | "network_id" => shown(network.network()),
            "network/prefix" | "subnet" => shown(network.cidr()),
            "network_netmask" => shown(format_args!("{} {}", network.network(), network.netmask())),
            "network_wildcard" => {
                shown(format_args!("{} {}", network.network(), network.hostmask()))
            }
            "peer" => self.peer()?,
            "prefix" => Value::from(network.prefix),
            "private" => self.kept_if(!ip.is_global()),
            "public" => self.kept_if(
                !ip.is_multicast()
                    && ip.is_global()
                    && !ip.is_loopback()
                    && !ip.is_netmask()
                    && !ip.is_hostmask(),
            ),
            "revdns" => Value::from(ip.reverse_name()),
            "size" => match network.span().checked_add(1) {
                Some(size) => Value::from(size),
                None => return Err(Failure::failed("the number is too large")),
            },
            "size_usable" => Value::from(match network.span() {
                0 => 0,
                1 => 2,
                span => span - 1,
            }),
            "type" if is_single || ip != network.network() => Value::from("address"),
            "type" => Value::from("network"),
            "version" => Value::from(ip.family.number()),
            "wrap" if ip.family == Family::V6 && self.prefixed => {
                shown(format_args!("[{ip}]/{}", network.prefix))
            }
            "wrap" if ip.family == Family::V6 => shown(format_args!("[{ip}]")),
            "wrap" => self.value.clone(),
            _ => return Ok(Answer::NoQuery),
        }))
    }

    /// Whether it lies in the network that the query names, or the address at its index.
    fn within_or_at(&self, query: &str, alias: &str) -> Outcome<Value> {
        let is_number = !query.is_empty() && query.chars().all(|digit| digit.is_ascii_digit());
        if !is_number && let Some(other) = subject(&Value::from(query), None)? {
            return Ok(self.kept_if(other.network.contains(&self.network)));
        }
        if parse_float(query).is_none() {
            return Err(Failure::failed(format!("{alias}: unknown filter type: {query}")));
        }
        if self.network.span() == 0 {
            return Ok(if self.prefixed { shown(self.network) } else { shown(self.network.ip) });
        }
        match parse_integer(query, 10).and_then(|index| self.network.address_at(index)) {
            Some(address) => Ok(self.with_prefix(address)),
            None => no(),
        }
    }

    fn neighbour(&self, by: i128) -> Outcome<Value> {
        self.network_only()?;
        let Some((first, last)) = self.network.usable() else {
            return Ok(none());
        };
        let next = self
            .network
            .ip
            .value
            .checked_add_signed(by)
            .ok_or_else(|| Failure::failed("failed to detect a valid IP address from -1"))?;
        Ok(if (first..=last).contains(&next) { shown(numbered(next)) } else { none() })
    }

    /// The other end of a link.
    fn peer(&self) -> Outcome<Value> {
        self.network_only()?;
        let value = self.network.ip.value;
        let refused = |message: &str| Err(Failure::failed(message));
        match (self.network.span(), value % 4) {
            (1, _) => Ok(shown(numbered(value ^ 1))),
            (3, 0) => refused("Network address of /30 has no peer"),
            (3, 3) => refused("Broadcast address of /30 has no peer"),
            (3, _) => Ok(shown(numbered(value ^ 3))),
            _ => refused("Not a point-to-point network"),
        }
    }

    /// The IPv6 network that belongs to an IPv4 address.
    fn six_to_four(&self) -> Outcome<Value> {
        let network = &self.network;
        let single = network.span() == 0;
        match network.family() {
            Family::V4 => {
                if !single && network.ip == network.network() {
                    return no();
                }
                let address = shown(network.ip);
                let is_public = truth(&ipaddr(&address, "public", None, "ipaddr")?)?;
                if !is_public && network.ip.is_global() {
                    return no();
                }
                let [a, b, c, d] = network.ip.octets();
                Ok(Value::from(format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1/48")))
            }
            Family::V6 => {
                let asked = !self.prefixed || network.ip != network.network();
                let inside =
                    network.ip.value >> 112 == 0x2002 && (self.prefixed || network.prefix >= 16);
                if asked && inside { Ok(self.value.clone()) } else { no() }
            }
        }
    }
}
