//! Names to addresses without the C library: `/etc/hosts`, the host's `getent`, then plain DNS.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::interrupt::Interrupt;
use super::process;
use crate::effect::Command;

/// How long a name server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Resolves names as the host does, as far as files, `getent` and DNS go.
#[derive(Debug)]
pub(super) struct Resolver {
    environment: BTreeMap<String, String>,
    interrupt: Arc<Interrupt>,
}

impl Resolver {
    pub(super) fn new(environment: BTreeMap<String, String>, interrupt: Arc<Interrupt>) -> Self {
        Self { environment, interrupt }
    }

    /// The addresses of a name or of an address in text; empty when there is none.
    pub(super) fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            return vec![address];
        }
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let local = in_hosts_file(&hosts, name);
        if !local.is_empty() {
            return local;
        }
        if name.eq_ignore_ascii_case("localhost") {
            return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        if name.is_empty() || name.starts_with('-') {
            return Vec::new();
        }
        let command = Command::new(["getent", "ahosts", name]);
        match process::run(&command, &self.environment, &self.interrupt, None) {
            Ok(output) => parse_ahosts(&output.stdout_text()),
            // busybox hosts have no getent
            Err(_) => from_dns(name),
        }
    }
}

fn in_hosts_file(hosts: &str, name: &str) -> Vec<IpAddr> {
    hosts
        .lines()
        .filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
        })
        .collect()
}

fn parse_ahosts(text: &str) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for address in text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn from_dns(name: &str) -> Vec<IpAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let (servers, search) = parse_resolv_conf(&text);
    let plain = name.trim_end_matches('.').to_owned();
    let searched = search.iter().map(|domain| format!("{plain}.{domain}"));
    let candidates: Vec<String> = if name.contains('.') {
        std::iter::once(plain.clone()).chain(searched).collect()
    } else {
        searched.chain(std::iter::once(plain.clone())).collect()
    };
    for candidate in candidates {
        let mut found = Vec::new();
        for kind in [Record::A, Record::Aaaa] {
            found.extend(
                servers
                    .iter()
                    .find_map(|server| ask(*server, &candidate, kind))
                    .into_iter()
                    .flatten(),
            );
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn parse_resolv_conf(text: &str) -> (Vec<SocketAddr>, Vec<String>) {
    let mut servers = Vec::new();
    let mut search = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                servers.extend(words.next().and_then(|word| word.parse::<IpAddr>().ok()));
            }
            Some("search" | "domain") => search = words.map(str::to_owned).collect(),
            _ => {}
        }
    }
    (servers.into_iter().map(|server| (server, 53).into()).collect(), search)
}

#[derive(Debug, Clone, Copy)]
enum Record {
    A = 1,
    Aaaa = 28,
}

/// One question to one server; `None` when it does not answer.
fn ask(server: SocketAddr, name: &str, record: Record) -> Option<Vec<IpAddr>> {
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).ok()?;
    socket.connect(server).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let id = std::process::id().to_be_bytes();
    let query = encode([*id.get(2)?, *id.get(3)?], name, record)?;
    socket.send(&query).ok()?;
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    decode(buffer.get(..length)?, query.get(..2)?, record)
}

fn encode(id: [u8; 2], name: &str, record: Record) -> Option<Vec<u8>> {
    let mut query = id.to_vec();
    // recursion desired, one question
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        query.push(length);
        query.extend(label.bytes());
    }
    query.extend([0, 0, record as u8, 0, 1]);
    Some(query)
}

fn decode(answer: &[u8], id: &[u8], record: Record) -> Option<Vec<IpAddr>> {
    if answer.get(..2)? != id {
        return None;
    }
    let number =
        |at: usize| Some(usize::from(*answer.get(at)?) << 8 | usize::from(*answer.get(at + 1)?));
    let (questions, answers) = (number(4)?, number(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = after_name(answer, at)? + 4;
    }
    let mut found = Vec::new();
    for _ in 0..answers {
        at = after_name(answer, at)?;
        let (kind, length) = (number(at)?, number(at + 8)?);
        let data = answer.get(at + 10..at + 10 + length)?;
        if kind == record as usize {
            found.extend(<[u8; 4]>::try_from(data).map(IpAddr::from));
            found.extend(<[u8; 16]>::try_from(data).map(IpAddr::from));
        }
        at += 10 + length;
    }
    Some(found)
}

/// Where the bytes go on after a name, which may end in a pointer.
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_knows_names_and_aliases() {
        let hosts =
            "127.0.0.1 localhost # here\n10.0.0.5\tdb.example db\n::1 localhost\n#1.1.1.1 no\n";
        assert_eq!(in_hosts_file(hosts, "DB"), ["10.0.0.5".parse::<IpAddr>().unwrap()]);
        assert_eq!(in_hosts_file(hosts, "localhost").len(), 2);
        assert_eq!(in_hosts_file(hosts, "no"), Vec::<IpAddr>::new());
    }

    #[test]
    fn an_answer_with_a_pointer_and_an_alias_is_read() {
        let mut answer = encode([1, 2], "a.b", Record::A).unwrap();
        answer[6..8].copy_from_slice(&[0, 2]);
        answer.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 1, 2, 3]);
        let found = decode(&answer, &[1, 2], Record::A).unwrap();
        assert_eq!(found, ["10.1.2.3".parse::<IpAddr>().unwrap()]);
        assert_eq!(decode(&answer, &[9, 9], Record::A), None, "an answer to someone else");
        for cut in 0..answer.len() {
            let _ = decode(&answer[..cut], &[1, 2], Record::A);
        }
    }

    #[test]
    fn addresses_need_no_resolver() {
        let resolver = Resolver::new(BTreeMap::new(), Arc::new(Interrupt::new()));
        assert_eq!(resolver.resolve("[::1]"), ["::1".parse::<IpAddr>().unwrap()]);
        assert_eq!(resolver.resolve("192.0.2.1"), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    }
}
