//! Package lists as they would be: fetched into a directory of the rehearsal's own.
//!
//! What a play does to `/etc/apt` is laid out there, the lists that the host has are linked, and
//! `apt-get update` fetches what differs; apt is asked with that directory from then on. Nothing of
//! the host is written, and no hook of its configuration runs (`apt.conf(5)`).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::overlay::Sight;
use super::{PackageContents, RehearsalHost};
use crate::effect::{Applied, Command, Output};
use crate::host::{FileKind, Follow, Host, HostError, PACKAGE_LISTS, fetched_at};

/// Where apt keeps its lists, and its configuration.
const LISTS: &str = "/var/lib/apt/lists";
const CONFIGURATION: &str = "/etc/apt";

/// Links the lists of the host (`$2`) into the directory (`$1`).
const PREPARE: &str = "mkdir -p \"$1/lists/partial\" \"$1/cache/archives/partial\" && \
    for list in \"$2\"/*; do [ ! -f \"$list\" ] || [ \"${list##*/}\" = lock ] || \
    ln -s \"$list\" \"$1/lists/\" || exit 1; done";

/// Links files of the host; the arguments are pairs.
const LINK: &str = "while [ $# -gt 1 ]; do ln -s \"$1\" \"$2\" || exit 1; shift 2; done";

/// Bounds what is fetched: no file beyond 512 MiB, and all of it within five minutes.
const BOUNDED: &str = "ulimit -f 1048576; exec timeout 300 \"$@\"";

/// What apt reads after all other configuration, for the directory `{}`.
const OVERRIDES: &str = "Dir::Etc \"{}/etc\";\nDir::State::Lists \"{}/lists\";\n\
    Dir::Cache \"{}/cache\";\nAPT::Sandbox::User \"root\";\n#clear APT::Update::Pre-Invoke;\n\
    #clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n";

/// Lists that were fetched.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    directory: PathBuf,
    /// What the effect will give that they were fetched ahead of.
    ahead: Option<Applied>,
}

/// A file of apt's configuration, as it is laid out.
enum Laid {
    /// The host's own.
    Link(PathBuf, PathBuf),
    /// As the play makes it.
    Written(PathBuf, Vec<u8>),
}

/// What is laid out.
#[derive(Default)]
struct Layout {
    directories: Vec<String>,
    files: Vec<Laid>,
}

impl<B: Host> RehearsalHost<B> {
    /// Fetches lists before the effect that would; whether questions know them now.
    pub(super) fn fetch_ahead(&mut self, manager: &str) -> bool {
        if manager != "apt" || self.contents == PackageContents::Leave {
            return false;
        }
        let given = self.fetch_lists();
        let known = matches!(given, Applied::Lists { .. });
        match &mut self.overlay.lists {
            Some(lists) => lists.ahead = Some(given),
            None => self.overlay.untold = Some(given),
        }
        known
    }

    /// What the effect gives that fetches lists.
    pub(super) fn refresh_lists(&mut self, manager: &str) -> Applied {
        let ahead = self.overlay.lists.as_mut().and_then(|lists| lists.ahead.take());
        let given = match ahead.or_else(|| self.overlay.untold.take()) {
            Some(given) => given,
            None if manager == "apt" && self.contents == PackageContents::Fetch => {
                self.fetch_lists()
            }
            None => Applied::Done,
        };
        if !matches!(given, Applied::Lists { .. }) {
            // what the present ones lack may be in those
            let key = (PACKAGE_LISTS.to_owned(), manager.to_owned());
            self.overlay.settings.insert(key, Some(serde_json::Value::Bool(true)));
        }
        given
    }

    /// A question to apt, asked of the lists that were fetched.
    pub(super) fn of_fetched_lists(&self, command: &Command) -> Command {
        let Some(lists) = &self.overlay.lists else { return command.clone() };
        match command.argv.split_first() {
            Some((program, rest)) if matches!(program.as_str(), "apt-get" | "apt-cache") => {
                asked_of(&lists.directory, command, program, rest)
            }
            _ => command.clone(),
        }
    }

    fn fetch_lists(&mut self) -> Applied {
        match self.try_to_fetch() {
            Ok(changed) => {
                let now = self.now();
                let changed = changed || self.stamps();
                if changed {
                    let _ = self.set_times(Path::new(LISTS), None, Some(now));
                }
                let time = fetched_at(self).unwrap_or(now.seconds);
                Applied::Lists { changed, time }
            }
            Err(error) => Applied::Unknown(format!("the package lists are not known: {error}")),
        }
    }

    /// Whether a hook of the host notes each successful fetch.
    fn stamps(&mut self) -> bool {
        let stamp = Path::new("/var/lib/apt/periodic/update-success-stamp");
        matches!(self.stat(stamp, Follow::Yes), Ok(Some(_)))
    }

    /// Whether the host's lists would differ then.
    fn try_to_fetch(&mut self) -> Result<bool, HostError> {
        let directory = match &self.overlay.lists {
            Some(lists) => lists.directory.clone(),
            None => {
                let directory = self.base.scratch()?;
                let shown = directory.display().to_string();
                self.shell(PREPARE, &[shown, LISTS.to_owned()], None)?;
                directory
            }
        };
        let fetched = self.fetch_into(&directory);
        match &fetched {
            Ok(_) => self.overlay.lists = Some(Lists { directory, ahead: None }),
            // what was known before is known still
            Err(_) if self.overlay.lists.is_some() => {}
            Err(_) => self.base.discard(&directory),
        }
        fetched
    }

    fn fetch_into(&mut self, directory: &Path) -> Result<bool, HostError> {
        let etc = directory.join("etc");
        let mut layout = Layout::default();
        self.lay_out_configuration(Path::new(CONFIGURATION), &etc, directory, &mut layout)?;
        self.put(directory, layout)?;
        let before = self.names_of(directory)?;
        let words = ["update", "-q"].map(str::to_owned);
        let mut update = asked_of(directory, &Command::default(), "apt-get", &words);
        update.argv.splice(..0, ["sh", "-c", BOUNDED, "sh"].map(str::to_owned));
        expect(self.base.query(&update)?)?;
        Ok(before != self.names_of(directory)?)
    }

    /// The lists, and what tells whether they are the same.
    fn names_of(&mut self, directory: &Path) -> Result<BTreeMap<String, String>, HostError> {
        let lists = directory.join("lists");
        let mut found = BTreeMap::new();
        for name in self.base.list(&lists)? {
            let Some(stat) = self.base.stat(&lists.join(&name), Follow::No)? else { continue };
            if stat.kind != FileKind::Directory && name != "lock" {
                let tells = (stat.link_target, stat.inode, stat.size, stat.modified);
                found.insert(name, format!("{tells:?}"));
            }
        }
        Ok(found)
    }

    /// Notes what the configuration would be in a directory of its own.
    fn lay_out_configuration(
        &mut self,
        from: &Path,
        to: &Path,
        directory: &Path,
        layout: &mut Layout,
    ) -> Result<(), HostError> {
        layout.directories.push(to.display().to_string());
        for name in self.list(from)? {
            let (from, to) = (from.join(&name), to.join(&name));
            match self.stat(&from, Follow::Yes)?.map(|stat| stat.kind) {
                Some(FileKind::Directory) => {
                    self.lay_out_configuration(&from, &to, directory, layout)?;
                }
                Some(FileKind::File) if is_sources(&name) => {
                    let laid = self.laid_sources(&from, to, directory, layout)?;
                    layout.files.push(laid);
                }
                Some(FileKind::File) => {
                    let laid = self.laid(&from, to)?;
                    layout.files.push(laid);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn laid(&mut self, from: &Path, to: PathBuf) -> Result<Laid, HostError> {
        let located = self.locate(from, Follow::Yes)?;
        if matches!(self.overlay.see(&located), Sight::Host) {
            return Ok(Laid::Link(located, to));
        }
        if from.to_string_lossy().contains("/auth.conf") {
            // passwords are put on no disk by a rehearsal
            return Err(HostError::Unknown("a login of a repository comes first".to_owned()));
        }
        Ok(Laid::Written(to, self.read(from)?))
    }

    /// A list of sources; keys that it names and the play brings are laid out, too.
    fn laid_sources(
        &mut self,
        from: &Path,
        to: PathBuf,
        directory: &Path,
        layout: &mut Layout,
    ) -> Result<Laid, HostError> {
        let laid = self.laid(from, to.clone())?;
        let text = String::from_utf8_lossy(&self.read(from)?).into_owned();
        if matches!(laid, Laid::Written(..)) && has_login(&text) {
            return Err(HostError::Unknown("a login of a repository comes first".to_owned()));
        }
        let mut mended = text.clone();
        for key in keys_of(&text) {
            if let Ok(inside) = Path::new(&key).strip_prefix(CONFIGURATION) {
                let place = directory.join("etc").join(inside);
                mended = mended.replace(&key, &place.display().to_string());
                continue;
            }
            let located = self.locate(Path::new(&key), Follow::Yes)?;
            let Some(name) = located.file_name().map(|name| name.to_string_lossy().into_owned())
            else {
                continue;
            };
            if !matches!(self.overlay.see(&located), Sight::Entry(_)) {
                continue;
            }
            let place = directory.join("etc").join(format!("{}-{name}", layout.files.len()));
            layout.files.push(Laid::Written(place.clone(), self.read(&located)?));
            mended = mended.replace(&key, &place.display().to_string());
        }
        Ok(if mended == text { laid } else { Laid::Written(to, mended.into_bytes()) })
    }

    /// Makes directories, files and links, in place of what was laid out before.
    fn put(&mut self, directory: &Path, layout: Layout) -> Result<(), HostError> {
        let etc = directory.join("etc").display().to_string();
        let argv = [vec![etc], layout.directories].concat();
        self.shell("rm -rf \"$1\"; mkdir -p \"$@\"", &argv, None)?;
        let mut links = Vec::new();
        let place = directory.display().to_string();
        let mut written = vec![
            (directory.join("first"), format!("Dir::Etc \"{place}/etc\";\n").into_bytes()),
            (directory.join("last"), OVERRIDES.replace("{}", &place).into_bytes()),
        ];
        for laid in layout.files {
            match laid {
                Laid::Link(from, to) => {
                    links.extend([from, to].map(|path| path.display().to_string()));
                }
                Laid::Written(path, bytes) => written.push((path, bytes)),
            }
        }
        self.shell(LINK, &links, None)?;
        for (path, bytes) in written {
            let path = [path.display().to_string()];
            self.shell("base64 -d > \"$1\"", &path, Some(&bytes))?;
        }
        Ok(())
    }

    fn shell(
        &mut self,
        script: &str,
        arguments: &[String],
        input: Option<&[u8]>,
    ) -> Result<(), HostError> {
        use base64::Engine as _;
        let words = ["sh", "-c", script, "sh"].into_iter();
        let mut command = Command::new(words.chain(arguments.iter().map(String::as_str)));
        command.stdin = input.map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes));
        expect(self.base.query(&command)?)
    }
}

/// A call of apt that reads the configuration and the lists of a directory.
fn asked_of(directory: &Path, command: &Command, program: &str, rest: &[String]) -> Command {
    let last = directory.join("last").display().to_string();
    let words = [program.to_owned(), "-c".to_owned(), last].into_iter();
    let mut asked =
        Command { argv: words.chain(rest.iter().cloned()).collect(), ..command.clone() };
    let first = directory.join("first").display().to_string();
    asked.environment.insert("APT_CONFIG".to_owned(), first);
    asked.environment.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
    asked
}

fn expect(output: Output) -> Result<(), HostError> {
    if output.success() {
        return Ok(());
    }
    let said = output.stderr_text();
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(HostError::Unknown(said.trim().to_owned()))
}

fn is_sources(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("list" | "sources"))
}

/// Whether an address in a list of sources carries a login.
fn has_login(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        rest.split(|letter: char| letter == '/' || letter.is_whitespace())
            .next()
            .is_some_and(|place| place.contains('@'))
    })
}

/// The files that `signed-by` names (`sources.list(5)`).
fn keys_of(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let mut found: Vec<String> = lower
        .match_indices("signed-by")
        .filter_map(|(at, word)| text.get(at + word.len()..))
        .map(|rest| rest.lines().next().unwrap_or_default())
        .map(|rest| rest.split(']').next().unwrap_or_default())
        .flat_map(|rest| {
            rest.split(|letter: char| letter.is_whitespace() || "=:,".contains(letter))
        })
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}
