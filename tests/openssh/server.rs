//! OpenSSH servers that live as long as a test.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// Each server listens on this many addresses from 127.0.0.1 on; sshd takes up to 16.
pub(crate) const ADDRESSES: u8 = 10;

/// What this machine lacks for these tests.
pub(crate) fn missing() -> Option<String> {
    if !Path::new(SSHD).exists() {
        return Some(format!("{SSHD} is missing; install openssh-server"));
    }
    if !Command::new("ssh-keygen").arg("-?").output().is_ok_and(|output| !output.stderr.is_empty())
    {
        return Some("ssh-keygen is missing; install openssh-client".to_owned());
    }
    // a folder that sshd wants when root starts it
    let separation = Path::new("/run/sshd");
    if rustix::process::geteuid().is_root() && !separation.exists() {
        let made = fs::DirBuilder::new().mode(0o755).create(separation);
        if made.is_err() {
            return Some("/run/sshd is missing".to_owned());
        }
    }
    None
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The folder of a test: a home with `.ssh`, a key `id` that its servers let in.
pub(crate) struct Site {
    dir: TempDir,
}

impl Site {
    pub(crate) fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("openssh-").tempdir_in("/tmp")?;
        let site = Self { dir };
        fs::DirBuilder::new().mode(0o700).recursive(true).create(site.path().join("home/.ssh"))?;
        fs::write(site.path().join("home/.ssh/known_hosts"), "")?;
        site.new_key("id")?;
        fs::copy(site.path().join("id.pub"), site.path().join("authorized_keys"))?;
        Ok(site)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a key of this name.
    pub(crate) fn new_key(&self, name: &str) -> Result<()> {
        let status = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(self.path().join(name))
            .status()?;
        ensure!(status.success(), "ssh-keygen: {status}");
        Ok(())
    }

    /// Who runs this, which is who logs in.
    pub(crate) fn user(&self) -> String {
        let id = rustix::process::geteuid().as_raw().to_string();
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let line = accounts.lines().find(|line| line.split(':').nth(2) == Some(&id));
        line.and_then(|line| line.split(':').next()).unwrap_or("root").to_owned()
    }

    /// Starts a server with a host key of its own.
    pub(crate) fn server(&self, name: &str) -> Result<Server> {
        self.server_with(name, "")
    }

    /// The same with settings that come before the usual ones.
    pub(crate) fn server_with(&self, name: &str, settings: &str) -> Result<Server> {
        self.new_key(&format!("{name}-key"))?;
        let mut last = None;
        // another process may take the port first
        for _ in 0..5 {
            match Server::start(self, name, settings) {
                Ok(server) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no attempt")?)
    }

    /// Writes a server's key into `known_hosts`.
    pub(crate) fn knows(&self, server: &Server) -> Result<()> {
        self.knows_as(server, server)
    }

    /// Writes the key of another server for this one.
    pub(crate) fn knows_as(&self, server: &Server, other: &Server) -> Result<()> {
        let mut file =
            fs::OpenOptions::new().append(true).open(self.path().join("home/.ssh/known_hosts"))?;
        let key = other.public_key()?;
        for last in 1..=ADDRESSES {
            writeln!(file, "[127.0.0.{last}]:{} {key}", server.port)?;
        }
        Ok(())
    }

    /// What `known_hosts` holds.
    pub(crate) fn known_hosts(&self) -> String {
        fs::read_to_string(self.path().join("home/.ssh/known_hosts")).unwrap_or_default()
    }

    /// Writes `~/.ssh/config`; the client of OpenSSH looks for `known_hosts` elsewhere.
    pub(crate) fn ssh_config(&self, text: &str) -> Result<()> {
        let known = self.path().join("home/.ssh/known_hosts");
        let text = format!("{text}\nHost *\n  UserKnownHostsFile {}\n", known.display());
        fs::write(self.path().join("home/.ssh/config"), text)?;
        Ok(())
    }

    /// Runners that runs of other tests and of this machine's users have left for this user.
    pub(crate) fn earlier_runners(&self) -> Result<Vec<String>> {
        let user = rustix::process::getuid().as_raw();
        let places = ["/var/tmp", "/tmp", "/dev/shm"];
        let places = places.map(|place| names(&Path::new(place).join(format!(".canvass-{user}"))));
        Ok(places.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// Files in `/tmp` and `/var/tmp` that a runner may have made.
    pub(crate) fn temporary_files(&self) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        for folder in ["/tmp", "/var/tmp"] {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                if name.is_some_and(|name| name.contains("canvass") || name.contains("ansible")) {
                    found.insert(path);
                }
            }
        }
        Ok(found)
    }
}

/// What a folder holds; nothing where there is none.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// A running `sshd`, ended with this value.
pub(crate) struct Server {
    child: Child,
    port: u16,
    name: String,
    folder: PathBuf,
}

impl Server {
    fn start(site: &Site, name: &str, settings: &str) -> Result<Self> {
        let port = free_port()?;
        let folder = site.path().to_owned();
        let shown = folder.display();
        let addresses: Vec<String> =
            (1..=ADDRESSES).map(|last| format!("ListenAddress 127.0.0.{last}")).collect();
        let listen = addresses.join("\n");
        // of a setting the first line counts; SHLVL keeps bash from reading ~/.bashrc, as the network would make it
        let config = format!(
            "{settings}\nPort {port}\n{listen}\nHostKey {shown}/{name}-key\n\
             PidFile {shown}/{name}.pid\nAuthorizedKeysFile {shown}/authorized_keys\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n\
             MaxStartups 1000\nLogLevel VERBOSE\n\
             SetEnv SHLVL=5 XDG_CACHE_HOME={shown}/{name}-cache\n"
        );
        fs::create_dir_all(folder.join(format!("{name}-cache")))?;
        fs::write(folder.join(format!("{name}.conf")), config)?;
        let log = fs::File::create(folder.join(format!("{name}.log")))?;
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.join(format!("{name}.conf")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Self { child, port, name: name.to_owned(), folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait()?;
            ensure!(ended.is_none(), "sshd ended: {}", server.log()?);
            ensure!(Instant::now() < deadline, "sshd does not listen: {}", server.log()?);
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The host key, as `known_hosts` has it.
    pub(crate) fn public_key(&self) -> Result<String> {
        let text = fs::read_to_string(self.folder.join(format!("{}-key.pub", self.name)))?;
        Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join(format!("{}.log", self.name)))?)
    }

    /// What runs left in the cache of their user.
    pub(crate) fn cached(&self) -> Result<Vec<String>> {
        let folder = self.folder.join(format!("{}-cache/canvass", self.name));
        names(&folder)
    }

    /// Sessions of this server, and the runners that came over it.
    pub(crate) fn processes(&self) -> Result<Vec<String>> {
        let mark = format!("{}/{}-cache", self.folder.display(), self.name);
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            let read = |name: &str| fs::read(path.join(name)).unwrap_or_default();
            let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            let environment = String::from_utf8_lossy(&read("environ")).into_owned();
            if line.contains(&mark) || environment.contains(&format!("XDG_CACHE_HOME={mark}")) {
                found.push(line);
            }
        }
        Ok(found)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
