use serde_json::{Value as Json, json};

use super::Ufw;
use crate::effect::{Effect, Output};
use crate::execute::Executed;
use crate::host::Host;
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::wire::Status;

const SSH: &str = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in";
const WEB: &str = "### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in";
const STATUS: &str = "Status: active\nLogging: on (low)\nDefault: deny (incoming), allow \
    (outgoing), disabled (routed)\nNew profiles: skip\n";

const ENDS: [&str; 5] = ["from", "any", "to", "any", "port"];

fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
    crate::recorded::run::<Ufw>(host, arguments)
}

fn host(status: &str) -> MemoryHost {
    let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
    let ufw = "/usr/bin/ufw";
    let rule = |before: &[&'static str], after: &[&'static str]| {
        let words = before.iter().chain(&ENDS).chain(after).copied();
        [ufw, "--dry-run"].into_iter().chain(words).collect::<Vec<_>>()
    };
    MemoryHost::new()
        .with_program("ufw")
        .with_output(&[ufw, "status", "verbose"], output(status))
        .with_file(
            "/etc/default/ufw",
            "DEFAULT_INPUT_POLICY=\"DROP\"\nDEFAULT_OUTPUT_POLICY=\"ACCEPT\"\n",
        )
        .with_file("/etc/ufw/user.rules", format!("*filter\n{SSH}\n-A x\n"))
        .with_output(
            &rule(&["allow"], &["22", "proto", "tcp"]),
            output("Skipping adding existing rule\nSkipping adding existing rule (v6)\n"),
        )
        .with_output(
            &rule(&["allow"], &["80", "proto", "tcp", "comment", "a b"]),
            output(&format!("*filter\n{SSH}\n-A x\n{WEB}\n-A y\n")),
        )
        .with_output(&rule(&["delete", "allow"], &["22"]), output("*filter\n"))
}

fn commands(host: &MemoryHost) -> Vec<String> {
    let settings = host.applied().iter().filter_map(|effect| match effect {
        Effect::Setting(change) => Some(change.commands[0].argv[1..].join(" ")),
        _ => None,
    });
    settings.collect()
}

#[test]
fn rules_policies_and_states_come_and_go() {
    let off = "Status: inactive\n";
    let table: &[(&str, Json, &[&str])] = &[
        (STATUS, json!({"state": "enabled"}), &[]),
        (off, json!({"state": "enabled"}), &["-f enable"]),
        (STATUS, json!({"state": "disabled"}), &["-f disable"]),
        (STATUS, json!({"default": "deny"}), &[]),
        (STATUS, json!({"default": "deny", "direction": "outgoing"}), &["default deny outgoing"]),
        (STATUS, json!({"logging": "on"}), &[]),
        (STATUS, json!({"logging": "low"}), &[]),
        (STATUS, json!({"logging": "off"}), &["logging off"]),
        (STATUS, json!({"logging": "full"}), &["logging full"]),
        (STATUS, json!({"rule": "allow", "port": 22, "proto": "tcp"}), &[]),
        (
            STATUS,
            json!({"rule": "allow", "port": 80, "proto": "tcp", "comment": "a b"}),
            &["allow from any to any port 80 proto tcp comment a b"],
        ),
        (
            STATUS,
            json!({"rule": "allow", "port": 22, "delete": true}),
            &["delete allow from any to any port 22"],
        ),
    ];
    for (status, arguments, expected) in table {
        let mut live = host(status);
        let ended = run(&mut live, arguments);
        assert_eq!(commands(&live), *expected, "{arguments}: {:?}", ended.returned);
        let mut rehearsal = RehearsalHost::new(host(status));
        let changed = run(&mut rehearsal, arguments).status == Status::Changed;
        assert_eq!(changed, !expected.is_empty(), "{arguments}");
        assert_eq!(run(&mut rehearsal, arguments).status, Status::Ok, "{arguments}");
    }
}

#[test]
fn the_diff_has_the_rules_that_come() {
    let arguments = json!({"rule": "allow", "port": 80, "proto": "tcp", "comment": "a b"});
    let ended = run(&mut host(STATUS), &arguments);
    let diff = ended.diffs.first().unwrap();
    assert_eq!((&diff.before, &diff.after), (&json!(""), &json!(format!("{WEB}\n"))));
}

#[test]
fn refusals_are_worded_as_the_collection_words_them() {
    for (arguments, message) in [
        (
            json!({"rule": "allow", "direction": "incoming"}),
            "For rules, direction must be one of \"in\" and \"out\", or direction must not be \
             specified.",
        ),
        (
            json!({"default": "allow", "direction": "in"}),
            "For default, direction must be one of \"outgoing\", \"incoming\" and \"routed\", or \
             direction must not be specified.",
        ),
        (
            json!({"rule": "allow", "interface_in": "a", "interface_out": "b"}),
            "Only route rules can combine interface_in and interface_out",
        ),
        (
            json!({"rule": "allow", "interface": "a"}),
            "missing parameter(s) required by 'interface': direction",
        ),
        (json!({}), "one of the following is required: state, default, rule, logging"),
    ] {
        assert_eq!(run(&mut host(STATUS), &arguments).returned["msg"], message, "{arguments}");
    }
}
