//! Signatures of plans, made and verified by the system's `ssh-keygen -Y`.
//!
//! The signature stands beside the plan, `FILE.sig`, in the form that `ssh-keygen` writes, in the
//! namespace [`NAMESPACE`]. Keys in an agent or on a token, certificates and the options of
//! `allowed_signers` work as they do there.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::source;

/// What signatures of plans are for (`ssh-keygen -n`).
pub const NAMESPACE: &str = "canvass-plan";

/// Why a plan cannot be signed, or is not signed as it must be.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is no `ssh-keygen`.
    #[error("cannot run `ssh-keygen`")]
    Program(#[source] std::io::Error),
    /// There is no signature.
    #[error("`{}` is not there: the plan is not signed", .0.display())]
    Missing(PathBuf),
    /// It cannot be made or verified.
    #[error("{doing}: {said}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// What `ssh-keygen` says of it.
        said: String,
    },
    /// It cannot be written.
    #[error("failed to write the signature `{}`", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Where the signature of a plan stands.
pub fn beside(plan: &Path) -> PathBuf {
    let mut name = OsString::from(plan);
    name.push(".sig");
    PathBuf::from(name)
}

/// Signs a plan with a key: a private key, or a public one whose private key an agent holds.
///
/// # Errors
///
/// When `ssh-keygen` is not there, refuses, or the signature cannot be written.
pub fn sign(bytes: &[u8], plan: &Path, key: &Path) -> Result<PathBuf, SignatureError> {
    let mut command = keygen("sign");
    command.arg("-f").arg(key);
    let output = run(command, bytes, "cannot sign the plan")?;
    let path = beside(plan);
    source::replace(&path, |file| file.write_all(&output.stdout))
        .map_err(|source| SignatureError::Write { path: path.clone(), source })?;
    Ok(path)
}

/// Verifies the signature of a plan; gives who signed it.
///
/// # Errors
///
/// When there is none, it is wrong, or none of the allowed signers made it.
pub fn verify(
    bytes: &[u8],
    plan: &Path,
    allowed: &Path,
    identity: Option<&str>,
) -> Result<String, SignatureError> {
    let signature = there(plan)?;
    let identity = match identity {
        Some(identity) => identity.to_owned(),
        None => {
            let mut command = Command::new("ssh-keygen");
            command.args(["-Y", "find-principals", "-s"]).arg(&signature).arg("-f").arg(allowed);
            let found = run(command, &[], "no allowed signer made the signature")?;
            let text = String::from_utf8_lossy(&found.stdout).into_owned();
            text.lines().next().unwrap_or_default().trim().to_owned()
        }
    };
    let mut command = keygen("verify");
    command.arg("-s").arg(&signature).arg("-f").arg(allowed).arg("-I").arg(&identity);
    run(command, bytes, "the signature does not hold")?;
    Ok(identity)
}

/// What can be said of the signature of a plan without knowing who may sign; `None` where there is
/// none.
///
/// # Errors
///
/// When it is not one of these bytes.
pub fn inspect(bytes: &[u8], plan: &Path) -> Result<Option<String>, SignatureError> {
    let Ok(signature) = there(plan) else { return Ok(None) };
    let mut command = keygen("check-novalidate");
    command.arg("-s").arg(&signature);
    let output = run(command, bytes, "the signature does not hold")?;
    Ok(Some(said(&output)))
}

fn there(plan: &Path) -> Result<PathBuf, SignatureError> {
    let signature = beside(plan);
    if signature.is_file() { Ok(signature) } else { Err(SignatureError::Missing(signature)) }
}

fn keygen(verb: &str) -> Command {
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", verb, "-n", NAMESPACE]);
    command
}

fn run(mut command: Command, input: &[u8], doing: &'static str) -> Result<Output, SignatureError> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(SignatureError::Program)?;
    if let Some(mut stdin) = child.stdin.take() {
        // a program that does not read all of it says why
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(SignatureError::Program)?;
    match output.status.success() {
        true => Ok(output),
        false => Err(SignatureError::Refused { doing, said: said(&output) }),
    }
}

fn said(output: &Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    let text = if out.trim().is_empty() { error } else { out };
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_plan_and_its_signer() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["key", "other"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path(name))
                .status();
            if !made.is_ok_and(|status| status.success()) {
                return;
            }
        }
        let plan = path("launch.plan");
        assert!(matches!(
            verify(b"plan", &plan, &path("allowed"), None),
            Err(SignatureError::Missing(_))
        ));
        assert_eq!(inspect(b"plan", &plan).unwrap(), None);
        sign(b"plan", &plan, &path("key")).unwrap();
        let allow = |key: &str| {
            let key = std::fs::read_to_string(path(&format!("{key}.pub"))).unwrap();
            std::fs::write(path("allowed"), format!("ann@example.org {key}")).unwrap();
        };
        allow("key");
        let allowed = path("allowed");
        assert_eq!(verify(b"plan", &plan, &allowed, None).unwrap(), "ann@example.org");
        assert!(verify(b"plan", &plan, &allowed, Some("ann@example.org")).is_ok());
        assert!(verify(b"plan", &plan, &allowed, Some("bob@example.org")).is_err());
        assert!(verify(b"plan!", &plan, &allowed, None).is_err());
        assert!(inspect(b"plan", &plan).unwrap().unwrap().contains("SHA256:"));
        allow("other");
        assert!(verify(b"plan", &plan, &allowed, None).is_err());
    }
}
