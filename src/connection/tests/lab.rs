//! Hosts of a lab, for whoever has one: `CANVASS_TEST_SSH_CONFIG` names its `ssh_config`,
//! `CANVASS_TEST_HOST` the host. A Debian host has the users `ops` (sudo without a password,
//! password `ops-pw`) and `deploy` (sudo with the password `deploy-pw`), and a `doas.conf` that
//! says `permit nopass ops as root` and `permit deploy`.

use super::*;

fn target(user: Option<&str>, transport: Transport, options: &[&str]) -> Target {
    let config = std::env::var("CANVASS_TEST_SSH_CONFIG").expect("CANVASS_TEST_SSH_CONFIG");
    let host = std::env::var("CANVASS_TEST_HOST").expect("CANVASS_TEST_HOST");
    let mut words = vec!["-F".to_owned(), config];
    words.extend(options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]));
    Target { user: user.map(str::to_owned), ssh_arguments: words, ..Target::new(host, transport) }
}

/// Who one is with a privilege, or the reason why not.
async fn identity(connection: &Connection, privilege: &Privilege) -> String {
    let runner = match connection.runner(privilege).await {
        Ok(runner) => runner,
        Err(error) => {
            assert!(!error.is_unreachable(), "{error}");
            return error.to_string();
        }
    };
    ping(&runner).await;
    runner.close().await;
    let output = connection.raw(privilege, "id -un", None).await.unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
#[ignore = "needs a lab host"]
async fn users_are_become_on_a_lab_host() {
    use BecomeMethod::{Doas, Su, Sudo};
    for transport in [Transport::Ssh, Transport::OpenSsh] {
        for (login, method, user, password, expected) in [
            ("ops", Sudo, "root", None, "root"),
            ("ops", Sudo, "deploy", Some("unneeded"), "deploy"),
            ("ops", Su, "root", None, "Missing su password"),
            ("ops", Su, "deploy", Some("deploy-pw"), "deploy"),
            ("ops", Su, "deploy", Some("wrong"), "Incorrect su password"),
            ("ops", Doas, "root", None, "root"),
            ("ops", Doas, "deploy", None, "cannot become `deploy` by doas"),
            ("deploy", Sudo, "root", None, "Missing sudo password"),
            ("deploy", Sudo, "root", Some("wrong"), "Incorrect sudo password"),
            ("deploy", Sudo, "root", Some("deploy-pw"), "root"),
            ("deploy", Sudo, "ops", Some("deploy-pw"), "ops"),
            ("deploy", Su, "ops", Some("ops-pw"), "ops"),
            ("deploy", Doas, "root", None, "Missing doas password"),
            ("deploy", Doas, "root", Some("wrong"), "Incorrect doas password"),
            ("deploy", Doas, "root", Some("deploy-pw"), "root"),
        ] {
            let home = tempfile::tempdir().unwrap();
            let target = target(Some(login), transport, &[]);
            let connection = connector(home.path()).connect(&target).await.unwrap();
            let privilege = Privilege::Become {
                directory: None,
                asking: crate::connection::Asking::default(),
                method,
                user: user.into(),
                executable: None,
                flags: None,
                password: password.map(Secret::new),
            };
            let who = identity(&connection, &privilege).await;
            let case = format!("{transport:?} {login} {method} {user} {password:?}");
            let right = who == expected || (who != user && who.contains(expected));
            assert!(right, "{case}: {who}");
            connection.close().await;
        }
    }
}

#[tokio::test]
#[ignore = "needs a lab host"]
async fn passwords_open_a_lab_host() {
    let home = tempfile::tempdir().unwrap();
    for (password, expected) in
        [("deploy-pw", None), ("wrong", Some("tried: password; the server takes:"))]
    {
        let target = Target {
            password: Some(Secret::new(password)),
            ..target(Some("deploy"), Transport::Ssh, &["PubkeyAuthentication=no"])
        };
        let connection = connector(home.path()).connect(&target).await;
        match expected {
            None => assert_eq!(identity(&connection.unwrap(), &Privilege::Same).await, "deploy"),
            Some(reason) => assert!(words(connection).contains(reason)),
        }
    }
}

#[tokio::test]
#[ignore = "needs a lab host, which may be busybox and dropbear only"]
async fn a_runner_works_on_a_lab_host() {
    let home = tempfile::tempdir().unwrap();
    let target = target(None, Transport::Ssh, &[]);
    let connection = connector(home.path()).connect(&target).await.unwrap();
    assert_eq!(identity(&connection, &Privilege::Same).await, "root");
}
