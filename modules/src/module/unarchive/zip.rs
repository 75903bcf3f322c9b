//! Zip files, by `unzip` and `zipinfo`.

use std::collections::BTreeMap;

use flate2::Crc;

use super::super::local_time::LocalTime;
use super::super::program;
use super::super::wildcard;
use super::{Asked, Contents, Error, itemized, listed};
use crate::contract::Stop;
use crate::effect::{ARCHIVE, Principal, UNPACK_PLACE};
use crate::host::{AccountKey, FileKind, FileStat, Follow, Host, mode_from_letters};

/// A line of `zipinfo`.
#[derive(Debug, PartialEq)]
struct Member {
    /// `d`, `l`, `-` or `?`.
    kind: char,
    mode: u32,
    size: u64,
    /// `20200102.030405`.
    time: String,
    name: String,
}

/// Reads the archive, or tells why it cannot be read.
pub(super) fn read(
    asked: &Asked<'_>,
    host: &mut dyn Host,
) -> Result<Result<Contents, Vec<String>>, Stop> {
    let unzip = host.find_program("unzip")?;
    let zipinfo = host.find_program("zipinfo")?;
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let Some(unzip) = unzip.as_deref().map(text) else {
        let missing: &[&str] =
            if zipinfo.is_some() { &["'unzip'"] } else { &["'unzip' or 'zipinfo'"] };
        let both = missing.iter().chain(&["'unzip' or 'unzip'"]);
        let reasons =
            both.map(|missing| format!("Unable to find required {missing} binary in the path."));
        return Ok(Err(reasons.collect()));
    };
    let archive = asked.archive.to_string_lossy().into_owned();
    let told = program::query(host, [unzip.as_str(), "-l", &archive])?;
    if !told.success() {
        let mut reasons = Vec::new();
        if zipinfo.is_none() {
            reasons.push("Unable to find required 'zipinfo' binary in the path.".to_owned());
        }
        let error = told.stderr_text();
        reasons.push(format!("Command \"{unzip}\" could not handle archive: {error}"));
        return Ok(Err(reasons));
    }
    let (handler, mut words) = match zipinfo.as_deref().map(text) {
        Some(zipinfo) => ("ZipArchive", vec![zipinfo]),
        None => ("ZipZArchive", vec![unzip.clone(), "-Zl".to_owned()]),
    };
    words.extend(["-T", "-s", &archive].map(str::to_owned));
    let (exclude, include) =
        (listed(asked.params.exclude.as_ref()), listed(asked.params.include.as_ref()));
    if !exclude.is_empty() {
        words.push("-x".to_owned());
        words.extend(exclude.iter().cloned());
    }
    words.extend(include.iter().cloned());
    let output = program::query(host, words)?;
    let sums = program::query(host, [unzip.as_str(), "-v", &archive])?;
    let sums = checksums(&sums.stdout_text());
    let mut members = Vec::new();
    for line in output.stdout_text().lines() {
        members.extend(parse(line, asked.wanted.umask)?);
    }
    let Compared { changes, newer } = compare(asked, &members, &sums, host)?;
    let mut argv = vec![unzip, "-o".to_owned()];
    argv.extend(listed(asked.params.extra_opts.as_ref()).iter().cloned());
    argv.push(ARCHIVE.to_owned());
    if !exclude.is_empty() || !newer.is_empty() {
        argv.push("-x".to_owned());
        argv.extend(exclude.iter().cloned().chain(newer));
    }
    argv.extend(include.iter().cloned());
    argv.extend(["-d".to_owned(), UNPACK_PLACE.to_owned()]);
    let wanted: Vec<&Member> =
        members.iter().filter(|member| is_wanted(&member.name, asked)).collect();
    Ok(Ok(Contents {
        handler,
        command: program::command(argv),
        files: wanted.iter().map(|member| member.name.clone()).collect(),
        kinds: wanted.iter().map(|member| (member.file_kind(), member.mode)).collect(),
        size: members.iter().map(|member| member.size).sum(),
        unarchived: output.success() && changes.is_empty(),
        changes,
    }))
}

fn is_wanted(name: &str, asked: &Asked<'_>) -> bool {
    let matches = |patterns: &[String]| patterns.iter().any(|it| wildcard::matches(it, name));
    match listed(asked.params.include.as_ref()) {
        [] => !matches(listed(asked.params.exclude.as_ref())),
        include => matches(include),
    }
}

impl Member {
    fn file_kind(&self) -> FileKind {
        match self.kind {
            'd' => FileKind::Directory,
            'l' => FileKind::Link,
            _ => FileKind::File,
        }
    }
}

/// The sums of the members, from `unzip -v`.
fn checksums(text: &str) -> BTreeMap<String, u32> {
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let mut rest = line.trim_start();
        let mut words = Vec::new();
        while words.len() < 7
            && let Some((word, after)) = rest.split_once(' ')
        {
            words.push(word);
            // the name may begin with spaces: two stand before it
            rest = if words.len() < 7 { after.trim_start() } else { after };
        }
        let sum = words.get(6).and_then(|word| u32::from_str_radix(word, 16).ok());
        if let Some(sum) = sum {
            sums.insert(rest.strip_prefix(' ').unwrap_or(rest).to_owned(), sum);
        }
    }
    sums
}

/// What is to be unpacked again, and files that are newer and stay.
#[derive(Debug, Default)]
struct Compared {
    changes: Vec<String>,
    newer: Vec<String>,
}

/// Compares with what is there.
fn compare(
    asked: &Asked<'_>,
    members: &[Member],
    sums: &BTreeMap<String, u32>,
    host: &mut dyn Host,
) -> Result<Compared, Stop> {
    let clock = LocalTime::of(host);
    let identity = host.identity()?;
    let key = AccountKey::Id(identity.id.unwrap_or_default());
    let gid = host.user(&key)?.and_then(|user| user.gid);
    let group = Principal { name: None, id: gid };
    let mut compared = Compared::default();
    let exclude = listed(asked.params.exclude.as_ref());
    for member in members.iter().filter(|member| !exclude.contains(&member.name)) {
        let path = asked.dest.join(&member.name);
        let kind = match member.kind {
            'd' => 'd',
            'l' => 'L',
            _ => 'f',
        };
        let name = &member.name;
        let Some(there) = host.stat(&path, Follow::No)? else {
            compared.changes.push(format!(">{kind}++++++.?? {name}"));
            continue;
        };
        if there.kind != member.file_kind() {
            compared.changes.push(format!("c{kind}++++++.?? {name}"));
            continue;
        }
        let mut flags = Vec::new();
        if there.kind == FileKind::File {
            let time = moment(&member.time, &clock);
            // whole seconds, and no fraction: zip knows none
            let same = time == there.modified.seconds && there.modified.nanoseconds == 0;
            if asked.params.keep_newer && time <= there.modified.seconds && !same {
                compared.newer.push(name.clone());
                continue;
            }
            if !same {
                flags.push((4, 't'));
            }
            if member.size != there.size {
                flags.push((3, 's'));
            }
            let mut crc = Crc::new();
            crc.update(&host.read(&path)?);
            if sums.get(name).is_some_and(|sum| *sum != crc.sum()) {
                flags.push((2, 'c'));
            }
        }
        flags.extend(attributes(asked, member, &there, [&identity, &group]));
        if !flags.is_empty() {
            compared.changes.push(itemized(kind, &flags, name));
        }
    }
    Ok(compared)
}

fn attributes(
    asked: &Asked<'_>,
    member: &Member,
    there: &FileStat,
    [user, group]: [&Principal; 2],
) -> Vec<(usize, char)> {
    let mut flags = Vec::new();
    let wanted = asked.wanted;
    if member.kind != 'l' {
        let mode = match &wanted.mode {
            Some(mode) => mode.of(there.mode, there.kind, wanted.umask),
            None => Some(member.mode),
        };
        if mode.is_some_and(|mode| mode != there.mode) {
            flags.push((5, 'p'));
        }
    }
    if !wanted.owner.as_ref().unwrap_or(user).is(&there.owner) {
        flags.push((6, 'o'));
    }
    if !wanted.group.as_ref().unwrap_or(group).is(&there.group) {
        flags.push((6, 'g'));
    }
    flags
}

/// Seconds since 1970 of a local time; the start of zip's calendar where there is none.
fn moment(text: &str, clock: &LocalTime) -> i64 {
    let start = jiff::civil::date(1980, 1, 1).at(0, 0, 0, 0);
    let parsed = jiff::civil::DateTime::strptime("%Y%m%d.%H%M%S", text).unwrap_or(start);
    clock.seconds(if parsed.year() < 1980 { start } else { parsed })
}

/// A line of `zipinfo -T -s`; `None` for those that are about the archive.
fn parse(line: &str, umask: u32) -> Result<Option<Member>, Stop> {
    let mut rest = line.trim_start();
    let mut words = Vec::new();
    while words.len() < 7
        && let Some((word, after)) = rest.split_once(' ')
    {
        words.push(word);
        rest = if words.len() < 7 { after.trim_start() } else { after };
    }
    let [permissions, _version, _system, size, _, _, time] = words.as_slice() else {
        return Ok(None);
    };
    let kind = permissions.chars().next().unwrap_or_default();
    let letters = permissions.get(1..).unwrap_or_default();
    let is_member = matches!(permissions.len(), 7 | 8 | 10)
        && time.len() == 15
        && matches!(kind, 'd' | 'l' | '-' | '?')
        && letters.chars().all(|letter| "rwxstah-".contains(letter));
    let Some(size) = size.parse().ok().filter(|_| is_member) else { return Ok(None) };
    let name = rest.to_owned();
    let is_directory = name.ends_with('/');
    let mode = match letters.len() {
        9 => mode_from_letters(letters).map(|mode| mode & 0o777),
        6 | 7 => {
            let runs = is_directory || matches!(letters, "rwx---" | "rwxa---");
            Some(if runs { 0o777 } else { 0o666 } & !umask)
        }
        _ => None,
    };
    let bad = || Stop::failed(Error::Permissions(letters.to_owned()));
    let mode = mode.ok_or_else(bad)?;
    let kind = if is_directory { 'd' } else { kind };
    Ok(Some(Member { kind, mode, size, time: (*time).to_owned(), name }))
}
