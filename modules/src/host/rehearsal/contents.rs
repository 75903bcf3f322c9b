//! What Debian packages would bring, read from the packages themselves.
//!
//! They are fetched into a scratch directory, listed, and the parts that later tasks read
//! (`/etc`, units, `sysusers.d`, what maintainer scripts copy) unpacked there; other files are taken
//! out of them when they are read. Nothing is installed, and the directory goes with the rehearsal. Maintainer scripts are read, never run: what they plainly do (system users, links,
//! directories, starting units) is taken over, what they only mention stays unknown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::overlay::{Below, Body, Entry, PackageScript, Sight};
use super::scripts::{self, Deed};
use super::{KEPT_CONTENT, RehearsalHost};
use crate::effect::{Command, Output, PackageStep, Principal};
use crate::host::{AccountKey, FileKind, FileStat, Follow, Host, HostError, mode_from_letters};

/// The most that is downloaded for one transaction, in bytes.
const MAX_DOWNLOAD: u64 = 200 * 1024 * 1024;

/// The most that is kept of all transactions for files that may be read later, in bytes.
const MAX_KEPT: u64 = 400 * 1024 * 1024;

/// The largest file that is taken out of a package.
const MAX_TAKEN: u64 = 32 * 1024 * 1024;

/// Takes a file (`$2`) out of a package (`$1`).
const TAKE: &str = "dpkg-deb --fsys-tarfile \"$1\" | tar -xOf - \"$2\"";

/// Unpacks what later tasks may read; `$1` is the package, `$2` the directory, and what follows are
/// further files of it.
const UNPACK: &str = "package=$1 place=$2; shift 2; dpkg-deb --fsys-tarfile \"$package\" | \
    tar -xf - -C \"$place\" --no-same-owner --wildcards './etc/*' './lib/systemd/*' \
    './usr/lib/systemd/*' './usr/lib/sysusers.d/*' \"$@\" 2>/dev/null; true";

/// Whether a transaction's packages could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    /// The overlay has what they bring.
    Known,
    /// They could not be fetched or read.
    Unknown,
}

/// A package that was read, before any of it is laid over the host.
struct Package {
    name: String,
    items: Vec<Item>,
    conffiles: Vec<PathBuf>,
    script: String,
    /// Where parts of it are unpacked.
    unpacked: PathBuf,
    /// The package itself, where it is kept.
    archive: Option<PathBuf>,
}

/// A line of a package's list.
#[derive(Debug, PartialEq)]
pub(super) struct Item {
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) owner: String,
    pub(super) group: String,
    pub(super) size: u64,
    pub(super) path: PathBuf,
    pub(super) target: Option<PathBuf>,
    /// For a hard link: the other name.
    pub(super) same_as: Option<PathBuf>,
}

impl<B: Host> RehearsalHost<B> {
    /// Fetches packages and lays what they bring over the host.
    pub(super) fn unpack(&mut self, steps: &[&PackageStep]) -> Brought {
        if steps.is_empty() {
            return Brought::Known;
        }
        let Ok(scratch) = self.base.scratch() else { return Brought::Unknown };
        let read = self.read_packages(steps, &scratch);
        let mut keeps = false;
        let brought = match read {
            Ok(Some(packages)) => {
                keeps = packages.iter().any(|package| package.archive.is_some());
                let scripts: Vec<PackageScript> =
                    packages.into_iter().map(|package| self.lay(package)).collect();
                for script in scripts {
                    self.follow(script);
                }
                Brought::Known
            }
            Ok(None) | Err(_) => Brought::Unknown,
        };
        if !keeps {
            self.base.discard(&scratch);
        }
        brought
    }

    /// `None` when they are too large or not to be had.
    fn read_packages(
        &mut self,
        steps: &[&PackageStep],
        scratch: &Path,
    ) -> Result<Option<Vec<Package>>, HostError> {
        let mut argv = vec!["apt-get", "-o", "APT::Sandbox::User=root", "-q", "download"];
        let wanted: Vec<String> = steps
            .iter()
            .map(|step| format!("{}={}", step.name, step.to.as_deref().unwrap_or_default()))
            .collect();
        argv.extend(wanted.iter().map(String::as_str));
        let download =
            Command { directory: Some(scratch.to_owned()), ..Command::new(argv.clone()) };
        let priced = Command::new(argv.into_iter().chain(["--print-uris"]));
        let priced = self.base.query(&self.of_fetched_lists(&priced))?;
        let size = download_size(&priced.stdout_text());
        if !priced.success() || size > MAX_DOWNLOAD {
            return Ok(None);
        }
        if !self.base.query(&self.of_fetched_lists(&download))?.success() {
            return Ok(None);
        }
        let files = self.base.list(scratch)?;
        let files: Vec<PathBuf> = files
            .iter()
            .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "deb"))
            .map(|name| scratch.join(name))
            .collect();
        if files.len() != steps.len() {
            return Ok(None);
        }
        let mut packages = Vec::new();
        for file in &files {
            let Some(package) = self.read_package(file)? else { return Ok(None) };
            packages.push(package);
        }
        // a script may copy what another package brings
        let copied: Vec<String> = packages
            .iter()
            .flat_map(|package| scripts::deeds(&package.script))
            .filter_map(|deed| match deed {
                Deed::Copy { from, .. } => Some(format!(".{}", from.display())),
                _ => None,
            })
            .collect();
        for (file, package) in files.iter().zip(&packages) {
            let [archive, place] = [file, &package.unpacked].map(|path| path.display().to_string());
            let words = ["sh", "-c", UNPACK, "sh", &archive, &place];
            let words = words.into_iter().chain(copied.iter().map(String::as_str));
            if !self.base.query(&Command::new(words))?.success() {
                return Ok(None);
            }
        }
        if self.overlay.kept + size <= MAX_KEPT {
            self.overlay.kept += size;
            for (file, package) in files.iter().zip(&mut packages) {
                package.archive = Some(file.clone());
            }
        }
        Ok(Some(packages))
    }

    /// The content of a file of a package that is kept.
    pub(super) fn take_out(&mut self, archive: &Path, name: &Path) -> Result<Vec<u8>, HostError> {
        let [archive, inside] = [archive.display(), name.display()].map(|text| text.to_string());
        let words = ["sh", "-c", TAKE, "sh", &archive, &format!(".{inside}")];
        let output = self.base.query(&Command::new(words))?;
        match output.success() {
            true => Ok(output.stdout),
            false => Err(HostError::Unknown(from_package(name))),
        }
    }

    /// All of a package but its files.
    fn read_package(&mut self, file: &Path) -> Result<Option<Package>, HostError> {
        let (unpacked, control) = (file.with_extension("files"), file.with_extension("control"));
        let [archive, unpacked_text, control_text] =
            [file, &unpacked, &control].map(|path| path.display().to_string());
        let succeeds = |output: Result<Output, HostError>| output.map(|output| output.success());
        let mut run =
            |argv: &[&str]| succeeds(self.base.query(&Command::new(argv.iter().copied())));
        let prepared = run(&["mkdir", &unpacked_text])?
            && run(&["dpkg-deb", "--control", &archive, &control_text])?;
        let listed = self.base.query(&Command::new(["dpkg-deb", "--contents", &archive]))?;
        if !prepared || !listed.success() {
            return Ok(None);
        }
        let mut text = |name: &str| {
            let bytes = self.base.read(&control.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let name = text("control")
            .lines()
            .find_map(|line| line.strip_prefix("Package: ").map(|name| name.trim().to_owned()))
            .unwrap_or_default();
        let conffiles = text("conffiles").lines().map(|line| PathBuf::from(line.trim())).collect();
        let script = format!("{}\n{}", text("preinst"), text("postinst"));
        let items = listed.stdout_text().lines().filter_map(parse_item).collect();
        Ok(Some(Package { name, items, conffiles, script, unpacked, archive: None }))
    }

    /// Lays the files of a package over the host.
    fn lay(&mut self, package: Package) -> PackageScript {
        let Package { name, items, conffiles, script, unpacked, archive } = package;
        let deeds = scripts::deeds(&script);
        // users first: files and links may belong to them
        for deed in &deeds {
            self.do_account(deed);
        }
        let mut units = Vec::new();
        for item in &items {
            if item.kind == FileKind::File || item.kind == FileKind::Link {
                units.extend(unit_name(&item.path));
            }
            let kept = conffiles.contains(&item.path);
            // an item that does not fit here would not fit in reality either
            let _ = self.lay_item(item, kept, &unpacked, archive.as_deref());
        }
        for item in items.iter().filter(|item| item.path.starts_with("/usr/lib/sysusers.d")) {
            let text = self.read(&item.path).unwrap_or_default();
            for deed in scripts::sysusers(&String::from_utf8_lossy(&text)) {
                self.do_account(&deed);
            }
        }
        let mut doubtful = Vec::new();
        if scripts::gives_away_in_variables(&script) {
            let items = items.iter().filter(|item| item.kind == FileKind::Directory);
            let named = items.filter(|item| scripts::names_path(&script, &item.path));
            doubtful.extend(named.map(|item| (item.path.clone(), name.clone())));
        }
        PackageScript { package: name, text: script, units, doubtful }
    }

    fn lay_item(
        &mut self,
        item: &Item,
        is_conffile: bool,
        unpacked: &Path,
        archive: Option<&Path>,
    ) -> Result<(), HostError> {
        let path = self.locate(&item.path, Follow::No)?;
        let there = self.entry_stat(&path)?;
        if let Some(there) = there {
            // directories are shared, a configuration file of the host stays
            let shared = item.kind == FileKind::Directory || is_conffile;
            let link_to_directory = there.kind == FileKind::Link;
            if shared || link_to_directory {
                return Ok(());
            }
        }
        if let Some(other) = &item.same_as {
            let other = self.locate(other, Follow::No)?;
            if let Some(entry) = self.entry(&other)? {
                self.overlay.put(&path, entry);
            }
            return Ok(());
        }
        let body = match item.kind {
            FileKind::File => self.content_of(item, unpacked, archive),
            _ => Body::None,
        };
        // below a new directory, scripts may put what nobody lists; a removed one stays empty
        let below = match self.overlay.see(&path) {
            Sight::Host => Below::Host,
            Sight::Entry(_) | Sight::Absent | Sight::Unknown(_) => Below::Nothing,
        };
        let stat = self.item_stat(item);
        self.overlay.put(&path, Entry { stat, body, below });
        Ok(())
    }

    fn content_of(&mut self, item: &Item, unpacked: &Path, archive: Option<&Path>) -> Body {
        let relative = item.path.strip_prefix("/").unwrap_or(&item.path);
        let kept = (item.size <= KEPT_CONTENT).then(|| self.base.read(&unpacked.join(relative)));
        match kept {
            Some(Ok(bytes)) if bytes.len() as u64 == item.size => Body::Bytes(Arc::new(bytes)),
            _ => match archive.filter(|_| item.size <= MAX_TAKEN) {
                Some(archive) => {
                    Body::Packaged { archive: archive.to_owned(), name: item.path.clone() }
                }
                None => Body::Unknown(from_package(&item.path)),
            },
        }
    }

    fn item_stat(&mut self, item: &Item) -> FileStat {
        let owner = AccountKey::Name(item.owner.clone());
        let owner = self.user(&owner).ok().flatten().and_then(|user| user.uid);
        let group = AccountKey::Name(item.group.clone());
        let group = self.group(&group).ok().flatten().and_then(|group| group.gid);
        let now = self.now();
        FileStat {
            kind: item.kind,
            mode: item.mode,
            owner: Principal { name: Some(item.owner.clone()), id: owner },
            group: Principal { name: Some(item.group.clone()), id: group },
            size: item.size,
            link_target: item.target.clone(),
            accessed: now,
            modified: now,
            status_changed: now,
            inode: 0,
            device: 0,
            special_device: 0,
            links: 1,
            block_size: 4096,
            blocks: item.size.div_ceil(512),
            flags: None,
            context: None,
        }
    }

    pub(super) fn make_directories(&mut self, path: &Path) {
        let missing: Vec<PathBuf> = path.ancestors().map(Path::to_owned).collect();
        for directory in missing.iter().rev() {
            if !matches!(self.stat(directory, Follow::Yes), Ok(None)) {
                continue;
            }
            let was_removed = matches!(self.overlay.see(directory), Sight::Absent);
            if self.make_directory(directory, Some(0o755)).is_err() {
                return;
            }
            if let (false, Ok(Some(entry))) = (was_removed, self.entry(directory)) {
                self.overlay.put(directory, Entry { below: Below::Host, ..entry });
            }
        }
    }
}

fn from_package(path: &Path) -> String {
    let path = path.display();
    format!("the content of `{path}` comes with a package that would be installed first")
}

/// The unit that a path is the file of.
fn unit_name(path: &Path) -> Option<String> {
    let directory = path.parent()?.to_str()?;
    if !matches!(directory, "/lib/systemd/system" | "/usr/lib/systemd/system") {
        return None;
    }
    path.file_name()?.to_str().map(str::to_owned)
}

/// The bytes to download, from what `apt-get --print-uris` says.
fn download_size(text: &str) -> u64 {
    text.lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok())
        .sum()
}

/// A line of `dpkg-deb --contents`.
pub(super) fn parse_item(line: &str) -> Option<Item> {
    let (kind, rest) = (line.chars().next()?, line.get(1..)?);
    let mode = mode_from_letters(rest.get(..9)?)?;
    // owner/group, size, date, time, then the name with all its spaces
    let mut rest = rest.get(9..)?.trim_start();
    let mut word = || {
        let (word, after) = rest.split_once(' ')?;
        rest = after.trim_start();
        Some(word)
    };
    let (owner, group) = word()?.split_once('/')?;
    let size = word()?.parse().ok()?;
    word()?;
    let _time = word()?;
    let absolute = |name: &str| {
        let name = name.strip_prefix('.').unwrap_or(name);
        PathBuf::from(if name.len() > 1 { name.trim_end_matches('/') } else { name })
    };
    let mut item = Item {
        kind: FileKind::File,
        mode,
        owner: owner.to_owned(),
        group: group.to_owned(),
        size,
        path: absolute(rest),
        target: None,
        same_as: None,
    };
    match kind {
        '-' => {}
        'd' => item.kind = FileKind::Directory,
        'l' => {
            let (name, target) = rest.split_once(" -> ")?;
            item.kind = FileKind::Link;
            item.path = absolute(name);
            item.size = target.len() as u64;
            item.target = Some(PathBuf::from(target));
        }
        'h' => {
            let (name, other) = rest.split_once(" link to ")?;
            item.path = absolute(name);
            item.same_as = Some(absolute(other));
        }
        _ => return None,
    }
    Some(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let cases = [
            (
                "drwxr-xr-x root/root         0 2026-11-19 21:02 ./etc/nginx/",
                FileKind::Directory,
                0o755,
                "/etc/nginx",
            ),
            (
                "-rwsr-xr-x root/adm       389 2026-11-19 10:32 ./usr/bin/a b",
                FileKind::File,
                0o4755,
                "/usr/bin/a b",
            ),
            (
                "drwxrwxrwt root/root         0 2026-11-19 21:02 ./",
                FileKind::Directory,
                0o1777,
                "/",
            ),
            (
                "lrwxrwxrwx root/root         0 2026-11-19 21:02 ./usr/x -> ../y",
                FileKind::Link,
                0o777,
                "/usr/x",
            ),
            (
                "hrw-r--r-- root/root         0 2026-11-19 21:02 ./usr/h link to ./usr/f",
                FileKind::File,
                0o644,
                "/usr/h",
            ),
        ];
        for (line, kind, mode, path) in cases {
            let item = parse_item(line).expect(line);
            assert_eq!((item.kind, item.mode, item.path.as_path()), (kind, mode, Path::new(path)));
        }
        for bad in
            ["", "d", "drwxr-xr-x", "drwxr-xr-x root/root x 1 2 ./", "crw-rw-rw- a/b 1 2 3 ./dev"]
        {
            assert_eq!(parse_item(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_download_is_priced() {
        let text = "'http://x/a.deb' a.deb 100 SHA256:aa\nReading...\n'http://x/b.deb' b.deb 23 SHA256:bb\n";
        assert_eq!(download_size(text), 123);
    }
}
