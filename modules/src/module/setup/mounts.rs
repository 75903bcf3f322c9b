//! Mounted file systems.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::probe::Probe;
use crate::contract::Returned;

/// A line of the mount table.
#[derive(Debug, PartialEq)]
struct Mount {
    device: String,
    place: String,
    kind: String,
    options: String,
    dump: i64,
    pass: i64,
}

/// `mounts`.
pub(super) fn collect(probe: &mut Probe<'_>, timeout: u64, facts: &mut Returned) {
    let table = probe.text("/etc/mtab").or_else(|| probe.text("/proc/mounts")).unwrap_or_default();
    let bound = if probe.has_program("findmnt") {
        bind_mounts(&probe.text("/proc/self/mountinfo").unwrap_or_default())
    } else {
        HashSet::new()
    };
    let mounts = mount_table(&table);
    let uuids = uuids(probe);
    let sizes = sizes(probe, &mounts, timeout);
    let mut all = Vec::new();
    for (index, mount) in mounts.iter().enumerate() {
        let mut options = mount.options.clone();
        if bound.contains(&mount.place) && !options.split(',').any(|option| option == "bind") {
            options.push_str(",bind");
        }
        let mut fact = Map::new();
        fact.insert("mount".to_owned(), Json::from(mount.place.clone()));
        fact.insert("device".to_owned(), Json::from(mount.device.clone()));
        fact.insert("fstype".to_owned(), Json::from(mount.kind.clone()));
        fact.insert("options".to_owned(), Json::from(options));
        fact.insert("dump".to_owned(), Json::from(mount.dump));
        fact.insert("passno".to_owned(), Json::from(mount.pass));
        if let Some(sizes) = &sizes {
            fact.extend(sizes.get(index).cloned().flatten().unwrap_or_default());
        } else {
            let note = "Timed out while attempting to get mount information";
            fact.insert("note".to_owned(), Json::from(note));
        }
        let uuid = uuids.get(&mount.device).map_or("N/A", String::as_str);
        fact.insert("uuid".to_owned(), Json::from(uuid));
        all.push(Json::from(fact));
    }
    facts.insert("mounts".to_owned(), Json::from(all));
}

/// The lines that are about devices or network file systems; where something is mounted over
/// another, only what is seen there.
fn mount_table(text: &str) -> Vec<Mount> {
    let mounts = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().map(unescape);
        let (device, place, kind, options) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let mut number = || fields.next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let (dump, pass) = (number(), number());
        let shown = (device.starts_with(['/', '\\']) || device.contains(":/")) && kind != "none";
        shown.then_some(Mount { device, place, kind, options, dump, pass })
    });
    let by_place: IndexMap<String, Mount> =
        mounts.map(|mount| (mount.place.clone(), mount)).collect();
    by_place.into_values().collect()
}

/// Replaces `\040` and its like.
pub(crate) fn unescape(field: &str) -> String {
    let mut text = String::new();
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let (Some(code), Some(end)) = (code, after.get(3..)) {
            text.push(char::from(code));
            rest = end;
        } else {
            text.push('\\');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

/// The places where a part of a file system is mounted.
fn bind_mounts(mountinfo: &str) -> HashSet<String> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(3);
            let (root, place) = (fields.next()?, fields.next()?);
            (root != "/").then(|| unescape(place))
        })
        .collect()
}

/// The UUIDs of devices, from the links that udev keeps, or from `lsblk`.
fn uuids(probe: &mut Probe<'_>) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for uuid in probe.list("/dev/disk/by-uuid") {
        if let Some(device) = probe.link_name(format!("/dev/disk/by-uuid/{uuid}")) {
            found.insert(format!("/dev/{device}"), uuid);
        }
    }
    for name in probe.list("/dev/mapper") {
        let device = probe.link_name(format!("/dev/mapper/{name}"));
        let uuid = device.and_then(|device| found.get(&format!("/dev/{device}")).cloned());
        if let Some(uuid) = uuid {
            found.insert(format!("/dev/mapper/{name}"), uuid);
        }
    }
    found
}

type Sizes = Vec<Option<Map<String, Json>>>;

/// What each file system holds; `None` when one hangs.
fn sizes(probe: &mut Probe<'_>, mounts: &[Mount], timeout: u64) -> Option<Sizes> {
    let mut argv = vec!["stat", "-f", "-c", "%S %s %b %a %c %d %n"];
    let seconds = timeout.to_string();
    // busybox's leaves a process behind that looks after it for a second
    if mounts.iter().any(may_hang) && probe.has_program("timeout") {
        argv.splice(0..0, ["timeout", seconds.as_str()]);
    }
    argv.extend(mounts.iter().map(|mount| mount.place.as_str()));
    let Some(output) = probe.query(&argv) else { return Some(Vec::new()) };
    // 124 is what `timeout` ends with; busybox has 143
    if matches!(output.status, 124 | 143) {
        return None;
    }
    let text = output.stdout_text();
    let mut lines = text.lines().peekable();
    let sizes = mounts.iter().map(|mount| {
        // places that cannot be looked at have no line
        let line = lines.next_if(|line| line.ends_with(&format!(" {}", mount.place)))?;
        size(line)
    });
    Some(sizes.collect())
}

/// Whether it may never answer: the server of a network share may be gone.
fn may_hang(mount: &Mount) -> bool {
    const KINDS: [&str; 9] =
        ["nfs", "cifs", "smb", "fuse", "ceph", "9p", "afs", "glusterfs", "lustre"];
    mount.device.contains(":/")
        || mount.device.starts_with("//")
        || KINDS.iter().any(|kind| mount.kind.starts_with(kind))
}

/// The fields of a line of `stat -f` with `%S %s %b %a %c %d`.
pub(crate) fn size(line: &str) -> Option<Map<String, Json>> {
    let mut numbers = line.split(' ').map_while(|word| word.parse::<u64>().ok());
    let mut next = || numbers.next();
    let (fragment, block, total, available) = (next()?, next()?, next()?, next()?);
    let (inodes, free) = (next()?, next()?);
    let mut fields = Map::new();
    for (name, value) in [
        ("size_total", fragment * total),
        ("size_available", fragment * available),
        ("block_size", block),
        ("block_total", total),
        ("block_available", available),
        ("block_used", total.saturating_sub(available)),
        ("inode_total", inodes),
        ("inode_available", free),
        ("inode_used", inodes.saturating_sub(free)),
    ] {
        fields.insert(name.to_owned(), Json::from(value));
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{bind_mounts, mount_table, size, unescape};

    #[test]
    fn the_mount_table_keeps_devices_and_network_shares() {
        let table = "overlay / overlay rw 0 0\n/dev/sda /srv/a\\040b xfs rw 0 0\n/dev/vda /srv/a\\040b ext4 rw,relatime 0 2\n\
                     nas:/x /mnt nfs4 rw 0 0\nproc /proc proc rw 0 0\n/dev/loop0 /x none rw 0 0\nbad\n";
        let mounts = mount_table(table);
        let places: Vec<&str> = mounts.iter().map(|mount| mount.place.as_str()).collect();
        assert_eq!(places, ["/srv/a b", "/mnt"]);
        assert_eq!(mounts[0].pass, 2);
        let hang: Vec<bool> = mounts.iter().map(super::may_hang).collect();
        assert_eq!(hang, [false, true], "a share waits for its server");
    }

    #[test]
    fn bind_mounts_show_in_mountinfo() {
        let info = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                    23 22 254:0 /a /run/b\\040c rw - ext4 /dev/vda rw\n";
        assert_eq!(bind_mounts(info), ["/run/b c".to_owned()].into());
    }

    #[test]
    fn sizes_are_in_bytes() {
        let fields = size("4096 4096 66053021 19708111 16777216 16332821 /").unwrap();
        assert_eq!(
            Json::from(fields),
            json!({
                "size_total": 270_553_174_016_u64, "size_available": 80_724_422_656_u64,
                "block_size": 4096, "block_total": 66_053_021, "block_available": 19_708_111,
                "block_used": 46_344_910, "inode_total": 16_777_216,
                "inode_available": 16_332_821, "inode_used": 444_395,
            })
        );
        assert_eq!(size("? ?"), None);
    }

    #[test]
    fn escapes_are_octal() {
        assert_eq!(unescape("a\\040b\\134c\\9"), "a b\\c\\9");
    }
}
