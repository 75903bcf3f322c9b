//! `ansible-galaxy` against a Galaxy server of its own.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// What a server answers, by path.
type Pages = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A folder, a program by the name of `ansible-galaxy`, a server.
struct Place {
    folder: TempDir,
    pages: Pages,
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("ansible-galaxy");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_canvass"), link).unwrap();
        let (pages, asked) = (Pages::default(), Arc::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let place = Self { folder, pages, url, asked };
        let (pages, asked) = (Arc::clone(&place.pages), Arc::clone(&place.asked));
        thread::spawn(move || serve(&listener, &pages, &asked));
        let versions = json!({ "available_versions": { "v3": "v3/", "v1": "v1/" } });
        place.page("/api/", &versions);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn page(&self, path: &str, answer: &Value) {
        let body = answer.to_string().into_bytes();
        self.pages.lock().unwrap().insert(path.to_owned(), body);
    }

    /// Runs it; the exit code and what it says.
    fn galaxy(&self, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(self.path("ansible-galaxy"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("ANSIBLE_NOCOLOR", "1")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let (code, text) = self.galaxy(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    }

    /// Builds a collection and puts it on the server.
    fn publish(&self, name: &str, version: &str, dependencies: &Value) {
        let (namespace, short) = name.split_once('.').unwrap();
        let source = self.path(namespace).join(short);
        if !source.exists() {
            self.succeeds(&["collection", "init", name]);
        }
        let about = source.join("galaxy.yml");
        let lines = fs::read_to_string(&about).unwrap();
        let lines = lines.lines().map(|line| match line.split(':').next() {
            Some("version") => format!("version: {version}"),
            Some("dependencies") => format!("dependencies: {dependencies}"),
            _ => line.to_owned(),
        });
        fs::write(&about, lines.collect::<Vec<_>>().join("\n")).unwrap();
        self.succeeds(&["collection", "build", source.to_str().unwrap(), "--force"]);
        let file = format!("{namespace}-{short}-{version}.tar.gz");
        let body = fs::read(self.path(&file)).unwrap();
        let sha256 = Sha256::digest(&body).into_iter().map(|byte| format!("{byte:02x}"));
        let sha256 = sha256.collect::<Vec<_>>().concat();
        self.pages.lock().unwrap().insert(format!("/download/{file}"), body);
        let root = format!("/api/v3/collections/{namespace}/{short}/versions/");
        self.page(
            &format!("{root}{version}/"),
            &json!({
                "namespace": { "name": namespace },
                "collection": { "name": short },
                "version": version,
                "href": format!("{root}{version}/"),
                "download_url": format!("{}/download/{file}", self.url),
                "artifact": { "sha256": sha256 },
                "metadata": { "dependencies": dependencies },
            }),
        );
        let list = format!("{root}?limit=100");
        let known = self.pages.lock().unwrap().get(&list).cloned();
        let mut known: Value = known
            .map_or_else(|| json!({ "data": [] }), |page| serde_json::from_slice(&page).unwrap());
        known["data"].as_array_mut().unwrap().push(json!({ "version": version }));
        self.page(&list, &known);
    }

    fn installed(&self) -> Value {
        let text = self.succeeds(&["collection", "list", "--format", "json"]);
        let all: Value = serde_json::from_str(text.trim()).unwrap();
        let here = self.path(".ansible/collections/ansible_collections");
        all[here.to_str().unwrap()].clone()
    }
}

fn serve(listener: &TcpListener, pages: &Pages, asked: &Mutex<Vec<String>>) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut token, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_lowercase().as_str() {
                "authorization" => value.trim().clone_into(&mut token),
                "content-length" => length = value.trim().parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        if length > 0 {
            pages.lock().unwrap().insert("sent".to_owned(), body);
        }
        asked.lock().unwrap().push(format!("{path} {token}"));
        let found = pages.lock().unwrap().get(&path).cloned();
        let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
        let body = found.unwrap_or_else(|| b"{}".to_vec());
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        // a client that has gone wants no more
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    }
}

#[test]
fn collections_come_from_a_server_with_what_they_need() {
    let place = Place::new();
    place.publish("one.base", "1.0.0", &json!({}));
    place.publish("one.base", "1.2.0", &json!({}));
    place.publish("one.base", "2.0.0", &json!({}));
    place.publish("one.base", "3.0.0-rc1", &json!({}));
    place.publish("two.top", "0.1.0", &json!({ "one.base": ">=1.0.0,<2.0.0" }));
    let server = place.url.clone();
    let install = |extra: &[&str]| {
        let words = ["collection", "install", "-s", server.as_str(), "--token", "secret"];
        place.succeeds(&[&words[..], extra].concat())
    };
    let text = install(&["two.top"]);
    assert!(text.contains("two.top:0.1.0 was installed successfully"), "{text}");
    assert_eq!(
        place.installed(),
        json!({ "one.base": { "version": "1.2.0" }, "two.top": { "version": "0.1.0" } })
    );
    assert!(install(&["two.top"]).contains("Nothing to do."));
    // the newest release, none before a release
    install(&["one.base", "--upgrade"]);
    assert_eq!(place.installed()["one.base"]["version"], "2.0.0");
    install(&["one.base", "--upgrade", "--pre"]);
    assert_eq!(place.installed()["one.base"]["version"], "3.0.0-rc1");
    install(&["one.base:==1.0.0", "--force"]);
    assert_eq!(place.installed()["one.base"]["version"], "1.0.0");
    // what cannot be met together
    let words = ["collection", "install", "-s", &server, "one.base:>=2.0.0", "two.top", "--force"];
    let (code, text) = place.galaxy(&words);
    assert_eq!(code, 1);
    assert!(text.contains("Failed to resolve the requested dependencies map"), "{text}");
    let (code, text) = place.galaxy(&["collection", "install", "-s", &server, "nobody.there"]);
    assert_eq!(code, 1);
    assert!(text.contains("* nobody.there:* (direct request)"), "{text}");
    let asked = place.asked.lock().unwrap();
    assert!(asked.iter().any(|line| line.ends_with("Token secret")), "{asked:?}");
}

#[test]
fn what_is_installed_is_compared_with_the_server() {
    let place = Place::new();
    place.publish("one.base", "1.0.0", &json!({}));
    let server = place.url.clone();
    place.succeeds(&["collection", "install", "-s", &server, "one.base"]);
    let verify = ["collection", "verify", "-s", &server, "one.base"];
    let text = place.succeeds(&verify);
    assert!(text.contains("match the remote collection."), "{text}");
    let page = place.path(".ansible/collections/ansible_collections/one/base/README.md");
    fs::write(&page, "changed").unwrap();
    let (code, text) = place.galaxy(&verify);
    assert_eq!(code, 1);
    assert!(text.contains("modified content in the following files:\n    README.md"), "{text}");
    // a tarball that is not what the server promised
    place.pages.lock().unwrap().insert("/download/one-base-1.0.0.tar.gz".into(), b"x".to_vec());
    let words = ["collection", "install", "-s", &server, "one.base", "--force"];
    let (code, text) = place.galaxy(&words);
    assert_eq!(code, 1);
    assert!(text.contains("Mismatch artifact hash"), "{text}");
    assert!(page.exists(), "what was there is gone");
}

#[test]
fn roles_come_from_a_server_too() {
    let place = Place::new();
    place.succeeds(&["init", "web"]);
    pack(&place, "web");
    let body = fs::read(place.path("web.tar.gz")).unwrap();
    place.pages.lock().unwrap().insert("/web.tar.gz".to_owned(), body);
    place.page(
        "/api/v1/roles/?owner__username=me&name=web",
        &json!({ "results": [{ "id": 7, "github_user": "me", "github_repo": "web" }] }),
    );
    let row =
        |name: &str| json!({ "name": name, "download_url": format!("{}/web.tar.gz", place.url) });
    place.page(
        "/api/v1/roles/7/versions/?page_size=50",
        &json!({ "results": [row("1.9.0"), row("1.10.0")], "next_link": null }),
    );
    let text = place.succeeds(&["install", "-s", &place.url, "me.web"]);
    assert!(text.contains("- me.web (1.10.0) was installed successfully"), "{text}");
    assert!(place.succeeds(&["list"]).contains("- me.web, 1.10.0"));
    assert!(place.path(".ansible/roles/me.web/tasks/main.yml").is_file());
    let (code, text) = place.galaxy(&["install", "-s", &place.url, "me.other"]);
    assert_eq!(code, 1);
    assert!(text.contains("HTTP Code: 404"), "{text}");
}

fn pack(place: &Place, name: &str) {
    let done = Command::new("tar")
        .args(["czf", &format!("{name}.tar.gz"), name])
        .current_dir(place.folder.path())
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn a_tarball_is_published_and_its_import_awaited() {
    let place = Place::new();
    place.succeeds(&["collection", "init", "one.base"]);
    place.succeeds(&["collection", "build", "one/base"]);
    let file = "one-base-1.0.0.tar.gz";
    place.page(
        "/api/v3/artifacts/collections/",
        &json!({ "task": "/api/v3/imports/collections/7/" }),
    );
    let import = "/api/v3/imports/collections/7/";
    let said = json!([{ "level": "WARNING", "message": "no changelog" }]);
    place.page(import, &json!({ "state": "completed", "finished_at": "now", "messages": said }));
    let publish = ["collection", "publish", "-s", &place.url, "--token", "secret", file];
    let text = place.succeeds(&publish);
    assert!(text.contains("successfully published and imported"), "{text}");
    assert!(text.contains("Galaxy import warning message: no changelog"), "{text}");
    let sent = place.pages.lock().unwrap()["sent"].clone();
    let bytes = fs::read(place.path(file)).unwrap();
    assert!(sent.windows(bytes.len()).any(|part| part == bytes), "the tarball was not sent");
    let error = json!({ "code": "GW001", "description": "no" });
    place.page(import, &json!({ "state": "failed", "finished_at": "now", "error": error }));
    let (code, text) = place.galaxy(&publish);
    assert_eq!(code, 1);
    assert!(text.contains("Galaxy import process failed: no (Code: GW001)"), "{text}");
    let (code, text) = place.galaxy(&["collection", "publish", "-s", &place.url, file]);
    assert_eq!(code, 1);
    assert!(text.contains("No access token or username set."), "{text}");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let place = Place::new();
    for (words, told) in [
        (vec!["role", "setup", "github", "user", "repo", "x"], "`ansible-galaxy role setup`"),
        (vec!["collection", "install", "a.b", "--keyring", "k"], "`--keyring`"),
        (vec!["init", "--type", "apb", "x"], "`--type apb`"),
    ] {
        let (code, text) = place.galaxy(&words);
        assert_eq!(code, 5, "{words:?}: {text}");
        assert!(text.contains(&format!("{told} is not supported yet")), "{words:?}: {text}");
    }
    assert!(!Path::new(&place.path("x")).exists());
}
