//! Processors, memory, firmware and uptime.

use serde_json::{Value as Json, json};

use super::platform;
use super::probe::Probe;
use crate::contract::Returned;

/// `processor*`, `mem*`, `swap*`, DMI facts, `uptime_seconds`.
pub(super) fn collect(probe: &mut Probe<'_>, facts: &mut Returned) {
    if let Some(text) = probe.text("/proc/cpuinfo") {
        let machine = platform::machine(probe);
        let allowed = probe.text("/proc/self/status").and_then(|status| allowed_cpus(&status));
        facts.extend(processors(&text, &machine, allowed));
    }
    if let Some(text) = probe.text("/proc/meminfo") {
        facts.extend(memory(&text));
    }
    collect_firmware(probe, facts);
    let uptime = probe.content("/proc/uptime");
    let whole = uptime.as_deref().and_then(|text| text.split('.').next()?.parse::<u64>().ok());
    if let Some(seconds) = whole {
        facts.insert("uptime_seconds".to_owned(), Json::from(seconds));
    }
    if !probe.has_program("vgs") {
        facts.insert("lvm".to_owned(), Json::from("N/A"));
    }
}

/// How many processors the process may run on.
fn allowed_cpus(status: &str) -> Option<u32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    let digits = mask.chars().filter_map(|character| character.to_digit(16));
    Some(digits.map(u32::count_ones).sum())
}

fn processors(text: &str, machine: &str, allowed: Option<u32>) -> Returned {
    let mut listed = Vec::new();
    let mut flags = None;
    let (mut vendors, mut models, mut numbers) = (0_u64, 0_u64, 0_u64);
    // insertion order counts: the first socket and the first core speak for all
    let mut sockets: Vec<(String, u64)> = Vec::new();
    let mut cores: Vec<(String, u64)> = Vec::new();
    let (mut socket, mut core) = ("0".to_owned(), "0".to_owned());
    for line in text.lines() {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let (key, value) = (key.trim(), value.trim());
        match key {
            "flags" => {
                flags = Some(value.split_whitespace().map(Json::from).collect::<Vec<_>>());
            }
            "model name" | "Processor" | "vendor_id" | "cpu" | "Vendor" | "processor" => {
                listed.push(Json::from(value));
                vendors += u64::from(key == "vendor_id");
                models += u64::from(key == "model name");
                numbers += u64::from(key == "processor");
            }
            "physical id" => {
                value.clone_into(&mut socket);
                if !sockets.iter().any(|(id, _)| *id == socket) {
                    sockets.push((socket.clone(), 1));
                }
            }
            "core id" => {
                value.clone_into(&mut core);
                if !sockets.iter().any(|(id, _)| *id == core) {
                    put(&mut cores, &core, 1);
                }
            }
            "cpu cores" => put(&mut sockets, &socket, value.parse().unwrap_or(1)),
            "siblings" => put(&mut cores, &core, value.parse().unwrap_or(1)),
            _ => {}
        }
    }
    let mut count = u64::try_from(listed.len()).unwrap_or_default();
    if vendors > 0 && vendors == models {
        count = vendors;
    }
    if ["armv", "aarch", "ppc"].iter().any(|prefix| machine.starts_with(prefix)) {
        count = numbers;
    }
    if !sockets.is_empty() {
        count = u64::try_from(sockets.len()).unwrap_or_default();
    }
    let per_socket =
        sockets.first().map(|(_, cores)| *cores).filter(|cores| *cores > 0).unwrap_or(1);
    let siblings = cores.first().map_or(1, |(_, siblings)| *siblings);
    let threads = rounded_quotient(siblings, per_socket);
    let mut facts = Returned::new();
    facts.insert("processor".to_owned(), Json::from(listed));
    if let Some(flags) = flags {
        facts.insert("flags".to_owned(), Json::from(flags));
    }
    facts.insert("processor_count".to_owned(), Json::from(count));
    facts.insert("processor_cores".to_owned(), Json::from(per_socket));
    facts.insert("processor_threads_per_core".to_owned(), Json::from(threads));
    facts.insert("processor_vcpus".to_owned(), Json::from(threads * count * per_socket));
    let usable = allowed.map_or(numbers, u64::from);
    facts.insert("processor_nproc".to_owned(), Json::from(usable));
    facts
}

fn put(list: &mut Vec<(String, u64)>, key: &str, value: u64) {
    match list.iter_mut().find(|(known, _)| known == key) {
        Some((_, old)) => *old = value,
        None => list.push((key.to_owned(), value)),
    }
}

/// Rounds half to even, as Python's `round`.
fn rounded_quotient(dividend: u64, divisor: u64) -> u64 {
    let (whole, rest) = (dividend / divisor, dividend % divisor);
    match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Equal => whole + whole % 2,
        std::cmp::Ordering::Greater => whole + 1,
    }
}

fn memory(text: &str) -> Returned {
    let field = |name: &str| -> Option<i64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<i64>().ok().map(|kilobytes| kilobytes / 1024)
    };
    let kilobytes = |name: &str| -> i64 {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or_default()
    };
    let mut facts = Returned::new();
    for (fact, name) in [
        ("memtotal_mb", "MemTotal"),
        ("memfree_mb", "MemFree"),
        ("swaptotal_mb", "SwapTotal"),
        ("swapfree_mb", "SwapFree"),
    ] {
        if let Some(megabytes) = field(name) {
            facts.insert(fact.to_owned(), Json::from(megabytes));
        }
    }
    let (total, free) = (kilobytes("MemTotal"), kilobytes("MemFree"));
    let cached = kilobytes("Cached") + kilobytes("Buffers");
    let (swap, swap_free) = (kilobytes("SwapTotal"), kilobytes("SwapFree"));
    facts.insert(
        "memory_mb".to_owned(),
        json!({
            "real": {"total": total / 1024, "used": (total - free) / 1024, "free": free / 1024},
            "nocache": {
                "free": (cached + free) / 1024,
                "used": (total - free - cached) / 1024,
            },
            "swap": {
                "total": swap / 1024,
                "free": swap_free / 1024,
                "used": (swap - swap_free) / 1024,
                "cached": kilobytes("SwapCached") / 1024,
            },
        }),
    );
    facts
}

const FIRMWARE: [(&str, &str); 18] = [
    ("bios_date", "bios_date"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("form_factor", "chassis_type"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
];

/// The chassis types of the SMBIOS specification (DSP0134), by number.
const FORM_FACTORS: [&str; 37] = [
    "Unknown",
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

fn collect_firmware(probe: &mut Probe<'_>, facts: &mut Returned) {
    for (fact, file) in FIRMWARE {
        let value = probe.content(format!("/sys/devices/virtual/dmi/id/{file}"));
        let value = match value {
            Some(number) if fact == "form_factor" => number
                .parse::<usize>()
                .ok()
                .and_then(|number| FORM_FACTORS.get(number))
                .map_or_else(|| format!("unknown ({number})"), ToString::to_string),
            Some(value) => value,
            None => "NA".to_owned(),
        };
        facts.insert(fact.to_owned(), Json::from(value));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{allowed_cpus, memory, processors, rounded_quotient};

    fn numbers(facts: &crate::contract::Returned) -> Json {
        ["processor_count", "processor_cores", "processor_threads_per_core", "processor_vcpus"]
            .iter()
            .map(|name| facts[*name].clone())
            .collect()
    }

    #[test]
    fn processors_are_counted_as_ansible_counts_them() {
        let cpu = |number, socket, core, siblings, cores| {
            format!(
                "processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\n\
                 physical id\t: {socket}\nsiblings\t: {siblings}\ncore id\t\t: {core}\n\
                 cpu cores\t: {cores}\nflags\t\t: fpu vme\n\n"
            )
        };
        let two_threads: String =
            (0..8).map(|number| cpu(number, number / 4, number % 2, 4, 2)).collect();
        let facts = processors(&two_threads, "x86_64", Some(8));
        assert_eq!(numbers(&facts), json!([2, 2, 2, 8]));
        assert_eq!(facts["processor"].as_array().unwrap().len(), 24);
        assert_eq!(facts["flags"], json!(["fpu", "vme"]));
        let arm = "processor\t: 0\nBogoMIPS\t: 50\n\nprocessor\t: 1\n";
        assert_eq!(numbers(&processors(arm, "aarch64", None)), json!([2, 1, 1, 2]));
        assert_eq!(processors(arm, "aarch64", None)["processor_nproc"], json!(2));
    }

    #[test]
    fn affinity_and_rounding() {
        assert_eq!(allowed_cpus("Name:\tx\nCpus_allowed:\tff,0000000f\n"), Some(12));
        assert_eq!(allowed_cpus(""), None);
        assert_eq!(rounded_quotient(1, 2), 0);
        assert_eq!(rounded_quotient(3, 2), 2);
        assert_eq!(rounded_quotient(4, 2), 2);
    }

    #[test]
    fn memory_is_in_megabytes() {
        let facts = memory(
            "MemTotal:       24683724 kB\nMemFree:        22518784 kB\nBuffers:   1024 kB\n\
             Cached:         1594368 kB\nSwapCached:            0 kB\nSwapTotal:   2048 kB\nSwapFree: 1024 kB\n",
        );
        assert_eq!(facts["memtotal_mb"], json!(24105));
        assert_eq!(
            facts["memory_mb"]["real"],
            json!({"total": 24105, "used": 2114, "free": 21991})
        );
        assert_eq!(facts["memory_mb"]["swap"]["used"], json!(1));
    }
}
