//! `ansible.builtin.known_hosts`: the key of a host in a `known_hosts` file.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: the file.
//!
//! Differs from Ansible: names and hashed names are compared here, `ssh-keygen` is not needed, and
//! no `known_hosts.old` is left behind.
//!
//! ```yaml
//! - name: Know the repository's host
//!   ansible.builtin.known_hosts:
//!     name: git.example.com
//!     key: git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
//! ```
//!
//! Returns the parameters and `diff`.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha1::Sha1;

use super::expansion;
use super::file_attributes;
use super::wildcard;
use crate::contract::{Module, Plan, Returned, Stop};
use crate::effect::{Attributes, Content, Effect, WriteFile};
use crate::host::{FileKind, Follow, Host};
use crate::{choices, params};

choices! {
    /// Whether the key shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `ansible.builtin.known_hosts`.
    pub struct Params {
        /// The host, with a port as `[host]:port`.
        name ("host"): String,
        /// The line of the key; without, all keys of the host are removed.
        key: Option<String>,
        /// The file; by default `~/.ssh/known_hosts`.
        path: Option<PathBuf>,
        /// Whether the name is written as a hash.
        hash_host: bool = false,
        /// Whether the key shall be there.
        state: State = State::Present,
    }
}

/// The module.
#[derive(Debug)]
pub struct KnownHosts;

/// What is known of the file.
#[derive(Debug)]
pub struct Observed {
    path: PathBuf,
    text: Option<String>,
    /// What a new hash is salted with.
    salt: [u8; 20],
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to put in.
    #[error("No key specified when adding a host")]
    NoKey,
    /// Several names.
    #[error(
        "Comma separated list of names is not supported. Please pass a single name to lookup in \
         the known_hosts file."
    )]
    Names,
    /// The key is another host's.
    #[error("Host parameter does not match hashed host field in supplied key")]
    OtherHost,
}

impl Module for KnownHosts {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let path = params.path.clone().unwrap_or_else(|| "~/.ssh/known_hosts".into());
        let path = expansion::path(&path, host)?;
        let stat = host.stat(&path, Follow::Yes)?;
        let text = match stat {
            Some(stat) if stat.kind == FileKind::File => {
                Some(String::from_utf8_lossy(&host.read(&path)?).into_owned())
            }
            _ => None,
        };
        Ok(Observed { path, text, salt: salt() })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let name = params.name.to_lowercase();
        let present = params.state == State::Present;
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        plan.set("key", params.key.clone());
        plan.set("path", observed.path.to_string_lossy().into_owned());
        plan.set("hash_host", params.hash_host);
        plan.set("state", params.state.word());
        let given = params.key.as_deref().filter(|key| !key.is_empty());
        let lines: Vec<&str> =
            observed.text.iter().flat_map(|text| text.split_inclusive('\n')).collect();
        let Some(given) = given else {
            if present {
                return Err(Stop::failed(Error::NoKey));
            }
            let keeps = |line: &&&str| !Entry::parse(line).is_some_and(|entry| entry.is_of(&name));
            let kept: String = lines.iter().filter(keeps).copied().collect();
            if observed.text.as_ref().is_some_and(|text| *text != kept) {
                set_diff(observed, &kept, &mut plan);
                plan.push(write(observed, kept), "keys of the host are there");
            } else {
                set_diff(observed, &kept, &mut plan);
            }
            return Ok(plan);
        };
        let line =
            if params.hash_host { hashed(&name, given, &observed.salt) } else { given.to_owned() };
        check(&name, &line)?;
        let Some(new) = Entry::parse(&line) else { return Err(Stop::failed(Error::OtherHost)) };
        let found = find(&name, &new, &lines);
        let (replaced, adds) = match found {
            Found::Nothing => (None, present),
            Found::Same(index) => (Some(index).filter(|_| !present), false),
            Found::SameKind(index) => (Some(index), present),
            Found::OtherKinds => (None, present),
        };
        if replaced.is_none() && !adds {
            set_diff(observed, &lines.concat(), &mut plan);
            return Ok(plan);
        }
        let mut text: String = lines
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != replaced)
            .map(|(_, line)| *line)
            .collect();
        if adds {
            text.push_str(&line);
            if !line.ends_with('\n') {
                text.push('\n');
            }
        }
        set_diff(observed, &text, &mut plan);
        let reason = match (replaced, adds) {
            (Some(_), true) => "the key differs",
            (Some(_), false) => "the key is there",
            (None, _) => "the key is not there",
        };
        plan.push(write(observed, text), reason);
        Ok(plan)
    }

    fn revisit(
        _: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        Ok(file_attributes::describe(host, &observed.path, returned)?)
    }
}

/// The module returns the diff even where nobody asks for diffs.
fn set_diff(observed: &Observed, after: &str, plan: &mut Plan) {
    let path = observed.path.to_string_lossy().into_owned();
    let before_header = if observed.text.is_some() { path.as_str() } else { "/dev/null" };
    let diff = json!({
        "before_header": before_header, "before": observed.text.clone().unwrap_or_default(),
        "after_header": path, "after": after,
    });
    plan.set("diff", diff);
}

fn write(observed: &Observed, text: String) -> Effect {
    Effect::WriteFile(WriteFile {
        path: observed.path.clone(),
        content: Content::Bytes(text.into_bytes()),
        attributes: Attributes::default(),
        validate: None,
        backup: false,
        unsafe_writes: false,
    })
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    marker: Option<String>,
    host: String,
    kind: String,
    key: String,
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let mut words = line.split_whitespace().map(str::to_owned);
        let first = words.next().filter(|first| !first.starts_with('#'))?;
        let (marker, host) =
            if first.starts_with('@') { (Some(first), words.next()?) } else { (None, first) };
        Some(Self { marker, host, kind: words.next()?, key: words.next()? })
    }

    /// Whether it is the named host's.
    fn is_of(&self, name: &str) -> bool {
        if let Some(hash) = self.host.strip_prefix("|1|") {
            return hash
                .split_once('|')
                .and_then(|(salt, _)| BASE64.decode(salt).ok())
                .is_some_and(|salt| hash_of(name, &salt) == self.host);
        }
        let mut found = false;
        for pattern in self.host.split(',') {
            let (negated, pattern) =
                pattern.strip_prefix('!').map_or((false, pattern), |pattern| (true, pattern));
            // brackets are part of names with a port
            let pattern = pattern.to_lowercase().replace('[', "\\[").replace(']', "\\]");
            let matches =
                pattern.replace('\\', "") == name || wildcard::matches(&escaped(&pattern), name);
            if matches && negated {
                return false;
            }
            found |= matches;
        }
        found
    }
}

/// A pattern in which brackets stand for themselves.
fn escaped(pattern: &str) -> String {
    pattern.replace("\\[", "[[]").replace("\\]", "]")
}

/// What the file has of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The very key, in this line.
    Same(usize),
    /// Another key of the kind, in this line.
    SameKind(usize),
    /// Only keys of other kinds.
    OtherKinds,
}

fn find(name: &str, new: &Entry, lines: &[&str]) -> Found {
    let mut any = false;
    let mut new = new.clone();
    for (index, line) in lines.iter().enumerate() {
        let Some(entry) = Entry::parse(line).filter(|entry| entry.is_of(name)) else { continue };
        any = true;
        if entry.marker.is_some() {
            if entry == new {
                return Found::Same(index);
            }
            continue;
        }
        if new.host.starts_with("|1|") && entry.host.starts_with("|1|") {
            // the salt is another each time
            new.host.clone_from(&entry.host);
        }
        if entry == new {
            return Found::Same(index);
        }
        if entry.kind == new.kind {
            return Found::SameKind(index);
        }
    }
    if any { Found::OtherKinds } else { Found::Nothing }
}

/// Refuses a key of another host.
fn check(name: &str, line: &str) -> Result<(), Stop> {
    let before_comma = name.split_once(',').map(|(before, _)| before.trim_end());
    if before_comma.is_some_and(|before| !before.is_empty()) {
        return Err(Stop::failed(Error::Names));
    }
    match Entry::parse(line) {
        Some(entry) if entry.is_of(name) => Ok(()),
        _ => Err(Stop::failed(Error::OtherHost)),
    }
}

/// The line with the name as a hash.
fn hashed(name: &str, line: &str, salt: &[u8]) -> String {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let at = usize::from(words.first().is_some_and(|first| first.starts_with('@')));
    if let Some(host) = words.get_mut(at) {
        *host = hash_of(name, salt);
    }
    words.join(" ")
}

fn hash_of(name: &str, salt: &[u8]) -> String {
    // a key of any length is accepted
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else { return String::new() };
    mac.update(name.as_bytes());
    format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(mac.finalize().into_bytes()))
}

/// Bytes that are others each time.
fn salt() -> [u8; 20] {
    let mut salt = [0; 20];
    for chunk in salt.chunks_mut(8) {
        let random = RandomState::new().build_hasher().finish().to_le_bytes();
        for (byte, random) in chunk.iter_mut().zip(random) {
            *byte = random;
        }
    }
    salt
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{KnownHosts, Params, hash_of};
    use crate::contract::{Module as _, Plan, Stop};
    use crate::effect::{Content, Effect};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn plan(text: Option<&str>, arguments: &Json) -> Result<Plan, Stop> {
        let mut host = MemoryHost::new();
        if let Some(text) = text {
            host = host.with_file("/k", text);
        }
        let mut arguments = arguments.clone();
        arguments["path"] = json!("/k");
        let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
        let observed = KnownHosts::observe(&params, &mut host)?;
        KnownHosts::plan(&params, &observed)
    }

    fn written(plan: &Plan) -> Option<String> {
        plan.effects.first().map(|planned| match &planned.effect {
            Effect::WriteFile(write) => match &write.content {
                Content::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn keys_come_and_go() {
        let hash = hash_of("h", b"saltsaltsaltsaltsalt");
        let with_hash = format!("{hash} ssh-rsa A\n");
        let hash_arguments = json!({"name": "h", "key": "h ssh-rsa A", "hash_host": true});
        let table: &[(Option<&str>, Json, Option<&str>)] = &[
            (None, json!({"name": "H", "key": "h ssh-rsa A"}), Some("h ssh-rsa A\n")),
            (Some("h ssh-rsa A\n"), json!({"name": "h", "key": "h ssh-rsa A me@x"}), None),
            (
                Some("a x y\nh ssh-rsa B\n"),
                json!({"name": "h", "key": "h ssh-rsa A"}),
                Some("a x y\nh ssh-rsa A\n"),
            ),
            (
                Some("h ssh-rsa B\n"),
                json!({"name": "h", "key": "h ssh-ed25519 A"}),
                Some("h ssh-rsa B\nh ssh-ed25519 A\n"),
            ),
            (Some(&with_hash), hash_arguments, None),
            (Some(&with_hash), json!({"name": "h", "state": "absent"}), Some("")),
            (
                Some("a x y\nh,b ssh-rsa B\n"),
                json!({"name": "h", "state": "absent"}),
                Some("a x y\n"),
            ),
            (
                Some("h ssh-rsa A\nh ssh-dss B\n"),
                json!({"name": "h", "key": "h ssh-rsa A", "state": "absent"}),
                Some("h ssh-dss B\n"),
            ),
            (Some("a x y\n"), json!({"name": "h", "key": "h ssh-rsa A", "state": "absent"}), None),
            (
                Some("[h]:22 ssh-rsa A\n"),
                json!({"name": "[h]:22", "key": "[h]:22 ssh-rsa A"}),
                None,
            ),
        ];
        for (text, arguments, expected) in table {
            let plan = plan(*text, arguments).unwrap();
            assert_eq!(written(&plan).as_deref(), *expected, "{text:?} {arguments}");
        }
    }

    #[test]
    fn keys_of_others_are_refused() {
        for (arguments, message) in [
            (json!({"name": "h"}), "No key specified when adding a host"),
            (
                json!({"name": "h", "key": "other ssh-rsa A"}),
                "Host parameter does not match hashed host field in supplied key",
            ),
            (
                json!({"name": "a,b", "key": "a,b ssh-rsa A"}),
                "Comma separated list of names is not supported. Please pass a single name to \
                 lookup in the known_hosts file.",
            ),
        ] {
            assert_eq!(plan(None, &arguments).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn hashes_are_those_of_openssh() {
        // made by ssh-keygen -H
        let entry = super::Entry::parse(&format!(
            "{} ssh-rsa A",
            "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg="
        ));
        assert!(entry.unwrap().is_of("192.168.1.61"));
    }
}
