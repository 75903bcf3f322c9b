//! What a task sets, and how it is asked for and set.

use serde_json::Value as Json;

use super::Error;
use super::params::{Params, State, Target};
use crate::contract::Stop;
use crate::effect::Output;

/// What a task sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// Something with a value, by the word of its options (`port`).
    Listed { word: &'static str, value: String },
    /// Something that is on or off, and which of both the task means by `enabled`.
    Switch { word: &'static str, on: bool },
    /// What becomes of packets that nothing else matches.
    Target(Target),
    /// The zone itself.
    Zone,
}

impl Subject {
    pub(super) fn of(params: &Params) -> Result<Option<Self>, Stop> {
        let listed =
            |word, value: &Option<String>| value.clone().map(|value| Self::Listed { word, value });
        let switch = |word, on: Option<bool>| on.map(|on| Self::Switch { word, on });
        let found = listed("icmp-block", &params.icmp_block)
            .or_else(|| switch("icmp-block-inversion", params.icmp_block_inversion))
            .or_else(|| listed("service", &params.service))
            .or_else(|| listed("protocol", &params.protocol))
            .or_else(|| listed("source", &params.source))
            .or_else(|| listed("rich-rule", &params.rich_rule))
            .or_else(|| listed("interface", &params.interface))
            .or_else(|| switch("forward", params.forward))
            .or_else(|| switch("masquerade", params.masquerade))
            .or_else(|| params.target.map(Self::Target));
        let found = match (found, &params.port, &params.port_forward) {
            (Some(found), ..) => Some(found),
            (None, Some(port), _) => Some(Self::port(port)?),
            (None, None, Some(forwards)) => match forwards.as_slice() {
                [] => None,
                [one] => {
                    let mut value =
                        format!("port={}:proto={}:toport={}", one.port, one.proto, one.toport);
                    if !one.toaddr.is_empty() {
                        value.push_str(":toaddr=");
                        value.push_str(&one.toaddr);
                    }
                    Some(Self::Listed { word: "forward-port", value })
                }
                _ => return Err(Stop::failed(Error::Forwards)),
            },
            (None, None, None) => None,
        };
        let of_zone = matches!(params.state, State::Absent | State::Present);
        match found {
            Some(Self::Target(target)) => Ok(Some(Self::Target(target))),
            Some(_) if of_zone => Err(Stop::failed(Error::ZoneState)),
            None if of_zone => Ok(Some(Self::Zone)),
            found => Ok(found),
        }
    }

    fn port(port: &str) -> Result<Self, Stop> {
        match port.trim().split_once('/') {
            Some((number, protocol)) if !number.is_empty() && !protocol.is_empty() => {
                Ok(Self::Listed { word: "port", value: port.trim().to_owned() })
            }
            _ => Err(Stop::failed(Error::Port)),
        }
    }

    /// Whether it is one of those that are there for good alone.
    pub(super) fn is_zone(&self) -> bool {
        matches!(self, Self::Zone | Self::Target(_))
    }

    /// Whether it shall be so.
    pub(super) fn wanted(&self, state: State) -> bool {
        let enabled = matches!(state, State::Enabled | State::Present);
        match self {
            Self::Switch { on, .. } => enabled == *on,
            _ => enabled,
        }
    }

    /// The name by which a dry run remembers it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Listed { word, value } => format!("{word} {value}"),
            Self::Switch { word, .. } => (*word).to_owned(),
            Self::Target(_) => "target".to_owned(),
            Self::Zone => "zone".to_owned(),
        }
    }

    /// What diffs show for it.
    pub(super) fn value(&self, there: bool) -> Option<String> {
        match self {
            Self::Target(target) if there => Some(target.word().to_owned()),
            Self::Target(_) => Some("default".to_owned()),
            _ => there.then(|| "yes".to_owned()),
        }
    }

    /// Whether it is so after what a dry run did.
    pub(super) fn rehearsed(&self, kept: Option<&Json>) -> bool {
        match self {
            Self::Target(target) => kept.and_then(Json::as_str) == Some(target.word()),
            _ => kept.is_some(),
        }
    }

    /// Whether it is so in a zone that was just made.
    pub(super) fn in_new_zone(&self) -> bool {
        matches!(self, Self::Target(Target::Default))
    }

    /// The option that asks for it.
    pub(super) fn question(&self) -> String {
        match self {
            Self::Listed { word, value } => format!("--query-{word}={value}"),
            Self::Switch { word, .. } => format!("--query-{word}"),
            Self::Target(_) => "--get-target".to_owned(),
            Self::Zone => "--get-zones".to_owned(),
        }
    }

    /// What the answer means; nothing when it is an error.
    pub(super) fn answer(&self, zone: &str, output: &Output) -> Option<bool> {
        let text = output.stdout_text();
        match self {
            Self::Target(target) => output.success().then(|| text.trim() == target.word()),
            Self::Zone => {
                output.success().then(|| text.split_whitespace().any(|name| name == zone))
            }
            // 1 is no
            _ => match output.status {
                0 => Some(true),
                1 if output.stdout_text().trim() == "no" => Some(false),
                _ => None,
            },
        }
    }

    /// The option that makes it so, or not so.
    pub(super) fn action(&self, zone: &str, wanted: bool) -> String {
        let verb = if wanted { "add" } else { "remove" };
        match self {
            // it leaves the zone that it was in
            Self::Listed { word: "interface", value } if wanted => {
                format!("--change-interface={value}")
            }
            Self::Listed { word, value } => format!("--{verb}-{word}={value}"),
            Self::Switch { word, .. } => format!("--{verb}-{word}"),
            Self::Target(target) => {
                format!("--set-target={}", if wanted { target.word() } else { "default" })
            }
            Self::Zone if wanted => format!("--new-zone={zone}"),
            Self::Zone => format!("--delete-zone={zone}"),
        }
    }

    /// Whether it can be for a time.
    pub(super) fn takes_timeout(&self) -> bool {
        matches!(
            self,
            Self::Listed {
                word: "icmp-block" | "service" | "protocol" | "port" | "forward-port" | "rich-rule",
                ..
            }
        )
    }

    /// What is said of a change.
    pub(super) fn told(&self, zone: &str, state: State, wanted: bool) -> Vec<String> {
        let changed = |what: String| vec![format!("Changed {what} to {state}")];
        match self {
            Self::Listed { word: "interface", value } if wanted => {
                vec![format!("Changed {value} to zone {zone}")]
            }
            Self::Listed { word: "interface", value } => {
                vec![format!("Removed {value} from zone {zone}")]
            }
            Self::Listed { word: "source", value } if wanted => {
                vec![format!("Added {value} to zone {zone}")]
            }
            Self::Listed { word: "source", value } => {
                vec![format!("Removed {value} from zone {zone}")]
            }
            Self::Listed { word: "rich-rule", value } => changed(format!("rich_rule {value}")),
            Self::Listed { word: "forward-port", value } => {
                // the original names the address even where there is none
                let address = if value.contains(":toaddr=") { "" } else { ":toaddr=" };
                changed(format!("port_forward {value}{address}"))
            }
            Self::Listed { word, value } => changed(format!("{word} {value}")),
            Self::Switch { word: "icmp-block-inversion", on } => {
                let on = if *on { "True" } else { "False" };
                changed(format!("icmp-block-inversion {on}"))
            }
            Self::Switch { word, .. } if wanted => vec![format!("Added {word} to zone {zone}")],
            Self::Switch { word, .. } => vec![format!("Removed {word} from zone {zone}")],
            Self::Target(target) if wanted => {
                vec![format!("Set zone {zone} target to {target}")]
            }
            Self::Target(_) => vec![format!("Reset zone {zone} target to default")],
            Self::Zone => {
                let first = if wanted {
                    format!("Added zone {zone}")
                } else {
                    format!("Removed zone {zone}")
                };
                vec![first, format!("Changed zone {zone} to {state}")]
            }
        }
    }
}
