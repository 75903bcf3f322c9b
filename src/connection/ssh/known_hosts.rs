//! `known_hosts`: which key a host has to show, as `sshd(8)` describes the file.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::HashAlg;
use russh::keys::{Algorithm, Certificate, PublicKey};
use sha1::Sha1;

use crate::connection::error::HostKeyProblem;
use crate::connection::ssh_config::matches_list;

/// The port that names without one mean.
const USUAL_PORT: u16 = 22;

/// The lines of some files.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    file: PathBuf,
    line: usize,
    role: Role,
    names: Names,
    key: PublicKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    HostKey,
    Authority,
    Revoked,
}

#[derive(Debug, Clone)]
enum Names {
    Patterns(Vec<String>),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

impl Names {
    fn read(text: &str) -> Option<Self> {
        let Some(hashed) = text.strip_prefix("|1|") else {
            return Some(Self::Patterns(text.split(',').map(str::to_owned).collect()));
        };
        let (salt, hash) = hashed.split_once('|')?;
        Some(Self::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? })
    }

    fn fit(&self, name: &str) -> bool {
        match self {
            Self::Patterns(patterns) => matches_list(name, patterns.iter().map(String::as_str)),
            Self::Hashed { salt, hash } => hashed(salt, name).is_some_and(|made| made == *hash),
        }
    }
}

fn hashed(salt: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut code = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    code.update(name.to_lowercase().as_bytes());
    Some(code.finalize().into_bytes().to_vec())
}

/// The name under which a host stands in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownName {
    name: String,
    /// The name without its port, which counts where nothing is known with it.
    without_port: Option<String>,
}

impl KnownName {
    /// For a host that is reached at this port.
    pub(crate) fn of(host: &str, port: u16) -> Self {
        if port == USUAL_PORT {
            Self { name: host.to_owned(), without_port: None }
        } else {
            Self { name: format!("[{host}]:{port}"), without_port: Some(host.to_owned()) }
        }
    }

    /// For `HostKeyAlias`.
    pub(crate) fn alias(alias: &str) -> Self {
        Self { name: alias.to_owned(), without_port: None }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }
}

/// What the files say about a key.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The host has this key.
    Known,
    /// The host has not been seen.
    New,
    /// It must not be used.
    Refused(HostKeyProblem),
}

impl KnownHosts {
    /// Reads files; missing ones say nothing.
    pub(crate) fn load<'f>(
        files: impl IntoIterator<Item = &'f PathBuf>,
    ) -> Result<Self, HostKeyProblem> {
        let mut known = Self::default();
        for file in files {
            match std::fs::read(file) {
                Ok(text) => known.read(&String::from_utf8_lossy(&text), file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let (file, reason) = (file.clone(), error.to_string());
                    return Err(HostKeyProblem::File { file, reason });
                }
            }
        }
        Ok(known)
    }

    /// Adds the lines of a file; those that cannot be read are passed over, as OpenSSH does.
    fn read(&mut self, text: &str, file: &Path) {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some((role, names, key)) = read_line(line) {
                self.entries.push(Entry {
                    file: file.to_owned(),
                    line: index + 1,
                    role,
                    names,
                    key,
                });
            }
        }
    }

    fn of<'k>(&'k self, name: &'k str, role: Role) -> impl Iterator<Item = &'k Entry> {
        self.entries.iter().filter(move |entry| entry.role == role && entry.names.fit(name))
    }

    fn revoked(&self, name: &KnownName, key: &PublicKey) -> Option<HostKeyProblem> {
        let bare = name.without_port.as_deref().unwrap_or(name.as_str());
        let entry = self
            .of(name.as_str(), Role::Revoked)
            .chain(self.of(bare, Role::Revoked))
            .find(|entry| entry.key.key_data() == key.key_data())?;
        Some(HostKeyProblem::Revoked {
            name: name.name.clone(),
            fingerprint: fingerprint(key),
            file: entry.file.clone(),
            line: entry.line,
        })
    }

    /// Looks a host's plain key up.
    pub(crate) fn check(&self, name: &KnownName, key: &PublicKey) -> Verdict {
        if let Some(problem) = self.revoked(name, key) {
            return Verdict::Refused(problem);
        }
        let same = |entry: &&Entry| entry.key.key_data() == key.key_data();
        if self.of(name.as_str(), Role::HostKey).any(|entry| same(&entry)) {
            return Verdict::Known;
        }
        if let Some(entry) = self.of(name.as_str(), Role::HostKey).next() {
            return Verdict::Refused(HostKeyProblem::Changed {
                name: name.name.clone(),
                kind: key.algorithm().to_string(),
                fingerprint: fingerprint(key),
                file: entry.file.clone(),
                line: entry.line,
            });
        }
        match &name.without_port {
            Some(bare) if self.of(bare, Role::HostKey).any(|entry| same(&entry)) => Verdict::Known,
            _ => Verdict::New,
        }
    }

    /// Looks a host's certificate up: signed by a known authority, for this name, at this time.
    pub(crate) fn check_certificate(
        &self,
        name: &KnownName,
        certificate: &Certificate,
        now: u64,
    ) -> Verdict {
        let refuse = |reason: &str| {
            let (name, reason) = (name.name.clone(), reason.to_owned());
            Verdict::Refused(HostKeyProblem::Certificate { name, reason })
        };
        let bare = name.without_port.as_deref().unwrap_or(name.as_str());
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let authority = PublicKey::new(certificate.signature_key().clone(), "");
        if let Some(problem) = self.revoked(name, &key).or_else(|| self.revoked(name, &authority)) {
            return Verdict::Refused(problem);
        }
        if !certificate.cert_type().is_host() {
            return refuse("it is for users, not for hosts");
        }
        let authorities =
            self.of(name.as_str(), Role::Authority).chain(self.of(bare, Role::Authority));
        let prints: Vec<_> =
            authorities.map(|entry| entry.key.fingerprint(HashAlg::Sha256)).collect();
        if prints.is_empty() {
            return refuse("no authority is known for this host (@cert-authority)");
        }
        if !certificate
            .valid_principals()
            .iter()
            .any(|principal| principal == bare || principal == name.as_str())
        {
            return refuse("it is made out to other names");
        }
        match certificate.validate_at(now, prints.iter()) {
            Ok(()) => Verdict::Known,
            Err(_) => {
                refuse("it is not signed by a known authority, or its time is over or not yet come")
            }
        }
    }

    /// The kinds of keys that are known for a host; the server is asked for those first.
    pub(crate) fn kinds(&self, name: &KnownName) -> Vec<Algorithm> {
        let mut of: Vec<_> = self.of(name.as_str(), Role::HostKey).collect();
        if of.is_empty()
            && let Some(bare) = &name.without_port
        {
            of = self.of(bare, Role::HostKey).collect();
        }
        of.into_iter().map(|entry| entry.key.algorithm()).collect()
    }

    /// Whether an authority may vouch for a host.
    pub(crate) fn has_authority(&self, name: &KnownName) -> bool {
        let bare = name.without_port.as_deref().unwrap_or(name.as_str());
        self.of(name.as_str(), Role::Authority)
            .chain(self.of(bare, Role::Authority))
            .next()
            .is_some()
    }
}

fn read_line(line: &str) -> Option<(Role, Names, PublicKey)> {
    let mut words = line.split_ascii_whitespace();
    let mut word = words.next()?;
    let role = match word {
        "@cert-authority" => Role::Authority,
        "@revoked" => Role::Revoked,
        _ if word.starts_with('@') => return None,
        _ => Role::HostKey,
    };
    if role != Role::HostKey {
        word = words.next()?;
    }
    let names = Names::read(word)?;
    let (kind, key) = (words.next()?, words.next()?);
    let key = PublicKey::from_openssh(&format!("{kind} {key}")).ok()?;
    Some((role, names, key))
}

/// The SHA-256 fingerprint of a key.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// A line for a host's key; with a salt, the name is hashed.
fn line_for(name: &KnownName, key: &PublicKey, salt: Option<&[u8]>) -> io::Result<String> {
    let mut key = key.clone();
    key.set_comment("");
    let key = key.to_openssh().map_err(io::Error::other)?;
    let plain = || name.as_str().to_owned();
    let shown = salt.map_or_else(plain, |salt| {
        let hash = hashed(salt, name.as_str()).unwrap_or_default();
        format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash))
    });
    Ok(format!("{shown} {}\n", key.trim_end()))
}

/// Writes a host's key down.
pub(crate) fn remember(
    file: &Path,
    name: &KnownName,
    key: &PublicKey,
    salt: Option<&[u8]>,
) -> Result<(), HostKeyProblem> {
    let add = || -> io::Result<()> {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        if let Some(folder) = file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut text = line_for(name, key, salt)?;
        let before = std::fs::read(file).unwrap_or_default();
        if before.last().is_some_and(|byte| *byte != b'\n') {
            text.insert(0, '\n');
        }
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true).mode(0o600).open(file)?.write_all(text.as_bytes())
    };
    add().map_err(|error| HostKeyProblem::File { file: file.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const A: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";

    fn known(text: &str) -> KnownHosts {
        let mut known = KnownHosts::default();
        let text = text.replace("$A", A).replace("$B", B);
        known.read(&text, Path::new("known_hosts"));
        known
    }

    #[test]
    fn keys_are_looked_up_by_name_and_port() {
        let key = PublicKey::from_openssh(A).unwrap();
        for (text, host, port, expected) in [
            ("h $A", "h", 22, "known"),
            ("h   $A  comment here", "h", 22, "known"),
            ("\th $A", "h", 22, "known"),
            ("# h $A", "h", 22, "new"),
            ("", "h", 22, "new"),
            ("h $B", "h", 22, "changed"),
            ("h $B\nh $A", "h", 22, "known"),
            ("a,h,b $A", "h", 22, "known"),
            ("H $A", "h", 22, "known"),
            ("*.example $A", "web.example", 22, "known"),
            ("*.example,!web.example $A", "web.example", 22, "new"),
            ("10.0.0.? $A", "10.0.0.7", 22, "known"),
            ("[h]:2222 $A", "h", 2222, "known"),
            ("[h]:2222 $A", "h", 22, "new"),
            ("[h]:2222 $B", "h", 2222, "changed"),
            ("h $A", "h", 2222, "known"),
            ("h $B", "h", 2222, "new"),
            ("[h]:* $A", "h", 2222, "known"),
            ("@revoked * $A\nh $A", "h", 22, "revoked"),
            ("h $A\n@revoked h $A", "h", 2222, "revoked"),
            ("@revoked * $B\nh $A", "h", 22, "known"),
            ("@cert-authority h $A", "h", 22, "new"),
            ("@unheard-of h $A", "h", 22, "new"),
            ("h ssh-ed25519 garbage", "h", 22, "new"),
            ("h", "h", 22, "new"),
        ] {
            let verdict = match known(text).check(&KnownName::of(host, port), &key) {
                Verdict::Known => "known",
                Verdict::New => "new",
                Verdict::Refused(HostKeyProblem::Changed { .. }) => "changed",
                Verdict::Refused(HostKeyProblem::Revoked { .. }) => "revoked",
                Verdict::Refused(_) => "refused",
            };
            assert_eq!(verdict, expected, "{text:?} {host} {port}");
        }
    }

    #[test]
    fn a_changed_key_tells_the_line() {
        let key = PublicKey::from_openssh(A).unwrap();
        let Verdict::Refused(problem) = known("\nh $B").check(&KnownName::of("h", 22), &key) else {
            panic!("must be refused");
        };
        let text = problem.to_string();
        assert!(text.contains("known_hosts:2") && text.contains("ssh-keygen -R 'h'"), "{text}");
    }

    #[test]
    fn hashed_names_are_those_of_ssh_keygen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        std::fs::write(&file, format!("h {A}\n[h]:2222 {A}\n")).unwrap();
        let Ok(output) = Command::new("ssh-keygen").arg("-Hf").arg(&file).output() else { return };
        assert!(output.status.success(), "{output:?}");
        let known = KnownHosts::load([&file]).unwrap();
        let key = PublicKey::from_openssh(A).unwrap();
        assert!(!std::fs::read_to_string(&file).unwrap().contains("h ssh"));
        assert!(matches!(known.check(&KnownName::of("h", 22), &key), Verdict::Known));
        assert!(matches!(known.check(&KnownName::of("h", 2222), &key), Verdict::Known));
        assert!(matches!(known.check(&KnownName::of("i", 22), &key), Verdict::New));
        assert_eq!(known.kinds(&KnownName::of("h", 22)), [Algorithm::Ed25519]);
    }

    #[test]
    fn remembered_keys_are_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/known_hosts");
        let key = PublicKey::from_openssh(A).unwrap();
        remember(&file, &KnownName::of("h", 2222), &key, None).unwrap();
        remember(&file, &KnownName::of("i", 22), &key, Some(&[7; 20])).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(&format!("[h]:2222 {A}\n|1|")), "{text}");
        let known = KnownHosts::load([&file]).unwrap();
        for name in [KnownName::of("h", 2222), KnownName::of("i", 22)] {
            assert!(matches!(known.check(&name, &key), Verdict::Known));
        }
        let found = Command::new("ssh-keygen").args(["-F", "i", "-f"]).arg(&file).output();
        if let Ok(output) = found {
            assert!(output.status.success(), "ssh-keygen finds it too");
        }
    }
}
