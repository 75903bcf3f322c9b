//! Interfaces, addresses, routes and name servers.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value as Json, json};

use super::probe::Probe;
use crate::contract::Returned;

/// `dns`.
pub(super) fn collect_dns(probe: &mut Probe<'_>, facts: &mut Returned) {
    let text = probe.text("/etc/resolv.conf").unwrap_or_default();
    facts.insert("dns".to_owned(), dns(&text));
}

fn dns(text: &str) -> Json {
    let mut found = Map::new();
    for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
        let mut words = line.split_whitespace();
        let Some(keyword) = words.next() else { continue };
        let words: Vec<&str> = words.collect();
        match keyword {
            "nameserver" => {
                let list = found.entry("nameservers").or_insert_with(|| json!([]));
                if let Json::Array(list) = list {
                    list.extend(words.into_iter().map(Json::from));
                }
            }
            "domain" => {
                if let Some(domain) = words.first() {
                    found.insert("domain".to_owned(), Json::from(*domain));
                }
            }
            "search" | "sortlist" => {
                found.insert(keyword.to_owned(), Json::from(words));
            }
            "options" => {
                let options = words.into_iter().map(|word| match word.split_once(':') {
                    Some((name, value)) if !value.is_empty() => {
                        (name.to_owned(), Json::from(value))
                    }
                    Some((name, _)) => (name.to_owned(), Json::from(true)),
                    None => (word.to_owned(), Json::from(true)),
                });
                let options: Map<String, Json> = options.collect();
                found.insert("options".to_owned(), Json::from(options));
            }
            _ => {}
        }
    }
    Json::from(found)
}

/// `fibre_channel_wwn`.
pub(super) fn collect_fibre_channel(probe: &mut Probe<'_>, facts: &mut Returned) {
    let mut names = Vec::new();
    for host in probe.list("/sys/class/fc_host") {
        if let Some(name) = probe.content(format!("/sys/class/fc_host/{host}/port_name")) {
            names.push(Json::from(name.strip_prefix("0x").unwrap_or(&name)));
        }
    }
    facts.insert("fibre_channel_wwn".to_owned(), Json::from(names));
}

/// `iscsi_iqn`.
pub(super) fn collect_iscsi(probe: &mut Probe<'_>, facts: &mut Returned) {
    let text = probe.text("/etc/iscsi/initiatorname.iscsi").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("InitiatorName="));
    facts.insert("iscsi_iqn".to_owned(), Json::from(name.unwrap_or_default()));
}

/// `hostnqn`.
pub(super) fn collect_nvme(probe: &mut Probe<'_>, facts: &mut Returned) {
    let text = probe.text("/etc/nvme/hostnqn").unwrap_or_default();
    let name = text.lines().map(str::trim).find(|line| line.starts_with("nqn."));
    facts.insert("hostnqn".to_owned(), Json::from(name.unwrap_or_default()));
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq)]
struct Address {
    /// The interface as the kernel names it.
    device: String,
    /// The label (`eth0:1`), the device's name where there is none.
    label: String,
    kind: AddressKind,
}

#[derive(Debug, Clone, PartialEq)]
enum AddressKind {
    V4 { address: Ipv4Addr, prefix: u32, broadcast: String, secondary: bool },
    V6 { address: String, prefix: String, scope: String },
}

/// The route that packets to the world take.
#[derive(Debug, Clone, Default, PartialEq)]
struct DefaultRoute {
    fields: Map<String, Json>,
}

/// `interfaces`, one fact for each, `default_ipv4`, `default_ipv6`, `all_*_addresses`,
/// `locally_reachable_ips`.
pub(super) fn collect(probe: &mut Probe<'_>, facts: &mut Returned) {
    let (addresses, mut defaults, reachable) = match probe.output(&["ip", "addr"]) {
        Some(output) => {
            let default = |probe: &mut Probe<'_>, family: &str, target: &str| {
                let answer = probe.output(&["ip", family, "route", "get", target]);
                route(&answer.unwrap_or_default(), target)
            };
            let defaults =
                [default(probe, "-4", "8.8.8.8"), default(probe, "-6", "2404:6800:400a:800::1012")];
            let reachable = ["-4", "-6"].map(|family| {
                let answer = probe.output(&["ip", family, "route", "show", "table", "local"]);
                local_addresses(&answer.unwrap_or_default())
            });
            (addresses(&output), defaults, reachable)
        }
        None => without_ip(probe),
    };
    let mut interfaces = Map::new();
    let [v4, v6] = &mut defaults;
    let (mut all_v4, mut all_v6) = (Vec::new(), Vec::new());
    for name in probe.list("/sys/class/net") {
        if !probe.is_directory(format!("/sys/class/net/{name}")) {
            continue;
        }
        let mut interface = interface(probe, &name);
        for address in addresses.iter().filter(|address| address.device == name) {
            match &address.kind {
                AddressKind::V4 { address: number, .. } => {
                    if !number.is_loopback() {
                        all_v4.push(Json::from(number.to_string()));
                    }
                    add_v4(&mut interfaces, &mut interface, address, &name, v4);
                }
                AddressKind::V6 { address: text, prefix, scope } => {
                    if text != "::1" {
                        all_v6.push(Json::from(text.clone()));
                    }
                    let entry = json!({"address": text, "prefix": prefix, "scope": scope});
                    append(&mut interface, "ipv6", entry);
                    if v6.is_for(text) {
                        v6.set("prefix", Json::from(prefix.clone()));
                        v6.set("scope", Json::from(scope.clone()));
                        v6.describe(&interface);
                    }
                }
            }
        }
        collect_features(probe, &name, &mut interface);
        interfaces.insert(name, Json::from(interface));
    }
    let names: Vec<&String> = interfaces.keys().collect();
    facts.insert("interfaces".to_owned(), json!(names));
    let [v4, v6] = defaults;
    facts.insert("default_ipv4".to_owned(), Json::from(v4.fields));
    facts.insert("default_ipv6".to_owned(), Json::from(v6.fields));
    facts.insert("all_ipv4_addresses".to_owned(), Json::from(all_v4));
    facts.insert("all_ipv6_addresses".to_owned(), Json::from(all_v6));
    let [reachable_v4, reachable_v6] = reachable;
    facts.insert(
        "locally_reachable_ips".to_owned(),
        json!({"ipv4": reachable_v4, "ipv6": reachable_v6}),
    );
    facts.extend(interfaces);
}

impl DefaultRoute {
    fn is_for(&self, address: &str) -> bool {
        self.fields.get("address").and_then(Json::as_str) == Some(address)
    }

    fn set(&mut self, field: &str, value: Json) {
        self.fields.insert(field.to_owned(), value);
    }

    fn describe(&mut self, interface: &Map<String, Json>) {
        for field in ["macaddress", "mtu"] {
            if let Some(value) = interface.get(field) {
                self.set(field, value.clone());
            }
        }
        let kind = interface.get("type").cloned().unwrap_or_else(|| Json::from("unknown"));
        self.set("type", kind);
    }
}

fn append(fields: &mut Map<String, Json>, list: &str, entry: Json) {
    if let Json::Array(entries) = fields.entry(list).or_insert_with(|| json!([])) {
        entries.push(entry);
    }
}

/// Adds an IPv4 address to its interface, or to the label that it carries.
fn add_v4(
    interfaces: &mut Map<String, Json>,
    interface: &mut Map<String, Json>,
    address: &Address,
    device: &str,
    default: &mut DefaultRoute,
) {
    let AddressKind::V4 { address: number, prefix, broadcast, secondary } = &address.kind else {
        return;
    };
    let netmask = Ipv4Addr::from(u32::MAX.checked_shl(32 - prefix).unwrap_or(0));
    let network = Ipv4Addr::from(u32::from(*number) & u32::from(netmask));
    let fields = [
        ("address", number.to_string()),
        ("broadcast", broadcast.clone()),
        ("netmask", netmask.to_string()),
        ("network", network.to_string()),
        ("prefix", prefix.to_string()),
    ];
    let entry: Map<String, Json> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), Json::from(value))).collect();
    if default.is_for(&number.to_string()) {
        for name in ["broadcast", "netmask", "network", "prefix"] {
            if let Some(value) = entry.get(name) {
                default.set(name, value.clone());
            }
        }
        default.describe(interface);
        default.set("alias", Json::from(address.label.clone()));
    }
    let entry = Json::from(entry);
    if address.label == device {
        if *secondary || interface.contains_key("ipv4") {
            append(interface, "ipv4_secondaries", entry);
        } else {
            interface.insert("ipv4".to_owned(), entry);
        }
        return;
    }
    let mut labelled = Map::new();
    if *secondary {
        append(&mut labelled, "ipv4_secondaries", entry.clone());
        append(interface, "ipv4_secondaries", entry);
    } else {
        labelled.insert("ipv4".to_owned(), entry);
    }
    interfaces.insert(address.label.clone(), Json::from(labelled));
}

/// What `/sys/class/net` says of an interface.
fn interface(probe: &mut Probe<'_>, name: &str) -> Map<String, Json> {
    let root = format!("/sys/class/net/{name}");
    let mut fields = Map::new();
    let mut set = |field: &str, value: Json| {
        fields.insert(field.to_owned(), value);
    };
    set("device", Json::from(name));
    let mac = probe.content(format!("{root}/address"));
    if let Some(mac) = mac.filter(|mac| mac != "00:00:00:00:00:00") {
        set("macaddress", Json::from(mac));
    }
    let number = |text: String| text.parse::<i64>().ok();
    if let Some(mtu) = probe.content(format!("{root}/mtu")).and_then(number) {
        set("mtu", Json::from(mtu));
    }
    if let Some(state) = probe.content(format!("{root}/operstate")) {
        set("active", Json::from(state != "down"));
    }
    if let Some(module) = probe.link_name(format!("{root}/device/driver/module")) {
        set("module", Json::from(module));
    }
    if let Some(kind) = probe.content(format!("{root}/type")) {
        let kind = match kind.as_str() {
            "1" => "ether",
            "32" => "infiniband",
            "512" => "ppp",
            "772" => "loopback",
            "65534" => "tunnel",
            _ => "unknown",
        };
        set("type", Json::from(kind));
    }
    if probe.exists(format!("{root}/bridge")) {
        set("type", Json::from("bridge"));
        set("interfaces", Json::from(probe.list(format!("{root}/brif"))));
        if let Some(id) = probe.content(format!("{root}/bridge/bridge_id")) {
            set("id", Json::from(id));
        }
        if let Some(stp) = probe.content(format!("{root}/bridge/stp_state")) {
            set("stp", Json::from(stp == "1"));
        }
    }
    if probe.exists(format!("{root}/bonding")) {
        set("type", Json::from("bonding"));
        let slaves = probe.content(format!("{root}/bonding/slaves")).unwrap_or_default();
        set("slaves", slaves.split_whitespace().map(Json::from).collect());
        for field in ["mode", "miimon", "lacp_rate"] {
            let text = probe.content(format!("{root}/bonding/{field}")).unwrap_or_default();
            set(field, Json::from(text.split_whitespace().next().unwrap_or_default()));
        }
        if let Some(primary) = probe.content(format!("{root}/bonding/primary")) {
            set("primary", Json::from(primary));
            if let Some(all) = probe.content(format!("{root}/bonding/all_slaves_active")) {
                set("all_slaves_active", Json::from(all == "1"));
            }
        }
    }
    if let Some(mac) = probe.content(format!("{root}/bonding_slave/perm_hwaddr")) {
        set("perm_macaddress", Json::from(mac));
    }
    if let Some(bus) = probe.link_name(format!("{root}/device")) {
        set("pciid", Json::from(bus));
    }
    // reading the speed of an interface that is down is an error
    if let Some(speed) = probe.content(format!("{root}/speed")).and_then(number) {
        set("speed", Json::from(speed));
    }
    if let Some(flags) = probe.content(format!("{root}/flags")) {
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
        set("promisc", Json::from(flags & 0x100 != 0));
    }
    fields
}

/// `features`, `timestamping`, `hw_timestamp_filters`, `phc_index` from `ethtool`.
fn collect_features(probe: &mut Probe<'_>, name: &str, fields: &mut Map<String, Json>) {
    if let Some(output) = probe.output(&["ethtool", "-k", name]) {
        let features: Map<String, Json> = output
            .lines()
            .filter(|line| !line.starts_with("Features for") && !line.trim().ends_with(':'))
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.trim().replace('-', "_"), Json::from(value.trim())))
            .collect();
        fields.insert("features".to_owned(), Json::from(features));
    }
    if let Some(output) = probe.output(&["ethtool", "-T", name]) {
        let words = |prefix: &str| -> Vec<Json> {
            output
                .split_whitespace()
                .filter_map(|word| word.strip_prefix(prefix))
                .map(|word| Json::from(word.to_lowercase()))
                .collect()
        };
        fields.insert("timestamping".to_owned(), Json::from(words("SOF_TIMESTAMPING_")));
        fields.insert("hw_timestamp_filters".to_owned(), Json::from(words("HWTSTAMP_FILTER_")));
        let clock = output.lines().find_map(|line| line.strip_prefix("PTP Hardware Clock:"));
        if let Some(index) = clock.and_then(|text| text.trim().parse::<u64>().ok()) {
            fields.insert("phc_index".to_owned(), Json::from(index));
        }
    }
}

/// Reads what `ip addr` prints.
fn addresses(output: &str) -> Vec<Address> {
    let mut device = "";
    let mut found = Vec::new();
    for line in output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [number, name, ..] if !line.starts_with(' ') && number.ends_with(':') => {
                device = name.trim_end_matches(':').split('@').next().unwrap_or_default();
            }
            ["inet", cidr, rest @ ..] => {
                let (address, prefix) = cidr.split_once('/').unwrap_or((cidr, "32"));
                let (Ok(address), Ok(prefix)) = (address.parse(), prefix.parse::<u32>()) else {
                    continue;
                };
                let broadcast = match rest {
                    ["brd", broadcast, ..] => (*broadcast).to_owned(),
                    _ => String::new(),
                };
                let secondary = rest.contains(&"secondary");
                let label = rest.last().copied().unwrap_or(device);
                let names_device = label == device
                    || label.strip_prefix(device).is_some_and(|end| end.starts_with(':'));
                found.push(Address {
                    device: device.to_owned(),
                    label: if names_device { label } else { device }.to_owned(),
                    kind: AddressKind::V4 { address, prefix, broadcast, secondary },
                });
            }
            ["inet6", address, "peer", peer, "scope", scope, ..] => {
                let prefix = peer.split_once('/').map_or("128", |(_, prefix)| prefix);
                found.push(v6(device, address, prefix, scope));
            }
            ["inet6", cidr, "scope", scope, ..] => {
                let (address, prefix) = cidr.split_once('/').unwrap_or((cidr, "128"));
                found.push(v6(device, address, prefix, scope));
            }
            _ => {}
        }
    }
    found
}

fn v6(device: &str, address: &str, prefix: &str, scope: &str) -> Address {
    Address {
        device: device.to_owned(),
        label: device.to_owned(),
        kind: AddressKind::V6 {
            address: address.to_owned(),
            prefix: prefix.to_owned(),
            scope: scope.to_owned(),
        },
    }
}

/// Reads what `ip route get` prints.
fn route(output: &str, target: &str) -> DefaultRoute {
    let mut found = DefaultRoute::default();
    let words: Vec<&str> = output.lines().next().unwrap_or_default().split_whitespace().collect();
    if words.first() != Some(&target) {
        return found;
    }
    for pair in words.windows(2) {
        match *pair {
            ["dev", value] => found.set("interface", Json::from(value)),
            ["src", value] => found.set("address", Json::from(value)),
            ["via", value] if value != target => found.set("gateway", Json::from(value)),
            _ => {}
        }
    }
    found
}

/// Reads what `ip route show table local` prints.
fn local_addresses(output: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in output.lines() {
        let mut words = line.split_whitespace();
        if let (Some("local"), Some(address)) = (words.next(), words.next())
            && !found.iter().any(|known| known == address)
        {
            found.push(address.to_owned());
        }
    }
    found
}

/// Addresses and routes from `/proc/net`, where `ip` is missing.
fn without_ip(probe: &mut Probe<'_>) -> (Vec<Address>, [DefaultRoute; 2], [Vec<String>; 2]) {
    let routes = probe.text("/proc/net/route").unwrap_or_default();
    let trie = probe.text("/proc/net/fib_trie").unwrap_or_default();
    let six = probe.text("/proc/net/if_inet6").unwrap_or_default();
    let mut found = v4_from_proc(&routes, &trie);
    let mut default = DefaultRoute::default();
    if let Some((device, gateway)) = default_from_proc(&routes) {
        default.set("interface", Json::from(device.clone()));
        default.set("gateway", Json::from(gateway.to_string()));
        let source = found.iter().find_map(|address| match &address.kind {
            AddressKind::V4 { address: number, .. } if address.device == device => Some(*number),
            _ => None,
        });
        if let Some(source) = source {
            default.set("address", Json::from(source.to_string()));
        }
    }
    found.extend(v6_from_proc(&six));
    let locals = |v6: bool| {
        found
            .iter()
            .filter_map(|address| match &address.kind {
                AddressKind::V4 { address, .. } if !v6 => Some(address.to_string()),
                AddressKind::V6 { address, .. } if v6 => Some(address.clone()),
                AddressKind::V4 { .. } | AddressKind::V6 { .. } => None,
            })
            .collect()
    };
    let reachable = [locals(false), locals(true)];
    (found, [default, DefaultRoute::default()], reachable)
}

/// A column of `/proc/net/route`: the bytes of the address are in network order.
fn v4_of_hex(text: &str) -> Option<Ipv4Addr> {
    u32::from_str_radix(text, 16).ok().map(|number| Ipv4Addr::from(number.swap_bytes()))
}

fn default_from_proc(routes: &str) -> Option<(String, Ipv4Addr)> {
    routes.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace();
        let (device, target, gateway) = (columns.next()?, columns.next()?, columns.next()?);
        (target == "00000000").then_some((device.to_owned(), v4_of_hex(gateway)?))
    })
}

/// Each local address belongs to the interface whose connected route covers it.
fn v4_from_proc(routes: &str, trie: &str) -> Vec<Address> {
    let connected: Vec<(&str, u32, u32)> = routes
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (device, target, gateway, mask) =
                (columns.first()?, columns.get(1)?, columns.get(2)?, columns.get(7)?);
            let (target, mask) = (v4_of_hex(target)?, v4_of_hex(mask)?);
            (*gateway == "00000000" && mask != Ipv4Addr::UNSPECIFIED).then_some((
                *device,
                u32::from(target),
                u32::from(mask),
            ))
        })
        .collect();
    let mut locals: Vec<Ipv4Addr> = Vec::new();
    let mut last = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last.filter(|address| !locals.contains(address))
        {
            locals.push(address);
        }
    }
    locals
        .into_iter()
        .filter_map(|address| {
            let number = u32::from(address);
            let (device, prefix) = if address.is_loopback() {
                ("lo", 8)
            } else {
                let (device, _, mask) =
                    connected.iter().find(|(_, target, mask)| number & mask == *target)?;
                (*device, mask.count_ones())
            };
            Some(Address {
                device: device.to_owned(),
                label: device.to_owned(),
                kind: AddressKind::V4 {
                    address,
                    prefix,
                    broadcast: String::new(),
                    secondary: false,
                },
            })
        })
        .collect()
}

fn v6_from_proc(text: &str) -> Vec<Address> {
    text.lines()
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [address, _, prefix, scope, _, device] = columns.as_slice() else { return None };
            let address = Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?).to_string();
            let prefix = u32::from_str_radix(prefix, 16).ok()?.to_string();
            let scope = match *scope {
                "10" => "host",
                "20" => "link",
                "40" => "site",
                _ => "global",
            };
            Some(v6(device, &address, &prefix, scope))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value as Json, json};

    use super::{
        Address, AddressKind, DefaultRoute, add_v4, addresses, default_from_proc, dns,
        local_addresses, route, v4_from_proc, v6_from_proc,
    };

    const IP_ADDR: &str = "\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: host0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 9e:8a:0c:36:87:82 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet 10.200.0.11/16 brd 10.200.255.255 scope global host0
    inet 10.200.0.12/16 scope global secondary host0:1
    inet6 fe80::9c8a:cff:fe36:8782/64 scope link
";

    #[test]
    fn addresses_are_read_from_ip() {
        let found = addresses(IP_ADDR);
        let shown: Vec<(&str, &str)> =
            found.iter().map(|address| (address.device.as_str(), address.label.as_str())).collect();
        assert_eq!(
            shown,
            [("lo", "lo"), ("host0", "host0"), ("host0", "host0:1"), ("host0", "host0")]
        );
        assert_eq!(
            found[1].kind,
            AddressKind::V4 {
                address: "10.200.0.11".parse().unwrap(),
                prefix: 16,
                broadcast: "10.200.255.255".to_owned(),
                secondary: false,
            }
        );
    }

    #[test]
    fn the_default_address_takes_the_masks() {
        let (mut interfaces, mut interface) = (Map::new(), Map::new());
        interface.insert("mtu".to_owned(), json!(1500));
        let line = "8.8.8.8 via 10.200.0.1 dev host0 src 10.200.0.11 uid 0 \n    cache \n";
        let mut default = route(line, "8.8.8.8");
        for address in addresses(IP_ADDR).iter().filter(|address| address.device == "host0") {
            add_v4(&mut interfaces, &mut interface, address, "host0", &mut default);
        }
        assert_eq!(
            Json::from(default.fields),
            json!({
                "interface": "host0", "address": "10.200.0.11", "gateway": "10.200.0.1",
                "broadcast": "10.200.255.255", "netmask": "255.255.0.0", "network": "10.200.0.0",
                "prefix": "16", "mtu": 1500, "type": "unknown", "alias": "host0",
            })
        );
        assert_eq!(interface["ipv4"]["prefix"], json!("16"));
        assert_eq!(interface["ipv4_secondaries"][0]["address"], json!("10.200.0.12"));
        assert!(interfaces.contains_key("host0:1"));
        assert_eq!(route("RTNETLINK answers: x", "8.8.8.8"), DefaultRoute::default());
    }

    #[test]
    fn proc_net_serves_where_ip_is_missing() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                      host0\t00000000\t0100C80A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                      host0\t0000C80A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.200.0.11\n        /32 host LOCAL\n     \
                    |-- 10.200.255.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        let found = v4_from_proc(routes, trie);
        let devices: Vec<&str> = found.iter().map(|address| address.device.as_str()).collect();
        assert_eq!(devices, ["host0", "lo"]);
        let (device, gateway) = default_from_proc(routes).unwrap();
        assert_eq!((device.as_str(), gateway.to_string().as_str()), ("host0", "10.200.0.1"));
        let six = v6_from_proc("fe800000000000009c8a0cfffe368782 02 40 20 80    host0\n");
        assert_eq!(
            six,
            [Address {
                device: "host0".to_owned(),
                label: "host0".to_owned(),
                kind: AddressKind::V6 {
                    address: "fe80::9c8a:cff:fe36:8782".to_owned(),
                    prefix: "64".to_owned(),
                    scope: "link".to_owned(),
                },
            }]
        );
    }

    #[test]
    fn name_servers_and_local_routes() {
        assert_eq!(
            dns(
                "# x\nnameserver 1.1.1.1\nnameserver 2.2.2.2\nsearch a b\noptions ndots:2 rotate\n"
            ),
            json!({
                "nameservers": ["1.1.1.1", "2.2.2.2"], "search": ["a", "b"],
                "options": {"ndots": "2", "rotate": true},
            })
        );
        assert_eq!(
            local_addresses(
                "local 127.0.0.0/8 dev lo\nbroadcast 1.2.3.4 dev x\nlocal 127.0.0.0/8\n"
            ),
            ["127.0.0.0/8"]
        );
    }
}
