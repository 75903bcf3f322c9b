use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::super::{Overlay, PackageContents, RehearsalHost};
use super::{has_login, keys_of};
use crate::contract::{Module as _, Planned};
use crate::effect::{Attributes, Content, Effect, WriteFile};
use crate::host::live::{Interrupt, LiveHost};
use crate::host::{Follow, Host as _, sha256};
use crate::module::apt::Apt;
use crate::params::Params as _;

#[test]
fn keys_and_logins_of_sources_are_found() {
    let cases: &[(&str, &[&str], bool)] = &[
        ("deb http://a.example/x stable main\n", &[], false),
        ("deb [arch=amd64 signed-by=/k/a.asc] https://a.example/x ./\n", &["/k/a.asc"], false),
        (
            "Types: deb\nURIs: https://u:p@a.example\nSigned-By: /k/a.gpg /k/b.gpg\n",
            &["/k/a.gpg", "/k/b.gpg"],
            true,
        ),
        ("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n", &[], false),
        (
            "deb [signed-by=/k/a.gpg,/k/b.gpg] http://a.example/a@b ./\n",
            &["/k/a.gpg", "/k/b.gpg"],
            false,
        ),
    ];
    for (text, keys, login) in cases {
        assert_eq!(keys_of(text), *keys, "{text}");
        assert_eq!(has_login(text), *login, "{text}");
    }
}

/// A repository of one package in a folder.
fn repository(folder: &Path) -> std::io::Result<bool> {
    let tree = folder.join("tree");
    std::fs::create_dir_all(tree.join("DEBIAN"))?;
    std::fs::create_dir_all(tree.join("etc/sample"))?;
    std::fs::write(tree.join("etc/sample/sample.conf"), "answer = 42\n")?;
    let control = "Package: canvass-sample\nVersion: 1.0\nArchitecture: all\n\
        Maintainer: nobody <nobody@example.org>\nDescription: a sample\n";
    std::fs::write(tree.join("DEBIAN/control"), control)?;
    let archive = folder.join("sample.deb");
    let mut build = std::process::Command::new("dpkg-deb");
    build.args(["--root-owner-group", "--build"]).args([&tree, &archive]);
    match build.output() {
        Ok(built) if built.status.success() => {}
        _ => return Ok(false),
    }
    let bytes = std::fs::read(&archive)?;
    let (size, digest) = (bytes.len(), sha256(&bytes));
    let entry = format!("{control}Filename: ./sample.deb\nSize: {size}\nSHA256: {digest}\n");
    std::fs::write(folder.join("Packages"), entry)?;
    Ok(true)
}

fn apply(host: &mut RehearsalHost<LiveHost>, effect: Effect) {
    host.apply(&Planned { effect, reason: String::new() }).unwrap();
}

#[test]
fn a_repository_of_the_play_makes_its_packages_known() {
    let folder = tempfile::tempdir().unwrap();
    let apt = Path::new("/etc/apt").is_dir() && Path::new("/usr/bin/apt-get").exists();
    if !apt || !repository(folder.path()).unwrap() {
        let _ = writeln!(std::io::stderr(), "skipped: this is no Debian");
        return;
    }
    let interrupt = Arc::new(Interrupt::new());
    let live = LiveHost::new(interrupt.clone());
    let mut host = RehearsalHost::with_overlay(live, Overlay::default(), PackageContents::Fetch);
    let parts = PathBuf::from("/etc/apt/sources.list.d");
    for path in [PathBuf::from("/etc/apt/sources.list"), parts.clone()] {
        if host.stat(&path, Follow::No).unwrap().is_some() {
            apply(&mut host, Effect::Remove { path });
        }
    }
    apply(&mut host, Effect::MakeDirectory { path: parts.clone(), mode: None });
    let source = format!("deb [trusted=yes] file:{} ./\n", folder.path().display());
    apply(
        &mut host,
        Effect::WriteFile(WriteFile {
            path: parts.join("canvass-sample.list"),
            content: Content::Bytes(source.into_bytes()),
            attributes: Attributes::default(),
            validate: None,
            backup: false,
            unsafe_writes: false,
        }),
    );
    let arguments = json!({"name": "canvass-sample", "update_cache": true});
    let params =
        <Apt as crate::contract::Module>::Params::parse("apt", arguments.as_object().unwrap());
    let params = params.unwrap();
    let observed = Apt::observe(&params, &mut host).unwrap();
    let plan = Apt::plan(&params, &observed).unwrap();
    let [refresh, Planned { effect: Effect::Packages(change), .. }] = plan.effects.as_slice()
    else {
        panic!("{:?}", plan.effects);
    };
    assert_eq!(change.install.len(), 1);
    assert_eq!(change.install[0].to.as_deref(), Some("1.0"));
    for planned in [refresh.clone(), plan.effects[1].clone()] {
        host.apply(&planned).unwrap();
    }
    assert_eq!(host.package("apt", "canvass-sample").unwrap().as_deref(), Some("1.0"));
    assert_eq!(host.read(Path::new("/etc/sample/sample.conf")).unwrap(), b"answer = 42\n");
    let lists = host.overlay.lists.clone().unwrap().directory;
    assert!(lists.is_dir());
    interrupt.end_everything();
    assert!(!lists.exists());
    assert!(!parts.join("canvass-sample.list").exists());
}
