//! Whether firewalld runs, and what it says over D-Bus.
//!
//! `busctl` answers in milliseconds; where it does not, the programs of firewalld are asked.

use super::subject::Subject;
use crate::host::{Host, HostError};
use crate::module::program;

const NAME: &str = "org.fedoraproject.FirewallD1";
const PLACE: &str = "/org/fedoraproject/FirewallD1";
const BUS: &str = "org.freedesktop.DBus";

/// What there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daemon {
    /// It does not run.
    Stopped,
    /// It runs.
    Runs,
    /// It would run by then: a dry run started it.
    WouldRun,
}

impl Daemon {
    pub(super) fn of(online: &str, host: &mut dyn Host) -> Result<Self, HostError> {
        let owned = bus(host, &[BUS, "/org/freedesktop/DBus", BUS, "NameHasOwner", "s", NAME])?;
        let foreseen = host.rehearsed_unit("firewalld.service").and_then(|unit| unit.active);
        match (owned.as_deref(), foreseen) {
            (_, Some(false)) => Ok(Self::Stopped),
            (Some("b true"), _) => Ok(Self::Runs),
            (_, Some(true)) => Ok(Self::WouldRun),
            (Some("b false"), None) if !host.foresees() => Ok(Self::Stopped),
            // a dry run may have installed the program
            _ => match program::query(host, [online, "--state"])?.success() {
                true => Ok(Self::Runs),
                false => Ok(Self::Stopped),
            },
        }
    }

    /// What a program of firewalld's says is wrong, as its library says it.
    pub(super) fn exception(self, said: &str) -> String {
        let lines = said.trim().lines().filter(|line| !line.starts_with("WARNING: "));
        let words = lines.collect::<Vec<_>>().join("\n");
        let words = words.strip_prefix("Error: ").unwrap_or(&words);
        match self {
            // rules are read by the library
            _ if words.starts_with("INVALID_RULE") => words.to_owned(),
            Self::Stopped => words.to_owned(),
            Self::Runs | Self::WouldRun => format!("{NAME}.Exception: {words}"),
        }
    }

    pub(super) fn is_up(self) -> bool {
        self != Self::Stopped
    }
}

/// The default zone of what runs.
pub(super) fn default_zone(host: &mut dyn Host) -> Result<Option<String>, HostError> {
    let said = bus(host, &[NAME, PLACE, NAME, "getDefaultZone"])?;
    let zone = said.as_deref().and_then(|said| said.strip_prefix("s \"")?.strip_suffix('"'));
    Ok(zone.map(str::to_owned))
}

/// Whether something is set in what runs.
pub(super) fn has(
    zone: &str,
    subject: &Subject,
    host: &mut dyn Host,
) -> Result<Option<bool>, HostError> {
    let Some((method, more)) = question(subject) else { return Ok(None) };
    let values: Vec<&str> = std::iter::once(zone).chain(more).collect();
    // they are no options
    if values.iter().any(|value| value.starts_with('-')) {
        return Ok(None);
    }
    let (interface, kinds) = (format!("{NAME}.zone"), "s".repeat(values.len()));
    let mut words = vec![NAME, PLACE, &interface, method, &kinds];
    words.extend(values);
    let said = bus(host, &words)?;
    Ok(said.and_then(|said| {
        let mut words = said.split_whitespace();
        match (words.next()?, subject) {
            ("b", _) => Some(words.next() == Some("true")),
            // their number, and then each in quotation marks
            ("as", Subject::Listed { value, .. }) => {
                Some(words.skip(1).any(|word| word.trim_matches('"') == value))
            }
            _ => None,
        }
    }))
}

/// The method that asks for it, and its arguments after the zone.
fn question(subject: &Subject) -> Option<(&'static str, Vec<&str>)> {
    let method = match subject {
        Subject::Switch { word: "masquerade", .. } => "queryMasquerade",
        Subject::Switch { word: "icmp-block-inversion", .. } => "queryIcmpBlockInversion",
        // whether something is there may be asked for names that are none
        Subject::Listed { word: "service", .. } => "getServices",
        Subject::Listed { word: "protocol", .. } => "getProtocols",
        Subject::Listed { word: "icmp-block", .. } => "getIcmpBlocks",
        Subject::Listed { word: "interface", .. } => "getInterfaces",
        Subject::Listed { word: "source", .. } => "getSources",
        Subject::Listed { word: "port", value } => {
            let (port, protocol) = value.split_once('/')?;
            return Some(("queryPort", vec![port, protocol]));
        }
        _ => return None,
    };
    Some((method, Vec::new()))
}

/// What a method answers; nothing where it fails, or there is no bus.
fn bus(host: &mut dyn Host, words: &[&str]) -> Result<Option<String>, HostError> {
    let Ok(Some(program)) = host.find_program("busctl") else { return Ok(None) };
    let program = program.to_string_lossy().into_owned();
    let argv = [program.as_str(), "--system", "call"].into_iter().chain(words.iter().copied());
    match program::query(host, argv) {
        Ok(output) if output.success() => Ok(Some(output.stdout_text().trim().to_owned())),
        Ok(_) | Err(HostError::Unknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
