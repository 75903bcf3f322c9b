//! Passwords from files and programs.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::envelope::is_encrypted;
use super::error::VaultError;
use super::keyring::Keyring;

/// The exit code by which a client program says that it does not know a vault id.
const UNKNOWN_ID: i32 = 2;

/// Why a file or program gives no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// There is no such file.
    #[error("The vault password file {} was not found", .0.display())]
    Missing(PathBuf),
    /// It is a folder.
    #[error("The vault password file provided '{}' can not be a directory", .0.display())]
    Directory(PathBuf),
    /// It cannot be read.
    #[error("Could not read vault password file '{}': {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is encrypted, and nothing opens it.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It does not start.
    #[error(
        "Problem running vault password script {} ({source}). If this is not a script, remove the executable bit from the file.",
        .path.display()
    )]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program fails.
    #[error("Vault password script {} returned non-zero ({code}){said}", .path.display())]
    Failed {
        /// The program.
        path: PathBuf,
        /// Its exit code; negative for a signal.
        code: i32,
        /// What it said, with a colon before it.
        said: String,
    },
    /// A client program does not know the vault id.
    #[error("Vault password client script {} did not find a secret for vault-id={id}: {said}", .path.display())]
    UnknownId {
        /// The program.
        path: PathBuf,
        /// The vault id.
        id: String,
        /// What it said.
        said: String,
    },
    /// A file without a password.
    #[error("Invalid vault password was provided from file ({})", .0.display())]
    EmptyFile(PathBuf),
    /// A program that gives no password.
    #[error("Invalid vault password was provided from script ({})", .0.display())]
    EmptyScript(PathBuf),
}

/// The password in a file, or the answer of an executable one. A program whose name ends in
/// `-client` is told the vault id. An encrypted file is opened by the passwords known so far.
///
/// # Errors
///
/// When there is none.
pub fn from_file(
    path: &Path,
    id: &str,
    known: &Keyring,
) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let metadata = std::fs::metadata(path).map_err(|_| PasswordError::Missing(path.to_owned()))?;
    if metadata.is_dir() {
        return Err(PasswordError::Directory(path.to_owned()));
    }
    if metadata.permissions().mode() & 0o111 != 0 {
        return from_program(path, id);
    }
    let bytes = std::fs::read(path)
        .map_err(|source| PasswordError::Read { path: path.to_owned(), source })?;
    let bytes = Zeroizing::new(bytes);
    let trimmed = bytes.trim_ascii();
    let password = match is_encrypted(trimmed) {
        true => known.decrypt(trimmed)?.0,
        false => Zeroizing::new(trimmed.to_vec()),
    };
    let password = Zeroizing::new(without_line_ends(&password).to_vec());
    match password.is_empty() {
        true => Err(PasswordError::EmptyFile(path.to_owned())),
        false => Ok(password),
    }
}

fn from_program(path: &Path, id: &str) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let client = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client"));
    let mut command = Command::new(path);
    // what a plain script says on standard error is for the user: it may ask there
    let errors = if client { Stdio::piped() } else { Stdio::inherit() };
    command.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(errors);
    if client {
        command.arg("--vault-id").arg(id);
    }
    let output = command
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|source| PasswordError::Start { path: path.to_owned(), source })?;
    let answer = Zeroizing::new(output.stdout);
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if client && output.status.code() == Some(UNKNOWN_ID) {
        return Err(PasswordError::UnknownId { path: path.to_owned(), id: id.to_owned(), said });
    }
    if !output.status.success() {
        use std::os::unix::process::ExitStatusExt as _;
        let signal = output.status.signal().map_or(-1, |signal| -signal);
        let code = output.status.code().unwrap_or(signal);
        let said = match client {
            true => format!(" when getting secret for vault-id={id}: {said}"),
            false => ": None".to_owned(),
        };
        return Err(PasswordError::Failed { path: path.to_owned(), code, said });
    }
    let password = without_line_ends(&answer);
    match password.is_empty() {
        true => Err(PasswordError::EmptyScript(path.to_owned())),
        false => Ok(Zeroizing::new(password.to_vec())),
    }
}

fn without_line_ends(mut bytes: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    bytes
}
