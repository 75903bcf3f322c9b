//! `ansible-vault`: encrypts and opens files and strings.

mod editor;
mod files;
mod strings;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::settings::Settings;
use crate::vault::{Keyring, VaultError, VaultSecret};

use super::super::CommandError;
use super::Invocation;
use super::options::{Base, Vault};
use super::secrets::{Purpose, Sources};

/// Encrypts and opens files and strings.
#[derive(Debug, Parser)]
#[command(name = "ansible-vault", disable_version_flag = true, infer_long_args = true)]
struct Arguments {
    #[command(flatten)]
    base: Base,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Writes a new encrypted file with an editor
    Create {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        id: EncryptId,
        /// The file
        #[arg(value_name = "file_name")]
        files: Vec<String>,
        /// Open the editor without a terminal too
        #[arg(long)]
        skip_tty_check: bool,
    },
    /// Replaces encrypted files by their plaintext
    Decrypt {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        output: Output,
        /// The files; `-` is standard input
        #[arg(value_name = "file_name")]
        files: Vec<String>,
    },
    /// Changes encrypted files with an editor
    Edit {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        id: EncryptId,
        /// The files
        #[arg(value_name = "file_name")]
        files: Vec<String>,
    },
    /// Shows encrypted files
    View {
        #[command(flatten)]
        common: Common,
        /// The files
        #[arg(value_name = "file_name")]
        files: Vec<String>,
    },
    /// Encrypts files
    Encrypt {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        id: EncryptId,
        /// The files; `-` is standard input
        #[arg(value_name = "file_name")]
        files: Vec<String>,
    },
    /// Encrypts strings as YAML values
    #[command(name = "encrypt_string")]
    EncryptString {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        id: EncryptId,
        #[command(flatten)]
        strings: strings::Strings,
    },
    /// Encrypts encrypted files anew with another password
    Rekey {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        id: EncryptId,
        /// The file of the new password
        #[arg(long, value_name = "FILE", conflicts_with = "new_vault_id")]
        new_vault_password_file: Option<PathBuf>,
        /// The new password, `LABEL@SOURCE`
        #[arg(long)]
        new_vault_id: Option<String>,
        /// The files
        #[arg(value_name = "file_name")]
        files: Vec<String>,
    },
}

/// Options of every action.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    vault: Vault,
    /// Tell more
    #[arg(short, long = "verbose", action = ArgAction::Count)]
    _verbosity: u8,
}

/// Where the result goes.
#[derive(Debug, Args)]
struct Output {
    /// The file of the result; `-` is standard output
    #[arg(long, value_name = "OUTPUT_FILE")]
    output: Option<String>,
}

/// With which password to encrypt.
#[derive(Debug, Args)]
struct EncryptId {
    /// The id of the password to encrypt with; needed where several are given
    #[arg(long)]
    encrypt_vault_id: Option<String>,
}

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let arguments: Arguments = match invocation.parse("ansible-vault") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    let _ = arguments.base.verbosity;
    // all that is written here is for the user alone
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let settings = &invocation.settings;
    match arguments.action {
        Action::Create { common, id, files, skip_tty_check } => {
            let locking = Locking::new(&common, &id, settings)?;
            let [file] = files.as_slice() else {
                let text = "ansible-vault create can take only one filename argument";
                return Err(CommandError::options(text, None));
            };
            if !skip_tty_check && !console::Term::stdout().is_term() {
                return Err(CommandError::options("not a tty, editor cannot be opened", None));
            }
            editor::create(file, &locking, settings)?;
        }
        Action::Decrypt { common, output, files } => {
            let output = one_output(&output, &files)?;
            let keyring = opening(&common, settings)?;
            reading("ciphertext", &files);
            for file in or_stdin(&files) {
                files::decrypt(file, &keyring, output)?;
            }
            succeeded("Decryption");
        }
        Action::Edit { common, id: _, files } => {
            let keyring = opening(&common, settings)?;
            for file in &files {
                editor::edit(file, &keyring, settings)?;
            }
        }
        Action::View { common, files } => {
            let keyring = opening(&common, settings)?;
            for file in &files {
                files::view(file, &keyring, settings)?;
            }
        }
        Action::Encrypt { common, output, id, files } => {
            let output = one_output(&output, &files)?;
            let locking = Locking::new(&common, &id, settings)?;
            reading("plaintext", &files);
            for file in or_stdin(&files) {
                files::encrypt(file, &locking, output)?;
            }
            succeeded("Encryption");
        }
        Action::EncryptString { common, output, id, strings } => {
            let output = one_output(&output, &strings.texts)?;
            strings.check()?;
            let locking = Locking::new(&common, &id, settings)?;
            strings.encrypt(&locking, output)?;
            succeeded("Encryption");
        }
        Action::Rekey { common, id, new_vault_password_file, new_vault_id, files } => {
            let keyring = opening(&common, settings)?;
            let wanted = encrypt_id(&id, settings);
            let mut sources =
                Sources { ask: common.vault.ask_vault_password, ..Sources::default() };
            if wanted.is_some() {
                sources.ids = settings.list("DEFAULT_VAULT_IDENTITY_LIST");
            }
            sources.ids.extend(new_vault_id);
            let default = super::secrets::default_id(settings);
            let new = new_vault_password_file.map(|file| file.display().to_string());
            let set = settings.text("DEFAULT_VAULT_PASSWORD_FILE");
            sources.ids.extend(new.into_iter().chain(set).map(|file| format!("{default}@{file}")));
            let new = sources.read(settings, Purpose::Encrypt)?;
            let locking = Locking::with(&new, wanted.as_deref(), settings)?;
            for file in &files {
                files::rekey(file, &keyring, &locking)?;
            }
            super::super::say("Rekey successful");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The password to encrypt with.
struct Locking {
    secret: VaultSecret,
    salt: Option<String>,
}

impl Locking {
    fn new(common: &Common, id: &EncryptId, settings: &Settings) -> Result<Self, CommandError> {
        check_ids(&common.vault)?;
        let keyring = Sources::new(&common.vault, settings).read(settings, Purpose::Encrypt)?;
        let wanted = encrypt_id(id, settings);
        if keyring.secrets().len() > 1 && wanted.is_none() {
            let ids: Vec<&str> = keyring.secrets().iter().map(VaultSecret::id).collect();
            return Err(CommandError::options(
                format!(
                    "The vault-ids {} are available to encrypt. Specify the vault-id to encrypt \
                     with --encrypt-vault-id",
                    ids.join(",")
                ),
                None,
            ));
        }
        Self::with(&keyring, wanted.as_deref(), settings)
    }

    fn with(
        keyring: &Keyring,
        wanted: Option<&str>,
        settings: &Settings,
    ) -> Result<Self, CommandError> {
        let secret = keyring.encrypting(wanted).map_err(|error| failed(&error))?;
        let secret = secret.cloned().ok_or_else(no_password)?;
        let salt = settings.text("VAULT_ENCRYPT_SALT").filter(|salt| !salt.is_empty());
        Ok(Self { secret, salt })
    }

    /// The ciphertext of a plaintext.
    fn encrypt(&self, plaintext: &[u8]) -> Result<String, CommandError> {
        self.encrypt_as(plaintext, self.secret.id())
    }

    /// The same with another id in the header.
    fn encrypt_as(&self, plaintext: &[u8], id: &str) -> Result<String, CommandError> {
        let salt = self.salt.as_deref().map(str::as_bytes);
        crate::vault::encrypt(plaintext, &self.secret, id, salt).map_err(|error| failed(&error))
    }
}

fn opening(common: &Common, settings: &Settings) -> Result<Keyring, CommandError> {
    check_ids(&common.vault)?;
    let keyring = Sources::new(&common.vault, settings).read(settings, Purpose::Open)?;
    if keyring.secrets().is_empty() { Err(no_password()) } else { Ok(keyring) }
}

fn encrypt_id(id: &EncryptId, settings: &Settings) -> Option<String> {
    let given = id.encrypt_vault_id.clone().filter(|id| !id.is_empty());
    given.or_else(|| settings.text("DEFAULT_VAULT_ENCRYPT_IDENTITY"))
}

fn check_ids(vault: &Vault) -> Result<(), CommandError> {
    match vault.vault_id.iter().find(|id| id.contains(';')) {
        Some(id) => Err(CommandError::options(
            format!(
                "'{id}' is not a valid vault id. The character ';' is not allowed in vault ids"
            ),
            None,
        )),
        None => Ok(()),
    }
}

fn one_output<'a>(output: &'a Output, files: &[String]) -> Result<Option<&'a str>, CommandError> {
    if output.output.is_some() && files.len() > 1 {
        let text = "At most one input file may be used with the --output option";
        return Err(CommandError::options(text, None));
    }
    Ok(output.output.as_deref())
}

fn no_password() -> CommandError {
    CommandError::options("A vault password is required to use Ansible's Vault", None)
}

fn failed(error: &VaultError) -> CommandError {
    CommandError::other(error.to_string(), None)
}

fn or_stdin(files: &[String]) -> impl Iterator<Item = &str> {
    let stdin = files.is_empty().then_some("-");
    files.iter().map(String::as_str).chain(stdin)
}

fn reading(what: &str, files: &[String]) {
    if files.is_empty() && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        super::super::say(&format!("Reading {what} input from stdin"));
    }
}

fn succeeded(what: &str) {
    if console::Term::stdout().is_term() {
        super::super::say(&format!("{what} successful"));
    }
}
