//! Becoming another user: `sudo`, `su`, `doas`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

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
        /// Where the program is started, so that it need not read where the login lands.
        directory: Option<String>,
        /// The password that the program may ask for.
        password: Option<Secret>,
        /// How it asks.
        asking: Asking,
    },
}

/// How a program asks for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The words before the colon, where they are known (`prompt_l10n` of `su`).
    pub prompts: Vec<String>,
    /// How long it may say nothing, neither ask nor begin.
    pub patience: Duration,
}

impl Default for Asking {
    /// As Ansible's local connection.
    fn default() -> Self {
        Self { prompts: Vec::new(), patience: Duration::from_secs(10) }
    }
}

impl Privilege {
    /// All but the password and how it is asked for.
    fn key(&self) -> Option<(BecomeMethod, &str, [Option<&str>; 3])> {
        match self {
            Self::Same => None,
            Self::Become { method, user, executable, flags, directory, .. } => {
                let words = [executable.as_deref(), flags.as_deref(), directory.as_deref()];
                Some((*method, user, words))
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// With one of these, in any case, and a colon.
    Prompts(Vec<String>),
}

impl Question {
    /// Whether this text, which no line break ends, asks.
    pub(crate) fn is_in(&self, pending: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Words(words) => pending.contains(words.as_str()),
            Self::Colon => pending.trim_end().ends_with([':', '：']),
            Self::Prompts(prompts) => {
                let pending = pending.to_lowercase();
                prompts.iter().any(|prompt| {
                    let rest = pending.split_once(&prompt.to_lowercase()).map(|(_, rest)| rest);
                    rest.is_some_and(|rest| rest.trim_start().starts_with([':', '：']))
                })
            }
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
    let Privilege::Become { method, user, executable, flags, directory, password, asking } =
        privilege
    else {
        return PrivilegedLine {
            line: format!("exec {command}"),
            question: Question::Never,
            answer: None,
        };
    };
    // `become_exe` may hold words of its own (`sudo -A`), as in Ansible
    let mut words = vec![executable.as_deref().unwrap_or(method.name()).to_owned()];
    let mut question = match asking.prompts.as_slice() {
        [] => Question::Colon,
        prompts => Question::Prompts(prompts.to_vec()),
    };
    // without a name the program takes its own default
    let name = if user.is_empty() { String::new() } else { quote(user) };
    let named = if user.is_empty() { String::new() } else { format!("-u {name} ") };
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
            words.push(format!("{named}{command}"));
        }
        BecomeMethod::Su => {
            words.extend(flags.as_deref().map(str::to_owned));
            words.extend((!name.is_empty()).then_some(name));
            words.push(format!("-c {}", quote(&format!("exec {command}"))));
        }
        BecomeMethod::Doas => {
            words.extend(flags.as_deref().map(str::to_owned));
            if password.is_none() {
                words.push("-n".to_owned());
                question = Question::Never;
            }
            words.push(format!("{named}{command}"));
        }
    }
    let directory = directory.as_ref().map(|directory| format!("cd {} && ", quote(directory)));
    let line = format!("{}exec {}", directory.unwrap_or_default(), words.join(" "));
    PrivilegedLine { line, question, answer: password.clone() }
}

/// The flags of `sudo`, Ansible's where none are given; whether it may ask follows from whether
/// there is a password.
fn sudo_flags(flags: Option<&str>, with_password: bool) -> Vec<String> {
    let mut words: Vec<String> =
        flags.unwrap_or("-H -S -n").split_whitespace().map(str::to_owned).collect();
    let silent = |word: &str| word == "-n" || word == "--non-interactive";
    if with_password {
        words.retain(|word| word != "-S" && word != "--stdin" && !silent(word));
        for word in words.iter_mut().filter(|word| is_short(word)) {
            word.retain(|letter| letter != 'n');
        }
    } else if !words.iter().any(|word| silent(word)) {
        words.push("-n".to_owned());
    }
    words
}

/// Whether a word is a bundle of flags of one letter each.
fn is_short(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|flags| flags.chars().all(|flag| flag.is_ascii_alphabetic()))
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
            directory: None,
            password: password.map(Secret::new),
            asking: Asking::default(),
        }
    }

    #[test]
    fn lines_follow_method_flags_and_password() {
        use BecomeMethod::{Doas, Su, Sudo};
        for (privilege, line) in [
            (Privilege::Same, "exec X -c 'a b'"),
            (become_by(Sudo, None, None, None), "exec sudo -H -S -n -u 'web user' X -c 'a b'"),
            (
                become_by(Sudo, Some("-nE --stdin"), None, Some("pw")),
                "exec sudo -E -S -p '[canvass M] password:' -u 'web user' X -c 'a b'",
            ),
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
            (Question::Prompts(vec!["Mot de passe".into()]), "Password: ", false),
            (Question::Prompts(vec!["Mot de passe".into()]), "mot de passe : ", true),
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
