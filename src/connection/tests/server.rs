//! A real `sshd` on a loopback port, for one test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// An OpenSSH server that lets root in with the keys of this test.
pub(super) struct Sshd {
    pub(super) folder: tempfile::TempDir,
    pub(super) port: u16,
    child: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn keygen(arguments: &[&str]) {
    let output = Command::new("ssh-keygen").arg("-q").args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

impl Sshd {
    /// Starts a server; `None`, with a word, where there is none or nobody may start it.
    pub(super) fn start(options: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/sshd").exists() || !rustix::process::getuid().is_root() {
            skip("needs root and /usr/sbin/sshd");
            return None;
        }
        let _ = std::fs::create_dir_all("/run/sshd");
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir(path("home")).unwrap();
        std::fs::create_dir(path("home/.ssh")).unwrap();
        for kind in ["ed25519", "ecdsa", "rsa"] {
            keygen(&["-t", kind, "-N", "", "-f", &path(&format!("host_{kind}"))]);
        }
        keygen(&["-t", "ed25519", "-N", "", "-f", &path("home/.ssh/id_ed25519")]);
        std::fs::copy(path("home/.ssh/id_ed25519.pub"), path("authorized_keys")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nPidFile {}\nStrictModes no\nUsePAM no\n\
             AuthorizedKeysFile {}\nPermitRootLogin yes\nLogLevel ERROR\nSetEnv SHLVL=5\n{options}\n\
             HostKey {}\nHostKey {}\nHostKey {}\n",
            path("pid"),
            path("authorized_keys"),
            path("host_ed25519"),
            path("host_ecdsa"),
            path("host_rsa"),
        );
        std::fs::write(
            path("config"),
            config.replace("$DIR", &folder.path().display().to_string()),
        )
        .unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", &path("config")])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let sshd = Self { folder, port, child };
        sshd.know("host_ed25519");
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "sshd: {}", sshd.read("log"));
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(sshd)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The server's process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes `known_hosts` anew with one of the host's keys.
    pub(super) fn know(&self, key: &str) {
        let public = self.read(&format!("{key}.pub"));
        let line = format!("[127.0.0.1]:{} {public}", self.port);
        std::fs::write(self.path("home/.ssh/known_hosts"), line).unwrap();
    }

    /// Lets a key in.
    pub(super) fn authorize(&self, public: &str) {
        let known = self.read("authorized_keys");
        std::fs::write(self.path("authorized_keys"), known + &self.read(public)).unwrap();
    }

    pub(super) fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub(super) fn target(&self) -> Target {
        Target {
            address: "127.0.0.1".into(),
            port: Some(self.port),
            user: Some("root".into()),
            ..Target::new("door", Transport::Ssh)
        }
    }
}
