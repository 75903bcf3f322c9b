//! `ansible.builtin.apt_key`: a key that apt trusts.
//!
//! Follows the module of ansible-core 2.19, through `apt-key` and `gpg`. Check mode: full. Diff: the
//! key.
//!
//! ```yaml
//! - name: The vendor's key
//!   ansible.builtin.apt_key:
//!     url: https://example.com/key.asc
//!     id: 0123456789ABCDEF
//! ```
//!
//! Returns `id`, `short_id`, `fp`, `key_id`, `before` and `after`.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::expansion;
use super::program;
use super::rpm_key::piped;
use super::uri::fetched;
use crate::contract::{Module, Plan, Planned, Returned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Host, HostError, HttpRequest};
use crate::params::Rule;
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
    /// Parameters of `ansible.builtin.apt_key`.
    pub struct Params {
        /// The id of the key, with 8, 16 or more digits.
        id: Option<String>,
        /// The address of the key.
        url: Option<String>,
        /// The key itself.
        data: Option<String>,
        /// The file of the key on the host.
        file: Option<PathBuf>,
        /// The keyring, in `/etc/apt/trusted.gpg.d`.
        keyring: Option<PathBuf>,
        /// Whether certificates are checked.
        validate_certs: bool = true,
        /// The server of keys.
        keyserver: Option<String>,
        /// Whether the key shall be there.
        state: State = State::Present,
    }
    rules [Rule::MutuallyExclusive(&["data", "file", "keyserver", "url"])]
}

/// The module.
#[derive(Debug)]
pub struct AptKey;

/// What is known of the key.
#[derive(Debug)]
pub struct Observed {
    apt_key: String,
    keyring: Option<String>,
    id: Id,
    keys: Vec<String>,
    source: Source,
}

/// Where the key is.
#[derive(Debug, Clone)]
enum Source {
    Nothing,
    File(String),
    Server(String),
    Data(Vec<u8>),
}

/// The id of a key in the lengths that programs want.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Id {
    given: String,
    short: String,
    fingerprint: String,
    whole: String,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A server must be told which.
    #[error("Missing key_id, required with keyserver.")]
    NoId,
    /// It is no id.
    #[error("Invalid key_id")]
    BadId,
    /// The address does not give it.
    #[error("Failed to download key at {0}: {1}")]
    Download(String, String),
    /// gpg finds none in it.
    #[error("Unable to extract key from '{0}'")]
    Extract(String),
    /// There is nothing to put in.
    #[error("No key to add ... how did i get here?!?!")]
    Nothing,
    /// The keys cannot be read.
    #[error("Unable to list public keys")]
    List,
    /// apt-key did something else.
    #[error(
        "apt-key did not return an error, but {0} (check that the id is correct and *not* a subkey)"
    )]
    NotDone(&'static str),
}

impl Module for AptKey {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let apt_key = program::required(host, "apt-key")?;
        let gpg = program::required(host, "gpg")?;
        let keyring = match &params.keyring {
            Some(path) => Some(expansion::path(path, host)?.to_string_lossy().into_owned()),
            None => None,
        };
        let given = params.id.as_deref().filter(|id| !id.is_empty());
        if given.is_none() && params.keyserver.is_some() {
            return Err(Stop::failed(Error::NoId));
        }
        let mut source = match (&params.file, &params.keyserver, &params.data) {
            (Some(file), ..) => {
                Source::File(expansion::path(file, host)?.to_string_lossy().into_owned())
            }
            (_, Some(server), _) => Source::Server(server.clone()),
            (.., Some(data)) => Source::Data(data.clone().into_bytes()),
            _ => Source::Nothing,
        };
        let id = match given {
            Some(id) => id.to_owned(),
            None => {
                if let Some(url) = &params.url {
                    source = Source::Data(download(url, params, host)?);
                }
                key_in(&gpg, &source, host)?
            }
        };
        let id = Id::parse(&id)?;
        let keys = list(&apt_key, keyring.as_deref(), &id, host)?;
        let observed = Observed { apt_key, keyring, id, keys, source };
        // what is there need not be fetched
        match (&observed.source, &params.url) {
            (Source::Nothing, Some(url))
                if !observed.is_there() && params.state == State::Present =>
            {
                let source = Source::Data(download(url, params, host)?);
                Ok(Observed { source, ..observed })
            }
            _ => Ok(observed),
        }
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        for (name, value) in observed.told() {
            plan.set(name, value);
        }
        let wanted = params.state == State::Present;
        if wanted == observed.is_there() {
            return Ok(plan);
        }
        let mut argv = vec![observed.apt_key.as_str()];
        if let Some(keyring) = &observed.keyring {
            argv.extend(["--keyring", keyring]);
        }
        let command = if wanted {
            match &observed.source {
                Source::File(path) => program::command(argv.into_iter().chain(["add", path])),
                Source::Server(server) => {
                    let whole = &observed.id.whole;
                    let words = ["adv", "--no-tty", "--keyserver", server, "--recv", whole];
                    program::command(argv.into_iter().chain(words))
                }
                Source::Data(data) => {
                    argv.extend(["add", "-"]);
                    piped(data, &argv)
                }
                Source::Nothing => return Err(observed.failure(Error::Nothing)),
            }
        } else {
            program::command(argv.into_iter().chain(["del", &observed.id.short]))
        };
        let there = Some(Json::from("present"));
        let change = SettingChange {
            kind: "apt key".to_owned(),
            name: observed.setting(),
            before: there.clone().filter(|_| !wanted),
            after: there.filter(|_| wanted),
            commands: vec![command],
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), if wanted { "it is not there" } else { "it is there" });
        Ok(plan)
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        let wanted = params.state == State::Present;
        let rehearsed = host.rehearsed("apt key", &observed.setting()).is_some();
        if rehearsed || wanted == observed.is_there() {
            return Ok(());
        }
        let keys = list(&observed.apt_key, observed.keyring.as_deref(), &observed.id, host)?;
        let there = keys.contains(observed.id.compared());
        let not_done = match (wanted, there) {
            (true, false) => "failed to add the key",
            (false, true) => "the key was not removed",
            _ => {
                returned.insert("after".to_owned(), Json::from(keys));
                return Ok(());
            }
        };
        Err(observed.failure(Error::NotDone(not_done)).with("after", keys))
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

impl Observed {
    /// What is told of the key, whatever becomes of it.
    fn told(&self) -> [(&'static str, Json); 5] {
        let id = &self.id;
        [
            ("id", Json::from(id.given.as_str())),
            ("short_id", Json::from(id.short.as_str())),
            ("fp", Json::from(id.fingerprint.as_str())),
            ("key_id", Json::from(id.whole.as_str())),
            ("before", Json::from(self.keys.clone())),
        ]
    }

    /// A failure in the midst of a change.
    fn failure(&self, error: Error) -> Stop {
        let stop = Stop::failed(error).with("changed", true);
        self.told().into_iter().fold(stop, |stop, (name, value)| stop.with(name, value))
    }

    fn is_there(&self) -> bool {
        self.keys.contains(self.id.compared())
    }

    fn setting(&self) -> String {
        match &self.keyring {
            Some(keyring) => format!("{} in {keyring}", self.id.compared()),
            None => self.id.compared().clone(),
        }
    }
}

impl Id {
    fn parse(given: &str) -> Result<Self, Stop> {
        let upper = given.to_uppercase();
        let whole = upper.strip_prefix("0X").unwrap_or(&upper).to_owned();
        let is_hex = !whole.is_empty() && whole.chars().all(|digit| digit.is_ascii_hexdigit());
        let length = whole.len();
        if !is_hex || (length != 8 && length < 16) {
            return Err(Stop::failed(Error::BadId).with("id", given));
        }
        let last = |count: usize| whole.get(length.saturating_sub(count)..).unwrap_or_default();
        Ok(Self {
            given: given.to_owned(),
            short: last(8).to_owned(),
            fingerprint: last(16).to_owned(),
            whole: whole.clone(),
        })
    }

    /// What is looked for among the keys that are there.
    fn compared(&self) -> &String {
        if self.whole.len() == 8 { &self.short } else { &self.fingerprint }
    }
}

fn download(url: &str, params: &Params, host: &mut dyn Host) -> Result<Vec<u8>, Stop> {
    let request = HttpRequest {
        url: url.to_owned(),
        insecure: !params.validate_certs,
        use_proxy: true,
        ..HttpRequest::default()
    };
    fetched(host.fetch(&request))?
        .map_err(|reason| Stop::failed(Error::Download(url.to_owned(), reason)))
}

/// The id of the first key that gpg finds.
fn key_in(gpg: &str, source: &Source, host: &mut dyn Host) -> Result<String, Stop> {
    let (output, name) = match source {
        Source::File(path) => (program::query(host, [gpg, "--with-colons", path])?, path.as_str()),
        Source::Data(data) => {
            (host.query(&piped(data, &[gpg, "--with-colons", "-"]))?, "inline data")
        }
        Source::Server(_) | Source::Nothing => {
            return Err(Stop::failed(Error::BadId).with("id", Json::Null));
        }
    };
    if !output.success() {
        return Err(Stop::failed(Error::Extract(name.to_owned()))
            .with("stdout", output.stdout_text())
            .with("stderr", output.stderr_text()));
    }
    let found = keys_of(&output.stdout_text()).into_iter().next();
    found.ok_or_else(|| Stop::failed(Error::BadId))
}

/// The ids of keys and subkeys that are good.
fn keys_of(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with("pub") || line.starts_with("sub"))
        .filter(|line| !line.contains("expired"))
        .filter_map(|line| {
            let word = line.split_whitespace().nth(1).and_then(|word| word.split_once('/'));
            let plain = word.map(|(_, id)| id.to_owned());
            plain.or_else(|| line.split(':').nth(4).map(str::to_owned))
        })
        .collect()
}

fn list(
    apt_key: &str,
    keyring: Option<&str>,
    id: &Id,
    host: &mut dyn Host,
) -> Result<Vec<String>, Stop> {
    let mut argv = vec![apt_key];
    if let Some(keyring) = keyring.filter(|ring| !ring.is_empty()) {
        argv.extend(["--keyring", keyring]);
    }
    argv.extend(["adv", "--list-public-keys", "--keyid-format=long"]);
    let output = program::query(host, argv)?;
    if !output.success() {
        return Err(Stop::failed(Error::List)
            .with("rc", output.status)
            .with("stdout", output.stdout_text())
            .with("stderr", output.stderr_text()));
    }
    let mut keys = keys_of(&output.stdout_text());
    if id.whole.len() == 8 {
        keys = keys
            .iter()
            .map(|key| key.get(key.len().saturating_sub(8)..).unwrap_or_default().to_owned())
            .collect();
    }
    let name = match keyring {
        Some(keyring) => format!("{} in {keyring}", id.compared()),
        None => id.compared().clone(),
    };
    if let Some(kept) = host.rehearsed("apt key", &name) {
        keys.retain(|key| key != id.compared());
        keys.extend(kept.value.map(|_| id.compared().clone()));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{AptKey, Id, Params};
    use crate::contract::{Module as _, Plan, Stop};
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn plan(arguments: &Json) -> Result<Plan, Stop> {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let list = ["/usr/bin/apt-key", "adv", "--list-public-keys", "--keyid-format=long"];
        let keys = "pub   rsa4096/AAAABBBBCCCCDDDD 2020-01-01 [SC]\n      X\nsub   rsa4096/1111222233334444 2020\n";
        let mut host = MemoryHost::new()
            .with_program("apt-key")
            .with_program("gpg")
            .with_output(&list, output(keys))
            .with_output(
                &["/usr/bin/gpg", "--with-colons", "/k"],
                output("pub:-:1:1:0123456789ABCDEF:\n"),
            );
        let params = Params::parse("apt_key", arguments.as_object().unwrap()).unwrap();
        let observed = AptKey::observe(&params, &mut host)?;
        AptKey::plan(&params, &observed)
    }

    #[test]
    fn keys_come_and_go() {
        let table: &[(Json, Option<&str>)] = &[
            (json!({"id": "CCCCDDDD"}), None),
            (json!({"id": "0xaaaabbbbccccdddd", "state": "absent"}), Some("apt-key del CCCCDDDD")),
            (json!({"file": "/k"}), Some("apt-key add /k")),
            (
                json!({"id": "12345678", "keyserver": "keys.example.com"}),
                Some("apt-key adv --no-tty --keyserver keys.example.com --recv 12345678"),
            ),
            (json!({"id": "12345678", "state": "absent"}), None),
        ];
        for (arguments, expected) in table {
            let plan = plan(arguments).unwrap();
            let call = plan.effects.first().map(|planned| match &planned.effect {
                Effect::Setting(change) => change.commands[0].argv.join(" "),
                other => panic!("{other:?}"),
            });
            let expected = expected.map(|words| format!("/usr/bin/{words}"));
            assert_eq!(call, expected, "{arguments}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for id in ["xyz", "123", "123456789"] {
            assert_eq!(Id::parse(id).unwrap_err().to_string(), "Invalid key_id");
        }
        let stop = plan(&json!({"keyserver": "x"})).unwrap_err();
        assert_eq!(stop.to_string(), "Missing key_id, required with keyserver.");
    }
}
