//! Records: their kinds, and how they print.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use minijinja::Value;

use super::message::Reader;
use crate::template::python::list;

/// Kinds by name.
const KINDS: [(&str, u16); 14] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("DNAME", 39),
    ("SSHFP", 44),
    ("SPF", 99),
    ("CAA", 257),
];

const CLASSES: [(&str, u16); 4] = [("IN", 1), ("CH", 3), ("HS", 4), ("ANY", 255)];

pub(super) const CNAME: u16 = 5;

/// The number of a kind.
pub(super) fn code(name: &str) -> Option<u16> {
    let known = KINDS.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
    known.or_else(|| name.strip_prefix("TYPE")?.parse().ok())
}

/// The name of a kind.
pub(super) fn name(code: u16) -> String {
    let known = KINDS.iter().find(|(_, known)| *known == code);
    known.map_or_else(|| format!("TYPE{code}"), |(name, _)| (*name).to_owned())
}

/// The number of a class.
pub(super) fn class_code(name: &str) -> Option<u16> {
    let name = name.to_uppercase();
    CLASSES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

/// The name of a class.
pub(super) fn class_name(code: u16) -> String {
    let known = CLASSES.iter().find(|(_, known)| *known == code);
    known.map_or_else(|| format!("CLASS{code}"), |(name, _)| (*name).to_owned())
}

/// The name under which an address is looked for.
pub(super) fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(address) => {
            let digits = address.octets().into_iter().rev();
            let digits = digits.map(|byte| format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            format!("{}ip6.arpa.", digits.collect::<String>())
        }
    }
}

/// A record of an answer.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) owner: String,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    pub(super) data: Data,
}

/// What a record says.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Address(IpAddr),
    Target(String),
    Mail(u16, String),
    Texts(Vec<Vec<u8>>),
    Service([u16; 3], String),
    Authority([String; 2], [u32; 5]),
    Certification(u8, String, String),
    Fingerprint(u8, u8, String),
    Machine(String, String),
    Other(Vec<u8>),
}

impl Data {
    /// Reads the data of a record of this kind that ends there.
    pub(super) fn read(reader: &mut Reader<'_>, kind: u16, end: usize) -> Option<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(match kind {
            1 => {
                let bytes: [u8; 4] = reader.take(4)?.try_into().ok()?;
                Self::Address(Ipv4Addr::from(bytes).into())
            }
            28 => {
                let bytes: [u8; 16] = reader.take(16)?.try_into().ok()?;
                Self::Address(Ipv6Addr::from(bytes).into())
            }
            2 | 5 | 12 | 39 => Self::Target(reader.name()?),
            15 => Self::Mail(reader.u16()?, reader.name()?),
            16 | 99 => {
                let mut texts = Vec::new();
                while reader.is_before(end) {
                    texts.push(reader.string()?.to_vec());
                }
                Self::Texts(texts)
            }
            33 => Self::Service([reader.u16()?, reader.u16()?, reader.u16()?], reader.name()?),
            6 => {
                let names = [reader.name()?, reader.name()?];
                let mut numbers = [0; 5];
                for number in &mut numbers {
                    *number = reader.u32()?;
                }
                Self::Authority(names, numbers)
            }
            257 => {
                let (flags, tag) = (reader.u8()?, text(reader.string()?));
                Self::Certification(flags, tag, text(reader.until(end)?))
            }
            44 => {
                let (algorithm, kind) = (reader.u8()?, reader.u8()?);
                Self::Fingerprint(algorithm, kind, hexadecimal(reader.until(end)?))
            }
            13 => Self::Machine(text(reader.string()?), text(reader.string()?)),
            _ => Self::Other(reader.until(end)?.to_vec()),
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    crate::template::filters::hex(bytes)
}

/// A text in quotes, as zone files have it.
fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            0x20..=0x7e => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03}")),
        }
    }
    out + "\""
}

impl Record {
    /// Its data as zone files have it.
    pub(super) fn text(&self) -> String {
        match &self.data {
            Data::Address(address) => address.to_string(),
            Data::Target(target) => target.clone(),
            Data::Mail(preference, exchange) => format!("{preference} {exchange}"),
            Data::Texts(texts) => {
                texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(" ")
            }
            Data::Service([priority, weight, port], target) => {
                format!("{priority} {weight} {port} {target}")
            }
            Data::Authority([mname, rname], [serial, refresh, retry, expire, minimum]) => {
                format!("{mname} {rname} {serial} {refresh} {retry} {expire} {minimum}")
            }
            Data::Certification(flags, tag, value) => {
                format!("{flags} {tag} {}", quoted(value.as_bytes()))
            }
            Data::Fingerprint(algorithm, kind, print) => format!("{algorithm} {kind} {print}"),
            Data::Machine(cpu, os) => {
                format!("{} {}", quoted(cpu.as_bytes()), quoted(os.as_bytes()))
            }
            Data::Other(bytes) => format!("\\# {} {}", bytes.len(), hexadecimal(bytes)),
        }
    }

    /// Its data by name.
    pub(super) fn fields(&self) -> Vec<(&'static str, Value)> {
        let text = |text: &String| Value::from(text.as_str());
        match &self.data {
            Data::Address(address) => vec![("address", address.to_string().into())],
            Data::Target(target) => vec![("target", text(target))],
            Data::Mail(preference, exchange) => {
                vec![("preference", (*preference).into()), ("exchange", text(exchange))]
            }
            Data::Texts(texts) => {
                let texts = texts.iter().map(|it| Value::from(String::from_utf8_lossy(it)));
                vec![("strings", list(texts.collect()))]
            }
            Data::Service([priority, weight, port], target) => vec![
                ("priority", (*priority).into()),
                ("weight", (*weight).into()),
                ("port", (*port).into()),
                ("target", text(target)),
            ],
            Data::Authority([mname, rname], numbers) => {
                let names = ["serial", "refresh", "retry", "expire", "minimum"];
                let numbers = names.into_iter().zip(numbers.iter().map(|it| Value::from(*it)));
                [("mname", text(mname)), ("rname", text(rname))]
                    .into_iter()
                    .chain(numbers)
                    .collect()
            }
            Data::Certification(flags, tag, value) => {
                vec![("flags", (*flags).into()), ("tag", text(tag)), ("value", text(value))]
            }
            Data::Fingerprint(algorithm, kind, print) => vec![
                ("algorithm", (*algorithm).into()),
                ("fp_type", (*kind).into()),
                ("fingerprint", text(print)),
            ],
            Data::Machine(cpu, os) => vec![("cpu", text(cpu)), ("os", text(os))],
            Data::Other(_) => Vec::new(),
        }
    }
}
