//! Block devices.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::probe::Probe;
use crate::contract::Returned;

/// Names of links by kind and device.
type Links = BTreeMap<&'static str, BTreeMap<String, Vec<String>>>;

/// `devices` and `device_links`.
pub(super) fn collect(probe: &mut Probe<'_>, facts: &mut Returned) {
    facts.insert("devices".to_owned(), json!({}));
    if !probe.is_directory("/sys/block") {
        return;
    }
    let blocks = probe.list("/sys/block");
    let links = links(probe, &blocks);
    facts.insert("device_links".to_owned(), json!(links));
    let wwns = links
        .get("ids")
        .into_iter()
        .flatten()
        .flat_map(|(device, names)| names.iter().map(move |name| (device.clone(), name)))
        .filter_map(|(device, name)| Some((device, name.strip_prefix("wwn-")?.to_owned())))
        .collect::<BTreeMap<_, _>>();
    let buses = probe.output(&["lspci", "-D"]).unwrap_or_default();
    let mut devices = Map::new();
    for block in blocks {
        let Some(device) = device(probe, &block, &links, &buses) else { continue };
        let mut device = device;
        if let Some(wwn) = wwns.get(&block) {
            device.insert("wwn".to_owned(), Json::from(wwn.clone()));
        }
        devices.insert(block, Json::from(device));
    }
    facts.insert("devices".to_owned(), Json::from(devices));
}

fn links(probe: &mut Probe<'_>, blocks: &[String]) -> Links {
    let mut links = Links::new();
    for (kind, folder) in [("ids", "by-id"), ("labels", "by-label"), ("uuids", "by-uuid")] {
        let found = links.entry(kind).or_default();
        for name in probe.list(format!("/dev/disk/{folder}")) {
            if let Some(device) = probe.link_name(format!("/dev/disk/{folder}/{name}")) {
                found.entry(device).or_default().push(unescape_name(&name));
            }
        }
    }
    let masters = links.entry("masters").or_default();
    for block in blocks {
        for part in probe.list(format!("/sys/block/{block}/slaves")) {
            masters.entry(part).or_default().push(block.clone());
        }
    }
    links
}

/// udev writes odd characters of labels as `\x20`.
fn unescape_name(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (code, part.get(2..)) {
            (Some(code), Some(rest)) => {
                text.push(char::from(code));
                text.push_str(rest);
            }
            _ => {
                text.push_str("\\x");
                text.push_str(part);
            }
        }
    }
    text
}

fn device(
    probe: &mut Probe<'_>,
    block: &str,
    links: &Links,
    buses: &str,
) -> Option<Map<String, Json>> {
    let target = probe.link_target(format!("/sys/block/{block}"))?;
    let root = format!("/sys/block/{block}");
    let mut device = Map::new();
    let mut set = |name: &str, value: Json| {
        device.insert(name.to_owned(), value);
    };
    // Ansible calls every device virtual whose entry is a link, which all are
    set("virtual", Json::from(1));
    set("links", links_of(links, block));
    for key in ["vendor", "model", "sas_address", "sas_device_handle"] {
        set(key, Json::from(probe.content(format!("{root}/device/{key}"))));
    }
    if let Some(serial) = probe.content(format!("{root}/device/serial")) {
        set("serial", Json::from(serial));
    }
    set("removable", Json::from(probe.content(format!("{root}/removable"))));
    let discards = probe.content(format!("{root}/queue/discard_max_hw_bytes"));
    let granularity = probe.content(format!("{root}/queue/discard_granularity"));
    let discard = if discards.as_deref() == Some("0") { Some("0".to_owned()) } else { granularity };
    set("support_discard", Json::from(discard));
    let mut partitions = Map::new();
    for name in probe.list(&root) {
        if is_partition(block, &name) {
            let partition = partition(probe, &root, &name, links);
            partitions.insert(name, partition);
        }
    }
    set("partitions", Json::from(partitions));
    set("rotational", Json::from(probe.content(format!("{root}/queue/rotational"))));
    let scheduler = probe.content(format!("{root}/queue/scheduler")).unwrap_or_default();
    let scheduler = scheduler
        .split_once('[')
        .and_then(|(_, after)| after.split_once(']'))
        .map_or("", |(name, _)| name);
    set("scheduler_mode", Json::from(scheduler));
    let (sector, sectors) = sectors(probe, &root);
    set("sectorsize", sector.1);
    set("sectors", Json::from(sectors));
    set("size", Json::from(human(sectors * sector.0)));
    set("host", Json::from(bus_entry(&target.to_string_lossy(), buses)));
    let holders = holders(probe, &root);
    set("holders", holders);
    Some(device)
}

fn partition(probe: &mut Probe<'_>, root: &str, name: &str, links: &Links) -> Json {
    let path = format!("{root}/{name}");
    let (sector, sectors) = sectors(probe, &path);
    let start = probe.content(format!("{path}/start"));
    let uuid = links.get("uuids").and_then(|found| found.get(name)?.first()).cloned();
    json!({
        "links": links_of(links, name),
        "start": start.map_or_else(|| Json::from(0), Json::from),
        "sectorsize": sector.1,
        "sectors": sectors,
        "size": human(sectors * sector.0),
        "uuid": uuid,
        "holders": holders(probe, &path),
    })
}

fn is_partition(block: &str, name: &str) -> bool {
    name.strip_prefix(block).is_some_and(|rest| {
        let number = rest.strip_prefix('p').unwrap_or(rest);
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The size of a sector, as number and as Ansible shows it, and the count of such sectors.
fn sectors(probe: &mut Probe<'_>, path: &str) -> ((u64, Json), u64) {
    let text = probe
        .content(format!("{path}/queue/logical_block_size"))
        .or_else(|| probe.content(format!("{path}/queue/hw_sector_size")));
    let number = text.as_deref().and_then(|text| text.parse().ok()).filter(|size| *size > 0);
    let shown = text.map_or_else(|| Json::from(512), Json::from);
    let number = number.unwrap_or(512_u64);
    let units: u64 =
        probe.content(format!("{path}/size")).and_then(|text| text.parse().ok()).unwrap_or(0);
    ((number, shown), units * 512 / number)
}

fn holders(probe: &mut Probe<'_>, path: &str) -> Json {
    let mut names = Vec::new();
    for folder in probe.list(format!("{path}/holders")) {
        if folder.starts_with("dm-") {
            let name = probe.content(format!("{path}/holders/{folder}/dm/name"));
            names.push(Json::from(name.unwrap_or(folder)));
        } else {
            names.push(Json::from(folder));
        }
    }
    Json::from(names)
}

fn links_of(links: &Links, device: &str) -> Json {
    let named = links.iter().map(|(kind, devices)| {
        ((*kind).to_owned(), json!(devices.get(device).cloned().unwrap_or_default()))
    });
    Json::from(named.collect::<Map<_, _>>())
}

/// What `lspci` says of the bus address in the path of a device.
fn bus_entry(path: &str, buses: &str) -> String {
    let is_address = |part: &&str| part.len() == 12 && part.matches(':').count() == 2;
    path.split('/')
        .rev()
        .skip(1)
        .find(is_address)
        .and_then(|address| {
            buses.lines().find_map(|line| line.strip_prefix(address)?.strip_prefix(' '))
        })
        .unwrap_or_default()
        .to_owned()
}

/// A size for people: `1.50 GB`.
fn human(bytes: u64) -> String {
    const UNITS: [(&str, u32); 6] =
        [("EB", 60), ("PB", 50), ("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)];
    for (unit, power) in UNITS {
        let limit = 1_u64 << power;
        if bytes >= limit {
            // hundredths of the unit, rounded
            let hundredths = (u128::from(bytes) * 100 + u128::from(limit / 2)) >> power;
            return format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100);
        }
    }
    format!("{bytes}.00 Bytes")
}

#[cfg(test)]
mod tests {
    use super::{bus_entry, human, is_partition, unescape_name};

    #[test]
    fn sizes_partitions_and_labels() {
        assert_eq!(human(0), "0.00 Bytes");
        assert_eq!(human(1536), "1.50 KB");
        assert_eq!(human(274_877_906_944), "256.00 GB");
        for (block, name, expected) in [
            ("sda", "sda1", true),
            ("sda", "sda", false),
            ("nvme0n1", "nvme0n1p2", true),
            ("sda", "queue", false),
        ] {
            assert_eq!(is_partition(block, name), expected, "{name}");
        }
        assert_eq!(unescape_name("my\\x20disk"), "my disk");
        assert_eq!(
            bus_entry(
                "../devices/pci0000:00/0000:00:04.0/virtio1/block/vda",
                "0000:00:04.0 SCSI: Red Hat\n"
            ),
            "SCSI: Red Hat"
        );
    }
}
