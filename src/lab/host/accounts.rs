//! The accounts of a lab host.

use std::fs;

/// A line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
    pub(super) shell: String,
}

impl Account {
    /// The account of this name.
    pub(super) fn find(name: &str) -> Option<Self> {
        let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
        text.lines().filter_map(parse).find(|account| account.name == name)
    }
}

fn parse(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields.as_slice() else { return None };
    let shell = if shell.is_empty() { "/bin/sh" } else { shell };
    Some(Account {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: (*home).to_owned(),
        shell: shell.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_lines_of_seven_fields() {
        let account = parse("web:x:33:34:a,b:/var/www:").unwrap();
        assert_eq!((account.uid, account.gid), (33, 34));
        assert_eq!((account.home.as_str(), account.shell.as_str()), ("/var/www", "/bin/sh"));
        assert_eq!(parse("web:x:33"), None);
        assert_eq!(parse("web:x:a:b:::"), None);
    }
}
