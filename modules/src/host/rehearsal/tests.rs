use std::path::{Path, PathBuf};

use super::*;
use crate::effect::{
    AccountAction, Attributes, Content, GroupChange, PackageChange, PackageStep, UnitAction,
    UnitChange, UserChange, WriteFile,
};
use crate::host::PACKAGE_LISTS;
use crate::host::memory::MemoryHost;

type Rehearsal = RehearsalHost<MemoryHost>;

fn start() -> Rehearsal {
    RehearsalHost::new(
        MemoryHost::new()
            .with_file("/etc/motd", "hello\n")
            .with_file("/etc/app/old.conf", "old")
            .with_directory("/run")
            .with_link("/var/run", "/run")
            .with_program("cat"),
    )
}

fn apply(host: &mut Rehearsal, effect: Effect) -> Applied {
    host.apply(&Planned { effect, reason: String::new() }).unwrap()
}

fn write(path: &str, content: &str) -> Effect {
    Effect::WriteFile(WriteFile {
        path: PathBuf::from(path),
        content: Content::Bytes(content.into()),
        attributes: Attributes::default(),
        validate: None,
        backup: false,
        unsafe_writes: false,
    })
}

fn directory(path: &str) -> Effect {
    Effect::MakeDirectory { path: path.into(), mode: None }
}

fn user(name: &str) -> UserChange {
    UserChange { name: name.to_owned(), ..UserChange::default() }
}

fn install(name: &str) -> Effect {
    Effect::Packages(PackageChange {
        manager: "apt".to_owned(),
        command: Command::default(),
        install: vec![PackageStep { name: name.to_owned(), from: None, to: Some("1".to_owned()) }],
        remove: Vec::new(),
    })
}

fn kind(host: &mut Rehearsal, path: &str) -> Option<FileKind> {
    host.stat(Path::new(path), Follow::Yes).unwrap().map(|stat| stat.kind)
}

fn text(host: &mut Rehearsal, path: &str) -> String {
    String::from_utf8(host.read(Path::new(path)).unwrap()).unwrap()
}

fn is_unknown<T: std::fmt::Debug>(answer: Result<T, HostError>) -> bool {
    match answer {
        Err(HostError::Unknown(reason)) => {
            assert_eq!(reason, "package `web` would be installed first");
            true
        }
        _ => false,
    }
}

#[test]
fn a_written_file_is_read_again_and_the_host_keeps_its_own() {
    let mut host = start();
    apply(&mut host, write("/etc/motd", "bye\n"));
    assert_eq!(text(&mut host, "/etc/motd"), "bye\n");
    assert_eq!(
        host.digest(Path::new("/etc/motd"), DigestAlgorithm::Md5).unwrap(),
        "91fc14ad02afd60985bb8165bda320a6"
    );
    assert_eq!(host.base_mut().read(Path::new("/etc/motd")).unwrap(), b"hello\n");
}

#[test]
fn a_file_in_a_new_directory_of_a_new_user() {
    let mut host = start();
    apply(&mut host, Effect::User(UserChange { creates_home: true, ..user("ann") }));
    apply(&mut host, directory("/home/ann/site"));
    apply(&mut host, write("/home/ann/site/index", "x"));
    let owner = Principal { name: Some("ann".to_owned()), id: None };
    let attributes =
        Attributes { owner: Some(owner.clone()), mode: Some(0o640), ..Attributes::default() };
    apply(&mut host, Effect::SetAttributes { path: "/home/ann/site/index".into(), attributes });
    let stat = host.stat(Path::new("/home/ann/site/index"), Follow::No).unwrap().unwrap();
    assert_eq!((stat.owner, stat.mode), (owner.clone(), 0o640));
    let home = host.stat(Path::new("/home/ann"), Follow::No).unwrap().unwrap();
    assert!(home.owner.is(&owner));
    let group = host.group(&AccountKey::Name("ann".to_owned())).unwrap();
    assert!(group.is_some(), "useradd makes a group of the user's own");
}

#[test]
fn an_owner_that_nobody_makes_is_refused() {
    let mut host = start();
    let owner = Principal { name: Some("nobody-here".to_owned()), id: None };
    let attributes = Attributes { owner: Some(owner), ..Attributes::default() };
    let effect = Effect::SetAttributes { path: "/etc/motd".into(), attributes };
    let refused = host.apply(&Planned { effect, reason: String::new() });
    assert!(matches!(refused, Err(HostError::NoSuchAccount { kind: "user", .. })));
}

#[test]
fn a_removed_directory_hides_its_children_also_when_it_comes_again() {
    let mut host = start();
    apply(&mut host, Effect::Remove { path: "/etc/app".into() });
    assert_eq!(kind(&mut host, "/etc/app/old.conf"), None);
    assert!(!host.list(Path::new("/etc")).unwrap().contains(&"app".to_owned()));
    apply(&mut host, directory("/etc/app"));
    assert_eq!(kind(&mut host, "/etc/app/old.conf"), None);
    assert_eq!(host.list(Path::new("/etc/app")).unwrap(), Vec::<String>::new());
    apply(&mut host, write("/etc/app/new.conf", ""));
    assert_eq!(host.list(Path::new("/etc/app")).unwrap(), ["new.conf"]);
}

#[test]
fn links_are_followed_through_host_and_overlay() {
    let mut host = start();
    apply(&mut host, write("/var/run/a.pid", "1"));
    assert_eq!(text(&mut host, "/run/a.pid"), "1");
    apply(&mut host, Effect::MakeSymlink { path: "/srv".into(), target: "etc/app".into() });
    assert_eq!(text(&mut host, "/srv/old.conf"), "old");
    apply(&mut host, write("/srv/new.conf", "new"));
    assert_eq!(text(&mut host, "/etc/app/../app/new.conf"), "new");
    assert_eq!(host.stat(Path::new("/srv"), Follow::No).unwrap().unwrap().kind, FileKind::Link);
    apply(&mut host, Effect::MakeSymlink { path: "/loop".into(), target: "/loop".into() });
    // as on a real host
    assert!(matches!(host.stat(Path::new("/loop"), Follow::Yes), Ok(None)));
    assert!(matches!(host.read(Path::new("/loop")), Err(HostError::Io { .. })));
}

#[test]
fn a_directory_that_only_changes_keeps_what_is_below() {
    let mut host = start();
    let attributes = Attributes { mode: Some(0o700), ..Attributes::default() };
    apply(&mut host, Effect::SetAttributes { path: "/etc/app".into(), attributes });
    assert_eq!(text(&mut host, "/etc/app/old.conf"), "old");
    assert_eq!(host.list(Path::new("/etc/app")).unwrap(), ["old.conf"]);
}

#[test]
fn effects_that_could_not_happen_fail_as_they_would() {
    let copy = Effect::CopyFile { from: "/none".into(), to: "/etc/x".into() };
    let cases = [
        write("/no/such/place", ""),
        write("/etc/app", ""),
        write("/etc/motd/below", ""),
        directory("/etc/app"),
        directory("/no/such"),
        copy,
        Effect::SetTimes { path: "/none".into(), accessed: None, modified: None, present: false },
    ];
    for effect in cases {
        let planned = Planned { effect, reason: String::new() };
        let applied = start().apply(&planned);
        assert!(matches!(applied, Err(HostError::Io { .. })), "{planned:?}: {applied:?}");
    }
}

#[test]
fn accounts_change_and_go() {
    let mut host = start();
    let group = GroupChange { name: "web".to_owned(), gid: Some(70), ..GroupChange::default() };
    apply(&mut host, Effect::Group(group));
    let ann = UserChange {
        uid: Some(1000),
        group: Some("web".to_owned()),
        groups: Some(vec!["root".to_owned()]),
        ..user("ann")
    };
    apply(&mut host, Effect::User(ann));
    let found = host.user(&AccountKey::Id(1000)).unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.gid), ("ann", Some(70)));
    let root = host.group(&AccountKey::Name("root".to_owned())).unwrap().unwrap();
    assert_eq!(root.members, ["ann"]);
    let shell = UserChange {
        action: AccountAction::Modify,
        shell: Some("/bin/zsh".to_owned()),
        ..user("ann")
    };
    apply(&mut host, Effect::User(shell));
    let found = host.user(&AccountKey::Name("ann".to_owned())).unwrap().unwrap();
    assert_eq!((found.shell.as_str(), found.uid), ("/bin/zsh", Some(1000)));
    apply(&mut host, Effect::User(UserChange { action: AccountAction::Remove, ..user("ann") }));
    assert_eq!(host.user(&AccountKey::Id(1000)).unwrap(), None);
    let root = host.group(&AccountKey::Name("root".to_owned())).unwrap().unwrap();
    assert_eq!(root.members, Vec::<String>::new());
}

#[test]
fn a_unit_comes_with_its_file() {
    let mut host = start();
    assert!(!host.unit("web").unwrap().exists);
    apply(&mut host, directory("/etc/systemd"));
    apply(&mut host, directory("/etc/systemd/system"));
    apply(&mut host, write("/etc/systemd/system/web.service", "[Service]\n[Install]\n"));
    let state = host.unit("web").unwrap();
    assert!(state.exists && !state.active);
    assert_eq!(state.enablement, "disabled");
    for action in [UnitAction::Enable, UnitAction::Start] {
        let name = "web.service".to_owned();
        apply(&mut host, Effect::Unit(UnitChange { name, action, command: Command::default() }));
    }
    let state = host.unit("web.service").unwrap();
    assert!(state.active);
    assert_eq!(state.enablement, "enabled");
    assert_eq!(state.properties["ActiveState"], "active");
    apply(&mut host, write("/etc/systemd/system/w@.service", "[Service]\n"));
    assert_eq!(host.unit("w@1").unwrap().enablement, "static");
}

#[test]
fn a_pending_package_makes_what_is_missing_unknown_and_nothing_else() {
    let mut host = start();
    apply(&mut host, install("web"));
    assert_eq!(host.package("apt", "web:amd64").unwrap().as_deref(), Some("1"));
    assert!(is_unknown(host.stat(Path::new("/etc/web/web.conf"), Follow::Yes)));
    assert!(is_unknown(host.unit("web")));
    assert!(is_unknown(host.user(&AccountKey::Name("web".to_owned()))));
    assert!(is_unknown(host.group(&AccountKey::Name("web".to_owned()))));
    assert!(is_unknown(host.find_program("webctl")));
    assert!(is_unknown(host.query(&Command::new(["webctl", "status"]))));
    assert_eq!(text(&mut host, "/etc/motd"), "hello\n");
    assert_eq!(kind(&mut host, "/srv/web"), None, "packages do not put files there");
    assert!(host.find_program("cat").unwrap().is_some());
}

#[test]
fn a_command_is_unknown_and_so_are_ports_after_it() {
    let mut host = start();
    let second = Duration::from_secs(1);
    assert!(!host.connects("127.0.0.1", 80, second).unwrap());
    let applied = apply(&mut host, Effect::Run(Command::new(["make", "install"])));
    assert_eq!(applied, Applied::Unknown("command `make` is not run in a dry run".to_owned()));
    assert!(matches!(host.connects("127.0.0.1", 80, second), Err(HostError::Unknown(_))));
}

#[test]
fn waiting_only_puts_the_clock_forward() {
    let mut host = start();
    let before = host.now();
    host.sleep(Duration::from_millis(300_500));
    let after = host.now();
    assert_eq!(after.seconds - before.seconds, 300);
    assert_eq!(after.nanoseconds, 500_000_000);
}

#[test]
fn what_was_rehearsed_elsewhere_is_replayed() {
    let mut host = start();
    host.replay(&[directory("/srv"), write("/srv/a", "x"), write("/no/such/place", "")]);
    let mut later =
        RehearsalHost::with_overlay(MemoryHost::new(), host.into_overlay(), PackageContents::Leave);
    assert_eq!(text(&mut later, "/srv/a"), "x");
}

/// A package of our own, and an `apt-get` that hands it out.
const PACKAGE: &str = r#"
set -e
mkdir -p tree/DEBIAN tree/etc/webd tree/var/cache/webd/sub tree/lib/systemd/system tree/usr/bin bin
printf 'Package: webd\nVersion: 1\nArchitecture: all\nMaintainer: M <m@example.org>\nDescription: d\n' > tree/DEBIAN/control
echo /etc/webd/webd.conf > tree/DEBIAN/conffiles
cat > tree/DEBIAN/postinst <<'END'
#!/bin/sh
adduser --system --group --home /var/lib/webd webd
ln -s /etc/webd/webd.conf /etc/webd/enabled.conf
chgrp 4711 /etc/webd/webd.conf*
chmod o+r /etc/webd/webd.conf
install -d -m 2750 /var/lib/webd
CACHE=`webd-ask /var/cache/webd /usr / `
chown webd $CACHE
touch /etc/webd/made-by-script
deb-systemd-helper --quiet was-enabled 'webd.service'
OWNER=webd-log; adduser --system "$OWNER"
END
chmod 755 tree/DEBIAN/postinst
printf 'port = 80\n' > tree/etc/webd/webd.conf
printf '[Service]\nExecStart=/usr/bin/webd\n[Install]\n' > tree/lib/systemd/system/webd.service
printf '#!/bin/sh\n' > tree/usr/bin/webd
chmod 755 tree/usr/bin/webd
chmod 640 tree/etc/webd/webd.conf
dpkg-deb --root-owner-group -b tree webd_1_all.deb > /dev/null
cat > bin/apt-get <<END
#!/bin/sh
for last; do :; done
case "\$*" in
  *webd=1*--print-uris) echo "'http://x/webd_1_all.deb' webd_1_all.deb 1000 SHA256:x";;
  *webd=1*) cp "$PWD/webd_1_all.deb" .;;
  *) exit 100;;
esac
END
chmod 755 bin/apt-get
"#;

fn with_packages(place: &Path) -> RehearsalHost<crate::host::live::LiveHost> {
    use crate::host::live::{Interrupt, LiveHost, NoSources};
    let made =
        std::process::Command::new("sh").args(["-c", PACKAGE]).current_dir(place).status().unwrap();
    assert!(made.success());
    let path = format!("{}/bin:{}", place.display(), std::env::var("PATH").unwrap());
    let mut live = LiveHost::new(Arc::new(Interrupt::new()));
    live.begin([("PATH".to_owned(), path)].into(), Box::new(NoSources));
    RehearsalHost::with_overlay(live, Overlay::default(), PackageContents::Fetch)
}

#[test]
fn what_a_package_brings_is_there_after_its_install() {
    let place = tempfile::tempdir().unwrap();
    let mut host = with_packages(place.path());
    assert_eq!(host.find_program("webd").unwrap(), None);
    host.apply(&Planned { effect: install("webd"), reason: String::new() }).unwrap();
    assert_eq!(host.read(Path::new("/etc/webd/webd.conf")).unwrap(), b"port = 80\n");
    let stat = host.stat(Path::new("/etc/webd/enabled.conf"), Follow::Yes).unwrap().unwrap();
    assert_eq!((stat.mode, stat.owner.id, stat.group.id), (0o644, Some(0), Some(4711)));
    let stat = host.stat(Path::new("/var/lib/webd"), Follow::Yes).unwrap().unwrap();
    assert_eq!(stat.mode, 0o2750);
    let given_away = host.stat(Path::new("/var/cache/webd"), Follow::Yes);
    assert!(matches!(given_away, Err(HostError::Unknown(reason)) if reason.contains("`webd`")));
    assert!(host.stat(Path::new("/usr"), Follow::Yes).unwrap().is_some(), "it was there before");
    assert!(host.stat(Path::new("/var/cache/webd/sub"), Follow::Yes).unwrap().is_some());
    assert!(host.find_program("webd").unwrap().is_some());
    assert!(matches!(host.query(&Command::new(["webd", "-t"])), Err(HostError::Unknown(_))));
    let name = |name: &str| AccountKey::Name(name.to_owned());
    assert!(host.user(&name("webd")).unwrap().is_some());
    assert!(matches!(host.user(&name("webd-log")), Err(HostError::Unknown(_))), "by a variable");
    assert_eq!(host.user(&name("no-such-user")).unwrap(), None);
    assert_eq!(host.stat(Path::new("/etc/webd/conf.d"), Follow::Yes).unwrap(), None);
    let mentioned = host.stat(Path::new("/etc/webd/made-by-script"), Follow::Yes);
    assert!(matches!(mentioned, Err(HostError::Unknown(reason)) if reason.contains("`webd`")));
    host.base_mut()
        .begin(std::collections::BTreeMap::new(), Box::new(crate::host::live::NoSources));
    assert!(!Path::new("/etc/webd").exists(), "nothing was installed");
}

#[test]
fn a_package_that_cannot_be_fetched_stays_unknown() {
    let place = tempfile::tempdir().unwrap();
    let mut host = with_packages(place.path());
    host.apply(&Planned { effect: install("web"), reason: String::new() }).unwrap();
    assert!(is_unknown(host.stat(Path::new("/etc/web-of-nobody"), Follow::Yes)));
}

#[test]
fn what_is_not_fetched_stays_unknown() {
    let place = tempfile::tempdir().unwrap();
    let mut host = with_packages(place.path());
    host.contents = PackageContents::Leave;
    host.apply(&Planned { effect: install("webd"), reason: String::new() }).unwrap();
    let read = host.read(Path::new("/etc/webd/webd.conf"));
    assert!(matches!(read, Err(HostError::Unknown(reason)) if reason.contains("`webd`")));
}

#[test]
fn what_validates_a_file_is_asked_before() {
    use crate::host::live::{Interrupt, LiveHost, NoSources};
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("target").display().to_string();
    let mut live = LiveHost::new(Arc::new(Interrupt::new()));
    live.begin(std::collections::BTreeMap::new(), Box::new(NoSources));
    let mut host = RehearsalHost::new(live).foreseeing_validation();
    let mut validated = |validate: &str, content: &str| {
        let Effect::WriteFile(plain) = write(&target, content) else { unreachable!() };
        let effect = Effect::WriteFile(WriteFile { validate: Some(validate.to_owned()), ..plain });
        let applied = host.apply(&Planned { effect, reason: String::new() });
        (applied, host.take_doubts().len())
    };
    let (refused, _) = validated("grep -q good %s", "bad");
    assert!(matches!(refused, Err(HostError::Validation { output, .. }) if output.status == 1));
    assert!(matches!(validated("grep -q good %s", "good"), (Ok(Applied::Done), 0)));
    // what comes before it may be what it lacks
    assert!(matches!(validated("grep -q good %s", "bad"), (Ok(Applied::Unknown(_)), 0)));
    assert!(matches!(validated("no-such-program %s", "x"), (Ok(Applied::Done), 1)));
    let copy = place.path().join("copy").display().to_string();
    assert!(matches!(validated(&format!("cp %s {copy}"), "x"), (Ok(Applied::Done), 1)));
    assert!(!Path::new(&copy).exists(), "only what reads is run");
    host.validation = Validation::Leave;
    let Effect::WriteFile(plain) = write(&target, "bad") else { unreachable!() };
    let effect =
        Effect::WriteFile(WriteFile { validate: Some("grep good %s".to_owned()), ..plain });
    assert_eq!(apply_live(&mut host, effect), Applied::Done);
}

fn apply_live(host: &mut RehearsalHost<crate::host::live::LiveHost>, effect: Effect) -> Applied {
    host.apply(&Planned { effect, reason: String::new() }).unwrap()
}

#[test]
fn hard_links_share_what_they_are() {
    let mut host = start();
    let link = |path: &str, target: &str| Effect::MakeHardLink {
        path: path.into(),
        target: target.into(),
    };
    let mode = |path: &str, mode| Effect::SetAttributes {
        path: path.into(),
        attributes: Attributes { mode: Some(mode), ..Attributes::default() },
    };
    let seen = |host: &mut Rehearsal, path: &str| {
        let stat = host.stat(Path::new(path), Follow::No).unwrap().unwrap();
        (stat.mode, stat.links)
    };
    apply(&mut host, write("/etc/a", "one\n"));
    apply(&mut host, link("/etc/b", "/etc/a"));
    apply(&mut host, link("/etc/c", "/etc/b"));
    apply(&mut host, mode("/etc/b", 0o600));
    for name in ["/etc/a", "/etc/b", "/etc/c"] {
        assert_eq!(seen(&mut host, name), (0o600, 3), "{name}");
    }
    // a file that is written is a new one
    apply(&mut host, write("/etc/c", "two\n"));
    apply(&mut host, mode("/etc/c", 0o640));
    assert_eq!(seen(&mut host, "/etc/a"), (0o600, 2));
    assert_eq!(seen(&mut host, "/etc/c"), (0o640, 1));
    apply(&mut host, Effect::Remove { path: "/etc/b".into() });
    assert_eq!(seen(&mut host, "/etc/a"), (0o600, 1));
    assert_eq!(text(&mut host, "/etc/a"), "one\n");
}

#[test]
fn fetched_lists_are_remembered() {
    let mut host = start();
    assert!(host.rehearsed(PACKAGE_LISTS, "apt").is_none());
    apply(&mut host, Effect::RefreshPackageLists { manager: "apt".to_owned() });
    assert!(host.rehearsed(PACKAGE_LISTS, "apt").is_some());
    assert!(host.rehearsed(PACKAGE_LISTS, "dnf").is_none());
}

#[test]
fn settings_are_known_and_filled_directories_are_not() {
    let mut host = start();
    let change = crate::effect::SettingChange {
        kind: "git".to_owned(),
        name: "/srv/app".to_owned(),
        after: Some("abc".into()),
        fills: vec![PathBuf::from("/srv/app")],
        ..crate::effect::SettingChange::default()
    };
    assert_eq!(host.rehearsed("git", "/srv/app"), None);
    apply(&mut host, Effect::Setting(change.clone()));
    let kept = host.rehearsed("git", "/srv/app").unwrap();
    assert_eq!(kept.value, Some("abc".into()));
    assert_eq!(kind(&mut host, "/srv/app"), Some(FileKind::Directory));
    let inside = host.stat(Path::new("/srv/app/README"), Follow::Yes);
    assert!(matches!(inside, Err(HostError::Unknown(_))), "{inside:?}");
    assert!(matches!(host.list(Path::new("/srv/app")), Err(HostError::Unknown(_))));
    // what a file there would replace is not known either
    let planned = Planned { effect: write("/srv/app/local.conf", "x"), reason: String::new() };
    assert!(matches!(host.apply(&planned), Err(HostError::Unknown(_))));
    let clears = Some("git".to_owned());
    let name = "other".to_owned();
    apply(&mut host, Effect::Setting(crate::effect::SettingChange { name, clears, ..change }));
    assert_eq!(host.rehearsed("git", "/srv/app"), None);
}
