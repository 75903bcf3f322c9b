//! `ansible.builtin.rpm_key`: a key that rpm trusts.
//!
//! Follows the module of ansible-core 2.19, through `rpm` and `gpg`. Check mode: full. Diff: the key.
//!
//! ```yaml
//! - name: The vendor's key
//!   ansible.builtin.rpm_key:
//!     key: https://example.com/key.asc
//!     state: present
//! ```

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value as Json;

use super::expansion;
use super::program;
use super::uri::fetched;
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Command, Effect, SettingChange};
use crate::host::{FileKind, Follow, Host, HostError, HttpRequest};
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
    /// Parameters of `ansible.builtin.rpm_key`.
    pub struct Params {
        /// The address of the key, its file, or its id.
        key: String,
        /// Whether it shall be there.
        state: State = State::Present,
        /// Fingerprints that it must have.
        fingerprint: Option<Vec<String>>,
        /// Whether certificates are checked.
        validate_certs: bool = true,
    }
}

/// The module.
#[derive(Debug)]
pub struct RpmKey;

/// What is known of the key.
#[derive(Debug)]
pub struct Observed {
    rpm: String,
    id: String,
    imported: bool,
    source: Source,
    /// The fingerprints of the key, where they are asked for.
    fingerprints: Vec<String>,
}

/// Where the key is.
#[derive(Debug, Clone)]
enum Source {
    /// Only its id is known.
    Id,
    File(String),
    Text(Vec<u8>),
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is neither.
    #[error("Not a valid key {0}")]
    Invalid(String),
    /// The address does not give it.
    #[error("failed to fetch key at {0} , error was: {1}")]
    Fetch(String, String),
    /// The address gives something else.
    #[error("Not a public key: {0}")]
    NotPublic(String),
    /// gpg says something else.
    #[error("Unexpected gpg output")]
    Gpg,
    /// An id is not enough.
    #[error("When importing a key, a valid file must be given")]
    NoFile,
    /// It is another key.
    #[error("The specified fingerprint, '{0}', does not match any key fingerprints in '{1}'")]
    Fingerprint(String, String),
}

impl Module for RpmKey {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let rpm = program::required(host, "rpm")?;
        let gpg = match host.find_program("gpg")? {
            Some(path) => path.to_string_lossy().into_owned(),
            None => program::required(host, "gpg2")?,
        };
        let source = source(params, host)?;
        let id = match &source {
            Source::Id => params.key.clone(),
            _ => {
                let text = ask(&gpg, &["--with-colons", "--fixed-list-mode"], &source, host)?;
                field(&text, "pub:", 4).next().ok_or_else(|| Stop::failed(Error::Gpg))?
            }
        };
        let id = id.trim().to_uppercase();
        let id = id.strip_prefix("0X").unwrap_or(&id).to_owned();
        let imported = is_imported(&rpm, &gpg, &id, host)?;
        let asks_fingerprint = params.fingerprint.is_some() && !matches!(source, Source::Id);
        let fingerprints = if asks_fingerprint && !imported {
            let options = [
                "--with-colons",
                "--fixed-list-mode",
                "--import",
                "--import-options",
                "show-only",
                "--dry-run",
            ];
            field(&ask(&gpg, &options, &source, host)?, "fpr:", 9).collect()
        } else {
            Vec::new()
        };
        Ok(Observed { rpm, id, imported, source, fingerprints })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let wanted = params.state == State::Present;
        if wanted == observed.imported {
            return Ok(plan);
        }
        let rpm = observed.rpm.as_str();
        let command = if wanted {
            check_fingerprints(params, observed)?;
            match &observed.source {
                Source::Id => return Err(Stop::failed(Error::NoFile)),
                Source::File(path) => program::command([rpm, "--import", path]),
                Source::Text(text) => piped(text, &[rpm, "--import", "/dev/stdin"]),
            }
        } else {
            let short = observed.id.get(observed.id.len().saturating_sub(8)..).unwrap_or_default();
            let name = format!("gpg-pubkey-{}", short.to_lowercase());
            program::command([rpm, "--erase", "--allmatches", &name])
        };
        let there = Some(Json::from("present"));
        let change = SettingChange {
            kind: "rpm key".to_owned(),
            name: observed.id.clone(),
            before: there.clone().filter(|_| observed.imported),
            after: there.filter(|_| wanted),
            commands: vec![command],
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), if wanted { "it is not there" } else { "it is there" });
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

fn check_fingerprints(params: &Params, observed: &Observed) -> Result<(), Stop> {
    let wanted = params.fingerprint.iter().flatten();
    let wanted: Vec<String> = wanted.map(|print| print.replace(' ', "").to_uppercase()).collect();
    if wanted.iter().all(|print| observed.fingerprints.contains(print)) {
        return Ok(());
    }
    let error = Error::Fingerprint(set(&wanted), set(&observed.fingerprints));
    Err(Stop::failed(error))
}

/// Fingerprints as the original shows them.
fn set(prints: &[String]) -> String {
    format!("{{'{}'}}", prints.join("', '"))
}

fn source(params: &Params, host: &mut dyn Host) -> Result<Source, Stop> {
    let key = params.key.as_str();
    if key.contains("://") {
        return fetch(key, !params.validate_certs, host).map(Source::Text);
    }
    let digits = key.strip_prefix("0x").or(key.strip_prefix("0X")).unwrap_or(key);
    let is_id = digits.get(..8).is_some_and(|start| start.chars().all(|c| c.is_ascii_hexdigit()));
    if is_id {
        return Ok(Source::Id);
    }
    let path = expansion::path(Path::new(key), host)?;
    let stat = host.stat(&path, Follow::Yes)?;
    if stat.is_some_and(|stat| stat.kind == FileKind::File) {
        return Ok(Source::File(path.to_string_lossy().into_owned()));
    }
    Err(Stop::failed(Error::Invalid(key.to_owned())))
}

fn fetch(url: &str, insecure: bool, host: &mut dyn Host) -> Result<Vec<u8>, Stop> {
    let request =
        HttpRequest { url: url.to_owned(), insecure, use_proxy: true, ..HttpRequest::default() };
    let body = fetched(host.fetch(&request))?
        .map_err(|reason| Stop::failed(Error::Fetch(url.to_owned(), reason)))?;
    let text = String::from_utf8_lossy(&body);
    let armored = text
        .split_once("-----BEGIN PGP PUBLIC KEY BLOCK-----")
        .is_some_and(|(_, rest)| rest.contains("-----END PGP PUBLIC KEY BLOCK-----"));
    if armored { Ok(body) } else { Err(Stop::failed(Error::NotPublic(url.to_owned()))) }
}

/// A command that reads bytes, which need not be text, from its standard input.
pub(super) fn piped(bytes: &[u8], argv: &[&str]) -> Command {
    let shell = ["/bin/sh", "-c", "base64 -d | \"$@\"", "sh"];
    let mut command = program::command(shell.iter().chain(argv).copied());
    command.stdin = Some(BASE64.encode(bytes));
    command
}

fn ask(gpg: &str, options: &[&str], source: &Source, host: &mut dyn Host) -> Result<String, Stop> {
    let mut argv = vec![gpg, "--no-tty", "--batch"];
    argv.extend(options);
    let command = match source {
        Source::File(path) => program::command(argv.into_iter().chain([path.as_str()])),
        Source::Text(text) => {
            argv.push("-");
            piped(text, &argv)
        }
        Source::Id => return Ok(String::new()),
    };
    let output = host.query(&command)?;
    if !output.success() {
        return Err(Stop::failed(output.stderr_text()));
    }
    Ok(output.stdout_text())
}

fn field<'a>(text: &'a str, kind: &'a str, index: usize) -> impl Iterator<Item = String> + 'a {
    let lines = text.lines().map(str::trim).filter(move |line| line.starts_with(kind));
    lines.filter_map(move |line| line.split(':').nth(index).map(str::to_owned))
}

fn is_imported(rpm: &str, gpg: &str, id: &str, host: &mut dyn Host) -> Result<bool, Stop> {
    if let Some(kept) = host.rehearsed("rpm key", id) {
        return Ok(kept.value.is_some());
    }
    let query = [rpm, "-q", "gpg-pubkey", "--qf", "%{description}"];
    let output = program::query(host, query)?;
    if !output.success() {
        return Ok(false);
    }
    let source = Source::Text(output.stdout);
    let text = ask(gpg, &["--with-colons", "--fixed-list-mode"], &source, host)?;
    Ok(text.lines().any(|line| line.split(':').nth(4).is_some_and(|key| key.contains(id))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Params, RpmKey};
    use crate::contract::{Module as _, Plan, Stop};
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn plan(arguments: &Json) -> Result<Plan, Stop> {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let none = Output { status: 1, ..Output::default() };
        let gpg =
            ["/usr/bin/gpg", "--no-tty", "--batch", "--with-colons", "--fixed-list-mode", "/k.asc"];
        let prints = [
            "/usr/bin/gpg",
            "--no-tty",
            "--batch",
            "--with-colons",
            "--fixed-list-mode",
            "--import",
            "--import-options",
            "show-only",
            "--dry-run",
            "/k.asc",
        ];
        let mut host = MemoryHost::new()
            .with_program("rpm")
            .with_program("gpg")
            .with_file("/k.asc", "x")
            .with_output(&gpg, output("pub:-:4096:1:0123456789ABCDEF:1::\n"))
            .with_output(&prints, output("fpr:::::::::AABB:\n"))
            .with_output(&["/usr/bin/rpm", "-q", "gpg-pubkey", "--qf", "%{description}"], none);
        let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
        let observed = RpmKey::observe(&params, &mut host)?;
        RpmKey::plan(&params, &observed)
    }

    #[test]
    fn a_key_that_is_missing_is_imported() {
        let plan = plan(&json!({"key": "/k.asc", "fingerprint": "aa bb"})).unwrap();
        let Effect::Setting(change) = &plan.effects[0].effect else { panic!() };
        assert_eq!(change.commands[0].argv, ["/usr/bin/rpm", "--import", "/k.asc"]);
        assert_eq!(change.name, "0123456789ABCDEF");
    }

    #[test]
    fn wrong_keys_are_refused() {
        for (arguments, message) in [
            (json!({"key": "/no"}), "Not a valid key /no"),
            (json!({"key": "0x12345678"}), "When importing a key, a valid file must be given"),
            (
                json!({"key": "/k.asc", "fingerprint": "CC"}),
                "The specified fingerprint, '{'CC'}', does not match any key fingerprints in '{'AABB'}'",
            ),
        ] {
            assert_eq!(plan(&arguments).unwrap_err().to_string(), message);
        }
        assert!(!plan(&json!({"key": "0x12345678", "state": "absent"})).unwrap().changes());
    }
}
