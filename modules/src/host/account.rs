//! Users and groups.

use std::path::PathBuf;

/// How a user or group is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountKey {
    /// By name; a name that is all digits is tried as a number after.
    Name(String),
    /// By number.
    Id(u32),
}

/// A user of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Number; `None` for one that a rehearsal made without a number.
    pub uid: Option<u32>,
    /// Number of the primary group.
    pub gid: Option<u32>,
    /// The comment (GECOS) field.
    pub comment: String,
    /// Home directory.
    pub home: PathBuf,
    /// Login shell.
    pub shell: String,
    /// The hash from the shadow file, where the runner may read it.
    pub password_hash: Option<String>,
    /// Day of expiry since 1970 from the shadow file.
    pub expires: Option<i64>,
}

/// A group of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Number; `None` for one that a rehearsal made without a number.
    pub gid: Option<u32>,
    /// Members beyond those whose primary group it is.
    pub members: Vec<String>,
}
