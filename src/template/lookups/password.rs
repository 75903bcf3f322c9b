//! `password`: a password made once and kept in a file, as Ansible keeps it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters::{expand_user, hash, random_below};
use crate::template::python::{Class, as_integer, class_of, elements, parse_integer, text};

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
        other => other.to_owned(),
    }
}

struct Wish {
    path: String,
    length: usize,
    classes: Vec<String>,
    seed: Option<String>,
}

fn wish(request: &Request<'_>, term: &str) -> Outcome<Wish> {
    request.known_options(&["length", "chars", "encrypt", "ident", "seed"])?;
    if request.option("encrypt").is_some() || term.contains(" encrypt=") {
        return Err(Failure::failed("the option 'encrypt' is not supported yet"));
    }
    let mut wish = Wish {
        path: term.to_owned(),
        length: 20,
        classes: ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
        seed: request.option("seed").map(text).transpose()?,
    };
    let number = |value: &Value| {
        as_integer(value).or_else(|| value.as_str().and_then(|text| parse_integer(text, 10)))
    };
    if let Some(length) = request.option("length") {
        wish.length = number(length).and_then(|length| usize::try_from(length).ok()).unwrap_or(20);
    }
    if let Some(classes) = request.option("chars") {
        wish.classes = match class_of(classes) {
            Class::List | Class::Tuple => {
                elements(classes)?.iter().map(text).collect::<Outcome<_>>()?
            }
            _ => text(classes)?.split(',').map(str::to_owned).collect(),
        };
    }
    if let Some((path, rest)) = term.split_once(' ') {
        wish.path = path.to_owned();
        for pair in rest.split_whitespace() {
            match pair.split_once('=') {
                Some(("length", length)) => {
                    wish.length = length.parse().map_err(|_| {
                        Failure::failed(format!("the length '{length}' is no number"))
                    })?;
                }
                Some(("chars", classes)) => {
                    wish.classes = classes.split(',').map(str::to_owned).collect();
                }
                Some(("seed", seed)) => wish.seed = Some(seed.to_owned()),
                _ => return Err(Failure::failed(format!("Unrecognized parameter '{pair}'"))),
            }
        }
    }
    if wish.seed.is_some() {
        return Err(Failure::failed("the option 'seed' is not supported yet"));
    }
    Ok(wish)
}

fn made(wish: &Wish) -> Outcome<String> {
    let all: Vec<char> =
        wish.classes.iter().flat_map(|class| letters(class).chars().collect::<Vec<_>>()).collect();
    let mut password = String::new();
    for _ in 0..wish.length {
        password.extend(all.get(random_below(all.len())?));
    }
    Ok(password)
}

/// The password of a file that has one; the salt after it belongs to `encrypt`.
fn kept(contents: &str) -> String {
    let line = contents.trim_end();
    line.split(" salt=").next().unwrap_or_default().to_owned()
}

fn locked<T>(path: &Path, run: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let key = hash(&path.to_string_lossy(), "sha1").unwrap_or_default();
    let lock: PathBuf = path.with_file_name(format!(".{key}.ansible_lockfile"));
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

fn from_file(wish: &Wish, path: &Path) -> Outcome<String> {
    let cannot = |doing: &str, error: std::io::Error| {
        Failure::failed(format!("cannot {doing} {}: {error}", path.display()))
    };
    if path.exists() {
        return std::fs::read_to_string(path)
            .map(|text| kept(&text))
            .map_err(|error| cannot("read", error));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| cannot("make the folder of", error))?;
    }
    locked(path, || {
        if path.exists() {
            return std::fs::read_to_string(path)
                .map(|text| kept(&text))
                .map_err(|error| cannot("read", error));
        }
        let password = made(wish)?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| cannot("make", error))?;
        writeln!(file, "{password}").map_err(|error| cannot("write", error))?;
        Ok(password)
    })
}

/// `password`
pub(super) fn password(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut found = Vec::new();
    for term in request.texts()? {
        let wish = wish(request, &term)?;
        if wish.path == "/dev/null" {
            found.push(Value::from(made(&wish)?));
            continue;
        }
        let path = expand_user(&wish.path);
        let path = if Path::new(&path).is_absolute() {
            PathBuf::from(path)
        } else {
            request.scope.directories().playbook.join(path)
        };
        found.push(Value::from(from_file(&wish, &path)?));
    }
    Ok(found)
}
