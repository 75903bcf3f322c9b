//! Options of `community.general.ufw`.

use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What becomes of the firewall.
    pub enum State {
        /// It is on, also at each start.
        Enabled = "enabled",
        /// It is off.
        Disabled = "disabled",
        /// It reads its rules again.
        Reloaded = "reloaded",
        /// It is off and as it was installed.
        Reset = "reset",
    }
}

choices! {
    /// What becomes of packets that no rule matches.
    pub enum Policy {
        /// They pass.
        Allow = "allow",
        /// They are dropped.
        Deny = "deny",
        /// They are refused.
        Reject = "reject",
    }
}

choices! {
    /// How much is logged.
    pub enum Logging {
        /// All.
        Full = "full",
        /// Nearly all.
        High = "high",
        /// Blocked packets.
        Low = "low",
        /// More than that.
        Medium = "medium",
        /// Nothing.
        Off = "off",
        /// Something.
        On = "on",
    }
}

choices! {
    /// Which packets are meant.
    pub enum Direction {
        /// Those that come, for a rule.
        In = "in",
        /// Those that come, for a policy.
        Incoming = "incoming",
        /// Those that go, for a rule.
        Out = "out",
        /// Those that go, for a policy.
        Outgoing = "outgoing",
        /// Those that pass through.
        Routed = "routed",
    }
}

choices! {
    /// What the number of `insert` counts from.
    pub enum Place {
        /// The start.
        Zero = "zero",
        /// The first rule of IPv4.
        FirstIpv4 = "first-ipv4",
        /// The last rule of IPv4.
        LastIpv4 = "last-ipv4",
        /// The first rule of IPv6.
        FirstIpv6 = "first-ipv6",
        /// The last rule of IPv6.
        LastIpv6 = "last-ipv6",
    }
}

choices! {
    /// What becomes of packets.
    pub enum Action {
        /// They pass.
        Allow = "allow",
        /// They are dropped.
        Deny = "deny",
        /// They pass, but not too often.
        Limit = "limit",
        /// They are refused.
        Reject = "reject",
    }
}

choices! {
    /// A protocol.
    pub enum Protocol {
        /// AH.
        Ah = "ah",
        /// Any.
        Any = "any",
        /// ESP.
        Esp = "esp",
        /// IPv6 in IPv4.
        Ipv6 = "ipv6",
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
        /// GRE.
        Gre = "gre",
        /// IGMP.
        Igmp = "igmp",
        /// VRRP.
        Vrrp = "vrrp",
    }
}

params! {
    /// Parameters of `community.general.ufw`.
    pub struct Params {
        /// What becomes of the firewall.
        state: Option<State>,
        /// What becomes of packets that no rule matches.
        default ("policy"): Option<Policy>,
        /// How much is logged.
        logging: Option<Logging>,
        /// Which packets are meant.
        direction: Option<Direction>,
        /// Whether the rule goes.
        delete: bool = false,
        /// Whether the rule is for packets that pass through.
        route: bool = false,
        /// The number that the rule gets.
        insert: Option<i64>,
        /// What the number of `insert` counts from.
        insert_relative_to: Place = Place::Zero,
        /// What becomes of the packets.
        rule: Option<Action>,
        /// The interface, for the direction.
        interface ("if"): Option<String>,
        /// The interface that packets come by.
        interface_in ("if_in"): Option<String>,
        /// The interface that packets go by.
        interface_out ("if_out"): Option<String>,
        /// Whether new connections are logged.
        log: bool = false,
        /// Where packets come from.
        from_ip ("from", "src"): String = "any".to_owned(),
        /// The port that they come from.
        from_port: Option<String>,
        /// Where packets go.
        to_ip ("dest", "to"): String = "any".to_owned(),
        /// The port that they go to.
        to_port ("port"): Option<String>,
        /// Their protocol.
        proto ("protocol"): Option<Protocol>,
        /// An application that ufw knows.
        name ("app"): Option<String>,
        /// A comment.
        comment: Option<String>,
    }
    rules [
        Rule::MutuallyExclusive(&["name", "proto", "logging"]),
        Rule::MutuallyExclusive(&["direction", "interface_in"]),
        Rule::MutuallyExclusive(&["direction", "interface_out"]),
        Rule::RequiredOneOf(&["state", "default", "rule", "logging"]),
        Rule::RequiredBy("interface", &["direction"]),
    ]
}

impl Params {
    /// The direction that a policy is for.
    pub(super) fn policy_of(&self) -> &'static str {
        self.direction.map_or("incoming", Direction::word)
    }
}
