//! Becoming another user: `sudo`, `su`, `doas`.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::quoting::{join, quote};
use super::secret::Secret;

/// As whom a runner works.
///
/// Equality and hash leave the password out, so that it is a key for runners.
#[derive(Debug, Clone)]
pub enum Privilege {
    /// As the user who is logged in.
    Same,
    /// As another user.
    Become {
        /// By which program.
        method: BecomeMethod,
        /// The user.
        user: String,
        /// `become_exe`: the program's name or path.
        executable: Option<String>,
        /// `become_flags`: words for the program instead of its usual ones.
        flags: Option<String>,
        /// The password that the program may ask for.
        password: Option<Secret>,
    },
}

impl Privilege {
    /// All but the password.
    fn key(&self) -> Option<(BecomeMethod, &str, Option<&str>, Option<&str>)> {
        match self {
            Self::Same => None,
            Self::Become { method, user, executable, flags, .. } => {
                Some((*method, user, executable.as_deref(), flags.as_deref()))
            }
        }
    }
}

impl PartialEq for Privilege {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Privilege {}

impl Hash for Privilege {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// A program that lets one become another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BecomeMethod {
    /// `sudo`.
    Sudo,
    /// `su`.
    Su,
    /// `doas`.
    Doas,
}

impl BecomeMethod {
    /// The name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
        }
    }
}

impl fmt::Display for BecomeMethod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Whether a terminal stands between the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// Pipes.
    None,
    /// A pseudo-terminal, which the first shell on the host sets to raw.
    Raw,
}

/// How the program asks for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// It does not.
    Never,
    /// With these words.
    Words(String),
    /// With an unfinished line that ends with a colon.
    Colon,
}

impl Question {
    /// Whether this text, which no line break ends, asks.
    pub(crate) fn is_in(&self, pending: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Words(words) => pending.contains(words.as_str()),
            Self::Colon => pending.trim_end().ends_with([':', '：']),
        }
    }
}

/// A shell line that runs a command with a privilege.
#[derive(Debug, Clone)]
pub(crate) struct PrivilegedLine {
    /// For the login shell.
    pub(crate) line: String,
    /// How the password is asked for.
    pub(crate) question: Question,
    /// What to answer.
    pub(crate) answer: Option<Secret>,
}

/// Wraps `command`, a shell line itself, so that it runs with this privilege.
pub(crate) fn privileged_line(
    privilege: &Privilege,
    command: &str,
    marker: &str,
) -> PrivilegedLine {
    let Privilege::Become { method, user, executable, flags, password } = privilege else {
        return PrivilegedLine {
            line: format!("exec {command}"),
            question: Question::Never,
            answer: None,
        };
    };
    // `become_exe` may hold words of its own (`sudo -A`), as in Ansible
    let mut words = vec![executable.as_deref().unwrap_or(method.name()).to_owned()];
    let mut question = Question::Colon;
    match method {
        BecomeMethod::Sudo => {
            words.extend(sudo_flags(flags.as_deref(), password.is_some()));
            if password.is_some() {
                let prompt = format!("[canvass {marker}] password:");
                words.push(join(["-S", "-p", &prompt]));
                question = Question::Words(prompt);
            } else {
                question = Question::Never;
            }
            words.push(format!("-u {} {command}", quote(user)));
        }
        BecomeMethod::Su => {
            words.extend(flags.as_deref().map(str::to_owned));
            words.push(format!("{} -c {}", quote(user), quote(&format!("exec {command}"))));
        }
        BecomeMethod::Doas => {
            words.extend(flags.as_deref().map(str::to_owned));
            if password.is_none() {
                words.push("-n".to_owned());
                question = Question::Never;
            }
            words.push(format!("-u {} {command}", quote(user)));
        }
    }
    PrivilegedLine { line: format!("exec {}", words.join(" ")), question, answer: password.clone() }
}

/// The flags of `sudo` without those for the password, which depend on whether there is one.
fn sudo_flags(flags: Option<&str>, with_password: bool) -> Vec<String> {
    let mut words: Vec<String> =
        flags.unwrap_or("-H").split_whitespace().map(str::to_owned).collect();
    words.retain(|word| word != "-S" && word != "--stdin");
    if with_password {
        words.retain(|word| word != "-n" && word != "--non-interactive");
    } else if !words.iter().any(|word| word == "-n" || word == "--non-interactive") {
        words.push("-n".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn become_by(
        method: BecomeMethod,
        flags: Option<&str>,
        executable: Option<&str>,
        password: Option<&str>,
    ) -> Privilege {
        Privilege::Become {
            method,
            user: "web user".to_owned(),
            executable: executable.map(str::to_owned),
            flags: flags.map(str::to_owned),
            password: password.map(Secret::new),
        }
    }

    #[test]
    fn lines_follow_method_flags_and_password() {
        use BecomeMethod::{Doas, Su, Sudo};
        for (privilege, line) in [
            (Privilege::Same, "exec X -c 'a b'"),
            (become_by(Sudo, None, None, None), "exec sudo -H -n -u 'web user' X -c 'a b'"),
            (
                become_by(Sudo, None, None, Some("pw")),
                "exec sudo -H -S -p '[canvass M] password:' -u 'web user' X -c 'a b'",
            ),
            (
                become_by(Sudo, Some("-E -n -S"), Some("/opt/sudo"), Some("pw")),
                "exec /opt/sudo -E -S -p '[canvass M] password:' -u 'web user' X -c 'a b'",
            ),
            (
                become_by(Su, Some("-l"), None, Some("pw")),
                "exec su -l 'web user' -c 'exec X -c '\"'\"'a b'\"'\"''",
            ),
            (become_by(Doas, None, None, None), "exec doas -n -u 'web user' X -c 'a b'"),
            (become_by(Doas, None, None, Some("pw")), "exec doas -u 'web user' X -c 'a b'"),
        ] {
            let made = privileged_line(&privilege, "X -c 'a b'", "M");
            assert_eq!(made.line, line);
            assert!(!made.line.contains("pw"));
        }
    }

    #[test]
    fn questions_are_recognised() {
        for (question, pending, expected) in [
            (Question::Never, "Password:", false),
            (Question::Colon, "Password: ", true),
            (Question::Colon, "密码：", true),
            (Question::Colon, "doas (u@h) password: ", true),
            (Question::Colon, "working", false),
            (Question::Words("[canvass M] password:".into()), "Password:", false),
            (Question::Words("[canvass M] password:".into()), "x [canvass M] password:", true),
        ] {
            assert_eq!(question.is_in(pending), expected, "{question:?} {pending}");
        }
    }

    #[test]
    fn the_password_is_no_part_of_the_key() {
        let with = become_by(BecomeMethod::Sudo, None, None, Some("pw"));
        let without = become_by(BecomeMethod::Sudo, None, None, None);
        assert_eq!(with, without);
        assert_ne!(with, become_by(BecomeMethod::Su, None, None, Some("pw")));
    }
}
