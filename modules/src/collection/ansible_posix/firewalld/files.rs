//! What firewalld keeps in files: its zones, and which of them is the default.
//!
//! Files answer in no time, a program of firewalld's takes a fifth of a second. What they do not
//! tell plainly is `None`: the program is asked. See firewalld.zone(5) and firewalld.conf(5).

use std::path::{Path, PathBuf};

use uppsala::{Document, NodeId};

use super::subject::Subject;
use crate::host::{Follow, Host, HostError};

/// Those of the administrator count before those of the package.
const DIRECTORIES: [&str; 2] = ["/etc/firewalld/zones", "/usr/lib/firewalld/zones"];
const SETTINGS: &str = "/etc/firewalld/firewalld.conf";

/// A zone's file.
pub(super) struct ZoneFile(Document<'static>);

impl ZoneFile {
    /// The file that counts for a zone.
    pub(super) fn read(zone: &str, host: &mut dyn Host) -> Result<Option<Self>, HostError> {
        let Some(path) = place(zone, host)? else { return Ok(None) };
        let text = told(host.read(&path))?;
        Ok(text.and_then(|text| uppsala::parse_bytes(&text).ok()).map(Self))
    }

    /// Whether something is set in it.
    pub(super) fn has(&self, subject: &Subject) -> Option<bool> {
        match subject {
            // whether two rules are the same only firewalld knows
            Subject::Listed { word: "rich-rule", .. } => {
                self.elements("rule").next().is_none().then_some(false)
            }
            Subject::Listed { word: "port", value } => self.has_port(value),
            Subject::Listed { word, value } => {
                let values: Option<Vec<String>> =
                    self.elements(word).map(|node| self.value(word, node)).collect();
                Some(values?.contains(value))
            }
            Subject::Switch { word, .. } => {
                let mut found = self.elements(word).peekable();
                if found.peek().is_some_and(|node| self.attribute(*node, "enabled").is_some()) {
                    return None;
                }
                Some(found.peek().is_some())
            }
            Subject::Target(target) => {
                let written = self.attribute(self.0.document_element()?, "target");
                let written = written.filter(|word| !word.is_empty() && !word.starts_with('{'));
                Some(written.unwrap_or("default") == target.word())
            }
            Subject::Zone => Some(true),
        }
    }

    /// Ports that overlap become one range when firewalld reads them.
    fn has_port(&self, asked: &str) -> Option<bool> {
        let (asked, protocol) = asked.split_once('/')?;
        let ranges = self.ranges(protocol)?;
        let apart = ranges.iter().zip(ranges.iter().skip(1)).all(|(one, next)| one.1 < next.0);
        apart.then(|| ranges.iter().any(|range| written(*range) == asked))
    }

    /// Whether a port lies within what is open.
    pub(super) fn covers(&self, asked: &str) -> bool {
        let Some((ports, protocol)) = asked.split_once('/') else { return false };
        let (Some(asked), Some(ranges)) = (range(ports), self.ranges(protocol)) else {
            return false;
        };
        ranges.iter().any(|range| range.0 <= asked.0 && asked.1 <= range.1)
    }

    /// The ranges of a protocol, in order.
    fn ranges(&self, protocol: &str) -> Option<Vec<(u16, u16)>> {
        let mut ranges = Vec::new();
        for node in self.elements("port") {
            if self.attribute(node, "protocol")? == protocol {
                ranges.push(range(self.attribute(node, "port")?)?);
            }
        }
        ranges.sort_unstable();
        Some(ranges)
    }

    fn elements(&self, name: &str) -> impl Iterator<Item = NodeId> {
        let root = self.0.document_element();
        let children = root.map(|root| self.0.children(root)).unwrap_or_default();
        children.into_iter().filter(move |node| {
            self.0.element(*node).is_some_and(|element| *element.name.local_name == *name)
        })
    }

    fn attribute(&self, node: NodeId, name: &str) -> Option<&str> {
        self.0.get_attribute(node, name)
    }

    /// What an element sets, as the options of the programs have it.
    fn value(&self, word: &str, node: NodeId) -> Option<String> {
        let text = |name: &str| self.attribute(node, name);
        match word {
            "protocol" => text("value").map(str::to_owned),
            "source" => match (text("address"), text("ipset")) {
                (Some(address), None) => Some(address.to_owned()),
                (None, Some(set)) => Some(format!("ipset:{set}")),
                _ => None,
            },
            "forward-port" => {
                let mut value = format!(
                    "port={}:proto={}:toport={}",
                    text("port")?,
                    text("protocol")?,
                    text("to-port").unwrap_or_default()
                );
                if let Some(address) = text("to-addr").filter(|address| !address.is_empty()) {
                    value.push_str(":toaddr=");
                    value.push_str(address);
                }
                Some(value)
            }
            _ => text("name").map(str::to_owned),
        }
    }
}

/// Whether there is a file for a zone.
pub(super) fn has_zone(zone: &str, host: &mut dyn Host) -> Result<Option<bool>, HostError> {
    if place(zone, host)?.is_some() {
        return Ok(Some(true));
    }
    for directory in DIRECTORIES {
        // parts of a zone may lie in a folder of its name
        if told(host.stat(&Path::new(directory).join(zone), Follow::Yes))?.flatten().is_some() {
            return Ok(None);
        }
    }
    let known = told(host.stat(Path::new(DIRECTORIES[1]), Follow::Yes))?.flatten();
    Ok(known.map(|_| false))
}

/// Whether there is a file for a service; nothing where that cannot be known.
pub(super) fn has_service(name: &str, host: &mut dyn Host) -> Result<Option<bool>, HostError> {
    const DIRECTORIES: [&str; 2] = ["/etc/firewalld/services", "/usr/lib/firewalld/services"];
    for directory in DIRECTORIES {
        let path = Path::new(directory).join(format!("{name}.xml"));
        if told(host.stat(&path, Follow::Yes))?.flatten().is_some() {
            return Ok(Some(true));
        }
    }
    let known = told(host.stat(Path::new(DIRECTORIES[1]), Follow::Yes))?.flatten();
    Ok(known.map(|_| false))
}

/// The default zone.
pub(super) fn default_zone(host: &mut dyn Host) -> Result<Option<String>, HostError> {
    let Some(text) = told(host.read(Path::new(SETTINGS)))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&text).into_owned();
    // of several the first counts
    let zone = text.lines().find_map(|line| {
        let (name, zone) = line.split_once('=')?;
        (name.trim() == "DefaultZone").then(|| zone.trim().to_owned())
    });
    let Some(zone) = zone.filter(|zone| !zone.is_empty()) else { return Ok(None) };
    // firewalld takes another where it is not there
    Ok(place(&zone, host)?.map(|_| zone))
}

fn place(zone: &str, host: &mut dyn Host) -> Result<Option<PathBuf>, HostError> {
    if zone.starts_with(['/', '.']) || zone.contains("/.") {
        return Ok(None);
    }
    for directory in DIRECTORIES {
        let path = Path::new(directory).join(format!("{zone}.xml"));
        if told(host.stat(&path, Follow::Yes))?.flatten().is_some() {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What cannot be read is no answer; what nobody knows yet stays unknown.
fn told<T>(answer: Result<T, HostError>) -> Result<Option<T>, HostError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(HostError::Unknown(reason)) => Err(HostError::Unknown(reason)),
        Err(_) => Ok(None),
    }
}

fn range(ports: &str) -> Option<(u16, u16)> {
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn written((first, last): (u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}
