//! Texts become values of a setting's type.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::Kind;

/// A text of the environment or of a file as a value; none where it is not of the type.
pub(super) fn convert(
    text: &str,
    kind: Kind,
    beside: Option<&Path>,
    home: Option<&Path>,
) -> Option<Json> {
    let path = |text: &str| resolve(text, beside, home).to_string_lossy().into_owned();
    let items = |separator: char, item: &dyn Fn(&str) -> String| {
        Json::from(text.split(separator).map(item).collect::<Vec<_>>())
    };
    Some(match kind {
        Kind::Boolean => Json::from(is_true(text)),
        Kind::Integer => Json::from(integer(text)?),
        Kind::Float => Json::from(text.trim().parse::<f64>().ok()?),
        Kind::String | Kind::Raw | Kind::Dict => Json::from(text),
        Kind::List => items(',', &|item| unquote(item.trim()).to_owned()),
        Kind::Path | Kind::TemporaryPath => Json::from(path(text)),
        Kind::PathSpec => items(':', &path),
        Kind::PathList => items(',', &|item| path(item.trim())),
    })
}

/// What Ansible takes for true.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "y" | "yes" | "on" | "1" | "true" | "t" | "1.0")
}

/// A whole number, also one with a fraction of nought.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|digit| digit == '0') => whole,
        Some(_) => return None,
        None => text,
    };
    whole.replace('_', "").parse().ok()
}

/// Without the quotes around it.
pub(super) fn unquote(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// A path with `~`, `{{CWD}}` and variables of the environment, seen from the folder of the file
/// that names it.
pub(super) fn resolve(text: &str, beside: Option<&Path>, home: Option<&Path>) -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    let text = with_variables(&text.replace("{{CWD}}", &working.to_string_lossy()));
    let path = match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(&text),
    };
    let path = match beside {
        Some(folder) => folder.join(path),
        None => path,
    };
    normal(&std::path::absolute(&path).unwrap_or(path))
}

/// Without `.` and `..`, by the words alone.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir => {}
            _ => parts.push(part),
        }
    }
    parts
}

/// `$NAME` and `${NAME}` replaced where they are set.
fn with_variables(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        done.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        let (name, tail) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, tail)) => (name, tail),
            None => {
                let end = after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => {
                done.push_str(&value);
                rest = tail;
            }
            _ => {
                done.push('$');
                rest = after;
            }
        }
    }
    done.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn converts_as_ansible_does() {
        let home = Path::new("/home/u");
        let beside = Path::new("/etc/ansible");
        let cases = [
            ("yes", Kind::Boolean, Some(json!(true))),
            ("nope", Kind::Boolean, Some(json!(false))),
            ("7", Kind::Integer, Some(json!(7))),
            ("7.0", Kind::Integer, Some(json!(7))),
            ("7.5", Kind::Integer, None),
            ("a, 'b' ,c", Kind::List, Some(json!(["a", "b", "c"]))),
            ("~/x", Kind::Path, Some(json!("/home/u/x"))),
            ("../x", Kind::Path, Some(json!("/etc/x"))),
            ("~/a:b", Kind::PathSpec, Some(json!(["/home/u/a", "/etc/ansible/b"]))),
            ("h, /i", Kind::PathList, Some(json!(["/etc/ansible/h", "/i"]))),
        ];
        for (text, kind, expected) in cases {
            assert_eq!(convert(text, kind, Some(beside), Some(home)), expected, "{text}");
        }
    }
}
