//! `ansible.builtin.iptables`: one rule, chain or policy of the packet filter.
//!
//! Follows the module of ansible-core 2.19, through `iptables` and `ip6tables`. Check mode: full.
//! Diff: the rule, chain or policy.
//!
//! ```yaml
//! - name: Let the web in
//!   ansible.builtin.iptables:
//!     chain: INPUT
//!     protocol: tcp
//!     destination_ports: ["80", "443"]
//!     ctstate: [NEW]
//!     jump: ACCEPT
//!     comment: web
//! ```
//!
//! Returns `ip_version`, `table`, `chain`, `flush`, `rule`, `state`, `chain_management`, `wait`.

mod params;
mod rule;

use serde_json::Value as Json;

pub use params::{Params, State};

use self::params::{Action, IpVersion};
use super::program;
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Effect, Output, SettingChange};
use crate::host::{Host, HostError};

/// The module.
#[derive(Debug)]
pub struct Iptables;

/// What is known of the filter, for each version of IP.
#[derive(Debug)]
pub struct Observed {
    filters: Vec<Filter>,
}

#[derive(Debug)]
struct Filter {
    program: String,
    /// The value of `-w`, where the program knows it.
    wait: Option<String>,
    present: Found,
}

#[derive(Debug, Clone, PartialEq)]
enum Found {
    /// It is not asked for: all is flushed.
    Nothing,
    /// The policy of the chain.
    Policy(Option<String>),
    Chain(bool),
    Rule(bool),
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A log option with another target.
    #[error("Logging options can only be used with the LOG jump target.")]
    Log,
    /// The chain has no policy.
    #[error("Can't detect current policy")]
    Policy,
}

impl Module for Iptables {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let programs: &[&str] = match params.ip_version {
            IpVersion::Ipv4 => &["iptables"],
            IpVersion::Ipv6 => &["ip6tables"],
            IpVersion::Both => &["iptables", "ip6tables"],
        };
        let mut filters = Vec::new();
        for name in programs {
            let program = program::required(host, name)?;
            let wait = wait(params, &program, host)?;
            let mut filter = Filter { program, wait, present: Found::Nothing };
            filter.present = find(params, &filter, host)?;
            filters.push(filter);
        }
        Ok(Observed { filters })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let told = rule::words(params, false).join(" ");
        let mut plan = Plan::nothing();
        plan.set("ip_version", params.ip_version.word());
        plan.set("table", params.table.word());
        plan.set("chain", params.chain.clone());
        plan.set("flush", params.flush);
        plan.set("rule", told);
        plan.set("state", params.state.word());
        plan.set("chain_management", params.chain_management);
        plan.set("wait", params.wait.clone());
        let jumps_elsewhere = params.jump.as_deref().is_some_and(|jump| jump != "LOG");
        if rule::logs(params) && jumps_elsewhere {
            return Err(Stop::failed(Error::Log));
        }
        for filter in &observed.filters {
            decide(params, filter, &mut plan)?;
        }
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

/// The value of `-w`: programs before 1.4.20 do not know it, those before 1.6.0 take no seconds.
fn wait(params: &Params, program: &str, host: &mut dyn Host) -> Result<Option<String>, Stop> {
    let Some(wait) = params.wait.clone().filter(|wait| !wait.is_empty()) else { return Ok(None) };
    let output = program::query(host, [program, "--version"])?;
    if !output.success() {
        return Err(program::failure(&output));
    }
    let text = output.stdout_text();
    let version = text.split('v').nth(1).unwrap_or_default();
    let numbers: Vec<u32> = version
        .split(|character: char| !character.is_ascii_digit())
        .take(3)
        .map_while(|number| number.parse().ok())
        .collect();
    Ok((numbers.as_slice() >= [1, 6, 0].as_slice()).then_some(wait))
}

/// The words of a call.
fn call(params: &Params, filter: &Filter, action: &str, with_rule: bool) -> Vec<String> {
    let mut argv = vec![filter.program.clone(), "-t".to_owned(), params.table.word().to_owned()];
    argv.push(action.to_owned());
    argv.extend(params.chain.clone());
    if let ("-I", Some(number)) = (action, &params.rule_num) {
        argv.push(number.clone());
    }
    if let Some(wait) = &filter.wait {
        argv.extend(["-w".to_owned(), wait.clone()]);
    }
    if with_rule {
        argv.extend(rule::words(params, true));
    }
    argv
}

/// The kinds of settings: rules go with a flush of their chain, chains and policies stay.
fn rules_kind(params: &Params, filter: &Filter) -> String {
    let chain = params.chain.as_deref().unwrap_or("*");
    format!("{} {} {chain}", short(&filter.program), params.table.word())
}

fn short(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn find(params: &Params, filter: &Filter, host: &mut dyn Host) -> Result<Found, Stop> {
    let kind = rules_kind(params, filter);
    let list = |host: &mut dyn Host| {
        let mut argv = call(params, filter, "-L", false);
        argv.extend(params.numeric.then(|| "--numeric".to_owned()));
        program::query(host, argv)
    };
    if params.flush {
        return Ok(Found::Nothing);
    }
    if params.policy.is_some() {
        if let Some(kept) = host.rehearsed(&kind, "policy") {
            let policy = kept.value.and_then(|value| value.as_str().map(str::to_owned));
            return Ok(Found::Policy(policy));
        }
        let output = list(host)?;
        if !output.success() {
            return Err(program::failure(&output));
        }
        return Ok(Found::Policy(policy(&output.stdout_text())));
    }
    if rule::words(params, false).is_empty() {
        let present = match host.rehearsed(&kind, "chain") {
            Some(kept) => kept.value.is_some(),
            None => list(host)?.success(),
        };
        return Ok(Found::Chain(present));
    }
    let name = rule::words(params, true).join(" ");
    if let Some(kept) = host.rehearsed(&rule_kind(&kind), &name) {
        return Ok(Found::Rule(kept.value.is_some()));
    }
    let table = format!("{} {} *", short(&filter.program), params.table.word());
    if host.rehearsed(&kind, "flushed").or(host.rehearsed(&table, "flushed")).is_some() {
        return Ok(Found::Rule(false));
    }
    let output = program::query(host, call(params, filter, "-C", true))?;
    if !output.success() && params.state == State::Present {
        refuse_what_is_none(params, filter, output, host)?;
        return Ok(Found::Rule(false));
    }
    Ok(Found::Rule(output.success()))
}

/// What is wrong with a rule when it is looked for is wrong when it is added, too, of which a dry
/// run hears nothing else.
fn refuse_what_is_none(
    params: &Params,
    filter: &Filter,
    mut output: Output,
    host: &mut dyn Host,
) -> Result<(), Stop> {
    let chains = [&params.chain, &params.jump, &params.goto];
    let table = format!("{} {}", short(&filter.program), params.table.word());
    let foreseen = chains.into_iter().flatten().any(|chain| {
        host.rehearsed(&format!("{table} {chain}"), "chain")
            .is_some_and(|kept| kept.value.is_some())
    });
    if foreseen {
        return Ok(());
    }
    if output.stderr_text().contains("Bad rule") {
        // so iptables-nft says it of chains that are not there, too
        if params.chain.as_deref().is_none_or(|chain| CHAINS.contains(&chain)) {
            return Ok(());
        }
        output = program::query(host, call(params, filter, "-S", false))?;
        if output.success() {
            return Ok(());
        }
    }
    let argv = call(params, filter, added_by(params), true);
    let command = shell_words::join(&argv);
    Err(program::explain(HostError::CommandFailed { command, output: Box::new(output) }))
}

/// The chains that the tables have of their own.
const CHAINS: [&str; 5] = ["FORWARD", "INPUT", "OUTPUT", "POSTROUTING", "PREROUTING"];

/// The option that adds a rule.
fn added_by(params: &Params) -> &'static str {
    match params.action {
        Action::Insert => "-I",
        Action::Append => "-A",
    }
}

fn rule_kind(kind: &str) -> String {
    format!("{kind} rule")
}

/// The policy from the head of a chain's list.
fn policy(text: &str) -> Option<String> {
    let (_, rest) = text.lines().next()?.split_once("(policy ")?;
    let end = rest.find(|character: char| !character.is_ascii_uppercase()).unwrap_or(rest.len());
    rest.get(..end).filter(|word| !word.is_empty()).map(str::to_owned)
}

fn decide(params: &Params, filter: &Filter, plan: &mut Plan) -> Result<(), Stop> {
    let kind = rules_kind(params, filter);
    let there = Some(Json::from("present"));
    let base = SettingChange { kind: kind.clone(), ..SettingChange::default() };
    let (change, reason) = match &filter.present {
        Found::Nothing => {
            let command = call(params, filter, "-F", false);
            let change = SettingChange {
                name: "flushed".to_owned(),
                after: Some(Json::from("yes")),
                commands: vec![program::command(command)],
                clears: Some(rule_kind(&kind)),
                ..base
            };
            (change, "all rules go".to_owned())
        }
        Found::Policy(found) => {
            let Some(found) = found else { return Err(Stop::failed(Error::Policy)) };
            let Some(wanted) = params.policy.filter(|wanted| wanted.word() != found) else {
                return Ok(());
            };
            let mut command = call(params, filter, "-P", false);
            command.push(wanted.word().to_owned());
            let change = SettingChange {
                name: "policy".to_owned(),
                before: Some(Json::from(found.clone())),
                after: Some(Json::from(wanted.word())),
                commands: vec![program::command(command)],
                ..base
            };
            (change, format!("the policy is {found}"))
        }
        Found::Chain(present) => {
            let wanted = params.state == State::Present;
            if *present == wanted {
                return Ok(());
            }
            // without leave nothing happens, and still it counts as a change
            let action = if wanted { "-N" } else { "-X" };
            let command = program::command(call(params, filter, action, false));
            let change = SettingChange {
                name: "chain".to_owned(),
                before: there.clone().filter(|_| *present),
                after: if params.chain_management == wanted { there } else { None },
                commands: params.chain_management.then_some(command).into_iter().collect(),
                ..base
            };
            (change, if wanted { "there is no such chain" } else { "it is there" }.to_owned())
        }
        Found::Rule(present) => {
            let wanted = params.state == State::Present;
            if *present == wanted {
                return Ok(());
            }
            let action = if wanted { added_by(params) } else { "-D" };
            let change = SettingChange {
                kind: rule_kind(&kind),
                name: rule::words(params, true).join(" "),
                before: there.clone().filter(|_| *present),
                after: there.filter(|_| wanted),
                commands: vec![program::command(call(params, filter, action, true))],
                ..base
            };
            (change, if wanted { "there is no such rule" } else { "it is there" }.to_owned())
        }
    };
    plan.push(Effect::Setting(change), reason);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Iptables, Params, policy, rule};
    use crate::contract::{Module as _, Plan};
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn params(arguments: &Json) -> Params {
        Params::parse("iptables", arguments.as_object().unwrap()).unwrap()
    }

    fn commands(plan: &Plan) -> Vec<String> {
        let changes = plan.effects.iter().map(|planned| match &planned.effect {
            Effect::Setting(change) => change.commands.clone(),
            other => panic!("{other:?}"),
        });
        changes.flatten().map(|command| command.argv.join(" ")).collect()
    }

    #[test]
    fn rules_are_worded_as_ansible_words_them() {
        let table = [
            (
                json!({"chain": "INPUT", "protocol": "tcp", "destination_ports": ["80", "443:444"],
                       "jump": "ACCEPT", "comment": "web"}),
                "-p tcp -j ACCEPT -m multiport --dports 80,443:444 -m comment --comment web",
            ),
            (
                json!({"chain": "INPUT", "source": "!8.8.8.8", "ctstate": ["NEW", "RELATED"],
                       "limit": "2/second", "limit_burst": "20"}),
                "! -s 8.8.8.8 -m conntrack --ctstate NEW,RELATED -m limit --limit 2/second \
                 --limit-burst 20",
            ),
            (
                json!({"chain": "INPUT", "match": ["state"], "ctstate": ["NEW"], "syn": "negate",
                       "reject_with": "tcp-reset", "ip_version": "ipv6", "icmp_type": "x"}),
                "-m state ! --syn --state NEW -j REJECT --reject-with tcp-reset --icmpv6-type x",
            ),
            (
                json!({"chain": "INPUT", "tcp_flags": {"flags": ["ALL"], "flags_set": ["ACK", "RST"]},
                       "uid_owner": "!ann", "match_set": "admins", "match_set_flags": "src",
                       "src_range": "1.1.1.1-1.1.1.2"}),
                "--tcp-flags ALL ACK,RST -m iprange --src-range 1.1.1.1-1.1.1.2 -m set \
                 --match-set admins src -m owner ! --uid-owner ann",
            ),
        ];
        for (arguments, expected) in table {
            let words = rule::words(&params(&arguments), true).join(" ");
            assert_eq!(words, expected, "{arguments}");
        }
    }

    #[test]
    fn what_differs_is_changed_and_seen_after() {
        let failed = Output { status: 1, ..Output::default() };
        let list = "Chain INPUT (policy ACCEPT)\ntarget prot\n";
        let program = "/usr/bin/iptables";
        let mut host = MemoryHost::new()
            .with_program("iptables")
            .with_output(&[program, "-t", "filter", "-C", "X", "-j", "DROP"], failed.clone())
            .with_output(&[program, "-t", "filter", "-L", "X"], failed)
            .with_output(
                &[program, "-t", "filter", "-L", "INPUT"],
                Output { stdout: list.into(), ..Output::default() },
            );
        let table: &[(Json, &[&str])] = &[
            (json!({"chain": "X", "chain_management": true}), &["-N X"]),
            (json!({"chain": "X", "chain_management": true}), &[]),
            (json!({"chain": "X", "jump": "DROP"}), &["-A X -j DROP"]),
            (json!({"chain": "X", "jump": "DROP"}), &[]),
            (json!({"chain": "X", "flush": true}), &["-F X"]),
            (
                json!({"chain": "X", "jump": "DROP", "action": "insert", "rule_num": "2"}),
                &["-I X 2 -j DROP"],
            ),
            (json!({"chain": "X", "jump": "DROP", "state": "absent"}), &["-D X -j DROP"]),
            (json!({"chain": "INPUT", "policy": "ACCEPT"}), &[]),
            (json!({"chain": "INPUT", "policy": "DROP"}), &["-P INPUT DROP"]),
        ];
        for (arguments, expected) in table {
            let given = params(arguments);
            let observed = Iptables::observe(&given, &mut host).unwrap();
            let plan = Iptables::plan(&given, &observed).unwrap();
            let expected: Vec<String> =
                expected.iter().map(|words| format!("{program} -t filter {words}")).collect();
            assert_eq!(commands(&plan), expected, "{arguments}");
            for planned in &plan.effects {
                crate::host::Host::apply(&mut host, planned).unwrap();
            }
        }
    }

    #[test]
    fn rules_that_are_none_are_refused_before_they_are_added() {
        let program = "/usr/bin/iptables";
        let says = |status, text: &str| Output { status, stderr: text.into(), ..Output::default() };
        let asked = |rule: &[&'static str]| [&[program, "-t", "filter", "-C", "X"], rule].concat();
        let host = || {
            MemoryHost::new()
                .with_program("iptables")
                .with_output(&asked(&["-j", "DROP"]), says(1, "iptables: No chain/target/match\n"))
                .with_output(&asked(&["-j", "NO"]), says(2, "Couldn't load target `NO'\n"))
                .with_output(&asked(&["-j", "LOG"]), says(1, "iptables: Bad rule (does a match\n"))
                .with_output(&[program, "-t", "filter", "-S", "X"], says(0, ""))
                .with_output(
                    &[program, "-t", "filter", "-C", "Y", "-j", "LOG"],
                    says(1, "iptables: Bad rule (does a match\n"),
                )
                .with_output(
                    &[program, "-t", "filter", "-S", "Y"],
                    says(1, "iptables: No chain/target/match\n"),
                )
        };
        for (arguments, expected) in [
            (json!({"chain": "X", "jump": "DROP"}), Err("iptables: No chain/target/match")),
            (json!({"chain": "X", "jump": "DROP", "state": "absent"}), Ok(0)),
            (
                json!({"chain": "X", "jump": "NO", "action": "insert"}),
                Err("Couldn't load target `NO'"),
            ),
            (json!({"chain": "X", "jump": "LOG"}), Ok(1)),
            (json!({"chain": "Y", "jump": "LOG"}), Err("iptables: No chain/target/match")),
        ] {
            let given = params(&arguments);
            let observed = Iptables::observe(&given, &mut host());
            let found = observed.map(|observed| Iptables::plan(&given, &observed).unwrap());
            let found = found.map(|plan| plan.effects.len()).map_err(|stop| stop.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{arguments}");
        }
    }

    #[test]
    fn the_policy_is_read() {
        assert_eq!(policy("Chain INPUT (policy DROP)\n").as_deref(), Some("DROP"));
        assert_eq!(policy("Chain X (1 references)\n"), None);
    }
}
