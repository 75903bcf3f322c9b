//! Questions to servers, by datagram and, where an answer is too long, by stream.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::message::{self, Reply};
use super::record::{CNAME, Record};

/// One server is waited for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// All are, together.
const LIFETIME: Duration = Duration::from_secs(5);

/// What came of a question.
pub(super) enum Answer {
    /// The name that the records are of, and the records.
    Records(String, Vec<Record>),
    /// There is no such name.
    NoDomain(String),
    /// No record of this kind, or no answer.
    Nothing(String),
}

/// Asks servers in order.
pub(super) struct Resolver {
    servers: Vec<SocketAddr>,
    search: Vec<String>,
    tcp: bool,
    retries: bool,
}

impl Resolver {
    /// Of these servers; those of `/etc/resolv.conf` where none is named.
    pub(super) fn new(servers: Vec<IpAddr>, port: u16, tcp: bool, retries: bool) -> Self {
        let file = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let words = |name: &'static str| {
            let lines = file.lines().map(str::split_whitespace);
            lines.filter_map(move |mut words| (words.next() == Some(name)).then_some(words))
        };
        let servers = match servers.is_empty() {
            false => servers,
            true => words("nameserver").flatten().filter_map(|word| word.parse().ok()).collect(),
        };
        let search = words("search").last().map(|all| all.map(str::to_owned).collect());
        let servers = servers.into_iter().map(|server| SocketAddr::new(server, port)).collect();
        Self { servers, search: search.unwrap_or_default(), tcp, retries }
    }

    /// The records of a name.
    pub(super) fn ask(&self, name: &str, kind: u16, class: u16) -> Answer {
        let names = self.names(name);
        let mut answer = Answer::Nothing("all nameservers failed".to_owned());
        for name in &names {
            answer = self.ask_for(name, kind, class);
            if !matches!(answer, Answer::NoDomain(_)) {
                return answer;
            }
        }
        match answer {
            Answer::NoDomain(_) if names.len() > 1 => {
                Answer::NoDomain(format!("None of DNS query names exist: {}", names.join(", ")))
            }
            answer => answer,
        }
    }

    /// The names that are tried.
    fn names(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let mut names = vec![format!("{name}.")];
        let below =
            self.search.iter().map(|suffix| format!("{name}.{}.", suffix.trim_matches('.')));
        match name.contains('.') {
            true => names.extend(below),
            false => {
                let mut all: Vec<String> = below.collect();
                all.append(&mut names);
                names = all;
            }
        }
        names
    }

    fn ask_for(&self, name: &str, kind: u16, class: u16) -> Answer {
        let started = Instant::now();
        let mut servers: Vec<SocketAddr> = self.servers.clone();
        while !servers.is_empty() {
            let mut left = Vec::new();
            for server in &servers {
                if started.elapsed() >= LIFETIME {
                    return Answer::Nothing(format!(
                        "The resolution lifetime expired after {:.3} seconds",
                        started.elapsed().as_secs_f64()
                    ));
                }
                match self.exchange(*server, name, kind, class) {
                    Some(reply) if reply.code == 0 => return answered(name, kind, reply),
                    Some(reply) if reply.code == 3 => {
                        return Answer::NoDomain(format!(
                            "The DNS query name does not exist: {name}"
                        ));
                    }
                    Some(reply) if reply.code != 2 || !self.retries => {}
                    // it may answer the next time
                    Some(_) | None => left.push(*server),
                }
            }
            servers = left;
        }
        Answer::Nothing(format!("All nameservers failed to answer the query {name}"))
    }

    fn exchange(&self, server: SocketAddr, name: &str, kind: u16, class: u16) -> Option<Reply> {
        let id = u16::try_from(crate::connection::random_number() & 0xffff).ok()?;
        let question = message::question(id, name, kind, class)?;
        if !self.tcp {
            let reply = datagram(server, id, &question)?;
            if !reply.truncated {
                return Some(reply);
            }
        }
        stream(server, id, &question)
    }
}

fn datagram(server: SocketAddr, id: u16, question: &[u8]) -> Option<Reply> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    socket.send(question).ok()?;
    let until = Instant::now() + PATIENCE;
    let mut buffer = vec![0; 65_536];
    loop {
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        socket.set_read_timeout(Some(left)).ok()?;
        let length = socket.recv(&mut buffer).ok()?;
        // what answers another question is passed over
        if let Some(reply) = message::reply(id, buffer.get(..length)?) {
            return Some(reply);
        }
    }
}

fn stream(server: SocketAddr, id: u16, question: &[u8]) -> Option<Reply> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut framed = u16::try_from(question.len()).ok()?.to_be_bytes().to_vec();
    framed.extend(question);
    stream.write_all(&framed).ok()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut bytes).ok()?;
    message::reply(id, &bytes)
}

/// The records that a name, or the one that it stands for, has.
fn answered(name: &str, kind: u16, reply: Reply) -> Answer {
    let mut owner = name.to_owned();
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if kind != CNAME {
        for _ in 0..16 {
            let alias = reply.answers.iter().find(|it| it.kind == CNAME && same(&it.owner, &owner));
            let Some(alias) = alias else { break };
            owner = alias.text();
        }
    }
    let records: Vec<Record> =
        reply.answers.into_iter().filter(|it| it.kind == kind && same(&it.owner, &owner)).collect();
    match records.is_empty() {
        true => Answer::Nothing(format!("The DNS response does not contain an answer to {name}")),
        false => Answer::Records(owner, records),
    }
}
