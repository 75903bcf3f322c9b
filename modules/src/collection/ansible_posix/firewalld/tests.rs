use serde_json::{Value as Json, json};

use super::Firewalld;
use crate::effect::{Effect, Output};
use crate::execute::Executed;
use crate::host::Host;
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::wire::Status;

fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
    crate::recorded::run::<Firewalld>(host, arguments)
}

fn output(status: i32, text: &str) -> Output {
    Output { status, stdout: format!("{text}\n").into(), ..Output::default() }
}

/// A host where the zone `public` has `ssh` and the port 80, now and for good.
fn host(running: bool) -> MemoryHost {
    let program = if running { "/usr/bin/firewall-cmd" } else { "/usr/bin/firewall-offline-cmd" };
    let mut host = MemoryHost::new()
        .with_program("firewall-cmd")
        .with_program("firewall-offline-cmd")
        .with_output(&["/usr/bin/firewall-cmd", "--state"], output(i32::from(!running) * 252, ""))
        .with_output(&[program, "--get-default-zone"], output(0, "public"));
    let answers = [
        ("--query-service=ssh", 0, "yes"),
        ("--query-service=https", 1, "no"),
        ("--query-port=80/tcp", 0, "yes"),
        ("--query-masquerade", 1, "no"),
        ("--query-forward-port=port=1:proto=tcp:toport=2", 1, "no"),
        ("--query-interface=eth0", 1, "no"),
        ("--get-target", 0, "default"),
    ];
    for (question, status, text) in answers {
        let for_good: &[&str] = if running { &["--permanent"] } else { &[] };
        for words in [&[][..], for_good] {
            let mut argv = vec![program];
            argv.extend(words);
            argv.extend(["--zone=public", question]);
            host = host.with_output(&argv, output(status, text));
        }
    }
    let zones: &[&str] =
        if running { &[program, "--permanent", "--get-zones"] } else { &[program, "--get-zones"] };
    host.with_output(zones, output(0, "block public work"))
}

#[test]
fn settings_come_and_go() {
    let both = "Permanent and Non-Permanent(immediate) operation";
    let table: &[(Json, &[&str], &str)] = &[
        (
            json!({"service": "https", "permanent": true, "immediate": true, "state": "enabled"}),
            &["--permanent --zone=public --add-service=https", "--zone=public --add-service=https"],
            &format!("{both}, Changed service https to enabled"),
        ),
        (
            json!({"service": "ssh", "permanent": true, "immediate": true, "state": "enabled"}),
            &[],
            both,
        ),
        (
            json!({"port": "80/tcp", "permanent": true, "state": "disabled"}),
            &["--permanent --zone=public --remove-port=80/tcp"],
            "Permanent operation, Changed port 80/tcp to disabled",
        ),
        (
            json!({"service": "https", "state": "enabled", "timeout": 60}),
            &["--zone=public --add-service=https --timeout=60"],
            "Non-permanent operation, Changed service https to enabled",
        ),
        (
            json!({"masquerade": true, "state": "enabled", "permanent": true}),
            &["--permanent --zone=public --add-masquerade"],
            "Permanent operation, Added masquerade to zone public",
        ),
        (
            json!({"masquerade": false, "state": "enabled", "permanent": true}),
            &[],
            "Permanent operation",
        ),
        (
            json!({"interface": "eth0", "zone": "public", "state": "enabled", "permanent": true}),
            &["--permanent --zone=public --change-interface=eth0"],
            "Permanent operation, Changed eth0 to zone public",
        ),
        (
            json!({"port_forward": [{"port": 1, "proto": "tcp", "toport": 2}], "state": "enabled"}),
            &["--zone=public --add-forward-port=port=1:proto=tcp:toport=2"],
            "Non-permanent operation, Changed port_forward \
             port=1:proto=tcp:toport=2:toaddr= to enabled",
        ),
        (
            json!({"target": "DROP", "zone": "public", "state": "present", "permanent": true}),
            &["--permanent --zone=public --set-target=DROP"],
            "Permanent operation, Set zone public target to DROP",
        ),
        (
            json!({"zone": "dmz2", "state": "present", "permanent": true}),
            &["--permanent --new-zone=dmz2"],
            "Permanent operation, Added zone dmz2, Changed zone dmz2 to present",
        ),
        (
            json!({"zone": "work", "state": "present", "permanent": true}),
            &[],
            "Permanent operation",
        ),
    ];
    for (arguments, commands, message) in table {
        let mut live = host(true);
        let ended = run(&mut live, arguments);
        assert_eq!(ended.returned["msg"], *message, "{arguments}");
        let ran: Vec<String> = live
            .applied()
            .iter()
            .filter_map(|effect| match effect {
                Effect::Setting(change) => Some(change.commands[0].argv[1..].join(" ")),
                _ => None,
            })
            .collect();
        assert_eq!(ran, *commands, "{arguments}");
        let mut rehearsal = RehearsalHost::new(host(true));
        let changed = run(&mut rehearsal, arguments).status == Status::Changed;
        assert_eq!(changed, !commands.is_empty(), "{arguments}");
        assert_eq!(run(&mut rehearsal, arguments).status, Status::Ok, "{arguments}");
    }
}

#[test]
fn where_it_does_not_run_files_are_set() {
    let mut live = host(false);
    let ended = run(
        &mut live,
        &json!({"service": "https", "permanent": true, "immediate": true, "offline": true,
                "state": "enabled"}),
    );
    assert_eq!(
        ended.returned["msg"],
        "Permanent operation, Changed service https to enabled, (offline operation: only on-disk \
         configs were altered)"
    );
}

#[test]
fn refusals_are_worded_as_the_collection_words_them() {
    for (running, arguments, message) in [
        (
            false,
            json!({"service": "https", "state": "enabled"}),
            "firewall is not currently running, unable to perform immediate actions without a \
             running firewall daemon",
        ),
        (
            true,
            json!({"service": "https", "state": "enabled", "offline": true}),
            "offline cannot be enabled unless permanent changes are allowed",
        ),
        (
            true,
            json!({"port": "80", "state": "enabled"}),
            "improper port format (missing protocol?)",
        ),
        (
            true,
            json!({"port": "80/tcp", "state": "present"}),
            "absent and present state can only be used in zone level operations",
        ),
        (
            true,
            json!({"zone": "x", "state": "present"}),
            "Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to \
             'false' or the 'immediate' flag to 'true'.",
        ),
        (
            true,
            json!({"interface": "eth0", "state": "enabled"}),
            "missing parameter(s) required by 'interface': zone",
        ),
    ] {
        assert_eq!(run(&mut host(running), &arguments).returned["msg"], message, "{arguments}");
    }
}
