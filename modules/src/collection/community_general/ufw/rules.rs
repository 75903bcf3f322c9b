//! Rules, and what ufw would make of them.

use std::net::IpAddr;
use std::path::Path;

use serde_json::Value as Json;

use super::params::{Direction, Params, Place};
use super::{Error, KIND};
use crate::contract::Stop;
use crate::effect::{Effect, SettingChange};
use crate::host::{Follow, Host};
use crate::module::program;

/// A rule's command, and what it removes and adds.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The command.
    pub(super) argv: Vec<String>,
    removed: Vec<String>,
    added: Vec<String>,
}

impl Outcome {
    pub(super) fn changes(&self) -> bool {
        !self.removed.is_empty() || !self.added.is_empty()
    }

    pub(super) fn effect(&self) -> Effect {
        let text = |lines: &[String]| {
            let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
            (!text.is_empty()).then(|| Json::from(text))
        };
        Effect::Setting(SettingChange {
            kind: KIND.to_owned(),
            name: self.name(),
            before: text(&self.removed),
            after: text(&self.added),
            commands: vec![program::command(self.argv.iter().cloned())],
            ..SettingChange::default()
        })
    }

    fn name(&self) -> String {
        self.argv.get(1..).unwrap_or_default().join(" ")
    }
}

/// The files that ufw keeps rules in.
const FILES: [&str; 6] = [
    "/lib/ufw/user.rules",
    "/lib/ufw/user6.rules",
    "/etc/ufw/user.rules",
    "/etc/ufw/user6.rules",
    "/var/lib/ufw/user.rules",
    "/var/lib/ufw/user6.rules",
];

/// Asks ufw what the rule would change.
pub(super) fn outcome(params: &Params, ufw: &str, host: &mut dyn Host) -> Result<Outcome, Stop> {
    if !matches!(params.direction, None | Some(Direction::In | Direction::Out)) {
        return Err(Stop::failed(Error::RuleDirection));
    }
    if !params.route && params.interface_in.is_some() && params.interface_out.is_some() {
        return Err(Stop::failed(Error::TwoInterfaces));
    }
    let words = words(params, ufw, host)?;
    let argv: Vec<String> = std::iter::once(ufw.to_owned()).chain(words.iter().cloned()).collect();
    let mut outcome = Outcome { argv, removed: Vec::new(), added: Vec::new() };
    // what a dry run added before is there
    if host.rehearsed(KIND, &outcome.name()).is_some() {
        return Ok(outcome);
    }
    let try_it = [ufw.to_owned(), "--dry-run".to_owned()].into_iter().chain(words);
    let output = program::query(host, try_it)?;
    if !output.success() {
        let (errors, said) = (output.stderr_text(), output.stdout_text());
        let message = if errors.is_empty() { said } else { errors };
        return Err(Stop::failed(message).with("commands", vec![outcome.argv.join(" ")]));
    }
    let said = output.stdout_text();
    if said.lines().all(|line| line.contains("Skipping")) {
        return Ok(outcome);
    }
    let family = family(params);
    let of_family = |line: &&str| line.starts_with("### tuple") && matches_family(line, family);
    let new: Vec<&str> = said.lines().filter(of_family).collect();
    let old = current(host)?;
    let old: Vec<&str> = old.lines().filter(of_family).collect();
    let missing = |lines: &[&str], others: &[&str]| -> Vec<String> {
        let mut others = others.to_vec();
        let mut missing = Vec::new();
        for line in lines {
            match others.iter().position(|other| other == line) {
                Some(at) => drop(others.swap_remove(at)),
                None => missing.push((*line).to_owned()),
            }
        }
        missing
    };
    outcome.added = missing(&new, &old);
    outcome.removed = missing(&old, &new);
    // the same rules in another order
    if !outcome.changes() && new != old {
        outcome.added = new.iter().map(|line| (*line).to_owned()).collect();
        outcome.removed = old.iter().map(|line| (*line).to_owned()).collect();
    }
    Ok(outcome)
}

/// The lines of all rules that there are.
fn current(host: &mut dyn Host) -> Result<String, Stop> {
    let mut lines = String::new();
    for path in FILES.map(Path::new) {
        if host.stat(path, Follow::Yes)?.is_some() {
            let text = host.read(path)?;
            lines.push_str(&String::from_utf8_lossy(&text));
            lines.push('\n');
        }
    }
    Ok(lines)
}

/// The family of a rule's addresses: ufw then tells the rules of that family alone.
fn family(params: &Params) -> Option<bool> {
    [&params.from_ip, &params.to_ip].iter().find_map(|address| {
        let address = address.split('/').next().unwrap_or_default();
        address.parse::<IpAddr>().ok().map(|address| address.is_ipv4())
    })
}

fn matches_family(line: &str, family: Option<bool>) -> bool {
    let Some(ipv4) = family else { return true };
    line.split_whitespace().any(|word| {
        let address = word.split('/').next().unwrap_or_default();
        address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4() == ipv4)
    })
}

/// The rule in ufw's long form.
fn words(params: &Params, ufw: &str, host: &mut dyn Host) -> Result<Vec<String>, Stop> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if params.route {
        add(&["route"]);
    }
    if params.delete {
        add(&["delete"]);
    } else if let Some(number) = insertion(params, ufw, host)? {
        add(&["insert", &number.to_string()]);
    }
    add(&[params.rule.map(super::params::Action::word).unwrap_or_default()]);
    add(&params.direction.map(Direction::word).into_iter().collect::<Vec<_>>());
    let interfaces = [
        (&params.interface, &["on"][..]),
        (&params.interface_in, &["in", "on"]),
        (&params.interface_out, &["out", "on"]),
    ];
    for (name, before) in interfaces {
        if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
            add(before);
            add(&[name]);
        }
    }
    if params.log {
        add(&["log"]);
    }
    let ends = [
        ("from", Some(&params.from_ip)),
        ("port", params.from_port.as_ref()),
        ("to", Some(&params.to_ip)),
        ("port", params.to_port.as_ref()),
    ];
    for (word, value) in ends {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            add(&[word, value]);
        }
    }
    if let Some(proto) = params.proto {
        add(&["proto", proto.word()]);
    }
    for (word, value) in [("app", &params.name), ("comment", &params.comment)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            add(&[word, value]);
        }
    }
    Ok(words)
}

/// The number that a rule is inserted at.
fn insertion(params: &Params, ufw: &str, host: &mut dyn Host) -> Result<Option<i64>, Stop> {
    let Some(insert) = params.insert else { return Ok(None) };
    if params.insert_relative_to == Place::Zero {
        return Ok(Some(insert));
    }
    let output = program::query(host, [ufw, "status", "numbered"])?.stdout_text();
    let rules: Vec<(i64, bool)> = output
        .lines()
        .filter_map(|line| {
            let (number, rest) = line.strip_prefix('[')?.split_once(']')?;
            Some((number.trim().parse().ok()?, rest.contains("(v6)")))
        })
        .collect();
    let highest = |ipv6: Option<bool>| {
        let fits = rules.iter().filter(|(_, is_ipv6)| ipv6.is_none_or(|ipv6| ipv6 == *is_ipv6));
        fits.map(|(number, _)| *number).max()
    };
    let last = highest(None).unwrap_or_default();
    let place = match params.insert_relative_to {
        Place::Zero => 0,
        Place::FirstIpv4 => 1,
        Place::LastIpv4 => highest(Some(false)).unwrap_or(1),
        Place::FirstIpv6 => highest(Some(false)).map_or(1, |number| number + 1),
        Place::LastIpv6 => {
            if highest(Some(true)).is_some() {
                last
            } else {
                last + 1
            }
        }
    };
    let number = insert + place;
    // ufw takes no number behind the last one
    Ok((number <= last).then_some(number))
}
