//! What each package manager lists.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::{program, program_of};
use crate::contract::Stop;
use crate::effect::Output;
use crate::host::Host;

/// The packages that a manager lists.
pub(super) enum Listed {
    /// These.
    Packages(Vec<Json>),
    /// It fails.
    Failed(String),
}

/// Asks a manager; stops when it is not there.
pub(super) fn list(manager: &str, host: &mut dyn Host) -> Result<Listed, Stop> {
    match manager {
        "apt" => apt(host),
        "rpm" => {
            let program = program_of(&["rpm"], host)?;
            let format = "%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{EPOCH}\\t%{ARCH}\\n";
            let output = program::query(host, [&program, "-qa", "--queryformat", format])?;
            Ok(listed(&output, false, |text| text.lines().filter_map(rpm_line).collect()))
        }
        "apk" => {
            let program = program_of(&["apk"], host)?;
            let output = program::query(host, [&program, "info", "-v"])?;
            Ok(listed(&output, false, |text| text.lines().map(apk_line).collect()))
        }
        "pacman" => {
            let program = program_of(&["pacman"], host)?;
            let output = program::query(host, [&program, "-Qi"])?;
            Ok(listed(&output, true, |text| text.split("\n\n").filter_map(pacman_entry).collect()))
        }
        "portage" => {
            let program = program_of(&["qlist"], host)?;
            let output = program::query(host, [&program, "-Iv"])?;
            Ok(listed(&output, false, |text| text.lines().filter_map(portage_line).collect()))
        }
        other => {
            // managers of other systems
            program::required(host, other)?;
            Ok(Listed::Failed("it is no package manager of Linux".to_owned()))
        }
    }
}

fn listed(output: &Output, quiet: bool, parse: impl Fn(&str) -> Vec<Json>) -> Listed {
    let stderr = output.stderr_text();
    if !output.success() || (quiet && !stderr.is_empty()) {
        let reason = format!("Unable to list packages rc={} : {stderr}", output.status);
        return Listed::Failed(reason);
    }
    Listed::Packages(parse(&output.stdout_text()))
}

fn apt(host: &mut dyn Host) -> Result<Listed, Stop> {
    program_of(&["apt", "apt-get", "aptitude"], host)?;
    let program = program_of(&["dpkg-query"], host)?;
    let format = "${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\t${Section}\\n";
    let output = program::query(host, [&program, "--show", &format!("--showformat={format}")])?;
    if !output.success() {
        return Ok(listed(&output, false, |_| Vec::new()));
    }
    let dpkg = program_of(&["dpkg"], host)?;
    let native = program::query(host, [dpkg.as_str(), "--print-architecture"])?.stdout_text();
    let mut packages = dpkg_lines(&output.stdout_text(), native.trim());
    let cache = program_of(&["apt-cache"], host)?;
    let files = program::query(host, [cache.as_str(), "policy"])?.stdout_text();
    let names = packages.iter().filter_map(|package| package.get("name").and_then(Json::as_str));
    let argv = [cache.as_str(), "policy"].into_iter().chain(names);
    let policies = program::query(host, argv)?.stdout_text();
    let origins = origins(&origins_of_files(&files), &policies);
    for package in &mut packages {
        let name = package.get("name").and_then(Json::as_str).unwrap_or_default();
        let origin = origins.get(name).cloned().unwrap_or_default();
        if let Json::Object(fields) = package {
            fields.insert("origin".to_owned(), Json::from(origin));
        }
    }
    Ok(Listed::Packages(packages))
}

/// Packages that are there at least in part; those of another architecture have it in their name.
fn dpkg_lines(text: &str, native: &str) -> Vec<Json> {
    text.lines()
        .filter_map(|line| match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["not-installed" | "config-files", ..] => None,
            [_, name, version, arch, section] => {
                let name = if *arch == native || *arch == "all" {
                    (*name).to_owned()
                } else {
                    format!("{name}:{arch}")
                };
                Some(json!({
                    "name": name, "version": version, "arch": arch, "category": section,
                    "source": "apt",
                }))
            }
            _ => None,
        })
        .collect()
}

/// The `o=` of each file of packages that `apt-cache policy` lists.
fn origins_of_files(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut file = "";
    for line in text.lines() {
        let line = line.trim();
        if let Some(release) = line.strip_prefix("release ") {
            let origin = release.split(',').find_map(|field| field.strip_prefix("o="));
            found.insert(file.to_owned(), origin.unwrap_or_default().to_owned());
        } else if let Some((priority, rest)) = line.split_once(' ')
            && priority.parse::<i32>().is_ok()
        {
            file = rest;
        }
    }
    found
}

/// The origin of each package's installed version: that of the first file that has it.
fn origins(files: &BTreeMap<String, String>, policies: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name = "";
    let mut is_installed = false;
    for line in policies.lines() {
        if !line.starts_with(' ') {
            name = line.strip_suffix(':').unwrap_or(line);
            is_installed = false;
        } else if line.starts_with(" *** ") {
            is_installed = true;
        } else if is_installed && let Some((_, file)) = line.trim().split_once(' ') {
            found.insert(name.to_owned(), files.get(file).cloned().unwrap_or_default());
            is_installed = false;
        }
    }
    found
}

fn rpm_line(line: &str) -> Option<Json> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, version, release, epoch, arch] = fields.as_slice() else { return None };
    let value = |text: &str| if text == "(none)" { "None".to_owned() } else { text.to_owned() };
    Some(json!({
        "name": name, "version": version, "release": release, "epoch": value(epoch),
        "arch": value(arch), "source": "rpm",
    }))
}

fn apk_line(line: &str) -> Json {
    let parts: Vec<&str> = line.rsplitn(3, '-').collect();
    let (name, version, release) = match parts.as_slice() {
        [release, version, name] => (*name, *version, *release),
        _ => (line, "", ""),
    };
    json!({"name": name, "version": version, "release": release, "source": "apk"})
}

fn pacman_entry(entry: &str) -> Option<Json> {
    let mut fields: Map<String, Json> = Map::new();
    let mut last = String::new();
    for line in entry.lines() {
        match line.split_once(" : ") {
            Some((name, value)) if !name.starts_with(' ') => {
                name.trim().clone_into(&mut last);
                fields.insert(last.clone(), Json::from(value));
            }
            _ => {
                if let Some(Json::String(value)) = fields.get_mut(&last) {
                    value.push_str("  ");
                    value.push_str(line.trim_start());
                }
            }
        }
    }
    let field = |name: &str| fields.get(name).and_then(Json::as_str);
    let provides = field("Provides").filter(|provides| *provides != "None").map(|provides| {
        let names = provides.split("  ").map(|name| name.split('=').next().unwrap_or_default());
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    Some(json!({
        "name": field("Name")?, "version": field("Version")?, "arch": field("Architecture")?,
        "provides": provides, "source": "pacman",
    }))
}

/// `category/name-version` with `-rN` for a revision.
fn portage_line(line: &str) -> Option<Json> {
    let (category, rest) = line.trim().split_once('/')?;
    let starts_version = |(at, _): &(usize, &str)| {
        rest.get(at + 1..).is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()))
    };
    let (at, _) = rest.rmatch_indices('-').find(starts_version)?;
    let (name, version) = rest.split_at(at);
    let version = version.trim_start_matches('-');
    let (version, revision) = match version.rsplit_once("-r") {
        Some((version, revision)) => (version, format!("r{revision}")),
        None => (version, "r0".to_owned()),
    };
    Some(json!({
        "category": category, "name": name, "version": version, "ebuild_revision": revision,
        "source": "portage",
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{dpkg_lines, origins, origins_of_files, pacman_entry, portage_line, rpm_line};

    #[test]
    fn lines_of_managers_are_read() {
        let dpkg = "installed\tbash\t5.2\tamd64\tshells\nconfig-files\told\t1\tall\tx\n\
                    unpacked\tlibc6\t2\ti386\tlibs\n";
        let names: Vec<_> =
            dpkg_lines(dpkg, "amd64").iter().map(|package| package["name"].clone()).collect();
        assert_eq!(names, ["bash", "libc6:i386"]);
        assert_eq!(
            rpm_line("bash\t5.1\t2.el9\t(none)\tx86_64"),
            Some(json!({"name": "bash", "version": "5.1", "release": "2.el9", "epoch": "None",
                        "arch": "x86_64", "source": "rpm"}))
        );
        let entry = "Name            : pacman\nVersion         : 6.0-1\nArchitecture    : x86_64\n\
                     Provides        : libalpm.so=13-64  x\n                  y=2\n";
        assert_eq!(pacman_entry(entry).unwrap()["provides"], json!(["libalpm.so", "x", "y"]));
        assert_eq!(portage_line("app-shells/bash-5.1_p16-r2").unwrap()["version"], "5.1_p16");
    }

    #[test]
    fn the_origin_is_that_of_the_installed_version() {
        let files = origins_of_files(
            "Package files:\n 100 /var/lib/dpkg/status\n     release a=now\n\
             500 http://x/debian bookworm/main amd64 Packages\n     release v=12,o=Debian,a=old\n",
        );
        let policies = "bash:\n  Installed: 5\n  Version table:\n     6 500\n        \
                        500 http://y z/main amd64 Packages\n *** 5 500\n        \
                        500 http://x/debian bookworm/main amd64 Packages\n        \
                        100 /var/lib/dpkg/status\nown:\n  Version table:\n *** 1 100\n        \
                        100 /var/lib/dpkg/status\n";
        let found = origins(&files, policies);
        assert_eq!(found["bash"], "Debian");
        assert_eq!(found["own"], "");
    }
}
