//! `ansible.builtin.apt_repository`: a line in apt's lists of sources.
//!
//! Follows the module of ansible-core 2.19 for files of one line a source (`*.list`). Check mode:
//! full. Diff: the files.
//!
//! Differs from Ansible: a file whose lines stay is not written anew; the key of a `ppa:` is put
//! into `/etc/apt/trusted.gpg.d`, fetched from `keyserver.ubuntu.com` over HTTPS; sources stay when
//! the package lists cannot be fetched; Python's `apt` is not needed.
//!
//! ```yaml
//! - name: The vendor's packages
//!   ansible.builtin.apt_repository:
//!     repo: deb [signed-by=/etc/apt/keyrings/vendor.asc] https://example.com/apt stable main
//!     filename: vendor
//! ```
//!
//! Returns `repo`, `state`, `sources_added` and `sources_removed`.

mod sources;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use self::sources::{Sources, parse};
use super::file_mode::FileMode;
use super::program;
use super::uri::fetched;
use super::wildcard;
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Attributes, Content, Effect, WriteFile};
use crate::host::{FileKind, Follow, Host, HostError, HttpRequest};
use crate::{choices, params};

choices! {
    /// Whether the source shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `ansible.builtin.apt_repository`.
    pub struct Params {
        /// The source: `deb …`, `deb-src …` or `ppa:OWNER/NAME`.
        repo: String,
        /// Whether it shall be there.
        state: State = State::Present,
        /// The mode of a new file.
        mode: Option<FileMode>,
        /// Whether the package lists are fetched after a change.
        update_cache ("update-cache"): bool = true,
        /// No effect: the lists are fetched once, `apt` itself retries.
        update_cache_retries: u64 = 5_u64,
        /// No effect.
        update_cache_retry_max_delay: u64 = 12_u64,
        /// The name of the file in `sources.list.d`, without `.list`; by default made of the source.
        filename: Option<String>,
        /// No effect: there is nothing to install.
        install_python_apt: bool = true,
        /// Whether the certificate of Launchpad is checked.
        validate_certs: bool = true,
        /// The release for a `ppa:`; by default the host's.
        codename: Option<String>,
    }
}

/// The module.
#[derive(Debug)]
pub struct AptRepository;

/// What is known of the sources.
#[derive(Debug)]
pub struct Observed {
    before: Sources,
    after: Sources,
    /// The key of a `ppa:` and where it goes.
    key: Option<(PathBuf, Vec<u8>)>,
    /// Whether `sources.list.d` is missing.
    lacks_directory: bool,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is named.
    #[error("Please set argument 'repo' to a non-empty value")]
    Empty,
    /// It is no source.
    #[error("Invalid repository string: {0}")]
    Invalid(String),
    /// This is no Debian.
    #[error("Module apt_repository is not supported on target.")]
    NoApt,
    /// Launchpad or the key server does not answer.
    #[error("failed to fetch PPA information, error was: {0}")]
    Ppa(String),
}

/// Where the main list and the others are.
const MAIN: &str = "/etc/apt/sources.list";
const PARTS: &str = "/etc/apt/sources.list.d";

impl Module for AptRepository {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if params.repo.is_empty() {
            return Err(Stop::failed(Error::Empty));
        }
        if host.find_program("apt-get")?.is_none() {
            return Err(Stop::failed(Error::NoApt));
        }
        let before = load(host)?;
        let mut after = before.clone();
        let present = params.state == State::Present;
        let mut key = None;
        let (source, suggestion) = match params.repo.strip_prefix("ppa:") {
            Some(ppa) => {
                let ppa = Ppa::parse(ppa, params, host)?;
                if present && !after.has(&ppa.source()) {
                    key = ppa.key(params.validate_certs, host)?;
                }
                (ppa.source(), sources::file_name(&format!("{}_{}", params.repo, ppa.codename)))
            }
            None => {
                let line = parse(&params.repo);
                if !line.valid || !line.enabled {
                    return Err(Stop::failed(Error::Invalid(line.text)));
                }
                let suggestion = sources::file_name(&line.text);
                (line.text, suggestion)
            }
        };
        if present {
            let name = params.filename.as_ref().map_or(suggestion, |name| format!("{name}.list"));
            let file =
                if name.contains('/') { PathBuf::from(name) } else { Path::new(PARTS).join(name) };
            after.add(&source, &file);
        } else {
            after.remove(&source);
        }
        let lacks_directory = host.stat(Path::new(PARTS), Follow::Yes)?.is_none();
        Ok(Observed { before, after, key, lacks_directory })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("repo", params.repo.clone());
        plan.set("state", params.state.word());
        if let Some((path, key)) = &observed.key {
            let mode = Some(0o644);
            plan.push(write(path, key.clone(), mode), "the key of the archive is not there");
        }
        let (before, after) = (&observed.before, &observed.after);
        let names = |paths: Vec<&PathBuf>| -> Json {
            paths.iter().map(|path| path.to_string_lossy().into_owned()).collect()
        };
        let added: Vec<&PathBuf> = after.files().filter(|path| !before.has_file(path)).collect();
        let removed: Vec<&PathBuf> = before.files().filter(|path| !after.has_file(path)).collect();
        plan.set("sources_added", names(added.clone()));
        plan.set("sources_removed", names(removed.clone()));
        if observed.lacks_directory && added.iter().any(|path| path.starts_with(PARTS)) {
            let effect = Effect::MakeDirectory { path: PARTS.into(), mode: Some(0o755) };
            plan.push(effect, "it is absent");
        }
        for path in after.files() {
            let text = after.text(path);
            if before.has_file(path) && before.text(path) == text {
                continue;
            }
            let base = 0o666 & !0o022;
            let mode = match &params.mode {
                Some(mode) if !before.has_file(path) => mode.of(base, FileKind::File, 0o022),
                _ => None,
            };
            plan.push(write(path, text.into_bytes(), mode), "the source differs");
        }
        for path in removed {
            plan.push(Effect::Remove { path: path.clone() }, "no source is left in it");
        }
        if plan.changes() && params.update_cache {
            let refresh = Effect::RefreshPackageLists { manager: "apt".to_owned() };
            plan.push(refresh, "the sources changed");
        }
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        match (&planned.effect, &error) {
            (Effect::RefreshPackageLists { .. }, HostError::CommandFailed { output, .. }) => {
                let reason = output.stderr_text();
                Stop::failed(format!("Failed to update apt cache: {}", reason.trim()))
                    .with("rc", output.status)
                    .with("stdout", output.stdout_text())
                    .with("stderr", reason)
            }
            _ => program::explain(error),
        }
    }
}

fn write(path: &Path, bytes: Vec<u8>, mode: Option<u32>) -> Effect {
    Effect::WriteFile(WriteFile {
        path: path.to_owned(),
        content: Content::Bytes(bytes),
        attributes: Attributes { mode, ..Attributes::default() },
        validate: None,
        backup: false,
        unsafe_writes: false,
    })
}

fn load(host: &mut dyn Host) -> Result<Sources, Stop> {
    let mut files = vec![PathBuf::from(MAIN)];
    files.extend(wildcard::glob(&Path::new(PARTS).join("*.list"), host)?);
    let mut sources = Sources::default();
    for path in files {
        let stat = host.stat(&path, Follow::Yes)?;
        if stat.is_some_and(|stat| stat.kind == FileKind::File) {
            let real = super::host_path::follow_links(host, &path)?;
            let text = host.read(&path)?;
            sources.load(real, &String::from_utf8_lossy(&text));
        }
    }
    Ok(sources)
}

/// An archive of Launchpad.
struct Ppa {
    owner: String,
    name: String,
    codename: String,
}

impl Ppa {
    fn parse(text: &str, params: &Params, host: &mut dyn Host) -> Result<Self, Stop> {
        let (owner, name) = text.split_once('/').unwrap_or((text, "ppa"));
        let codename = match &params.codename {
            Some(codename) => codename.clone(),
            None => {
                let text = host.read(Path::new("/etc/os-release"))?;
                let text = String::from_utf8_lossy(&text).into_owned();
                let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
                line.unwrap_or_default().trim_matches('"').to_owned()
            }
        };
        Ok(Self { owner: owner.to_owned(), name: name.to_owned(), codename })
    }

    fn source(&self) -> String {
        let Self { owner, name, codename } = self;
        format!("deb https://ppa.launchpadcontent.net/{owner}/{name}/ubuntu {codename} main")
    }

    /// The key and its place; `None` when it is there already.
    fn key(&self, validate: bool, host: &mut dyn Host) -> Result<Option<(PathBuf, Vec<u8>)>, Stop> {
        let Self { owner, name, .. } = self;
        let path = PathBuf::from(format!("/etc/apt/trusted.gpg.d/{owner}-{name}.asc"));
        if host.stat(&path, Follow::Yes)?.is_some() {
            return Ok(None);
        }
        let mut fetch = |url: String| -> Result<Vec<u8>, Stop> {
            let request = HttpRequest {
                url,
                headers: vec![("Accept".to_owned(), "application/json, */*".to_owned())],
                insecure: !validate,
                use_proxy: true,
                ..HttpRequest::default()
            };
            fetched(host.fetch(&request))?.map_err(|reason| Stop::failed(Error::Ppa(reason)))
        };
        let info = fetch(format!("https://api.launchpad.net/1.0/~{owner}/+archive/{name}"))?;
        let info: Json = serde_json::from_slice(&info)
            .map_err(|error| Stop::failed(Error::Ppa(error.to_string())))?;
        let print = info.get("signing_key_fingerprint").and_then(Json::as_str);
        let print = print.ok_or_else(|| Stop::failed(Error::Ppa("it has no key".to_owned())))?;
        let server = "https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x";
        Ok(Some((path, fetch(format!("{server}{print}"))?)))
    }
}
