//! The parameters of `ansible.builtin.iptables`.

use serde_json::{Map, Value as Json};

use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// A table of the filter.
    pub enum Table {
        /// `filter`
        Filter = "filter",
        /// `nat`
        Nat = "nat",
        /// `mangle`
        Mangle = "mangle",
        /// `raw`
        Raw = "raw",
        /// `security`
        Security = "security",
    }
}

choices! {
    /// Whether it shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

choices! {
    /// Where a new rule goes.
    pub enum Action {
        /// To the end.
        Append = "append",
        /// To the start, or to `rule_num`.
        Insert = "insert",
    }
}

choices! {
    /// Which version of IP.
    pub enum IpVersion {
        /// 4
        Ipv4 = "ipv4",
        /// 6
        Ipv6 = "ipv6",
        /// Each of both.
        Both = "both",
    }
}

choices! {
    /// A level of the log.
    pub enum LogLevel {
        /// 0
        Zero = "0",
        /// 1
        One = "1",
        /// 2
        Two = "2",
        /// 3
        Three = "3",
        /// 4
        Four = "4",
        /// 5
        Five = "5",
        /// 6
        Six = "6",
        /// 7
        Seven = "7",
        /// `emerg`
        Emerg = "emerg",
        /// `alert`
        Alert = "alert",
        /// `crit`
        Crit = "crit",
        /// `error`
        Error = "error",
        /// `warning`
        Warning = "warning",
        /// `notice`
        Notice = "notice",
        /// `info`
        Info = "info",
        /// `debug`
        Debug = "debug",
    }
}

choices! {
    /// Which address of a packet a set is about.
    pub enum SetFlags {
        /// `src`
        Src = "src",
        /// `dst`
        Dst = "dst",
        /// `src,dst`
        SrcDst = "src,dst",
        /// `dst,src`
        DstSrc = "dst,src",
        /// `src,src`
        SrcSrc = "src,src",
        /// `dst,dst`
        DstDst = "dst,dst",
    }
}

choices! {
    /// Whether a packet opens a connection.
    pub enum Syn {
        /// Does not count.
        Ignore = "ignore",
        /// It does.
        Match = "match",
        /// It does not.
        Negate = "negate",
    }
}

choices! {
    /// What happens to packets that no rule takes.
    pub enum Policy {
        /// `ACCEPT`
        Accept = "ACCEPT",
        /// `DROP`
        Drop = "DROP",
        /// `QUEUE`
        Queue = "QUEUE",
        /// `RETURN`
        Return = "RETURN",
    }
}

params! {
    /// Parameters of `ansible.builtin.iptables`.
    pub struct Params {
        /// The table.
        table: Table = Table::Filter,
        /// Whether the rule or chain shall be there.
        state: State = State::Present,
        /// Where a new rule goes.
        action: Action = Action::Append,
        /// Which version of IP.
        ip_version: IpVersion = IpVersion::Ipv4,
        /// The chain.
        chain: Option<String>,
        /// The number before which a rule is inserted.
        rule_num: Option<String>,
        /// The protocol.
        protocol: Option<String>,
        /// Seconds to wait for the filter's lock.
        wait: Option<String>,
        /// Where a packet comes from; `!` before it negates, as for those below.
        source: Option<String>,
        /// The address that source translation gives.
        to_source: Option<String>,
        /// Where a packet goes.
        destination: Option<String>,
        /// The address that destination translation gives.
        to_destination: Option<String>,
        /// Extensions.
        r#match: Option<Vec<String>>,
        /// `flags` to look at and `flags_set` of them that must be set.
        tcp_flags: Option<Map<String, Json>>,
        /// The target.
        jump: Option<String>,
        /// Where `TEE` sends the copy.
        gateway: Option<String>,
        /// What a line of the log starts with.
        log_prefix: Option<String>,
        /// The level of the log.
        log_level: Option<LogLevel>,
        /// The chain in which processing goes on.
        goto: Option<String>,
        /// The interface of arrival.
        in_interface: Option<String>,
        /// The interface of departure.
        out_interface: Option<String>,
        /// Only second and further fragments.
        fragment: Option<String>,
        /// Where the counters start.
        set_counters: Option<String>,
        /// The port of departure, or `first:last`.
        source_port: Option<String>,
        /// The port of arrival, or `first:last`.
        destination_port: Option<String>,
        /// Ports of arrival.
        destination_ports: Option<Vec<String>>,
        /// Ports that a translation gives.
        to_ports: Option<String>,
        /// The DSCP mark that is set.
        set_dscp_mark: Option<String>,
        /// The DSCP class that is set.
        set_dscp_mark_class: Option<String>,
        /// A comment.
        comment: Option<String>,
        /// States of the connection.
        ctstate: Option<Vec<String>>,
        /// Addresses of departure.
        src_range: Option<String>,
        /// Addresses of arrival.
        dst_range: Option<String>,
        /// The set that an address is in.
        match_set: Option<String>,
        /// Which address of a packet that is.
        match_set_flags: Option<SetFlags>,
        /// How often the rule takes a packet.
        limit: Option<String>,
        /// How many packets it takes before that counts.
        limit_burst: Option<String>,
        /// The user that sends.
        uid_owner: Option<String>,
        /// The group that sends.
        gid_owner: Option<String>,
        /// The error that is sent back.
        reject_with: Option<String>,
        /// The kind of an ICMP message.
        icmp_type: Option<String>,
        /// Whether a packet opens a connection.
        syn: Syn = Syn::Ignore,
        /// Whether all rules of the chain, or of the table, go.
        flush: bool = false,
        /// What happens to packets that no rule takes.
        policy: Option<Policy>,
        /// Whether a chain is made or removed where no rule is given.
        chain_management: bool = false,
        /// Whether names of addresses are not looked up.
        numeric: bool = false,
    }
    rules [
        Rule::MutuallyExclusive(&["set_dscp_mark", "set_dscp_mark_class"]),
        Rule::MutuallyExclusive(&["flush", "policy"]),
        Rule::RequiredBy("set_dscp_mark", &["jump"]),
        Rule::RequiredBy("set_dscp_mark_class", &["jump"]),
        Rule::RequiredIf("jump", "TEE", &["gateway"]),
        Rule::RequiredIf("jump", "tee", &["gateway"]),
        Rule::RequiredIf("flush", "False", &["chain"]),
    ]
}
