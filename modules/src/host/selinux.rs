//! SELinux contexts of files: what they are made of, and which one the policy has for a path.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Follow, Host, HostError};
use crate::python_regex;

/// Where the kernel shows that SELinux is on.
const FILE_SYSTEM: &str = "/sys/fs/selinux";

/// What names the policy.
const CONFIG: &str = "/etc/selinux/config";

/// A context: `system_u:object_r:etc_t:s0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    user: String,
    role: String,
    kind: String,
    /// Only where the policy has levels.
    level: Option<String>,
}

impl Context {
    /// Its parts, in order.
    pub fn parts(&self) -> Vec<&str> {
        let parts = [&self.user, &self.role, &self.kind].map(String::as_str);
        parts.into_iter().chain(self.level.as_deref()).collect()
    }

    /// Reads a context; the level may hold colons.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_end_matches('\0').splitn(4, ':').map(str::to_owned);
        Some(Self {
            user: parts.next().filter(|user| !user.is_empty())?,
            role: parts.next()?,
            kind: parts.next()?,
            level: parts.next(),
        })
    }
}

impl fmt::Display for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.user, self.role, self.kind)?;
        match &self.level {
            Some(level) => write!(formatter, ":{level}"),
            None => Ok(()),
        }
    }
}

/// A part of a context as the options of a task ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the policy has for the path.
    Default,
    /// This.
    Given(String),
}

impl Part {
    /// What an option asks for; nothing where it is empty.
    pub(crate) fn of(option: Option<&String>) -> Option<Self> {
        match option?.as_str() {
            "" => None,
            "_default" => Some(Self::Default),
            other => Some(Self::Given(other.to_owned())),
        }
    }
}

/// The parts that a task asks for, on a host where SELinux is on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContextChange {
    /// The user.
    pub user: Option<Part>,
    /// The role.
    pub role: Option<Part>,
    /// The type.
    pub kind: Option<Part>,
    /// The level, where the policy has such.
    pub level: Option<Part>,
}

impl ContextChange {
    /// Whether the policy is to be asked.
    pub(crate) fn asks_policy(&self) -> bool {
        [&self.user, &self.role, &self.kind, &self.level]
            .iter()
            .any(|part| **part == Some(Part::Default))
    }

    /// A context with the parts that are asked for in the place of its own; what the policy does not
    /// know stays.
    pub(crate) fn of(&self, now: &Context, policy: Option<&Context>) -> Context {
        let choose = |part: &Option<Part>, now: &str, policy: Option<&str>| match part {
            Some(Part::Given(given)) => given.clone(),
            Some(Part::Default) => policy.unwrap_or(now).to_owned(),
            None => now.to_owned(),
        };
        let level = now.level.as_ref().map(|level| {
            choose(&self.level, level, policy.and_then(|policy| policy.level.as_deref()))
        });
        Context {
            user: choose(&self.user, &now.user, policy.map(|policy| policy.user.as_str())),
            role: choose(&self.role, &now.role, policy.map(|policy| policy.role.as_str())),
            kind: choose(&self.kind, &now.kind, policy.map(|policy| policy.kind.as_str())),
            level,
        }
    }
}

/// What a change makes of the context of a file; nothing where it stays.
pub(crate) fn changed(
    path: &Path,
    now: &Context,
    change: &ContextChange,
    host: &mut dyn Host,
) -> Result<Option<Context>, HostError> {
    let policy = if change.asks_policy() { of_policy(path, host)? } else { None };
    let after = change.of(now, policy.as_ref());
    Ok((after != *now).then_some(after))
}

/// Whether SELinux is on.
pub(crate) fn is_on(host: &mut dyn Host) -> Result<bool, HostError> {
    Ok(host.stat(&Path::new(FILE_SYSTEM).join("enforce"), Follow::Yes)?.is_some())
}

/// Whether its policy has levels.
pub(crate) fn has_levels(host: &mut dyn Host) -> bool {
    let told = host.read(&Path::new(FILE_SYSTEM).join("mls")).unwrap_or_default();
    told.first() == Some(&b'1')
}

/// What the policy has for a path, as `matchpathcon` tells it.
pub(crate) fn of_policy(path: &Path, host: &mut dyn Host) -> Result<Option<Context>, HostError> {
    let Some(folder) = policy(host)? else { return Ok(None) };
    let file = folder.join("contexts/files/file_contexts");
    let mut read = |ending: &str| -> Result<String, HostError> {
        let mut name = file.clone().into_os_string();
        name.push(ending);
        let name = PathBuf::from(name);
        if host.stat(&name, Follow::Yes)?.is_none() {
            return Ok(String::new());
        }
        Ok(String::from_utf8_lossy(&host.read(&name)?).into_owned())
    };
    let mut shown = path.to_string_lossy().into_owned();
    for ending in [".subs", ".subs_dist"] {
        if let Some(other) = substituted(&read(ending)?, &shown) {
            shown = other;
            break;
        }
    }
    let lines = [read("")?, read(".homedirs")?, read(".local")?].concat();
    Ok(matching(&lines, &shown).and_then(Context::parse))
}

/// The folder of the policy that is in force.
fn policy(host: &mut dyn Host) -> Result<Option<PathBuf>, HostError> {
    if host.stat(Path::new(CONFIG), Follow::Yes)?.is_none() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&host.read(Path::new(CONFIG))?).into_owned();
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("SELINUXTYPE="));
    Ok(named.last().map(|name| Path::new("/etc/selinux").join(name.trim())))
}

/// A path as one that it stands for: `/run` for `/var/run`.
fn substituted(text: &str, path: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (from, to) = (words.next().filter(|word| !word.starts_with('#'))?, words.next()?);
        let rest = path.strip_prefix(from)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
    })
}

/// The context of the line that counts for a path: the last without wildcards, else the last.
fn matching<'a>(lines: &'a str, path: &str) -> Option<&'a str> {
    let specs = || {
        lines.lines().rev().filter_map(|line| {
            let line = line.trim();
            let mut words = line.split_whitespace().filter(|_| !line.starts_with('#'));
            Some((words.next()?, words.next_back()?))
        })
    };
    let exact = specs().find(|(pattern, _)| !has_meta(pattern) && plain(pattern) == path);
    let found = exact.or_else(|| {
        specs().find(|(pattern, _)| {
            has_meta(pattern) && path.starts_with(&stem(pattern)) && fits(pattern, path)
        })
    });
    found.map(|(_, context)| context).filter(|context| *context != "<<none>>")
}

const META: [char; 10] = ['.', '^', '$', '?', '*', '+', '|', '[', '(', '{'];

fn has_meta(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|letter| {
        let meta = !escaped && META.contains(&letter);
        escaped = letter == '\\' && !escaped;
        meta
    })
}

/// A pattern without wildcards as the path that it is.
fn plain(pattern: &str) -> String {
    pattern.replace('\\', "")
}

/// What all paths begin with that a pattern fits: the folders before its first wildcard.
fn stem(pattern: &str) -> String {
    let mut end = pattern.len();
    let mut escaped = false;
    for (at, letter) in pattern.char_indices() {
        if !escaped && META.contains(&letter) {
            end = at;
            break;
        }
        escaped = letter == '\\' && !escaped;
    }
    let start = pattern.get(..end).unwrap_or_default();
    // an alternative may begin otherwise, and what stands before `?` need not be there
    if pattern.contains('|') && !pattern.contains('(') {
        return String::new();
    }
    let folder = start.rfind('/').map_or(0, |at| at);
    plain(start.get(..folder).unwrap_or_default())
}

fn fits(pattern: &str, path: &str) -> bool {
    let whole = format!("^(?:{pattern})$");
    python_regex::compile(&whole, python_regex::Flags::default())
        .and_then(|regex| regex.is_found(path))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    fn context(text: &str) -> Context {
        Context::parse(text).unwrap()
    }

    #[test]
    fn contexts_are_read_and_written() {
        for text in [
            "system_u:object_r:etc_t:s0",
            "staff_u:object_r:user_home_t:s0-s0:c0.c1023",
            "system_u:object_r:etc_t",
        ] {
            assert_eq!(context(text).to_string(), text);
        }
        // as the kernel ends it
        assert_eq!(context("a:b:c:s0\0").to_string(), "a:b:c:s0");
        for wrong in ["", "etc_t", "a:b"] {
            assert_eq!(Context::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_parts_that_are_asked_for_change() {
        let now = context("system_u:object_r:etc_t:s0");
        let policy = context("unconfined_u:object_r:httpd_sys_content_t:s0");
        let given = |text: &str| Some(Part::Given(text.to_owned()));
        let default = || Some(Part::Default);
        let none = ContextChange::default;
        for (wanted, expected) in [
            (none(), "system_u:object_r:etc_t:s0"),
            (ContextChange { kind: given("x_t"), ..none() }, "system_u:object_r:x_t:s0"),
            (
                ContextChange { level: given("s0:c1,c2"), ..none() },
                "system_u:object_r:etc_t:s0:c1,c2",
            ),
            (
                ContextChange { kind: default(), ..none() },
                "system_u:object_r:httpd_sys_content_t:s0",
            ),
            (
                ContextChange { user: default(), role: given("r"), ..none() },
                "unconfined_u:r:etc_t:s0",
            ),
        ] {
            assert_eq!(wanted.of(&now, Some(&policy)).to_string(), expected, "{wanted:?}");
        }
        let wanted = ContextChange { kind: default(), level: default(), ..none() };
        assert_eq!(wanted.of(&now, None), now, "what the policy does not know stays");
        // without levels none is set
        let old = context("system_u:object_r:etc_t");
        let wanted = ContextChange { level: given("s0"), ..none() };
        assert_eq!(wanted.of(&old, None), old);
    }

    const FILE_CONTEXTS: &str = "# of the reference policy\n\
        /.*\tsystem_u:object_r:default_t:s0\n\
        /etc(/.*)?\tsystem_u:object_r:etc_t:s0\n\
        /etc/cron\\.d(/.*)?\tsystem_u:object_r:system_cron_spool_t:s0\n\
        /etc/shadow.*\t--\tsystem_u:object_r:shadow_t:s0\n\
        /etc/passwd\\.lock\t--\tsystem_u:object_r:shadow_t:s0\n\
        /var/run(/.*)?\tsystem_u:object_r:var_run_t:s0\n\
        /srv/([^/]*/)?www(/.*)?\tsystem_u:object_r:httpd_sys_content_t:s0\n\
        /proc/.*\t<<none>>\n\
        /(dev|udev)/null\t-c\tsystem_u:object_r:null_device_t:s0\n";

    #[test]
    fn the_last_line_that_fits_counts() {
        let mut host = MemoryHost::new()
            .with_file("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n")
            .with_file("/etc/selinux/targeted/contexts/files/file_contexts", FILE_CONTEXTS)
            .with_file(
                "/etc/selinux/targeted/contexts/files/file_contexts.local",
                "/opt/site(/.*)?    system_u:object_r:httpd_sys_content_t:s0\n",
            )
            .with_file(
                "/etc/selinux/targeted/contexts/files/file_contexts.subs_dist",
                "/run /var/run\n",
            );
        for (path, kind) in [
            ("/etc", Some("etc_t")),
            ("/etc/motd", Some("etc_t")),
            ("/etcetera", Some("default_t")),
            ("/etc/cron.d/x", Some("system_cron_spool_t")),
            ("/etc/cronXd/x", Some("etc_t")),
            ("/etc/shadow-", Some("shadow_t")),
            ("/etc/passwd.lock", Some("shadow_t")),
            ("/run/x.pid", Some("var_run_t")),
            ("/running", Some("default_t")),
            ("/srv/www/index.html", Some("httpd_sys_content_t")),
            ("/srv/site/www/x", Some("httpd_sys_content_t")),
            ("/opt/site/x", Some("httpd_sys_content_t")),
            ("/udev/null", Some("null_device_t")),
            ("/proc/self", None),
        ] {
            let found = of_policy(Path::new(path), &mut host).unwrap();
            assert_eq!(found.map(|found| found.kind).as_deref(), kind, "{path}");
        }
        let nothing = of_policy(Path::new("/etc/motd"), &mut MemoryHost::new()).unwrap();
        assert_eq!(nothing, None);
    }
}
