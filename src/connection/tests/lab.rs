//! Hosts of a lab, where somebody has brought one up and names its `ssh_config`:
//! `CANVASS_TEST_SSH_CONFIG`, with `CANVASS_TEST_HOSTS` as `name:user:password` words.

use super::*;

fn become_by(method: BecomeMethod, user: &str, password: Option<&str>) -> Privilege {
    Privilege::Become {
        method,
        user: user.into(),
        executable: None,
        flags: None,
        password: password.map(Secret::new),
    }
}

async fn identity(connection: &Connection, privilege: &Privilege) -> String {
    let runner = connection.runner(privilege).await;
    match runner {
        Err(error) => error.to_string(),
        Ok(runner) => {
            ping(&runner).await;
            runner.close().await;
            let output = connection.raw(privilege, "id -un; echo $HOME", None).await.unwrap();
            String::from_utf8_lossy(&output.stdout).trim().replace('\n', " ")
        }
    }
}

#[tokio::test]
#[ignore = "needs lab hosts"]
async fn privileges_on_a_lab_host() {
    let config = std::env::var("CANVASS_TEST_SSH_CONFIG").unwrap();
    let home = tempfile::tempdir().unwrap();
    for transport in [Transport::Ssh, Transport::OpenSsh] {
        for (login, own) in [("ops", None), ("deploy", Some("deploy-pw"))] {
            let target = Target {
                user: Some(login.into()),
                ssh_arguments: vec!["-F".into(), config.clone()],
                ..Target::new(std::env::var("CANVASS_TEST_HOST").unwrap_or("h1".into()), transport)
            };
            let connection = connector(home.path()).connect(&target).await.unwrap();
            for method in [BecomeMethod::Sudo, BecomeMethod::Su, BecomeMethod::Doas] {
                for password in [None, Some("wrong"), own, Some("ops-pw")] {
                    for user in ["root", "ops"] {
                        let privilege = become_by(method, user, password);
                        let start = std::time::Instant::now();
                        let who = identity(&connection, &privilege).await;
                        eprintln!(
                            "{transport:?} {login} -> {method} {user} {password:?}: {who} [{:?}]",
                            start.elapsed()
                        );
                    }
                }
            }
            connection.close().await;
        }
    }
}

#[tokio::test]
#[ignore = "needs lab hosts"]
async fn passwords_on_a_lab_host() {
    let config = std::env::var("CANVASS_TEST_SSH_CONFIG").unwrap();
    let home = tempfile::tempdir().unwrap();
    for (password, options) in [
        ("deploy-pw", "PubkeyAuthentication=no"),
        ("deploy-pw", "PasswordAuthentication=no"),
        ("wrong", "PubkeyAuthentication=no"),
    ] {
        let more = ["-o", options, "-o", "PubkeyAuthentication=no"].map(str::to_owned);
        let target = Target {
            user: Some("deploy".into()),
            password: Some(Secret::new(password)),
            ssh_arguments: [&["-F".to_owned(), config.clone()][..], &more].concat(),
            ..Target::new(std::env::var("CANVASS_TEST_HOST").unwrap_or("h1".into()), Transport::Ssh)
        };
        match connector(home.path()).connect(&target).await {
            Ok(connection) => {
                eprintln!("{options}: in, {}", identity(&connection, &Privilege::Same).await)
            }
            Err(error) => eprintln!("{options}: {error}"),
        }
    }
}

#[tokio::test]
#[ignore = "needs lab hosts"]
async fn a_runner_on_a_lab_host() {
    let config = std::env::var("CANVASS_TEST_SSH_CONFIG").unwrap();
    let home = tempfile::tempdir().unwrap();
    let target = Target {
        ssh_arguments: vec!["-F".into(), config],
        ..Target::new(std::env::var("CANVASS_TEST_HOST").unwrap_or("h1".into()), Transport::Ssh)
    };
    let connection = connector(home.path()).connect(&target).await.unwrap();
    eprintln!("{}", identity(&connection, &Privilege::Same).await);
}
