//! The parameters of `ansible.builtin.user`.

use std::path::PathBuf;

use crate::module::group::State;
use crate::{choices, params};

choices! {
    /// When a password is set.
    pub enum UpdatePassword {
        /// Whenever it differs.
        Always = "always",
        /// Only for a new user.
        OnCreate = "on_create",
    }
}

params! {
    /// Parameters of `ansible.builtin.user`.
    pub struct Params {
        /// The login name.
        name ("user"): String,
        /// Whether it shall be there.
        state: State = State::Present,
        /// Its number.
        uid: Option<u32>,
        /// Whether a number may be used twice.
        non_unique: bool = false,
        /// The primary group, by name or number.
        group: Option<String>,
        /// The supplementary groups; an empty list removes it from all.
        groups: Option<Vec<String>>,
        /// Whether `groups` are added to those it has.
        append: bool = false,
        /// The comment (GECOS) field.
        comment: Option<String>,
        /// The home directory.
        home: Option<PathBuf>,
        /// The login shell.
        shell: Option<PathBuf>,
        /// The password as a hash.
        @secret password: Option<String>,
        /// When the password is set.
        update_password: UpdatePassword = UpdatePassword::Always,
        /// Whether logging in by password is locked.
        password_lock: Option<bool>,
        /// Days after which the password must be changed.
        password_expire_max: Option<i64>,
        /// Days before which the password cannot be changed.
        password_expire_min: Option<i64>,
        /// Days of warning before the password must be changed.
        password_expire_warn: Option<i64>,
        /// Days after the password expired until the account is disabled.
        password_expire_account_disable: Option<i64>,
        /// When the account expires, in seconds since 1970; negative: never.
        expires: Option<f64>,
        /// Whether the home directory is made.
        create_home ("createhome"): bool = true,
        /// Whether the home directory is moved along when `home` changes.
        move_home: bool = false,
        /// The template of a new home directory.
        skeleton: Option<PathBuf>,
        /// The umask of a new home directory.
        umask: Option<String>,
        /// Whether a new user gets a number from the system's range.
        system: bool = false,
        /// The lowest number for a new user.
        uid_min: Option<u32>,
        /// The highest number for a new user.
        uid_max: Option<u32>,
        /// Whether the home directory is removed with the user.
        remove: bool = false,
        /// Whether a user is removed who is logged in.
        force: bool = false,
        /// The `SELinux` user of a new user.
        seuser: Option<String>,
        /// Whether a key for SSH is made.
        generate_ssh_key: Option<bool>,
        /// Its length in bits; by default what `ssh-keygen` takes.
        ssh_key_bits: u32 = 0_u32,
        /// Its type.
        ssh_key_type: String = "rsa".to_owned(),
        /// Its file, below the home directory when relative; by default `.ssh/id_TYPE`.
        ssh_key_file: Option<PathBuf>,
        /// Its comment; by default `ansible-generated on HOST`.
        ssh_key_comment: Option<String>,
        /// Its passphrase.
        @secret ssh_key_passphrase: Option<String>,
        /// Whether only local databases are changed, through libuser.
        local: bool = false,
        /// No effect on Linux.
        login_class: Option<String>,
        /// No effect on Linux.
        hidden: Option<bool>,
        /// No effect on Linux.
        profile: Option<String>,
        /// No effect on Linux.
        authorization: Option<String>,
        /// No effect on Linux.
        role: Option<String>,
    }
}

impl Params {
    /// The day since 1970 on which the account shall expire; `Some(None)` is never.
    #[expect(clippy::option_option, reason = "not asked for, never, and a day are three things")]
    pub(super) fn expiry_day(&self) -> Option<Option<i64>> {
        let seconds = self.expires?;
        if seconds < 0.0 {
            return Some(None);
        }
        let whole = std::time::Duration::try_from_secs_f64(seconds).ok()?.as_secs();
        i64::try_from(whole / 86_400).ok().map(Some)
    }

    /// What is strange about the parameters.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.groups.is_none() && self.append {
            warnings.push(
                "'append' is set, but no 'groups' are specified. Use 'groups' for appending new \
                 groups.This will change to an error in Ansible 2.14."
                    .to_owned(),
            );
        }
        if self.password.as_deref().is_some_and(|password| !is_hash(password)) {
            warnings.push(
                "The input password appears not to have been hashed. The 'password' argument must \
                 be encrypted for this module to work properly."
                    .to_owned(),
            );
        }
        warnings
    }

    /// The supplementary groups without empty words.
    pub(super) fn group_names(&self) -> Option<Vec<String>> {
        let names = self.groups.as_ref()?.iter().filter(|name| !name.is_empty());
        Some(names.cloned().collect())
    }
}

/// Whether a password looks like a hash, or like a word that locks the account.
fn is_hash(password: &str) -> bool {
    if matches!(password, "" | "*" | "!" | "*************") {
        return true;
    }
    if password.contains([':', '*', '!']) {
        return false;
    }
    let fields: Vec<&str> = password.split('$').collect();
    let [_, method, .., last] = fields.as_slice() else { return false };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '/');
    let length = match *method {
        "1" => Some(22),
        "5" | "y" => Some(43),
        "6" => Some(86),
        _ => None,
    };
    last.chars().all(plain) && length.is_none_or(|length| last.len() == length)
}
