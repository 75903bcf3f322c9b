//! `ansible.builtin.deb822_repository`: a file of apt sources in the deb822 form.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: the files.
//!
//! Differs from Ansible: Python's `debian` is not needed.
//!
//! ```yaml
//! - name: The vendor's packages
//!   ansible.builtin.deb822_repository:
//!     name: vendor
//!     uris: https://example.com/apt
//!     suites: [stable]
//!     components: [main]
//!     signed_by: https://example.com/key.asc
//! ```
//!
//! Returns `repo` (the text), `dest` and `key_filename`.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::file_attributes;
use super::file_mode::FileMode;
use super::uri::refusal;
use crate::contract::{Module, Plan, Returned, Stop};
use crate::effect::{Attributes, Content, Effect, WriteFile};
use crate::host::{FileKind, FileStat, Follow, Host, HostError, HttpRequest};
use crate::{choices, params};

choices! {
    /// What the sources are of.
    pub enum Type {
        /// Packages.
        Deb = "deb",
        /// Sources of packages.
        DebSrc = "deb-src",
    }
}

choices! {
    /// Whether the sources shall be there.
    pub enum State {
        /// They shall.
        Present = "present",
        /// They shall not.
        Absent = "absent",
    }
}

params! {
    /// Parameters of `ansible.builtin.deb822_repository`.
    pub struct Params {
        /// Whether a signed archive may become an unsigned one.
        allow_downgrade_to_insecure: Option<bool>,
        /// Whether an archive without a signature is accepted.
        allow_insecure: Option<bool>,
        /// Whether weak signatures are accepted.
        allow_weak: Option<bool>,
        /// The architectures.
        architectures: Option<Vec<String>>,
        /// Whether indexes are fetched by their hash.
        by_hash: Option<bool>,
        /// Whether the date of the archive is checked.
        check_date: Option<bool>,
        /// Whether the date until which the archive is good is checked.
        check_valid_until: Option<bool>,
        /// The components.
        components: Option<Vec<String>>,
        /// How far in the future the archive may be, in seconds.
        date_max_future: Option<i64>,
        /// Whether the sources are used.
        enabled: Option<bool>,
        /// The path of the `InRelease` file.
        inrelease_path: Option<String>,
        /// The languages of translations.
        languages: Option<Vec<String>>,
        /// The name; the file is called after it.
        name: String,
        /// Whether changes of indexes are fetched.
        pdiffs: Option<bool>,
        /// The key: an address, a path, or itself.
        signed_by: Option<String>,
        /// The suites.
        suites: Option<Vec<String>>,
        /// What is fetched.
        targets: Option<Vec<String>>,
        /// Whether the archive is trusted whatever its signature is.
        trusted: Option<bool>,
        /// What the sources are of; by default `deb`.
        types: Option<Vec<Type>>,
        /// The addresses.
        uris: Option<Vec<String>>,
        /// The mode of the file.
        mode: Option<FileMode>,
        /// Whether the sources shall be there.
        state: State = State::Present,
    }
}

/// The module.
#[derive(Debug)]
pub struct Deb822Repository;

/// What is known of the files.
#[derive(Debug)]
pub struct Observed {
    file: Known,
    /// The key file that is written, or those that would be removed.
    keys: Vec<Known>,
    /// What `Signed-By` says.
    signed_by: Option<String>,
    key: Option<Vec<u8>>,
    lacks_directory: bool,
}

/// A file and what it is now.
#[derive(Debug)]
struct Known {
    path: PathBuf,
    stat: Option<FileStat>,
    content: Vec<u8>,
}

impl Known {
    fn observe(path: String, host: &mut dyn Host) -> Result<Self, HostError> {
        let path = PathBuf::from(path);
        let stat = host.stat(&path, Follow::Yes)?;
        let content = match &stat {
            Some(stat) if stat.kind == FileKind::File => host.read(&path)?,
            _ => Vec::new(),
        };
        Ok(Self { path, stat, content })
    }

    /// Plans that it holds this, with this mode.
    fn plan(&self, content: &[u8], mode: &FileMode, plan: &mut Plan) {
        let base = self.stat.as_ref().map_or(0o644, |stat| stat.mode);
        let mode = mode.of(base, FileKind::File, 0o022);
        let attributes = Attributes { mode, ..Attributes::default() };
        if self.stat.is_none() || self.content != content {
            let write = WriteFile {
                path: self.path.clone(),
                content: Content::Bytes(content.to_vec()),
                attributes,
                validate: None,
                backup: false,
                unsafe_writes: false,
            };
            let reason = if self.stat.is_none() { "it is absent" } else { "its content differs" };
            plan.push(Effect::WriteFile(write), reason);
        } else if mode.is_some_and(|mode| mode != base) {
            let effect = Effect::SetAttributes { path: self.path.clone(), attributes };
            plan.push(effect, "its mode differs");
        }
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key is not to be had.
    #[error("Could not fetch signed_by key: {0}")]
    Key(String),
}

const KEYRINGS: &str = "/etc/apt/keyrings";

impl Module for Deb822Repository {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let slug = slug(&params.name);
        let file = format!("/etc/apt/sources.list.d/{slug}.sources");
        let mut observed = Observed {
            file: Known::observe(file, host)?,
            keys: Vec::new(),
            signed_by: params.signed_by.clone(),
            key: None,
            lacks_directory: host.stat(Path::new(KEYRINGS), Follow::Yes)?.is_none(),
        };
        if params.state == State::Absent {
            for extension in ["asc", "gpg"] {
                let path = format!("{KEYRINGS}/{slug}.{extension}");
                observed.keys.push(Known::observe(path, host)?);
            }
            return Ok(observed);
        }
        if let Some(address) = params.signed_by.as_deref().filter(|text| is_address(text)) {
            let key = fetch(address, host)?;
            if !key.is_empty() {
                let mark = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
                let armored = key.windows(mark.len()).any(|window| window == mark);
                let extension = if armored { "asc" } else { "gpg" };
                let path = format!("{KEYRINGS}/{slug}.{extension}");
                observed.signed_by = Some(path.clone());
                observed.keys.push(Known::observe(path, host)?);
                observed.key = Some(key);
            }
        }
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let shown = |path: &Path| Json::from(path.to_string_lossy().into_owned());
        plan.set("dest", shown(&observed.file.path));
        if params.state == State::Absent {
            plan.set("repo", Json::Null);
            plan.set("key_filename", observed.keys.last().map(|key| shown(&key.path)));
            for file in std::iter::once(&observed.file).chain(&observed.keys) {
                if file.stat.is_some() {
                    plan.push(Effect::Remove { path: file.path.clone() }, "it is there");
                }
            }
            return Ok(plan);
        }
        let given = params.signed_by.as_deref().filter(|text| text.starts_with('/'));
        let key = observed.keys.first().map(|key| shown(&key.path));
        plan.set("key_filename", key.or_else(|| given.map(Json::from)));
        if let (Some(file), Some(key)) = (observed.keys.first(), &observed.key) {
            if observed.lacks_directory {
                let path = PathBuf::from(KEYRINGS);
                let effect = Effect::MakeDirectory { path, mode: Some(0o755) };
                plan.push(effect, "it is absent");
            }
            file.plan(key, &FileMode::Bits(0o644), &mut plan);
        }
        let text = render(params, observed.signed_by.as_deref());
        let mode = params.mode.clone().unwrap_or(FileMode::Bits(0o644));
        observed.file.plan(text.as_bytes(), &mode, &mut plan);
        plan.set("repo", text);
        Ok(plan)
    }

    fn revisit(
        _params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        Ok(file_attributes::describe(host, &observed.file.path, returned)?)
    }
}

fn is_address(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    !scheme.is_empty()
        && !text.starts_with('/')
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
        && !text.contains('\n')
}

fn fetch(address: &str, host: &mut dyn Host) -> Result<Vec<u8>, Stop> {
    let request =
        HttpRequest { url: address.to_owned(), use_proxy: true, ..HttpRequest::default() };
    match host.fetch(&request) {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => Err(Stop::failed(Error::Key(refusal(answer.status)))),
        Err(error @ HostError::Unknown(_)) => Err(error.into()),
        Err(HostError::Http { reason, .. }) => Err(Stop::failed(Error::Key(reason))),
        Err(error) => Err(Stop::failed(Error::Key(error.to_string()))),
    }
}

/// The name as a part of a file's name.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    let mut gap = false;
    for letter in name.to_lowercase().chars() {
        if letter == '_' || letter.is_whitespace() {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            slug.push('-');
        }
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-' {
            slug.push(letter);
        }
    }
    if gap {
        slug.push('-');
    }
    slug
}

/// The text of the file: the fields in the order of the options' names.
fn render(params: &Params, signed_by: Option<&str>) -> String {
    let flag = |value: Option<bool>| value.map(|value| if value { "yes" } else { "no" }.to_owned());
    let list = |value: &Option<Vec<String>>| value.as_ref().map(|words| words.join(" "));
    let types = params.types.clone().unwrap_or_else(|| vec![Type::Deb]);
    let types: Vec<&str> = types.iter().map(|kind| kind.word()).collect();
    let fields = [
        ("Allow-Downgrade-To-Insecure", flag(params.allow_downgrade_to_insecure)),
        ("Allow-Insecure", flag(params.allow_insecure)),
        ("Allow-Weak", flag(params.allow_weak)),
        ("Architectures", list(&params.architectures)),
        ("By-Hash", flag(params.by_hash)),
        ("Check-Date", flag(params.check_date)),
        ("Check-Valid-Until", flag(params.check_valid_until)),
        ("Components", list(&params.components)),
        ("Date-Max-Future", params.date_max_future.map(|seconds| seconds.to_string())),
        ("Enabled", flag(params.enabled)),
        ("Inrelease-Path", params.inrelease_path.clone()),
        ("Languages", list(&params.languages)),
        ("X-Repolib-Name", Some(params.name.clone())),
        ("Pdiffs", flag(params.pdiffs)),
        ("Signed-By", signed_by.map(str::to_owned)),
        ("Suites", list(&params.suites)),
        ("Targets", list(&params.targets)),
        ("Trusted", flag(params.trusted)),
        ("Types", Some(types.join(" "))),
        ("URIs", list(&params.uris)),
    ];
    let mut text = String::new();
    for (name, value) in fields {
        let Some(value) = value else { continue };
        if value.contains('\n') {
            text.push_str(name);
            text.push(':');
            for line in value.trim().lines().map(str::trim) {
                text.push_str("\n    ");
                text.push_str(if line.is_empty() { "." } else { line });
            }
            text.push('\n');
        } else if value.is_empty() {
            text.push_str(&format!("{name}:\n"));
        } else {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Deb822Repository, Params, slug};
    use crate::contract::{Module as _, Plan};
    use crate::host::HttpResponse;
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn plan(host: &mut MemoryHost, arguments: &Json) -> Plan {
        let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
        let observed = Deb822Repository::observe(&params, host).unwrap();
        let plan = Deb822Repository::plan(&params, &observed).unwrap();
        for planned in &plan.effects {
            crate::host::Host::apply(host, planned).unwrap();
        }
        plan
    }

    #[test]
    fn the_file_is_that_of_ansible() {
        let key =
            HttpResponse { status: 200, body: b"\x99raw".to_vec(), ..HttpResponse::default() };
        let mut host = MemoryHost::new()
            .with_directory("/etc/apt/sources.list.d")
            .with_response("https://x/key", key);
        let given = json!({
            "name": "My Vendor", "uris": "https://x/debian", "suites": ["a", "b"],
            "components": ["main"], "enabled": false, "signed_by": "https://x/key",
        });
        let first = plan(&mut host, &given);
        // as the module of ansible-core 2.19 composes it; not yet recorded from a run of it
        assert_eq!(
            first.returned["repo"],
            "Components: main\nEnabled: no\nX-Repolib-Name: My Vendor\n\
             Signed-By: /etc/apt/keyrings/my-vendor.gpg\nSuites: a b\nTypes: deb\n\
             URIs: https://x/debian\n"
        );
        assert_eq!(first.effects.len(), 3);
        assert!(!plan(&mut host, &given).changes());
        let mut absent = json!({"name": "My Vendor", "state": "absent"});
        assert_eq!(plan(&mut host, &absent).effects.len(), 2);
        assert!(!plan(&mut host, &absent).changes());
        absent["state"] = json!("present");
        absent["signed_by"] = json!("-----BEGIN PGP-----\n\nabc\n-----END-----\n");
        assert_eq!(
            plan(&mut host, &absent).returned["repo"],
            "X-Repolib-Name: My Vendor\nSigned-By:\n    -----BEGIN PGP-----\n    .\n    abc\n    \
             -----END-----\nTypes: deb\n"
        );
    }

    #[test]
    fn names_become_parts_of_files() {
        for (name, expected) in [("A_ b", "a-b"), ("Grün & Co", "grn--co"), ("x-1", "x-1")] {
            assert_eq!(slug(name), expected);
        }
    }
}
