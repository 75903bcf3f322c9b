//! Tar files, by GNU tar.

use std::path::PathBuf;

use super::super::program;
use super::super::wildcard;
use super::{Asked, Contents, itemized, listed};
use crate::contract::Stop;
use crate::effect::{ARCHIVE, Command, UNPACK_PLACE};
use crate::host::{FileKind, FileStat, Follow, Host, mode_from_letters};

/// Ansible's name for a compression, and the option for it.
const HANDLERS: [(&str, &str); 5] = [
    ("TgzArchive", "-z"),
    ("TarArchive", ""),
    ("TarBzipArchive", "-j"),
    ("TarXzArchive", "-J"),
    ("TarZstdArchive", "--use-compress-program=zstd"),
];

/// What `tar --diff` says of a file that is to be unpacked again.
const DIFFERS: [&str; 7] = [
    ": Mod time differs",
    ": Warning: Cannot stat: No such file or directory",
    ": Invalid owner",
    ": Invalid group",
    ": Symlink differs",
    ": Contents differ",
    ": Size differs",
];

/// A line of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Member {
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) modified: i64,
    pub(super) name: String,
    pub(super) target: Option<String>,
    pub(super) hard: bool,
}

/// Reads the archive, or tells why it cannot be read.
pub(super) fn read(
    asked: &Asked<'_>,
    host: &mut dyn Host,
) -> Result<Result<Contents, Vec<String>>, Stop> {
    let Some(tar) = find(host)? else {
        let reason = "Unable to find required 'gtar' or 'tar' binary in the path";
        return Ok(Err(vec![reason.to_owned()]));
    };
    let version = program::query(host, [tar.as_str(), "--version"])?.stdout_text();
    if !(version.starts_with("tar") && version.contains("GNU")) {
        let kind = if version.starts_with("bsdtar") { "bsd" } else { "None" };
        let reason = format!("Command \"{tar}\" detected as tar type {kind}. GNU tar required.");
        return Ok(Err(vec![reason]));
    }
    let mut reasons = Vec::new();
    for (handler, compression) in HANDLERS {
        let mut argv: Vec<String> =
            ["--list", "--verbose", "--full-time", "--numeric-owner"].map(str::to_owned).into();
        argv.insert(0, tar.clone());
        argv.extend(options(asked, compression, Owners::Left));
        let mut command = program::command(argv);
        command.argv = command.argv.iter().map(|word| fill(word, asked)).collect();
        command.environment.insert("TZ".to_owned(), "UTC".to_owned());
        let output = host.query(&command)?;
        if !output.success() {
            let error = output.stderr_text();
            reasons.push(format!(
                "Command \"{tar}\" could not handle archive: Unable to list files in the archive: \
                 {error}"
            ));
            continue;
        }
        let members: Vec<Member> = output.stdout_text().lines().filter_map(parse).collect();
        let members: Vec<Member> =
            members.into_iter().filter(|member| !is_excluded(&member.name, asked)).collect();
        if members.is_empty() {
            reasons.push(format!(
                "Command \"{tar}\" found no files in archive. Empty archive files are not supported."
            ));
            continue;
        }
        return contents(asked, handler, &tar, compression, &members, host).map(Ok);
    }
    Ok(Err(reasons))
}

fn find(host: &mut dyn Host) -> Result<Option<String>, Stop> {
    for name in ["gtar", "tar"] {
        if let Some(path) = host.find_program(name)? {
            return Ok(Some(path.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Whether owner and group are given to tar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owners {
    Given,
    Left,
}

/// The words after the action.
fn options(asked: &Asked<'_>, compression: &str, owners: Owners) -> Vec<String> {
    let params = asked.params;
    let mut words = Vec::new();
    if !compression.is_empty() {
        words.push(compression.to_owned());
    }
    let more = listed(params.extra_opts.as_ref());
    if !more.is_empty() {
        words.push("--show-transformed-names".to_owned());
        words.extend(more.iter().cloned());
    }
    if owners == Owners::Given {
        let owner = params.attributes.owner.iter().filter(|owner| !owner.is_empty());
        words.extend(owner.map(|owner| format!("--owner={owner}")));
        let group = params.attributes.group.iter().filter(|group| !group.is_empty());
        words.extend(group.map(|group| format!("--group={group}")));
        if params.keep_newer {
            words.push("--keep-newer-files".to_owned());
        }
    }
    let exclude = listed(params.exclude.as_ref()).iter().map(|name| name.trim_end_matches('/'));
    words.extend(exclude.map(|name| format!("--exclude={name}")));
    words.extend(["-f".to_owned(), ARCHIVE.to_owned()]);
    words.extend(listed(params.include.as_ref()).iter().cloned());
    words
}

fn fill(word: &str, asked: &Asked<'_>) -> String {
    word.replace(ARCHIVE, &asked.archive.to_string_lossy())
        .replace(UNPACK_PLACE, &asked.dest.to_string_lossy())
}

fn is_excluded(name: &str, asked: &Asked<'_>) -> bool {
    let exclude = listed(asked.params.exclude.as_ref()).iter();
    exclude.map(|pattern| pattern.trim_end_matches('/')).any(|it| wildcard::matches(it, name))
}

fn contents(
    asked: &Asked<'_>,
    handler: &'static str,
    tar: &str,
    compression: &str,
    members: &[Member],
    host: &mut dyn Host,
) -> Result<Contents, Stop> {
    let with = |action: &str| {
        let words = [tar, action, "-C", UNPACK_PLACE].map(str::to_owned).into_iter();
        words.chain(options(asked, compression, Owners::Given)).collect::<Vec<_>>()
    };
    let mut changes = Vec::new();
    for member in members {
        let there = host.stat(&asked.dest.join(&member.name), Follow::No)?;
        changes.extend(difference(member, there.as_ref()));
    }
    if changes.is_empty() {
        let mut command = program::command(with("--diff"));
        command.argv = command.argv.iter().map(|word| fill(word, asked)).collect();
        command.directory = Some(asked.dest.to_owned());
        let output = host.query(&command)?;
        let said = format!("{}{}", output.stdout_text(), output.stderr_text());
        let root = host.identity()?.id == Some(0);
        changes = said.lines().filter(|line| counts(line, root, asked)).map(told).collect();
    }
    let command: Command = program::command(with("--extract"));
    Ok(Contents {
        handler,
        command,
        files: members.iter().map(|member| member.name.clone()).collect(),
        kinds: members.iter().map(|member| (member.kind, member.mode)).collect(),
        size: members.iter().map(|member| member.size).sum(),
        unarchived: changes.is_empty(),
        changes,
    })
}

/// Whether a line of `tar --diff` tells of something that is to be unpacked.
fn counts(line: &str, root: bool, asked: &Asked<'_>) -> bool {
    let given = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let attributes = &asked.params.attributes;
    let owned = root && !given(&attributes.owner) && line.ends_with(": Uid differs");
    let grouped = root && !given(&attributes.group) && line.ends_with(": Gid differs");
    let moded = asked.wanted.mode.is_none() && line.ends_with(": Mode differs");
    let differs = DIFFERS.iter().any(|words| line.contains(words));
    let bogus = line.ends_with(": : Warning: Cannot stat: No such file or directory");
    !bogus && (owned || grouped || moded || differs)
}

/// A line of `tar --diff` as rsync would say it.
fn told(line: &str) -> String {
    let (name, what) = line.split_once(": ").unwrap_or((line, ""));
    let flag = match what {
        "Contents differ" => (2, 'c'),
        "Size differs" => (3, 's'),
        "Mod time differs" => (4, 't'),
        "Mode differs" => (5, 'p'),
        "Uid differs" => (6, 'o'),
        "Gid differs" => (7, 'g'),
        _ => (2, 'c'),
    };
    itemized('f', &[flag], name)
}

/// What differs that a look tells.
fn difference(member: &Member, there: Option<&FileStat>) -> Option<String> {
    let kind = match member.kind {
        FileKind::Directory => 'd',
        FileKind::Link => 'L',
        FileKind::File
        | FileKind::CharacterDevice
        | FileKind::BlockDevice
        | FileKind::Fifo
        | FileKind::Socket => 'f',
    };
    let Some(there) = there else { return Some(format!(">{kind}++++++.?? {}", member.name)) };
    let mut flags = Vec::new();
    match (member.kind, there.kind) {
        (FileKind::File, FileKind::File) if !member.hard => {
            if member.size != there.size {
                flags.push((3, 's'));
            }
            if member.modified != there.modified.seconds {
                flags.push((4, 't'));
            }
        }
        (FileKind::Link, FileKind::Link)
            if member.target.as_deref().map(PathBuf::from) != there.link_target =>
        {
            flags.push((2, 'c'));
        }
        _ => {}
    }
    (!flags.is_empty()).then(|| itemized(kind, &flags, &member.name))
}

/// A line of `tar --list --verbose --full-time --numeric-owner`.
pub(super) fn parse(line: &str) -> Option<Member> {
    let (kind, rest) = (line.chars().next()?, line.get(1..)?);
    let mode = mode_from_letters(rest.get(..9)?)?;
    let mut rest = rest.get(9..)?.trim_start_matches(['+', '.', '@']).trim_start();
    let mut word = || {
        let (word, after) = rest.split_once(' ')?;
        rest = after.trim_start();
        Some(word)
    };
    let _owner = word()?;
    let size = word()?;
    let day = word()?;
    let (time, name) = rest.split_once(' ')?;
    let modified = format!("{day}T{time}Z").parse::<jiff::Timestamp>().ok()?.as_second();
    let (kind, hard) = match kind {
        '-' | '0' | 'C' => (FileKind::File, false),
        'h' => (FileKind::File, true),
        'd' => (FileKind::Directory, false),
        'l' => (FileKind::Link, false),
        'c' => (FileKind::CharacterDevice, false),
        'b' => (FileKind::BlockDevice, false),
        'p' => (FileKind::Fifo, false),
        _ => return None,
    };
    let (name, target) = match (kind, hard) {
        (FileKind::Link, _) => name.split_once(" -> ").map(|(name, to)| (name, Some(to)))?,
        (_, true) => name.split_once(" link to ").map(|(name, to)| (name, Some(to)))?,
        _ => (name, None),
    };
    let name = unescaped(name);
    let name = name.strip_prefix('/').unwrap_or(&name).to_owned();
    // devices have numbers there
    let size = size.parse().unwrap_or(0);
    Some(Member { kind, mode, size, modified, name, target: target.map(unescaped), hard })
}

/// A name as tar escapes it: `\303\244`, `\n`, `\\`.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let digits = after.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        if digits == 3 {
            let octal =
                after.iter().take(3).fold(0_u32, |sum, byte| sum * 8 + u32::from(byte - b'0'));
            bytes.push(u8::try_from(octal & 0xff).unwrap_or_default());
            rest = after.get(3..).unwrap_or_default();
            continue;
        }
        let Some((letter, after)) = after.split_first() else {
            bytes.push(b'\\');
            break;
        };
        rest = after;
        bytes.push(match letter {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            other => *other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
