//! What `apt-get` and `apt-cache` print.

use std::collections::BTreeMap;

use crate::effect::PackageStep;

/// What a simulation says will happen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Transaction {
    pub(super) install: Vec<PackageStep>,
    pub(super) remove: Vec<PackageStep>,
    /// Package files that will be removed from the cache.
    pub(super) deleted: usize,
}

impl Transaction {
    pub(super) fn is_empty(&self) -> bool {
        self.install.is_empty() && self.remove.is_empty() && self.deleted == 0
    }

    /// Reads `Inst`, `Remv`, `Purg` and `Del` lines.
    pub(super) fn parse(output: &str) -> Self {
        let mut found = Self::default();
        for line in output.lines() {
            let mut words = line.split_whitespace();
            let (Some(action), Some(name)) = (words.next(), words.next()) else { continue };
            let rest: Vec<&str> = words.collect();
            let from = rest
                .first()
                .and_then(|word| word.strip_prefix('[')?.strip_suffix(']'))
                .map(str::to_owned);
            let step = |to| PackageStep { name: name.to_owned(), from: from.clone(), to };
            match action {
                "Inst" => {
                    let to = rest.iter().find_map(|word| word.strip_prefix('('));
                    found.install.push(step(to.map(str::to_owned)));
                }
                "Remv" | "Purg" => found.remove.push(step(None)),
                "Del" => found.deleted += 1,
                _ => {}
            }
        }
        found
    }

    /// Reads the lists that precede a change, with versions (`-V`); `None` when they are not
    /// what the line of numbers below them says.
    pub(super) fn parse_summary(output: &str) -> Option<Self> {
        let mut found = Self::default();
        let mut list = None;
        for line in output.lines() {
            let Some(entry) = line.strip_prefix("   ") else {
                if let Some(counts) = Counts::parse(line) {
                    return counts.fit(&found).then_some(found);
                }
                list = match line {
                    "The following NEW packages will be installed:" => Some(List::New),
                    "The following packages will be upgraded:"
                    | "The following packages will be DOWNGRADED:" => Some(List::Other),
                    "The following packages will be REMOVED:" => Some(List::Gone),
                    _ => None,
                };
                continue;
            };
            let Some(list) = list else { continue };
            let (name, versions) = entry.strip_suffix(')')?.split_once(" (")?;
            // what is purged has a star
            let name = name.trim_end_matches('*').to_owned();
            let (from, to) = match (list, versions.split_once(" => ")) {
                (List::New, None) => (None, Some(versions)),
                (List::Gone, None) => (Some(versions), None),
                (List::Other, Some((from, to))) => (Some(from), Some(to)),
                _ => return None,
            };
            let step =
                PackageStep { name, from: from.map(str::to_owned), to: to.map(str::to_owned) };
            if step.to.is_some() { found.install.push(step) } else { found.remove.push(step) }
        }
        None
    }

    /// What changes, in a few words.
    pub(super) fn reason(&self) -> String {
        let names = |steps: &[PackageStep]| {
            let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
            names.join(" ")
        };
        let mut parts = Vec::new();
        let (upgraded, new): (Vec<_>, Vec<_>) =
            self.install.iter().cloned().partition(|step| step.from.is_some());
        for (what, steps) in [("install", &new), ("upgrade", &upgraded), ("remove", &self.remove)] {
            if !steps.is_empty() {
                parts.push(format!("{what} {}", names(steps)));
            }
        }
        if self.deleted > 0 {
            parts.push(format!("delete {} package files", self.deleted));
        }
        parts.join("; ")
    }
}

/// A list of packages that `apt-get` prints before it acts.
#[derive(Clone, Copy)]
enum List {
    New,
    /// To another version.
    Other,
    Gone,
}

/// `1 upgraded, 4 newly installed, 2 downgraded, 1 to remove and 0 not upgraded.`
#[derive(Default)]
struct Counts {
    other: usize,
    new: usize,
    gone: usize,
    /// What has no list.
    unlisted: usize,
}

impl Counts {
    fn parse(line: &str) -> Option<Self> {
        let line = line.strip_suffix(" not upgraded.")?;
        let (line, _) = line.rsplit_once(" and ")?;
        let mut counts = Self::default();
        for part in line.split(", ") {
            let (number, what) = part.split_once(' ')?;
            let number: usize = number.parse().ok()?;
            match what {
                "upgraded" | "downgraded" => counts.other += number,
                "newly installed" => counts.new += number,
                "to remove" => counts.gone += number,
                _ => counts.unlisted += number,
            }
        }
        Some(counts)
    }

    fn fit(&self, found: &Transaction) -> bool {
        let new = found.install.iter().filter(|step| step.from.is_none()).count();
        self.unlisted == 0
            && self.new == new
            && self.other == found.install.len() - new
            && self.gone == found.remove.len()
    }
}

/// What `apt-cache policy` knows of a package.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policy {
    pub(super) candidate: Option<String>,
    pub(super) versions: Vec<String>,
}

/// Reads what `apt-cache policy` prints.
pub(super) fn policies(output: &str) -> BTreeMap<String, Policy> {
    let mut found: BTreeMap<String, Policy> = BTreeMap::new();
    let mut current = String::new();
    let mut in_table = false;
    for line in output.lines() {
        if !line.starts_with(' ') {
            line.trim_end_matches(':').clone_into(&mut current);
            found.entry(current.clone()).or_default();
            in_table = false;
            continue;
        }
        let Some(policy) = found.get_mut(&current) else { continue };
        let text = line.trim();
        if let Some(version) = text.strip_prefix("Candidate:") {
            let version = version.trim();
            policy.candidate = (version != "(none)").then(|| version.to_owned());
        } else if text == "Version table:" {
            in_table = true;
        } else if in_table {
            // versions stand four columns left of their sources
            let is_version = line.starts_with(" *** ") || !line.starts_with("        ");
            let version = text.trim_start_matches("*** ").split_whitespace().next();
            policy.versions.extend(version.filter(|_| is_version).map(str::to_owned));
        }
    }
    found
}

/// The packages that provide a virtual one, from `apt-cache showpkg`.
pub(super) fn providers(output: &str) -> Vec<String> {
    output
        .lines()
        .skip_while(|line| !line.starts_with("Reverse Provides:"))
        .skip(1)
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Transaction, policies, providers};

    #[test]
    fn a_simulation_is_read() {
        let found = Transaction::parse(
            "Reading package lists...\n\
             Inst libgpm2 (1.20.7-10+b1 Debian:12.15/oldstable [amd64])\n\
             Inst curl [7.88.1-10] (7.88.1-11 Debian:12.15 [amd64]) []\n\
             Remv tree [2.1.0-1]\nPurg sl [5.02-1]\nConf libgpm2 (1.20.7-10+b1)\nDel x 1 [2 kB]\n",
        );
        assert_eq!(found.install.len(), 2);
        assert_eq!(found.install[1].from.as_deref(), Some("7.88.1-10"));
        assert_eq!(found.install[1].to.as_deref(), Some("7.88.1-11"));
        assert_eq!(found.remove[0].from.as_deref(), Some("2.1.0-1"));
        assert_eq!(
            found.reason(),
            "install libgpm2; upgrade curl; remove tree sl; delete 1 package files"
        );
        assert!(Transaction::parse("0 upgraded, 0 newly installed\n").is_empty());
    }

    #[test]
    fn lists_before_a_change_are_read_where_they_add_up() {
        let lists = "Reading package lists...\n\
             The following packages were automatically installed and are no longer required:\n   \
             libestr0 (0.1.11-1)\nUse 'apt autoremove' to remove them.\n\
             The following additional packages will be installed:\n   libmagic1 (1:5.44-3)\n\
             The following packages will be REMOVED:\n   rsyslog* (8.2302.0-1)\n   libc6:i386 (2.36-9)\n\
             The following NEW packages will be installed:\n   file (1:5.44-3)\n   libmagic1 (1:5.44-3)\n\
             The following packages will be upgraded:\n   curl (7.1 => 7.2)\n\
             The following packages will be DOWNGRADED:\n   less (3 => 2)\n";
        let counts =
            "1 upgraded, 2 newly installed, 1 downgraded, 2 to remove and 0 not upgraded.\n";
        let found =
            Transaction::parse_summary(&format!("{lists}{counts}'http://x' x_1.deb 1 y")).unwrap();
        assert_eq!(
            found.reason(),
            "install file libmagic1; upgrade curl less; remove rsyslog libc6:i386"
        );
        assert_eq!(found.install[0].to.as_deref(), Some("1:5.44-3"));
        assert_eq!(found.install[2].from.as_deref(), Some("7.1"));
        assert_eq!(found.remove[0].from.as_deref(), Some("8.2302.0-1"));
        let none = "0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded.\n";
        assert!(Transaction::parse_summary(none).unwrap().is_empty());
        let again = counts.replace(", 2 to", ", 1 reinstalled, 2 to");
        for odd in [
            lists,
            &format!("{lists}{none}"),
            &format!("{lists}{again}"),
            "",
            "Installing:\n  file\n",
        ] {
            assert!(Transaction::parse_summary(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn policies_and_providers_are_read() {
        let found = policies(
            "tree:\n  Installed: (none)\n  Candidate: 2.1.0-1\n  Version table:\n     2.1.0-1 500\n        \
             500 http://deb.debian.org/debian bookworm/main amd64 Packages\n\
             curl:\n  Installed: 7.1\n  Candidate: 7.2\n  Version table:\n     7.2 500\n        \
             500 http://x\n *** 7.1 100\n        100 /var/lib/dpkg/status\n\
             mta:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n",
        );
        assert_eq!(found["tree"].candidate.as_deref(), Some("2.1.0-1"));
        assert_eq!(found["curl"].versions, ["7.2", "7.1"]);
        assert_eq!(found["mta"].candidate, None);
        assert_eq!(
            providers("Package: mta\nReverse Provides: \npostfix 3.7 (= )\nexim4 4.9 (= )\n"),
            ["postfix", "exim4"]
        );
    }
}
