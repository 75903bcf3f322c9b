//! Connections of the host, from the kernel's tables.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use crate::contract::Stop;
use crate::host::{Host, HostError};

/// Names of states and the kernel's numbers for them.
const STATES: [(&str, &str); 6] = [
    ("ESTABLISHED", "01"),
    ("SYN_SENT", "02"),
    ("SYN_RECV", "03"),
    ("FIN_WAIT1", "04"),
    ("FIN_WAIT2", "05"),
    ("TIME_WAIT", "06"),
];

/// The numbers of these states, of all by default; a name that is none is given back.
pub(super) fn states(given: Option<&[String]>) -> Result<Vec<&'static str>, String> {
    let Some(given) = given else {
        return Ok(STATES.iter().map(|(_, number)| *number).collect());
    };
    let number = |name: &String| {
        let found = STATES.iter().find(|(known, _)| *known == name.as_str());
        found.map(|(_, number)| *number).ok_or_else(|| name.clone())
    };
    given.iter().map(number).collect()
}

/// Which connections are looked for.
pub(super) struct Connections {
    local: Vec<String>,
    excluded: Vec<String>,
    states: Vec<&'static str>,
}

impl Connections {
    pub(super) fn of(
        name: &str,
        excluded: &[String],
        states: Vec<&'static str>,
        host: &mut dyn Host,
    ) -> Result<Self, Stop> {
        let local = written(&host.addresses(name)?);
        let mut others = Vec::new();
        for name in excluded {
            others.extend(written(&host.addresses(name)?));
        }
        Ok(Self { local, excluded: others, states })
    }

    /// How many connections to a local port there are.
    pub(super) fn count(&self, port: u16, host: &mut dyn Host) -> Result<usize, Stop> {
        let mut count = 0;
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            match host.read(Path::new(table)) {
                Ok(content) => count += self.count_in(&String::from_utf8_lossy(&content), port),
                // a kernel without that protocol
                Err(HostError::Io { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }

    fn count_in(&self, table: &str, port: u16) -> usize {
        table.lines().filter(|line| self.counts(line, port) == Some(true)).count()
    }

    fn counts(&self, line: &str, port: u16) -> Option<bool> {
        let mut fields = line.split_whitespace().skip(1);
        let (local, local_port) = fields.next()?.split_once(':')?;
        let (remote, _) = fields.next()?.split_once(':')?;
        let state = fields.next()?;
        let any = if local.len() == 8 { "00000000" } else { "00000000000000000000000000000000" };
        let is_ours = |address: &str| self.local.iter().any(|ours| ours == address);
        let mapped = local.starts_with("0000000000000000FFFF0000")
            && is_ours("0000000000000000FFFF000000000000");
        Some(
            local_port == format!("{port:04X}")
                && self.states.contains(&state)
                && !self.excluded.iter().any(|excluded| excluded == remote)
                && (is_ours(local) || is_ours(any) || mapped),
        )
    }
}

/// Addresses as the kernel's tables write them: words of the machine, most significant first.
fn written(addresses: &[IpAddr]) -> Vec<String> {
    let words = |octets: &[u8]| -> String {
        octets.chunks(4).fold(String::new(), |mut text, word| {
            let word: [u8; 4] = word.try_into().unwrap_or_default();
            // writing to a String cannot fail
            let _ = write!(text, "{:08X}", u32::from_ne_bytes(word));
            text
        })
    };
    addresses
        .iter()
        .flat_map(|address| match address {
            IpAddr::V4(address) => {
                vec![words(&address.octets()), words(&address.to_ipv6_mapped().octets())]
            }
            IpAddr::V6(address) => vec![words(&address.octets())],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    /// Lines of a real table on a little-endian machine.
    const TABLE: &str = "  sl  local_address rem_address   st tx_queue
   0: 0100007F:3B9D 00000000:0000 0A 00000000:00000000
   1: 0100007F:3B9D 0100007F:C350 01 00000000:00000000
   2: 0100007F:3B9D 0200007F:C351 06 00000000:00000000
   3: 0100007F:0016 0100007F:C352 01 00000000:00000000
";

    #[test]
    fn connections_to_a_port_count_by_state_and_peer() {
        let mut host = FakeHost::new();
        host.directory("/proc", 0o755);
        host.directory("/proc/net", 0o755);
        host.file("/proc/net/tcp", TABLE);
        let table = [
            ("127.0.0.1", vec![], None, 2),
            ("0.0.0.0", vec![], None, 2),
            ("127.0.0.3", vec![], None, 0),
            ("127.0.0.1", vec!["127.0.0.2".to_owned()], None, 1),
            ("127.0.0.1", vec![], Some(vec!["TIME_WAIT".to_owned()]), 1),
        ];
        for (name, excluded, given, expected) in table {
            let states = states(given.as_deref()).unwrap();
            let connections = Connections::of(name, &excluded, states, &mut host).unwrap();
            assert_eq!(connections.count(0x3B9D, &mut host).unwrap(), expected, "{name}");
        }
    }
}
