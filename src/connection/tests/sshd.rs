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
