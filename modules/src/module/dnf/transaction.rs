//! What dnf says that it does.

use crate::effect::PackageStep;

/// The packages of a transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Transaction {
    pub(crate) install: Vec<PackageStep>,
    pub(crate) remove: Vec<PackageStep>,
    /// A line for each package, as the module returns them.
    pub(super) results: Vec<String>,
}

/// What a section of the table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Install,
    Upgrade,
    Remove,
}

impl Section {
    fn of(line: &str) -> Option<Self> {
        let head = line.strip_suffix(':')?;
        let starts = |words: &[&str]| words.iter().any(|word| head.starts_with(word));
        if starts(&["Installing", "Reinstalling"]) {
            Some(Self::Install)
        } else if starts(&["Upgrading", "Downgrading"]) {
            Some(Self::Upgrade)
        } else if starts(&["Removing"]) {
            Some(Self::Remove)
        } else {
            None
        }
    }
}

impl Transaction {
    pub(super) fn is_empty(&self) -> bool {
        self.install.is_empty() && self.remove.is_empty()
    }

    /// Reads the table that dnf 4 and dnf 5 print before they act.
    pub(crate) fn parse(output: &str) -> Self {
        let mut found = Self::default();
        let mut section = None;
        // a name that is too long stands alone, its other columns on the next line
        let mut broken: Option<String> = None;
        for line in output.lines() {
            if line.starts_with("Transaction Summary") {
                break;
            }
            if let Some(next) = Section::of(line.trim_end()) {
                section = Some(next);
                continue;
            }
            let Some(section) = section.filter(|_| line.starts_with(' ')) else { continue };
            let mut words: Vec<&str> = line.split_whitespace().collect();
            let held = broken.take();
            if let Some(name) = &held {
                words.insert(0, name);
            }
            match words.as_slice() {
                ["replacing", _, _, version, ..] => {
                    if let Some(last) = found.install.last_mut() {
                        last.from = Some((*version).to_owned());
                    }
                }
                [name] => broken = Some((*name).to_owned()),
                [name, arch, version, _, ..] => found.add(section, name, arch, version),
                _ => {}
            }
        }
        found
    }

    fn add(&mut self, section: Section, name: &str, arch: &str, version: &str) {
        let short = version.strip_prefix("0:").unwrap_or(version).to_owned();
        let package = format!("{name}-{short}.{arch}");
        let name = name.to_owned();
        match section {
            Section::Remove => {
                self.results.push(format!("Removed: {package}"));
                self.remove.push(PackageStep { name, from: Some(short), to: None });
            }
            Section::Install | Section::Upgrade => {
                self.results.push(format!("Installed: {package}"));
                let from = (section == Section::Upgrade).then(|| "older".to_owned());
                self.install.push(PackageStep { name, from, to: Some(short) });
            }
        }
    }

    /// What changes, in a few words.
    pub(super) fn reason(&self) -> String {
        let names = |steps: Vec<&PackageStep>| {
            steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let (upgraded, new): (Vec<_>, Vec<_>) =
            self.install.iter().partition(|step| step.from.is_some());
        let parts =
            [("install", new), ("upgrade", upgraded), ("remove", self.remove.iter().collect())];
        let parts = parts.into_iter().filter(|(_, steps)| !steps.is_empty());
        parts.map(|(what, steps)| format!("{what} {}", names(steps))).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::Transaction;

    #[test]
    fn the_table_of_dnf_5_is_read() {
        let found = Transaction::parse(
            "Package    Arch   Version       Repository      Size\nUpgrading:\n \
             vim-minimal x86_64 2:9.1-1.fc41 updates    1.7 MiB\n   \
             replacing vim-minimal x86_64 2:9.0-1.fc41 fedora 1.7 MiB\nRemoving:\n \
             at         x86_64 0:3.2.5-13.fc41 fedora     129.6 KiB\n\nTransaction Summary:\n \
             Upgrading: 1 package\n",
        );
        assert_eq!(found.install[0].from.as_deref(), Some("2:9.0-1.fc41"));
        assert_eq!(
            found.results,
            ["Installed: vim-minimal-2:9.1-1.fc41.x86_64", "Removed: at-3.2.5-13.fc41.x86_64"]
        );
        assert_eq!(found.reason(), "upgrade vim-minimal; remove at");
    }
}
