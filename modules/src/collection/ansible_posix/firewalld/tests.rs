use serde_json::{Value as Json, json};

use super::Firewalld;
use crate::effect::{Effect, Output};
use crate::execute::Executed;
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::host::{Host, UnitState};
use crate::module::systemd_service::SystemdService;
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
        ("--query-service=nosuch", 1, "no"),
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

const PUBLIC: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <service name="ssh"/>
  <port port="161-162" protocol="udp"/>
  <port port="8081" protocol="tcp"/>
  <protocol value="ospf"/>
  <masquerade/>
  <forward-port port="443" protocol="tcp" to-port="8443"/>
  <forward-port port="444" protocol="tcp" to-port="8443" to-addr="10.0.0.9"/>
  <interface name="eth1"/>
  <source address="192.0.2.0/24"/>
  <source ipset="trusted"/>
  <rule family="ipv4"><service name="ftp"/><accept/></rule>
</zone>
"#;

/// A host with files, whose programs say nothing.
fn files() -> MemoryHost {
    let host = MemoryHost::new()
        .with_program("firewall-cmd")
        .with_program("firewall-offline-cmd")
        .with_program("busctl")
        .with_file("/etc/firewalld/firewalld.conf", "# x\nDefaultZone=public\nDefaultZone=work\n")
        .with_file("/usr/lib/firewalld/zones/public.xml", "<zone target=\"DROP\"/>")
        .with_file("/usr/lib/firewalld/zones/drop.xml", "<zone target=\"DROP\"/>")
        .with_file("/etc/firewalld/zones/public.xml", PUBLIC);
    let enabled = ["systemctl", "is-enabled", "firewalld"];
    let state = ["/usr/bin/firewall-cmd", "--state"];
    let host = host.with_output(&enabled, output(0, "enabled"));
    owned(host.with_output(&state, output(252, "")), "b false")
}

/// What `busctl` says of a method of firewalld or of the bus.
fn bus(host: MemoryHost, question: &str, answer: &str) -> MemoryHost {
    let words: Vec<&str> =
        ["/usr/bin/busctl", "--system", "call"].into_iter().chain(question.split(' ')).collect();
    host.with_output(&words, output(0, answer))
}

/// Whether firewalld runs.
fn owned(host: MemoryHost, answer: &str) -> MemoryHost {
    bus(
        host,
        "org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus NameHasOwner s \
         org.fedoraproject.FirewallD1",
        answer,
    )
}

/// Whether each is so was seen with the module of the collection on firewalld 1.3.
#[test]
fn files_tell_without_a_program() {
    let table = [
        (json!({"service": "ssh", "state": "enabled"}), false),
        (json!({"service": "https", "state": "enabled"}), true),
        (json!({"service": "nosuch", "state": "disabled"}), false),
        (json!({"port": "8081/tcp", "state": "enabled"}), false),
        (json!({"port": "8081/udp", "state": "enabled"}), true),
        (json!({"port": "161-162/udp", "state": "enabled"}), false),
        (json!({"port": "162/udp", "state": "enabled"}), false),
        (json!({"port": "162/udp", "state": "disabled"}), false),
        (json!({"port": "x/tcp", "state": "disabled"}), false),
        (json!({"protocol": "ospf", "state": "disabled"}), true),
        (json!({"masquerade": true, "state": "enabled"}), false),
        (json!({"masquerade": true, "state": "enabled", "zone": "drop"}), true),
        (json!({"forward": true, "state": "disabled"}), false),
        (json!({"icmp_block_inversion": true, "state": "enabled"}), true),
        (json!({"icmp_block": "echo-request", "state": "disabled"}), false),
        (json!({"interface": "eth1", "zone": "public", "state": "enabled"}), false),
        (json!({"source": "192.0.2.0/24", "state": "enabled"}), false),
        (json!({"source": "ipset:trusted", "state": "disabled"}), true),
        (forward(443, ""), false),
        (forward(444, ""), true),
        (forward(444, "10.0.0.9"), false),
        (json!({"target": "DROP", "zone": "drop", "state": "present"}), false),
        (json!({"target": "DROP", "zone": "public", "state": "present"}), true),
        (json!({"zone": "drop", "state": "present"}), false),
        (json!({"zone": "custom", "state": "present"}), true),
    ];
    for (arguments, changes) in table {
        let offline = json!({"permanent": true, "offline": true});
        let arguments = crate::recorded::with(&offline, &arguments);
        let ended = run(&mut files(), &arguments);
        let wanted = if changes { Status::Changed } else { Status::Ok };
        assert_eq!(ended.status, wanted, "{arguments}: {:?}", ended.returned);
    }
}

fn forward(port: u16, address: &str) -> Json {
    let forward = json!({"port": port, "proto": "tcp", "toport": 8443, "toaddr": address});
    json!({"port_forward": [forward], "state": "enabled"})
}

#[test]
fn what_runs_is_asked_over_the_bus() {
    let firewall = "org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \
                    org.fedoraproject.FirewallD1";
    let mut host = owned(files(), "b true");
    for (question, answer) in [
        (".zone getServices s work", "as 2 \"ssh\" \"dhcpv6-client\""),
        (".zone queryPort sss work 80 tcp", "b true"),
        (" getDefaultZone", "s \"work\""),
    ] {
        host = bus(host, &format!("{firewall}{question}"), answer);
    }
    for (arguments, status) in [
        (json!({"service": "ssh", "state": "enabled"}), Status::Ok),
        (json!({"service": "https", "state": "enabled"}), Status::Changed),
        (json!({"service": "nosuch", "state": "disabled"}), Status::Ok),
        (json!({"port": "80/tcp", "state": "enabled"}), Status::Ok),
    ] {
        assert_eq!(run(&mut host, &arguments).status, status, "{arguments}");
    }
}

/// What a dry run starts takes what the files say.
#[test]
fn a_dry_run_knows_what_it_started() {
    let inactive = [("ActiveState".to_owned(), "inactive".to_owned())].into();
    let mut host = RehearsalHost::new(files().with_program("systemctl").with_unit(
        "firewalld.service",
        UnitState { exists: true, properties: inactive, ..UnitState::default() },
    ));
    let started = crate::recorded::run::<SystemdService>(
        &mut host,
        &json!({"name": "firewalld", "state": "started"}),
    );
    assert_eq!(started.status, Status::Changed, "{:?}", started.returned);
    for (service, status) in
        [("ssh", Status::Ok), ("https", Status::Changed), ("https", Status::Ok)]
    {
        let arguments = json!({"service": service, "state": "enabled"});
        assert_eq!(run(&mut host, &arguments).status, status, "{service}");
    }
}

/// Both the run and the dry run hear of it before anything is done.
#[test]
fn services_that_are_none_are_refused() {
    let known = "/usr/lib/firewalld/services/https.xml";
    for (arguments, reason) in [
        (
            json!({"service": "nosuch", "state": "enabled", "permanent": true, "offline": true}),
            Some(
                "INVALID_SERVICE: Zone 'public': 'nosuch' not among existing services Permanent \
                 operation, Services are defined by port/tcp relationship and named as they are in \
                 /etc/services (on most systems)",
            ),
        ),
        (json!({"service": "https", "state": "enabled", "permanent": true, "offline": true}), None),
    ] {
        let mut rehearsal = RehearsalHost::new(host(false).with_file(known, ""));
        for host in [&mut host(false).with_file(known, "") as &mut dyn Host, &mut rehearsal] {
            let ended = run(host, &arguments);
            match reason {
                Some(reason) => {
                    let told = format!("ERROR: Exception caught: {reason}");
                    assert_eq!(ended.returned["msg"], told, "{arguments}");
                }
                None => assert_eq!(ended.status, Status::Changed, "{:?}", ended.returned),
            }
        }
    }
}
