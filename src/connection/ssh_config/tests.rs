use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::arguments::{ConfigFile, parse_arguments};
use super::parse::{Item, Known, parse, parse_file};
use super::resolve::{Given, resolve};
use super::settings::{AgentKeys, Family, Identities, KnownNames, RefusedMethod};
use super::*;
use crate::connection::target::HostKeys;

fn home(directory: &Path) -> Home {
    Home {
        directory: directory.to_owned(),
        user: "me".into(),
        uid: "1000".into(),
        host_name: "laptop.lan".into(),
        variables: HashMap::from([
            ("SSH_AUTH_SOCK".into(), "/agent".into()),
            ("KEYS".into(), "/keys".into()),
        ]),
    }
}

fn settings(alias: &str, text: &str) -> Result<HostSettings, ConfigError> {
    let home = home(Path::new("/home/me"));
    let items = parse(text, Path::new("config"), &home)?;
    resolve(alias, &Given::default(), &[&items], &home).map(|(settings, _)| settings)
}

/// Each row: alias, text, and what has to come out.
type Case = (&'static str, &'static str, fn(&HostSettings) -> bool);

#[test]
fn options_take_the_first_value_that_fits() {
    let cases: &[Case] = &[
        ("h", "", |s| s.host_name == "h" && s.port == 22 && s.user == "me"),
        ("h", "", |s| s.identities == Identities::Default && s.identity_files.len() == 3),
        ("h", "", |s| s.agent == Agent::Socket("/agent".into())),
        ("h", "Host h\n Port 2222\nHost *\n Port 22", |s| s.port == 2222),
        ("h", "Port 1\nPort 2", |s| s.port == 1),
        ("h", "Host a h b\nUser root", |s| s.user == "root"),
        ("h", "Host a b\nUser root", |s| s.user == "me"),
        ("web3", "Host web* !web3\nUser root", |s| s.user == "me"),
        ("web4", "Host web* !web3\nUser root", |s| s.user == "root"),
        ("h", "HOST h\nhostname=10.0.0.1\nPORT = 99", |s| {
            s.host_name == "10.0.0.1" && s.port == 99
        }),
        ("h", "Host h\n\tHostName\t\"10.0.0.1\"  # why", |s| s.host_name == "10.0.0.1"),
        ("h", "HostName %h.example.org", |s| s.host_name == "h.example.org"),
        ("h", "HostName 100%%", |s| s.host_name == "100%"),
        ("h", "IdentityFile ~/.ssh/a\nIdentityFile %d/%r@%h:%p\nIdentityFile ~/.ssh/a", |s| {
            s.identity_files == [Path::new("/home/me/.ssh/a"), Path::new("/home/me/me@h:22")]
                && s.identities == Identities::Configured
        }),
        ("h", "IdentityFile ${KEYS}/%u", |s| s.identity_files == [Path::new("/keys/me")]),
        ("h", "IdentityFile \"/with blank/key\"", |s| {
            s.identity_files == [Path::new("/with blank/key")]
        }),
        ("h", "IdentityFile none", |s| s.identity_files.is_empty()),
        ("h", "IdentitiesOnly yes", |s| s.agent_keys == AgentKeys::OnlyConfigured),
        ("h", "IdentityAgent none", |s| s.agent == Agent::None),
        ("h", "IdentityAgent ~/a.sock", |s| s.agent == Agent::Socket("/home/me/a.sock".into())),
        ("h", "IdentityAgent $KEYS", |s| s.agent == Agent::Socket("/keys".into())),
        ("h", "CertificateFile ~/c", |s| s.certificate_files == [Path::new("/home/me/c")]),
        ("h", "ProxyJump a,b@c:2022,ssh://[::1]:22", |s| {
            let hop = |host: &str, port, user: Option<&str>| Hop {
                host: host.into(),
                port,
                user: user.map(str::to_owned),
            };
            s.proxy
                == Proxy::Jump(vec![
                    hop("a", None, None),
                    hop("c", Some(2022), Some("b")),
                    hop("::1", Some(22), None),
                ])
        }),
        ("h", "ProxyJump none\nProxyCommand nc %h %p", |s| {
            s.proxy == Proxy::Command("nc h 22".into())
        }),
        ("h", "ProxyCommand nc -X 5 '%h' \"%p\"", |s| {
            s.proxy == Proxy::Command("nc -X 5 'h' \"22\"".into())
        }),
        ("h", "ProxyCommand none", |s| s.proxy == Proxy::None),
        ("h", "UserKnownHostsFile /a ~/b", |s| {
            s.user_known_hosts == [Path::new("/a"), Path::new("/home/me/b")]
        }),
        ("h", "", |s| {
            s.user_known_hosts.first().is_some_and(|f| f == Path::new("/home/me/.ssh/known_hosts"))
        }),
        ("h", "GlobalKnownHostsFile none", |s| s.global_known_hosts.is_empty()),
        ("h", "StrictHostKeyChecking accept-new", |s| s.host_keys == Some(HostKeys::AcceptNew)),
        ("h", "StrictHostKeyChecking no", |s| s.host_keys == Some(HostKeys::Off)),
        ("h", "StrictHostKeyChecking ask", |s| s.host_keys == Some(HostKeys::Strict)),
        ("h", "ConnectTimeout 1m30", |_| false),
        ("h", "ConnectTimeout 1m30s", |s| s.connect_timeout == Some(Duration::from_secs(90))),
        ("h", "ServerAliveInterval 5\nServerAliveCountMax 2", |s| {
            s.alive_interval == Some(Duration::from_secs(5)) && s.alive_count == Some(2)
        }),
        ("h", "HostKeyAlias other", |s| s.host_key_alias.as_deref() == Some("other")),
        ("h", "HashKnownHosts yes", |s| s.known_names == KnownNames::Hashed),
        ("h", "AddressFamily inet6", |s| s.family == Family::V6),
        ("h", "PasswordAuthentication no", |s| s.refused_methods == [RefusedMethod::Password]),
        ("h", "Match host h\nUser x", |s| s.user == "x"),
        ("h", "HostName real\nMatch host real\nUser x", |s| s.user == "x"),
        ("h", "HostName real\nMatch host h\nUser x", |s| s.user == "me"),
        ("h", "HostName real\nMatch originalhost h\nUser x", |s| s.user == "x"),
        ("h", "User a\nMatch user a,b\nPort 5", |s| s.port == 5),
        ("h", "Match localuser me host h\nPort 5", |s| s.port == 5),
        ("h", "Match !host h\nPort 5", |s| s.port == 22),
        ("h", "Match host=h\nPort 5", |s| s.port == 5),
        ("h", "Match all\nPort 5", |s| s.port == 5),
        ("h", "Host other\nMatch all\nPort 5", |s| s.port == 5),
        ("h", "Match final host real\nPort 5\nHost h\nHostName real", |s| s.port == 5),
        ("h", "Host h\nPort 6\nMatch final all\nPort 5", |s| s.port == 6),
    ];
    for (alias, text, expected) in cases {
        match settings(alias, text) {
            Ok(settings) => assert!(expected(&settings), "{text:?} gave {settings:#?}"),
            Err(error) => assert_eq!(*text, "ConnectTimeout 1m30", "{text:?} gave {error}"),
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    for (text, message) in [
        ("\nPort x", "config:2: `x` is not a port"),
        ("Port", "config:1: `Port` has no value"),
        ("Host", "config:1: `Host` has no pattern"),
        ("User \"me", "config:1: a quote is not closed"),
        (
            "Match exec \"true\"",
            "config:1: `Match exec` is not supported; use `Match host` or `Match originalhost`, or `connection: openssh`",
        ),
        ("Match colour red", "config:1: `Match colour` is not known"),
        ("Match host", "config:1: `Match host` has no pattern"),
        ("Match", "config:1: `Match` has no condition"),
        ("ProxyJump a b", "config:1: ProxyJump: `a b` is no list of [user@]host[:port]"),
        ("ProxyJump -oX", "config:1: ProxyJump: `-oX` is no list of [user@]host[:port]"),
        ("IdentityFile %z", "`%z` in IdentityFile is not supported (`%z`)"),
        ("IdentityFile ${NOPE}/x", "`${NOPE}` in IdentityFile is not set in the environment"),
        ("IdentitiesOnly perhaps", "config:1: IdentitiesOnly wants yes or no, not `perhaps`"),
        (
            "StrictHostKeyChecking sure",
            "config:1: StrictHostKeyChecking wants yes, ask, accept-new or no, not `sure`",
        ),
    ] {
        assert_eq!(settings("h", text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn options_that_matter_and_are_not_read_are_listed() {
    let home = home(Path::new("/home/me"));
    let text =
        "Host h\nBindAddress 10.0.0.9\nForwardAgent yes\nFrobnicate 1\nHost other\nCiphers x";
    let items = parse(text, Path::new("config"), &home).unwrap();
    let (_, ignored) = resolve("h", &Given::default(), &[&items], &home).unwrap();
    let listed: Vec<_> = ignored
        .iter()
        .map(|option| (option.name.as_str(), option.known, option.place.line))
        .collect();
    assert_eq!(listed, [("BindAddress", Known::Yes, 2), ("Frobnicate", Known::No, 4)]);
}

#[test]
fn files_are_included_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    let ssh = folder.path().join(".ssh");
    std::fs::create_dir_all(ssh.join("conf.d")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(ssh.join(name), text).unwrap();
    write(
        "config",
        "Include conf.d/*.conf missing\nHost web\n Include ~/.ssh/web\n User late\nHost *\n Port 99",
    );
    write("conf.d/b.conf", "Host db\nUser second");
    write("conf.d/a.conf", "Host db\nUser first\nPort 1");
    write("conf.d/c.txt", "User never");
    write("web", "IdentityFile /k\nHost other\nUser wrong");
    let items = parse_file(&ssh.join("config"), &home).unwrap();
    let of = |alias: &str| resolve(alias, &Given::default(), &[&items], &home).unwrap().0;
    assert_eq!((of("db").user.as_str(), of("db").port), ("first", 1));
    assert_eq!((of("web").user.as_str(), of("web").port), ("late", 99));
    assert_eq!(of("web").identity_files, [Path::new("/k")]);
    // a block inside an included file does not reach beyond the block that includes it
    assert_eq!(of("other").user, "me");

    write("config", "Include config");
    let error = parse_file(&ssh.join("config"), &home).unwrap_err().to_string();
    assert!(error.ends_with("too many files include one another"), "{error}");
    assert_eq!(parse_file(&ssh.join("none"), &home), Ok(Vec::<Item>::new()));
}

#[test]
fn given_values_and_arguments_come_first() {
    let home = home(Path::new("/home/me"));
    let words = ["-o", "Port=7", "-oUser=arg", "-i", "/arg key", "-J", "a@b:1", "-C", "-F", "/f"];
    let words = words.map(str::to_owned);
    let arguments = parse_arguments(&words, &home).unwrap();
    assert_eq!(arguments.file, Some(ConfigFile::Path("/f".into())));
    let file = parse("User file\nPort 8\nIdentityFile /file", Path::new("f"), &home).unwrap();
    let given = Given { port: None, user: Some("given".into()), identity: Some("/given".into()) };
    let (settings, _) = resolve("h", &given, &[&arguments.options, &file], &home).unwrap();
    assert_eq!((settings.user.as_str(), settings.port), ("given", 7));
    assert_eq!(settings.identity_files, ["/given", "/arg key", "/file"].map(Path::new));
    assert!(matches!(settings.proxy, Proxy::Jump(_)));
}

#[test]
fn arguments_that_only_ssh_understands_are_refused_by_name() {
    let home = home(Path::new("/home/me"));
    for (words, start) in [
        (
            &["-L", "1:h:2"][..],
            "`-L` in ansible_ssh_common_args or ansible_ssh_extra_args is not supported",
        ),
        (&["-o"], "`-o` in ansible_ssh_common_args or ansible_ssh_extra_args has no value"),
        (&["host"], "`host` in ansible_ssh_common_args or ansible_ssh_extra_args is no option"),
        (
            &["-o", "Host x"],
            "`Host x` in ansible_ssh_common_args or ansible_ssh_extra_args is for files only",
        ),
        (&["-p", "x y"], "command line:1"),
    ] {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let parsed = parse_arguments(&words, &home);
        let error = match parsed {
            Err(error) => error,
            Ok(arguments) => {
                resolve("h", &Given::default(), &[&arguments.options], &home).unwrap_err()
            }
        };
        assert!(error.to_string().starts_with(start), "{error}");
    }
}
