use serde_json::{Value as Json, json};

use super::Alternatives;
use super::display::Known;
use crate::effect::{Effect, Output};
use crate::execute::Executed;
use crate::host::Host;
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::wire::Status;

/// As Debian 12 prints it.
const EDITOR: &str = "editor - auto mode
  link best version is /usr/bin/vim
  link currently points to /usr/bin/vim
  link editor is /usr/bin/editor
  slave editor.1.gz is /usr/share/man/man1/editor.1.gz
/bin/nano - priority 40
  slave editor.1.gz: /usr/share/man/man1/nano.1.gz
/usr/bin/vim - priority 50
";

/// As RHEL 9 prints it.
const JAVA: &str = "java - status is manual.
 link currently points to /opt/j8/bin/java
/opt/j8/bin/java - family j8 priority 8
 follower jre: /opt/j8
 follower man: (null)
/opt/j11/bin/java - family j11 priority 11
Current `best' version is /opt/j11/bin/java.
";

fn host() -> MemoryHost {
    let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
    let none = Output { status: 2, ..Output::default() };
    let program = "/usr/bin/update-alternatives";
    MemoryHost::new()
        .with_program("update-alternatives")
        .with_program("new")
        .with_output(&[program, "--display", "editor"], output(EDITOR))
        .with_output(&[program, "--display", "java"], output(JAVA))
        .with_output(&[program, "--display", "none"], none)
}

fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
    crate::recorded::run::<Alternatives>(host, arguments)
}

#[test]
fn alternatives_are_kept() {
    let table: &[(Json, &[&str], &str)] = &[
        (json!({"name": "editor", "path": "/usr/bin/vim"}), &[], ""),
        (
            json!({"name": "editor", "path": "/bin/nano"}),
            &["--set editor /bin/nano"],
            "Set alternative '/bin/nano' for 'editor'.",
        ),
        (json!({"name": "editor", "path": "/bin/nano", "state": "present"}), &[], ""),
        (json!({"name": "editor", "path": "/bin/nano", "state": "auto"}), &[], ""),
        (
            json!({"name": "editor", "path": "/usr/bin/new", "priority": 60, "state": "present"}),
            &["--install /usr/bin/editor editor /usr/bin/new 60"],
            "Install alternative '/usr/bin/new' for 'editor'.",
        ),
        (
            json!({"name": "none", "path": "/usr/bin/new", "link": "/usr/bin/x", "subcommands":
                [{"name": "s", "path": "/p", "link": "/l"}]}),
            &[
                "--install /usr/bin/x none /usr/bin/new 50 --slave /l s /p",
                "--set none /usr/bin/new",
            ],
            "Install alternative '/usr/bin/new' for 'none'. Set alternative '/usr/bin/new' for 'none'.",
        ),
        (
            json!({"name": "editor", "path": "/bin/nano", "state": "absent"}),
            &["--remove editor /bin/nano"],
            "Remove alternative '/bin/nano' from 'editor'.",
        ),
        (json!({"name": "none", "path": "/bin/nano", "state": "absent"}), &[], ""),
        (json!({"name": "java", "family": "j8"}), &[], ""),
        (
            json!({"name": "java", "family": "j11"}),
            &["--set java j11"],
            "Set alternative 'j11' for 'java'.",
        ),
        (
            json!({"name": "java", "path": "/opt/j8/bin/java", "state": "auto"}),
            &["--auto java"],
            "Set alternative to auto for 'java'.",
        ),
    ];
    for (arguments, expected, message) in table {
        let mut live = host();
        let ended = run(&mut live, arguments);
        let status = if expected.is_empty() { Status::Ok } else { Status::Changed };
        assert_eq!(ended.status, status, "{arguments}: {:?}", ended.returned);
        assert_eq!(ended.returned["msg"], *message);
        let ran: Vec<String> = live
            .applied()
            .iter()
            .flat_map(|effect| match effect {
                Effect::Setting(change) => change.commands.clone(),
                _ => Vec::new(),
            })
            .map(|command| command.argv.join(" ").replace("/usr/bin/update-alternatives ", ""))
            .collect();
        assert_eq!(ran, *expected, "{arguments}");
        let mut rehearsal = RehearsalHost::new(host());
        assert_eq!(run(&mut rehearsal, arguments).status, status, "{arguments}");
        assert_eq!(run(&mut rehearsal, arguments).status, Status::Ok, "{arguments}");
    }
}

#[test]
fn refusals_are_worded_as_the_collection_words_them() {
    for (arguments, message) in [
        (json!({"name": "editor", "path": "/no"}), "Specified path /no does not exist"),
        (
            json!({"name": "none", "path": "/usr/bin/new"}),
            "Needed to install the alternative, but unable to do so as we are missing the link",
        ),
        (json!({"name": "x"}), "one of the following is required: path, family"),
    ] {
        assert_eq!(run(&mut host(), &arguments).returned["msg"], message);
    }
}

#[test]
fn displays_are_read() {
    let known = Known::read(EDITOR, &[]);
    assert_eq!(
        (known.mode.as_deref(), known.link.as_deref()),
        (Some("auto"), Some("/usr/bin/editor"))
    );
    assert_eq!(known.alternatives[0].subcommands[0].link, "/usr/share/man/man1/editor.1.gz");
    let known = Known::read(JAVA, &[]);
    assert_eq!((known.mode.as_deref(), known.link), (Some("manual"), None));
    assert_eq!(known.alternatives[0].subcommands.len(), 1);
}
