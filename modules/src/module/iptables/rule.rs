//! The words of a rule.

use super::params::{IpVersion, Params, Syn};
use crate::params::ParamValue as _;

/// Whether a packet is logged.
pub(super) fn logs(params: &Params) -> bool {
    params.log_prefix.as_deref().is_some_and(|prefix| !prefix.is_empty())
        || params.log_level.is_some()
}

/// The words of the rule; with log options `LOG` is the target where `completed`.
pub(super) fn words(params: &Params, completed: bool) -> Vec<String> {
    let jump = match &params.jump {
        None if completed && logs(params) => Some("LOG".to_owned()),
        jump => jump.clone(),
    };
    let jump_word = jump.as_deref().unwrap_or_default().to_lowercase();
    let matches = |name: &str| params.r#match.iter().flatten().any(|extension| extension == name);
    let mut rule = Words::default();
    rule.option("-p", params.protocol.as_deref());
    rule.option("-s", params.source.as_deref());
    rule.option("-d", params.destination.as_deref());
    for extension in params.r#match.iter().flatten() {
        rule.option("-m", Some(extension));
    }
    if let Some([flags, set]) = tcp_flags(params) {
        rule.push(["--tcp-flags", &flags, &set]);
    }
    rule.option("-j", jump.as_deref());
    if jump_word == "tee" {
        rule.option("--gateway", params.gateway.as_deref());
    }
    rule.option("--log-prefix", params.log_prefix.as_deref());
    rule.option("--log-level", params.log_level.map(super::params::LogLevel::word));
    rule.option("--to-destination", params.to_destination.as_deref());
    if let Some(ports) = joined(params.destination_ports.as_deref()) {
        rule.push(["-m", "multiport", "--dports", &ports]);
    }
    rule.option("--to-source", params.to_source.as_deref());
    rule.option("-g", params.goto.as_deref());
    rule.option("-i", params.in_interface.as_deref());
    rule.option("-o", params.out_interface.as_deref());
    rule.option("-f", params.fragment.as_deref());
    rule.option("-c", params.set_counters.as_deref());
    rule.option("--source-port", params.source_port.as_deref());
    rule.option("--destination-port", params.destination_port.as_deref());
    rule.option("--to-ports", params.to_ports.as_deref());
    for (flag, mark) in
        [("--set-dscp", &params.set_dscp_mark), ("--set-dscp-class", &params.set_dscp_mark_class)]
    {
        rule.option(flag, mark.as_deref());
        if given(mark.as_ref()) && jump_word != "dscp" {
            rule.push(["-j", "DSCP"]);
        }
    }
    match params.syn {
        Syn::Ignore => {}
        Syn::Match => rule.push(["--syn"]),
        Syn::Negate => rule.push(["!", "--syn"]),
    }
    connection(params, &matches, &mut rule);
    sources(params, &matches, &mut rule);
    if given(params.limit.as_ref()) || given(params.limit_burst.as_ref()) {
        rule.push(["-m", "limit"]);
    }
    rule.option("--limit", params.limit.as_deref());
    rule.option("--limit-burst", params.limit_burst.as_deref());
    for (flag, owner) in [("--uid-owner", &params.uid_owner), ("--gid-owner", &params.gid_owner)] {
        if given(owner.as_ref()) {
            rule.push(["-m", "owner"]);
        }
        rule.option(flag, owner.as_deref());
    }
    if jump.is_none() && given(params.reject_with.as_ref()) {
        rule.push(["-j", "REJECT"]);
    }
    rule.option("--reject-with", params.reject_with.as_deref());
    let icmp = match params.ip_version {
        IpVersion::Ipv4 => "--icmp-type",
        IpVersion::Ipv6 => "--icmpv6-type",
        IpVersion::Both => "--icmp-type --icmpv6-type",
    };
    rule.option(icmp, params.icmp_type.as_deref());
    if given(params.comment.as_ref()) {
        rule.push(["-m", "comment"]);
    }
    rule.option("--comment", params.comment.as_deref());
    rule.0
}

fn given(value: Option<&String>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

fn joined(values: Option<&[String]>) -> Option<String> {
    values.filter(|values| !values.is_empty()).map(|values| values.join(","))
}

fn connection(params: &Params, matches: &dyn Fn(&str) -> bool, rule: &mut Words) {
    let Some(states) = joined(params.ctstate.as_deref()) else { return };
    if matches("conntrack") {
        rule.push(["--ctstate", &states]);
    } else if matches("state") {
        rule.push(["--state", &states]);
    } else {
        rule.push(["-m", "conntrack", "--ctstate", &states]);
    }
}

fn sources(params: &Params, matches: &dyn Fn(&str) -> bool, rule: &mut Words) {
    if !matches("iprange") && (given(params.src_range.as_ref()) || given(params.dst_range.as_ref()))
    {
        rule.push(["-m", "iprange"]);
    }
    rule.option("--src-range", params.src_range.as_deref());
    rule.option("--dst-range", params.dst_range.as_deref());
    if given(params.match_set.as_ref()) && !matches("set") {
        rule.push(["-m", "set"]);
    }
    rule.option("--match-set", params.match_set.as_deref());
    if let Some(flags) = params.match_set_flags.filter(|_| params.match_set.is_some()) {
        rule.push([flags.word()]);
    }
}

fn tcp_flags(params: &Params) -> Option<[String; 2]> {
    let flags = params.tcp_flags.as_ref()?;
    let list = |name: &str| {
        let words = Vec::<String>::from_json(flags.get(name).filter(|value| !value.is_null())?);
        words.ok().map(|words| words.join(","))
    };
    Some([list("flags")?, list("flags_set")?])
}

#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn push<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        self.0.extend(words.into_iter().map(str::to_owned));
    }

    /// An option with its value; `!` before the value goes before the option.
    fn option(&mut self, flag: &str, value: Option<&str>) {
        match value.map(|value| (value, value.strip_prefix('!'))) {
            None => {}
            Some((_, Some(negated))) => self.push(["!", flag, negated]),
            Some((value, None)) => self.push([flag, value]),
        }
    }
}
