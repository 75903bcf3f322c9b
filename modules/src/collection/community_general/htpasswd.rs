//! `community.general.htpasswd`: users and passwords of web servers.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the users of
//! the file, without their passwords.
//!
//! Differs: of passlib's schemes `apr_md5_crypt`, `ldap_sha1`, `md5_crypt` and `plaintext` are known;
//! empty lines go only where something else changes.
//!
//! ```yaml
//! - name: Let the office in
//!   community.general.htpasswd:
//!     path: /etc/nginx/passwords
//!     name: office
//!     password: "{{ vault_office }}"
//!     owner: root
//!     group: www-data
//!     mode: "0640"
//! ```
//!
//! Returns `msg`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::contract::{Module, Plan, Stop};
use crate::host::Host;
use crate::module::file_attributes::FileAttributes;
use crate::module::md5_crypt;
use crate::module::text_edit::{TextFile, Writing, lines};
use crate::{choices, params};

choices! {
    /// Whether the user shall be there.
    pub enum State {
        /// It shall.
        Present = "present",
        /// It shall not.
        Absent = "absent",
    }
}

choices! {
    /// How a password is kept.
    pub enum Scheme {
        /// Apache's MD5.
        AprMd5Crypt = "apr_md5_crypt",
        /// SHA-1 in base 64.
        LdapSha1 = "ldap_sha1",
        /// MD5 of `crypt(3)`.
        Md5Crypt = "md5_crypt",
        /// As it is.
        Plaintext = "plaintext",
    }
}

params! {
    /// Parameters of `community.general.htpasswd`.
    pub struct Params {
        /// The file.
        path ("dest", "destfile"): PathBuf,
        /// The user.
        name ("username"): String,
        /// The password.
        @secret password: Option<String>,
        /// How a password is kept.
        hash_scheme ("crypt_scheme"): Scheme = Scheme::AprMd5Crypt,
        /// Whether the user shall be there.
        state: State = State::Present,
        /// Whether a missing file is made.
        create: bool = true,
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing.
    #[error("Destination {0} does not exist")]
    Missing(String),
    /// There is no password.
    #[error("secret must be unicode or bytes, not None")]
    NoPassword,
    /// The entry cannot be compared.
    #[error("the password of `{0}` is kept in a way that is not supported yet")]
    Scheme(String),
}

/// What is known of the user.
#[derive(Debug)]
pub struct Observed {
    file: TextFile,
    /// What the line shall hold behind the name, where it does not.
    hash: Option<String>,
}

/// The module.
#[derive(Debug)]
pub struct Htpasswd;

impl Module for Htpasswd {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let file = TextFile::observe(&params.path, &params.attributes, None, host)?;
        let mut hash = None;
        if params.state == State::Present {
            let password = params.password.as_deref();
            let password = password.ok_or_else(|| Stop::failed(Error::NoPassword))?;
            let text = file.text_or_empty().characters;
            let holds = match entry(&text, &params.name) {
                Some(kept) => verify(password, kept)
                    .ok_or_else(|| Stop::failed(Error::Scheme(params.name.clone())))?,
                None => false,
            };
            hash = (!holds).then(|| params.hash_scheme.hash(password));
        }
        Ok(Observed { file, hash })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let (file, name) = (&observed.file, params.name.as_str());
        let text = file.text_or_empty().characters;
        let shown = params.path.display().to_string();
        let (new, message) = match (params.state, &observed.hash, file.text.is_some()) {
            (State::Absent, _, false) => {
                plan.set("warnings", vec![format!("{shown} does not exist")]);
                plan.set("msg", format!("{name} not present"));
                return Ok(plan);
            }
            (State::Absent, ..) if entry(&text, name).is_none() => {
                (None, format!("{name} not present"))
            }
            (State::Absent, ..) => (Some(edited(&text, name, None)), format!("Remove {name}")),
            (State::Present, _, false) if !params.create => {
                return Err(Stop::failed(Error::Missing(shown)));
            }
            (State::Present, None, _) => (None, format!("{name} already present")),
            (State::Present, Some(hash), there) => {
                let message = match there {
                    true => format!("Add/update {name}"),
                    false => format!("Created {shown} and added {name}"),
                };
                (Some(edited(&text, name, Some(hash))), message)
            }
        };
        let writing = Writing {
            backup: false,
            validate: None,
            unsafe_writes: params.attributes.unsafe_writes,
        };
        let message = file.plan(new.as_deref(), &message, writing, &mut plan)?;
        plan.set("msg", message);
        Ok(plan)
    }

    fn conceal(text: &str) -> Option<String> {
        let hidden = lines(text).into_iter().map(|line| match line.split_once(':') {
            Some((name, _)) => format!("{name}:********\n"),
            None => line,
        });
        Some(hidden.collect())
    }
}

/// What a user's line holds behind the name.
fn entry<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
}

/// The file with the user's line, or without it, and without empty lines.
fn edited(text: &str, name: &str, hash: Option<&str>) -> String {
    let mut new = String::new();
    let mut hash = hash;
    for line in lines(text) {
        if line.trim().is_empty() {
            continue;
        }
        let is_it = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
        match (is_it, hash.take_if(|_| is_it)) {
            (true, Some(hash)) => new.push_str(&format!("{name}:{hash}\n")),
            (true, None) => {}
            (false, _) => {
                new.push_str(line.trim_end_matches('\n'));
                new.push('\n');
            }
        }
    }
    if let Some(hash) = hash {
        new.push_str(&format!("{name}:{hash}\n"));
    }
    new
}

/// Whether a password is the one that is kept; nothing where that cannot be told.
fn verify(password: &str, kept: &str) -> Option<bool> {
    for magic in ["$apr1$", "$1$"] {
        if let Some(rest) = kept.strip_prefix(magic) {
            let salt = rest.split('$').next().unwrap_or_default();
            return Some(md5_crypt::hash(magic, password, salt) == kept);
        }
    }
    if kept.starts_with("{SHA}") {
        return Some(ldap_sha1(password) == kept);
    }
    let crypt = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '/');
    let is_des = kept.len() == 13 && kept.chars().all(crypt);
    if is_des || kept.starts_with('$') {
        return None;
    }
    Some(kept == password)
}

fn ldap_sha1(password: &str) -> String {
    format!("{{SHA}}{}", STANDARD.encode(Sha1::digest(password.as_bytes())))
}

impl Scheme {
    fn hash(self, password: &str) -> String {
        match self {
            Self::AprMd5Crypt => md5_crypt::hash("$apr1$", password, &salt()),
            Self::Md5Crypt => md5_crypt::hash("$1$", password, &salt()),
            Self::LdapSha1 => ldap_sha1(password),
            Self::Plaintext => password.to_owned(),
        }
    }
}

/// Eight letters; each state is seeded from the system's random numbers.
fn salt() -> String {
    let random = RandomState::new().build_hasher().finish();
    let letters = (0..8).map(|place| u32::try_from(random >> (6 * place) & 63).unwrap_or_default());
    letters.map(md5_crypt::letter).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Htpasswd, verify};
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::wire::Status;

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Htpasswd>(host, arguments)
    }

    /// The user `ann` has `secret`, `bob` an old password.
    const FILE: &str =
        "# users\nann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n\nbob:{SHA}x\nlast:plain";

    #[test]
    fn users_come_and_go() {
        // the texts are those of community.general 11.4.2; plaintext has no salt
        let table: &[(Json, &str, &str, bool)] = &[
            (json!({"name": "ann", "password": "secret"}), "ann already present", FILE, false),
            (json!({"name": "last", "password": "plain"}), "last already present", FILE, false),
            (
                json!({"name": "bob", "password": "new", "hash_scheme": "plaintext"}),
                "Add/update bob",
                "# users\nann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\nbob:new\nlast:plain\n",
                true,
            ),
            (
                json!({"name": "eve", "password": "e", "hash_scheme": "ldap_sha1"}),
                "Add/update eve",
                "# users\nann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\nbob:{SHA}x\nlast:plain\neve:{SHA}WOazpBSh4JDfxgKa3Q81Vcy6En8=\n",
                true,
            ),
            (
                json!({"name": "bob", "state": "absent"}),
                "Remove bob",
                "# users\nann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\nlast:plain\n",
                true,
            ),
            (json!({"name": "eve", "state": "absent"}), "eve not present", FILE, false),
        ];
        for (arguments, message, text, changed) in table {
            let mut arguments = arguments.clone();
            arguments["path"] = json!("/etc/users");
            let mut host = MemoryHost::new().with_file("/etc/users", FILE);
            let ended = run(&mut host, &arguments);
            assert_eq!(ended.returned["msg"], *message, "{arguments}");
            assert_eq!(ended.status == Status::Changed, *changed, "{arguments}");
            let shown = format!("{:?}", ended.diffs);
            assert!(!shown.contains("$apr1$") && !shown.contains("{SHA}"), "{shown}");
            assert_eq!(ended.diffs.is_empty(), !changed, "{arguments}");
            let there = host.read("/etc/users".as_ref()).unwrap();
            assert_eq!(String::from_utf8(there).unwrap(), *text, "{arguments}");
            assert_eq!(run(&mut host, &arguments).status, Status::Ok, "{arguments}");
        }
    }

    #[test]
    fn a_hash_is_made_that_verifies() {
        let mut host = MemoryHost::new();
        let arguments = json!({"path": "/etc/new/users", "name": "ann", "password": "secret"});
        let ended = run(&mut host, &arguments);
        assert_eq!(ended.returned["msg"], "Created /etc/new/users and added ann");
        let text = String::from_utf8(host.read("/etc/new/users".as_ref()).unwrap()).unwrap();
        let hash = text.strip_prefix("ann:").unwrap().trim_end();
        assert!(hash.starts_with("$apr1$"), "{text}");
        assert_eq!((verify("secret", hash), verify("other", hash)), (Some(true), Some(false)));
        assert_eq!(run(&mut host, &arguments).status, Status::Ok);
    }

    #[test]
    fn refusals_are_told() {
        let host = || MemoryHost::new().with_file("/etc/users", "bob:$2y$05$x\n");
        for (arguments, message) in [
            (
                json!({"path": "/etc/users", "name": "bob", "password": "x"}),
                "the password of `bob` is kept in a way that is not supported yet",
            ),
            (
                json!({"path": "/etc/none", "name": "bob", "password": "x", "create": false}),
                "Destination /etc/none does not exist",
            ),
            (
                json!({"path": "/etc/users", "name": "new"}),
                "secret must be unicode or bytes, not None",
            ),
        ] {
            assert_eq!(run(&mut host(), &arguments).returned["msg"], message);
        }
    }
}
