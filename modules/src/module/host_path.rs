//! Paths as tasks write them, seen from the host: `~`, variables, links.
//!
//! Follows option type `path` of ansible-core 2.19: variables first, then the home directory;
//! what is not known stays as it is.

use std::path::{Component, Path, PathBuf};

use crate::host::{AccountKey, FileKind, Follow, Host, HostError};

/// Replaces `$NAME`, `${NAME}`, `~` and `~user`.
pub(crate) fn expand(host: &mut dyn Host, path: &Path) -> Result<PathBuf, HostError> {
    let Some(text) = path.to_str() else { return Ok(path.to_owned()) };
    let text = expand_variables(host, text);
    Ok(PathBuf::from(expand_home(host, &text)?))
}

fn expand_variables(host: &mut dyn Host, text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (name, length) = variable_name(after);
        match (!name.is_empty()).then(|| host.environment(name)).flatten() {
            Some(value) => expanded.push_str(&value),
            None => {
                expanded.push('$');
                expanded.push_str(after.get(..length).unwrap_or_default());
            }
        }
        rest = after.get(length..).unwrap_or_default();
    }
    expanded.push_str(rest);
    expanded
}

/// The name at the start of what follows a `$`, and how long it is as written.
fn variable_name(after: &str) -> (&str, usize) {
    if let Some(inner) = after.strip_prefix('{') {
        return match inner.split_once('}') {
            Some((name, _)) => (name, name.len() + 2),
            None => ("", 0),
        };
    }
    let end = after
        .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .unwrap_or(after.len());
    (after.get(..end).unwrap_or_default(), end)
}

fn expand_home(host: &mut dyn Host, text: &str) -> Result<String, HostError> {
    let Some(after) = text.strip_prefix('~') else { return Ok(text.to_owned()) };
    let (name, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
    let home = if name.is_empty() {
        match host.environment("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Some(PathBuf::from(home)),
            None => match host.identity()?.id {
                Some(id) => host.user(&AccountKey::Id(id))?.map(|user| user.home),
                None => None,
            },
        }
    } else {
        host.user(&AccountKey::Name(name.to_owned()))?.map(|user| user.home)
    };
    let Some(home) = home else { return Ok(text.to_owned()) };
    let home = home.display().to_string();
    Ok(match format!("{}{rest}", home.trim_end_matches('/')) {
        empty if empty.is_empty() => "/".to_owned(),
        path => path,
    })
}

/// Follows the symbolic links that the path itself is, to what is there or would be.
pub(crate) fn follow_links(host: &mut dyn Host, path: &Path) -> Result<PathBuf, HostError> {
    let mut at = path.to_owned();
    for _ in 0..40 {
        let Some(stat) = host.stat(&at, Follow::No)? else { break };
        let (FileKind::Link, Some(target)) = (stat.kind, stat.link_target) else { break };
        at = normal(&parent(&at).join(target));
    }
    Ok(at)
}

/// The missing ancestors of a path, outermost first, and what the nearest existing one is.
pub(crate) fn ancestors(
    host: &mut dyn Host,
    path: &Path,
) -> Result<(Vec<PathBuf>, Option<FileKind>), HostError> {
    let mut missing = Vec::new();
    let mut at = parent(path);
    loop {
        if let Some(stat) = host.stat(&at, Follow::Yes)? {
            missing.reverse();
            return Ok((missing, Some(stat.kind)));
        }
        let above = parent(&at);
        if above == at {
            return Ok((missing, None));
        }
        missing.push(at);
        at = above;
    }
}

/// The directory that a path lies in; `.` for a bare name.
pub(crate) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    }
}

/// The path without `.`, `..`, doubled and trailing slashes.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                let above = matches!(result.components().next_back(), Some(Component::Normal(_)));
                if above {
                    result.pop();
                } else if !result.has_root() {
                    result.push("..");
                }
            }
            other => result.push(other),
        }
    }
    if result.as_os_str().is_empty() { PathBuf::from(".") } else { result }
}

/// Whether the path was written as a directory.
pub(crate) fn ends_with_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn home_and_variables_are_expanded_as_on_the_host() {
        let mut host = FakeHost::new();
        host.variables.insert("DIR".into(), "/srv".into());
        let cases = [
            ("/etc/hosts", "/etc/hosts"),
            ("~", "/root"),
            ("~/x", "/root/x"),
            ("~www/x", "/home/www/x"),
            ("~nosuch/x", "~nosuch/x"),
            ("$DIR/x", "/srv/x"),
            ("${DIR}x", "/srvx"),
            ("$NONE/x", "$NONE/x"),
            ("${NONE}/x", "${NONE}/x"),
            ("a$", "a$"),
            ("${open", "${open"),
            ("/x/~", "/x/~"),
        ];
        for (given, expected) in cases {
            assert_eq!(expand(&mut host, Path::new(given)).unwrap(), Path::new(expected));
        }
    }

    #[test]
    fn links_are_followed_to_what_would_be_there() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "").link("/tmp/l", "f").link("/tmp/m", "../tmp/l").link("/tmp/d", "no");
        host.link("/tmp/loop", "loop");
        for (given, expected) in [("/tmp/m", "/tmp/f"), ("/tmp/d", "/tmp/no"), ("/tmp/f", "/tmp/f")]
        {
            assert_eq!(follow_links(&mut host, Path::new(given)).unwrap(), Path::new(expected));
        }
        assert!(follow_links(&mut host, Path::new("/tmp/loop")).is_ok());
    }

    #[test]
    fn paths_are_made_normal() {
        for (given, expected) in
            [("/a/./b//c/", "/a/b/c"), ("/a/../../b", "/b"), ("../a", "../a"), (".", ".")]
        {
            assert_eq!(normal(Path::new(given)), Path::new(expected));
        }
    }
}
