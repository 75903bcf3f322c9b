//! The distribution: its name, version and family.

use serde_json::{Map, Value as Json};

use super::probe::Probe;
use crate::contract::Returned;

/// A distribution by its `ID` in `os-release`.
struct Known {
    id: &'static str,
    name: &'static str,
    family: &'static str,
    /// The file and variety that Ansible names as its source.
    file: (&'static str, &'static str),
}

const fn known(
    id: &'static str,
    name: &'static str,
    family: &'static str,
    file: (&'static str, &'static str),
) -> Known {
    Known { id, name, family, file }
}

const OS_RELEASE: (&str, &str) = ("/etc/os-release", "Debian");
const RED_HAT: (&str, &str) = ("/etc/redhat-release", "RedHat");
const SUSE: (&str, &str) = ("/etc/os-release", "SUSE");

const DISTRIBUTIONS: &[Known] = &[
    known("debian", "Debian", "Debian", OS_RELEASE),
    known("raspbian", "Debian", "Debian", OS_RELEASE),
    known("ubuntu", "Ubuntu", "Debian", OS_RELEASE),
    known("linuxmint", "Linux Mint", "Debian", OS_RELEASE),
    known("kali", "Kali", "Debian", OS_RELEASE),
    known("devuan", "Devuan", "Debian", OS_RELEASE),
    known("parrot", "Parrot", "Debian", OS_RELEASE),
    known("deepin", "Deepin", "Debian", OS_RELEASE),
    known("uos", "Uos", "Debian", OS_RELEASE),
    known("pop", "Pop!_OS", "Debian", OS_RELEASE),
    known("neon", "KDE neon", "Debian", OS_RELEASE),
    known("rhel", "RedHat", "RedHat", RED_HAT),
    known("fedora", "Fedora", "RedHat", RED_HAT),
    known("centos", "CentOS", "RedHat", ("/etc/centos-release", "CentOS")),
    known("rocky", "Rocky", "RedHat", RED_HAT),
    known("almalinux", "AlmaLinux", "RedHat", RED_HAT),
    known("ol", "OracleLinux", "RedHat", ("/etc/oracle-release", "OracleLinux")),
    known("amzn", "Amazon", "RedHat", ("/etc/os-release", "Amazon")),
    known("openEuler", "openEuler", "RedHat", ("/etc/os-release", "NA")),
    known("opensuse-leap", "openSUSE Leap", "Suse", SUSE),
    known("opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse", SUSE),
    known("sles", "SLES", "Suse", SUSE),
    known("sled", "SLED", "Suse", SUSE),
    known("arch", "Archlinux", "Archlinux", ("/etc/arch-release", "Archlinux")),
    known("manjaro", "Manjaro", "Archlinux", ("/etc/os-release", "NA")),
    known("alpine", "Alpine", "Alpine", ("/etc/alpine-release", "Alpine")),
    known("gentoo", "Gentoo", "Gentoo", ("/etc/gentoo-release", "Gentoo")),
    known("altlinux", "Altlinux", "Altlinux", ("/etc/altlinux-release", "Altlinux")),
    known("clear-linux-os", "Clear Linux OS", "ClearLinux", ("/usr/lib/os-release", "ClearLinux")),
    known("flatcar", "Flatcar", "Flatcar", ("/etc/os-release", "Flatcar")),
    known("openwrt", "OpenWrt", "OpenWrt", ("/etc/openwrt_release", "OpenWrt")),
];

/// `distribution*` and `os_family`.
pub(super) fn collect(probe: &mut Probe<'_>, facts: &mut Returned) {
    let release = probe.text("/etc/os-release").or_else(|| probe.text("/usr/lib/os-release"));
    let version_file = |probe: &mut Probe<'_>, path: &str| probe.content(path);
    let debian = version_file(probe, "/etc/debian_version");
    let centos = version_file(probe, "/etc/centos-release");
    facts.extend(distribution(
        &os_release(release.as_deref().unwrap_or_default()),
        debian.as_deref(),
        centos.as_deref(),
    ));
}

/// The values of an `os-release` file.
pub(super) fn os_release(text: &str) -> Map<String, Json> {
    let mut values = Map::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            let words = crate::module::shell_words::split(value).unwrap_or_default();
            values.insert(name.to_owned(), Json::from(words.join(" ")));
        }
    }
    values
}

fn distribution(
    release: &Map<String, Json>,
    debian_version: Option<&str>,
    centos_release: Option<&str>,
) -> Returned {
    let field =
        |name: &str| release.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let id = field("ID").unwrap_or("linux");
    let known = DISTRIBUTIONS.iter().find(|known| known.id == id);
    let name = known.map_or_else(|| field("NAME").unwrap_or("NA"), |known| known.name);
    let mut version = field("VERSION_ID").unwrap_or("NA").to_owned();
    let minor = debian_version.and_then(dotted_version);
    let is_debian = known.is_some_and(|known| known.name == "Debian");
    if is_debian {
        if let Some((major, minor)) = &minor {
            version = format!("{major}.{minor}");
        }
    } else if id == "centos"
        && let Some((major, minor)) = centos_release.and_then(dotted_version)
    {
        version = format!("{major}.{minor}");
    }
    let in_brackets = |text: &str| {
        let (_, after) = text.split_once('(')?;
        after.split_once(')').map(|(inside, _)| inside.to_owned())
    };
    let codename = field("VERSION_CODENAME")
        .or_else(|| field("UBUNTU_CODENAME"))
        .map(str::to_owned)
        .or_else(|| field("VERSION").and_then(in_brackets))
        .or_else(|| is_debian.then(|| field("PRETTY_NAME").and_then(in_brackets)).flatten());
    let (path, variety) = known.map_or(("/etc/os-release", "NA"), |known| known.file);
    let major = version.split('.').next().unwrap_or_default().to_owned();
    let mut facts = Returned::new();
    let mut set = |name: &str, value: &str| {
        facts.insert(name.to_owned(), Json::from(value));
    };
    set("distribution", name);
    set("distribution_version", &version);
    set("distribution_major_version", &major);
    set("distribution_release", codename.as_deref().unwrap_or("NA"));
    if let (true, Some((_, minor))) = (is_debian, &minor) {
        set("distribution_minor_version", minor);
    }
    set("distribution_file_path", path);
    set("distribution_file_variety", variety);
    let search = match id {
        "rhel" => Some("Red Hat"),
        "ol" => Some("Oracle Linux"),
        "altlinux" => Some("ALT"),
        _ => None,
    };
    if let Some(search) = search {
        set("distribution_file_search_string", search);
    }
    set("os_family", known.map_or(name, |known| known.family));
    facts.insert("distribution_file_parsed".to_owned(), Json::from(true));
    facts
}

/// The first `12.5` in a text.
fn dotted_version(text: &str) -> Option<(String, String)> {
    text.split(|character: char| !character.is_ascii_digit() && character != '.').find_map(|word| {
        let mut numbers = word.split('.');
        match (numbers.next(), numbers.next()) {
            (Some(major), Some(minor)) if !major.is_empty() && !minor.is_empty() => {
                Some((major.to_owned(), minor.to_owned()))
            }
            _ => None,
        }
    })
}

/// The family of the distribution, for those who decide by it.
pub(super) fn family(probe: &mut Probe<'_>) -> String {
    let mut facts = Returned::new();
    collect(probe, &mut facts);
    facts.get("os_family").and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// `lsb`: from `lsb_release`, or from `/etc/lsb-release`.
pub(super) fn collect_lsb(probe: &mut Probe<'_>, facts: &mut Returned) {
    let mut lsb = Map::new();
    if let Some(output) = probe.output(&["lsb_release", "-a"]) {
        lsb = lsb_fields(
            &output,
            ':',
            &[
                ("LSB Version", "release"),
                ("Distributor ID", "id"),
                ("Description", "description"),
                ("Release", "release"),
                ("Codename", "codename"),
            ],
        );
    }
    if lsb.is_empty()
        && let Some(text) = probe.text("/etc/lsb-release")
    {
        lsb = lsb_fields(
            &text,
            '=',
            &[
                ("DISTRIB_ID", "id"),
                ("DISTRIB_RELEASE", "release"),
                ("DISTRIB_DESCRIPTION", "description"),
                ("DISTRIB_CODENAME", "codename"),
            ],
        );
    }
    if let Some(release) = lsb.get("release").and_then(Json::as_str) {
        let major = release.split('.').next().unwrap_or_default().to_owned();
        lsb.insert("major_release".to_owned(), Json::from(major));
    }
    facts.insert("lsb".to_owned(), Json::from(lsb));
}

fn lsb_fields(text: &str, separator: char, names: &[(&str, &str)]) -> Map<String, Json> {
    let mut fields = Map::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(separator) else { continue };
        if let Some((_, field)) = names.iter().find(|(known, _)| *known == name.trim()) {
            let value = value.trim().trim_matches(['\'', '"', '\\']);
            fields.insert((*field).to_owned(), Json::from(value));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{distribution, lsb_fields, os_release};

    #[test]
    fn distributions_are_named_as_ansible_names_them() {
        let table = [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
                 VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n",
                Some("12.15"),
                json!(["Debian", "12.15", "12", "bookworm", "15", "Debian", "/etc/os-release"]),
            ),
            (
                "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\n\
                 VERSION_CODENAME=trixie\nID=debian\n",
                Some("trixie/sid"),
                json!(["Debian", "NA", "NA", "trixie", null, "Debian", "/etc/os-release"]),
            ),
            (
                "NAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION=\"22.04.3 LTS (Jammy Jellyfish)\"\n\
                 VERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\n",
                Some("bookworm/sid"),
                json!(["Ubuntu", "22.04", "22", "jammy", null, "Debian", "/etc/os-release"]),
            ),
            (
                "NAME=\"Rocky Linux\"\nVERSION=\"9.3 (Blue Onyx)\"\nID=\"rocky\"\nVERSION_ID=\"9.3\"\n",
                None,
                json!(["Rocky", "9.3", "9", "Blue Onyx", null, "RedHat", "/etc/redhat-release"]),
            ),
            (
                "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.19.1\n",
                None,
                json!(["Alpine", "3.19.1", "3", "NA", null, "Alpine", "/etc/alpine-release"]),
            ),
            (
                "NAME=Void\nID=\"void\"\n",
                None,
                json!(["Void", "NA", "NA", "NA", null, "Void", "/etc/os-release"]),
            ),
        ];
        for (text, debian, expected) in table {
            let facts = distribution(&os_release(text), debian, None);
            let got: Vec<Json> = [
                "distribution",
                "distribution_version",
                "distribution_major_version",
                "distribution_release",
                "distribution_minor_version",
                "os_family",
                "distribution_file_path",
            ]
            .iter()
            .map(|name| facts.get(*name).cloned().unwrap_or_default())
            .collect();
            assert_eq!(Json::from(got), expected, "{text}");
        }
    }

    #[test]
    fn lsb_release_is_read() {
        let fields = lsb_fields(
            "Distributor ID:\tDebian\nRelease:\t12\nNo\n",
            ':',
            &[("Distributor ID", "id"), ("Release", "release")],
        );
        assert_eq!(Json::from(fields), json!({"id": "Debian", "release": "12"}));
    }
}
