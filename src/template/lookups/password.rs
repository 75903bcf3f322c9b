//! `password`: a password made once and kept in a file, as Ansible keeps it.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use minijinja::Value;

use super::Request;
use crate::playbook::{Form, parse_text_arguments};
use crate::template::crypt;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters::{expand_user, hash};
use crate::template::python::{
    Class, Randomness, as_integer, class_of, elements, parse_integer, repr, text,
};

const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

fn letters(class: &str) -> String {
    let range = |first: char, last: char| (first..=last).collect::<String>();
    match class {
        "ascii_letters" => range('a', 'z') + &range('A', 'Z'),
        "ascii_lowercase" => range('a', 'z'),
        "ascii_uppercase" => range('A', 'Z'),
        "digits" => range('0', '9'),
        "hexdigits" => "0123456789abcdefABCDEF".to_owned(),
        "octdigits" => "01234567".to_owned(),
        "punctuation" => PUNCTUATION.to_owned(),
        "whitespace" => " \t\n\r\u{b}\u{c}".to_owned(),
        "printable" => {
            letters("digits") + &letters("ascii_letters") + PUNCTUATION + &letters("whitespace")
        }
        other => other.to_owned(),
    }
}

/// What is asked for; the fields of a kept password aside.
struct Wish {
    path: String,
    length: usize,
    classes: Vec<String>,
    seed: Option<Value>,
    encrypt: Option<String>,
    ident: Option<String>,
}

impl Wish {
    fn set(&mut self, name: &str, value: &Value) -> Outcome<()> {
        let given = Some(value).filter(|value| !value.is_none());
        match name {
            "length" => {
                let number = as_integer(value)
                    .or_else(|| value.as_str().and_then(|text| parse_integer(text, 10)));
                let Some(number) = number else {
                    return Err(Failure::failed(format!(
                        "Config 'length' for 'password' lookup plugin from 'Direct' has an \
                         invalid value: Invalid value provided for 'integer': {}",
                        repr(value)?
                    )));
                };
                self.length = usize::try_from(number).unwrap_or_default();
            }
            "chars" => {
                self.classes = match class_of(value) {
                    Class::List | Class::Tuple => {
                        elements(value)?.iter().map(text).collect::<Outcome<_>>()?
                    }
                    _ => split_classes(&text(value)?),
                };
            }
            "seed" => self.seed = given.cloned(),
            "encrypt" => {
                self.encrypt = given.map(text).transpose()?.filter(|name| !name.is_empty());
            }
            "ident" => self.ident = given.map(text).transpose()?.filter(|name| !name.is_empty()),
            _ => {}
        }
        Ok(())
    }
}

/// `a,b`; two commas are a comma among the characters.
fn split_classes(classes: &str) -> Vec<String> {
    let mut split = Vec::new();
    if classes.contains(",,") {
        split.push(",".to_owned());
    }
    let rest = classes.replace(",,", ",");
    split.extend(rest.split(',').filter(|class| !class.is_empty()).map(str::to_owned));
    split
}

const NAMES: [&str; 5] = ["length", "encrypt", "chars", "ident", "seed"];

fn wish(request: &Request<'_>, term: &str) -> Outcome<Wish> {
    let mut wish = Wish {
        path: term.to_owned(),
        length: 20,
        classes: ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
        seed: None,
        encrypt: None,
        ident: None,
    };
    for (name, value) in &request.options {
        wish.set(name, value)?;
    }
    let Some((path, rest)) = term.split_once(' ') else {
        return Ok(wish);
    };
    let Some(parsed) = parse_text_arguments(rest, Form::Options) else {
        return Err(Failure::failed(format!("the options in '{term}' cannot be read")));
    };
    wish.path = path.to_owned();
    if let Some(more) = parsed.free_form.filter(|more| !more.is_empty()) {
        // blanks in the path
        wish.path = format!("{path} {more}");
        if !term.starts_with(&wish.path) {
            return Err(Failure::failed(
                "Unrecognized value after key=value parameters given to password lookup",
            ));
        }
    }
    let unknown: Vec<&str> = parsed
        .options
        .iter()
        .map(|(name, ..)| name.as_str())
        .filter(|name| !NAMES.contains(name))
        .collect();
    if !unknown.is_empty() {
        return Err(Failure::failed(format!(
            "Unrecognized parameter(s) given to password lookup: {}",
            unknown.join(", ")
        )));
    }
    for (name, value, _) in &parsed.options {
        wish.set(name, &Value::from(value.as_str()))?;
    }
    Ok(wish)
}

fn made(wish: &Wish) -> Outcome<String> {
    let all: Vec<char> = wish
        .classes
        .iter()
        .flat_map(|class| letters(class).chars().collect::<Vec<_>>())
        .filter(|letter| !matches!(letter, '"' | '\''))
        .collect();
    let mut randomness = Randomness::of_seed(wish.seed.as_ref())?;
    let mut password = String::new();
    for _ in 0..wish.length {
        password.extend(all.get(randomness.index(all.len())?));
    }
    Ok(password)
}

/// A password with what belongs to its hash.
struct Kept {
    password: String,
    salt: Option<String>,
    ident: Option<String>,
}

impl Kept {
    /// `password[ salt=…[ ident=…]]`
    fn parse(contents: &str) -> Self {
        let line = contents.trim_end();
        let Some((password, rest)) = line.rsplit_once(" salt=") else {
            return Self { password: line.to_owned(), salt: None, ident: None };
        };
        let (salt, ident) = match rest.rsplit_once(" ident=") {
            Some((salt, ident)) => (salt, Some(ident.to_owned())),
            None => (rest, None),
        };
        Self { password: password.to_owned(), salt: Some(salt.to_owned()), ident }
    }

    fn written(&self) -> String {
        let mut line = self.password.clone();
        if let Some(salt) = &self.salt {
            line.push_str(&format!(" salt={salt}"));
            if let Some(ident) = &self.ident {
                line.push_str(&format!(" ident={ident}"));
            }
        }
        line
    }

    /// Adds what a hash needs; whether anything was added.
    fn complete(&mut self, wish: &Wish) -> Outcome<bool> {
        let mut changed = false;
        let scheme = wish.encrypt.as_deref().and_then(crypt::scheme);
        if wish.encrypt.is_some() && self.salt.is_none() {
            self.salt = Some(crypt::random_salt(scheme.map_or(8, |scheme| scheme.salt_size)));
            changed = true;
        }
        match (&self.ident, &wish.ident) {
            (Some(kept), Some(wanted)) if kept != wanted => {
                return Err(Failure::failed(format!(
                    "The ident parameter provided ({wanted}) does not match the stored one \
                     ({kept})."
                )));
            }
            (None, Some(wanted)) => self.ident = Some(wanted.clone()),
            (None, None) if scheme.is_some_and(|scheme| scheme.name == "bcrypt") => {
                self.ident = Some("2b".to_owned());
                changed = true;
            }
            _ => {}
        }
        Ok(changed)
    }

    /// What the lookup gives.
    fn given(self, wish: &Wish) -> Outcome<String> {
        crate::vault::keep_secret(&self.password);
        let Some(name) = &wish.encrypt else {
            return Ok(self.password);
        };
        let Some(scheme) = crypt::scheme(name) else {
            return Err(Failure::failed(format!("the '{name}' algorithm is not supported.")));
        };
        let settings =
            crypt::Settings { salt: self.salt, ident: self.ident, ..crypt::Settings::default() };
        scheme.hash(&self.password, &settings)
    }
}

fn locked<T>(path: &Path, run: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let key = hash(&path.to_string_lossy(), "sha1").unwrap_or_default();
    let lock: PathBuf = path.with_file_name(format!("{key}.ansible_lockfile"));
    let mut attempts = 0;
    loop {
        let opened =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock);
        match opened {
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempts < 100 => {
                attempts += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(error) => {
                return Err(Failure::failed(format!("cannot lock {}: {error}", lock.display())));
            }
        }
    }
    let result = run();
    let removed = std::fs::remove_file(&lock);
    let value = result?;
    removed
        .map_err(|error| Failure::failed(format!("cannot unlock {}: {error}", lock.display())))?;
    Ok(value)
}

fn from_file(wish: &Wish, path: &Path) -> Outcome<Kept> {
    let cannot = |doing: &str, error: std::io::Error| {
        Failure::failed(format!("cannot {doing} {}: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| cannot("make the folder of", error))?;
    }
    locked(path, || {
        let (mut kept, new) = match std::fs::read_to_string(path) {
            Ok(contents) => (Kept::parse(&contents), false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (Kept { password: made(wish)?, salt: None, ident: None }, true)
            }
            Err(error) => return Err(cannot("read", error)),
        };
        if kept.complete(wish)? || new {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path)
                .map_err(|error| cannot("make", error))?;
            writeln!(file, "{}", kept.written()).map_err(|error| cannot("write", error))?;
        }
        Ok(kept)
    })
}

/// `password`
pub(super) fn password(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut found = Vec::new();
    for term in request.texts()? {
        let wish = wish(request, &term)?;
        if wish.path == "/dev/null" {
            let mut kept = Kept { password: made(&wish)?, salt: None, ident: None };
            kept.complete(&wish)?;
            found.push(Value::from(kept.given(&wish)?));
            continue;
        }
        let path = expand_user(&wish.path);
        let path = if Path::new(&path).is_absolute() {
            PathBuf::from(path)
        } else {
            request.scope.directories().playbook.join(path)
        };
        found.push(Value::from(from_file(&wish, &path)?.given(&wish)?));
    }
    Ok(found)
}
