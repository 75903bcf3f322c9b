use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::effect::{Attributes, Content, WriteFile};
use crate::wire::InlineSource;

struct Place {
    directory: TempDir,
    host: LiveHost,
    interrupt: Arc<Interrupt>,
}

impl Place {
    fn new() -> Self {
        let interrupt = Arc::new(Interrupt::new());
        let host = LiveHost::new(interrupt.clone());
        Self { directory: tempfile::tempdir().unwrap(), host, interrupt }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn apply(&mut self, effect: Effect) -> Result<Applied, HostError> {
        self.host.apply(&Planned { effect, reason: String::new() })
    }

    fn write(&self, name: &str, content: &str) -> WriteFile {
        WriteFile {
            path: self.path(name),
            content: Content::Bytes(content.into()),
            attributes: Attributes::default(),
            validate: None,
            backup: false,
            unsafe_writes: false,
        }
    }

    fn names(&self) -> Vec<String> {
        files::list(self.directory.path()).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_new_file_has_the_usual_mode_and_leaves_nothing_beside() {
    let mut place = Place::new();
    place.apply(Effect::WriteFile(place.write("a", "text"))).unwrap();
    let made = place.path("a");
    assert_eq!(fs::read_to_string(&made).unwrap(), "text");
    fs::write(place.path("b"), "").unwrap();
    assert_eq!(mode(&made), mode(&place.path("b")));
    assert_eq!(place.names(), ["a", "b"]);
}

#[test]
fn a_replaced_file_keeps_mode_and_attributes() {
    let mut place = Place::new();
    let path = place.path("a");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).unwrap();
    let marked = rustix::fs::setxattr(&path, "user.mark", b"1", rustix::fs::XattrFlags::empty());
    let before = fs::metadata(&path).unwrap().ino();
    place.apply(Effect::WriteFile(place.write("a", "new"))).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(mode(&path), 0o4751);
    assert_ne!(fs::metadata(&path).unwrap().ino(), before, "it was renamed into place");
    if marked.is_ok() {
        let mut value = [0; 8];
        assert_eq!(rustix::fs::getxattr(&path, "user.mark", &mut value).unwrap(), 1);
    }
}

#[test]
fn a_link_at_the_place_is_replaced_and_its_target_is_not() {
    let mut place = Place::new();
    fs::write(place.path("target"), "kept").unwrap();
    symlink("target", place.path("a")).unwrap();
    place.apply(Effect::WriteFile(place.write("a", "new"))).unwrap();
    assert_eq!(fs::read_to_string(place.path("target")).unwrap(), "kept");
    assert!(fs::symlink_metadata(place.path("a")).unwrap().is_file());
}

#[test]
fn validation_decides_and_sees_one_word() {
    let mut place = Place::new();
    fs::write(place.path("a"), "old").unwrap();
    let mut write = place.write("a", "good");
    write.validate = Some("grep -q good %s".to_owned());
    place.apply(Effect::WriteFile(write.clone())).unwrap();
    write.content = Content::Bytes(b"bad".to_vec());
    let refused = place.apply(Effect::WriteFile(write.clone()));
    assert!(matches!(refused, Err(HostError::Validation { output, .. }) if output.status == 1));
    assert_eq!(fs::read_to_string(place.path("a")).unwrap(), "good");
    write.validate = Some("ls %s/nothing".to_owned());
    let refused = place.apply(Effect::WriteFile(write.clone())).unwrap_err().to_string();
    let named = place.path("a/nothing").display().to_string();
    assert!(refused.contains(&named), "the file is told by its own name: {refused}");
    write.validate = Some("true".to_owned());
    let refused = place.apply(Effect::WriteFile(write)).unwrap_err();
    assert_eq!(refused.to_string(), "validate must contain %s: true");
    assert_eq!(place.names(), ["a"], "nothing staged is left");
}

#[test]
fn a_backup_keeps_content_mode_and_time() {
    let mut place = Place::new();
    let path = place.path("a");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let time = Timestamp { seconds: 1_000_000, nanoseconds: 5 };
    change::set_times(&path, None, Some(time)).unwrap();
    let write = WriteFile { backup: true, ..place.write("a", "new") };
    let Applied::Written { backup: Some(backup), .. } =
        place.apply(Effect::WriteFile(write)).unwrap()
    else {
        panic!("no backup")
    };
    let name = backup.file_name().unwrap().to_str().unwrap().to_owned();
    let (start, stamp) = name.split_at(format!("a.{}.", std::process::id()).len());
    assert_eq!(start, format!("a.{}.", std::process::id()));
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "9999-99-99@99:99:99~");
    assert_eq!(fs::read_to_string(&backup).unwrap(), "old");
    assert_eq!(mode(&backup), 0o600);
    assert_eq!(fs::metadata(&backup).unwrap().mtime(), 1_000_000);
}

#[test]
fn a_source_is_checked_before_it_replaces_anything() {
    let mut place = Place::new();
    let sha1 = |bytes: &[u8]| crate::host::digest::Digester::of(DigestAlgorithm::Sha1, bytes);
    let source = Source { id: 3, size: 4, sha1: sha1(b"text") };
    let write = WriteFile { content: Content::Source(source), ..place.write("a", "") };
    let inline = |content: &[u8]| vec![InlineSource { id: 3, content: content.to_vec() }];
    for content in [inline(b"tex"), inline(b"texT"), Vec::new()] {
        let sources = RequestSources::new(content, Box::new(NoSources));
        place.host.begin(BTreeMap::new(), Box::new(sources));
        let refused = place.apply(Effect::WriteFile(write.clone()));
        assert!(matches!(refused, Err(HostError::SourceMissing(3))), "{refused:?}");
        assert_eq!(place.names(), Vec::<String>::new());
    }
    let sources = RequestSources::new(inline(b"text"), Box::new(NoSources));
    place.host.begin(BTreeMap::new(), Box::new(sources));
    place.apply(Effect::WriteFile(write)).unwrap();
    assert_eq!(fs::read_to_string(place.path("a")).unwrap(), "text");
}

#[test]
fn directories_links_times_and_removals() {
    let mut place = Place::new();
    let (dir, link, hard) = (place.path("d"), place.path("l"), place.path("h"));
    place.apply(Effect::MakeDirectory { path: dir.clone(), mode: Some(0o2775) }).unwrap();
    assert_eq!(mode(&dir), 0o2775);
    place.apply(Effect::WriteFile(place.write("d/f", "x"))).unwrap();
    for target in ["d", "d/f"] {
        place.apply(Effect::MakeSymlink { path: link.clone(), target: target.into() }).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
    }
    for _ in 0..2 {
        let target = place.path("d/f");
        place.apply(Effect::MakeHardLink { path: hard.clone(), target }).unwrap();
    }
    let stat = place.host.stat(&hard, Follow::No).unwrap().unwrap();
    assert_eq!(stat.links, 2);
    let time = Timestamp { seconds: 5, nanoseconds: 7 };
    place
        .apply(Effect::SetTimes {
            path: link.clone(),
            accessed: None,
            modified: Some(time),
            present: false,
        })
        .unwrap();
    assert_eq!(place.host.stat(&hard, Follow::No).unwrap().unwrap().modified, time);
    assert_eq!(place.names(), ["d", "h", "l"]);
    for path in [&dir, &link, &hard, &hard] {
        place.apply(Effect::Remove { path: path.clone() }).unwrap();
    }
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn looking_does_not_stumble() {
    let mut place = Place::new();
    symlink("nowhere", place.path("dangling")).unwrap();
    fs::write(place.path("file"), "abc").unwrap();
    let host = &mut place.host;
    let base = place.directory.path();
    assert_eq!(host.stat(&base.join("none"), Follow::No).unwrap(), None);
    assert_eq!(host.stat(&base.join("file/below"), Follow::No).unwrap(), None);
    assert_eq!(host.stat(&base.join("dangling"), Follow::Yes).unwrap(), None);
    let link = host.stat(&base.join("dangling"), Follow::No).unwrap().unwrap();
    assert_eq!(link.link_target.as_deref(), Some(Path::new("nowhere")));
    assert_eq!(
        host.digest(&base.join("file"), DigestAlgorithm::Sha1).unwrap(),
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    );
    assert!(matches!(host.read(&base.join("none")), Err(HostError::Io { action: "read", .. })));
    assert!(host.find_program("sh").unwrap().is_some());
    assert_eq!(host.find_program("no-such-program").unwrap(), None);
    let root = host.user(&AccountKey::Id(0)).unwrap().unwrap();
    assert_eq!(root.name, "root");
    assert_eq!(host.user(&AccountKey::Name("no-such-user".to_owned())).unwrap(), None);
}

#[test]
fn commands_are_fed_captured_and_placed() {
    let mut place = Place::new();
    place.host.begin([("A".to_owned(), "1".to_owned())].into(), Box::new(NoSources));
    let mut command = Command::new(["sh", "-c", "cat; echo $A$B; pwd >&2; exit 3"]);
    command.stdin = Some("x".repeat(300_000));
    command.environment.insert("B".to_owned(), "2".to_owned());
    command.directory = Some(fs::canonicalize(place.directory.path()).unwrap());
    let directory = command.directory.clone().unwrap();
    let output = place.host.query(&command).unwrap();
    assert_eq!(output.status, 3);
    assert_eq!(output.stdout_text(), format!("{}12\n", "x".repeat(300_000)));
    assert_eq!(output.stderr_text(), format!("{}\n", directory.display()));
    assert!(output.started <= output.ended);
    let killed = place.host.query(&Command::new(["sh", "-c", "kill -9 $$"])).unwrap();
    assert_eq!(killed.status, -9);
    let missing = place.host.query(&Command::new(["no-such-program"]));
    assert!(matches!(missing, Err(HostError::Spawn { .. })));
    command.directory = Some("/no/such/place".into());
    assert!(matches!(place.host.query(&command), Err(HostError::Io { .. })));
}

#[test]
fn a_daemon_left_behind_does_not_hold_the_task() {
    let mut place = Place::new();
    let started = Instant::now();
    let output = place.host.query(&Command::new(["sh", "-c", "sleep 20 & echo $!"])).unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    let pid: i32 = output.stdout_text().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    assert!(rustix::process::test_kill_process(pid).is_ok(), "it lives on");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_deadline_ends_the_whole_group_even_if_it_ignores_being_asked() {
    let mut place = Place::new();
    place.interrupt.limit(Some(Duration::from_secs(1)));
    let script = "trap '' TERM; sleep 30 & echo $! > \"$0\"; wait; wait; sleep 30";
    let pid_file = place.path("pid");
    let command = Command::new(["sh", "-c", script, pid_file.to_str().unwrap()]);
    let started = Instant::now();
    let ended = place.host.query(&command);
    assert!(matches!(ended, Err(HostError::TimedOut(_))), "{ended:?}");
    assert_eq!(ended.unwrap_err().to_string(), "Timed out after 1 second(s).");
    assert!(started.elapsed() < Duration::from_secs(10));
    let pid: i32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let gone = || {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    };
    let waited = Instant::now();
    while !gone() {
        assert!(waited.elapsed() < Duration::from_secs(5), "a grandchild survived");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_cancelled_task_does_nothing_more_until_the_next() {
    let mut place = Place::new();
    place.interrupt.stop(Stopped::Cancelled);
    let write = place.write("a", "x");
    assert!(matches!(place.apply(Effect::WriteFile(write.clone())), Err(HostError::Cancelled)));
    assert_eq!(place.names(), Vec::<String>::new());
    place.interrupt.clear();
    place.apply(Effect::WriteFile(write)).unwrap();
}

#[test]
fn files_and_local_servers_are_fetched() {
    use std::io::{Read as _, Write as _};
    let mut place = Place::new();
    fs::write(place.path("a b"), "content").unwrap();
    let url = format!("file://{}/a%20b", place.directory.path().display());
    let answer = place.host.fetch(&HttpRequest { url, ..HttpRequest::default() }).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"content".as_slice()));

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let answers = [
            "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone",
        ];
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            requests.push(String::from_utf8(request).unwrap());
        }
        requests
    });
    let url = format!("http://ann:secret@localhost:{port}/here");
    let answer = place.host.fetch(&HttpRequest { url, ..HttpRequest::default() }).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (404, b"gone".as_slice()));
    assert_eq!(answer.url, format!("http://localhost:{port}/there"));
    let requests = server.join().unwrap();
    assert!(requests[0].starts_with("GET /here HTTP/1.1"));
    assert!(
        requests[0].to_lowercase().contains("authorization: basic yw5uonnly3jlda=="),
        "{requests:?}"
    );
    let url = format!("http://ann:secret@localhost:{port}/");
    let refused = place.host.fetch(&HttpRequest { url, ..HttpRequest::default() }).unwrap_err();
    assert!(!refused.to_string().contains("secret"), "{refused}");
}

/// Delivers a content up to where the connection is cut; notes what it was given as a basis.
struct Cut {
    content: Vec<u8>,
    at: usize,
    interrupt: Arc<Interrupt>,
    basis: Arc<std::sync::Mutex<Vec<Option<PathBuf>>>>,
}

impl Sources for Cut {
    fn deliver(
        &mut self,
        source: &Source,
        basis: Option<&Path>,
        sink: &mut Sink<'_>,
    ) -> Result<(), HostError> {
        self.basis.lock().unwrap().push(basis.map(Path::to_owned));
        sink(&self.content[..self.at])?;
        if self.at < self.content.len() {
            self.interrupt.stop(Stopped::Disconnected);
            return Err(HostError::SourceMissing(source.id));
        }
        Ok(())
    }
}

#[test]
fn what_came_before_the_connection_was_cut_is_the_basis_of_the_next_attempt() {
    let mut place = Place::new();
    let content = vec![b'x'; 200_000];
    let sha1 = crate::host::digest::Digester::of(DigestAlgorithm::Sha1, &content);
    let source = Source { id: 3, size: 200_000, sha1 };
    let write = WriteFile { content: Content::Source(source), ..place.write("a", "") };
    fs::write(place.path("a"), vec![b'y'; 100_000]).unwrap();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut attempt = |at: usize| {
        // each with a runner of its own
        let interrupt = Arc::new(Interrupt::new());
        place.host = LiveHost::new(interrupt.clone());
        let content = content.clone();
        let cut = Cut { content, at, interrupt, basis: seen.clone() };
        place.host.begin(BTreeMap::new(), Box::new(cut));
        let ended = place.apply(Effect::WriteFile(write.clone()));
        (ended.is_ok(), place.names())
    };
    let part = ".canvass.a.part".to_owned();
    // too little to be worth a file
    assert_eq!(attempt(1000), (false, vec!["a".to_owned()]));
    assert_eq!(attempt(150_000), (false, vec![part.clone(), "a".to_owned()]));
    assert_eq!(attempt(200_000), (true, vec!["a".to_owned()]));
    assert_eq!(fs::read(place.path("a")).unwrap(), content);
    let (a, part) = (place.path("a"), place.path(&part));
    assert_eq!(*seen.lock().unwrap(), [Some(a.clone()), Some(a), Some(part.clone())]);
    // another content makes it worth nothing
    fs::write(&part, vec![b'x'; 100_000]).unwrap();
    let small = place.write("a", "small\n");
    place.apply(Effect::WriteFile(small)).unwrap();
    assert_eq!(place.names(), ["a"]);
}

/// Delivers something else where there is a basis.
struct Misled(Vec<u8>);

impl Sources for Misled {
    fn deliver(
        &mut self,
        _: &Source,
        basis: Option<&Path>,
        sink: &mut Sink<'_>,
    ) -> Result<(), HostError> {
        sink(if basis.is_some() { b"wrong" } else { &self.0 })
    }
}

#[test]
fn a_basis_that_misleads_is_done_without() {
    let mut place = Place::new();
    fs::write(place.path("a"), vec![b'y'; 100_000]).unwrap();
    let content = vec![b'x'; 100_000];
    let sha1 = crate::host::digest::Digester::of(DigestAlgorithm::Sha1, &content);
    let source = Source { id: 3, size: 100_000, sha1 };
    let write = WriteFile { content: Content::Source(source), ..place.write("a", "") };
    place.host.begin(BTreeMap::new(), Box::new(Misled(content.clone())));
    place.apply(Effect::WriteFile(write)).unwrap();
    assert_eq!(fs::read(place.path("a")).unwrap(), content);
    assert_eq!(place.names(), ["a"]);
}
