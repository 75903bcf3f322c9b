//! Files: read, encrypted, opened, and written so that never half of one is there.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::super::super::CommandError;
use super::Locking;
use crate::inventory::absolute;
use crate::settings::Settings;
use crate::vault::Keyring;

pub(super) fn wrong(text: impl Into<String>) -> CommandError {
    CommandError::other(text, None)
}

/// Encrypts a file in its place, or into another one.
pub(super) fn encrypt(
    name: &str,
    locking: &Locking,
    output: Option<&str>,
) -> Result<(), CommandError> {
    let name = real(name);
    let plaintext = read(&name)?;
    let ciphertext = locking.encrypt(&plaintext)?;
    write(output.unwrap_or(&name), ciphertext.as_bytes(), Old::Shredded)
}

/// Replaces an encrypted file by its plaintext, or writes that into another one.
pub(super) fn decrypt(
    name: &str,
    keyring: &Keyring,
    output: Option<&str>,
) -> Result<(), CommandError> {
    let name = real(name);
    let plaintext = open(&name, keyring)?;
    write(output.unwrap_or(&name), &plaintext, Old::Removed)
}

/// Shows an encrypted file.
pub(super) fn view(name: &str, keyring: &Keyring, settings: &Settings) -> Result<(), CommandError> {
    let plaintext = open(name, keyring)?;
    let mut text = Zeroizing::new(String::from_utf8_lossy(&plaintext).into_owned());
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let pager = settings.text("PAGER").filter(|pager| !pager.is_empty());
    if let Some(pager) = pager.filter(|_| console::Term::stdout().is_term()) {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&pager).stdin(Stdio::piped());
        if pager.contains("less") {
            command.env("LESS", "FRSX");
        }
        if let Ok(mut child) = command.spawn() {
            if let Some(mut input) = child.stdin.take() {
                // who leaves the pager early wants no more
                let _ = input.write_all(text.as_bytes());
            }
            let _ = child.wait();
            return Ok(());
        }
    }
    super::super::super::print(&text);
    Ok(())
}

/// Encrypts an encrypted file anew; its mode and owner stay.
pub(super) fn rekey(name: &str, keyring: &Keyring, locking: &Locking) -> Result<(), CommandError> {
    let name = real(name);
    let plaintext = open(&name, keyring)?;
    let ciphertext = locking.encrypt(&plaintext)?;
    write(&name, ciphertext.as_bytes(), Old::Kept)
}

/// The plaintext of a file.
pub(super) fn open(name: &str, keyring: &Keyring) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let bytes = read(name)?;
    match keyring.decrypt(&bytes) {
        Ok((plaintext, _)) => Ok(plaintext),
        Err(error) => Err(wrong(format!("{error} for {name}"))),
    }
}

/// The file that links lead to.
pub(super) fn real(name: &str) -> String {
    if name == "-" {
        return name.to_owned();
    }
    let path = fs::canonicalize(name).unwrap_or_else(|_| absolute(name));
    path.to_string_lossy().into_owned()
}

pub(super) fn read(name: &str) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let done = match name {
        "-" => io::stdin().lock().read_to_end(&mut bytes).map(|_| ()),
        name => File::open(name).and_then(|mut file| file.read_to_end(&mut bytes)).map(|_| ()),
    };
    match done {
        Ok(()) => Ok(bytes),
        Err(error) => Err(wrong(format!("Unable to read source file ({name}): {error}"))),
    }
}

/// What becomes of a file that is written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    /// It was plaintext: it is overwritten first.
    Shredded,
    /// It is replaced by a file of the user alone.
    Removed,
    /// It gives its mode and owner to the new one.
    Kept,
}

/// Writes a file for the user alone beside its place and puts it there; `-` is standard output.
pub(super) fn write(name: &str, bytes: &[u8], old: Old) -> Result<(), CommandError> {
    if name == "-" {
        // a reader that has gone wants no more
        let _ = io::stdout().lock().write_all(bytes);
        return Ok(());
    }
    let path = absolute(name);
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    if rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK).is_err() {
        return Err(wrong(format!("Destination '{}' not writable", folder.display())));
    }
    let staged = staged(&folder);
    let done = stage(&staged, &path, bytes, old);
    if done.is_err() {
        let _ = fs::remove_file(&staged);
    }
    done.map_err(|error| wrong(format!("Unable to write `{}`: {error}", path.display())))
}

fn staged(folder: &Path) -> PathBuf {
    let number = crate::connection::random::<8>().map_or(0, u64::from_ne_bytes);
    folder.join(format!(".canvass-vault-{number:016x}"))
}

fn stage(staged: &Path, path: &Path, bytes: &[u8], old: Old) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(staged)?;
    file.write_all(bytes)?;
    if let Ok(before) = fs::metadata(path).and_then(|before| match before.is_file() {
        true => Ok(before),
        false => Err(io::ErrorKind::NotFound.into()),
    }) {
        match old {
            Old::Kept => {
                let now = file.metadata()?;
                if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
                    std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
                }
                file.set_permissions(fs::Permissions::from_mode(before.mode() & 0o7777))?;
            }
            Old::Shredded => shred(path)?,
            Old::Removed => {}
        }
    }
    file.sync_all()?;
    fs::rename(staged, path)
}

/// Overwrites a file with what nobody can read; what it held is gone as far as the file system
/// lets it go.
pub(super) fn shred(path: &Path) -> io::Result<()> {
    let length = fs::metadata(path)?.len();
    let mut file = File::options().write(true).open(path)?;
    let mut noise = File::open("/dev/urandom")?.take(length);
    io::copy(&mut noise, &mut file)?;
    file.sync_all()
}
