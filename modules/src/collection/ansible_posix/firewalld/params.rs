//! Options of `ansible.posix.firewalld`.

use serde_json::Value as Json;

use crate::params::{Expected, OptionKind, ParamValue, Rule, plain};
use crate::{choices, params};

choices! {
    /// What shall be.
    pub enum State {
        /// The zone, or its target, shall not be there.
        Absent = "absent",
        /// It shall not be so.
        Disabled = "disabled",
        /// It shall be so.
        Enabled = "enabled",
        /// The zone, or its target, shall be there.
        Present = "present",
    }
}

choices! {
    /// What becomes of packets that nothing else matches.
    pub enum Target {
        /// What the zone's kind says.
        Default = "default",
        /// They are taken.
        Accept = "ACCEPT",
        /// They are dropped.
        Drop = "DROP",
        /// They are refused.
        Reject = "%%REJECT%%",
    }
}

/// A port that is led elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortForward {
    /// The port.
    pub port: String,
    /// `tcp` or `udp`.
    pub proto: String,
    /// The port that it is led to.
    pub toport: String,
    /// The address that it is led to.
    pub toaddr: String,
}

impl ParamValue for PortForward {
    const KIND: OptionKind = OptionKind::Dict;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        let form = |text: String| Expected::Form(text);
        let fields = value.as_object().ok_or_else(|| form("a dictionary is needed".to_owned()))?;
        for name in fields.keys() {
            if !["port", "proto", "toport", "toaddr"].contains(&name.as_str()) {
                return Err(form(format!("there is no `{name}` here")));
            }
        }
        let text = |name: &str| {
            let value = fields.get(name).filter(|value| !value.is_null());
            value
                .map(plain)
                .ok_or_else(|| form(format!("{name} must be specified for port forward")))
        };
        Ok(Self {
            port: text("port")?,
            proto: text("proto")
                .map_err(|_| form("proto udp/tcp must be specified for port forward".to_owned()))?,
            toport: text("toport")?,
            toaddr: text("toaddr").unwrap_or_default(),
        })
    }
}

params! {
    /// Parameters of `ansible.posix.firewalld`.
    pub struct Params {
        /// A kind of ICMP that is refused.
        icmp_block: Option<String>,
        /// Whether all other kinds of ICMP are refused.
        icmp_block_inversion: Option<bool>,
        /// A service.
        service: Option<String>,
        /// A protocol.
        protocol: Option<String>,
        /// A port, or a range, and its protocol (`80/tcp`).
        port: Option<String>,
        /// A port that is led elsewhere.
        port_forward: Option<Vec<PortForward>>,
        /// A rule in the rich language.
        rich_rule: Option<String>,
        /// The zone; by default the one that firewalld names.
        zone: Option<String>,
        /// Whether it is set now, too, where it is set for good.
        immediate: bool = false,
        /// A network that belongs to the zone.
        source: Option<String>,
        /// Whether it is set for good.
        permanent: bool = false,
        /// What shall be.
        state: State,
        /// Seconds after which it ends; 0 is never.
        timeout: i64 = 0,
        /// An interface that belongs to the zone.
        interface: Option<String>,
        /// Whether packets pass within the zone.
        forward: Option<bool>,
        /// Whether addresses are masqueraded.
        masquerade: Option<bool>,
        /// Whether firewalld need not run.
        offline: bool = false,
        /// What becomes of packets that nothing else matches.
        target: Option<Target>,
    }
    rules [
        Rule::RequiredBy("interface", &["zone"]),
        Rule::RequiredBy("target", &["zone"]),
        Rule::RequiredBy("source", &["permanent"]),
        Rule::MutuallyExclusive(&[
            "icmp_block", "icmp_block_inversion", "service", "protocol", "port", "port_forward",
            "rich_rule", "interface", "forward", "masquerade", "source", "target",
        ]),
    ]
}
