//! The tree of `ssh_config` to the settings of one host.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::keyword::Keyword;
use super::parse::{Criterion, Item, Known, Negated, Place, Subject};
use super::pattern::matches_list;
use super::settings::{
    Agent, AgentKeys, Family, Hop, HostSettings, Identities, KnownNames, Proxy, RefusedMethod,
};
use super::tokens::Tokens;
use super::{ConfigError, Home};
use crate::connection::target::HostKeys;

/// The usual key files, below `~/.ssh`.
const IDENTITIES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// An option that was not read although it matters for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredOption {
    /// Its name.
    pub name: String,
    /// Whether `ssh_config(5)` has it.
    pub known: Known,
    /// Where it stands.
    pub place: Place,
}

/// Values that stand before all files.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The port.
    pub port: Option<u16>,
    /// The user.
    pub user: Option<String>,
    /// A key file.
    pub identity: Option<PathBuf>,
}

#[derive(Clone)]
struct Value {
    words: Vec<String>,
    raw: String,
    place: Place,
}

impl Value {
    fn first(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

struct Walk<'h> {
    alias: &'h str,
    home: &'h Home,
    given: &'h Given,
    values: HashMap<Keyword, Vec<Value>>,
    ignored: Vec<IgnoredOption>,
    pass: Pass,
    wants_final: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    First,
    Final,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Active {
    Yes,
    No,
}

/// Options of which every value counts.
fn collects(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::IdentityFile | Keyword::CertificateFile)
}

impl Walk<'_> {
    fn items(&mut self, items: &[Item], outer: Active) -> Result<(), ConfigError> {
        let mut active = outer;
        for item in items {
            match item {
                Item::Host(patterns) => {
                    let fits = matches_list(self.alias, patterns.iter().map(String::as_str));
                    active = if fits { outer } else { Active::No };
                }
                Item::Match(criteria) => {
                    active = if self.holds(criteria)? { outer } else { Active::No };
                }
                Item::Include(files) => {
                    for file in files {
                        self.items(file, active)?;
                    }
                }
                Item::Option { keyword, words, raw, place } if active == Active::Yes => {
                    let values = self.values.entry(*keyword).or_default();
                    if values.is_empty() || collects(*keyword) {
                        let place = place.clone();
                        let value = Value { words: words.clone(), raw: raw.clone(), place };
                        if !values.iter().any(|known| known.words == value.words) {
                            values.push(value);
                        }
                    }
                }
                Item::Ignored { name, known, place } if active == Active::Yes => {
                    let option =
                        IgnoredOption { name: name.clone(), known: *known, place: place.clone() };
                    if !self.ignored.contains(&option) {
                        self.ignored.push(option);
                    }
                }
                Item::Option { .. } | Item::Ignored { .. } => {}
            }
        }
        Ok(())
    }

    fn holds(&mut self, criteria: &[Criterion]) -> Result<bool, ConfigError> {
        for criterion in criteria {
            let text = match criterion.subject {
                Subject::All => continue,
                Subject::Final => {
                    self.wants_final = true;
                    if (self.pass == Pass::Final) == (criterion.negated == Negated::Yes) {
                        return Ok(false);
                    }
                    continue;
                }
                Subject::Host => self.host_name()?,
                Subject::OriginalHost => self.alias.to_owned(),
                Subject::User => self.user(),
                Subject::LocalUser => self.home.user.clone(),
            };
            let fits = matches_list(&text, criterion.patterns.iter().map(String::as_str));
            if fits == (criterion.negated == Negated::Yes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn first(&self, keyword: Keyword) -> Option<&Value> {
        self.values.get(&keyword)?.first()
    }

    fn host_name(&self) -> Result<String, ConfigError> {
        let Some(value) = self.first(Keyword::HostName) else { return Ok(self.alias.to_owned()) };
        let tokens = Tokens {
            host: self.alias.to_owned(),
            original: self.alias.to_owned(),
            ..Tokens::default()
        };
        tokens.expand("HostName", value.first(), self.home)
    }

    fn user(&self) -> String {
        let configured = || self.first(Keyword::User).map(|value| value.first().to_owned());
        self.given.user.clone().or_else(configured).unwrap_or_else(|| self.home.user.clone())
    }

    fn number(&self, keyword: Keyword) -> Result<Option<u64>, ConfigError> {
        let Some(value) = self.first(keyword) else { return Ok(None) };
        if matches!(value.first(), "none") {
            return Ok(None);
        }
        let number = seconds(value.first());
        number.map(Some).ok_or_else(|| {
            value.place.error(format!("{keyword:?} wants a number, not `{}`", value.first()))
        })
    }

    fn switch(&self, keyword: Keyword) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.first(keyword) else { return Ok(None) };
        match value.first().to_ascii_lowercase().as_str() {
            "yes" | "true" => Ok(Some(true)),
            "no" | "false" => Ok(Some(false)),
            other => Err(value.place.error(format!("{keyword:?} wants yes or no, not `{other}`"))),
        }
    }

    fn settings(&self) -> Result<HostSettings, ConfigError> {
        let host_name = self.host_name()?;
        let user = self.user();
        let port = match (self.given.port, self.first(Keyword::Port)) {
            (Some(port), _) => port,
            (None, None) => 22,
            (None, Some(value)) => {
                value.first().parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                    value.place.error(format!("`{}` is not a port", value.first()))
                })?
            }
        };
        let host_key_alias =
            self.first(Keyword::HostKeyAlias).map(|value| value.first().to_owned());
        let proxy = self.proxy(&host_name, port, &user)?;
        let tokens = Tokens {
            host: host_name.clone(),
            original: self.alias.to_owned(),
            port: port.to_string(),
            user: user.clone(),
            jump: String::new(),
            alias: host_key_alias.clone().unwrap_or_else(|| self.alias.to_owned()),
        };
        let mut identity_files: Vec<PathBuf> = self.given.identity.iter().cloned().collect();
        identity_files.extend(self.paths(Keyword::IdentityFile, "IdentityFile", &tokens)?);
        let identities =
            if identity_files.is_empty() && !self.values.contains_key(&Keyword::IdentityFile) {
                identity_files =
                    IDENTITIES.map(|name| self.home.directory.join(".ssh").join(name)).into();
                Identities::Default
            } else {
                Identities::Configured
            };
        let known = |keyword, option, usual: [PathBuf; 2]| {
            if self.values.contains_key(&keyword) {
                self.paths(keyword, option, &tokens)
            } else {
                Ok(usual.into())
            }
        };
        let ssh = self.home.directory.join(".ssh");
        Ok(HostSettings {
            alias: self.alias.to_owned(),
            identity_files,
            identities,
            agent_keys: match self.switch(Keyword::IdentitiesOnly)? {
                Some(true) => AgentKeys::OnlyConfigured,
                _ => AgentKeys::All,
            },
            agent: self.agent(&tokens)?,
            certificate_files: self.paths(Keyword::CertificateFile, "CertificateFile", &tokens)?,
            user_known_hosts: known(
                Keyword::UserKnownHostsFile,
                "UserKnownHostsFile",
                [ssh.join("known_hosts"), ssh.join("known_hosts2")],
            )?,
            global_known_hosts: known(
                Keyword::GlobalKnownHostsFile,
                "GlobalKnownHostsFile",
                ["/etc/ssh/ssh_known_hosts".into(), "/etc/ssh/ssh_known_hosts2".into()],
            )?,
            host_keys: self.host_keys()?,
            known_names: match self.switch(Keyword::HashKnownHosts)? {
                Some(true) => KnownNames::Hashed,
                _ => KnownNames::Plain,
            },
            connect_timeout: self
                .number(Keyword::ConnectTimeout)?
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            alive_interval: self.number(Keyword::ServerAliveInterval)?.map(Duration::from_secs),
            alive_count: self
                .number(Keyword::ServerAliveCountMax)?
                .and_then(|count| usize::try_from(count).ok()),
            family: self.family()?,
            refused_methods: self.refused_methods(),
            host_name,
            port,
            user,
            proxy,
            host_key_alias,
        })
    }

    fn paths(
        &self,
        keyword: Keyword,
        option: &'static str,
        tokens: &Tokens,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        let values = self.values.get(&keyword).map(Vec::as_slice).unwrap_or_default();
        values
            .iter()
            .flat_map(|value| &value.words)
            .filter(|word| *word != "none")
            .map(|word| tokens.path(option, word, self.home))
            .collect()
    }

    fn agent(&self, tokens: &Tokens) -> Result<Agent, ConfigError> {
        let variable = |name: &str| {
            let path = self.home.variables.get(name).filter(|path| !path.is_empty());
            path.map_or(Agent::None, |path| Agent::Socket(path.into()))
        };
        Ok(match self.first(Keyword::IdentityAgent) {
            None => variable("SSH_AUTH_SOCK"),
            Some(value) => match value.first() {
                "none" => Agent::None,
                "SSH_AUTH_SOCK" => variable("SSH_AUTH_SOCK"),
                word => match word.strip_prefix('$').filter(|name| !name.starts_with('{')) {
                    Some(name) => variable(name),
                    None => Agent::Socket(tokens.path("IdentityAgent", word, self.home)?),
                },
            },
        })
    }

    fn proxy(&self, host: &str, port: u16, user: &str) -> Result<Proxy, ConfigError> {
        let command = self.first(Keyword::ProxyCommand);
        let jump = self.first(Keyword::ProxyJump);
        if let Some(value) = jump
            && value.first() != "none"
        {
            let hops = value.raw.split(',').map(|hop| parse_hop(hop.trim().trim_matches('"')));
            return hops.collect::<Option<Vec<_>>>().map(Proxy::Jump).ok_or_else(|| {
                value
                    .place
                    .error(format!("ProxyJump: `{}` is no list of [user@]host[:port]", value.raw))
            });
        }
        let Some(value) = command.filter(|value| value.first() != "none") else {
            return Ok(Proxy::None);
        };
        let tokens = Tokens {
            host: host.to_owned(),
            original: self.alias.to_owned(),
            port: port.to_string(),
            user: user.to_owned(),
            ..Tokens::default()
        };
        tokens.expand("ProxyCommand", &value.raw, self.home).map(Proxy::Command)
    }

    fn host_keys(&self) -> Result<Option<HostKeys>, ConfigError> {
        let Some(value) = self.first(Keyword::StrictHostKeyChecking) else { return Ok(None) };
        match value.first().to_ascii_lowercase().as_str() {
            // nobody can be asked while many hosts are reached
            "yes" | "ask" | "true" => Ok(Some(HostKeys::Strict)),
            "accept-new" => Ok(Some(HostKeys::AcceptNew)),
            "no" | "off" | "false" => Ok(Some(HostKeys::Off)),
            other => Err(value.place.error(format!(
                "StrictHostKeyChecking wants yes, ask, accept-new or no, not `{other}`"
            ))),
        }
    }

    fn family(&self) -> Result<Family, ConfigError> {
        let Some(value) = self.first(Keyword::AddressFamily) else { return Ok(Family::Any) };
        match value.first() {
            "any" => Ok(Family::Any),
            "inet" => Ok(Family::V4),
            "inet6" => Ok(Family::V6),
            other => Err(value
                .place
                .error(format!("AddressFamily wants any, inet or inet6, not `{other}`"))),
        }
    }

    fn refused_methods(&self) -> Vec<RefusedMethod> {
        let mut refused = Vec::new();
        for (keyword, method) in [
            (Keyword::PubkeyAuthentication, RefusedMethod::PublicKey),
            (Keyword::PasswordAuthentication, RefusedMethod::Password),
            (Keyword::KbdInteractiveAuthentication, RefusedMethod::KeyboardInteractive),
        ] {
            let value = self.first(keyword).map(Value::first);
            // besides yes and no: unbound, host-bound
            if value.is_some_and(|value| matches!(value, "no" | "No" | "NO" | "false")) {
                refused.push(method);
            }
        }
        refused
    }
}

/// Reads `[user@]host[:port]` or `ssh://[user@]host[:port]`.
pub(crate) fn parse_hop(text: &str) -> Option<Hop> {
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
        let (host, behind) = inner.split_once(']')?;
        match behind.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if behind.is_empty() => (host, None),
            None => return None,
        }
    } else if rest.matches(':').count() > 1 {
        (rest, None)
    } else {
        rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)))
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    let odd = |letter: char| letter.is_whitespace() || letter.is_control();
    if host.is_empty() || host.starts_with('-') || host.contains(odd) {
        return None;
    }
    Some(Hop { host: host.to_owned(), port, user })
}

/// Reads seconds, or times as `1m30s`, `2h`.
fn seconds(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let mut total: u64 = 0;
    let mut digits = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit = match letter.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    digits.is_empty().then_some(total)
}

/// Walks the files, in order, for one host.
///
/// The second part lists options that matter and are not read.
pub fn resolve(
    alias: &str,
    given: &Given,
    files: &[&[Item]],
    home: &Home,
) -> Result<(HostSettings, Vec<IgnoredOption>), ConfigError> {
    let mut walk = Walk {
        alias,
        home,
        given,
        values: HashMap::new(),
        ignored: Vec::new(),
        pass: Pass::First,
        wants_final: false,
    };
    for file in files {
        walk.items(file, Active::Yes)?;
    }
    if walk.wants_final {
        walk.pass = Pass::Final;
        for file in files {
            walk.items(file, Active::Yes)?;
        }
    }
    Ok((walk.settings()?, walk.ignored))
}
