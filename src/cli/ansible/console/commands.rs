//! The commands of the console.

use super::super::super::doc::catalogue::{self, Content, Topic};
use super::super::super::print;
use super::super::{inventory, talk};
use super::{Console, Next};

/// The commands, with what `help` says of each.
const COMMANDS: [(&str, &str); 17] = [
    ("EOF", "Leave."),
    ("become", "Whether tasks act as another user: `become yes`"),
    ("become_method", "The way of becoming another user: `become_method su`"),
    ("become_user", "The user that tasks act as: `become_user jenkins`"),
    ("cd", "Choose the hosts: `cd <group>|<host>|<host pattern>`"),
    ("check", "Whether tasks only tell what they would do: `check yes`"),
    (
        "collections",
        "Collections whose modules have short names: `collections one.two,three.four`, `none` for none",
    ),
    ("diff", "Whether changes of files are shown: `diff yes`"),
    ("exit", "Leave."),
    ("forks", "Work on this many hosts at once: `forks <number>`"),
    ("help", "Name the commands, or tell of one, or of a module: `help <name>`"),
    ("list", "Name the chosen hosts, or with `list groups` the groups."),
    ("remote_user", "Log in as this user: `remote_user root`"),
    ("serial", "Work on this many hosts at once: `serial <number>`"),
    ("shell", "Run a line in a shell, as `!` does: `shell ps uax | grep java`"),
    ("timeout", "End tasks that take longer than this: `timeout <seconds>`, 0 for no bound"),
    ("verbosity", "Tell more: `verbosity <number>`"),
];

impl Console<'_> {
    /// Does a command; none where the word is no command.
    pub(super) fn command(&mut self, word: &str, rest: &str) -> Option<Next> {
        match word {
            "exit" | "EOF" => {
                say("\nAnsible-console was exited.");
                return Some(Next::End);
            }
            "help" => self.help(rest),
            "shell" => self.task("shell", rest),
            "cd" => self.choose(rest),
            "list" => self.list(rest),
            "become" => match rest {
                "" => say("Please specify become value, e.g. `become yes`"),
                word => {
                    self.r#become = is_true(word);
                    self.detail(&format!("become changed to {}", shown(self.r#become)));
                }
            },
            "become_user" => match rest {
                "" => {
                    say("Please specify a user, e.g. `become_user jenkins`");
                    let user = self.become_user.as_deref().unwrap_or("None");
                    self.detail(&format!("Current user is {user}"));
                }
                user => self.become_user = Some(user.to_owned()),
            },
            "become_method" => match rest {
                "" => {
                    say("Please specify a become_method, e.g. `become_method su`");
                    let method = self.become_method.as_deref().unwrap_or("None");
                    self.detail(&format!("Current become_method is {method}"));
                }
                method => {
                    self.become_method = Some(method.to_owned());
                    self.detail(&format!("become_method changed to {method}"));
                }
            },
            "remote_user" => match rest {
                "" => say("Please specify a remote user, e.g. `remote_user root`"),
                user => self.remote_user = Some(user.to_owned()),
            },
            "check" => match rest {
                "" => {
                    say("Please specify check mode value, e.g. `check yes`");
                    self.detail(&format!("check mode is currently {}.", shown(self.check)));
                }
                word => {
                    self.check = is_true(word);
                    say(&format!("check mode changed to {}", shown(self.check)));
                }
            },
            "diff" => match rest {
                "" => {
                    say("Please specify a diff value , e.g. `diff yes`");
                    self.detail(&format!("diff mode is currently {}", shown(self.diff)));
                }
                word => {
                    self.diff = is_true(word);
                    say(&format!("diff mode changed to {}", shown(self.diff)));
                }
            },
            "forks" | "serial" => match rest.parse::<usize>() {
                _ if rest.is_empty() => say("Usage: forks <number>"),
                Err(_) => talk::error("Invalid argument for \"forks\""),
                Ok(forks) => match forks.try_into() {
                    Ok(forks) => self.forks = forks,
                    Err(_) => say("forks must be greater than or equal to 1"),
                },
            },
            "timeout" => match rest.parse::<i64>() {
                _ if rest.is_empty() => say("Usage: timeout <seconds>"),
                Err(_) => talk::error(&format!(
                    "The timeout must be a valid positive integer, or 0 to disable: invalid \
                     literal for int() with base 10: '{rest}'"
                )),
                Ok(seconds) => match seconds.try_into() {
                    Ok(seconds) => self.timeout = seconds,
                    Err(_) => talk::error(
                        "The timeout must be greater than or equal to 1, use 0 to disable",
                    ),
                },
            },
            "verbosity" => match rest.parse::<u8>() {
                _ if rest.is_empty() => say("Usage: verbosity <number>"),
                Err(_) => talk::error(&format!(
                    "The verbosity must be a valid integer: invalid literal for int() with base \
                     10: '{rest}'"
                )),
                Ok(verbosity) => {
                    self.verbosity = verbosity;
                    self.detail(&format!("verbosity level set to {verbosity}"));
                }
            },
            "collections" => self.search_collections(rest),
            _ => return None,
        }
        Some(Next::Line)
    }

    fn detail(&self, text: &str) {
        if self.verbosity > 0 {
            say(text);
        }
    }

    fn choose(&mut self, pattern: &str) {
        match pattern {
            "" => "*".clone_into(&mut self.pattern),
            "/" | "*" | "/*" => "all".clone_into(&mut self.pattern),
            pattern => {
                let limit = self.limit.as_deref();
                let now = self.inventory.now();
                match inventory::select(&now, pattern, limit, self.settings, inventory::Told::Here)
                {
                    Ok(hosts) if !hosts.is_empty() => pattern.clone_into(&mut self.pattern),
                    _ => say("no host matched"),
                }
            }
        }
    }

    fn list(&self, what: &str) {
        match what {
            "" => self.hosts().iter().for_each(|host| say(host)),
            "groups" => {
                let now = self.inventory.now();
                let mut names: Vec<&str> = now.groups().keys().map(AsRef::as_ref).collect();
                names.sort_unstable();
                names.into_iter().for_each(say);
            }
            _ => {
                talk::error("Invalid option passed to \"list\"");
                self.help("list");
            }
        }
    }

    fn search_collections(&mut self, words: &str) {
        match words {
            "" | "none" | "''" | "\"\"" => self.collections.clear(),
            words => {
                let words = words.split(',').map(|word| word.trim().to_owned());
                self.collections.extend(words.filter(|word| !word.is_empty()));
            }
        }
        self.detail(&match self.collections.is_empty() {
            true => "Collections name search is using defaults".to_owned(),
            false => {
                format!("Collections name search is set to: {}", self.collections.join(", "))
            }
        });
    }

    /// What there is to say of a command or a module; of all where none is named.
    pub(super) fn help(&self, topic: &str) {
        if topic.is_empty() {
            say("\nCommands:\n=========");
            for (name, what) in &COMMANDS {
                say(&format!("{name:<14} {what}"));
            }
            say(
                "\nEvery module is a command, too: `help <module>`. Anything else runs in a shell.",
            );
            return;
        }
        if let Some((_, what)) = COMMANDS.iter().find(|(name, _)| *name == topic) {
            say(what);
            return;
        }
        let Some(entry) = catalogue::find(Topic::Module, topic) else {
            talk::error(&format!(
                "{topic} is not a valid command, use ? to list all valid commands."
            ));
            return;
        };
        say(&entry.short);
        say("Parameters:");
        if let Content::Options(options) = &entry.content {
            for option in options.iter().filter(|option| !option.name.starts_with('_')) {
                say(&format!("  {} {}", option.name, option.doc.replace('\n', " ")));
            }
        }
    }

    /// Whether a word names a module.
    pub(super) fn is_module(&self, word: &str) -> bool {
        let known = |name: &str| catalogue::find(Topic::Module, name).is_some();
        known(word)
            || self.collections.iter().any(|collection| known(&format!("{collection}.{word}")))
    }

    /// What a word can be completed to: commands, modules, hosts and groups.
    pub(super) fn names(&self) -> Vec<String> {
        let short = |name: String| match name.strip_prefix("ansible.builtin.") {
            Some(short) => short.to_owned(),
            None => name,
        };
        let now = self.inventory.now();
        let mut names: Vec<String> = COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect();
        names.extend(catalogue::names(Topic::Module).into_iter().map(short));
        names.extend(now.hosts().iter().map(|host| host.as_str().to_owned()));
        names.extend(now.groups().keys().map(|group| AsRef::<str>::as_ref(group).to_owned()));
        names
    }
}

fn say(text: &str) {
    print(&format!("{text}\n"));
}

/// As Python writes it.
fn shown(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn is_true(word: &str) -> bool {
    matches!(word.to_lowercase().as_str(), "y" | "yes" | "on" | "1" | "true" | "t" | "1.0")
}
