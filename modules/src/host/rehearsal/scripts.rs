//! What maintainer scripts plainly do.

use std::path::{Path, PathBuf};

use super::shell;

/// Something that a script does to the host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Makes a user, and a group of its name.
    User(String),
    /// Makes a group.
    Group(String),
    /// Makes a link where there is nothing.
    Link { path: PathBuf, target: PathBuf },
    /// Makes a directory and its parents.
    Directory(PathBuf),
    /// Sets who owns files, and their mode.
    Attributes(Ownership),
    /// Copies a file to where there is nothing.
    Copy { from: PathBuf, to: PathBuf },
    /// Makes a module of PHP take effect for one of its programs, or for `ALL`.
    PhpModule { version: String, sapi: String, module: String },
}

/// What `chown`, `chgrp`, `chmod`, `install -d` and `dpkg-statoverride` give to files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ownership {
    /// Absolute paths; wildcards may stand in the last part.
    pub(super) paths: Vec<String>,
    /// Whether directories are made where there are none.
    pub(super) makes: bool,
    /// A name or a number.
    pub(super) owner: Option<String>,
    /// A name or a number.
    pub(super) group: Option<String>,
    /// As `chmod` takes it.
    pub(super) mode: Option<String>,
}

/// What a script does with a unit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Handling {
    pub(super) enables: bool,
    pub(super) starts: bool,
}

/// Options of the account programs that take a value of their own.
const VALUED: [&str; 18] = [
    "--home",
    "--shell",
    "--uid",
    "--gid",
    "--ingroup",
    "--gecos",
    "--comment",
    "--firstuid",
    "--lastuid",
    "--home-dir",
    "--conf",
    "-d",
    "-s",
    "-u",
    "-g",
    "-c",
    "-G",
    "-K",
];

/// The deeds whose arguments are written out, perhaps in a variable; others are left.
pub(super) fn deeds(script: &str) -> Vec<Deed> {
    shell::plain_lines(script).iter().filter_map(|line| deed(line)).collect()
}

fn deed(line: &str) -> Option<Deed> {
    let words = shell_words::split(line.trim()).ok().filter(|_| !line.trim().starts_with('#'))?;
    let program = words.iter().position(|word| {
        matches!(
            word.rsplit('/').next(),
            Some(
                "adduser"
                    | "useradd"
                    | "addgroup"
                    | "groupadd"
                    | "ln"
                    | "mkdir"
                    | "cp"
                    | "ucf"
                    | "php_invoke"
                    | "chown"
                    | "chgrp"
                    | "chmod"
                    | "install"
                    | "dpkg-statoverride"
            )
        )
    })?;
    let name = words.get(program)?.rsplit('/').next()?;
    // up to what the shell does next
    let arguments: Vec<&str> = words
        .get(program + 1..)?
        .iter()
        .map(String::as_str)
        .take_while(|word| !matches!(*word, "||" | "&&" | ";" | "|" | "then" | "fi"))
        .take_while(|word| !word.contains('>'))
        .map(|word| word.trim_end_matches(';'))
        .collect();
    let valued: &[&str] = match name {
        "ln" | "mkdir" | "cp" => &["-m"],
        "install" => &["-m", "-o", "-g", "--mode", "--owner", "--group"],
        "ucf" => &["--sum-file", "--state-dir", "--src-dir"],
        _ => &VALUED,
    };
    let plain = plain_words(&arguments, valued);
    match (name, plain.as_slice()) {
        ("chown" | "chgrp" | "chmod" | "install" | "dpkg-statoverride", plain) => {
            ownership(name, &arguments, plain).map(Deed::Attributes)
        }
        ("adduser", [name])
            if arguments.contains(&"--group") && !arguments.contains(&"--system") =>
        {
            account(name).map(Deed::Group)
        }
        ("adduser" | "useradd", [name]) => account(name).map(Deed::User),
        ("addgroup" | "groupadd", [name]) => account(name).map(Deed::Group),
        ("ln", [target, path]) if arguments.iter().any(|word| is_flag(word, 's')) => {
            Some(Deed::Link { path: written_out(path)?, target: written_out(target)? })
        }
        ("mkdir", [path]) => written_out(path).map(Deed::Directory),
        ("cp" | "ucf", [from, to]) if !arguments.iter().any(|word| is_flag(word, 't')) => {
            Some(Deed::Copy { from: written_out(from)?, to: written_out(to)? })
        }
        ("php_invoke", ["enmod", version, sapi, module]) => {
            let [version, sapi, module] = [version, sapi, module].map(|word| account(word));
            Some(Deed::PhpModule { version: version?, sapi: sapi?, module: module? })
        }
        _ => None,
    }
}

fn ownership(program: &str, arguments: &[&str], plain: &[&str]) -> Option<Ownership> {
    let paths = |words: &[&str]| {
        let paths: Option<Vec<String>> = words.iter().map(|word| pattern(word)).collect();
        paths.filter(|paths| !paths.is_empty())
    };
    let (first, rest) = plain.split_first()?;
    match program {
        "chown" => {
            let (owner, group) = match first.split_once([':', '.']) {
                Some((owner, group)) => (owner, group),
                None => (*first, ""),
            };
            let named = |name: &str| match name {
                "" => Some(None),
                name => account(name).map(Some),
            };
            let (owner, group) = (named(owner)?, named(group)?);
            Some(Ownership { paths: paths(rest)?, owner, group, ..Ownership::default() })
        }
        "chgrp" => {
            let group = Some(account(first)?);
            Some(Ownership { paths: paths(rest)?, group, ..Ownership::default() })
        }
        "chmod" => {
            let mode = Some(mode(first)?);
            Some(Ownership { paths: paths(rest)?, mode, ..Ownership::default() })
        }
        "install" if arguments.iter().any(|word| is_flag(word, 'd')) => {
            let after = |short: &str, long: &str| {
                let at = arguments.iter().position(|word| *word == short || *word == long);
                at.map(|at| arguments.get(at + 1).copied().unwrap_or_default())
            };
            let owner = account(after("-o", "--owner").unwrap_or("root"))?;
            let group = account(after("-g", "--group").unwrap_or("root"))?;
            Some(Ownership {
                paths: paths(plain)?,
                makes: true,
                owner: Some(owner),
                group: Some(group),
                mode: Some(mode(after("-m", "--mode").unwrap_or("0755"))?),
            })
        }
        "dpkg-statoverride" if arguments.contains(&"--update") && arguments.contains(&"--add") => {
            let [owner, group, bits, path] = plain else { return None };
            Some(Ownership {
                paths: paths(&[path])?,
                makes: false,
                owner: Some(account(owner)?),
                group: Some(account(group)?),
                mode: Some(mode(bits)?),
            })
        }
        _ => None,
    }
}

/// An absolute path that at most has wildcards in its last part.
fn pattern(word: &str) -> Option<String> {
    let (folder, name) = word.rsplit_once('/')?;
    let open = |text: &str| text.contains(['$', '`', '{']);
    let literal = folder.is_empty() || written_out(folder).is_some();
    (literal && word.starts_with('/') && !open(name)).then(|| word.to_owned())
}

fn mode(word: &str) -> Option<String> {
    let letters = |letter: char| letter.is_ascii_digit() || "ugoarwxXst+-=,".contains(letter);
    (!word.is_empty() && word.chars().all(letters)).then(|| word.to_owned())
}

/// Whether a script gives files away that it does not name in its text.
pub(super) fn gives_away_in_variables(script: &str) -> bool {
    shell::plain_lines(script).iter().any(|line| {
        let mut words = line.split_whitespace();
        words.any(|word| matches!(word, "chown" | "chgrp" | "chmod"))
            && words.any(|word| word.contains(['$', '`']))
    })
}

/// Whether a path stands in a script as a whole.
pub(super) fn names_path(script: &str, path: &Path) -> bool {
    let path = path.to_string_lossy();
    let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/');
    script.match_indices(&*path).any(|(at, found)| {
        let before = script.get(..at).unwrap_or_default();
        let after = script.get(at + found.len()..).unwrap_or_default();
        !before.ends_with(inside) && !after.starts_with(inside)
    })
}

/// Whether a script writes to a file by its path or its bare name: `>> main.cf`. A `sed -i` mostly
/// puts in what stands there already, an answer of debconf.
pub(super) fn rewrites(script: &str, path: &Path) -> bool {
    let full = path.to_string_lossy();
    let bare = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let is_it = |word: &str| {
        let word = word.trim_matches(['"', '\'', ';']);
        word == full || word == bare
    };
    shell::plain_lines(script).iter().any(|line| {
        let mut after = line.split('>').skip(1);
        after.any(|rest| rest.split_whitespace().next().is_some_and(is_it))
    })
}

/// Whether a script makes accounts and names this one, perhaps through a variable.
pub(super) fn may_make_account(script: &str, name: &str) -> bool {
    ["adduser", "useradd", "addgroup", "groupadd"].iter().any(|program| script.contains(program))
        && script.lines().any(|line| mentions(line, name))
}

/// The words that are neither options nor their values.
fn plain_words<'a>(arguments: &[&'a str], valued: &[&str]) -> Vec<&'a str> {
    let mut plain = Vec::new();
    let mut skip = false;
    for word in arguments {
        if skip {
            skip = false;
        } else if word.starts_with('-') {
            skip = valued.contains(word);
        } else if !word.is_empty() {
            plain.push(*word);
        }
    }
    plain
}

fn is_flag(word: &str, flag: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(flag)
}

fn account(name: &str) -> Option<String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

/// An absolute path without anything for the shell to fill in.
fn written_out(path: &str) -> Option<PathBuf> {
    let literal = !path.contains(['$', '*', '?', '`', '{', '[']);
    (literal && Path::new(path).is_absolute()).then(|| PathBuf::from(path))
}

/// The accounts of a `sysusers.d` file.
pub(super) fn sysusers(text: &str) -> Vec<Deed> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            match words.next()? {
                "u" | "u!" => words.next().and_then(account).map(Deed::User),
                "g" => words.next().and_then(account).map(Deed::Group),
                _ => None,
            }
        })
        .collect()
}

/// Whether a script makes a piece of configuration take effect by a helper that links it to a place
/// of its own choice (`php_invoke enmod 8.2 ALL opcache` for `conf.d/10-opcache.ini`).
pub(super) fn enables(script: &str, path: &str) -> bool {
    let Some(name) = Path::new(path).file_stem().and_then(|stem| stem.to_str()) else {
        return false;
    };
    // the number that gives links an order
    let name = name.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
    let helpers = ["enmod", "enconf", "ensite"];
    let enabling = |line: &&str| helpers.iter().any(|helper| line.contains(helper));
    !name.is_empty() && script.lines().filter(enabling).any(|line| mentions(line, name))
}

/// Whether a script enables and starts a unit, by Debian's helpers.
pub(super) fn unit_handling(script: &str, unit: &str) -> Handling {
    let stem = unit.strip_suffix(".service").unwrap_or(unit);
    let mut handling = Handling::default();
    for line in script.lines().filter(|line| mentions(line, stem)) {
        let does = |helper: &str| line.contains(helper);
        handling.enables |= does("update-rc.d")
            || (does("deb-systemd-helper") && (does("enable") || does("was-enabled")));
        handling.starts |= does("deb-systemd-invoke") || does("invoke-rc.d");
    }
    handling
}

/// Whether a name stands in a line as a word or with a unit's suffix.
fn mentions(line: &str, name: &str) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '@');
    line.match_indices(name).any(|(at, found)| {
        let before = line.get(..at).unwrap_or_default();
        let after = line.get(at + found.len()..).unwrap_or_default();
        let rest = after.strip_prefix(".service").unwrap_or(after);
        !before.ends_with(inside)
            && !before.ends_with('.')
            && !rest.starts_with(inside)
            && !rest.starts_with('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_out_is_taken_and_nothing_else() {
        let user = |name: &str| Some(Deed::User(name.to_owned()));
        let group = |name: &str| Some(Deed::Group(name.to_owned()));
        let given = |paths: &[&str], owner: &str, group: &str, mode: &str| {
            let said = |word: &str| Some(word.to_owned()).filter(|word| !word.is_empty());
            Some(Deed::Attributes(Ownership {
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
                makes: false,
                owner: said(owner),
                group: said(group),
                mode: said(mode),
            }))
        };
        let cases = [
            ("adduser --system --home /var/lib/x --shell /bin/false --group redis", user("redis")),
            (
                "  adduser --quiet --system --no-create-home --gecos 'A b' --group ntp || true",
                user("ntp"),
            ),
            ("useradd -r -d /nonexistent -s /usr/sbin/nologin app > /dev/null", user("app")),
            ("addgroup --system --quiet ssl-cert", group("ssl-cert")),
            ("groupadd -g 90 plug", group("plug")),
            ("adduser --system $USER", None),
            ("adduser app www-data", None),
            (
                "ln -s /etc/nginx/a /etc/nginx/b",
                Some(Deed::Link { path: "/etc/nginx/b".into(), target: "/etc/nginx/a".into() }),
            ),
            ("ln -s $a /etc/nginx/b", None),
            ("mkdir -p /var/www/html", Some(Deed::Directory("/var/www/html".into()))),
            ("mkdir -p \"$dir\"", None),
            (
                "cp -p /usr/share/x/x.conf /etc/x.conf",
                Some(Deed::Copy { from: "/usr/share/x/x.conf".into(), to: "/etc/x.conf".into() }),
            ),
            (
                "ucf --three-way --debconf-ok /usr/share/x/x.conf /etc/x.conf > /dev/null",
                Some(Deed::Copy { from: "/usr/share/x/x.conf".into(), to: "/etc/x.conf".into() }),
            ),
            ("cp /a/b /c/d /e", None),
            ("chown root:bind /var/lib/bind", given(&["/var/lib/bind"], "root", "bind", "")),
            ("chown -R bind /a /b || true", given(&["/a", "/b"], "bind", "", "")),
            ("chgrp bind /etc/bind/named.conf*", given(&["/etc/bind/named.conf*"], "", "bind", "")),
            ("chmod g+rwx /var/cache/bind", given(&["/var/cache/bind"], "", "", "g+rwx")),
            ("if ! chmod 640 /a 2>/dev/null; then", given(&["/a"], "", "", "640")),
            (
                "dpkg-statoverride --update --add redis redis 640 /etc/redis/redis.conf",
                given(&["/etc/redis/redis.conf"], "redis", "redis", "640"),
            ),
            ("dpkg-statoverride --list /etc/redis/redis.conf", None),
            ("dpkg-statoverride --add redis redis 640 /etc/redis/redis.conf", None),
            (
                "install -d -m 2775 -o postgres -g postgres /run/postgresql",
                match given(&["/run/postgresql"], "postgres", "postgres", "2775") {
                    Some(Deed::Attributes(given)) => {
                        Some(Deed::Attributes(Ownership { makes: true, ..given }))
                    }
                    _ => None,
                },
            ),
            ("install -m 0600 /dev/null /etc/app/secret", None),
            ("chown $user:$group /var/spool/app", None),
            ("chown app $directory", None),
            ("chmod 0640 /etc/*/app.conf", None),
            (
                "php_invoke enmod 8.2 ALL opcache || exit 1",
                Some(Deed::PhpModule {
                    version: "8.2".into(),
                    sapi: "ALL".into(),
                    module: "opcache".into(),
                }),
            ),
            ("php_invoke enmod 8.2 fpm $mod", None),
            ("# adduser is called by the other", None),
            ("echo 'unfinished", None),
        ];
        for (line, expected) in cases {
            assert_eq!(deed(line), expected, "{line}");
        }
    }

    #[test]
    fn files_that_are_filled_are_noted() {
        let path = Path::new("/etc/postfix/main.cf");
        let cases = [
            ("cat /usr/share/postfix/main.cf.tls >> main.cf", true),
            ("echo x >/etc/postfix/main.cf", true),
            ("echo x > \"/etc/postfix/main.cf\"", true),
            ("sed -i -e '/^a/d' /etc/postfix/main.cf", false),
            ("cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf", false),
            ("ucf /a /etc/postfix/main.cf > /dev/null", false),
            ("echo x >> /etc/postfix/main.cf.proto", false),
            ("# echo x >> main.cf", false),
            ("if [ \"$1\" = \"upgrade\" ]; then\necho x >> main.cf\nfi", false),
        ];
        for (script, expected) in cases {
            assert_eq!(rewrites(script, path), expected, "{script}");
        }
    }

    #[test]
    fn what_is_given_away_in_variables_is_noted() {
        assert!(gives_away_in_variables("owner=`ask owner`\nchown $owner /srv/app\n"));
        assert!(!gives_away_in_variables("owner=app\nchown $owner /srv/app\necho $1\n"));
        let script = "at=`ask cache_dir /var/spool/squid`\n";
        assert!(names_path(script, Path::new("/var/spool/squid")));
        assert!(!names_path(script, Path::new("/var/spool")));
    }

    #[test]
    fn units_are_enabled_and_started_by_name() {
        let script = "deb-systemd-helper --quiet was-enabled 'web.service'\n\
            deb-systemd-invoke $_dh_action 'web.service'\nupdate-rc.d db defaults\n";
        let both = Handling { enables: true, starts: true };
        assert_eq!(unit_handling(script, "web.service"), both);
        assert_eq!(unit_handling(script, "db.service"), Handling { enables: true, starts: false });
        assert_eq!(unit_handling(script, "we.service"), Handling::default());
        assert_eq!(unit_handling(script, "web.socket"), Handling::default());
    }

    #[test]
    fn links_of_helpers_are_theirs() {
        let script = "php_invoke enmod 8.2 ALL opcache || exit 1\necho apcu\n";
        assert!(enables(script, "/etc/php/8.2/fpm/conf.d/10-opcache.ini"));
        assert!(!enables(script, "/etc/php/8.2/fpm/conf.d/20-apcu.ini"));
        assert!(!enables(script, "/etc/php/8.2/fpm/conf.d/"));
    }

    #[test]
    fn sysusers_lines_are_read() {
        let text = "# c\nu app - \"An app\" /var/lib/app\ng extra -\nm app extra\n";
        assert_eq!(sysusers(text), [Deed::User("app".to_owned()), Deed::Group("extra".to_owned())]);
    }
}
