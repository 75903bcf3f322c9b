//! `~` and `$VARIABLE` in arguments, expanded on the host as Python's `os.path` does.

use std::path::PathBuf;

use crate::host::{AccountKey, Host, HostError};

/// Expands a path option: variables, then a leading `~`.
pub fn path(given: &std::path::Path, host: &mut dyn Host) -> Result<PathBuf, HostError> {
    text(&given.to_string_lossy(), host).map(PathBuf::from)
}

/// Expands `$NAME` and `${NAME}`, then a leading `~` or `~user`; what is not known stays.
pub fn text(given: &str, host: &mut dyn Host) -> Result<String, HostError> {
    home(&variables(given, |name| host.environment(name)), host)
}

fn variables(given: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = given;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (name, whole, end) = if let Some((name, end)) =
            after.strip_prefix('{').and_then(|open| open.split_once('}'))
        {
            (name, name.len() + 2, end)
        } else {
            let length = after
                .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .unwrap_or(after.len());
            let (name, end) = after.split_at(length);
            (name, length, end)
        };
        if let Some(value) = Some(name).filter(|name| !name.is_empty()).and_then(&mut value) {
            expanded.push_str(&value);
        } else {
            expanded.push('$');
            expanded.push_str(after.get(..whole).unwrap_or_default());
        }
        rest = end;
    }
    expanded.push_str(rest);
    expanded
}

fn home(given: &str, host: &mut dyn Host) -> Result<String, HostError> {
    let Some(after) = given.strip_prefix('~') else { return Ok(given.to_owned()) };
    let (user, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
    let directory = if user.is_empty() {
        if let Some(home) = host.environment("HOME") {
            Some(home)
        } else {
            let identity = host.identity()?;
            let key =
                identity.id.map_or_else(|| AccountKey::Name(identity.label()), AccountKey::Id);
            host.user(&key)?.map(|user| user.home.to_string_lossy().into_owned())
        }
    } else {
        host.user(&AccountKey::Name(user.to_owned()))?
            .map(|user| user.home.to_string_lossy().into_owned())
    };
    Ok(match directory {
        Some(directory) => {
            let joined = format!("{}{rest}", directory.trim_end_matches('/'));
            if joined.is_empty() { "/".to_owned() } else { joined }
        }
        None => given.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn known_variables_are_replaced_and_others_stay() {
        let value = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        let table = [
            ("$HOME/x", "/root/x"),
            ("${HOME}x", "/rootx"),
            ("$NOPE ${NOPE} $", "$NOPE ${NOPE} $"),
            ("a$$HOME", "a$/root"),
            ("${HOME", "${HOME"),
        ];
        for (given, expected) in table {
            assert_eq!(variables(given, value), expected, "{given}");
        }
    }
}
