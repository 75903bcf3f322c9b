//! The vault passwords of a program: `--vault-id`, password files and prompts, and the settings.

use std::path::Path;

use zeroize::Zeroizing;

use crate::inventory::absolute;
use crate::settings::Settings;
use crate::vault::{self, Keyring, VaultSecret};

use super::super::CommandError;
use super::super::prompt::hidden;
use super::options::Vault;
use super::talk;

/// What passwords are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Purpose {
    /// To open what is there: each is asked for once, and none need be there.
    Run,
    /// To open what is there: asked for where none is given.
    Open,
    /// To encrypt: new ones are asked for twice, and asked for where none is given.
    Encrypt,
}

/// Where passwords come from.
#[derive(Debug, Default)]
pub(in crate::cli) struct Sources {
    /// `ID@SOURCE` or `SOURCE`, in order.
    pub ids: Vec<String>,
    /// Whether to ask for one.
    pub ask: bool,
}

impl Sources {
    /// What options and settings name.
    pub(in crate::cli) fn new(given: &Vault, settings: &Settings) -> Self {
        let mut ids = settings.list("DEFAULT_VAULT_IDENTITY_LIST");
        ids.retain(|id| !id.is_empty());
        ids.extend(given.vault_id.iter().cloned());
        let default = default_id(settings);
        let files = given.vault_password_file.iter().map(|file| file.display().to_string());
        let set = settings.text("DEFAULT_VAULT_PASSWORD_FILE");
        ids.extend(files.chain(set).map(|file| format!("{default}@{file}")));
        let ask = given.ask_vault_password || settings.boolean("DEFAULT_ASK_VAULT_PASS");
        Self { ids, ask }
    }

    /// Reads the passwords. One that cannot be had is told; an error only where none is left.
    ///
    /// # Errors
    ///
    /// No password where one was named, or a prompt that nobody answers.
    pub(in crate::cli) fn read(
        mut self,
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Keyring, CommandError> {
        let default = default_id(settings);
        if self.ask || (self.ids.is_empty() && purpose != Purpose::Run) {
            self.ids.push(format!("{default}@prompt_ask_vault_pass"));
        }
        let strict = settings.text("DEFAULT_VAULT_ID_MATCH").is_some_and(|text| is_true(&text))
            || settings.boolean("DEFAULT_VAULT_ID_MATCH");
        let mut keyring = Keyring::new(Vec::new(), strict);
        let mut failed = None;
        for slug in &self.ids {
            let (name, source) = match slug.split_once('@') {
                Some((name, source)) => (name, source),
                None => ("", slug.as_str()),
            };
            let id = if name.is_empty() { default.as_str() } else { name };
            if matches!(source, "prompt" | "prompt_ask_vault_pass") {
                let password = prompted(id, source, purpose).inspect_err(|error| {
                    let told = error.diagnostics().first().map(|told| told.message.clone());
                    talk::warning(&format!(
                        "Error in vault password prompt ({id}): {}",
                        told.unwrap_or_default()
                    ));
                })?;
                keyring.add(VaultSecret::new(id, password));
                continue;
            }
            let path = absolute(source);
            match vault::from_file(Path::new(&path), id, &keyring) {
                Ok(password) => keyring.add(VaultSecret::new(id, password)),
                Err(error) => {
                    let name = if slug.contains('@') { name } else { "None" };
                    let doing = match error {
                        vault::PasswordError::Missing(_) | vault::PasswordError::Directory(_) => {
                            "Error getting vault password file"
                        }
                        _ => "Error in vault password file loading",
                    };
                    talk::warning(&format!("{doing} ({name}): {error}"));
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if keyring.secrets().is_empty() => {
                Err(CommandError::other(error.to_string(), None))
            }
            _ => Ok(keyring),
        }
    }
}

/// Reads the passwords of a run, which from now on open what is encrypted.
pub(in crate::cli) fn unlock(given: &Vault, settings: &Settings) -> Result<(), CommandError> {
    let keyring = Sources::new(given, settings).read(settings, Purpose::Run)?;
    vault::set_keyring(keyring);
    Ok(())
}

/// The id where none is named.
pub(in crate::cli) fn default_id(settings: &Settings) -> String {
    settings.text("DEFAULT_VAULT_IDENTITY").unwrap_or_else(|| vault::DEFAULT_ID.to_owned())
}

fn is_true(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "y" | "yes" | "on" | "1" | "true" | "t")
}

fn prompted(id: &str, source: &str, purpose: Purpose) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    // the wording that programs which answer prompts look for
    let questions = match (source, purpose) {
        ("prompt", Purpose::Encrypt) => vec![
            format!("New vault password ({id}): "),
            format!("Confirm new vault password ({id}): "),
        ],
        ("prompt", _) => vec![format!("Vault password ({id}): ")],
        (_, Purpose::Encrypt) => {
            vec!["New Vault password: ".to_owned(), "Confirm New Vault password: ".to_owned()]
        }
        _ => vec!["Vault password: ".to_owned()],
    };
    let mut first: Option<Zeroizing<Vec<u8>>> = None;
    for question in questions {
        let refused = |text: String| CommandError::other(text, None);
        let answer = hidden(&question)
            .map_err(|error| refused(format!("cannot ask for the vault password: {error}")))?
            .ok_or_else(|| refused(format!("EOFError (ctrl-d) on prompt for ({id})")))?;
        if answer.is_empty() {
            return Err(refused("Invalid vault password was provided".to_owned()));
        }
        let answer = Zeroizing::new(answer.trim().as_bytes().to_vec());
        match &first {
            Some(first) if *first != answer => {
                return Err(refused("Passwords do not match".to_owned()));
            }
            Some(_) => {}
            None => first = Some(answer),
        }
    }
    Ok(first.unwrap_or_default())
}
