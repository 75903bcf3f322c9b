//! `list`: what there is, told and not changed.

use serde_json::{Map, Value as Json, json};

use super::{Params, options};
use crate::contract::Stop;
use crate::effect::{Command, Output};
use crate::host::{Host, HostError};
use crate::module::{program, wildcard};

/// One package a line; dnf 4 ends it once more.
pub(super) const FORMAT: &str = "%{name}|%{arch}|%{epoch}|%{release}|%{version}|%{repoid}\\n";

/// A package as dnf tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: String,
    arch: String,
    epoch: String,
    release: String,
    version: String,
    repository: String,
}

/// What `results` holds for a list.
pub(super) fn results(
    params: &Params,
    manager: &str,
    list: &str,
    host: &mut dyn Host,
) -> Result<Json, Stop> {
    // dnf knows nothing of what a rehearsal would have changed
    if !matches!(list, "repos" | "repositories") && !host.rehearsed_packages(manager).is_empty() {
        let reason = "packages would be changed first".to_owned();
        return Err(Stop::Host(HostError::Unknown(reason)));
    }
    let asked = Asked { params, manager };
    let packages = match list {
        "installed" => asked.packages(&["--installed"], host)?,
        "updates" | "upgrades" => asked.packages(&["--upgrades"], host)?,
        "available" => asked.packages(&["--available"], host)?,
        "repos" | "repositories" => return asked.repositories(host),
        wanted => asked.matching(wanted, host)?,
    };
    Ok(packages.iter().map(|package| package.told(manager)).collect())
}

struct Asked<'a> {
    params: &'a Params,
    manager: &'a str,
}

impl Asked<'_> {
    fn packages(&self, words: &[&str], host: &mut dyn Host) -> Result<Vec<Package>, Stop> {
        let mut argv = vec!["repoquery".to_owned(), format!("--queryformat={FORMAT}")];
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        let output = self.ask(argv, host)?;
        let mut packages: Vec<Package> =
            output.stdout_text().lines().filter_map(Package::parse).collect();
        packages.dedup();
        Ok(packages)
    }

    /// Packages that have a name or hold a file, else those that provide something of that name.
    fn matching(&self, wanted: &str, host: &mut dyn Host) -> Result<Vec<Package>, Stop> {
        let mut found = Vec::new();
        for state in ["--installed", "--available"] {
            found.extend(self.packages(&[state, "--", wanted], host)?);
        }
        // dnf does not look at the case of letters, Ansible does
        if !wanted.contains('/') {
            found.retain(|package| package.is(wanted));
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let provides = format!("--whatprovides={wanted}");
        for state in ["--installed", "--available"] {
            found.extend(self.packages(&[state, &provides], host)?);
        }
        Ok(found)
    }

    fn repositories(&self, host: &mut dyn Host) -> Result<Json, Stop> {
        let argv = ["repolist", "--enabled"].map(str::to_owned).to_vec();
        let text = self.ask(argv, host)?.stdout_text();
        // under a line with what stands where
        let names = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        Ok(names.map(|name| json!({"repoid": name, "state": "enabled"})).collect())
    }

    fn ask(&self, words: Vec<String>, host: &mut dyn Host) -> Result<Output, Stop> {
        let mut argv = vec![self.manager.to_owned(), "-q".to_owned()];
        argv.extend(options(self.params, self.manager));
        argv.extend(words);
        let command: Command = program::command(argv);
        let output = host.query(&command)?;
        if output.success() {
            return Ok(output);
        }
        let words = shell_words::join(&command.argv);
        Err(program::failure(&output).with("cmd", words).with("results", Json::Array(Vec::new())))
    }
}

impl Package {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim().split('|').collect();
        let [name, arch, epoch, release, version, repository] = *fields.as_slice() else {
            return None;
        };
        Some(Self {
            name: name.to_owned(),
            arch: arch.to_owned(),
            epoch: epoch.to_owned(),
            release: release.to_owned(),
            version: version.to_owned(),
            repository: repository.to_owned(),
        })
    }

    /// Whether it is meant by one of the forms that dnf knows.
    fn is(&self, wanted: &str) -> bool {
        let Self { name, arch, epoch, release, version, .. } = self;
        let mut forms = vec![
            name.clone(),
            format!("{name}.{arch}"),
            format!("{name}-{version}"),
            format!("{name}-{version}-{release}"),
            format!("{name}-{version}-{release}.{arch}"),
        ];
        forms.extend([
            format!("{name}-{epoch}:{version}"),
            format!("{name}-{epoch}:{version}-{release}"),
            format!("{name}-{epoch}:{version}-{release}.{arch}"),
            format!("{epoch}:{name}-{version}-{release}.{arch}"),
        ]);
        forms.iter().any(|form| wildcard::matches(wanted, form))
    }

    fn told(&self, manager: &str) -> Json {
        let Self { name, arch, epoch, release, version, repository } = self;
        let nevra = match (manager, epoch.as_str()) {
            ("dnf5", "0") => format!("{name}-{version}-{release}.{arch}"),
            ("dnf5", epoch) => format!("{name}-{epoch}:{version}-{release}.{arch}"),
            (_, epoch) => format!("{epoch}:{name}-{version}-{release}.{arch}"),
        };
        let installed = repository == "@System";
        Json::Object(Map::from_iter([
            ("name".to_owned(), Json::from(name.as_str())),
            ("arch".to_owned(), arch.as_str().into()),
            ("epoch".to_owned(), epoch.as_str().into()),
            ("release".to_owned(), release.as_str().into()),
            ("version".to_owned(), version.as_str().into()),
            ("repo".to_owned(), repository.as_str().into()),
            ("envra".to_owned(), nevra.as_str().into()),
            ("nevra".to_owned(), nevra.into()),
            ("yumstate".to_owned(), if installed { "installed" } else { "available" }.into()),
        ]))
    }
}
