//! `community.general.dig`: records of the domain name system, asked of the servers that
//! `/etc/resolv.conf` names, or of others.

mod exchange;
mod message;
mod record;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use canvass_modules::params::ParamValue as _;
use minijinja::Value;
use serde_json::Value as Json;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{as_integer, string_keys, truth};
use exchange::{Answer, Resolver};
use record::Record;

/// What is asked, and how its answer is told.
struct Question {
    kind: String,
    class: String,
    flat: bool,
    fails: bool,
    real_empty: bool,
    tcp: bool,
    retries: bool,
    port: u16,
}

/// `community.general.dig`
pub(super) fn dig(request: &Request<'_>) -> Outcome<Vec<Value>> {
    request.only(&[
        "_terms",
        "qtype",
        "flat",
        "retry_servfail",
        "fail_on_error",
        "real_empty",
        "class",
        "tcp",
        "port",
    ])?;
    let flag = |name: &str| request.option(name).map_or(Ok(false), truth_of);
    let number = |name: &str, default: i128| match request.option(name) {
        None => Ok(default),
        Some(value) => as_integer(value)
            .or_else(|| value.as_str()?.trim().parse().ok())
            .ok_or_else(|| Failure::failed(format!("the option `{name}` is no whole number"))),
    };
    let mut question = Question {
        kind: request.text_option("qtype", "A")?,
        class: request.text_option("class", "IN")?,
        flat: number("flat", 1)? != 0,
        fails: flag("fail_on_error")?,
        real_empty: flag("real_empty")?,
        tcp: flag("tcp")?,
        retries: flag("retry_servfail")?,
        port: u16::try_from(number("port", 53)?)
            .map_err(|_| Failure::failed("the option `port` is no port"))?,
    };
    let mut servers = Vec::new();
    let mut domains = Vec::new();
    for term in request.texts()? {
        if let Some(named) = term.strip_prefix('@') {
            for server in named.split(',') {
                servers.push(address(server)?);
            }
        } else if let Some((option, value)) = term.split_once('=') {
            question.set(option, value)?;
        } else if let Some((domain, kind)) = term.split_once('/')
            && !kind.contains('/')
        {
            question.kind = kind.to_owned();
            domains.push(domain.to_owned());
        } else {
            domains.push(term);
        }
    }
    question.kind = question.kind.to_uppercase();
    let Some(kind) = record::code(&question.kind) else {
        return Err(Failure::failed(format!(
            "dns.resolver unhandled exception DNS resource record type `{}` is not known",
            question.kind
        )));
    };
    let Some(class) = record::class_code(&question.class) else {
        return Err(Failure::failed(format!(
            "dns lookup illegal CLASS: `{}` is not known",
            question.class
        )));
    };
    if question.kind == "PTR" {
        let reversed = domains.iter().filter_map(|domain| domain.parse().ok());
        domains = reversed.map(record::reversed).collect();
    }
    question.real_empty |= domains.len() > 1;
    let resolver = Resolver::new(servers, question.port, question.tcp, question.retries);
    let mut found = Vec::new();
    for domain in domains {
        let failed = |reason: &str| Failure::failed(format!("Lookup failed: {reason}"));
        match resolver.ask(&domain, kind, class) {
            Answer::Records(owner, records) => {
                for record in records {
                    found.push(question.told(&owner, &record));
                }
            }
            Answer::NoDomain(reason) if question.fails => return Err(failed(&reason)),
            Answer::Nothing(reason) if question.fails => return Err(failed(&reason)),
            Answer::NoDomain(_) if !question.real_empty => found.push(Value::from("NXDOMAIN")),
            Answer::Nothing(_) if !question.real_empty => found.push(Value::from("")),
            Answer::NoDomain(_) | Answer::Nothing(_) => {}
        }
    }
    Ok(found)
}

fn truth_of(value: &Value) -> Outcome<bool> {
    match value.as_str() {
        Some(word) => boolean(word),
        None => truth(value),
    }
}

fn boolean(word: &str) -> Outcome<bool> {
    bool::from_json(&Json::from(word))
        .map_err(|_| Failure::failed(format!("The value '{word}' is not a valid boolean.")))
}

/// The address of a server that is named.
fn address(server: &str) -> Outcome<IpAddr> {
    if let Ok(address) = server.parse() {
        return Ok(address);
    }
    let found = (server, 53).to_socket_addrs().ok().and_then(|mut all| all.next());
    found
        .map(|address: SocketAddr| address.ip())
        .ok_or_else(|| Failure::failed(format!("dns lookup NS: `{server}` has no address")))
}

impl Question {
    /// An option among the terms; others are passed over, as there.
    fn set(&mut self, option: &str, value: &str) -> Outcome<()> {
        match option {
            "qtype" => self.kind = value.to_uppercase(),
            "flat" => {
                let number: i64 = value.trim().parse().map_err(|_| {
                    Failure::failed(format!("invalid literal for int() with base 10: '{value}'"))
                })?;
                self.flat = number != 0;
            }
            "class" => value.clone_into(&mut self.class),
            "retry_servfail" => self.retries = boolean(value)?,
            "fail_on_error" => self.fails = boolean(value)?,
            "real_empty" => self.real_empty = boolean(value)?,
            "tcp" => self.tcp = boolean(value)?,
            _ => {}
        }
        Ok(())
    }

    fn told(&self, owner: &str, record: &Record) -> Value {
        if self.flat {
            let text = record.text();
            // without the outer quotes
            let inner = || text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            return Value::from(if self.kind == "TXT" { inner() } else { &text });
        }
        let own = [
            ("owner", Value::from(owner)),
            ("type", Value::from(record::name(record.kind))),
            ("ttl", Value::from(record.ttl)),
            ("class", Value::from(record::class_name(record.class))),
        ];
        string_keys(record.fields().into_iter().chain(own))
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::template::Templar;
    use crate::vars::Scope;

    /// A server that answers one question: two records behind an alias, one of them at a pointer.
    fn server() -> u16 {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            let end = length - 11;
            let mut reply = buffer[..2].to_vec();
            reply.extend([0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0]);
            reply.extend(&buffer[12..end]);
            // the question's name is an alias of `b.test.`
            reply.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 8]);
            let alias = u8::try_from(reply.len()).unwrap();
            reply.extend([1, b'b', 4, b't', b'e', b's', b't', 0]);
            reply.extend([0xc0, alias, 0, 15, 0, 1, 0, 0, 0, 60, 0, 4, 0, 10, 0xc0, alias]);
            socket.send_to(&reply, from).unwrap();
        });
        port
    }

    #[test]
    fn records_are_told_as_dnspython_tells_them() {
        let ask = |rest: &str| {
            let text = format!("q('dig', 'a.test./MX', '@127.0.0.1', port={}{rest})", server());
            let value = Templar::new().expression(&text, None, &Scope::default()).unwrap();
            crate::template::to_json(&value).unwrap()
        };
        assert_eq!(ask(""), serde_json::json!(["10 b.test."]));
        let told = serde_json::json!([{
            "preference": 10, "exchange": "b.test.", "owner": "b.test.", "type": "MX", "ttl": 60,
            "class": "IN"
        }]);
        assert_eq!(ask(", flat=0"), told);
    }

    #[test]
    fn what_is_no_answer_is_none() {
        assert!(message::reply(1, &[0, 1, 0x81]).is_none());
        let mut looped = vec![0, 1, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0];
        // a name that points at itself
        looped.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(message::reply(1, &looped).is_none());
    }
}
