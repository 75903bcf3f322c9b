use super::*;
use crate::connection::bootstrap::{Failure, Started, Trust, entry, start};
use crate::connection::embedded::Images;
use crate::connection::privilege::Terminal;
use crate::connection::process::spawn;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use tokio::process::Command;

/// A host of one test: its home and the programs that it has.
struct Host {
    folder: tempfile::TempDir,
    image: RunnerImage,
}

/// What a runner of these tests does: it greets and ends.
const PROGRAM: &str = "#!/bin/sh\nprintf '\\ncanvass-runner %s\\n' \"$2\"; umask; echo end\n";

impl Host {
    fn new() -> Self {
        let architecture = rustix::system::uname().machine().to_string_lossy().into_owned();
        // each test has a runner of its own, as the places outside of home are shared
        let folder = tempfile::tempdir().unwrap();
        let program = format!("{PROGRAM}# {}\n", folder.path().display());
        let image = RunnerImage::of_program(&architecture, program.as_bytes()).unwrap();
        Self { folder, image }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn runner_in(&self, place: &str) -> PathBuf {
        self.home().join(place).join(format!("runner-{}", self.image.sha256))
    }

    /// Starts the runner; `before` is what the login does first, with `PATH` at hand.
    async fn start(&self, before: &str, shell: &str) -> Result<Started, String> {
        self.start_with(before, shell, Trust::Seal).await
    }

    async fn start_with(&self, before: &str, shell: &str, trust: Trust) -> Result<Started, String> {
        let marker = crate::connection::marker::marker().unwrap();
        let entry = entry(&Privilege::Same, &marker, Terminal::None);
        let line = format!("{before}\n{}", entry.line.replace("/bin/sh", shell));
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(line).env_remove("XDG_CACHE_HOME").env("HOME", self.home());
        let process = spawn(&mut command).unwrap();
        let images = Images::new(self.image.clone(), None);
        let same = Privilege::Same;
        let started = start(process, &same, &entry, &marker, Terminal::None, trust, &images);
        started.await.map_err(|failure| match failure {
            Failure::TerminalRequired => "terminal".to_owned(),
            Failure::BrokenSeal => "broken seal".to_owned(),
            Failure::Problem(problem) => problem.to_string(),
        })
    }

    /// Removes what the test left in places that are shared.
    fn clean(&self) {
        let uid = rustix::process::getuid().as_raw();
        for parent in ["/var/tmp", "/tmp", "/dev/shm"] {
            let name = format!("runner-{}", self.image.sha256);
            let _ =
                std::fs::remove_file(Path::new(parent).join(format!(".canvass-{uid}")).join(name));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.clean();
    }
}

/// The shells at hand.
fn shells() -> Vec<&'static str> {
    ["/bin/sh", "/bin/dash", "/bin/bash", "/usr/bin/busybox sh", "/bin/busybox sh"]
        .into_iter()
        .filter(|shell| Path::new(shell.split(' ').next().unwrap()).exists())
        .collect()
}

#[tokio::test]
async fn the_runner_is_brought_once_and_found_again() {
    for shell in shells() {
        let host = Host::new();
        let runner = host.runner_in(".cache/canvass");
        host.start("", shell).await.unwrap_or_else(|error| panic!("{shell}: {error}"));
        let first = std::fs::metadata(&runner).unwrap();
        assert_eq!(first.permissions().mode() & 0o7777, 0o500, "{shell}");
        let place = std::fs::metadata(runner.parent().unwrap()).unwrap();
        assert_eq!(place.permissions().mode() & 0o7777, 0o700, "{shell}");
        host.start("", shell).await.unwrap();
        assert_eq!(std::fs::metadata(&runner).unwrap().ino(), first.ino(), "{shell}: kept");
        let left: Vec<_> = std::fs::read_dir(runner.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "{shell}: nothing but the runner: {left:?}");
    }
}

#[tokio::test]
async fn a_runner_that_was_touched_is_replaced() {
    let host = Host::new();
    let runner = host.runner_in(".cache/canvass");
    host.start("", "/bin/sh").await.unwrap();
    let whole = std::fs::read(&runner).unwrap();
    let mut touched = whole.clone();
    *touched.last_mut().unwrap() = b'#';
    for (content, mode) in [
        (&touched[..], 0o700),
        (&touched[..], 0o500),
        (b"short", 0o700),
        (b"", 0o500),
        (&whole, 0o755),
        (&whole, 0o600),
    ] {
        std::fs::write(&runner, content).unwrap();
        std::fs::set_permissions(&runner, Permissions::from_mode(mode)).unwrap();
        host.start("", "/bin/sh").await.unwrap();
        assert_eq!(std::fs::read(&runner).unwrap(), whole);
        assert_eq!(std::fs::metadata(&runner).unwrap().permissions().mode() & 0o777, 0o500);
    }
    std::fs::remove_file(&runner).unwrap();
    std::os::unix::fs::symlink("/bin/true", &runner).unwrap();
    host.start("", "/bin/sh").await.unwrap();
    assert!(std::fs::symlink_metadata(&runner).unwrap().is_file());
}

#[tokio::test]
async fn a_runner_with_the_seal_is_not_read() {
    for shell in shells() {
        let host = Host::new();
        host.start("", shell).await.unwrap();
        // whatever verifies or looks for places would fail the login
        let without = "mkdir $HOME/bin; ln -s $(command -v sh) $(command -v ls) $HOME/bin/; \
                       PATH=$HOME/bin";
        let started = host.start(without, shell).await;
        started.unwrap_or_else(|error| panic!("{shell}: {error}"));
    }
}

#[tokio::test]
async fn a_seal_that_does_not_hold_is_found_out() {
    let host = Host::new();
    let runner = host.runner_in(".cache/canvass");
    host.start("", "/bin/sh").await.unwrap();
    let whole = std::fs::read(&runner).unwrap();
    // as a disk may do it: nothing but the content differs
    let times = std::fs::metadata(&runner).unwrap().modified().unwrap();
    let mut touched = b"#!/bin/false\n".to_vec();
    touched.resize(whole.len(), b' ');
    std::fs::write(&runner, &touched).unwrap();
    std::fs::File::options().write(true).open(&runner).unwrap().set_modified(times).unwrap();
    assert_eq!(host.start("", "/bin/sh").await.err().unwrap(), "broken seal");
    host.start_with("", "/bin/sh", Trust::Nothing).await.unwrap();
    assert_eq!(std::fs::read(&runner).unwrap(), whole);
    host.start("", "/bin/sh").await.unwrap();
}

#[tokio::test]
async fn noise_and_a_strange_umask_do_no_harm() {
    let host = Host::new();
    let noise = "umask 027; echo Welcome; echo oops >&2; printf 'no line end'; head -c 200000 /dev/zero | tr '\\0' x";
    let started = host.start(noise, "/bin/sh").await.unwrap();
    let mut text = String::from_utf8_lossy(&started.rest).into_owned();
    let mut process = started.process;
    while let Some(event) = process.output.next().await {
        if let crate::connection::process::Event::Stdout(data) = event {
            text.push_str(&String::from_utf8_lossy(&data));
        }
    }
    assert_eq!(text, "0027\nend\n", "the runner has the login's umask");
}

#[tokio::test]
async fn other_places_are_used_where_the_home_is_not_fit() {
    for (name, before) in [
        ("no home", "unset HOME"),
        ("home of another", "HOME=/proc/1"),
        ("home is missing", "HOME=/nonexistent"),
        ("a link in the way", "mkdir -p $HOME/.cache; ln -s /tmp $HOME/.cache/canvass"),
        ("a file in the way", "mkdir -p $HOME/.cache; : > $HOME/.cache/canvass"),
    ] {
        let host = Host::new();
        host.start(before, "/bin/sh").await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!host.runner_in(".cache/canvass").exists(), "{name}");
    }
}

#[tokio::test]
async fn a_home_with_blanks_and_patterns_in_its_name_is_fit() {
    let host = Host::new();
    host.start("HOME=\"$HOME/a * b\"; mkdir \"$HOME\"", "/bin/sh").await.unwrap();
    assert!(host.runner_in("a * b/.cache/canvass").exists());
}

#[tokio::test]
async fn without_gzip_the_runner_comes_raw() {
    let host = Host::new();
    let without = "mkdir $HOME/bin; for p in sh id uname ls chmod mkdir rm mv head cat find sha256sum; do \
                   ln -s $(command -v $p) $HOME/bin/; done; PATH=$HOME/bin";
    host.start(without, "/bin/sh").await.unwrap();
    assert!(host.runner_in(".cache/canvass").exists());
}

#[tokio::test]
async fn without_head_and_sha256sum_it_works_too() {
    let host = Host::new();
    let without = "mkdir $HOME/bin; for p in sh id uname ls chmod mkdir rm mv dd cat find gzip; do \
                   ln -s $(command -v $p) $HOME/bin/; done; PATH=$HOME/bin";
    host.start(without, "/bin/sh").await.unwrap();
    host.start("PATH=$HOME/bin", "/bin/sh").await.unwrap();
    assert!(host.runner_in(".cache/canvass").exists());
}

#[tokio::test]
async fn two_that_come_at_once_do_not_disturb_each_other() {
    let host = Host::new();
    let starts = (0..8).map(|_| host.start("", "/bin/sh"));
    let mut all = Vec::new();
    for start in starts {
        all.push(start);
    }
    let (a, b, c, d) = {
        let mut all = all.into_iter();
        let mut next = || all.next().unwrap();
        tokio::join!(next(), next(), next(), next())
    };
    for started in [a, b, c, d] {
        started.unwrap();
    }
    let place = host.home().join(".cache/canvass");
    assert_eq!(std::fs::read_dir(place).unwrap().count(), 1);
}

#[tokio::test]
async fn old_runners_go_and_young_ones_stay() {
    let host = Host::new();
    let before = "mkdir -p $HOME/.cache/canvass; cd $HOME/.cache/canvass; \
                  : > runner-old; : > runner-young; : > .new-1-dead; : > mine; \
                  touch -d '40 days ago' runner-old .new-1-dead mine; cd /";
    host.start(before, "/bin/sh").await.unwrap();
    let place = host.home().join(".cache/canvass");
    let mut names: Vec<_> = std::fs::read_dir(place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["mine".to_owned(), format!("runner-{}", host.image.sha256), "runner-young".to_owned()]
    );
}

/// A line that gives a login mounts of its own, where noexec or read-only ones can be made.
fn mounts(script: &str) -> Option<String> {
    let possible = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", "mount -t tmpfs -o noexec none /mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !possible {
        skip("no mount namespaces here");
        return None;
    }
    // the line that follows goes through `CANVASS_MOUNTED`
    Some(format!(
        "mounted() {{ {script}; }}\n[ -n \"$CANVASS_MOUNTED\" ] || {{ export CANVASS_MOUNTED=1; exec unshare -m /bin/sh -c \"$(tr '\\0' '\\n' < /proc/$$/cmdline | sed 1,2d)\"; }}\nmounted >&2"
    ))
}

#[tokio::test]
async fn places_where_programs_may_not_run_are_passed_over() {
    let Some(before) = mounts(
        "mount -t tmpfs -o noexec none $HOME; mount -t tmpfs -o noexec none /var/tmp; \
         mount -t tmpfs -o ro none /tmp",
    ) else {
        return;
    };
    let host = Host::new();
    // with its home and temporary directories gone, shared memory is left
    host.start(&before, "/bin/sh").await.unwrap();
    assert!(!host.runner_in(".cache/canvass").exists());
    let uid = rustix::process::getuid().as_raw();
    let name = format!("/dev/shm/.canvass-{uid}/runner-{}", host.image.sha256);
    assert!(Path::new(&name).exists());
}

#[tokio::test]
async fn a_host_without_any_place_says_which_were_tried() {
    let Some(before) = mounts(
        "for d in /mnt /var/tmp /tmp /dev/shm /run; do mount -t tmpfs -o noexec none $d; done; export HOME=/mnt",
    ) else {
        return;
    };
    let host = Host::new();
    let error = host.start(&before, "/bin/sh").await.err().unwrap();
    for part in [
        "/mnt/.cache/canvass (programs may not run there)",
        "/var/tmp/.canvass-",
        "/dev/shm/.canvass-",
    ] {
        assert!(error.contains(part), "{error}");
    }
}
