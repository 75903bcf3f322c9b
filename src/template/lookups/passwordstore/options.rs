//! The options of the lookup, and those that stand in a term.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters::{expand_user, parse_yaml};
use crate::template::python::{as_integer, mapping_get, repr, text, truth};

/// What to do where a name is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Error,
    Warn,
    Empty,
    Create,
}

/// What to do where a key is not in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MissingSubkey {
    Error,
    Warn,
    Empty,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) name: String,
    pub(super) backend: String,
    pub(super) directory: PathBuf,
    pub(super) umask: Option<String>,
    pub(super) subkey: String,
    pub(super) userpass: String,
    pub(super) length: usize,
    pub(super) missing: Missing,
    pub(super) missing_subkey: MissingSubkey,
    pub(super) overwrite: bool,
    pub(super) returnall: bool,
    pub(super) backup: bool,
    pub(super) nosymbols: bool,
    pub(super) timestamp: bool,
    pub(super) preserve: bool,
    create: bool,
    lock: String,
    lock_timeout: Duration,
}

const SECTION: &str = "passwordstore_lookup";

const OPTIONS: &[&str] = &[
    "directory",
    "create",
    "overwrite",
    "umask",
    "returnall",
    "subkey",
    "userpass",
    "length",
    "backup",
    "nosymbols",
    "missing",
    "lock",
    "locktimeout",
    "backend",
    "timestamp",
    "preserve",
    "missing_subkey",
];

fn missing(word: &str) -> Option<Missing> {
    match word {
        "error" => Some(Missing::Error),
        "warn" => Some(Missing::Warn),
        "empty" => Some(Missing::Empty),
        "create" => Some(Missing::Create),
        _ => None,
    }
}

fn invalid(option: &str, given: &str) -> Box<Failure> {
    Failure::failed(format!(
        "Invalid value '{given}' for config '{option}' for \
         'ansible_collections.community.general.plugins.lookup.passwordstore' lookup plugin."
    ))
}

fn boolean(word: &str) -> Outcome<bool> {
    match word.to_lowercase().as_str() {
        "yes" | "on" | "1" | "true" | "t" | "y" => Ok(true),
        "no" | "off" | "0" | "false" | "f" | "n" => Ok(false),
        _ => Err(Failure::failed(format!(
            "The value {} is not a valid boolean. Valid booleans include: 0, 1, 'f', 'false', 'n', \
             'no', 'off', 'on', 't', 'true', 'y', 'yes'",
            repr(&Value::from(word))?
        ))),
    }
}

fn seconds(timeout: &str) -> Outcome<Duration> {
    let wrong = || Failure::failed(format!("{timeout} is not a correct value for locktimeout"));
    let (number, unit) = timeout
        .char_indices()
        .last()
        .map(|(index, unit)| (timeout.get(..index).unwrap_or_default(), unit))
        .ok_or_else(wrong)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    if !number.bytes().all(|it| it.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(number.saturating_mul(factor)))
}

impl Wish {
    pub(super) fn of(request: &Request<'_>) -> Outcome<Self> {
        request.only(OPTIONS)?;
        let settings = crate::settings::current();
        // an option, or the variable, the environment's or the file's that stands for it
        let set = |option: &str, variable: Option<&str>| -> Outcome<Option<String>> {
            if let Some(value) = request.option(option) {
                return text(value).map(Some);
            }
            let value = match variable {
                Some(variable) => request.scope.lookup(variable)?,
                None => None,
            };
            match value.filter(|value| !value.is_none()) {
                Some(value) => text(&value).map(Some),
                None => Ok(settings.entry(SECTION, option).map(str::to_owned)),
            }
        };
        let environment = |name: &str| std::env::var(name).ok();
        let backend = set("backend", Some("passwordstore_backend"))?.unwrap_or("pass".to_owned());
        if !matches!(backend.as_str(), "pass" | "gopass") {
            return Err(invalid("backend", &backend));
        }
        let directory = match set("directory", Some("passwordstore"))? {
            Some(directory) => directory,
            None => match environment("PASSWORD_STORE_DIR") {
                Some(directory) => directory,
                None if backend == "gopass" => gopass_directory(),
                None => "~/.password-store".to_owned(),
            },
        };
        let lock = set("lock", None)?.unwrap_or_else(|| "write".to_owned());
        if !matches!(lock.as_str(), "readwrite" | "write" | "none") {
            return Err(invalid("lock", &lock));
        }
        let missing_subkey = match set("missing_subkey", None)?.as_deref() {
            None | Some("empty") => MissingSubkey::Empty,
            Some("warn") => MissingSubkey::Warn,
            Some("error") => MissingSubkey::Error,
            Some(other) => return Err(invalid("missing_subkey", other)),
        };
        let umask = match request.option("umask") {
            Some(umask) => Some(text(umask)?),
            None => environment("PASSWORD_STORE_UMASK"),
        };
        let length = match request.option("length") {
            None => 16,
            Some(length) => match as_integer(length) {
                Some(length) => usize::try_from(length).unwrap_or_default(),
                None => whole(&text(length)?)?,
            },
        };
        let missing_word = request.text_option("missing", "error")?;
        let missing = missing(&missing_word);
        Ok(Self {
            name: String::new(),
            directory: PathBuf::from(expand_user(&directory)),
            umask,
            subkey: request.text_option("subkey", super::PASSWORD)?,
            userpass: request.text_option("userpass", "")?,
            length,
            missing: missing.ok_or_else(|| invalid("missing", &missing_word))?,
            missing_subkey,
            overwrite: request.flag("overwrite", false)?,
            returnall: request.flag("returnall", false)?,
            backup: request.flag("backup", false)?,
            nosymbols: request.flag("nosymbols", false)?,
            timestamp: request.flag("timestamp", true)?,
            preserve: request.flag("preserve", true)?,
            create: request.flag("create", false)?,
            lock_timeout: seconds(&set("locktimeout", None)?.unwrap_or_else(|| "15m".to_owned()))?,
            lock,
            backend,
        })
    }

    pub(super) fn is_gopass(&self) -> bool {
        self.backend == "gopass"
    }

    /// Reads a term: a name, and options that hold from here on.
    pub(super) fn read(&mut self, term: &str) -> Outcome<()> {
        let mut words = term.split_whitespace();
        let Some(name) = words.next() else {
            return Err(Failure::failed("the lookup needs the name of a password"));
        };
        name.clone_into(&mut self.name);
        for word in words {
            let Some((option, value)) = word.split_once('=') else {
                let message = "not enough values to unpack (expected 2, got 1)";
                return Err(Failure::failed(message));
            };
            self.set(option, value)?;
        }
        if self.create {
            self.missing = Missing::Create;
        }
        if let Some(umask) = &self.umask {
            let first = umask.chars().next().and_then(|digit| digit.to_digit(10));
            match first {
                _ if umask.chars().count() != 3 => {
                    let message = "Passwordstore umask must have a length of 3.";
                    return Err(Failure::failed(message));
                }
                Some(0..=3) => {}
                _ => {
                    let message = "Passwordstore umask not allowed (password not user readable).";
                    return Err(Failure::failed(message));
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, option: &str, value: &str) -> Outcome<()> {
        match option {
            "subkey" => value.clone_into(&mut self.subkey),
            "directory" => self.directory = PathBuf::from(value),
            "userpass" => value.clone_into(&mut self.userpass),
            "umask" => self.umask = Some(value.to_owned()),
            "length" => self.length = whole(value)?,
            "missing" => {
                self.missing = missing(value).ok_or_else(|| {
                    Failure::failed(format!("{value} is not a valid option for missing"))
                })?;
            }
            "missing_subkey" => {
                self.missing_subkey = match value {
                    "error" => MissingSubkey::Error,
                    "warn" => MissingSubkey::Warn,
                    _ => MissingSubkey::Empty,
                };
            }
            "create" => self.create = boolean(value)?,
            "returnall" => self.returnall = boolean(value)?,
            "overwrite" => self.overwrite = boolean(value)?,
            "backup" => self.backup = boolean(value)?,
            "nosymbols" => self.nosymbols = boolean(value)?,
            // in a term these are texts, and any text is true
            "timestamp" => self.timestamp = !value.is_empty(),
            "preserve" => self.preserve = !value.is_empty(),
            _ => return Err(Failure::failed(format!("{option} not in paramvals"))),
        }
        Ok(())
    }

    /// Keeps other runs out until what it gives is dropped, where the option `lock` is this one.
    pub(super) fn locked(&self, kind: &str) -> Outcome<Option<File>> {
        if self.lock != kind {
            return Ok(None);
        }
        let folder = std::env::temp_dir();
        let user = std::env::var("USER").unwrap_or_else(|_| "None".to_owned());
        let path = folder.join(format!("ansible-.{user}.passwordstore.lock.lock"));
        let cannot = |error: std::io::Error| {
            Failure::failed(format!("cannot lock {}: {error}", path.display()))
        };
        let mut options = File::options();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.write(true).create(true).truncate(false).open(&path).map_err(cannot)?;
        let end = Instant::now() + self.lock_timeout;
        loop {
            let wish = rustix::fs::FlockOperation::NonBlockingLockExclusive;
            match rustix::fs::flock(&file, wish) {
                Ok(()) => return Ok(Some(file)),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let after = self.lock_timeout.as_secs();
                    return Err(Failure::failed(format!("{after} sec")));
                }
                Err(error) => return Err(cannot(error.into())),
            }
        }
    }
}

fn whole(value: &str) -> Outcome<usize> {
    let is_number = !value.is_empty() && value.bytes().all(|it| it.is_ascii_digit());
    match value.parse::<usize>() {
        Ok(length) if is_number && length <= 1_000_000 => Ok(length),
        _ => Err(Failure::failed(format!("{value} is not a correct value for length"))),
    }
}

/// Where gopass keeps its store.
fn gopass_directory() -> String {
    let path = expand_user("~/.config/gopass/config.yml");
    let path = std::fs::read_to_string(path).ok().and_then(|config| {
        let config = parse_yaml(&config).ok()?;
        let path = mapping_get(&config, &Value::from("path")).ok()??;
        truth(&path).ok()?.then(|| text(&path).ok())?
    });
    path.unwrap_or_else(|| "~/.local/share/gopass/stores/root".to_owned())
}
