//! Changing what is encrypted with an editor. The plaintext lies in a folder of the user alone, in
//! memory where the system has a place for that, and is overwritten and removed after.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use zeroize::Zeroizing;

use super::super::super::CommandError;
use super::super::talk;
use super::Locking;
use super::files::{self, Old, wrong};
use crate::inventory::absolute;
use crate::settings::Settings;
use crate::vault::{DEFAULT_ID, Envelope, Keyring};

/// Memory that looks like a folder.
const MEMORY: &str = "/dev/shm";

/// Writes a new encrypted file.
pub(super) fn create(
    name: &str,
    locking: &Locking,
    settings: &Settings,
) -> Result<(), CommandError> {
    let path = absolute(name);
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        talk::warning(&format!("{} does not exist, creating...", folder.display()));
        fs::create_dir_all(folder)
            .map_err(|error| wrong(format!("cannot create `{}`: {error}", folder.display())))?;
    }
    if path.is_file() {
        return Err(wrong(format!("{name} exists, please use 'edit' instead")));
    }
    let written = edited(&path, b"", settings)?;
    let ciphertext = locking.encrypt(&written)?;
    files::write(name, ciphertext.as_bytes(), Old::Removed)
}

/// Changes an encrypted file; its id, mode and owner stay.
pub(super) fn edit(name: &str, keyring: &Keyring, settings: &Settings) -> Result<(), CommandError> {
    let name = files::real(name);
    let before = files::read(&name)?;
    let failed = |error: &dyn std::fmt::Display| wrong(format!("{error} for {name}"));
    let (plaintext, secret) = keyring.decrypt(&before).map_err(|error| failed(&error))?;
    let envelope = Envelope::parse(&before).map_err(|error| failed(&error))?;
    let after = edited(Path::new(&name), &plaintext, settings)?;
    if after == plaintext {
        return Ok(());
    }
    let salt = settings.text("VAULT_ENCRYPT_SALT").filter(|salt| !salt.is_empty());
    let locking = Locking { secret: secret.clone(), salt };
    let id = envelope.id.as_deref().unwrap_or(DEFAULT_ID);
    let ciphertext = locking.encrypt_as(&after, id)?;
    files::write(&name, ciphertext.as_bytes(), Old::Kept)
}

/// What the editor makes of a text.
fn edited(
    target: &Path,
    plaintext: &[u8],
    settings: &Settings,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let editor = settings.text("EDITOR").unwrap_or_else(|| "vi".to_owned());
    let words = shell_words::split(&editor)
        .map_err(|error| wrong(format!("cannot split the editor `{editor}`: {error}")))?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(wrong("no editor is set"));
    };
    let private = Private::new(settings)?;
    let ending = target.extension().map(|ending| format!(".{}", ending.display()));
    let file = private.0.join(format!("edited{}", ending.unwrap_or_default()));
    let unusable = |error: std::io::Error| wrong(format!("`{}`: {error}", file.display()));
    fs::write(&file, plaintext).map_err(unusable)?;
    let mut command = Command::new(program);
    command.args(arguments).arg(&file).status().map_err(|error| {
        wrong(format!("Unable to execute the command \"{editor} {}\": {error}", file.display()))
    })?;
    fs::read(&file).map(Zeroizing::new).map_err(unusable)
}

/// A folder of the user alone; what is in it is overwritten when it goes.
struct Private(PathBuf);

impl Private {
    fn new(settings: &Settings) -> Result<Self, CommandError> {
        let number = crate::connection::random::<8>().map_or(0, u64::from_ne_bytes);
        let name = format!("canvass-vault-{number:016x}");
        let mut places = vec![PathBuf::from(MEMORY)];
        places.extend(settings.path("DEFAULT_LOCAL_TMP"));
        let mut refused = None;
        for place in &places {
            if place != Path::new(MEMORY) {
                let _ = DirBuilder::new().recursive(true).mode(0o700).create(place);
            }
            let folder = place.join(&name);
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) => refused = Some(error),
            }
        }
        let why = refused.map(|error| error.to_string()).unwrap_or_default();
        Err(wrong(format!("no private place for the plaintext: {why}")))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // an editor may leave copies beside its file
        if let Ok(entries) = fs::read_dir(&self.0) {
            for entry in entries.flatten() {
                let _ = files::shred(&entry.path());
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}
