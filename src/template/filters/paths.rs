//! Filters of paths.

use std::path::{Component, Path, PathBuf};

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{Class, class_of, elements, like, list, text, tuple, type_name};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("basename", &["path"], |call| {
        let path = path(call)?;
        Ok(like(call.value()?, path.rsplit('/').next().unwrap_or_default().to_owned()))
    }),
    filter("dirname", &["path"], |call| {
        let path = path(call)?;
        let head = path.rfind('/').map_or("", |at| path.get(..=at).unwrap_or_default());
        let stripped = head.trim_end_matches('/');
        let head = if stripped.is_empty() { head } else { stripped };
        Ok(like(call.value()?, head.to_owned()))
    }),
    filter("splitext", &["path"], |call| {
        let path = path(call)?;
        let name_start = path.rfind('/').map_or(0, |at| at + 1);
        let name = path.get(name_start..).unwrap_or_default();
        let lead = name.len() - name.trim_start_matches('.').len();
        let dot = name.rfind('.').filter(|dot| *dot > 0 && *dot >= lead);
        let (root, extension) = path.split_at(dot.map_or(path.len(), |dot| name_start + dot));
        let value = call.value()?;
        let part = |part: &str| like(value, part.to_owned());
        Ok(tuple(vec![part(root), part(extension)]))
    }),
    filter("expanduser", &["path"], |call| Ok(like(call.value()?, expand_user(&path(call)?)))),
    filter("expandvars", &["path"], |call| Ok(Value::from(expand_variables(&path(call)?)))),
    filter("realpath", &["path"], |call| {
        let path = absolute(Path::new(&path(call)?));
        Ok(path_value(&real(&path)))
    }),
    filter("relpath", &["path", "start"], |call| {
        let value = call.value()?;
        crate::template::python::usable(value)?;
        if !crate::template::python::truth(value)? {
            return Err(call.refuse("no path specified"));
        }
        let start = call.text_or(1, ".")?;
        Ok(path_value(&relative(&absolute(Path::new(&path(call)?)), &absolute(Path::new(&start)))))
    }),
    filter("normpath", &["path"], |call| Ok(path_value(&normal(Path::new(&path(call)?))))),
    filter("commonpath", &["paths"], |call| {
        let value = call.value()?;
        if !matches!(class_of(value), Class::List | Class::Tuple | Class::Range) {
            return Err(call.refuse(format!(
                "|commonpath expects sequence, got <class '{}'> instead.",
                type_name(value)
            )));
        }
        let paths = texts(call)?;
        if paths.is_empty() {
            return Err(call.refuse("commonpath() arg is an empty sequence"));
        }
        let mut common: Option<Vec<String>> = None;
        for path in paths {
            let parts: Vec<String> = Path::new(&path)
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            common = Some(match common {
                None => parts,
                Some(before) => before
                    .into_iter()
                    .zip(parts)
                    .take_while(|(one, other)| one == other)
                    .map(|(one, _)| one)
                    .collect(),
            });
        }
        let common: PathBuf = common.unwrap_or_default().iter().collect();
        Ok(Value::from(common.to_string_lossy().into_owned()))
    }),
    filter("path_join", &["paths"], |call| {
        let mut joined = String::new();
        let parts = texts(call)?;
        if parts.is_empty() {
            return Err(call.refuse("join() missing 1 required positional argument: 'a'"));
        }
        for part in parts {
            if part.starts_with('/') || joined.is_empty() {
                joined = part;
            } else {
                if !joined.ends_with('/') {
                    joined.push('/');
                }
                joined.push_str(&part);
            }
        }
        Ok(Value::from(joined))
    }),
    filter("win_basename", &["path"], |call| {
        let path = path(call)?;
        Ok(like(call.value()?, path.rsplit(['\\', '/']).next().unwrap_or_default().to_owned()))
    }),
    filter("win_dirname", &["path"], |call| {
        let path = path(call)?;
        let at = path.rfind(['\\', '/']).unwrap_or(0);
        let head = path.get(..at).unwrap_or_default();
        let stripped = head.trim_end_matches(['\\', '/']);
        Ok(Value::from(if stripped.is_empty() { head } else { stripped }))
    }),
    filter("win_splitdrive", &["path"], |call| {
        let path = path(call)?;
        let split = if path.get(1..2) == Some(":") { 2 } else { 0 };
        let (drive, rest) = path.split_at(split);
        Ok(tuple(vec![Value::from(drive), Value::from(rest)]))
    }),
    filter("fileglob", &["pathname"], |call| {
        crate::vars::note_look();
        let found = crate::template::lookups::glob(&path(call)?);
        let files = found.into_iter().filter(|path| Path::new(path).is_file());
        Ok(list(files.map(Value::from).collect()))
    }),
];

/// A path, which must be text.
fn path_text(value: &Value) -> Outcome<String> {
    crate::template::python::usable(value)?;
    value.as_str().map(str::to_owned).ok_or_else(|| {
        Failure::failed(format!(
            "expected str, bytes or os.PathLike object, not {}",
            type_name(value)
        ))
    })
}

fn path(call: &Bound<'_>) -> Outcome<String> {
    path_text(call.value()?)
}

fn texts(call: &Bound<'_>) -> Outcome<Vec<String>> {
    let value = call.value()?;
    match class_of(value) {
        Class::List | Class::Tuple => elements(value)?.iter().map(path_text).collect(),
        Class::Text => Ok(vec![text(value)?]),
        _ => Err(call.refuse(format!(
            "|path_join expects string or sequence, got <class '{}'> instead.",
            type_name(value)
        ))),
    }
}

fn path_value(path: &Path) -> Value {
    let text = path.to_string_lossy();
    Value::from(if text.is_empty() { "." } else { text.as_ref() })
}

/// `~` and `~/…` with the home folder.
pub(in crate::template) fn expand_user(path: &str) -> String {
    let home = std::env::var("HOME").ok();
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.trim_end_matches('/'))
        }
        _ => path.to_owned(),
    }
}

/// `$NAME` and `${NAME}` with the values of the environment; unknown ones stay.
pub(in crate::template) fn expand_variables(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, behind) = match braced {
            Some(parts) => parts,
            None => {
                let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                after.split_at(after.find(|letter| !word(letter)).unwrap_or(after.len()))
            }
        };
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => out.push_str(&value),
            _ => {
                out.push('$');
                rest = after;
                continue;
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn absolute(path: &Path) -> PathBuf {
    let joined = match std::env::current_dir() {
        Ok(folder) => folder.join(path),
        Err(_) => path.to_path_buf(),
    };
    normal(&joined)
}

pub(in crate::template) fn normal(path: &Path) -> PathBuf {
    let mut made = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                let up = made.components().next_back();
                match up {
                    Some(Component::Normal(_)) => {
                        made.pop();
                    }
                    Some(Component::RootDir) => {}
                    _ => made.push(".."),
                }
            }
            part => made.push(part),
        }
    }
    made
}

/// The path with the links of the part that exists resolved.
fn real(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_path_buf(),
    }
}

fn relative(path: &Path, start: &Path) -> PathBuf {
    let (path_parts, start_parts): (Vec<_>, Vec<_>) =
        (path.components().collect(), start.components().collect());
    let shared =
        path_parts.iter().zip(&start_parts).take_while(|(one, other)| one == other).count();
    let ups = std::iter::repeat_n(Component::ParentDir, start_parts.len() - shared);
    ups.chain(path_parts.into_iter().skip(shared)).collect()
}
