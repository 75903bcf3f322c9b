use super::server::{Sshd, keygen};
use super::*;
use std::time::Duration;

async fn connect(sshd: &Sshd, target: &Target) -> Result<Connection, ConnectionError> {
    connector(&sshd.home()).connect(target).await
}

#[tokio::test]
async fn a_runner_works_over_ssh() {
    let Some(sshd) = Sshd::start("") else { return };
    let connection = connect(&sshd, &sshd.target()).await.unwrap();
    let runner = connection.runner(&Privilege::Same).await.unwrap();
    ping(&runner).await;
    let output = connection.raw(&Privilege::Same, "echo $((40 + 2)); exit 4", None).await.unwrap();
    assert_eq!((output.status, output.stdout.as_slice()), (4, &b"42\n"[..]));
    runner.close().await;
    connection.close().await;
}

#[tokio::test]
async fn keys_of_every_kind_open_the_door() {
    let Some(sshd) = Sshd::start("") else { return };
    for (kind, extra) in [
        ("rsa", &["-b", "2048"][..]),
        ("rsa", &["-b", "2048", "-m", "PEM"]),
        ("ecdsa", &["-b", "256"]),
        ("ecdsa", &["-b", "521"]),
        ("ed25519", &[]),
    ] {
        let name = format!("key_{kind}_{}", extra.concat());
        let file = sshd.path(&name).display().to_string();
        keygen(&[&["-t", kind, "-N", "", "-f", &file], extra].concat());
        sshd.authorize(&format!("{name}.pub"));
        let target = Target { private_key: Some(file.into()), ..sshd.target() };
        std::fs::remove_file(sshd.path("home/.ssh/id_ed25519")).ok();
        let connection =
            connect(&sshd, &target).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        connection.close().await;
    }
}

#[tokio::test]
async fn a_locked_key_is_asked_for_once_in_a_run() {
    let Some(sshd) = Sshd::start("") else { return };
    let file = sshd.path("locked").display().to_string();
    keygen(&["-t", "ed25519", "-N", "open sesame", "-f", &file]);
    sshd.authorize("locked.pub");
    std::fs::remove_file(sshd.path("home/.ssh/id_ed25519")).unwrap();
    let target = Target { private_key: Some(file.clone().into()), ..sshd.target() };

    let text = words(connect(&sshd, &target).await);
    assert!(
        text.contains("authentication as `root` failed") && text.contains("nobody can be asked"),
        "{text}"
    );

    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let prompt: PassphrasePrompt = Arc::new(move |request: &PassphraseRequest| {
        log.lock().unwrap().push(request.attempt);
        Some(Secret::new(if request.attempt == 1 { "wrong" } else { "open sesame" }))
    });
    let connector =
        Connector::new(ConnectorSettings { passphrase: Some(prompt), ..settings(&sshd.home()) });
    let (first, second) = tokio::join!(connector.connect(&target), connector.connect(&target));
    first.unwrap();
    second.unwrap();
    assert_eq!(*asked.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn the_agent_opens_the_door() {
    let Some(sshd) = Sshd::start("") else { return };
    let socket = sshd.path("agent");
    let mut agent = std::process::Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rsa = sshd.path("agent_rsa").display().to_string();
    keygen(&["-t", "rsa", "-b", "2048", "-N", "", "-f", &rsa]);
    sshd.authorize("agent_rsa.pub");
    let add = std::process::Command::new("ssh-add")
        .arg("-q")
        .arg(&rsa)
        .env("SSH_AUTH_SOCK", &socket)
        .status();
    assert!(add.unwrap().success());
    std::fs::remove_file(&rsa).unwrap();
    std::fs::remove_file(sshd.path("home/.ssh/id_ed25519")).unwrap();
    let with = |words: &[&str]| Target {
        ssh_arguments: words.iter().map(|word| (*word).to_owned()).collect(),
        ..sshd.target()
    };
    let agent_option = format!("IdentityAgent={}", socket.display());
    connect(&sshd, &with(&["-o", &agent_option])).await.unwrap();
    // with IdentitiesOnly only the share of the key files counts; the public part is enough
    let only = ["-o", &agent_option, "-o", "IdentitiesOnly=yes"];
    assert!(words(connect(&sshd, &with(&only)).await).contains("authentication as `root` failed"));
    let public = format!("{rsa}.pub");
    connect(&sshd, &with(&[&only[..], &["-i", &public]].concat())).await.unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[tokio::test]
async fn certificates_vouch_for_users_and_hosts() {
    let Some(sshd) =
        Sshd::start("TrustedUserCAKeys $DIR/ca.pub\nHostCertificate $DIR/host_ed25519-cert.pub")
    else {
        return;
    };
    let path = |name: &str| sshd.path(name).display().to_string();
    keygen(&["-t", "ed25519", "-N", "", "-f", &path("ca")]);
    keygen(&["-t", "ed25519", "-N", "", "-f", &path("member")]);
    keygen(&["-s", &path("ca"), "-I", "me", "-n", "root", &path("member.pub")]);
    let target = Target { private_key: Some(path("member").into()), ..sshd.target() };
    std::fs::remove_file(sshd.path("home/.ssh/id_ed25519")).unwrap();
    connect(&sshd, &target).await.unwrap();
}

#[tokio::test]
async fn host_certificates_need_a_known_authority_and_the_right_name() {
    // the certificate must be there before the server starts
    let made = tempfile::tempdir().unwrap();
    let path = |name: &str| made.path().join(name).display().to_string();
    keygen(&["-t", "ed25519", "-N", "", "-f", &path("ca")]);
    for (name, principal) in [("right", "127.0.0.1"), ("wrong", "elsewhere")] {
        keygen(&["-t", "ed25519", "-N", "", "-f", &path(name)]);
        keygen(&[
            "-s",
            &path("ca"),
            "-h",
            "-I",
            "door",
            "-n",
            principal,
            &path(&format!("{name}.pub")),
        ]);
    }
    for (name, expected) in [("right", None), ("wrong", Some("it is made out to other names"))] {
        let options = format!("HostKey {0}\nHostCertificate {0}-cert.pub", path(name));
        let Some(sshd) = Sshd::start(&options) else { return };
        let ca = std::fs::read_to_string(path("ca.pub")).unwrap();
        std::fs::write(sshd.path("home/.ssh/known_hosts"), format!("@cert-authority 127.* {ca}"))
            .unwrap();
        let result = connect(&sshd, &sshd.target()).await;
        match expected {
            None => {
                result.unwrap();
            }
            Some(reason) => assert!(words(result).contains(reason)),
        }
    }
}

#[tokio::test]
async fn host_keys_are_checked() {
    let Some(sshd) = Sshd::start("") else { return };
    let file = sshd.path("home/.ssh/known_hosts");
    // one known key is enough, whichever it is
    for key in ["host_ecdsa", "host_rsa", "host_ed25519"] {
        sshd.know(key);
        connect(&sshd, &sshd.target()).await.unwrap_or_else(|error| panic!("{key}: {error}"));
    }
    std::fs::remove_file(&file).unwrap();
    let text = words(connect(&sshd, &sshd.target()).await);
    assert!(text.contains("is not known (ssh-ed25519 SHA256:"), "{text}");
    assert!(!file.exists());

    let accept = Target { host_keys: HostKeys::AcceptNew, ..sshd.target() };
    let connector = connector(&sshd.home());
    let (first, second) = tokio::join!(connector.connect(&accept), connector.connect(&accept));
    first.unwrap();
    second.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    connect(&sshd, &sshd.target()).await.unwrap();

    keygen(&["-t", "ed25519", "-N", "", "-f", &sshd.path("other").display().to_string()]);
    sshd.know("other");
    for host_keys in [HostKeys::Strict, HostKeys::AcceptNew] {
        let text = words(connect(&sshd, &Target { host_keys, ..sshd.target() }).await);
        assert!(text.contains("HAS CHANGED") && text.contains("known_hosts:1"), "{text}");
    }
    connect(&sshd, &Target { host_keys: HostKeys::Off, ..sshd.target() }).await.unwrap();
}

#[tokio::test]
async fn ssh_config_leads_over_jump_hosts_and_commands() {
    let Some(sshd) = Sshd::start("") else { return };
    let Some(jump) = Sshd::start("") else { return };
    std::fs::copy(sshd.path("home/.ssh/id_ed25519.pub"), jump.path("authorized_keys")).unwrap();
    let known = sshd.read("home/.ssh/known_hosts") + &jump.read("home/.ssh/known_hosts");
    std::fs::write(sshd.path("home/.ssh/known_hosts"), known).unwrap();
    std::fs::write(
        sshd.path("home/.ssh/config"),
        format!(
            "Host door chain piped broken loop\n HostName 127.0.0.1\n Port {}\n User root\n\
         Host bastion second\n HostName 127.0.0.1\n Port {}\n User root\n\
         Host door\n ProxyJump bastion\n\
         Host chain\n ProxyJump bastion,second\n\
         Host piped\n ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3'\n\
         Host broken\n ProxyCommand echo no way >&2; exit 1\n",
            sshd.port, jump.port,
        ),
    )
    .unwrap();
    let connector = connector(&sshd.home());
    for alias in ["door", "chain", "piped"] {
        let target = Target::new(alias, Transport::Ssh);
        let connection = connector.connect(&target).await.unwrap_or_else(|error| panic!("{error}"));
        ping(&connection.runner(&Privilege::Same).await.unwrap()).await;
        connection.close().await;
    }
    let text = words(connector.connect(&Target::new("broken", Transport::Ssh)).await);
    assert!(text.contains("cannot run the ProxyCommand") && text.contains("no way"), "{text}");
    let over = |hop: &str| Target { ssh_arguments: vec!["-J".into(), hop.into()], ..sshd.target() };
    let text = words(connector.connect(&over("127.0.0.1:1")).await);
    assert!(
        text.contains("cannot jump over `127.0.0.1`") && text.contains("connection refused"),
        "{text}"
    );
    connector.close().await;
}

#[tokio::test]
async fn hosts_that_cannot_be_reached_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let hang_up = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hung = hang_up.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = hang_up.accept().await {
            drop(stream);
        }
    });
    for (address, port, part) in [
        ("127.0.0.1", 1, "cannot connect to 127.0.0.1 port 1: connection refused"),
        ("127.0.0.1", port, "no answer within 0.5 s while agreeing on keys"),
        (
            "no-such-host.invalid",
            22,
            "cannot connect to `no-such-host.invalid`: the name cannot be resolved",
        ),
        ("127.0.0.1", hung, "closed the connection before the login (6 attempts)"),
    ] {
        let target = Target {
            address: address.into(),
            port: Some(port),
            connect_timeout: Duration::from_millis(500),
            ..Target::new("door", Transport::Ssh)
        };
        let error = connector(home.path()).connect(&target).await.unwrap_err();
        assert!(error.is_unreachable());
        let text = error.to_string();
        assert!(text.starts_with("door: ") && text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_stops_is_noticed() {
    let Some(sshd) = Sshd::start("") else { return };
    let arguments = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"];
    let target = Target { ssh_arguments: arguments.map(str::to_owned).into(), ..sshd.target() };
    let connection = connect(&sshd, &target).await.unwrap();
    // the server's process for this connection falls silent, as behind a cut cable
    let stop = connection.raw(&Privilege::Same, "kill -STOP $PPID; sleep 60", None);
    let text = words(tokio::time::timeout(Duration::from_secs(20), stop).await.unwrap());
    assert!(text.contains("no sign of life for 2 s"), "{text}");
    let _ = std::process::Command::new("pkill")
        .args(["-CONT", "-P"])
        .arg(sshd.pid().to_string())
        .status();
}

#[tokio::test]
async fn the_openssh_client_carries_runners_too() {
    let Some(sshd) = Sshd::start("") else { return };
    let option = |text: String| ["-o".to_owned(), text];
    let base = Target {
        transport: Transport::OpenSsh,
        private_key: Some(sshd.path("home/.ssh/id_ed25519")),
        ssh_arguments: option(format!(
            "UserKnownHostsFile={}",
            sshd.path("home/.ssh/known_hosts").display()
        ))
        .into(),
        ..sshd.target()
    };
    let connector = connector(&sshd.home());
    let connection = connector.connect(&base).await.unwrap();
    let first = connection.runner(&Privilege::Same).await.unwrap();
    let second = connection.runner(&Privilege::Same).await.unwrap();
    ping(&first).await;
    ping(&second).await;
    let output = connection.raw(&Privilege::Same, "echo hi; exit 5", None).await.unwrap();
    assert_eq!((output.status, output.stdout.as_slice()), (5, &b"hi\n"[..]));
    first.close().await;
    second.close().await;
    connection.close().await;

    let refused = Target { port: Some(1), ..base.clone() };
    assert!(words(connector.connect(&refused).await).contains("Connection refused"));
    let password = Target { password: Some(Secret::new("pw")), ..base };
    assert!(words(connector.connect(&password).await).contains("a password is not supported"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_come_at_once() {
    let Some(sshd) = Sshd::start("MaxStartups 10:30:100") else { return };
    let connector = connector(&sshd.home());
    let mut all = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (connector, target) = (Arc::clone(&connector), sshd.target());
        all.spawn(async move {
            let connection = connector.connect(&target).await?;
            let output = connection.raw(&Privilege::Same, &format!("echo {number}"), None).await?;
            assert_eq!(output.stdout, format!("{number}\n").as_bytes());
            Ok::<_, ConnectionError>(connection)
        });
    }
    let open: Vec<_> = all.join_all().await;
    for connection in open {
        connection.unwrap().close().await;
    }
}
